"""From raw punches to attendance intervals. Pure.

    in  -> next out                        the interval that the person claims
    in  -> in, same site                   a repeated punch: it belongs to the open interval
    in  -> in, other site or later shift   the first interval ends there, or with its shift
    in  -> nothing, or an out too late     ends with the shift, `end_is_claimed` False
    out -> out within minutes              the same departure: the later one holds
    out -> without an open in              left over, never dropped silently
    a corrected punch                      stands in for the punches that it corrects

Punches are paired by time and never by calendar day, so that an out after midnight belongs to
the in of the evening. Days matter only to find the shift, and those are the shift's own zone's.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from zoneinfo import ZoneInfo

from zaigang_collector.attendance.corrections import replaced_by
from zaigang_collector.attendance.model import Direction
from zaigang_collector.attendance.planning import Stretch, day_of
from zaigang_collector.attendance.punches import Punch, in_order, stretch_at, under_way

__all__ = ["LONGEST_MS", "Interval", "LeftOver", "Paired", "Punch", "Role", "Why", "pair"]

# An out-punch this long after its in is somebody else's evening: the out of the day was forgotten
# and the next in too. Larger pairs Monday's in with Tuesday's out; smaller cuts a double shift.
LONGEST_MS: Final = 20 * 3_600_000
# How long after the end of the shift an out still belongs to it where that is later than
# `LONGEST_MS`: a duty of 24 hours. Larger pairs with the next duty's out; smaller loses overtime.
OVERTIME_MS: Final = 4 * 3_600_000
# No interval is longer, whatever the shift: 24 hours, an early arrival and overtime. The margins of
# `claiming` rest on it.
AT_MOST_MS: Final = 32 * 3_600_000
# Pressed twice. Larger lets somebody who came back for an umbrella claim the time between; smaller
# leaves over the second punch of an impatient thumb.
REPEATED_MS: Final = 10 * 60_000
# How long before a later shift somebody who is still punched in to an earlier one comes for it.
# Larger takes a repeated punch for the next shift; smaller takes who comes early to it for a repeat.
EARLY_FOR_NEXT_MS: Final = 30 * 60_000


class Role(enum.StrEnum):
    """What a punch is to its interval."""

    OPENED = "opened"
    REPEATED = "repeated"
    LEFT = "left"
    LEFT_EARLIER = "left_earlier"
    """Out, and out again within minutes: the later one holds."""
    REPLACED = "replaced"
    """A correction stands in for it; it still tells where the person was."""


class Ended(enum.StrEnum):
    """By what an interval is over."""

    OUT = "out"
    SHIFT = "shift"
    MOVED_ON = "moved_on"


@dataclass(frozen=True, slots=True)
class Interval:
    """Somebody says they were at `site_id` from `start_ms` to `end_ms` (UTC ms)."""

    site_id: str
    start_ms: int
    end_ms: int
    end_is_claimed: bool
    punch_ids: tuple[str, ...]
    """In order of time; the first one opened the interval and names it."""
    roles: tuple[Role, ...] = ()
    """Of each punch."""
    ended: Ended = Ended.SHIFT
    day: dt.date | None = None
    """To which working day it belongs: that of its shift, or the one on which it began."""


class Why(enum.StrEnum):
    """Why a punch is part of no interval."""

    NO_IN = "out_without_in"
    TOO_LATE = "out_too_late"
    NO_SHIFT = "no_shift_to_end_with"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class LeftOver:
    """A punch that makes no interval. Shown, never held against anybody."""

    punch_id: str
    why: Why
    at_ms: int = 0


@dataclass(frozen=True, slots=True)
class Paired:
    """All that a person's punches come to."""

    intervals: tuple[Interval, ...]
    left_over: tuple[LeftOver, ...]


def pair(punches: Iterable[Punch], stretches: Sequence[Stretch], zone: ZoneInfo) -> Paired:
    """Intervals of one person. The order of `punches` does not matter.

    `stretches` say when a day ends for those who did not punch out; `zone` is of the days of those
    who have none.
    """
    ordered = sorted(punches, key=in_order)
    replaced = replaced_by(ordered, stretches)
    pairing = _Pairing(stretches, zone)
    for punch in ordered:
        if punch.id not in replaced:
            pairing.take(punch)
    return _with_replaced(pairing.finish(), ordered, replaced)


@dataclass(slots=True)
class _Open:
    """An interval that nobody has ended yet."""

    punches: list[Punch]
    stretch: Stretch | None

    @property
    def first(self) -> Punch:
        return self.punches[0]

    @property
    def punch_ids(self) -> tuple[str, ...]:
        return tuple(one.id for one in self.punches)


