"""From single sightings to one reading per identifier and period. Pure.

Counts say little: systems report the same advertisement once or a hundred times as they like.
What counts is that it was heard at all, how strongly, and from when to when.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Final, NamedTuple

from zaigang_agent.ble.air import Heard
from zaigang_shared.readings import Beacon, BeaconScheme, Scan

# In one minute a node is heard under at most five identifiers. Fewer than 64 would lose nodes of a
# site with a dozen; more would let someone who sends invented frames fill the envelope (512).
MOST_ON_LAPTOP: Final = 64
# A node hears each laptop around it under at most five identifiers as well. Fewer than 300 would lose
# people of a full room of sixty; more would leave too little of the envelope for invented frames.
MOST_ON_NODE: Final = 300
# Remembered while a period lasts, to find the most heard among them. Fewer, and a flood of invented
# identifiers pushes real ones out before they are heard twice; each costs half a KiB.
_MAX_REMEMBERED: Final = 512
# Of one identifier in one period: 33 a second in a minute. Fewer, and the median is of less than the
# period; more cost 9 bytes each.
_MAX_SIGHTINGS: Final = 2_000
_RSSI_MIN: Final = -128
_RSSI_MAX: Final = 20
# BlueZ and bleak say -127 for "no signal strength was given".
NO_RSSI: Final = -127


class Beaconing(NamedTuple):
    """What a reading is about."""

    scheme: BeaconScheme
    id: bytes


class Presence:
    """Sightings of what is ours, until they are told. Not for several threads at once."""

    def __init__(self) -> None:
        self._tracks: dict[Beaconing, _Track] = {}

    def __len__(self) -> int:
        return len(self._tracks)

    def add(self, what: Beaconing, t_ms: int, rssi_dbm: int) -> None:
        """It was heard at `t_ms` (CLOCK_BOOTTIME)."""
        track = self._tracks.get(what)
        if track is None:
            if len(self._tracks) >= _MAX_REMEMBERED:
                least = min(self._tracks, key=lambda known: len(self._tracks[known].times))
                del self._tracks[least]
            track = self._tracks[what] = _Track()
        track.add(t_ms, min(_RSSI_MAX, max(_RSSI_MIN, rssi_dbm)))

    def clear(self) -> None:
        """Forget everything."""
        self._tracks.clear()

    def take(self, from_ms: int, to_ms: int, limit: int = MOST_ON_LAPTOP) -> list[Beacon]:
        """One reading per identifier heard from `from_ms` to `to_ms` (both included), the most often
        heard `limit` of them, in order of first hearing. What was heard later stays for the next
        time, all else is forgotten."""
        found = {what: track.cut(from_ms, to_ms) for what, track in self._tracks.items()}
        self._tracks = {what: track for what, track in self._tracks.items() if track.times}
        heard = [(what, inside) for what, inside in found.items() if inside.times]
        heard.sort(key=lambda item: (-len(item[1].times), item[0]))
        readings = [_beacon(what, inside, to_ms, to_ms - from_ms) for what, inside in heard[:limit]]
        return sorted(readings, key=lambda reading: (reading.first_t, reading.id))


def scan(heard: Heard, from_ms: int, to_ms: int) -> Scan:
    """How the radio was over the period."""
    return Scan(
        t_ms=to_ms,
        span_ms=to_ms - from_ms,
        adverts=heard.adverts,
        devices=heard.devices,
        healthy=heard.healthy,
        restarts=heard.restarts,
    )


class _Track:
    """When and how strongly one identifier was heard, in 9 bytes each time."""

    __slots__ = ("strengths", "times")

    def __init__(self) -> None:
        self.times = array("q")
        self.strengths = array("b")

    def add(self, t_ms: int, rssi_dbm: int) -> None:
        if len(self.times) >= _MAX_SIGHTINGS:  # every other one: first, last and median stay true
            self.times, self.strengths = self.times[::2], self.strengths[::2]
        self.times.append(t_ms)
        self.strengths.append(rssi_dbm)

    def cut(self, from_ms: int, to_ms: int) -> _Track:
        """What lies in the period; keeps itself what lies behind it."""
        inside, later = _Track(), _Track()
        for t_ms, rssi_dbm in zip(self.times, self.strengths, strict=True):
            if t_ms >= from_ms:
                where = inside if t_ms <= to_ms else later
                where.times.append(t_ms)
                where.strengths.append(rssi_dbm)
        self.times, self.strengths = later.times, later.strengths
        return inside


def _beacon(what: Beaconing, found: _Track, to_ms: int, span_ms: int) -> Beacon:
    # An adapter that gives no strength for some packets must not pull the median down.
    strengths = [rssi for rssi in found.strengths if rssi != NO_RSSI] or [NO_RSSI]
    return Beacon(
        t_ms=to_ms,
        span_ms=span_ms,
        scheme=what.scheme,
        id=what.id,
        n=len(found.times),
        rssi_max=max(strengths),
        rssi_med=_median(strengths),
        first_t=min(found.times),
        last_t=max(found.times),
    )


def _median(values: Sequence[int]) -> int:
    # `statistics` would cost the agent two MiB for these lines (fractions, decimal, random).
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else round(sum(ordered[middle - 1 : middle + 1]) / 2)
