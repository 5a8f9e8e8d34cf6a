"""From what devices saw to what it says of the person: puts the signals together, slot by slot."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Sequence
from dataclasses import dataclass

from zaigang_collector.matching import words, words_air
from zaigang_collector.matching.model import Family, Reference, Text, TimedReading
from zaigang_collector.matching.policy import Policy
from zaigang_collector.matching.signals import (
    beacon,
    environment,
    geofence,
    hands,
    integrity,
    movement,
    network,
    travel,
)
from zaigang_collector.matching.signals.environment import Breathed
from zaigang_collector.matching.signals.hands import Use
from zaigang_collector.matching.timeline import Device, Lane, Scene, Trace, peak, references


@dataclass(frozen=True, slots=True)
class Seen:
    """One laptop, looked at by every signal."""

    device: Device
    beacon: Lane
    heard: Sequence[float]
    """The part of the beacon's support that the laptop heard itself."""
    witnessed: Sequence[float]
    """The part that the site's nodes heard of the laptop."""
    network: Lane
    context: Lane
    hands: Lane
    use: Use
    at_site: Sequence[float]
    """How much support by the device's place says of its owner."""
    away: Sequence[float]
    """The same for what speaks against."""
    air: Breathed
    moves: Lane
    beside_home: Sequence[bool]
    """Slots in which the site's beacon was heard on the owner's home network."""
    unsettled: Sequence[bool]
    """Slots in which only the registration says that the home network is at home."""
    away_in_other_air: Sequence[float]
    """As `away`, by hands where the air differs: radio may not know that place."""

    def support(self, slot: int) -> bool:
        """Whether anything puts the device at the site."""
        return bool(self.beacon.support[slot] or self.network.support[slot])

    def against(self, slot: int) -> bool:
        """Whether anything puts the device elsewhere."""
        return bool(self.beacon.against[slot] or self.network.against[slot])

    def unplaced(self, slot: int) -> bool:
        """Whether there was a hand on it, nobody knows where."""
        placed = self.hands.support[slot] or self.hands.against[slot]
        return self.use.strength[slot] > 0.0 and not placed


@dataclass(frozen=True, slots=True)
class Looked:
    """All signals of one interval."""

    traces: tuple[Trace, ...]
    laptops: tuple[Seen, ...]
    air: beacon.NodeAir
    person: tuple[bool, ...]
    """Slots with the person's own trace at the site: hands, or a carried badge that is not alone."""
    badge_alone: bool
    """Whether a badge was heard, and no device of the person's was at the site all the time: whoever
    wears it, or the drawer that it lies in, looks the same."""
    badge_missing: bool
    """Whether the person has a badge that no node heard, all the time, though the laptop was in use
    where this person's is usually heard: forgotten, or somebody else's hands."""
    two_places: tuple[bool, ...]
    """Slots in which two of the person's devices were in use at different places, or one was in use
    elsewhere and the badge was at the site."""


def look(scene: Scene) -> Looked:
    """Ask every signal."""
    air = beacon.node_air(scene)
    site_air = environment.site_air(scene)
    misheard: list[beacon.Misheard] = []
    laptops = []
    for device in scene.laptops:
        seen, wrong = _see(scene, device, air, site_air)
        laptops.append(seen)
        misheard.extend(wrong)
    badge = beacon.badge(scene)
    at_site = _said(scene, [seen.hands.support for seen in laptops])
    away = _said(scene, [seen.hands.against for seen in laptops])
    worn = [llr > 0.0 for llr in badge.support]
    # Beside a badge only a known network is a place: silence is what a deaf laptop tells as well.
    elsewhere = [
        any(seen.hands.against[slot] and seen.network.against[slot] for seen in laptops)
        for slot in _slots(scene)
    ]
    both = tuple(
        (here and there) or (near and known)
        for here, there, near, known in zip(at_site, away, worn, elsewhere, strict=True)
    )
    asked = [slot for slot in _slots(scene) if not scene.exempt[slot]]
    alone = any(worn) and not any(seen.support(slot) for seen in laptops for slot in asked)
    traces = (
        _beacon(scene, laptops, badge),
        _network(scene, laptops),
        _context(scene, laptops),
        _hands(scene, laptops),
        _environment(scene, laptops, site_air),
        _movement(scene, laptops),
        geofence.find(scene),
        travel.find(scene),
        integrity.find(scene, misheard, sum(both)),
    )
    person = tuple(here or (near and not alone) for here, near in zip(at_site, worn, strict=True))
    missing = _badge_missing(scene, air, worn, at_site)
    return Looked(traces, tuple(laptops), air, person, alone, missing, both)


