"""Judges a simulated workforce: one row for each interval, a histogram of posteriors for each seed.

Nothing here knows a threshold of the policy: it calls `assess` and compares with the truth.
"""

from __future__ import annotations

import dataclasses
import gc
import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from zaigang_collector.matching.assess import assess
from zaigang_collector.matching.model import (
    Assessment,
    Claim,
    DeviceEvidence,
    Evidence,
    Presence,
    SiteFacts,
)
from zaigang_collector.matching.policy import Policy, default_policy
from zaigang_collector.simulation.emit import Case, Options, Simulation
from zaigang_collector.simulation.truth import Truth
from zaigang_shared.readings import Advert, Beacon, Environment, Network, Scan, Session, Usage

BINS: Final = 20
WORST_MIN: Final = 60
"""An interval's score: the hour in which the person seems most absent."""
LATER_MS: Final = 80 * 3_600_000
"""A verdict that waits for readings is judged again so long after the end."""

Inputs = tuple[Claim, SiteFacts, Evidence]


def _without(evidence: Evidence, *kinds: type) -> Evidence:
    def thin(devices: Iterable[DeviceEvidence]) -> tuple[DeviceEvidence, ...]:
        return tuple(
            dataclasses.replace(
                device,
                readings=tuple(t for t in device.readings if not isinstance(t.reading, kinds)),
            )
            for device in devices
        )

    return dataclasses.replace(evidence, laptops=thin(evidence.laptops), nodes=thin(evidence.nodes))


def _no_beacon(inputs: Inputs) -> Inputs:
    """No radio beacon at all: none is sent, heard or listened for."""
    claim, site, evidence = inputs
    return claim, site, _without(evidence, Beacon, Scan, Advert)


def _no_network(inputs: Inputs) -> Inputs:
    claim, site, evidence = inputs
    return claim, site, _without(evidence, Network)


def _no_use(inputs: Inputs) -> Inputs:
    claim, site, evidence = inputs
    return claim, site, _without(evidence, Usage, Session)


def _no_air(inputs: Inputs) -> Inputs:
    claim, site, evidence = inputs
    return claim, site, _without(evidence, Environment)


def _no_position(inputs: Inputs) -> Inputs:
    claim, site, evidence = inputs
    bare = dataclasses.replace(claim, points=(), flags=(), elsewhere=(), elsewhere_ids=())
    return bare, site, evidence


def _nothing_learnt(inputs: Inputs) -> Inputs:
    claim, site, evidence = inputs
    new = dataclasses.replace(site, coverage_by_employee={})
    bare = dataclasses.replace(
        claim,
        sensor_offsets=(),
        travelling_networks=frozenset(),
        settled_networks=frozenset(),
    )
    return bare, new, evidence


TAKEN: Final[Mapping[str, Callable[[Inputs], Inputs]]] = {
    "beacon": _no_beacon,
    "network": _no_network,
    "device use": _no_use,
    "air": _no_air,
    "position": _no_position,
    "what was learnt": _nothing_learnt,
}
"""Signals that can be taken away."""
SETS: Final = tuple(names for size in (1, 2) for names in itertools.combinations(TAKEN, size))


@dataclass(frozen=True, slots=True)
class Row:
    """One interval."""

    seed: int
    truth: Truth
    verdict: Presence
    waited: bool
    """Judged again after the waiting time, since the first verdict was provisional."""
    families: tuple[str, ...]
    """Of the findings that contradict."""
    score: float
    """Mean posterior of absence in the hour that looks worst."""
    leaving_error_min: float | None
    without: tuple[tuple[tuple[str, ...], Presence], ...]
    """Verdicts with signals taken away."""


@dataclass
class Histogram:
    """Posteriors of covered slots by bin, and how often the person was there."""

    slots: list[int] = field(default_factory=lambda: [0] * BINS)
    present: list[int] = field(default_factory=lambda: [0] * BINS)
    total: list[float] = field(default_factory=lambda: [0.0] * BINS)

    def add(self, posterior: float, there: bool) -> None:
        index = min(BINS - 1, int(posterior * BINS))
        self.slots[index] += 1
        self.present[index] += there
        self.total[index] += posterior

    def merge(self, other: Histogram) -> None:
        for index in range(BINS):
            self.slots[index] += other.slots[index]
            self.present[index] += other.present[index]
            self.total[index] += other.total[index]


