"""From a person's day to (claim, site, evidence, truth), as `assessment.gather` would hand them over.

`Simulation` is the front door: `cases()` for values, `told()` for everything that a day is made of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from zaigang_collector.matching.model import (
    BeaconSlot,
    Claim,
    ClaimedPoint,
    DeviceEvidence,
    Evidence,
    Exemption,
    IntegrityEvent,
    SiteFacts,
    VantageSeen,
)
from zaigang_collector.simulation import cheats, delivery, knowledge, laptop, nuisances
from zaigang_collector.simulation.batches import Sent
from zaigang_collector.simulation.company import draw_company
from zaigang_collector.simulation.delivery import Delivered
from zaigang_collector.simulation.laptop import LaptopLog
from zaigang_collector.simulation.people import Person, gateway
from zaigang_collector.simulation.places import SiteSpec
from zaigang_collector.simulation.script import MINUTE_MS, Punch, Script, draw_script
from zaigang_collector.simulation.siteday import suffer
from zaigang_collector.simulation.streams import Stream, chance, stream
from zaigang_collector.simulation.truth import Truth, truth_of
from zaigang_collector.simulation.world import SiteDay
from zaigang_shared import rid
from zaigang_shared.network_hash import network_hash
from zaigang_shared.readings import Beacon

READ_MARGIN_MS = 30 * MINUTE_MS
"""Readings so long before and after the claim are evidence too, as in `gather`."""
RESOLVED_MS = 3_600_000
"""Identifiers are looked up so far around the times at which any was heard, as in `gather`."""


@dataclass(frozen=True, slots=True)
class Case:
    """One attendance interval with all that is known of it, and the truth."""

    claim: Claim
    site: SiteFacts
    evidence: Evidence
    truth: Truth


@dataclass(frozen=True, slots=True)
class Told:
    """One person's day before it is turned into values: for files and for real envelopes."""

    script: Script
    log: LaptopLog
    sent: tuple[Sent, ...]
    truth: Truth
    known_to_ms: int


@dataclass(frozen=True, slots=True)
class Options:
    """What is simulated. `rates`: None for the usual nuisances, {} for none at all."""

    cheat_share: float = 0.35
    rates: Mapping[str, float] | None = None
    site_faults: bool = True
    kinds: tuple[str, ...] = ()
    """Only these cheats; empty: all, by weight."""


