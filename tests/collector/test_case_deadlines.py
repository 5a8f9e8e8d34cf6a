"""When time is up: hours, working hours, rest days, leave, standstills, changes of the clock."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zaigang_collector.attendance.calendars import OwnCalendar, look_up
from zaigang_collector.attendance.patterns import parse
from zaigang_collector.attendance.planning import PlannedDay, days_between, planned_day
from zaigang_collector.cases.deadlines import (
    HOUR_MS,
    Counting,
    Span,
    counting,
    due_ms,
    joined,
    minus,
    reminder_ms,
)
from zaigang_collector.cases.policy import Policy, default_policy, document, load_policy
from zaigang_collector.errors import ConfigError

POLICY = default_policy()
SHANGHAI, NEW_YORK = ZoneInfo("Asia/Shanghai"), ZoneInfo("America/New_York")
WEEK = parse("Mon-Fri 09:00-18:00")
WORKING = dataclasses.replace(POLICY, working_hours_only=True)
SKIPPING = dataclasses.replace(POLICY, skip_rest_days=True)


def ms(text: str, zone: ZoneInfo = SHANGHAI) -> int:
    return int(dt.datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000)


def days(first: str, last: str, zone: ZoneInfo = SHANGHAI) -> list[PlannedDay]:
    """As the State Council and a week of five days have them."""
    none = OwnCalendar()
    return [
        planned_day(day, zone, look_up(day, zone.key, none, none), WEEK)
        for day in days_between(dt.date.fromisoformat(first), dt.date.fromisoformat(last))
    ]


def due(
    policy: Policy,
    start: str,
    planned: list[PlannedDay],
    leave: tuple[Span, ...] = (),
    standstill: tuple[Span, ...] = (),
    zone: ZoneInfo = SHANGHAI,
) -> str | None:
    start_ms = ms(start, zone)
    horizon_ms = start_ms + 120 * 24 * HOUR_MS
    which = counting(policy, planned, leave, standstill, start_ms, horizon_ms)
    found = due_ms(start_ms, POLICY.reply_h * HOUR_MS, which)
    if found is None:
        return None
    return dt.datetime.fromtimestamp(found / 1000, zone).strftime("%Y-%m-%d %H:%M")


def test_a_day_is_a_day_by_default() -> None:
    assert due(POLICY, "2026-11-27 17:30", []) == "2026-11-28 17:30"


def test_working_hours_are_those_of_the_persons_shift() -> None:
    """Half an hour of Friday, nine hours of Monday and of Tuesday, the rest of Wednesday."""
    planned = days("2026-11-25", "2026-12-10")
    assert due(WORKING, "2026-11-27 17:30", planned) == "2026-12-02 14:30"
    assert due(WORKING, "2026-11-27 03:00", planned) == "2026-12-01 15:00"


def test_rest_days_are_skipped_with_statutory_holidays_and_make_up_workdays() -> None:
    """From before the National Day holiday of 2026 (1 to 7 October) to after it, and the Saturday
    that is worked for it counts."""
    planned = days("2026-09-28", "2026-10-20")
    assert due(SKIPPING, "2026-09-30 18:00", planned) == "2026-10-08 18:00"
    assert due(SKIPPING, "2026-10-09 18:00", planned) == "2026-10-10 18:00"  # worked, a Saturday
    assert due(SKIPPING, "2026-10-10 18:00", planned) == "2026-10-12 18:00"


def test_a_year_without_holiday_data_ends_no_deadline() -> None:
    planned = days("2031-03-01", "2031-06-30")
    assert due(SKIPPING, "2031-03-03 10:00", planned) is None
    assert due(WORKING, "2031-03-03 10:00", planned) is None
    assert due(POLICY, "2031-03-03 10:00", planned) == "2031-03-04 10:00"


def test_somebody_without_hours_has_no_working_hours_to_run_out_of() -> None:
    assert due(WORKING, "2026-11-27 17:30", []) is None


def test_leave_and_standstills_do_not_count_and_count_once_where_they_overlap() -> None:
    leave = (Span(ms("2026-11-28 00:00"), ms("2026-11-29 00:00")),)
    stood = (Span(ms("2026-11-28 22:00"), ms("2026-11-29 02:00")),)
    assert due(POLICY, "2026-11-27 10:00", [], leave) == "2026-11-29 10:00"
    assert due(POLICY, "2026-11-27 10:00", [], leave, stood) == "2026-11-29 12:00"
    after = (Span(ms("2026-11-28 10:00"), ms("2026-11-30 10:00")),)
    assert due(POLICY, "2026-11-27 10:00", [], after) == "2026-11-28 10:00"


def test_somebody_on_leave_when_it_arrives_has_the_whole_time_afterwards() -> None:
    leave = (Span(ms("2026-11-20 00:00"), ms("2026-12-01 09:00")),)
    assert due(POLICY, "2026-11-27 10:00", [], leave) == "2026-12-02 09:00"


def test_twenty_four_hours_are_twenty_four_hours_when_summer_time_ends() -> None:
    """1 November 2026 has 25 hours in New York."""
    assert due(POLICY, "2026-10-31 18:00", [], zone=NEW_YORK) == "2026-11-01 17:00"


spans = st.lists(
    st.tuples(st.integers(0, 400), st.integers(0, 60)).map(lambda it: Span(it[0], it[0] + it[1])),
    max_size=8,
)


@given(spans, spans)
def test_what_is_left_is_what_is_in_one_and_not_in_the_other(
    whole: list[Span], holes: list[Span]
) -> None:
    left = minus(whole, holes)
    inside = {at for one in whole for at in range(one.from_ms, one.to_ms)}
    outside = {at for one in holes for at in range(one.from_ms, one.to_ms)}
    assert [at for one in left for at in range(one.from_ms, one.to_ms)] == sorted(inside - outside)
    assert list(left) == list(joined(left))


@given(st.integers(0, 400), st.integers(1, 200), spans, spans, spans)
def test_a_deadline_gives_the_whole_time_and_more_holes_never_make_it_earlier(
    start: int, allowance: int, within: list[Span], holes: list[Span], more: list[Span]
) -> None:
    counted = Counting(tuple(within), tuple(holes))
    found = due_ms(start, allowance, counted)
    given_ms = {at for one in counted.spans() for at in range(max(one.from_ms, start), one.to_ms)}
    if found is None:
        assert len(given_ms) < allowance
    else:
        assert len([at for at in given_ms if at < found]) == allowance
    later = due_ms(start, allowance, Counting(tuple(within), (*holes, *more)))
    assert later is None or (found is not None and later >= found)


@given(st.integers(0, 10**9), st.integers(1, 10**9))
def test_a_reminder_comes_before_the_end_and_not_before_half_of_the_time(
    start: int, length: int
) -> None:
    at = reminder_ms(start, start + length, POLICY)
    assert start + length // 2 <= at < start + length


def test_the_policy_that_comes_with_the_program_reads_and_has_a_hash() -> None:
    assert load_policy(document(), "x") == POLICY
    reworded = load_policy(document().replace('"A day to explain', '"One day to explain'), "x")
    assert reworded.hash() == POLICY.hash()
    assert dataclasses.replace(POLICY, appeal_h=5).hash() != POLICY.hash()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("version = 1", "version = 0", "version"),
        ("[reply_h]", "[answer_h]", "missing: reply_h; unknown: answer_h"),
        ("value = 24", "value = 0", "reply_h"),
        ("value = 24", "value = 24.5", "reply_h"),
        ("value = 24", "value = 4", "reminder_h is 4 and reply_h 4"),
        (
            "[four_eyes]\nvalue = true",
            "[four_eyes]\nvalue = 1",
            "four_eyes: expected true or false",
        ),
        ("[no_reply_is_default]\nvalue = false", "[no_reply_is_default]\nvalue = true", "title"),
        ("value = 10\nunit", "value = 30\nunit", "pay_share_pct"),
        ("[reply_h]", "[reply_h", "not TOML"),
        ('smaller = "A leave of a week needs several requests."\n', "", "extension_most_h"),
    ],
)
def test_a_policy_that_does_not_hold_is_refused_with_its_entry(
    old: str, new: str, says: str
) -> None:
    assert old in document()
    with pytest.raises(ConfigError, match=re.escape(says)):
        load_policy(document().replace(old, new, 1), "here.toml")
