"""From raw punches to attendance intervals. Pure.

    in  -> next out                        the interval that the person claims
    in  -> in, same site                   a repeated punch: it belongs to the open interval
    in  -> in, other site                  the person moved on: the first interval ends there
    in  -> nothing, or an out too late     ends with the shift, `end_is_claimed` False
    out -> without an open in              left over, never dropped silently

Punches are paired by time and never by calendar day, so that an out after midnight belongs to
the in of the evening. Days matter only to find the shift, and those are the shift's own zone's.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from zaigang_collector.attendance.model import Direction

# An out-punch this long after its in is somebody else's evening: the out of the day was forgotten
# and the next in too. Larger pairs Monday's in with Tuesday's out; smaller cuts a double shift.
LONGEST_MS: Final = 20 * 3_600_000
# How long before a shift an in-punch still belongs to it. Larger lets a punch after the end of the
# night shift open the next one; smaller loses who comes early.
EARLIEST_BEFORE_SHIFT_MS: Final = 4 * 3_600_000
_DAY_MIN: Final = 1440


class WorkingStretch(Protocol):
    """A shift on a weekday (0 Monday), minutes after local midnight; overnight ends after 1440."""

    @property
    def weekday(self) -> int: ...
    @property
    def from_min(self) -> int: ...
    @property
    def to_min(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Punch:
    """What pairing needs to know of one clock-in."""

    id: str
    at_ms: int
    direction: Direction
    site_id: str


@dataclass(frozen=True, slots=True)
class Interval:
    """Somebody says they were at `site_id` from `start_ms` to `end_ms` (UTC ms)."""

    site_id: str
    start_ms: int
    end_ms: int
    end_is_claimed: bool
    punch_ids: tuple[str, ...]
    """In order of time; the first one opened the interval and names it."""


class Why(enum.StrEnum):
    """Why a punch is part of no interval."""

    NO_IN = "out_without_in"
    NO_SHIFT = "no_shift_to_end_with"


@dataclass(frozen=True, slots=True)
class LeftOver:
    """A punch that makes no interval. Shown, never held against anybody."""

    punch_id: str
    why: Why


@dataclass(frozen=True, slots=True)
class Paired:
    """All that a person's punches come to."""

    intervals: tuple[Interval, ...]
    left_over: tuple[LeftOver, ...]


def pair(punches: Iterable[Punch], shifts: Sequence[WorkingStretch], zone: ZoneInfo) -> Paired:
    """Intervals of one person. The order of `punches` does not matter.

    `shifts` say when a day ends for those who did not punch out, in `zone`.
    """
    pairing = _Pairing(shifts, zone)
    for punch in sorted(punches, key=_in_order):
        pairing.take(punch)
    return pairing.finish()


class _Pairing:
    """Goes through punches in order of time, with at most one interval open."""

    def __init__(self, shifts: Sequence[WorkingStretch], zone: ZoneInfo) -> None:
        self._shifts = shifts
        self._zone = zone
        self._intervals: list[Interval] = []
        self._left_over: list[LeftOver] = []
        self._opened: Interval | None = None

    def take(self, punch: Punch) -> None:
        if self._opened is not None and punch.at_ms - self._opened.start_ms > LONGEST_MS:
            self._close_without_out(None)
        if punch.direction is Direction.IN:
            self._arrive(punch)
        else:
            self._leave(punch)

    def finish(self) -> Paired:
        self._close_without_out(None)
        return Paired(tuple(self._intervals), tuple(self._left_over))

    def _arrive(self, punch: Punch) -> None:
        opened = self._opened
        if opened is not None and punch.site_id == opened.site_id:
            first, again = (self._shift_end_ms(at_ms) for at_ms in (opened.start_ms, punch.at_ms))
            # In again for a later shift: the out of the first one was forgotten.
            if first is None or again is None or again <= first:
                self._opened = _with(opened, punch)
                return
        self._close_without_out(punch.at_ms)
        self._opened = Interval(punch.site_id, punch.at_ms, punch.at_ms, False, (punch.id,))

    def _leave(self, punch: Punch) -> None:
        if self._opened is None:
            self._left_over.append(LeftOver(punch.id, Why.NO_IN))
            return
        claimed = _with(self._opened, punch)
        self._intervals.append(replace(claimed, end_ms=punch.at_ms, end_is_claimed=True))
        self._opened = None

    def _close_without_out(self, moved_on_ms: int | None) -> None:
        opened, self._opened = self._opened, None
        if opened is None:
            return
        ends = [self._shift_end_ms(opened.start_ms)]
        # Without a shift, "moved on" is an end on the same day only: an in-punch on the next
        # morning says nothing about the evening before.
        if ends[0] is not None or _same_day(opened.start_ms, moved_on_ms, self._zone):
            ends.append(moved_on_ms)
        known = [at_ms for at_ms in ends if at_ms is not None]
        if known:
            self._intervals.append(replace(opened, end_ms=min(known)))
        else:
            self._left_over += [LeftOver(name, Why.NO_SHIFT) for name in opened.punch_ids]

    def _shift_end_ms(self, start_ms: int) -> int | None:
        return shift_end_ms(start_ms, self._shifts, self._zone)


def shift_end_ms(start_ms: int, shifts: Sequence[WorkingStretch], zone: ZoneInfo) -> int | None:
    """When the shift that an in-punch at `start_ms` belongs to is over; None when there is none.

    The shift under way, or else the next one that begins soon enough.
    """
    fitting = [
        to_ms
        for from_ms, to_ms in _shifts_around(start_ms, shifts, zone)
        if from_ms - EARLIEST_BEFORE_SHIFT_MS <= start_ms < to_ms
    ]
    return min(fitting, default=None)


def _same_day(first_ms: int, second_ms: int | None, zone: ZoneInfo) -> bool:
    if second_ms is None:
        return False
    days = [datetime.fromtimestamp(at_ms / 1000, zone).date() for at_ms in (first_ms, second_ms)]
    return days[0] == days[1]


def _shifts_around(
    at_ms: int, shifts: Sequence[WorkingStretch], zone: ZoneInfo
) -> list[tuple[int, int]]:
    today = datetime.fromtimestamp(at_ms / 1000, zone).date()
    days = [today + timedelta(days=offset) for offset in (-2, -1, 0, 1)]
    return [
        (_at_ms(day, shift.from_min, zone), _at_ms(day, shift.to_min, zone))
        for day in days
        for shift in shifts
        if shift.weekday == day.weekday()
    ]


def _at_ms(day: date, minute: int, zone: ZoneInfo) -> int:
    """What the wall clock calls `minute` after midnight of `day`: on a day with a change of
    daylight saving a shift to 18:00 ends at 18:00, an hour earlier or later than usual."""
    later_day = day + timedelta(days=minute // _DAY_MIN)
    hour, minute = divmod(minute % _DAY_MIN, 60)
    local = datetime(later_day.year, later_day.month, later_day.day, hour, minute, tzinfo=zone)
    return int(local.astimezone(UTC).timestamp() * 1000)


def _in_order(punch: Punch) -> tuple[int, bool, str]:
    # At the very same moment an out closes what was open before an in opens the next.
    return punch.at_ms, punch.direction is Direction.IN, punch.id


def _with(interval: Interval, punch: Punch) -> Interval:
    return replace(interval, punch_ids=(*interval.punch_ids, punch.id))
