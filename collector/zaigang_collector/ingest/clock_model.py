"""When something happened, told from `up` alone. Pure.

A boot's clock and ours differ by an offset o: collector UTC = up + o. Every stored envelope
bounds it from both sides, whatever the device's wall clock says:

    o <= arrived - up        it was sealed before it arrived
    o >= receipt.at - up     it was sealed after the receipt that it quotes was given

An upper bound is near the truth as soon as one envelope of the boot arrived live; what was
spooled in the same boot is then known as well. Bounds are kept per hour of `up`, since an
undisciplined clock drifts: an observation of another hour counts, less sharply the further away.
Maxima and minima only, so that no order of arrival and no repetition changes the answer.
"""

from __future__ import annotations

import bisect
import functools
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

WINDOW_MS: Final = 3_600_000
"""Larger blurs by the drift within it; smaller keeps more rows than it gains precision."""

# A quartz that nobody disciplines is within 100 ppm, and both clocks may be one; the kernel slews
# by 500 ppm at most, briefly. Larger makes distant observations worthless; smaller accuses a
# laptop of having been tampered with after a fortnight without a time server.
DRIFT_PPM: Final = 200
_MILLION: Final = 1_000_000

# Our own clock is stepped when a time server corrects it. Larger hides small tampering; smaller
# takes such a step for tampering by every device at once.
TOLERANCE_MS: Final = 2_000

# What is said when nothing bounds the offset from below: a day, in which a detached device can
# have been carried anywhere. Larger changes no verdict; smaller pretends to know.
UNKNOWN_ERROR_MS: Final = 86_400_000

# An envelope is sealed each minute, and one that waits longer than a few came from a spool.
# Larger takes a short outage for live; smaller calls a slow mobile link reconstructed.
LIVE_WITHIN_MS: Final = 120_000


@dataclass(frozen=True, slots=True)
class Window:
    """What the envelopes of one hour of `up` say of their boot's offset."""

    first_up_ms: int
    last_up_ms: int
    low_ms: int | None
    """max(receipt.at - up); None: none of them quotes a receipt that we know."""
    high_ms: int
    """min(arrived - up)."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One stored envelope, as far as clocks are concerned."""

    up_ms: int
    arrived_ms: int
    receipt_at_ms: int | None


@dataclass(frozen=True, slots=True)
class Estimate:
    """A moment of collector UTC. The truth lies in at_ms ± error_ms."""

    at_ms: int
    error_ms: int
    offset_ms: int
    """Adds to a BOOTTIME of this boot near the estimated one."""


def window_index(up_ms: int) -> int:
    """Which hour of its boot a moment is in."""
    return up_ms // WINDOW_MS


def window_of(observations: Iterable[Observation]) -> Window:
    """What envelopes of one hour say; at least one. `merge` puts it together with what is known."""
    seen = list(observations)
    ups = [one.up_ms for one in seen]
    lows = [one.receipt_at_ms - one.up_ms for one in seen if one.receipt_at_ms is not None]
    highs = [one.arrived_ms - one.up_ms for one in seen]
    return Window(min(ups), max(ups), max(lows, default=None), min(highs))


def merge(one: Window, other: Window) -> Window:
    """What both say together. Commutative, associative, idempotent."""
    lows = [window.low_ms for window in (one, other) if window.low_ms is not None]
    return Window(
        min(one.first_up_ms, other.first_up_ms),
        max(one.last_up_ms, other.last_up_ms),
        max(lows, default=None),
        min(one.high_ms, other.high_ms),
    )