class Simulation:
    """A company's days under one seed."""

    def __init__(self, seed: int, people: int, days: int, options: Options | None = None) -> None:
        self.company = draw_company(seed, people, days)
        self.options = options or Options()
        self._day: dict[str, SiteDay] = {}
        self._day_number = -1
        self._coverage: dict[str, float | None] = {}
        self._networks: dict[str, knowledge.Networks] = {}

    def cases(self) -> Iterator[Case]:
        """Every person's every day, by day and person."""
        for day in range(self.company.days):
            for person in self.company.people:
                yield self.case(person, day)

    def told(self, person: Person, day: int) -> Told:
        """One person's day."""
        company, seed = self.company, self.company.seed
        draw = stream(seed, "day", person.employee_id, day)
        here = self.site_day(person.site_id, day)
        script = self._script(draw_script(company, person, day, draw), draw)
        script = suffer(script, here.faults, gateway(seed, person.site_id, f"new-{day}"))
        log = laptop.Laptop(script, here.around(person), draw).day()
        known_to_ms = script.utc_ms(script.end_min) + _patience(draw)
        back = script.faults.back_at_min
        sent = delivery.send(
            log.batches,
            script.faults.latency_ms,
            None if back is None else script.utc_ms(back),
            draw,
            receipts=not script.faults.unreceipted,
        )
        return Told(script, log, tuple(sent), truth_of(script, here.faults), known_to_ms)

    def case(self, person: Person, day: int) -> Case:
        """One person's day as values."""
        return self.case_of(self.told(person, day))

    def case_of(self, told: Told) -> Case:
        """A day that was told, as values."""
        person, day = told.script.person, told.script.day
        claim = self._claim(told.script)
        span = claim.start_ms - READ_MARGIN_MS, claim.end_ms + READ_MARGIN_MS
        received = delivery.receive(person.laptop_id, told.sent, told.known_to_ms)
        received = self._watermark(told, received, span[1])
        own = _between(person.laptop_id, "laptop", received, span)
        draw = stream(self.company.seed, "badge", person.employee_id, day)
        nodes = self.site_day(person.site_id, day).nodes(told.script, span, draw)
        evidence = Evidence(
            laptops=(own,),
            nodes=nodes,
            beacons=_resolved(own, told.log, person.site_id),
            vantages={
                token: VantageSeen(address, at_ms)
                for token, (address, at_ms) in told.log.vantages.items()
            },
            integrity=_events(told.script, claim),
            known_to_ms=told.known_to_ms,
        )
        site = self._facts(told.script.site, person)
        return Case(claim, site, evidence, told.truth)

    def site_day(self, site_id: str, day: int) -> SiteDay:
        """Kept for the day that is being told, and for no other: air and nodes are large."""
        if day != self._day_number:
            self._day, self._day_number = {}, day
        if site_id not in self._day:
            site = self.company.site(site_id)
            self._day[site_id] = SiteDay(self.company, site, day, self.options.site_faults)
        return self._day[site_id]

    def _script(self, script: Script, draw: Stream) -> Script:
        """What the person did with the day: cheated, or suffered what life brings, or both."""
        script = nuisances.apply(self.company, script, draw, self.options.rates)
        if not chance(draw, self.options.cheat_share):
            return script
        kinds = self.options.kinds
        kind = draw.choice(kinds) if kinds else cheats.pick(script, draw)
        return cheats.ALL[kind][0](self.company, script, draw)

    def _claim(self, script: Script) -> Claim:
        person, key = script.person, self.company.net_key
        known = self._known_networks(person)
        homes = [person.home_gateway] if person.home_registered else []
        if person.hotspot_at_home and person.home_registered:
            homes.append(person.hotspot_gateway)
        start_ms = script.utc_ms(script.start_min)
        end_ms = script.utc_ms(script.end_min if script.end_claimed else script.shift_min[1])
        names = tuple(
            f"{person.employee_id}-{script.day}-{punch.direction}" for punch in script.punches
        )
        return Claim(
            employee_id=person.employee_id,
            site_id=person.site_id,
            start_ms=start_ms,
            end_ms=max(end_ms, start_ms + MINUTE_MS),
            end_is_claimed=script.end_claimed,
            clock_in_ids=names,
            points=_points(script, script.punches),
            flags=script.flags,
            home_networks=frozenset(network_hash(key, mac) for mac in homes),
            home_egress=(f"{person.home_address}/32",) if person.home_egress_registered else (),
            exemptions=tuple(
                Exemption(script.utc_ms(low), script.utc_ms(high), kind)
                for low, high, kind in script.exemptions
            ),
            travelling_networks=frozenset(network_hash(key, mac) for mac in known.travelling),
            settled_networks=frozenset(network_hash(key, mac) for mac in known.settled),
            badges=frozenset() if person.badge is None else frozenset({person.badge}),
            elsewhere=_points(script, script.elsewhere),
            elsewhere_ids=tuple(
                f"{person.employee_id}-{script.day}-other-{number}"
                for number, _ in enumerate(script.elsewhere)
            ),
            sensor_offsets=knowledge.sensor_offsets(self.company, person),
        )

    def _known_networks(self, person: Person) -> knowledge.Networks:
        name = person.employee_id
        if name not in self._networks:
            self._networks[name] = knowledge.networks(self.company, person)
        return self._networks[name]

    def _facts(self, site: SiteSpec, person: Person) -> SiteFacts:
        name = person.employee_id
        if name not in self._coverage:
            self._coverage[name] = knowledge.coverage(self.company, person)
        known = self._coverage[name]
        return SiteFacts(
            site_id=site.site_id,
            time_zone=site.time_zone,
            latitude=site.latitude,
            longitude=site.longitude,
            radius_m=site.radius_m,
            networks=frozenset(network_hash(self.company.net_key, mac) for mac in site.gateways),
            egress=(site.egress,),
            node_ids=tuple(one.device_id for one in site.nodes),
            coverage_by_employee={} if known is None else {name: known},
        )

    def _watermark(self, told: Told, received: Delivered, to_ms: int) -> Delivered:
        """Next morning's first envelope says that nothing of today is missing."""
        complete = all(one.arrived_ms is not None for one in told.sent)
        there = all(
            one.arrived_ms is None or one.arrived_ms <= told.known_to_ms for one in told.sent
        )
        agent = told.script.plan.parts[-1].state.agent and told.script.exemptions == ()
        next_day = told.script.utc_ms(told.script.start_min + 1440)
        if complete and there and agent and told.sent and told.known_to_ms > next_day:
            return Delivered(received.readings, to_ms)
        if received.complete_to_ms is None:
            return received
        return Delivered(received.readings, min(received.complete_to_ms, to_ms))


def _points(script: Script, punches: Iterable[Punch]) -> tuple[ClaimedPoint, ...]:
    return tuple(
        ClaimedPoint(
            script.utc_ms(one.minute), one.latitude, one.longitude, one.accuracy_m, one.mock
        )
        for one in punches
        if one.latitude is not None and one.longitude is not None
    )


def _patience(draw: Stream) -> int:
    """How long after the end somebody judges: soon, next morning, or after the waiting time."""
    hours = draw.choices((1.5, 14.0, 50.0, 80.0), (2, 3, 3, 2))[0]
    return round(hours * draw.uniform(0.9, 1.1) * 3_600_000)


def _between(
    device_id: str, kind: str, received: Delivered, span: tuple[int, int]
) -> DeviceEvidence:
    kept = tuple(one for one in received.readings if span[0] <= one.at_ms < span[1])
    return DeviceEvidence(device_id, kind, received.complete_to_ms, kept)


def _resolved(own: DeviceEvidence, log: LaptopLog, site_id: str) -> dict[bytes, BeaconSlot]:
    """Identifiers as `gather` resolves them: not those of a recording older than an hour."""
    heard = [
        timed
        for timed in own.readings
        if isinstance(timed.reading, Beacon) and timed.reading.scheme == "rid"
    ]
    if not heard:
        return {}
    low = rid.slot_at(min(one.at_ms - one.error_ms for one in heard) - RESOLVED_MS)
    high = rid.slot_at(max(one.at_ms + one.error_ms for one in heard) + RESOLVED_MS)
    found = {}
    for timed in heard:
        assert isinstance(timed.reading, Beacon)  # noqa: S101  # as chosen above
        node_id, slot = log.heard[timed.reading.id]
        if low <= slot <= high:
            found[timed.reading.id] = BeaconSlot(node_id, site_id, slot)
    return found


def _events(script: Script, claim: Claim) -> tuple[IntegrityEvent, ...]:
    middle = (claim.start_ms + claim.end_ms) // 2
    return tuple(
        sorted(
            (
                IntegrityEvent(script.person.laptop_id, kind, middle, detail)
                for kind, detail in script.faults.events
            ),
            key=lambda one: (one.at_ms, one.device_id, one.kind, one.detail),
        )
    )