class _Pairing:
    """Goes through punches in order of time, with at most one interval open."""

    def __init__(self, stretches: Sequence[Stretch], zone: ZoneInfo) -> None:
        self._stretches = stretches
        self._zone = zone
        self._intervals: list[Interval] = []
        self._left_over: list[LeftOver] = []
        self._opened: _Open | None = None
        self._expired = False
        """The last interval was ended because the next punch was too far away."""
        self._left_ms: int | None = None
        """The first out of the last departure, as long as nothing came after it."""

    def take(self, punch: Punch) -> None:
        opened = self._opened
        if opened is not None and punch.at_ms - opened.first.at_ms > _longest_ms(opened):
            self._close_without_out(None)
            self._expired = True
        if punch.direction is Direction.IN:
            self._arrive(punch)
        else:
            self._leave(punch)

    def finish(self) -> Paired:
        self._close_without_out(None)
        return Paired(tuple(self._intervals), tuple(self._left_over))

    def _arrive(self, punch: Punch) -> None:
        opened = self._opened
        self._expired, self._left_ms = False, None
        later = None if opened is None else self._later_stretch(punch, opened)
        if opened is not None and punch.site_id == opened.first.site_id and later is None:
            opened.punches.append(punch)
            return
        self._close_without_out(punch.at_ms)
        stretch = later or stretch_at(punch.at_ms, punch.site_id, self._stretches)
        self._opened = _Open([punch], stretch)

    def _later_stretch(self, punch: Punch, opened: _Open) -> Stretch | None:
        """Where somebody is in again for a later shift, that one: the out of the first one was
        forgotten."""
        if opened.stretch is None:
            return None
        soon_ms = punch.at_ms + EARLY_FOR_NEXT_MS
        for one in (
            under_way(soon_ms, punch.site_id, self._stretches),
            stretch_at(punch.at_ms, punch.site_id, self._stretches),
        ):
            if one is not None and one.from_ms > opened.stretch.from_ms:
                return one
        return None

    def _leave(self, punch: Punch) -> None:
        opened, self._opened = self._opened, None
        if opened is None:
            self._leave_again(punch)
            return
        roles = (*_roles(opened), Role.LEFT)
        self._intervals.append(
            Interval(
                opened.first.site_id,
                opened.first.at_ms,
                punch.at_ms,
                end_is_claimed=True,
                punch_ids=(*opened.punch_ids, punch.id),
                roles=roles,
                ended=Ended.OUT,
                day=self._day(opened),
            )
        )
        self._left_ms = punch.at_ms

    def _leave_again(self, punch: Punch) -> None:
        last = self._intervals[-1] if self._left_ms is not None else None
        if last is not None and self._is_again(punch, last):
            self._intervals[-1] = replace(
                last,
                end_ms=punch.at_ms,
                punch_ids=(*last.punch_ids, punch.id),
                roles=(*last.roles[:-1], Role.LEFT_EARLIER, Role.LEFT),
            )
            return
        why = Why.TOO_LATE if self._expired else Why.NO_IN
        self._left_over.append(LeftOver(punch.id, why, punch.at_ms))
        self._expired = False

    def _is_again(self, punch: Punch, last: Interval) -> bool:
        assert self._left_ms is not None  # noqa: S101  # else there is no `last`
        length_ms = punch.at_ms - last.start_ms
        return punch.at_ms - self._left_ms <= REPEATED_MS and length_ms <= AT_MOST_MS

    def _close_without_out(self, moved_on_ms: int | None) -> None:
        opened, self._opened = self._opened, None
        if opened is None:
            return
        start_ms = opened.first.at_ms
        shift_ms = None if opened.stretch is None else opened.stretch.end_for(start_ms)
        # Without a shift, "moved on" is an end on the same day only: an in-punch on the next
        # morning says nothing about the evening before.
        if shift_ms is None and not _same_day(start_ms, moved_on_ms, self._zone):
            self._left_over += [LeftOver(one.id, Why.NO_SHIFT, one.at_ms) for one in opened.punches]
            return
        ends = [at_ms for at_ms in (shift_ms, moved_on_ms) if at_ms is not None]
        self._intervals.append(
            Interval(
                opened.first.site_id,
                start_ms,
                min(ends),
                end_is_claimed=False,
                punch_ids=opened.punch_ids,
                roles=_roles(opened),
                ended=Ended.SHIFT if min(ends) == shift_ms else Ended.MOVED_ON,
                day=self._day(opened),
            )
        )

    def _day(self, opened: _Open) -> dt.date:
        if opened.stretch is not None:
            return opened.stretch.day
        return day_of(opened.first.at_ms, self._zone)


def _longest_ms(opened: _Open) -> int:
    """How long after its in an out may come."""
    if opened.stretch is None:
        return LONGEST_MS
    shift_ms = opened.stretch.to_ms + OVERTIME_MS - opened.first.at_ms
    return min(max(LONGEST_MS, shift_ms), AT_MOST_MS)


def _roles(opened: _Open) -> tuple[Role, ...]:
    return (Role.OPENED, *[Role.REPEATED] * (len(opened.punch_ids) - 1))


def _same_day(first_ms: int, second_ms: int | None, zone: ZoneInfo) -> bool:
    return second_ms is not None and day_of(first_ms, zone) == day_of(second_ms, zone)


def _with_replaced(paired: Paired, ordered: Sequence[Punch], replaced: Mapping[str, str]) -> Paired:
    """Punches that were corrected: within an interval at the same site they tell where the person
    was, elsewhere they are told apart."""
    if not replaced:
        return paired
    inside: dict[int, list[Punch]] = {}
    left_over = list(paired.left_over)
    for punch in (one for one in ordered if one.id in replaced):
        at = _within(punch, paired.intervals)
        if at is None:
            left_over.append(LeftOver(punch.id, Why.REPLACED, punch.at_ms))
        else:
            inside.setdefault(at, []).append(punch)
    place = {one.id: number for number, one in enumerate(ordered)}
    intervals = [
        _joined(one, inside.get(index, ()), place) for index, one in enumerate(paired.intervals)
    ]
    return Paired(tuple(intervals), tuple(left_over))


def _joined(interval: Interval, replaced: Sequence[Punch], place: Mapping[str, int]) -> Interval:
    """The punch that names the interval stays the first."""
    if not replaced:
        return interval
    (first, *others) = zip(interval.punch_ids, interval.roles, strict=True)
    others += [(one.id, Role.REPLACED) for one in replaced]
    others.sort(key=lambda one: place[one[0]])
    names, roles = zip(first, *others, strict=True)
    return replace(interval, punch_ids=names, roles=roles)


def _within(punch: Punch, intervals: Sequence[Interval]) -> int | None:
    for index, one in enumerate(intervals):
        if one.site_id == punch.site_id and one.start_ms <= punch.at_ms <= one.end_ms:
            return index
    return None
