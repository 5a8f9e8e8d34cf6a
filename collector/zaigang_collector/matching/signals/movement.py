"""Movement: two sensors in one room rise and fall together.

Air-conditioning cycles, doors and people move a room's temperature by tenths of a degree within
minutes; the sensor's offset, and its slow warming, drop out of the correlation. Hour by hour, since
a shorter stretch of two drifting series is correlated by chance. Never a witness: a sensor in a bag
follows late.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from zaigang_collector.matching.air import is_air
from zaigang_collector.matching.model import TimedReading
from zaigang_collector.matching.policy import Policy
from zaigang_collector.matching.timeline import Device, Lane, Scene, order
from zaigang_shared.readings import Environment

_MINUTE_MS: Final = 60_000
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


@dataclass(slots=True)
class _Series:
    """One sensor's temperatures by minute of the collector's time, °C."""

    minutes: dict[int, float]
    readings: dict[int, TimedReading]
    """The first in each minute."""


def place(scene: Scene, device: Device) -> Lane:
    """How a laptop's carried sensors move beside the site's, per hour, spread over its slots."""
    lane = Lane.empty(scene.grid.count)
    own = frozenset(scene.site.node_ids)
    carried = _series(device, "ble")
    if not carried:
        return lane
    site = [
        series for node in scene.nodes if node.device_id in own for series in _series(node, None)
    ]
    for from_ms in range(scene.grid.start_ms, scene.grid.end_ms - _HOUR_MS + 1, _HOUR_MS):
        minutes = range(-(-from_ms // _MINUTE_MS), (from_ms + _HOUR_MS) // _MINUTE_MS)
        best: tuple[float, tuple[TimedReading, ...]] | None = None
        for mine in carried:
            for other in site:
                common = [m for m in minutes if m in mine.minutes and m in other.minutes]
                llr = _hour(scene.policy, common, mine.minutes, other.minutes)
                if llr is not None and (best is None or llr > best[0]):
                    # The first and the last of the hour stand for all of it.
                    best = (
                        llr,
                        tuple(
                            one.readings[minute]
                            for one in (mine, other)
                            for minute in (common[0], common[-1])
                        ),
                    )
        if best is not None:
            _write(scene, lane, from_ms, *best)
    return lane


def _write(
    scene: Scene, lane: Lane, from_ms: int, llr: float, readings: tuple[TimedReading, ...]
) -> None:
    slots = scene.grid.slots_over(from_ms, from_ms + _HOUR_MS)
    for slot in slots:
        if llr > 0.0:
            lane.add_support(slot, llr / len(slots), readings[0])
        else:
            lane.add_against(slot, llr / len(slots), False, readings)
    lane.decided += readings


def _series(device: Device, via: str | None) -> list[_Series]:
    """A device's temperatures by sensor, of well-dated readings only: a series that is shifted by
    minutes moves against its own room."""
    found: dict[str, _Series] = {}
    repeated: dict[tuple[str, int], list[float]] = {}
    for timed in device.of(Environment):
        reading = timed.reading
        if not isinstance(reading, Environment) or (via is not None and reading.via != via):
            continue
        if not 0 <= timed.error_ms <= _MINUTE_MS or not is_air(reading.temp_c, reading.rh_pct):
            continue
        if reading.sensor not in found:
            found[reading.sensor] = _Series({}, {})
        series, minute = found[reading.sensor], timed.at_ms // _MINUTE_MS
        if minute not in series.readings:  # nearly always: sensors are read once a minute
            series.minutes[minute] = reading.temp_c
            series.readings[minute] = timed
            continue
        name = reading.sensor, minute
        repeated.setdefault(name, [series.minutes[minute]]).append(reading.temp_c)
        series.readings[minute] = min(series.readings[minute], timed, key=order)
    for (sensor, minute), temps in repeated.items():
        found[sensor].minutes[minute] = math.fsum(temps) / len(temps)
    return [found[name] for name in sorted(found)]


def _hour(
    policy: Policy,
    common: Sequence[int],
    mine: Mapping[int, float],
    other: Mapping[int, float],
) -> float | None:
    """The log-likelihood ratio of one hour; None when too little moved, or is known."""
    if len(common) < _LEAST_BINS:
        return None
    mean = math.fsum(common) / len(common)
    over = [minute - mean for minute in common]
    square = math.fsum(map(operator.mul, over, over))
    left = _detrended(over, square, [mine[minute] for minute in common])
    left_sd = _sd(left)
    if left_sd < policy.air_move_least_c:
        return None
    right = _detrended(over, square, [other[minute] for minute in common])
    right_sd = _sd(right)
    if right_sd < policy.air_move_least_c:
        return None
    product = math.fsum(map(operator.mul, left, right)) / len(common)
    r = min(_MOST_R, max(-_MOST_R, product / (left_sd * right_sd)))
    z = math.atanh(r)
    llr = _log_normal(z, *_TOGETHER) - _log_normal(z, *_APART)
    return min(policy.air_move_llr, max(-policy.air_move_against_llr, llr))


def _detrended(over: Sequence[float], square: float, ys: Sequence[float]) -> list[float]:
    """What is left of `ys` beside their straight line. `over`: where each is, from their middle;
    `square`: the sum of its squares."""
    mean = math.fsum(ys) / len(ys)
    moved = [y - mean for y in ys]
    slope = math.fsum(map(operator.mul, over, moved)) / square
    return [y - slope * x for x, y in zip(over, moved, strict=True)]


def _sd(values: Sequence[float]) -> float:
    return math.sqrt(math.fsum(map(operator.mul, values, values)) / len(values))


def _log_normal(x: float, mean: float, sd: float) -> float:
    return -0.5 * ((x - mean) / sd) ** 2 - math.log(sd)
