"""Beacon: the employee's device heard the site's rotating identifier in its slot, or the site's node
heard that of the device: two witnesses of one thing, which count once.

Silence speaks against presence only where the laptop scanned well, every node of the site says that
it was broadcasting, and it is known how often this person is heard at this site.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from zaigang_collector.matching import beacon_clock
from zaigang_collector.matching.beacon_clock import NO_CLOCK, Clock
from zaigang_collector.matching.model import BeaconSlot, TimedReading
from zaigang_collector.matching.timeline import Device, Lane, Scene, order, spread
from zaigang_shared.readings import Advert, Beacon, Scan
from zaigang_shared.rid import SLOT_MS


@dataclass(frozen=True, slots=True)
class Misheard:
    """An identifier that is no support: stale, early, or another site's."""

    kind: str
    """stale, early, foreign; unsettled: nobody knows what the beacon's clock was; copied: of a
    laptop that seems to be elsewhere."""
    off_ms: int
    """How far outside its slot, beyond all tolerance."""
    slot: int
    timed: TimedReading


@dataclass(frozen=True, slots=True)
class Placed:
    """Where the beacon puts one laptop, by whose word."""

    lane: Lane
    """As the laptop heard nodes; `join` adds what nodes heard, and what silence says."""
    witness: Lane
    """As nodes heard the laptop."""
    misheard: list[Misheard]


@dataclass(slots=True)
class _Ear:
    """What one laptop heard, while it is being put together."""

    lane: Lane
    misheard: list[Misheard] = field(default_factory=list)
    unsure: dict[str, list[Misheard]] = field(default_factory=dict)
    """By beacon: heard out of its time, while nobody knows what its clock was."""


@dataclass(frozen=True, slots=True)
class NodeAir:
    """What the site's nodes, and the laptops, say of their own broadcast."""

    well: tuple[tuple[TimedReading, ...], ...]
    """Per slot the readings that say that every node was on the air; empty: not known."""
    witness: tuple[bool, ...]
    clocks: Mapping[str, Clock]
    """By device: what its clock was, of those that say anything."""
    odd: bool
    """Whether a node's clock was wrong at any time."""


def node_air(scene: Scene) -> NodeAir:
    """Whether and when the site's nodes broadcast."""
    count = scene.grid.count
    expected = sorted(set(scene.site.node_ids) | {node.device_id for node in scene.nodes})
    known = {node.device_id: node for node in scene.nodes}
    well: list[list[TimedReading]] = [[] for _ in range(count)]
    good = [bool(expected)] * count
    witness = [True] * count
    for node_id in expected:
        adverts = known[node_id].of(Advert) if node_id in known else ()
        for slot, found in enumerate(_by_slot(scene, adverts)):
            if not _covers(scene, slot, found, scene.policy.node_advert_share) or not all(
                timed.reading.ok  # type: ignore[union-attr]  # only adverts are in here
                for timed in found
            ):
                good[slot] = False
            well[slot].extend(found)
            witness[slot] &= _are_witnesses(scene, found)
    clocks = dict(
        beacon_clock.of_devices(
            (device.device_id, device.of(Advert)) for device in (*scene.nodes, *scene.laptops)
        )
    )
    return NodeAir(
        tuple(tuple(found) if good[slot] else () for slot, found in enumerate(well)),
        tuple(witness),
        clocks,
        any(
            node.device_id in clocks and clocks[node.device_id].first_wrong for node in scene.nodes
        ),
    )


def place(scene: Scene, device: Device, air: NodeAir) -> Placed:
    """Where the beacon puts one laptop."""
    ear = _Ear(Lane.empty(scene.grid.count))
    _hear(scene, device, air, ear)
    _settle(scene, device, air, ear)
    _rest_on(scene, air, ear)
    return Placed(ear.lane, _witness(scene, device, air), ear.misheard)


