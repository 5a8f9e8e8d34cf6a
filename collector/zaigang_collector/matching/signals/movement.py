"""Movement: two sensors in one room rise and fall together.

Air-conditioning cycles, doors and people move a room's temperature by tenths of a degree within
minutes; the sensor's offset, and its slow warming, drop out of the correlation. Hour by hour, since
a shorter stretch of two drifting series is correlated by chance. Never a witness: a sensor in a bag
follows late.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from zaigang_collector.matching.model import TimedReading
from zaigang_collector.matching.policy import Policy
from zaigang_collector.matching.timeline import Device, Lane, Scene, order
from zaigang_shared.readings import Environment

_BIN_MS: Final = 60_000
_HOUR_MS: Final = 3_600_000
# Common minutes in an hour: with fewer than half, two or three outliers make the correlation.
_LEAST_BINS: Final = 30
# Fisher's z of the correlation of two detrended hours: in one room and in two. Two places have
# nothing in common but chance; 0.35 is that of some ten independent points, which is what an hour
# with cycles of ten minutes or so amounts to. In one room a body, a bag and the place in the room
# lower it: mean 0.9 (r = 0.72), with a wide spread.
_TOGETHER: Final = (0.9, 0.6)
_APART: Final = (0.0, 0.35)
# atanh grows without end; beyond r = 0.995 nothing more is learnt.
_MOST_R: Final = 0.995


def place(scene: Scene, device: Device) -> Lane:
    """How a laptop's carried sensors move beside the site's, per hour, spread over its slots."""
    lane = Lane.empty(scene.grid.count)
    own = frozenset(scene.site.node_ids)
    site = [
        series
        for node in scene.nodes
        if node.device_id in own
        for series in _series(scene, node, None)
    ]
    carried = _series(scene, device, "ble")
    if not site or not carried:
        return lane
    for from_ms in range(scene.grid.start_ms, scene.grid.end_ms - _HOUR_MS + 1, _HOUR_MS):
        pairs = [
            (llr, [*ours, *theirs])
            for mine in carried
            for other in site
            if (llr := _hour(scene.policy, ours := _within(mine, from_ms),
                             theirs := _within(other, from_ms), from_ms)) is not None
        ]  # fmt: skip
        if pairs:
            llr, timed = max(pairs, key=lambda pair: pair[0])
            _write(scene, lane, from_ms, llr, timed)
    return lane


def _write(
    scene: Scene, lane: Lane, from_ms: int, llr: float, timed: Sequence[TimedReading]
) -> None:
    slots = scene.grid.slots_over(from_ms, from_ms + _HOUR_MS)
    ordered = tuple(sorted(timed, key=order))
    for slot in slots:
        if llr > 0.0:
            lane.add_support(slot, llr / len(slots), ordered[0])
        else:
            lane.add_against(slot, llr / len(slots), False, ordered)
    lane.decided += ordered


def _series(scene: Scene, device: Device, via: str | None) -> list[list[TimedReading]]:
    """A device's readings by sensor, in order; well-dated ones only: a series that is shifted by
    minutes moves against its own room."""
    found: dict[str, list[TimedReading]] = {}
    for timed in device.of(Environment):
        reading = timed.reading
        if not isinstance(reading, Environment) or via not in (None, reading.via):
            continue
        if 0 <= timed.error_ms <= _BIN_MS:
            found.setdefault(reading.sensor, []).append(timed)
    return [sorted(found[name], key=order) for name in sorted(found)]


def _within(series: Sequence[TimedReading], from_ms: int) -> list[TimedReading]:
    return [timed for timed in series if from_ms <= timed.at_ms < from_ms + _HOUR_MS]


def _hour(
    policy: Policy, ours: Sequence[TimedReading], theirs: Sequence[TimedReading], from_ms: int
) -> float | None:
    """The log-likelihood ratio of one hour; None when too little moved, or is known."""
    mine, other = _bins(ours, from_ms), _bins(theirs, from_ms)
    common = sorted(mine.keys() & other.keys())
    if len(common) < _LEAST_BINS:
        return None
    left = _detrended(common, [mine[minute] for minute in common])
    right = _detrended(common, [other[minute] for minute in common])
    left_sd, right_sd = _sd(left), _sd(right)
    if min(left_sd, right_sd) < policy.air_move_least_c:
        return None
    product = math.fsum(a * b for a, b in zip(left, right, strict=True)) / len(common)
    r = min(_MOST_R, max(-_MOST_R, product / (left_sd * right_sd)))
    z = math.atanh(r)
    llr = _log_normal(z, *_TOGETHER) - _log_normal(z, *_APART)
    return min(policy.air_move_llr, max(-policy.air_move_against_llr, llr))


def _bins(found: Sequence[TimedReading], from_ms: int) -> dict[int, float]:
    """Mean temperature by minute, °C."""
    bins: dict[int, list[float]] = {}
    for timed in found:
        if isinstance(timed.reading, Environment):
            bins.setdefault((timed.at_ms - from_ms) // _BIN_MS, []).append(timed.reading.temp_c)
    return {minute: math.fsum(values) / len(values) for minute, values in bins.items()}


def _detrended(xs: Sequence[int], ys: Sequence[float]) -> list[float]:
    """What is left of `ys` beside their straight line over `xs`."""
    count = len(xs)
    mean_x, mean_y = math.fsum(xs) / count, math.fsum(ys) / count
    spread_x = math.fsum((x - mean_x) ** 2 for x in xs)
    both = math.fsum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True))
    slope = both / spread_x
    return [y - mean_y - slope * (x - mean_x) for x, y in zip(xs, ys, strict=True)]


def _sd(values: Sequence[float]) -> float:
    return math.sqrt(math.fsum(value * value for value in values) / len(values))


def _log_normal(x: float, mean: float, sd: float) -> float:
    return -0.5 * ((x - mean) / sd) ** 2 - math.log(sd)