def _badge_missing(
    scene: Scene, air: beacon.NodeAir, worn: Sequence[bool], at_site: Sequence[bool]
) -> bool:
    """Whether a badge should have been heard and was not."""
    if not scene.claim.badges or any(worn) or not beacon.silence_llr(scene):
        return False
    telling = sum(1 for slot in _slots(scene) if air.well[slot] and at_site[slot])
    return telling * scene.policy.slot_s >= scene.policy.badge_missing_min * 60


def _see(
    scene: Scene,
    device: Device,
    air: beacon.NodeAir,
    site_air: Sequence[environment.BySlot],
) -> tuple[Seen, list[beacon.Misheard]]:
    found = beacon.place(scene, device, air)
    lane, heard = found.lane, tuple(found.lane.support)
    readings = network.held(scene, device)
    # Only what the laptop heard itself shows that a network travels: what nodes hear can be copied.
    placed = network.place(scene, readings, lane)
    witnessed = beacon.join(scene, device, air, found, placed)
    network.shield(scene, readings, lane, heard)
    used = hands.use(scene, device)
    where = hands.place(scene, used, lane, placed)
    # Support fades with the distance to hands at the site, contradiction with that to hands
    # elsewhere: so support that is added can only ever weaken a contradiction.
    at_site = hands.attention(scene, [llr > 0.0 for llr in where.support])
    away = hands.attention(scene, [llr < 0.0 for llr in where.against])
    context = network.context(scene, readings)
    near = [bool(one or other) for one, other in zip(lane.support, placed.support, strict=True)]
    breathed = environment.place(scene, device, site_air, near)
    unsettled = _unsettled(scene, device, air, readings, lane, placed, breathed)
    for slot, open_question in enumerate(unsettled):
        if open_question:  # then hands are nowhere else either: both rest on the registration
            placed.witness[slot] = where.witness[slot] = False
    for slot in _unexplained(scene, readings, lane, placed):
        lane.witness[slot] = where.witness[slot] = False  # hands are nowhere but by that silence
    other_air = [
        strength > 0.0 and llr < 0.0
        for strength, llr in zip(used.strength, breathed.lane.against, strict=True)
    ]
    seen = Seen(
        device,
        lane,
        heard,
        witnessed,
        placed,
        context,
        where,
        used,
        at_site,
        away,
        breathed,
        movement.place(scene, device),
        network.beside_home(scene, readings, lane),
        unsettled,
        hands.attention(scene, other_air),
    )
    return seen, found.misheard


def _unsettled(
    scene: Scene,
    device: Device,
    air: beacon.NodeAir,
    readings: Sequence[network.Held],
    heard: Lane,
    placed: Lane,
    breathed: Breathed,
) -> list[bool]:
    """Slots in which a home network is no place yet, whatever else is seen."""
    if not any(placed.against):
        return [False] * scene.grid.count
    quiet = [llr < 0.0 for llr in heard.against]
    if not beacon.silence_llr(scene):
        quiet = beacon.gone_quiet(scene, device, air, heard)
    strange = -scene.policy.hands_place_llr
    elsewhere = [
        still or llr <= strange for still, llr in zip(quiet, breathed.lane.against, strict=True)
    ]
    return network.unsettled(scene, readings, placed, elsewhere)


