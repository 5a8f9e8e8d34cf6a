"""Pairing of punches: the classic failures of attendance systems, one row each."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zaigang_collector.attendance.intervals import Interval, Paired, Punch, Why, pair
from zaigang_collector.attendance.model import Direction

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")


@dataclass(frozen=True)
class Shift:
    weekday: int
    from_min: int
    to_min: int


DAY = [Shift(day, 9 * 60, 18 * 60) for day in range(5)]
NIGHT = [Shift(day, 22 * 60, 30 * 60) for day in range(7)]
SPLIT = [Shift(day, *span) for day in range(5) for span in ((540, 720), (780, 1080))]
OVERLAPPING = [Shift(0, 540, 1080), Shift(0, 600, 1140)]


def at(text: str, zone: ZoneInfo = SHANGHAI) -> int:
    """`21 09:00` is in September 2026; the 21st is a Monday."""
    moment = datetime.strptime(f"2026-09-{text}", "%Y-%m-%d %H:%M").replace(tzinfo=zone)
    return int(moment.timestamp() * 1000)


def punch(text: str, zone: ZoneInfo = SHANGHAI) -> Punch:
    """`in 21 09:00 A`"""
    direction, day, minute, site = text.split()
    return Punch(text, at(f"{day} {minute}", zone), Direction(direction), site)


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


_PUNCH = st.builds(
    lambda minute, direction, site, number: Punch(
        f"p{number}", at("21 00:00") + minute * 60_000, direction, site
    ),
    st.integers(0, 5 * 1440),
    st.sampled_from(list(Direction)),
    st.sampled_from("AB"),
    st.integers(0, 10_000),
)


@given(st.lists(_PUNCH, max_size=12, unique_by=lambda p: p.id), st.randoms(use_true_random=False))
def test_the_order_of_arrival_never_matters_and_no_punch_is_lost(punches, random) -> None:  # type: ignore[no-untyped-def]  # hypothesis hands in its own Random
    paired = pair(punches, DAY, SHANGHAI)
    shuffled = list(punches)
    random.shuffle(shuffled)
    assert pair(shuffled, DAY, SHANGHAI) == paired
    used = [name for interval in paired.intervals for name in interval.punch_ids]
    told = [left.punch_id for left in paired.left_over]
    assert sorted(used + told) == sorted(p.id for p in punches)


@given(st.lists(_PUNCH, max_size=12, unique_by=lambda p: p.id))
def test_intervals_are_in_order_and_never_overlap(punches: list[Punch]) -> None:
    intervals = pair(punches, DAY, SHANGHAI).intervals
    assert all(interval.start_ms <= interval.end_ms for interval in intervals)
    for earlier, later in itertools.pairwise(intervals):
        assert earlier.end_ms <= later.start_ms
