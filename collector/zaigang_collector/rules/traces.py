"""The facts of one interval that rest on readings. Pure: from the evidence that was judged.

They are made with the very evidence behind an assessment, and kept with its version; where that is no
longer what it was, they are unknown.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

from zaigang_collector.matching import presence
from zaigang_collector.matching.assess import scene_of
from zaigang_collector.matching.model import Claim, Evidence, SiteFacts
from zaigang_collector.matching.policy import Policy
from zaigang_collector.matching.presence import Looked
from zaigang_collector.matching.signals import beacon, integrity, network
from zaigang_collector.matching.timeline import Scene
from zaigang_collector.rules import states
from zaigang_collector.rules.states import States
from zaigang_collector.rules.vocabulary import Value
from zaigang_shared.readings import Network

_MIN_MS: Final = 60_000
_OFF_HOURS: Final = frozenset({"off_hours"})
_PAUSED: Final = frozenset({"paused"})


def facts_of(
    claim: Claim,
    site: SiteFacts,
    evidence: Evidence,
    policy: Policy,
    spoken: Collection[str] = (),
) -> dict[str, Value]:
    """By name. `spoken`: devices that had told something before. Raises ClaimError for an interval that
    cannot be assessed."""
    scene = scene_of(claim, site, evidence, policy)
    looked = presence.look(scene)
    told: dict[str, Value] = {"laptops": float(len(looked.laptops))}
    told |= _own(scene, looked)
    told |= _site(scene, looked)
    if looked.laptops:
        told |= _use(scene, looked)
        told |= _network(scene, looked)
        told |= _air(scene, looked)
        told |= _gaps(scene, looked)
        told |= _begun(scene, states.states_of(scene, looked, spoken), looked)
    return told


def _own(scene: Scene, looked: Looked) -> dict[str, Value]:
    """Integrity events of the person's own devices, the collector's losses left out."""
    own = {one.device_id for one in scene.evidence.laptops}
    kinds = [
        event.kind
        for event in scene.evidence.integrity
        if event.device_id in own and event.kind not in integrity.NEUTRAL
    ]
    return {
        "integrity_events": float(len(kinds)),
        "replayed_beacon": "replayed_beacon" in kinds,
        "devices_left_out": bool(own & scene.unusable)
        or any(
            one.kind == "revoked_key" and one.device_id in own for one in scene.evidence.integrity
        ),
    }


def _site(scene: Scene, looked: Looked) -> dict[str, Value]:
    nodes = len(scene.site.node_ids)
    quiet = _minutes(scene, lambda slot: not looked.air.well[slot]) if nodes else 0.0
    return {"site_nodes": float(nodes), "node_quiet_min": quiet}


def _use(scene: Scene, looked: Looked) -> dict[str, Value]:
    uses = [seen.use for seen in looked.laptops]
    used = [any(use.worked[slot] for use in uses) for slot in range(scene.grid.count)]
    return {
        "use_min": _minutes(scene, used.__getitem__),
        "remote_min": _minutes(scene, lambda slot: any(use.remote[slot] for use in uses)),
        "regular_min": _minutes(scene, lambda slot: any(use.regular[slot] for use in uses)),
        "tireless_min": max(_longest(scene, use.strength) for use in uses),
    }


def _longest(scene: Scene, strength: Sequence[float]) -> float:
    lengths = scene.grid.lengths_ms()
    runs = itertools.groupby(zip(strength, lengths, strict=True), lambda pair: pair[0] > 0.0)
    return max((sum(ms for _, ms in run) for held, run in runs if held), default=0) / _MIN_MS


def _network(scene: Scene, looked: Looked) -> dict[str, Value]:
    laptops = looked.laptops
    egress: set[int] = set()
    for seen in laptops:
        for each in network.held(scene, seen.device):
            said = isinstance(each.timed.reading, Network) and not each.network.vpn
            if said and network.egress_side(scene, each.timed, each.network) < 0:
                egress.update(each.slots)
    deaf = [
        [
            heard.use.seen[slot] and bool(looked.air.well[slot]) and not listened[slot]
            for slot in range(scene.grid.count)
        ]
        for heard in laptops
        for listened in [beacon.listened(scene, heard.device, looked.air)]
    ]
    return {
        "home_use_min": _minutes(
            scene, lambda slot: any(_at_home(looked, one, slot) for one in _each(looked))
        ),
        "egress_home_min": _minutes(scene, egress.__contains__),
        "site_network_min": _minutes(
            scene, lambda slot: any(seen.network.support[slot] for seen in laptops)
        ),
        "unsettled_min": _minutes(
            scene, lambda slot: any(seen.unsettled[slot] for seen in laptops)
        ),
        "radio_deaf_min": _minutes(scene, lambda slot: any(one[slot] for one in deaf)),
    }


def _each(looked: Looked) -> range:
    return range(len(looked.laptops))


def _at_home(looked: Looked, number: int, slot: int) -> bool:
    """A hand on this laptop while it is on a home network that is known to stay at home."""
    seen = looked.laptops[number]
    known = seen.network.against[slot] < 0.0 and not seen.unsettled[slot]
    return known and seen.use.strength[slot] > 0.0 and not seen.beside_home[slot]


def _air(scene: Scene, looked: Looked) -> dict[str, Value]:
    compared = [one for seen in looked.laptops for one in seen.air.compared.values()]
    against = [one for one in compared if one.llr < 0.0]
    told: dict[str, Value] = {
        "air_against_min": _minutes(
            scene, lambda slot: any(seen.air.lane.against[slot] for seen in looked.laptops)
        ),
        "warmed_min": _minutes(
            scene,
            lambda slot: any(
                one is not None and one.warmed
                for one in (seen.air.compared.get(slot) for seen in looked.laptops)
            ),
        ),
    }
    if against:
        told["dewpoint_diff_k"] = round(statistics.median(one.dew_diff_k for one in against), 2)
        told["temp_diff_c"] = round(statistics.median(one.temp_diff_c for one in against), 2)
    return told


def _gaps(scene: Scene, looked: Looked) -> dict[str, Value]:
    spans = [span for seen in looked.laptops for span in states.gaps(seen.device)]
    return {
        "agent_gap_min": states.covered_ms(scene, spans, states.FAULTS) / _MIN_MS,
        "paused_min": states.covered_ms(scene, spans, _PAUSED) / _MIN_MS,
        "off_hours_min": states.covered_ms(scene, spans, _OFF_HOURS) / _MIN_MS,
    }


def _begun(scene: Scene, found: States, looked: Looked) -> Mapping[str, Value]:
    """Delays are known only where everything before is."""
    grid = scene.grid
    told: dict[str, Value] = {}
    first = found.used.index(True) if any(found.used) else grid.count
    if all(found.known[:first]):
        at_ms = grid.end_ms if first == grid.count else grid.from_ms(first)
        told["first_use_min"] = (at_ms - grid.start_ms) / _MIN_MS
        told["first_use_home"] = first < grid.count and any(
            _at_home(looked, one, first) for one in _each(looked)
        )
    begun_ms = grid.end_ms if found.begun_ms is None else min(found.begun_ms, grid.end_ms)
    whole = [grid.from_ms(slot) >= begun_ms or known for slot, known in enumerate(found.known)]
    # The slot in which it began is half known by that.
    if all(ok or grid.to_ms(slot) > begun_ms for slot, ok in enumerate(whole)):
        told["login_gap_min"] = max(0, begun_ms - grid.start_ms) / _MIN_MS
    return told


def _minutes(scene: Scene, holds: Callable[[int], object]) -> float:
    """How long something holds, exempt slots left out."""
    lengths = scene.grid.lengths_ms()
    total = sum(
        ms
        for slot, (ms, off) in enumerate(zip(lengths, scene.exempt, strict=True))
        if not off and holds(slot)
    )
    return total / _MIN_MS
