"""Environment: the air at the person's carried sensor against the air at the site's nodes.

Physics, not a threshold on °C (matching.md). Dew points are compared first, with both sensors'
accuracy, the sensor's own offset as far as this interval shows it, and the spread between rooms; a
sensor that is warmed explains a temperature, never a dew point. Tails are heavy: a difference that
is larger than places differ speaks of a broken sensor. What a sensor says is where it and the
laptop that heard it are together.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from zaigang_collector.matching.air import Air, air, is_air
from zaigang_collector.matching.model import TimedReading
from zaigang_collector.matching.policy import Policy
from zaigang_collector.matching.timeline import Device, Lane, Scene, order, spread
from zaigang_collector.matching.words_air import Differs
from zaigang_shared.readings import Environment

_SQRT_2PI: Final = math.sqrt(2 * math.pi)


class Sample(NamedTuple):
    """One sensor in one slot: the mean of what it said."""

    air: Air
    heat_c: float
    """How much of the temperature the device itself knows to be its own warmth."""
    error_ms: int
    first: TimedReading
    """Stands for all of the slot among the references: five a slot would be five hundred a day."""


BySlot: TypeAlias = Mapping[int, Sample]


class Compared(NamedTuple):
    """One carried sensor beside the site's air in one slot."""

    dew_diff_k: float
    """Carried minus site, after the offset."""
    temp_diff_c: float
    sd_k: float
    llr: float
    witness: bool
    warmed: bool
    """The dew points agree, the temperatures do not: by itself it says nothing."""
    readings: tuple[TimedReading, TimedReading]
    """The carried sensor's and the site's."""


@dataclass(slots=True)
class Breathed:
    """What the air says of one laptop's surroundings."""

    lane: Lane
    compared: dict[int, Compared]
    """The most favourable carried sensor per slot."""
    offsets_k: dict[str, float]
    """Per carried sensor what this interval showed its dew point to be off by."""


def site_air(scene: Scene) -> tuple[BySlot, ...]:
    """The air at the site, one series for each of its nodes' sensors."""
    own = frozenset(scene.site.node_ids)
    return tuple(
        series
        for node in scene.nodes
        if node.device_id in own
        for _, series in sensors(scene, node)
    )


def sensors(scene: Scene, device: Device, via: str | None = None) -> Iterator[tuple[str, BySlot]]:
    """A device's sensors in order of name, each with its slots."""
    found: dict[str, dict[int, list[TimedReading]]] = {}
    weights: dict[int, float] = {}  # by time error; few differ
    for slot, timed in spread(scene, device.of(Environment)):
        reading = timed.reading
        if not isinstance(reading, Environment) or (via is not None and reading.via != via):
            continue
        if timed.error_ms not in weights:
            weights[timed.error_ms] = scene.weight(timed.error_ms)
        if weights[timed.error_ms] and is_air(reading.temp_c, reading.rh_pct):
            if reading.sensor not in found:
                found[reading.sensor] = defaultdict(list)
            found[reading.sensor][slot].append(timed)
    for name in sorted(found):
        yield name, {slot: _sample(scene, several) for slot, several in found[name].items()}


def place(scene: Scene, device: Device, site: Sequence[BySlot], near: Sequence[bool]) -> Breathed:
    """Where the air puts one laptop with its owner's sensors. `near`: slots in which radio puts the
    laptop at the site: there the sensors' offsets show."""
    lane = Lane.empty(scene.grid.count)
    told = Breathed(lane, {}, {})
    if not site:
        return told
    coverage = scene.site.coverage_by_employee.get(scene.claim.employee_id)
    for name, series in sensors(scene, device, "ble"):
        offset, learnt = _offset(scene, name, series, site, near)
        if learnt:
            told.offsets_k[name] = offset.mean_k
        if not _known(scene.policy, coverage) and not learnt:
            share = None
        else:
            share = (
                coverage if _known(scene.policy, coverage) else scene.policy.coverage_least_share
            )
        for slot, sample in series.items():
            compared = _nearest(scene, sample, slot, site, offset, share)
            held = told.compared.get(slot)
            # Of two sensors that disagree one is wrong, nobody knows which: the kinder one counts.
            if compared is not None and (held is None or compared.llr > held.llr):
                told.compared[slot] = compared
                _write(lane, slot, compared)
        if learnt:
            lane.decided += [sample.first for slot, sample in series.items() if near[slot]]
    return told


def _write(lane: Lane, slot: int, compared: Compared) -> None:
    lane.support[slot] = 0.0
    lane.support_refs.pop(slot, None)
    lane.forgive([slot])
    if compared.llr > 0.0:
        lane.add_support(slot, compared.llr, compared.readings[0])
    else:
        lane.add_against(slot, compared.llr, compared.witness, compared.readings)


@dataclass(frozen=True, slots=True)
class _Offset:
    """What a carried sensor's dew point is off by, and how well that is known."""

    mean_k: float
    sd_k: float | None
    """None: only the datasheets tell."""


def _offset(
    scene: Scene, name: str, series: BySlot, site: Sequence[BySlot], near: Sequence[bool]
) -> tuple[_Offset, bool]:
    """As it was learnt from other days, or else from the slots in which radio puts the sensor at
    the site; nothing from too few of them.

    Never more than the sensors' own accuracy explains: or a beacon that is relayed home would teach
    that home's air is the site's.
    """
    policy = scene.policy
    for known in scene.claim.sensor_offsets:
        if known.sensor == name:
            return _Offset(known.dew_k, known.sd_k), True
    differences, sds = differences_k(series, site, near)
    if len(differences) * policy.slot_s < policy.air_learn_min * 60:
        return _Offset(0.0, None), False
    most_k = policy.air_offset_factor * statistics.median(sds)
    seen_k = statistics.median(differences)
    bounded_k = min(most_k, max(-most_k, seen_k))
    # Beyond what its accuracy explains nothing was learnt of the sensor.
    known_sd_k = policy.air_spread_k if bounded_k == seen_k else None
    return _Offset(bounded_k, known_sd_k), True