def join(
    scene: Scene, device: Device, air: NodeAir, found: Placed, network: Lane
) -> tuple[float, ...]:
    """Put what nodes heard of the laptop beside what it heard itself; returns what that adds.

    Who controls a laptop can copy its key, and leave it to something at the site: where nodes alone
    hear it and its owner's home network says otherwise, nobody can tell, and neither counts.
    """
    lane, witness = found.lane, found.witness
    contested = {
        slot for slot in witness.support_refs if network.against[slot] and not lane.support[slot]
    }
    added = [0.0 if slot in contested else llr for slot, llr in enumerate(witness.support)]
    for slot, timed in witness.support_refs.items():
        lane.add_support(slot, added[slot], timed)
    lane.decided += [*witness.decided, *witness.support_refs.values()]
    network.forgive(contested)
    found.misheard.extend(_copied(scene, device, air, witness, contested))
    llr = silence_llr(scene)
    if llr:
        _listen(scene, device, air, lane, llr)
        lane.forgive(contested)
    return tuple(added)


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


def _hear(scene: Scene, device: Device, air: NodeAir, ear: _Ear) -> None:
    # Thousands a day, and most of the time that an assessment takes: names are looked up once.
    known, site_id, grid = scene.evidence.beacons, scene.site.site_id, scene.grid
    start_ms, slot_ms, count = grid.start_ms, grid.slot_ms, grid.count
    latest_ms = -1 if air.odd else SLOT_MS
    longest_ms = scene.policy.longest_span_s * 1000
    lane = ear.lane
    support, refs = lane.support, lane.support_refs
    llrs: dict[int, float] = {}  # by time error; few differ
    for timed in device.of(Beacon):
        heard = timed.reading
        source = known.get(heard.id)  # type: ignore[union-attr]  # only beacons are in here
        if source is None or not source.site_id:
            continue  # nobody's: another company's, or noise; or another laptop's, which places nobody
        heard_ms = timed.boot_offset_ms + heard.first_t  # type: ignore[union-attr]  # the same
        slot = (heard_ms - start_ms) // slot_ms
        # Told long after it was heard: the time of hearing is the device's word alone.
        if not 0 <= slot < count or timed.at_ms - heard_ms > longest_ms:
            continue
        plain = source.site_id == site_id and 0 <= heard_ms - source.slot * SLOT_MS <= latest_ms
        wrong = None if plain else _wrong(scene, air, source, heard_ms, slot, timed)
        if wrong is not None:
            _mishear(air, ear, source, heard_ms, wrong)
            continue
        llr = llrs.get(timed.error_ms)
        if llr is None:
            llr = llrs[timed.error_ms] = scene.weight(timed.error_ms) * scene.policy.beacon_llr
        if llr > support[slot] or (llr and order(timed) < order(refs[slot])):
            lane.add_support(slot, llr, timed)


def _wrong(
    scene: Scene, air: NodeAir, source: BeaconSlot, heard_ms: int, slot: int, timed: TimedReading
) -> Misheard | None:
    """None when the identifier is the site's own and was heard in its slot."""
    if source.site_id != scene.site.site_id:
        return Misheard("foreign", 0, slot, timed)
    behind = air.clocks.get(source.node_id, NO_CLOCK).behind(heard_ms)
    off_ms = beacon_clock.off_ms(source.slot, heard_ms, behind, _slack_ms(scene, timed))
    if off_ms == 0:
        return None
    return Misheard("stale" if off_ms > 0 else "early", abs(off_ms), slot, timed)


def _slack_ms(scene: Scene, timed: TimedReading) -> int:
    return round(scene.policy.beacon_tolerance_s * 1000) + max(0, timed.error_ms)


def _mishear(air: NodeAir, ear: _Ear, source: BeaconSlot, heard_ms: int, wrong: Misheard) -> None:
    clock = air.clocks.get(source.node_id, NO_CLOCK)
    if wrong.kind == "foreign" or clock.near(heard_ms):
        ear.misheard.append(wrong)
    else:
        ear.unsure.setdefault(source.node_id, []).append(wrong)


