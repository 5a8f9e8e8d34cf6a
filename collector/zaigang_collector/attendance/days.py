"""What a person's day came to: was work expected, was it claimed, was there an exemption. Pure.

Nothing here says "absent". A day without a claim is a day without a claim: a forgotten punch, a
broken terminal and a file that was not imported look the same.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from zaigang_collector.attendance.intervals import LONGEST_MS, Interval, LeftOver, Paired, Why
from zaigang_collector.attendance.planning import Expected, PlannedDay, Stretch, at_ms, day_of
from zaigang_collector.attendance.service import StoredExemption

_DAY_MIN: Final = 1440


class Standing(enum.StrEnum):
    """Where a day stands."""

    ONGOING = "ongoing"
    """Not over, or somebody is still punched in: nothing is said of it yet."""
    EXEMPT = "exempt"
    """Of all hours that were expected."""
    CLAIMED = "claimed"
    PARTLY_CLAIMED = "partly_claimed"
    """There is a claim, and some expected stretch that is neither claimed nor exempt."""
    OFF = "off"
    """No work was expected, and none was claimed."""
    NO_CLAIM = "no_claim"
    """Work was expected, and there is no claim: of which nothing follows by itself."""
    UNKNOWN = "unknown"
    """Whether work was expected is not known, and there is no claim."""


@dataclass(frozen=True, slots=True)
class DayStatus:
    """One day of one person."""

    planned: PlannedDay
    standing: Standing
    intervals: tuple[Interval, ...]
    left_over: tuple[LeftOver, ...]
    exemptions: tuple[StoredExemption, ...]
    """That overlap the expected hours; of a day without any, the day itself."""
    unclaimed: tuple[Stretch, ...] = ()
    """Expected stretches that are over, and neither claimed nor wholly exempt."""


def day_status(
    planned: PlannedDay,
    paired: Paired,
    exemptions: Sequence[StoredExemption],
    now_ms: int,
) -> DayStatus:
    """Put plan, claims and exemptions of one day together, as they stand at `now_ms` (UTC)."""
    zone = ZoneInfo(planned.zone)
    intervals = tuple(one for one in paired.intervals if one.day == planned.day)
    left_over = tuple(one for one in paired.left_over if day_of(one.at_ms, zone) == planned.day)
    span = _span(planned, zone)
    holding = tuple(one for one in exemptions if one.from_ms < span[1] and one.to_ms > span[0])
    open_ = [
        one
        for one in _owed(planned, holding)
        if not any(one.from_ms < x.end_ms and x.start_ms < one.to_ms for x in intervals)
    ]
    if _is_ongoing(span, intervals, left_over, now_ms):
        return DayStatus(planned, Standing.ONGOING, intervals, left_over, holding)
    is_exempt = all(_is_covered(holding, *one) for one in _hours(planned) or [span])
    standing = _standing(planned, intervals, open_, is_exempt=is_exempt)
    return DayStatus(planned, standing, intervals, left_over, holding, tuple(open_))


def exempt_stretches(
    exemptions: Iterable[StoredExemption], from_ms: int, to_ms: int
) -> tuple[tuple[int, int], ...]:
    """What exemptions cover of a stretch, in order and without overlap: a trip within a leave
    counts once."""
    found: list[tuple[int, int]] = []
    for one in sorted(exemptions, key=lambda one: (one.from_ms, one.to_ms)):
        begin, end = max(one.from_ms, from_ms), min(one.to_ms, to_ms)
        if end <= begin:
            continue
        if found and begin <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((begin, end))
    return tuple(found)


def _standing(
    planned: PlannedDay,
    intervals: Sequence[Interval],
    unclaimed: Sequence[Stretch],
    *,
    is_exempt: bool,
) -> Standing:
    if intervals:
        return Standing.PARTLY_CLAIMED if unclaimed else Standing.CLAIMED
    if planned.expected is Expected.DAY_OFF:
        return Standing.OFF
    if is_exempt:
        return Standing.EXEMPT
    return Standing.NO_CLAIM if planned.expected is Expected.WORKDAY else Standing.UNKNOWN


def _owed(planned: PlannedDay, exemptions: Iterable[StoredExemption]) -> list[Stretch]:
    """Stretches of which an exemption leaves something over. Only of days on which work was
    expected, or may have been."""
    if planned.expected is Expected.DAY_OFF:
        return []
    holding = list(exemptions)
    return [one for one in planned.stretches if not _is_covered(holding, one.from_ms, one.to_ms)]


def _is_covered(exemptions: Iterable[StoredExemption], from_ms: int, to_ms: int) -> bool:
    return exempt_stretches(exemptions, from_ms, to_ms) == ((from_ms, to_ms),)


def _hours(planned: PlannedDay) -> list[tuple[int, int]]:
    return [(one.from_ms, one.to_ms) for one in planned.stretches]


def _is_ongoing(
    span: tuple[int, int],
    intervals: Sequence[Interval],
    left_over: Iterable[LeftOver],
    now_ms: int,
) -> bool:
    """Also while somebody who came on a day off may still punch out."""
    at_work = any(one.why is Why.NO_SHIFT and now_ms - one.at_ms <= LONGEST_MS for one in left_over)
    return at_work or now_ms < span[1] or any(now_ms <= one.end_ms for one in intervals)


def _span(planned: PlannedDay, zone: ZoneInfo) -> tuple[int, int]:
    """The expected hours, or the whole day where there are none."""
    hours = _hours(planned)
    if hours:
        return min(first for first, _ in hours), max(last for _, last in hours)
    return at_ms(planned.day, 0, zone), at_ms(planned.day, _DAY_MIN, zone)


def noon(day: dt.date, zone: ZoneInfo) -> int:
    """Where half a day of leave ends or begins (UTC ms)."""
    return at_ms(day, _DAY_MIN // 2, zone)
