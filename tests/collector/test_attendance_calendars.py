"""What a day is, by whose word; and calendars from files."""

from __future__ import annotations

import datetime as dt

import chinese_calendar
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from zaigang_collector.attendance import icalendar_import
from zaigang_collector.attendance.calendars import (
    CalendarDay,
    Meaning,
    Origin,
    OwnCalendar,
    Rule,
    SetDay,
    look_up,
)
from zaigang_collector.errors import CsvError

NOTHING = OwnCalendar()
SHANGHAI = "Asia/Shanghai"
NATIONAL_DAY = dt.date(2026, 10, 1)


def ics(*events: str) -> bytes:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0"]
    for event in events:
        lines += ["BEGIN:VEVENT", *event.split("|"), "END:VEVENT"]
    return "\r\n".join([*lines, "END:VCALENDAR", ""]).encode()


WHOLE = "DTSTART;VALUE=DATE:20270208"


@pytest.mark.parametrize(
    ("day", "meaning", "zh", "en"),
    [
        (NATIONAL_DAY, Meaning.DAY_OFF, "国庆节", "National Day"),
        (dt.date(2026, 9, 20), Meaning.WORKDAY, "国庆节", "National Day"),
        (dt.date(2026, 9, 21), Meaning.USUAL, "", ""),
        (dt.date(2026, 9, 19), Meaning.USUAL, "", ""),  # a Saturday like any other
    ],
)
def test_the_state_councils_days(day: dt.date, meaning: Meaning, zh: str, en: str) -> None:
    assert look_up(day, SHANGHAI, NOTHING, NOTHING) == CalendarDay(
        meaning, Origin.STATUTORY, zh, en
    )


def test_every_day_of_the_known_years_agrees_with_the_library() -> None:
    """Over all days from 2024 to 2026: work on Monday to Friday but for holidays, and make-up days."""
    day = dt.date(2024, 1, 1)
    while day.year < 2027:
        found = look_up(day, SHANGHAI, NOTHING, NOTHING).meaning
        is_worked = found is Meaning.WORKDAY or (found is Meaning.USUAL and day.weekday() < 5)
        assert is_worked is chinese_calendar.is_workday(day), day
        day += dt.timedelta(days=1)


@pytest.mark.parametrize("year", [2003, 2027, 2090])
def test_a_year_without_data_is_unknown_and_never_guessed(year: int) -> None:
    for month in (1, 5, 10):
        found = look_up(dt.date(year, month, 1), SHANGHAI, NOTHING, NOTHING)
        assert (found.meaning, found.origin) == (Meaning.UNKNOWN, Origin.NO_DATA_FOR_YEAR)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Hong_Kong", "Asia/Taipei", "Asia/Macau"])
def test_mainland_holidays_hold_nowhere_else(zone: str) -> None:
    found = look_up(NATIONAL_DAY, zone, NOTHING, NOTHING)
    assert (found.meaning, found.origin) == (Meaning.UNKNOWN, Origin.NO_CALENDAR)


def test_the_site_goes_before_the_company_and_that_before_the_state_council() -> None:
    company = OwnCalendar({NATIONAL_DAY: SetDay(Rule.WORKDAY, "盘点")})
    site = OwnCalendar({NATIONAL_DAY: SetDay(Rule.USUAL, "")})
    assert look_up(NATIONAL_DAY, SHANGHAI, NOTHING, company).meaning is Meaning.WORKDAY
    assert look_up(NATIONAL_DAY, SHANGHAI, site, company).meaning is Meaning.USUAL


def test_a_year_that_a_site_gave_whole_is_the_sites_alone() -> None:
    company = OwnCalendar({NATIONAL_DAY: SetDay(Rule.DAY_OFF, "")})
    site = OwnCalendar({}, frozenset({2026}))
    found = look_up(NATIONAL_DAY, SHANGHAI, site, company)
    assert (found.meaning, found.origin) == (Meaning.USUAL, Origin.SITE)


