"""Pairing of punches: the classic failures of attendance systems, one row each."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zaigang_collector.attendance import intervals as pairing
from zaigang_collector.attendance.intervals import (
    AT_MOST_MS,
    Ended,
    Interval,
    Paired,
    Punch,
    Role,
    Why,
)
from zaigang_collector.attendance.model import Direction
from zaigang_collector.attendance.planning import Stretch, days_between, stretches_on
from zaigang_shared.device_config import Shift

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")


DAY = [Shift(day, 9 * 60, 18 * 60) for day in range(5)]
NIGHT = [Shift(day, 22 * 60, 30 * 60) for day in range(7)]
SPLIT = [Shift(day, *span) for day in range(5) for span in ((540, 720), (780, 1080))]
LONG = [Shift(day, 9 * 60, 33 * 60) for day in (0, 3)]
OVERLAPPING = [Shift(0, 540, 1080), Shift(0, 600, 1140)]


def at(text: str, zone: ZoneInfo = SHANGHAI) -> int:
    """`21 09:00` is in September 2026; the 21st is a Monday."""
    moment = datetime.strptime(f"2026-09-{text}", "%Y-%m-%d %H:%M").replace(tzinfo=zone)
    return int(moment.timestamp() * 1000)


def planned(shifts: Sequence[Shift], zone: ZoneInfo = SHANGHAI) -> list[Stretch]:
    """The shifts on the days from September to November 2026."""
    days = days_between(date(2026, 9, 1), date(2026, 11, 10))
    return [
        one
        for day in days
        for one in stretches_on(day, [x for x in shifts if x.weekday == day.weekday()], zone)
    ]


def pair(punches: Sequence[Punch], shifts: Sequence[Shift], zone: ZoneInfo) -> Paired:
    return pairing.pair(punches, planned(shifts, zone), zone)


def punch(text: str, zone: ZoneInfo = SHANGHAI) -> Punch:
    """`in 21 09:00 A`; with `fixed` behind it somebody corrected it."""
    direction, day, minute, site, *fixed = text.split()
    return Punch(text, at(f"{day} {minute}", zone), Direction(direction), site, bool(fixed))


def shown(paired: Paired, zone: ZoneInfo = SHANGHAI) -> list[str]:
    def local(at_ms: int) -> str:
        return datetime.fromtimestamp(at_ms / 1000, zone).strftime("%d %H:%M")

    def line(interval: Interval) -> str:
        end = "claimed" if interval.end_is_claimed else "shift"
        return f"{interval.site_id} {local(interval.start_ms)} - {local(interval.end_ms)} {end}"

    return [line(interval) for interval in paired.intervals]


CASES = {
    "an ordinary day": (
        DAY,
        ["in 21 08:55 A", "out 21 18:05 A"],
        ["A 21 08:55 - 21 18:05 claimed"],
    ),
    "a forgotten out-punch ends with the shift": (
        DAY,
        ["in 21 08:55 A"],
        ["A 21 08:55 - 21 18:00 shift"],
    ),
    "an out-punch after midnight belongs to the evening before": (
        DAY,
        ["in 21 09:00 A", "out 22 00:40 A", "in 22 09:30 A", "out 22 18:00 A"],
        ["A 21 09:00 - 22 00:40 claimed", "A 22 09:30 - 22 18:00 claimed"],
    ),
    "a night shift crosses midnight": (
        NIGHT,
        ["in 21 21:50 A", "out 22 06:05 A"],
        ["A 21 21:50 - 22 06:05 claimed"],
    ),
    "a night shift without an out-punch ends next morning": (
        NIGHT,
        ["in 21 22:10 A"],
        ["A 21 22:10 - 22 06:00 shift"],
    ),
    "coming after midnight into a running night shift": (
        NIGHT,
        ["in 22 01:00 A"],
        ["A 22 01:00 - 22 06:00 shift"],
    ),
    "a repeated in-punch does not cut the day": (
        DAY,
        ["in 21 08:55 A", "in 21 08:56 A", "in 21 13:00 A", "out 21 18:00 A"],
        ["A 21 08:55 - 21 18:00 claimed"],
    ),
    "moving to another site ends the first interval": (
        DAY,
        ["in 21 09:00 A", "in 21 14:00 B", "out 21 18:00 B"],
        ["A 21 09:00 - 21 14:00 shift", "B 21 14:00 - 21 18:00 claimed"],
    ),
    "lunch outside with punches makes two intervals": (
        DAY,
        ["in 21 09:00 A", "out 21 12:00 A", "in 21 13:00 A", "out 21 18:00 A"],
        ["A 21 09:00 - 21 12:00 claimed", "A 21 13:00 - 21 18:00 claimed"],
    ),
    "a forgotten out is not paired with the next day's": (
        DAY,
        ["in 21 09:00 A", "out 22 18:00 A"],
        ["A 21 09:00 - 21 18:00 shift"],
    ),
    "two days without out-punches are two days": (
        DAY,
        ["in 21 09:00 A", "in 22 09:00 A"],
        ["A 21 09:00 - 21 18:00 shift", "A 22 09:00 - 22 18:00 shift"],
    ),
    "each half of a split shift can be punched in to": (
        SPLIT,
        ["in 21 09:00 A", "in 21 12:55 A"],
        ["A 21 09:00 - 21 12:00 shift", "A 21 12:55 - 21 18:00 shift"],
    ),
    "of two overlapping shifts the one that ends first holds": (
        OVERLAPPING,
        ["in 21 09:50 A"],
        ["A 21 09:50 - 21 18:00 shift"],
    ),
    "who comes when both of two overlapping shifts are under way comes for the later": (
        OVERLAPPING,
        ["in 21 10:05 A"],
        ["A 21 10:05 - 21 19:00 shift"],
    ),
    "each of two overlapping shifts is paired with its own in-punch": (
        OVERLAPPING,
        ["in 21 08:55 A", "in 21 09:50 A"],
        ["A 21 08:55 - 21 09:50 shift", "A 21 09:50 - 21 19:00 shift"],
    ),
    "an out within minutes of an out is the same departure": (
        DAY,
        ["in 21 09:00 A", "out 21 18:00 A", "out 21 18:09 A"],
        ["A 21 09:00 - 21 18:09 claimed"],
    ),
    "an out hours after an out is not": (
        DAY,
        ["in 21 09:00 A", "out 21 12:00 A", "out 21 18:00 A"],
        ["A 21 09:00 - 21 12:00 claimed"],
    ),
    "a duty of twenty-four hours is paired with its out": (
        LONG,
        ["in 21 08:50 A", "out 22 09:10 A"],
        ["A 21 08:50 - 22 09:10 claimed"],
    ),
    "a corrected in-punch stands in for a later one": (
        DAY,
        ["in 21 09:20 A", "in 21 09:00 A fixed", "out 21 18:00 A"],
        ["A 21 09:00 - 21 18:00 claimed"],
    ),
    "and for an earlier one": (
        DAY,
        ["in 21 08:20 A", "in 21 09:00 A fixed", "out 21 18:00 A"],
        ["A 21 09:00 - 21 18:00 claimed"],
    ),
    "a corrected out-punch stands in for the person's own": (
        DAY,
        ["in 21 09:00 A", "out 21 17:00 A", "out 21 18:00 A fixed"],
        ["A 21 09:00 - 21 18:00 claimed"],
    ),
    "a corrected out-punch that was forgotten is added": (
        DAY,
        ["in 21 09:00 A", "out 21 12:00 A", "in 21 13:00 A", "out 21 18:30 A fixed"],
        ["A 21 09:00 - 21 12:00 claimed", "A 21 13:00 - 21 18:30 claimed"],
    ),
    "a correction of the afternoon does not swallow the morning": (
        SPLIT,
        ["in 21 09:00 A", "in 21 13:00 A fixed", "out 21 18:00 A"],
        ["A 21 09:00 - 21 12:00 shift", "A 21 13:00 - 21 18:00 claimed"],
    ),
    "a day off with both punches is an interval": (
        DAY,
        ["in 26 10:00 A", "out 26 15:00 A"],
        ["A 26 10:00 - 26 15:00 claimed"],
    ),
    "a day off without an out-punch is not guessed": (DAY, ["in 26 10:00 A"], []),
    "an in-punch after the shift is over is not stretched to the next one": (
        DAY,
        ["in 21 19:00 A"],
        [],
    ),
    "without any shift, moving on within the day is an end": (
        [],
        ["in 21 09:00 A", "in 21 11:00 B", "out 21 12:00 B"],
        ["A 21 09:00 - 21 11:00 shift", "B 21 11:00 - 21 12:00 claimed"],
    ),
    "without any shift, the next morning is not an end": (
        [],
        ["in 21 14:00 A", "in 22 09:00 B", "out 22 10:00 B"],
        ["B 22 09:00 - 22 10:00 claimed"],
    ),
    "out and in at the same moment: one interval ends, the next begins": (
        DAY,
        ["in 21 09:00 A", "out 21 12:00 A", "in 21 12:00 B", "out 21 18:00 B"],
        ["A 21 09:00 - 21 12:00 claimed", "B 21 12:00 - 21 18:00 claimed"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_table_of_days(name: str) -> None:
    shifts, punches, expected = CASES[name]
    assert shown(pair([punch(text) for text in punches], shifts, SHANGHAI)) == expected


def test_an_out_punch_without_an_in_is_left_over_and_told() -> None:
    paired = pair([punch("out 21 18:00 A")], DAY, SHANGHAI)
    assert paired.intervals == ()
    assert [left.why for left in paired.left_over] == [Why.NO_IN]


def test_a_punch_that_no_shift_can_end_is_left_over_and_told() -> None:
    paired = pair([punch("in 26 10:00 A")], DAY, SHANGHAI)
    assert [left.why for left in paired.left_over] == [Why.NO_SHIFT]


def test_the_shift_is_read_in_its_own_zone() -> None:
    here = pair([punch("in 21 09:00 A", BERLIN)], DAY, BERLIN)
    assert shown(here, BERLIN) == ["A 21 09:00 - 21 18:00 shift"]


def test_a_night_with_the_clock_change_ends_at_the_wall_clock_time() -> None:
    began = datetime(2026, 10, 24, 22, 0, tzinfo=BERLIN)  # summer time ends on the 25th, 03:00
    first = Punch("x", int(began.timestamp() * 1000), Direction.IN, "A")
    (interval,) = pair([first], NIGHT, BERLIN).intervals
    assert interval.end_ms - interval.start_ms == 9 * 3_600_000


def test_an_out_punch_that_comes_too_late_is_told_apart() -> None:
    paired = pair([punch("in 21 09:00 A"), punch("out 22 18:00 A")], DAY, SHANGHAI)
    assert [(left.punch_id, left.why) for left in paired.left_over] == [
        ("out 22 18:00 A", Why.TOO_LATE)
    ]


def test_a_replaced_punch_outside_the_interval_is_left_over_as_replaced() -> None:
    texts = ["in 21 08:20 A", "in 21 09:00 A fixed", "out 21 18:00 A"]
    paired = pair([punch(text) for text in texts], DAY, SHANGHAI)
    assert [left.why for left in paired.left_over] == [Why.REPLACED]


def test_each_punch_of_an_interval_says_what_it_is_to_it() -> None:
    texts = ["in 21 09:00 A", "in 21 09:02 A", "out 21 18:00 A", "out 21 18:01 A"]
    (interval,) = pair([punch(text) for text in texts], DAY, SHANGHAI).intervals
    assert interval.roles == (Role.OPENED, Role.REPEATED, Role.LEFT_EARLIER, Role.LEFT)
    assert (interval.ended, interval.day) == (Ended.OUT, date(2026, 9, 21))


_PUNCH = st.builds(
    lambda minute, direction, site, number, corrected: Punch(
        f"p{number}", at("21 00:00") + minute * 60_000, direction, site, corrected
    ),
    st.integers(0, 5 * 1440),
    st.sampled_from(list(Direction)),
    st.sampled_from("AB"),
    st.integers(0, 10_000),
    st.booleans(),
)
_PUNCHES = st.lists(_PUNCH, max_size=14, unique_by=lambda p: p.id)
_ZONES = st.sampled_from([SHANGHAI, BERLIN, ZoneInfo("America/New_York")])
_HOURS = st.sampled_from([DAY, NIGHT, SPLIT, OVERLAPPING, LONG, []])


@given(_PUNCHES, _HOURS, _ZONES, st.randoms(use_true_random=False))
def test_the_order_of_arrival_never_matters_and_no_punch_is_lost_or_used_twice(  # type: ignore[no-untyped-def]  # hypothesis hands in its own Random
    punches, hours, zone, random
) -> None:
    paired = pair(punches, hours, zone)
    shuffled = list(punches)
    random.shuffle(shuffled)
    assert pair(shuffled, hours, zone) == paired
    used = [name for interval in paired.intervals for name in interval.punch_ids]
    told = [left.punch_id for left in paired.left_over]
    assert sorted(used + told) == sorted(p.id for p in punches)


@given(_PUNCHES, _HOURS, _ZONES)
def test_intervals_are_in_order_never_overlap_and_are_no_longer_than_allowed(
    punches: list[Punch], hours: list[Shift], zone: ZoneInfo
) -> None:
    paired = pair(punches, hours, zone)
    for interval in paired.intervals:
        assert 0 <= interval.end_ms - interval.start_ms <= AT_MOST_MS
        assert len(interval.roles) == len(interval.punch_ids)
        assert interval.roles[0] is Role.OPENED
        assert (interval.roles.count(Role.LEFT) == 1) is interval.end_is_claimed
    for earlier, later in itertools.pairwise(paired.intervals):
        assert earlier.end_ms <= later.start_ms


@given(_PUNCHES, _HOURS)
def test_a_punch_of_another_week_changes_nothing(punches: list[Punch], hours: list[Shift]) -> None:
    far = Punch("far", at("21 00:00") + 8 * 24 * 3_600_000, Direction.IN, "A")
    before, after = pair(punches, hours, SHANGHAI), pair([*punches, far], hours, SHANGHAI)
    kept = [one for one in after.intervals if "far" not in one.punch_ids]
    assert kept == list(before.intervals)