def differences_k(
    series: BySlot, site: Sequence[BySlot], near: Sequence[bool]
) -> tuple[list[float], list[float]]:
    """Dew points of a carried sensor minus those of the site's sensor that agrees best, in the slots
    `near`, and the standard deviations that the data sheets give such a difference."""
    differences, sds = [], []
    for slot in sorted(series):
        beside = [other[slot] for other in site if slot in other] if near[slot] else []
        if beside:
            other = min(beside, key=lambda one: abs(series[slot].air.dew_c - one.air.dew_c))
            differences.append(series[slot].air.dew_c - other.air.dew_c)
            sds.append(math.hypot(series[slot].air.dew_sd_k, other.air.dew_sd_k))
    return differences, sds


def _nearest(
    scene: Scene,
    sample: Sample,
    slot: int,
    site: Sequence[BySlot],
    offset: _Offset,
    coverage: float | None,
) -> Compared | None:
    """Against that sensor of the site which agrees best: a node covers a room, not a site."""
    best = None
    for series in site:
        other = series.get(slot)
        if other is None:
            continue
        compared = _compare(scene, sample, other, offset, coverage)
        if best is None or compared.llr > best.llr:
            best = compared
    return best


def _compare(
    scene: Scene, sample: Sample, other: Sample, offset: _Offset, coverage: float | None
) -> Compared:
    policy = scene.policy
    diff_k = sample.air.dew_c - other.air.dew_c - offset.mean_k
    accuracy_k = offset.sd_k
    if accuracy_k is None:
        accuracy_k = math.hypot(sample.air.dew_sd_k, other.air.dew_sd_k)
    sd_k = math.hypot(accuracy_k, policy.air_spread_k)
    error_ms = max(sample.error_ms, other.error_ms)
    llr = scene.weight(error_ms) * llr_of(policy, diff_k, sd_k, coverage)
    temp_diff_c = sample.air.temp_c - (other.air.temp_c - other.heat_c)
    temp_sd_c = math.hypot(sample.air.temp_sd_c, other.air.temp_sd_c)
    warmed = llr > 0.0 and abs(temp_diff_c) > policy.air_warm_c + temp_sd_c
    if warmed:  # the water in the air is the same in many places on one day: no support either
        llr = 0.0
    readings = sample.first, other.first
    return Compared(diff_k, temp_diff_c, sd_k, llr, scene.is_witness(error_ms), warmed, readings)


def llr_of(policy: Policy, diff_k: float, sd_k: float, coverage: float | None) -> float:
    """log P(difference | at site) - log P(difference | away), for two dew points `diff_k` apart.

    At the site the person is in the node's room with probability `coverage`, else in another one;
    either sensor may be broken. `coverage` None: nobody knows, and nothing speaks against.
    """
    room = 1.0 if coverage is None else coverage
    working = room * _normal(diff_k, sd_k)
    working += (1.0 - room) * _normal(diff_k, math.hypot(sd_k, policy.air_rooms_k))
    broken = policy.air_broken_share * _normal(diff_k, policy.air_broken_k)
    here = (1.0 - policy.air_broken_share) * working + broken
    # A broken sensor is as likely anywhere, so it must not make an absence likelier.
    away = (1.0 - policy.air_broken_share) * _normal(diff_k, math.hypot(sd_k, policy.air_away_k))
    llr = math.log(here) - math.log(away + broken)
    return max(0.0, llr) if coverage is None else llr


def medians(compared: Sequence[Compared]) -> Differs | None:
    """What a sentence tells of several slots; None of none."""
    if not compared:
        return None
    return Differs(
        statistics.median(one.dew_diff_k for one in compared),
        statistics.median(one.temp_diff_c for one in compared),
        statistics.median(one.sd_k for one in compared),
    )


def _normal(x: float, sd: float) -> float:
    return math.exp(-0.5 * (x / sd) ** 2) / (sd * _SQRT_2PI)


def _known(policy: Policy, coverage: float | None) -> bool:
    return coverage is not None and policy.coverage_least_share <= coverage <= 1.0


def _sample(scene: Scene, several: Sequence[TimedReading]) -> Sample:
    """The mean in one slot. Accuracy is a sensor's own, so no mean makes it better."""
    policy, count = scene.policy, len(several)
    temps, rhs, first = [], [], several[0]
    temp_acc_c = rh_acc_pct = heat_c = 0.0
    error_ms = 0
    # Compared and not `max`, which is a call each: this is done a thousand times a day.
    for timed in several:
        said = timed.reading
        if not isinstance(said, Environment):  # only these are in here
            continue
        temps.append(said.temp_c)
        rhs.append(said.rh_pct)
        acc_c = policy.air_unknown_c if said.temp_acc_c is None else said.temp_acc_c
        acc_pct = policy.air_unknown_pct if said.rh_acc_pct is None else said.rh_acc_pct
        if acc_c > temp_acc_c:
            temp_acc_c = acc_c
        if acc_pct > rh_acc_pct:
            rh_acc_pct = acc_pct
        if said.self_heat_c is not None and said.self_heat_c > heat_c:
            heat_c = said.self_heat_c
        if timed.error_ms > error_ms:
            error_ms = timed.error_ms
        if timed.at_ms <= first.at_ms and order(timed) < order(first):
            first = timed
    mean = air(math.fsum(temps) / count, math.fsum(rhs) / count, temp_acc_c, rh_acc_pct)
    return Sample(mean, heat_c, error_ms, first)
