"""When an identifier was on the air: by the clock of the beacon that sent it. Pure.

A beacon makes its identifiers by its own clock, which can be wrong. What it signed of its own
broadcast (`advert` readings) says by how much: at the end of the observation it was in `slot_last`.
Between two such statements, and after the last one, its clock is followed no faster than a crystal
drifts. Where it never said anything, its clock is taken for right, and who hears it otherwise can
only tell whether it advances as a clock does (`advances`), which a recording of an hour does as well.

"Behind" is what has to be added to the beacon's clock to get ours, in ms; negative: it is ahead.
"""

from __future__ import annotations

import bisect
import operator
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from zaigang_collector.matching.model import TimedReading
from zaigang_shared.readings import Advert
from zaigang_shared.rid import SLOT_MS

Span: TypeAlias = tuple[int, int]
"""From and to, both included, ms."""

RIGHT: Final[Span] = (0, 0)
# A quartz that nobody disciplines is within 100 ppm, and both clocks may be one (as in
# `ingest.clock_model`). Larger lets a replayed recording pass for drift sooner; smaller loses an
# honest beacon that runs warm.
DRIFT_PPM: Final = 200
_MILLION: Final = 1_000_000
# How long a clock is followed after, and before, what a beacon said of it: by then it can have
# drifted by 4.3 s. Larger blurs by more than a quarter of a slot; smaller forgets a clock that is
# known to be wrong while the node is offline, and calls what is heard of it stale.
FOLLOW_MS: Final = 6 * 3_600_000
# A beacon whose clock nobody knows is looked for so far around ours. Larger makes older recordings
# resolvable, at a hash a slot and beacon; smaller calls them nobody's.
SEARCH_SLOTS: Final = 240  # one hour


@dataclass(frozen=True, slots=True)
class Clock:
    """All that one beacon said of its broadcast: `advert` readings in order of time."""

    said: tuple[TimedReading, ...] = ()
    first_wrong: TimedReading | None = None
    """The first statement by which the clock cannot be right."""
    _times: tuple[int, ...] = field(default=(), repr=False)

    def near(self, at_ms: int) -> tuple[TimedReading, ...]:
        """The last statement before and the first one after, those that are near enough."""
        place = bisect.bisect_right(self._times, at_ms)
        around = self.said[max(0, place - 1) : place + 1]
        return tuple(one for one in around if abs(one.at_ms - at_ms) <= FOLLOW_MS)

    def behind(self, at_ms: int) -> tuple[Span, ...]:
        """How far the clock can have been behind; one of these. Empty: nobody knows.

        Two spans where it was set in between: it was either, and nothing in the middle.
        """
        return _together([_drifted(one, at_ms) for one in self.near(at_ms)])

    def between(self, from_ms: int, to_ms: int, most: int) -> tuple[Span, ...]:
        """What `behind` can be at any moment from one to another, as spans that do not touch. Empty
        also where these are more than `most`: that is no clock."""
        if self.first_wrong is None and self.near(from_ms) and self.near(to_ms):
            return (RIGHT,)
        low = bisect.bisect_left(self._times, from_ms)
        high = bisect.bisect_right(self._times, to_ms)
        spans = [*self.behind(from_ms), *self.behind(to_ms)]
        spans += [span for one in self.said[low:high] for span in self.behind(one.at_ms)]
        merged = merge(spans)
        return merged if len(merged) <= most else ()


NO_CLOCK: Final = Clock()
_ORDER: Final = operator.attrgetter("at_ms", "envelope", "index", "reading.slot_last", "error_ms")


def clock_of(adverts: Iterable[TimedReading]) -> Clock:
    """A beacon's clock from its `advert` readings, whatever their order; others are skipped, and so
    is an advert that tells of a failure: what it names last may be long ago."""
    said = [one for one in adverts if isinstance(one.reading, Advert) and one.reading.ok]
    times = [one.at_ms for one in said]
    if not all(map(operator.lt, times, times[1:])):  # nearly always in order, each once
        said = _in_order(said)
        times = [one.at_ms for one in said]
    return Clock(tuple(said), _first_wrong(said), tuple(times))