def _settle(scene: Scene, device: Device, air: NodeAir, ear: _Ear) -> None:
    """Beacons that said nothing of their clock and are heard out of their time.

    Where the identifiers advance as a clock does, a wrong clock explains them as well as a recording
    of an hour does: nobody can tell, so they count for nothing, neither way, until the node has said
    what its clock was. A single one that goes on and on, or jumps, is no clock's.
    """
    known = scene.evidence.beacons
    for node_id, found in sorted(ear.unsure.items()):
        ear.lane.decided.extend(item.timed for item in found)
        right = _heard_right(scene, device, air, node_id)
        if right is not None:
            ear.lane.decided.append(right)
        heard = [
            beacon_clock.Heard(
                known[one.id].slot, _heard_ms(item.timed), max(0, item.timed.error_ms)
            )
            for item in found
            if isinstance(one := item.timed.reading, Beacon)
        ]
        if right is None and beacon_clock.advances(heard):
            found = [dataclasses.replace(item, kind="unsettled") for item in found]
        ear.misheard.extend(found)


def _heard_right(scene: Scene, device: Device, air: NodeAir, node_id: str) -> TimedReading | None:
    """The first hearing of a beacon in its time, if any: its clock is right then."""
    found = [
        timed
        for timed in device.of(Beacon)
        if (source := scene.evidence.beacons.get(timed.reading.id)) is not None  # type: ignore[union-attr]  # only beacons are in here
        and source.node_id == node_id
        and scene.grid.slot_at(_heard_ms(timed)) is not None
        and _wrong(scene, air, source, _heard_ms(timed), 0, timed) is None
    ]
    return min(found, key=order, default=None)


def _rest_on(scene: Scene, air: NodeAir, ear: _Ear) -> None:
    """What nodes said of their clocks decides what was out of its time, and, where one was wrong,
    what was in it."""
    counted = ear.lane.support_refs.values() if air.odd else ()
    for timed in (*counted, *(item.timed for item in ear.misheard)):
        source = scene.evidence.beacons[timed.reading.id]
        clock = air.clocks.get(source.node_id, NO_CLOCK)
        said = clock.near(_heard_ms(timed))
        if said and (first := clock.first_wrong) is not None:
            said = (first, *said)
        ear.lane.decided.extend(said)


def _witness(scene: Scene, device: Device, air: NodeAir) -> Lane:
    """Where the site's nodes heard the laptop's own identifier.

    Only what the laptop itself says to have sent: then two signed statements agree. Anything else
    is silence: whoever records an identifier in passing can play it back to harm its owner.
    """
    lane = Lane.empty(scene.grid.count)
    clock = air.clocks.get(device.device_id, NO_CLOCK)
    longest_ms = scene.policy.longest_span_s * 1000
    for timed, source in _heard_by_nodes(scene, device.device_id):
        heard_ms = _heard_ms(timed)
        slot, said = scene.grid.slot_at(heard_ms), clock.near(heard_ms)
        if slot is None or timed.at_ms - heard_ms > longest_ms:
            continue
        if not any(_sent(one, source.slot) for one in said):
            continue
        behind = clock.behind(heard_ms)
        if beacon_clock.off_ms(source.slot, heard_ms, behind, _slack_ms(scene, timed)) == 0:
            lane.add_support(slot, scene.weight(timed.error_ms) * scene.policy.beacon_llr, timed)
    for timed in lane.support_refs.values():
        lane.decided.extend(clock.near(_heard_ms(timed)))
    return lane


def _copied(
    scene: Scene, device: Device, air: NodeAir, witness: Lane, contested: Iterable[int]
) -> list[Misheard]:
    """Contested slots in which the laptop scanned well, and heard nothing of a node that was
    broadcasting.

    A home within reach of the site, a deaf radio, a network that is registered wrongly: each alone
    is innocent. All of it together looks like a copy of the laptop's key.
    """
    scans = _by_slot(scene, device.of(Scan))
    return [
        Misheard("copied", 0, slot, witness.support_refs[slot])
        for slot in sorted(contested)
        if air.well[slot] and _scanned_well(scene, slot, scans[slot])
    ]