def _unexplained(
    scene: Scene, readings: Sequence[network.Held], heard: Lane, placed: Lane
) -> list[int]:
    """Slots in which nothing but the beacon's silence says where the laptop is: no network was told
    that could excuse it or bear it out. Other air is no second word: a room that the node does not
    reach has air of its own."""
    if not any(heard.against):
        return []
    told = network.told(scene, readings)
    return [
        slot
        for slot, llr in enumerate(heard.against)
        if llr < 0.0 and not told[slot] and not placed.against[slot]
    ]


def _beacon(scene: Scene, laptops: Sequence[Seen], badge: Lane) -> Trace:
    lanes = [(seen.beacon, seen.at_site, seen.away) for seen in laptops]
    ones = [1.0] * scene.grid.count
    heard = _said_ms(scene, [seen.heard for seen in laptops])
    witnessed = _said_ms(scene, [seen.witnessed for seen in laptops])
    silent = _said_ms(scene, [seen.beacon.against for seen in laptops])
    worn = _said_ms(scene, [badge.support])
    coverage = scene.site.coverage_by_employee.get(scene.claim.employee_id)
    told = coverage if beacon.silence_llr(scene) else None
    text = words.beacon(heard, witnessed, silent, worn, told)
    return _trace(scene, "beacon", Family.RADIO, [*lanes, (badge, ones, ones)], text)


def _network(scene: Scene, laptops: Sequence[Seen]) -> Trace:
    lanes = [(seen.network, seen.at_site, seen.away) for seen in laptops]
    site = _said_ms(scene, [seen.network.support for seen in laptops])
    home = _said_ms(scene, [seen.network.against for seen in laptops])
    return _trace(scene, "network", Family.RADIO, lanes, words.network(site, home))


def _context(scene: Scene, laptops: Sequence[Seen]) -> Trace:
    ones = [1.0] * scene.grid.count
    lanes = [(seen.context, ones, ones) for seen in laptops]
    support = _said_ms(scene, [seen.context.support for seen in laptops])
    against = _said_ms(scene, [seen.context.against for seen in laptops])
    text = words.network_context(support, against)
    return _trace(scene, "network_context", Family.RADIO, lanes, text, witness=False)


def _hands(scene: Scene, laptops: Sequence[Seen]) -> Trace:
    ones = [1.0] * scene.grid.count
    lanes = [(seen.hands, ones, ones) for seen in laptops]
    text = words.hands(
        _said_ms(scene, [seen.hands.support for seen in laptops]),
        _said_ms(scene, [seen.hands.against for seen in laptops]),
        _said_ms(scene, [[seen.unplaced(slot) for slot in _slots(scene)] for seen in laptops]),
        _said_ms(scene, [seen.use.remote for seen in laptops]),
        _said_ms(scene, [seen.use.regular for seen in laptops]),
    )
    return _trace(scene, "hands", Family.HANDS, lanes, text)


def _environment(
    scene: Scene, laptops: Sequence[Seen], site_air: Sequence[environment.BySlot]
) -> Trace:
    lanes = [(seen.air.lane, seen.at_site, seen.away_in_other_air) for seen in laptops]
    text = _air_in_words(scene, laptops, site_air)
    return _trace(scene, "environment", Family.AIR, lanes, text)


def _air_in_words(
    scene: Scene, laptops: Sequence[Seen], site_air: Sequence[environment.BySlot]
) -> Text:
    breathed = [seen.air for seen in laptops]
    compared = {
        slot: one for air in breathed for slot, one in sorted(air.compared.items())
    }  # of several laptops the last: for the numbers in the sentence only
    support = [one for one in compared.values() if one.llr > 0.0]
    against = [one for one in compared.values() if one.llr < 0.0]
    missing = None
    if not site_air:
        missing = words_air.NO_SITE_AIR
    elif not compared:
        missing = words_air.NO_SENSOR
    return words_air.environment(
        _said_ms(scene, [air.lane.support for air in breathed]),
        _said_ms(scene, [air.lane.against for air in breathed]),
        environment.medians(support),
        environment.medians(against),
        _said_ms(scene, [[_is_warmed(air, slot) for slot in _slots(scene)] for air in breathed]),
        missing,
    )


