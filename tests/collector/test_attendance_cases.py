"""The classic failures of attendance systems, one row each: from what is stored to how a day stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from tests.factories.attending import NOW_MS, ZONES, Attending, shown
from tests.fakes import database
from zaigang_collector.attendance import calendar_store, words
from zaigang_collector.attendance.calendar_store import COMPANY
from zaigang_collector.attendance.calendars import Rule
from zaigang_collector.attendance.days import Standing
from zaigang_collector.attendance.model import ExemptionKind, Kind
from zaigang_collector.attendance.planning import Because, Expected
from zaigang_collector.attendance.schedules import Scope

MONDAY, TUESDAY, SATURDAY = "2026-09-21", "2026-09-22", "2026-09-19"
MAKE_UP_SUNDAY, HOLIDAY = "2026-09-20", "2026-10-01"


@pytest.fixture
def here() -> Iterator[Attending]:
    with database.in_memory() as conn:
        yield Attending(conn)


@dataclass(frozen=True)
class Case:
    """What happened, and how `day` stands."""

    day: str
    expected: Expected
    standing: Standing
    intervals: list[str] = field(default_factory=list)
    because: Because = Because.WEEK
    punches: tuple[str, ...] = ()
    given: Sequence[Callable[[Attending], object]] = ()
    now: str = "2027-12-31 00:00"


def _two_sites(here: Attending) -> None:
    here.shift("day", "Mon-Fri 09:00-18:00", Scope.SITE, "hq")
    here.shift("late", "Mon-Fri 10:00-19:00", Scope.SITE, "berlin")
    here.works_at("berlin")


def _berlin_only(here: Attending) -> None:
    """E001's own zone is Shanghai; the department's hours are Berlin's, where the site is."""
    here.leaves("hq")
    here.works_at("berlin")
    here.shift("office", "Mon-Fri 09:00-18:00", Scope.DEPARTMENT, "delivery")
    calendar_store.declare_whole(here.conn, "berlin", 2026, NOW_MS, here.random)


def _night_in_berlin(here: Attending) -> None:
    _berlin_only(here)
    here.shift("night", "22:00-06:00")


