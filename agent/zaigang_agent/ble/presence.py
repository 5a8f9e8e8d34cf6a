"""From single sightings to one reading per identifier and period. Pure.

Counts say little: systems report the same advertisement once or a hundred times as they like.
What counts is that it was heard at all, how strongly, and from when to when.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from zaigang_agent.ble.adverts import Identity, identify
from zaigang_agent.ble.air import Heard, Sighting
from zaigang_shared.readings import Beacon, Scan

# In one minute a node is heard under at most five identifiers. Fewer than 64 would lose nodes of a
# site with a dozen; more would let someone who sends invented frames fill the envelope (512).
MAX_IDENTITIES: Final = 64
_RSSI_MIN: Final = -128
_RSSI_MAX: Final = 20
# BlueZ and bleak say -127 for "no signal strength was given".
NO_RSSI: Final = -127
_MAX_COUNT: Final = 1_000_000


def aggregate(
    sightings: Iterable[Sighting], from_ms: int, to_ms: int, limit: int = MAX_IDENTITIES
) -> list[Beacon]:
    """One reading per identifier heard from `from_ms` to `to_ms` (CLOCK_BOOTTIME, both included),
    the most often heard `limit` of them, in order of first hearing."""
    heard: dict[Identity, list[Sighting]] = defaultdict(list)
    for sighting in sightings:
        identity = identify(sighting)
        if identity is not None and from_ms <= sighting.t_ms <= to_ms:
            heard[identity].append(sighting)
    most = sorted(heard.items(), key=lambda item: (-len(item[1]), item[0].id))[:limit]
    readings = [_beacon(identity, found, from_ms, to_ms) for identity, found in most]
    return sorted(readings, key=lambda reading: (reading.first_t, reading.id))


def scan(heard: Heard, from_ms: int, to_ms: int) -> Scan:
    """How the radio was over the period."""
    return Scan(
        t_ms=to_ms,
        span_ms=to_ms - from_ms,
        adverts=len(heard.sightings),
        devices=heard.devices,
        healthy=heard.healthy,
        restarts=heard.restarts,
    )


def _beacon(identity: Identity, found: Sequence[Sighting], from_ms: int, to_ms: int) -> Beacon:
    # An adapter that gives no strength for some packets must not pull the median down.
    strengths = [s.rssi_dbm for s in found if s.rssi_dbm != NO_RSSI] or [NO_RSSI]
    bounded = [min(_RSSI_MAX, max(_RSSI_MIN, rssi)) for rssi in strengths]
    return Beacon(
        t_ms=to_ms,
        span_ms=to_ms - from_ms,
        scheme=identity.scheme,
        id=identity.id,
        n=min(len(found), _MAX_COUNT),
        rssi_max=max(bounded),
        rssi_med=_median(bounded),
        first_t=min(s.t_ms for s in found),
        last_t=max(s.t_ms for s in found),
    )


def _median(values: Sequence[int]) -> int:
    # `statistics` would cost the agent two MiB for these lines (fractions, decimal, random).
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else round(sum(ordered[middle - 1 : middle + 1]) / 2)
