"""Beacon: the employee's device heard the site's rotating identifier in its slot.

Silence speaks against presence only where the laptop scanned well, every node of the site says that
it was broadcasting, and it is known how often this person is heard at this site.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from zaigang_collector.matching.model import BeaconSlot, TimedReading
from zaigang_collector.matching.timeline import Device, Lane, Scene, spread
from zaigang_shared.readings import Advert, Beacon, Scan
from zaigang_shared.rid import SLOT_MS

_NO_SHIFT: Final = (0, 0)


@dataclass(frozen=True, slots=True)
class Misheard:
    """An identifier that is no support: stale, early, or another site's."""

    kind: str
    """stale, early or foreign."""
    off_ms: int
    """How far outside its slot, beyond all tolerance."""
    slot: int
    timed: TimedReading


@dataclass(frozen=True, slots=True)
class NodeAir:
    """What the site's nodes say of their own broadcast."""

    well: tuple[tuple[TimedReading, ...], ...]
    """Per slot the readings that say that every node was on the air; empty: not known."""
    witness: tuple[bool, ...]
    shifts: dict[tuple[str, int], tuple[int, int]]
    """Per node and slot: the node's clock is behind the collector's by so much, from and to."""
    said: dict[tuple[str, int], list[TimedReading]]
    """The readings that such a shift rests on."""


def node_air(scene: Scene) -> NodeAir:
    """Whether and when the site's nodes broadcast."""
    count = scene.grid.count
    expected = sorted(set(scene.site.node_ids) | {node.device_id for node in scene.nodes})
    known = {node.device_id: node for node in scene.nodes}
    well: list[list[TimedReading]] = [[] for _ in range(count)]
    good = [bool(expected)] * count
    witness = [True] * count
    shifts: dict[tuple[str, int], tuple[int, int]] = {}
    said: dict[tuple[str, int], list[TimedReading]] = {}
    for node_id in expected:
        adverts = known[node_id].of(Advert) if node_id in known else ()
        for slot, found in enumerate(_by_slot(scene, adverts)):
            if not _covers(scene, slot, found, scene.policy.node_advert_share) or not all(
                timed.reading.ok  # type: ignore[union-attr]  # only adverts are in here
                for timed in found
            ):
                good[slot] = False
            well[slot].extend(found)
            witness[slot] &= all(scene.is_witness(timed.error_ms) for timed in found)
            shift = _shift(found)
            if shift != _NO_SHIFT:
                shifts[node_id, slot], said[node_id, slot] = shift, found
    return NodeAir(
        tuple(tuple(found) if good[slot] else () for slot, found in enumerate(well)),
        tuple(witness),
        shifts,
        said,
    )


def place(scene: Scene, device: Device, air: NodeAir) -> tuple[Lane, list[Misheard]]:
    """Where the beacon puts one laptop."""
    lane = Lane.empty(scene.grid.count)
    misheard = _hear(scene, device, air, lane)
    llr = silence_llr(scene)
    if llr:
        _listen(scene, device, air, lane, llr)
    return lane, misheard


def badge(scene: Scene) -> Lane:
    """Where the site's nodes heard the person's own badge."""
    lane = Lane.empty(scene.grid.count)
    own = frozenset(scene.site.node_ids)
    badges = scene.claim.badges
    if not badges:
        return lane
    for node in scene.nodes:
        if node.device_id not in own:
            continue
        for timed in node.of(Beacon):
            heard = timed.reading
            if isinstance(heard, Beacon) and heard.scheme == "badge" and heard.id in badges:
                slot = scene.grid.slot_at(timed.boot_offset_ms + heard.last_t)
                weight = scene.weight(timed.error_ms)
                if slot is not None and weight:
                    lane.add_support(slot, weight * scene.policy.beacon_llr, timed)
    return lane


def silence_llr(scene: Scene) -> float:
    """What a slot without the beacon is worth for this person here; 0.0 when nobody knows."""
    coverage = scene.site.coverage_by_employee.get(scene.claim.employee_id)
    least = scene.policy.coverage_least_share
    if coverage is None or not least <= coverage <= 1.0:  # also refuses NaN
        return 0.0
    most = scene.policy.silence_most_llr
    return -most if coverage == 1.0 else -min(most, -math.log1p(-coverage))


