"""One site on one day, put together: air for whoever asks, nodes' readings, identifiers."""

from __future__ import annotations

import bisect
from dataclasses import dataclass

from zaigang_collector.matching.model import DeviceEvidence
from zaigang_collector.simulation import delivery, node
from zaigang_collector.simulation.air import RoomAir, draw_room, run_room
from zaigang_collector.simulation.batches import Batch, Sent
from zaigang_collector.simulation.company import Company
from zaigang_collector.simulation.delivery import Delivered
from zaigang_collector.simulation.laptop import Around
from zaigang_collector.simulation.people import Person
from zaigang_collector.simulation.places import NodeSpec, SiteSpec, Spot
from zaigang_collector.simulation.script import Script
from zaigang_collector.simulation.siteday import LAST_MIN, SiteAir, base_ms, draw_faults
from zaigang_collector.simulation.streams import Stream, chance, stream
from zaigang_shared import rid

_NODE_LATENCY_MS = 300.0
_FOR_EVER_MS = 2**52
_AROUND_MIN = 240
"""The air of a home is needed so far before and after a shift."""


@dataclass(frozen=True, slots=True)
class _NodeDay:
    spec: NodeSpec
    batches: list[Batch]
    sent: list[Sent]
    received: Delivered
    times: list[int]


class SiteDay:
    """Everything that people at one site share on one day. Made as it is asked for."""

    def __init__(
        self, company: Company, site: SiteSpec, day: int, with_faults: bool = True
    ) -> None:
        self._company = company
        self._site = site
        self._day = day
        self._air = SiteAir(company, site, day)
        self.faults = draw_faults(company.seed, site, day, with_faults)
        self._nodes: list[_NodeDay] | None = None
        self._rids: dict[tuple[str, int], bytes] = {}
        self._others: dict[str, RoomAir] = {}

    def around(self, person: Person) -> Around:
        """What this person's laptop finds around it."""
        return Around(
            seed=self._company.seed,
            net_key=self._company.net_key,
            air=lambda spot, minute: self._air_at(person, spot, minute),
            faults=self.faults,
            rid_of=self._rid,
            warm_goal=self._node_temp,
        )

    def nodes(
        self, script: Script, span: tuple[int, int], draw: Stream
    ) -> tuple[DeviceEvidence, ...]:
        """The nodes' readings of an interval, with the person's badge where it was heard."""
        found = []
        for one in self._node_days():
            low, high = (bisect.bisect_left(one.times, at_ms) for at_ms in span)
            part = Delivered(one.received.readings[low:high], one.received.complete_to_ms)
            heard = node.badges(
                script, one.spec, self.faults, one.batches, self._company.seed, draw
            )
            part = delivery.with_more(one.spec.device_id, part, one.sent, heard)
            complete = part.complete_to_ms
            found.append(
                DeviceEvidence(
                    one.spec.device_id,
                    "node",
                    None if complete is None else min(complete, span[1]),
                    part.readings,
                )
            )
        return tuple(sorted(found, key=lambda device: device.device_id))

    def sent_by(self, device_id: str) -> list[Sent]:
        """All that one node sent on this day."""
        return next(one.sent for one in self._node_days() if one.spec.device_id == device_id)

    def _node_days(self) -> list[_NodeDay]:
        if self._nodes is None:
            self._nodes = [self._node_day(spec) for spec in self._site.nodes]
        return self._nodes

    def _node_day(self, spec: NodeSpec) -> _NodeDay:
        draw = stream(self._company.seed, "node", spec.device_id, self._day)
        began = base_ms(self._company, self._site, self._day)
        batches = node.day(
            spec, self._site, began, self._air, self.faults, self._company.net_key, draw
        )
        sent = delivery.send(batches, _NODE_LATENCY_MS, None, draw)
        received = delivery.receive(spec.device_id, sent, _FOR_EVER_MS)
        times = [timed.at_ms for timed in received.readings]
        return _NodeDay(spec, batches, sent, received, times)

    def _rid(self, spec: NodeSpec, slot: int) -> bytes:
        name = spec.device_id, slot
        if name not in self._rids:
            self._rids[name] = rid.rid(spec.rid_key, slot)
        return self._rids[name]

    def _node_temp(self, minute: int) -> float:
        """What a cheat aims at: the air of the office, as remembered."""
        nodes = self._site.nodes
        return self._air.room(nodes[0].spot.room).at(minute)[0] if nodes else 23.0

    def _air_at(self, person: Person, spot: Spot, minute: int) -> tuple[float, float]:
        if spot.place == self._site.site_id:
            return self._air.room(spot.room).at(minute)
        if spot.place == "street":
            return self._air.weather.at(1440 + minute)
        name = spot.place if spot.place == "cafe" else f"{person.employee_id} {spot.place}"
        if name not in self._others:
            self._others[name] = self._other(person, spot.place, name)
        return self._others[name].at(minute)

    def _other(self, person: Person, place: str, name: str) -> RoomAir:
        """A home, a café, somebody else's room: with its own machine, set by somebody else."""
        draw = stream(self._company.seed, "other", name, self._day)
        spec = person.home_air
        if place != "home":
            kind = "cafe" if place == "cafe" else "home"
            cooling = "cycling" if chance(draw, 0.6) else "none"
            spec = draw_room(
                draw, kind, "cycling" if cooling == "cycling" else "none", draw.uniform(18, 27)
            )
        if place == "cafe":  # shared by all who go there
            people = [max(0.0, 6 + draw.gauss(0, 2))] * LAST_MIN
            return run_room(spec, self._air.weather, 1440, people, draw)
        first = person.shift_from_min - _AROUND_MIN
        people = [float(draw.randint(1, 3))] * (person.shift_to_min + _AROUND_MIN - first)
        return run_room(spec, self._air.weather, 1440, people, draw, first)