@dataclass
class Measured:
    """All that one seed gives."""

    rows: list[Row] = field(default_factory=list)
    honest: Histogram = field(default_factory=Histogram)
    cheats: Histogram = field(default_factory=Histogram)

    def merge(self, other: Measured) -> None:
        self.rows += other.rows
        self.honest.merge(other.honest)
        self.cheats.merge(other.cheats)


@dataclass(frozen=True, slots=True)
class Size:
    """How much is judged."""

    people: int
    days: int
    sets_each: int
    """Sets of signals taken away from each honest interval, in turn; from a cheat's, one."""
    cheat_share: float = 0.35


def run_seed(job: tuple[int, Size]) -> Measured:
    """One company. Readings hold no cycles, so the collector of garbage would only cost time."""
    seed, size = job
    gc.disable()
    policy = default_policy()
    simulation = Simulation(seed, size.people, size.days, Options(cheat_share=size.cheat_share))
    measured = Measured()
    turns = itertools.cycle(SETS), itertools.cycle(SETS)
    for day in range(size.days):
        for person in simulation.company.people:
            told = simulation.told(person, day)
            case = simulation.case_of(told)
            found = _assess(case, policy)
            waited = found.provisional
            if waited:
                later_ms = max(told.known_to_ms, case.claim.end_ms + LATER_MS)
                case = simulation.case_of(dataclasses.replace(told, known_to_ms=later_ms))
                found = _assess(case, policy)
            honest = case.truth.honest
            sets = [next(turns[honest]) for _ in range(size.sets_each if honest else 1)]
            row = _row(seed, case, found, waited, [(s, _taken(case, s, policy)) for s in sets])
            measured.rows.append(row)
            _count(measured.honest if case.truth.honest else measured.cheats, case, found)
        gc.collect()
    return measured


def _assess(case: Case, policy: Policy) -> Assessment:
    return assess(case.claim, case.site, case.evidence, policy)


def _taken(case: Case, names: tuple[str, ...], policy: Policy) -> Presence:
    inputs: Inputs = (case.claim, case.site, case.evidence)
    for name in names:
        inputs = TAKEN[name](inputs)
    return assess(*inputs, policy).presence


def _row(
    seed: int,
    case: Case,
    found: Assessment,
    waited: bool,
    without: list[tuple[tuple[str, ...], Presence]],
) -> Row:
    against = {one.family.value for one in found.findings if one.direction.value == "contradicts"}
    return Row(
        seed=seed,
        truth=case.truth,
        verdict=found.presence,
        waited=waited,
        families=tuple(sorted(against)),
        score=_score(found),
        leaving_error_min=_leaving_error_min(case.truth, found),
        without=tuple(without),
    )


def _score(found: Assessment) -> float:
    width = max(1, min(len(found.posteriors), WORST_MIN * 60_000 // found.slot_ms))
    total = worst = sum(found.posteriors[:width])
    for gone, come in zip(found.posteriors, found.posteriors[width:], strict=False):
        total += come - gone
        worst = min(worst, total)
    return 1 - worst / width


def _leaving_error_min(truth: Truth, found: Assessment) -> float | None:
    """When the person was last seen at the site before the longest contradicted stretch, against
    the truth; that stretch's own start where they were never seen. None: nothing to compare."""
    away = [one for one in found.stretches if one.presence is Presence.CONTRADICTED]
    if truth.left_ms is None or found.presence is not Presence.CONTRADICTED or not away:
        return None
    longest = max(away, key=lambda one: (one.to_ms - one.from_ms, -one.from_ms))
    there = [
        one.to_ms
        for one in found.stretches
        if one.presence is Presence.CONFIRMED and one.to_ms <= longest.from_ms
    ]
    return (max(there, default=longest.from_ms) - truth.left_ms) / 60_000


def _count(histogram: Histogram, case: Case, found: Assessment) -> None:
    start_ms, slot_ms = case.claim.start_ms, found.slot_ms
    for index, (posterior, covered) in enumerate(zip(found.posteriors, found.covered, strict=True)):
        if covered:
            middle = start_ms + index * slot_ms + slot_ms // 2
            histogram.add(posterior, case.truth.at_site(middle))