def test_an_icalendar_file_says_days_off_and_make_up_days() -> None:
    days = icalendar_import.read(
        ics(
            WHOLE + "|DTEND;VALUE=DATE:20270211|SUMMARY:春节（休）",
            "DTSTART;VALUE=DATE:20270220|SUMMARY:春节（班）",
            "DTSTART;VALUE=DATE:20270227|DURATION:P1D|SUMMARY:调休上班",
            "DTSTART;VALUE=DATE:20270228|STATUS:CANCELLED|SUMMARY:放假",
        )
    )
    off = SetDay(Rule.DAY_OFF, "春节（休）")
    assert days == {
        dt.date(2027, 2, 8): off,
        dt.date(2027, 2, 9): off,
        dt.date(2027, 2, 10): off,
        dt.date(2027, 2, 20): SetDay(Rule.WORKDAY, "春节（班）"),
        dt.date(2027, 2, 27): SetDay(Rule.WORKDAY, "调休上班"),
    }


def test_what_the_other_days_are_can_be_said() -> None:
    data = ics(WHOLE + "|SUMMARY:Tag der Arbeit")
    assert icalendar_import.read(data, Rule.DAY_OFF) == {
        dt.date(2027, 2, 8): SetDay(Rule.DAY_OFF, "Tag der Arbeit")
    }


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (WHOLE + "|SUMMARY:立春", "补班, 上班, workday"),
        (WHOLE + "|SUMMARY:不上班吗|DTEND;VALUE=DATE:20270208", "an end after the beginning"),
        ("DTSTART:20270208T090000|SUMMARY:放假", "VALUE=DATE"),
        ("DTSTART;VALUE=DATE:202702|SUMMARY:放假", "VALUE=DATE"),
        (WHOLE + "|SUMMARY:放假|RRULE:FREQ=YEARLY", "no repetition"),
        (WHOLE + "|SUMMARY:放假|DTEND;VALUE=DATE:20280101", "at most 62 days"),
        (WHOLE + "|DURATION:PT3H|SUMMARY:放假", "whole days"),
        (WHOLE, "SUMMARY with the reason"),
        ("SUMMARY:放假", "DTSTART as a whole day"),
        (WHOLE + "|SUMMARY:放假|no colon", "lines that can be read"),
    ],
)
def test_what_is_not_understood_is_refused_with_what_was_expected(event: str, told: str) -> None:
    with pytest.raises(CsvError, match=told):
        icalendar_import.read(ics(event))


def test_a_day_that_is_both_is_refused() -> None:
    with pytest.raises(CsvError, match="each day once"):
        icalendar_import.read(ics(WHOLE + "|SUMMARY:放假", WHOLE + "|SUMMARY:补班"))


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(CsvError) as caught:
        icalendar_import.read(ics(WHOLE, WHOLE + "|SUMMARY:放假", "SUMMARY:放假"))
    assert [problem.line for problem in caught.value.problems] == [3, 10]


@pytest.mark.parametrize("data", [b"", b"hello", b"\xff\xfe\x00", ics()])
def test_a_file_without_days_is_refused(data: bytes) -> None:
    with pytest.raises(CsvError):
        icalendar_import.read(data)


_LINE = st.sampled_from(
    [
        b"BEGIN:VCALENDAR",
        b"END:VCALENDAR",
        b"BEGIN:VEVENT",
        b"END:VEVENT",
        b"BEGIN:VTIMEZONE",
        b"END:VTIMEZONE",
        b"DTSTART;VALUE=DATE:20270208",
        b"DTSTART;VALUE=DATE:00010101",
        b"DURATION:-P5D",
        b"DTSTART;TZID=Nowhere/Else:20270208T000000",
        b"DTEND;VALUE=DATE:99999999",
        b"DTSTART:19700101T000000Z",
        b"DURATION:P999999999D",
        b"RDATE:x",
        b"RRULE:FREQ=",
        b"SUMMARY:\xe6\x94\xbe\xe5\x81\x87",
        b"SUMMARY;X=\xff:a",
        b"TZID:x",
        b" folded",
        b"",
    ]
)


def _wrapped(lines: list[bytes]) -> bytes:
    """Within an event, as nothing else gets past the library."""
    begin, end = b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT", b"END:VEVENT\r\nEND:VCALENDAR"
    return b"\r\n".join([begin, *lines, end])


@given(
    st.one_of(
        st.binary(max_size=200),
        st.lists(_LINE, max_size=12).map(b"\r\n".join),
        st.lists(_LINE, max_size=6).map(_wrapped),
    )
)
@example(_wrapped([b"DURATION:-P5D", b"SUMMARY:off", b"DTSTART;VALUE=DATE:00010101"]))
def test_any_bytes_are_days_or_our_own_error(data: bytes) -> None:
    try:
        days = icalendar_import.read(data)
    except CsvError:
        return
    assert days