CASES = {
    "an out-punch after midnight belongs to the evening before": Case(
        MONDAY,
        Expected.WORKDAY,
        Standing.CLAIMED,
        ["hq 21 09:00 - 22 00:40 out"],
        punches=(f"in {MONDAY} 09:00", f"out {TUESDAY} 00:40", f"in {TUESDAY} 09:30"),
    ),
    "and is not taken for the next day's": Case(
        TUESDAY,
        Expected.WORKDAY,
        Standing.CLAIMED,
        ["hq 22 09:30 - 22 18:00 out"],
        punches=(
            f"in {MONDAY} 09:00",
            f"out {TUESDAY} 00:40",
            f"in {TUESDAY} 09:30",
            f"out {TUESDAY} 18:00",
        ),
    ),
    "a day off without punches is a day off": Case(SATURDAY, Expected.DAY_OFF, Standing.OFF),
    "a day off without an out-punch is not guessed": Case(
        SATURDAY, Expected.DAY_OFF, Standing.OFF, punches=(f"in {SATURDAY} 10:00",)
    ),
    "somebody who came on a day off may still punch out": Case(
        SATURDAY,
        Expected.DAY_OFF,
        Standing.ONGOING,
        punches=(f"in {SATURDAY} 10:00",),
        now=f"{MAKE_UP_SUNDAY} 05:00",
    ),
    "a statutory holiday on a Thursday is off": Case(
        HOLIDAY, Expected.DAY_OFF, Standing.OFF, because=Because.CALENDAR
    ),
    "a make-up Sunday is a workday with the hours of the week": Case(
        MAKE_UP_SUNDAY,
        Expected.WORKDAY,
        Standing.CLAIMED,
        ["hq 20 08:55 - 20 18:00 shift"],
        because=Because.CALENDAR,
        punches=(f"in {MAKE_UP_SUNDAY} 08:55",),
    ),
    "a make-up Sunday without a claim was expected": Case(
        MAKE_UP_SUNDAY, Expected.WORKDAY, Standing.NO_CLAIM, because=Because.CALENDAR
    ),
    "whose week is not Monday to Friday is not told to make up": Case(
        MAKE_UP_SUNDAY,
        Expected.UNKNOWN,
        Standing.UNKNOWN,
        because=Because.WHOSE_DAY,
        given=[lambda here: here.shift("part", "Tue-Thu 09:00-18:00")],
    ),
    "a shift that goes on is not judged": Case(
        MONDAY,
        Expected.WORKDAY,
        Standing.ONGOING,
        ["hq 21 09:00 - 21 18:00 shift"],
        punches=(f"in {MONDAY} 09:00",),
        now=f"{MONDAY} 17:59",
    ),
    "a shift that did not begin is not judged": Case(
        MONDAY, Expected.WORKDAY, Standing.ONGOING, now=f"{MONDAY} 08:00"
    ),
    "a forgotten out-punch ends with the shift": Case(
        MONDAY,
        Expected.WORKDAY,
        Standing.CLAIMED,
        ["hq 21 09:00 - 21 18:00 shift"],
        punches=(f"in {MONDAY} 09:00",),
    ),
    "a working day without punches has no claim": Case(MONDAY, Expected.WORKDAY, Standing.NO_CLAIM),
    "each half of a split shift is claimed by itself": Case(
        MONDAY,
        Expected.WORKDAY,
        Standing.PARTLY_CLAIMED,
        ["hq 21 09:00 - 21 12:00 out"],
        punches=(f"in {MONDAY} 09:00", f"out {MONDAY} 12:00"),
        given=[lambda here: here.shift("split", "Mon-Fri 09:00-12:00 13:00-18:00")],
    ),
    "of two shifts one after the other each is paired with its own in-punch": Case(
        MONDAY,
        Expected.WORKDAY,
        Standing.CLAIMED,
        ["hq 21 08:55 - 21 16:55 moved_on", "hq 21 16:55 - 22 01:00 shift"],
        punches=(f"in {MONDAY} 08:55", f"in {MONDAY} 16:55"),
        given=[lambda here: here.shift("day", "Mon-Fri 09:00-17:00 17:00-01:00")],
    ),
    "flexible hours without an out-punch claim what was owed": Case(
        MONDAY,
        Expected.WORKDAY,
        Standing.CLAIMED,
        ["hq 21 09:40 - 21 17:40 shift"],
        punches=(f"in {MONDAY} 09:40",),
        given=[
            lambda here: here.shift("flex", "flexible Mon-Fri 07:00-21:00 core 10:00-16:00 min 8h")
        ],
    ),
    "of flexible hours the minimum can go on after the core": Case(
        MONDAY,
        Expected.WORKDAY,
        Standing.ONGOING,
        ["hq 21 12:00 - 21 20:00 shift"],
        punches=(f"in {MONDAY} 12:00",),
        given=[
            lambda here: here.shift("flex", "flexible Mon-Fri 07:00-21:00 core 10:00-16:00 min 8h")
        ],
        now=f"{MONDAY} 20:00",
    ),
    "a roster goes before a holiday": Case(
        HOLIDAY,
        Expected.WORKDAY,
        Standing.CLAIMED,
        ["hq 01 21:55 - 02 06:00 shift"],
        because=Because.ROSTER,
        punches=(f"in {HOLIDAY} 21:55",),
        given=[
            lambda here: here.shift("night", "22:00-06:00"),
            lambda here: here.rostered(HOLIDAY, "night"),
        ],
    ),
    "a roster's day off goes before the week": Case(
        MONDAY,
        Expected.DAY_OFF,
        Standing.OFF,
        because=Because.ROSTER_OFF,
        given=[lambda here: here.rostered(MONDAY, None)],
    ),
    "the hours are the site's, not those of whoever looks": Case(
        MONDAY,
        Expected.WORKDAY,
        Standing.CLAIMED,
        ["berlin 21 09:05 - 21 18:00 shift"],
        punches=(f"in {MONDAY} 09:05",),
        given=[_berlin_only],
    ),
    "at each of two sites its own hours hold": Case(
        MONDAY,
        Expected.UNKNOWN,  # Berlin's holidays are not known
        Standing.CLAIMED,
        ["berlin 21 10:00 - 21 19:00 shift"],
        because=Because.SITES_DISAGREE,
        punches=(f"in {MONDAY} 10:00",),
        given=[_two_sites],
    ),
    "a year without holiday data is unknown, and nobody is missing": Case(
        "2027-03-02", Expected.UNKNOWN, Standing.UNKNOWN, because=Because.NO_CALENDAR
    ),
    "who punched in it claims all the same": Case(
        "2027-03-02",
        Expected.UNKNOWN,
        Standing.CLAIMED,
        ["hq 02 09:00 - 02 18:00 shift"],
        because=Because.NO_CALENDAR,
        punches=("in 2027-03-02 09:00",),
    ),
    "a place whose holidays nobody gave is unknown": Case(
        MONDAY,
        Expected.UNKNOWN,
        Standing.UNKNOWN,
        because=Because.NO_CALENDAR,
        given=[lambda here: here.leaves("hq"), lambda here: here.works_at("berlin")],
    ),
    "the company's day goes before the State Council's": Case(
        HOLIDAY,
        Expected.WORKDAY,
        Standing.NO_CLAIM,
        because=Because.CALENDAR,
        given=[lambda here: here.calendar(HOLIDAY, Rule.WORKDAY)],
    ),
    "the site's day goes before the company's": Case(
        MONDAY,
        Expected.DAY_OFF,
        Standing.OFF,
        because=Because.CALENDAR,
        given=[
            lambda here: here.calendar(MONDAY, Rule.WORKDAY),
            lambda here: here.calendar(MONDAY, Rule.DAY_OFF, "hq"),
        ],
    ),
    "leave in the morning leaves the afternoon": Case(
        MONDAY,
        Expected.WORKDAY,
        Standing.NO_CLAIM,
        given=[lambda here: here.exempt(f"{MONDAY} 00:00", f"{MONDAY} 12:00")],
    ),
    "leave in the morning and a claim in the afternoon are a day": Case(
        MONDAY,
        Expected.WORKDAY,
        Standing.CLAIMED,
        ["hq 21 13:00 - 21 18:00 out"],
        punches=(f"in {MONDAY} 13:00", f"out {MONDAY} 18:00"),
        given=[
            lambda here: here.shift("split", "Mon-Fri 09:00-12:00 13:00-18:00"),
            lambda here: here.exempt(f"{MONDAY} 00:00", f"{MONDAY} 12:00"),
        ],
    ),
    "two exemptions that overlap cover the day together": Case(
        MONDAY,
        Expected.WORKDAY,
        Standing.EXEMPT,
        given=[
            lambda here: here.exempt(f"{MONDAY} 08:00", f"{MONDAY} 14:00"),
            lambda here: here.exempt(
                f"{MONDAY} 12:00", f"{MONDAY} 20:00", ExemptionKind.BUSINESS_TRIP, "2"
            ),
        ],
    ),
    "half a day of leave does not make an unknown day exempt": Case(
        "2027-03-02",
        Expected.UNKNOWN,
        Standing.UNKNOWN,
        because=Because.NO_CALENDAR,
        given=[lambda here: here.exempt("2027-03-02 00:00", "2027-03-02 12:00")],
    ),
    "a whole day of leave does": Case(
        "2027-03-02",
        Expected.UNKNOWN,
        Standing.EXEMPT,
        because=Because.NO_CALENDAR,
        given=[lambda here: here.exempt("2027-03-02 00:00", "2027-03-03 00:00")],
    ),
    "the night in which the clock goes back is an hour longer": Case(
        "2026-10-24",
        Expected.WORKDAY,
        Standing.CLAIMED,
        ["berlin 24 22:00 - 25 06:00 shift"],
        punches=("in 2026-10-24 22:00",),
        given=[_night_in_berlin],
    ),
    "pressed twice is one departure, the later one": Case(
        MONDAY,
        Expected.WORKDAY,
        Standing.CLAIMED,
        ["hq 21 09:00 - 21 18:03 out"],
        punches=(
            f"in {MONDAY} 09:00",
            f"in {MONDAY} 09:01",
            f"out {MONDAY} 18:00",
            f"out {MONDAY} 18:03",
        ),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_classic_failures(name: str, here: Attending) -> None:
    case = CASES[name]
    for step in case.given:
        step(here)
    here.punch(*case.punches)
    status = here.day(case.day, case.now)
    assert (status.planned.expected, status.planned.because) == (case.expected, case.because)
    assert status.standing is case.standing
    assert shown(status, ZONES[here.site]) == case.intervals


def test_the_night_of_the_clock_change_is_nine_hours_and_in_spring_seven(here: Attending) -> None:
    _night_in_berlin(here)
    here.punch("in 2026-10-24 22:00", "in 2026-03-28 22:00")
    lengths = [
        (one.end_ms - one.start_ms) / 3_600_000
        for day in ("2026-10-24", "2026-03-28")
        for one in here.day(day).intervals
    ]
    assert lengths == [9.0, 7.0]


def test_a_correction_stands_in_for_the_persons_own_punch_and_keeps_it(here: Attending) -> None:
    here.punch(f"in {MONDAY} 09:20", f"out {MONDAY} 17:30")
    here.punch(f"in {MONDAY} 09:00", f"out {MONDAY} 18:00", kind=Kind.CORRECTED_APPROVAL)
    status = here.day(MONDAY)
    assert shown(status, ZONES["hq"]) == ["hq 21 09:00 - 21 18:00 out"]
    (interval,) = status.intervals
    assert [role.value for role in interval.roles] == ["opened", "replaced", "replaced", "left"]


def test_a_missing_year_is_told_loudly_in_both_languages(here: Attending) -> None:
    told = words.expected(here.day("2027-03-02").planned)
    assert told.en == "no holiday data for 2027: import the company's calendar or update"
    assert told.zh == "没有 2027 年的节假日数据：请导入公司的日历，或更新程序"


def test_once_the_company_gave_its_whole_year_the_week_holds(here: Attending) -> None:
    calendar_store.declare_whole(here.conn, COMPANY, 2027, NOW_MS, here.random)
    here.calendar("2027-02-08", Rule.DAY_OFF, reason="春节")
    assert here.day("2027-03-02").planned.expected is Expected.WORKDAY
    assert here.day("2027-03-06").planned.expected is Expected.DAY_OFF
    assert words.expected(here.day("2027-02-08").planned).zh == "公司日历：休息日（春节）"


def test_no_word_of_ours_says_that_somebody_was_absent() -> None:
    told = [*words.STANDINGS.values(), *words.WHY.values(), *words.ENDED.values()]
    assert not [one for one in told if "缺勤" in one.zh and "不等于" not in one.zh]
    assert not [one for one in told if "absen" in one.en and "is not an absence" not in one.en]
    assert "absent" not in {one.value for one in Standing}