def of_devices(
    told: Iterable[tuple[str, Iterable[TimedReading]]],
) -> Iterator[tuple[str, Clock]]:
    """Clocks by device id, of those that said anything of theirs."""
    for device_id, adverts in told:
        clock = clock_of(adverts)
        if clock.said:
            yield device_id, clock


def off_ms(slot: int, heard_ms: int, behind: Sequence[Span], slack_ms: int) -> int:
    """How far outside its time an identifier was heard, beyond `slack_ms`: 0 for in time, positive
    for late, negative for early. `behind`: of which the kindest counts; empty stands for right."""
    since_ms = heard_ms - slot * SLOT_MS
    return min((_off(since_ms, span, slack_ms) for span in behind or (RIGHT,)), key=abs)


@dataclass(frozen=True, slots=True)
class Heard:
    """One hearing of a beacon whose clock nobody knows."""

    slot: int
    at_ms: int
    error_ms: int


def advances(found: Sequence[Heard]) -> bool:
    """Whether these are of one clock that runs: the slots go on as the time does, within one slot
    and what a crystal drifts. A captured identifier stays what it is, however often it is sent.
    """
    if len({one.slot for one in found}) < 2:
        return False
    offsets = [one.at_ms - one.slot * SLOT_MS for one in found]
    times = [one.at_ms for one in found]
    drift_ms = (max(times) - min(times)) * DRIFT_PPM // _MILLION
    # Heard at the beginning of one slot and at the end of another is one slot of difference; the
    # other is the one that is allowed.
    allowed_ms = 2 * SLOT_MS + drift_ms + 2 * max(one.error_ms for one in found)
    far_ms = SEARCH_SLOTS * SLOT_MS + SLOT_MS
    return max(offsets) - min(offsets) <= allowed_ms and max(map(abs, offsets)) <= far_ms


def merge(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Spans in order, those that overlap or touch made one."""
    merged: list[Span] = []
    for low, high in sorted(spans):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = merged[-1][0], max(high, merged[-1][1])
        else:
            merged.append((low, high))
    return tuple(merged)


def _together(spans: Sequence[Span]) -> tuple[Span, ...]:
    if not spans:
        return ()
    low, high = max(span[0] for span in spans), min(span[1] for span in spans)
    either = tuple(spans) if low > high else ((low, high),)
    return tuple(RIGHT if _holds_right(span) else span for span in either)


def _holds_right(span: Span) -> bool:
    return span[0] <= 0 <= span[1]


def _off(since_ms: int, span: Span, slack_ms: int) -> int:
    late_ms = since_ms - (SLOT_MS + span[1] + slack_ms)
    if late_ms > 0:
        return late_ms
    return min(0, since_ms - (span[0] - slack_ms))


def _in_order(said: Iterable[TimedReading]) -> list[TimedReading]:
    names: dict[tuple[int, bytes, int, int, int], TimedReading] = {}
    for one in said:
        names.setdefault(_ORDER(one), one)  # each once
    return [names[name] for name in sorted(names)]


def _first_wrong(said: Sequence[TimedReading]) -> TimedReading | None:
    since_ms = [
        one.at_ms - one.reading.slot_last * SLOT_MS  # type: ignore[union-attr]  # only adverts come here
        for one in said
    ]
    if said and min(since_ms) >= 0 and max(since_ms) <= SLOT_MS:  # nearly always; no error needed
        return None
    return next((one for one in said if not _holds_right(_span(one))), None)


def _span(timed: TimedReading) -> Span:
    """How far behind the clock was, by one statement."""
    slot = timed.reading.slot_last  # type: ignore[union-attr]  # only adverts come here
    since_ms, error_ms = timed.at_ms - slot * SLOT_MS, max(0, timed.error_ms)
    return since_ms - SLOT_MS - error_ms, since_ms + error_ms


def _drifted(timed: TimedReading, at_ms: int) -> Span:
    """The same at another time: wider by what a clock can have drifted meanwhile."""
    low_ms, high_ms = _span(timed)
    drift_ms = -(-abs(at_ms - timed.at_ms) * DRIFT_PPM // _MILLION)
    return low_ms - drift_ms, high_ms + drift_ms