def _heard_by_nodes(scene: Scene, device_id: str) -> Iterable[tuple[TimedReading, BeaconSlot]]:
    own, known = frozenset(scene.site.node_ids), scene.evidence.beacons
    for node in scene.nodes:
        for timed in node.of(Beacon) if node.device_id in own else ():
            source = known.get(timed.reading.id)  # type: ignore[union-attr]  # only beacons are in here
            if source is not None and source.node_id == device_id:
                yield timed, source


def _sent(timed: TimedReading, slot: int) -> bool:
    said = timed.reading
    return isinstance(said, Advert) and said.slot_first <= slot <= said.slot_last


def _heard_ms(timed: TimedReading) -> int:
    return timed.boot_offset_ms + timed.reading.first_t  # type: ignore[union-attr]  # only beacons come here


def listened(scene: Scene, device: Device, air: NodeAir) -> list[bool]:
    """Slots in which the laptop scanned well and the site's nodes were on the air."""
    found = _by_slot(scene, device.of(Scan))
    return [
        bool(on_air) and _scanned_well(scene, slot, found[slot])
        for slot, on_air in enumerate(air.well)
    ]


def gone_quiet(scene: Scene, device: Device, air: NodeAir, lane: Lane) -> list[bool]:
    """Slots in which a laptop that heard the site's beacon for a while in this interval hears it no
    longer, though both are well: silence that means something without anything learnt."""
    heard = [slot for slot, llr in enumerate(lane.support) if llr and not scene.exempt[slot]]
    quiet = [False] * scene.grid.count
    if len(heard) * scene.policy.slot_s < scene.policy.heard_least_min * 60:
        return quiet
    for slot, found in enumerate(_by_slot(scene, device.of(Scan))):
        if air.well[slot] and not lane.support[slot] and _scanned_well(scene, slot, found):
            quiet[slot] = True
            lane.decided += [*found, *air.well[slot]]
    return quiet


def _listen(scene: Scene, device: Device, air: NodeAir, lane: Lane, llr: float) -> None:
    for slot, found in enumerate(_by_slot(scene, device.of(Scan))):
        on_air = air.well[slot]
        if not on_air or lane.support[slot] or not _scanned_well(scene, slot, found):
            continue
        worst_ms = max([timed.error_ms for timed in (*found, *on_air)])
        witness = air.witness[slot] and scene.is_witness(worst_ms)
        lane.add_against(slot, scene.weight(worst_ms) * llr, witness, (*found, *on_air))


def _scanned_well(scene: Scene, slot: int, found: Sequence[TimedReading]) -> bool:
    if not _covers(scene, slot, found, scene.policy.scan_healthy_share):
        return False
    scans = [timed.reading for timed in found if isinstance(timed.reading, Scan)]
    # A radio that hears hardly anybody may be deaf, whatever it says of itself.
    minutes = sum(scan.span_ms for scan in scans) / 60_000
    adverts = sum(scan.adverts for scan in scans)
    enough = adverts >= max(1.0, scene.policy.scan_least_adverts * minutes)
    return all(scan.healthy for scan in scans) and enough


def _by_slot(scene: Scene, found: Sequence[TimedReading]) -> list[list[TimedReading]]:
    by_slot: list[list[TimedReading]] = [[] for _ in range(scene.grid.count)]
    for slot, timed in spread(scene, found):
        by_slot[slot].append(timed)
    return by_slot


def _are_witnesses(scene: Scene, found: Sequence[TimedReading]) -> bool:
    errors_ms = [timed.error_ms for timed in found]
    return not found or (scene.is_witness(min(errors_ms)) and scene.is_witness(max(errors_ms)))


def _covers(scene: Scene, slot: int, found: Sequence[TimedReading], share: float) -> bool:
    slot_ms = scene.grid.to_ms(slot) - scene.grid.from_ms(slot)
    return bool(found) and sum([timed.reading.span_ms for timed in found]) >= share * slot_ms