def _hear(scene: Scene, device: Device, air: NodeAir, lane: Lane) -> list[Misheard]:
    # Thousands a day, and most of the time that an assessment takes: names are looked up once.
    known, site_id, grid = scene.evidence.beacons, scene.site.site_id, scene.grid
    start_ms, slot_ms, count = grid.start_ms, grid.slot_ms, grid.count
    latest_ms = -1 if air.shifts else SLOT_MS
    longest_ms = scene.policy.longest_span_s * 1000
    support, refs = lane.support, lane.support_refs
    llrs: dict[int, float] = {}  # by time error; few differ
    misheard: list[Misheard] = []
    for timed in device.of(Beacon):
        source = known.get(timed.reading.id)  # type: ignore[union-attr]  # only beacons are in here
        if source is None:
            continue  # nobody's: another company's, or noise
        heard_ms = timed.boot_offset_ms + timed.reading.first_t  # type: ignore[union-attr]  # the same
        slot = (heard_ms - start_ms) // slot_ms
        # Told long after it was heard: the time of hearing is the device's word alone.
        if not 0 <= slot < count or timed.at_ms - heard_ms > longest_ms:
            continue
        plain = source.site_id == site_id and 0 <= heard_ms - source.slot * SLOT_MS <= latest_ms
        wrong = None if plain else _wrong(scene, air, source, heard_ms, slot, timed)
        if wrong is not None:
            misheard.append(wrong)
            continue
        llr = llrs.get(timed.error_ms)
        if llr is None:
            llr = llrs[timed.error_ms] = scene.weight(timed.error_ms) * scene.policy.beacon_llr
        if llr > support[slot] or (llr and timed.at_ms <= refs[slot].at_ms):
            lane.add_support(slot, llr, timed)
    judged = {slot for slot, llr in enumerate(support) if llr} | {item.slot for item in misheard}
    for (_, slot), said in air.said.items():
        if slot in judged:
            lane.decided.extend(said)
    return misheard


def _wrong(
    scene: Scene, air: NodeAir, source: BeaconSlot, heard_ms: int, slot: int, timed: TimedReading
) -> Misheard | None:
    """None when the identifier is the site's own and was heard in its slot."""
    if source.site_id != scene.site.site_id:
        return Misheard("foreign", 0, slot, timed)
    since_ms = heard_ms - source.slot * SLOT_MS
    low_ms, high_ms = air.shifts.get((source.node_id, slot), _NO_SHIFT)
    slack_ms = round(scene.policy.beacon_tolerance_s * 1000) + max(0, timed.error_ms)
    late_ms = since_ms - (SLOT_MS + high_ms + slack_ms)
    if late_ms > 0:
        return Misheard("stale", late_ms, slot, timed)
    early_ms = low_ms - slack_ms - since_ms
    return Misheard("early", early_ms, slot, timed) if early_ms > 0 else None


def listened(scene: Scene, device: Device, air: NodeAir) -> list[bool]:
    """Slots in which the laptop scanned well and the site's nodes were on the air."""
    found = _by_slot(scene, device.of(Scan))
    return [
        bool(on_air) and _scanned_well(scene, slot, found[slot])
        for slot, on_air in enumerate(air.well)
    ]


def _listen(scene: Scene, device: Device, air: NodeAir, lane: Lane, llr: float) -> None:
    for slot, found in enumerate(_by_slot(scene, device.of(Scan))):
        on_air = air.well[slot]
        if not on_air or lane.support[slot] or not _scanned_well(scene, slot, found):
            continue
        worst_ms = max(timed.error_ms for timed in (*found, *on_air))
        witness = air.witness[slot] and scene.is_witness(worst_ms)
        lane.add_against(slot, scene.weight(worst_ms) * llr, witness, (*found, *on_air))


def _scanned_well(scene: Scene, slot: int, found: Sequence[TimedReading]) -> bool:
    if not _covers(scene, slot, found, scene.policy.scan_healthy_share):
        return False
    scans = [timed.reading for timed in found if isinstance(timed.reading, Scan)]
    # A radio that hears nobody at all may be deaf, whatever it says of itself.
    return all(scan.healthy for scan in scans) and any(scan.adverts for scan in scans)


def _by_slot(scene: Scene, found: Sequence[TimedReading]) -> list[list[TimedReading]]:
    by_slot: list[list[TimedReading]] = [[] for _ in range(scene.grid.count)]
    for slot, timed in spread(scene, found):
        by_slot[slot].append(timed)
    return by_slot


def _covers(scene: Scene, slot: int, found: Sequence[TimedReading], share: float) -> bool:
    slot_ms = scene.grid.to_ms(slot) - scene.grid.from_ms(slot)
    return bool(found) and sum(timed.reading.span_ms for timed in found) >= share * slot_ms


def _shift(found: Sequence[TimedReading]) -> tuple[int, int]:
    """How far the node's clock is behind ours, in ms, from and to.

    At the end of an observation the node is in `slot_last`, by its own clock. (0, 0) when its clock
    can be right, or when it says nothing.
    """
    lows, highs = [], []
    for timed in found:
        if isinstance(timed.reading, Advert):
            since_ms = timed.at_ms - timed.reading.slot_last * SLOT_MS
            lows.append(since_ms - SLOT_MS - timed.error_ms)
            highs.append(since_ms + timed.error_ms)
    if not lows:
        return _NO_SHIFT
    low, high = max(lows), min(highs)
    if low > high:  # its clock was set within these minutes
        low, high = min(lows), max(highs)
    return _NO_SHIFT if low <= 0 <= high else (low, high)
