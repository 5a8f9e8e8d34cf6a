"""When time is up for somebody, and when they are reminded. Pure.

Time counts from the moment at which delivery is on record. What does not count: leave, rest days
where the policy skips them, hours outside of work where it counts working hours, and any time in
which the collector stood still and could take no reply. A day of which nobody knows whether it is
worked counts for nothing where that matters: a missing calendar never ends a deadline.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from zaigang_collector.attendance.planning import Expected, PlannedDay, at_ms
from zaigang_collector.cases.policy import Policy

HOUR_MS: Final = 3_600_000
_DAY_MIN: Final = 1440
# How far ahead a calendar is asked. Larger reads for nothing; smaller finds no end of a deadline
# before a leave of two months.
HORIZON_DAYS: Final = 120


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Some time (UTC ms), its end not included."""

    from_ms: int
    to_ms: int


@dataclass(frozen=True, slots=True)
class Counting:
    """Which time counts."""

    within: tuple[Span, ...]
    without: tuple[Span, ...] = ()

    def spans(self) -> tuple[Span, ...]:
        """What is left, in order and without overlap."""
        return minus(self.within, self.without)


def due_ms(start_ms: int, allowance_ms: int, counting: Counting) -> int | None:
    """The last moment (UTC ms) that is still in time; None: `counting` does not reach that far, so
    that nobody can say when it is."""
    left_ms = allowance_ms
    for span in counting.spans():
        begin_ms = max(span.from_ms, start_ms)
        if begin_ms >= span.to_ms:
            continue
        if left_ms <= span.to_ms - begin_ms:
            return begin_ms + left_ms
        left_ms -= span.to_ms - begin_ms
    return None


def reminder_ms(start_ms: int, due: int, policy: Policy) -> int:
    """When to remind: before the end, and never before half of the time is over."""
    return max(due - policy.reminder_h * HOUR_MS, start_ms + (due - start_ms) // 2)


def counting(
    policy: Policy,
    planned: Iterable[PlannedDay],
    leave: Iterable[Span],
    standstill: Iterable[Span],
    start_ms: int,
    horizon_ms: int,
) -> Counting:
    """Which time counts for a person whose days are `planned`."""
    days = list(planned)
    holes = [*leave, *standstill]
    if policy.working_hours_only:
        return Counting(tuple(_worked(days)), tuple(holes))
    if policy.skip_rest_days:
        holes += _not_worked(days)
        # Beyond the last day that was asked for nothing is known.
        horizon_ms = min([horizon_ms, *(_day(one).to_ms for one in days[-1:])])
    return Counting((Span(start_ms, horizon_ms),), tuple(holes))


def minus(spans: Iterable[Span], holes: Iterable[Span]) -> tuple[Span, ...]:
    """`spans` without `holes`, in order and without overlap."""
    left: list[Span] = []
    cut = joined(holes)
    for span in joined(spans):
        begin_ms = span.from_ms
        for hole in cut:
            if hole.to_ms <= begin_ms or hole.from_ms >= span.to_ms:
                continue
            if hole.from_ms > begin_ms:
                left.append(Span(begin_ms, hole.from_ms))
            begin_ms = hole.to_ms
        if begin_ms < span.to_ms:
            left.append(Span(begin_ms, span.to_ms))
    return tuple(left)


def joined(spans: Iterable[Span]) -> Sequence[Span]:
    """In order, without overlap and without what has no length."""
    found: list[Span] = []
    for span in sorted(one for one in spans if one.to_ms > one.from_ms):
        if found and span.from_ms <= found[-1].to_ms:
            found[-1] = Span(found[-1].from_ms, max(found[-1].to_ms, span.to_ms))
        else:
            found.append(span)
    return found


def _worked(days: Iterable[PlannedDay]) -> Iterable[Span]:
    return (
        Span(one.from_ms, one.to_ms)
        for day in days
        if day.expected is Expected.WORKDAY
        for one in day.stretches
    )


def _not_worked(days: Iterable[PlannedDay]) -> Iterable[Span]:
    return (_day(one) for one in days if one.expected is not Expected.WORKDAY)


def _day(planned: PlannedDay) -> Span:
    zone = ZoneInfo(planned.zone)
    return Span(at_ms(planned.day, 0, zone), at_ms(planned.day, _DAY_MIN, zone))