def _is_warmed(air: Breathed, slot: int) -> bool:
    compared = air.compared.get(slot)
    return compared is not None and compared.warmed


def _movement(scene: Scene, laptops: Sequence[Seen]) -> Trace:
    lanes = [(seen.moves, seen.at_site, seen.away_in_other_air) for seen in laptops]
    support = _said_ms(scene, [seen.moves.support for seen in laptops])
    against = _said_ms(scene, [seen.moves.against for seen in laptops])
    text = words_air.movement(support, against)
    return _trace(scene, "air_movement", Family.AIR, lanes, text, witness=False)


def _trace(
    scene: Scene,
    signal: str,
    family: Family,
    lanes: Sequence[tuple[Lane, Sequence[float], Sequence[float]]],
    text: Text,
    *,
    witness: bool = True,
) -> Trace:
    """The devices' lanes made one: faded, the strongest of each sign, tempered."""
    policy, count = scene.policy, scene.grid.count
    faded = [
        (_faded(lane.support, at_site), _faded(lane.against, away)) for lane, at_site, away in lanes
    ]
    sure = [
        [llr if ok else 0.0 for llr, ok in zip(against, lane.witness, strict=True)]
        for (lane, _, _), (_, against) in zip(lanes, faded, strict=True)
    ]
    temper = _temper(policy, family, witness=witness)
    support, against = peak(faded, count)
    counted = list(map(min, zip(*sure, strict=True))) if sure else [0.0] * count
    slots = [
        0.0 if off else temper * (plus + minus)
        for plus, minus, off in zip(support, against, scene.exempt, strict=True)
    ]
    behind = [
        temper * llr if witness and not off else 0.0
        for llr, off in zip(counted, scene.exempt, strict=True)
    ]
    return Trace(signal, family, slots, behind, text, _references(scene, lanes))


def _faded(llrs: Sequence[float], shares: Sequence[float]) -> Sequence[float]:
    # Most lanes of most days say nothing.
    return list(map(operator.mul, llrs, shares)) if any(llrs) else llrs


def _temper(policy: Policy, family: Family, *, witness: bool) -> float:
    if family is Family.AIR:
        return policy.temper_air_share if witness else policy.temper_movement_share
    return policy.temper_hands_share if family is Family.HANDS else policy.temper_radio_share


def _references(
    scene: Scene,
    lanes: Sequence[tuple[Lane, Sequence[float], Sequence[float]]],
) -> tuple[Reference, ...]:
    # Also where two devices cancel out: the hands that do so still say who sat where.
    found: list[TimedReading] = []
    for lane, _, _ in lanes:
        found.extend(lane.decided)
        found.extend(timed for slot, timed in lane.support_refs.items() if not scene.exempt[slot])
        for slot, several in lane.against_refs.items():
            if not scene.exempt[slot]:
                found.extend(several)
    return references(found)


def _said_ms(scene: Scene, lanes: Sequence[Sequence[float]] | Sequence[Sequence[bool]]) -> int:
    """Milliseconds of slots in which any lane says something."""
    return sum(itertools.compress(scene.grid.lengths_ms(), _said(scene, lanes)))


def _said(scene: Scene, lanes: Sequence[Sequence[float]] | Sequence[Sequence[bool]]) -> list[bool]:
    """Slots in which any lane says something."""
    return list(map(any, zip(*lanes, strict=True))) if lanes else [False] * scene.grid.count


def _slots(scene: Scene) -> range:
    return range(scene.grid.count)