@dataclass(frozen=True)
class BootClock:
    """Everything known of one boot's offset."""

    windows: tuple[Window, ...]
    """By `first_up_ms`; they do not overlap."""
    floor_ms: int | None = None
    """Collector UTC before which the device did not exist: its enrolment."""
    overtaken: frozenset[int] = frozenset()
    """Hours whose envelopes were numbered after those of a later hour (`overtaken_hours`)."""

    @classmethod
    def from_observations(
        cls, observations: Iterable[Observation], floor_ms: int | None = None
    ) -> BootClock:
        """From single envelopes, in any order."""
        windows: dict[int, Window] = {}
        for seen in observations:
            index, new = window_index(seen.up_ms), window_of([seen])
            windows[index] = merge(windows[index], new) if index in windows else new
        return cls(tuple(windows[index] for index in sorted(windows)), floor_ms)

    def estimate(self, up_ms: int) -> Estimate:
        """When it was `up_ms` on this boot's clock.

        The upper bound is the estimate: an envelope travels for a second, and waits for its
        receipt for a minute, so the truth is near the upper end. The error reaches down to the
        lower bound. Raises ValueError when nothing was observed.
        """
        found = self._estimates.get(up_ms)  # all readings of an envelope end as it is sealed
        if found is None:
            found = self._estimates[up_ms] = self._estimated(up_ms)
        return found

    def _estimated(self, up_ms: int) -> Estimate:
        low, high = self._bounds(up_ms)
        error = UNKNOWN_ERROR_MS if low is None else abs(high - low)
        if window_index(up_ms) in self.overtaken:
            error = max(error, UNKNOWN_ERROR_MS)
        return Estimate(up_ms + high, error, high)

    def contradiction_ms(self, up_ms: int) -> int:
        """By how much the bounds contradict each other at `up_ms`; 0: they agree.

        Not drift and not a step of our clock: the boot's clock stood still or was pushed. A
        virtual machine that was paused looks the same.
        """
        low, high = self._bounds(up_ms)
        return 0 if low is None else max(0, low - high - TOLERANCE_MS)

    def _bounds(self, up_ms: int) -> tuple[int | None, int]:
        if not self.windows:
            raise ValueError("a boot clock needs at least one observation")
        high = self._highest.least(up_ms)
        low = self._lowest.least(up_ms)
        # `up_ms` itself may lie before the enrolment; every envelope was sealed after it.
        floor = None
        if self.floor_ms is not None:
            window = self.windows[0]
            floor = self.floor_ms - window.first_up_ms - _slack_ms(window, up_ms)
        lows = [bound for bound in (None if low is None else -low, floor) if bound is not None]
        assert high is not None  # noqa: S101  # each window has an upper bound
        return max(lows, default=None), high

    @functools.cached_property
    def _estimates(self) -> dict[int, Estimate]:
        return {}

    @functools.cached_property
    def _highest(self) -> _Bounds:
        return _Bounds([(w.first_up_ms, w.last_up_ms, w.high_ms) for w in self.windows])

    @functools.cached_property
    def _lowest(self) -> _Bounds:
        """Of the lower bounds with their signs turned."""
        return _Bounds(
            [(w.first_up_ms, w.last_up_ms, -w.low_ms) for w in self.windows if w.low_ms is not None]
        )


class _Bounds:
    """The least of many bounds, each less sharp the further away it was observed (`_slack_ms`).

    A node is up for a year, and each of its readings is asked for: looking at each hour each time
    would take seconds a day. In millionths of ms, so that rounding comes last, as for one bound.
    """

    def __init__(self, bounds: Sequence[tuple[int, int, int]]) -> None:
        """`bounds`: first and last up, and the bound, by up."""
        self._bounds = bounds
        self._starts = [first for first, _, _ in bounds]
        rising = (bound * _MILLION - first * DRIFT_PPM for first, _, bound in bounds)
        falling = (bound * _MILLION + last * DRIFT_PPM for _, last, bound in reversed(bounds))
        self._before = list(itertools.accumulate(rising, min))
        self._after = list(itertools.accumulate(falling, min))[::-1]

    def least(self, up_ms: int) -> int | None:
        """None: there are no bounds."""
        begun = bisect.bisect_right(self._starts, up_ms)
        found = []
        if begun and self._bounds[begun - 1][1] >= up_ms:  # in the midst of one
            first, last, bound = self._bounds[begun - 1]
            found.append(bound * _MILLION + max(up_ms - first, last - up_ms) * DRIFT_PPM)
        over = begun - len(found)
        if over:
            found.append(self._before[over - 1] + up_ms * DRIFT_PPM)
        if begun < len(self._bounds):
            found.append(self._after[begun] - up_ms * DRIFT_PPM)
        return min(found) // _MILLION if found else None


def overtaken_hours(numbered: Iterable[tuple[int, int, int]]) -> frozenset[int]:
    """Hours of one boot of which an envelope was sealed after one of a later hour, going by its
    number: whatever its `up` says, nobody knows when. `numbered`: hour, first and last seq."""
    found, earliest_seq = set(), None
    for hour, first_seq, last_seq in sorted(numbered, reverse=True):
        if earliest_seq is not None and last_seq > earliest_seq:
            found.add(hour)
        earliest_seq = first_seq if earliest_seq is None else min(earliest_seq, first_seq)
    return frozenset(found)


def contradicts(window: Window) -> bool:
    """Whether the envelopes of one hour alone cannot all be true."""
    return BootClock((window,)).contradiction_ms(window.last_up_ms) > 0


def is_reconstructed(seen: Observation, clock: BootClock) -> bool:
    """Whether the envelope waited in a spool, so that its time comes from others of its boot."""
    return seen.arrived_ms - clock.estimate(seen.up_ms).at_ms > LIVE_WITHIN_MS


def _slack_ms(window: Window, up_ms: int) -> int:
    """How far drift may have carried the offset between the window's far end and `up_ms`."""
    distance_ms = max(abs(up_ms - window.first_up_ms), abs(up_ms - window.last_up_ms))
    return distance_ms * DRIFT_PPM // _MILLION
