"""One site on one day: its air, what its nodes say, and what goes wrong for everybody there."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Final

from zaigang_collector.simulation.air import RoomAir, run_room
from zaigang_collector.simulation.company import Company, midnight_ms
from zaigang_collector.simulation.places import SiteSpec
from zaigang_collector.simulation.plan import NO_LINK
from zaigang_collector.simulation.script import Script
from zaigang_collector.simulation.streams import Stream, chance, stream
from zaigang_collector.simulation.weather import Weather

LAST_MIN: Final = 2100
"""Minutes of a site's day: until 11:00 of the next, for those who work at night."""

RATES: Final = {
    "node_outage": 0.04,
    "node_mute": 0.01,
    "node_clock": 0.01,
    "replaced_router": 0.02,
    "site_outage": 0.02,
}
"""Share of days; each hits everybody at the site who is honest, and the cheats too."""


@dataclass(frozen=True, slots=True)
class SiteFaults:
    """What a node and a router do wrong on this day. Minutes."""

    down: tuple[int, int] = (0, 0)
    """The nodes are without power: no reading, no beacon."""
    mute: tuple[int, int] = (0, 0)
    """The nodes' radio sends nothing though its agent believes so."""
    rid_late_ms: int = 0
    """The nodes' clock is behind, after a start without network."""
    router_replaced: bool = False
    outage: tuple[int, int] = (0, 0)
    """No power or no network for anybody."""
    names: tuple[str, ...] = ()

    def silent_at(self, minute: float) -> bool:
        """Whether no beacon is in the air."""
        return self.is_down(minute) or self.mute[0] <= minute < self.mute[1]

    def is_down(self, minute: float) -> bool:
        return self.down[0] <= minute < self.down[1]


def draw_faults(seed: int, site: SiteSpec, day: int, switched_on: bool = True) -> SiteFaults:
    """The same for everybody who is there."""
    draw = stream(seed, "site-faults", site.site_id, day)
    names = [name for name, share in RATES.items() if chance(draw, share) and switched_on]
    if not site.nodes:
        names = [name for name in names if not name.startswith("node_")]
    faults = SiteFaults(names=tuple(names))
    if "node_outage" in names:
        begin = draw.randint(0, 1200)
        length = draw.choice((60, 240, 2100))
        faults = dataclasses.replace(faults, down=(begin, begin + length))
    if "node_mute" in names:
        begin = draw.randint(0, 1000)
        faults = dataclasses.replace(faults, mute=(begin, begin + draw.randint(120, 1500)))
    if "node_clock" in names:
        faults = dataclasses.replace(faults, rid_late_ms=draw.randint(120, 3000) * 1000)
    if "site_outage" in names:
        begin = draw.randint(480, 1020)
        span = begin, begin + draw.randint(30, 400)
        faults = dataclasses.replace(faults, outage=span, down=span)
    return dataclasses.replace(faults, router_replaced="replaced_router" in names)


def suffer(script: Script, faults: SiteFaults, new_gateway: bytes) -> Script:
    """What the site's faults do to one person's day."""
    plan = script.plan
    known = frozenset((*script.site.gateways, script.site.guest_gateway))
    for part in plan.parts:
        link = part.state.link
        if link.gateway not in known or link.vpn:
            continue
        if faults.router_replaced:
            fields = {"link": dataclasses.replace(link, gateway=new_gateway)}
            plan = plan.change(part.from_min, part.to_min, **fields)
        low, high = max(part.from_min, faults.outage[0]), min(part.to_min, faults.outage[1])
        if low < high:
            plan = plan.change(low, high, link=NO_LINK)
    touched = [name for name in faults.names if _meets(name, faults, script)]
    return dataclasses.replace(script, plan=plan, nuisances=(*script.nuisances, *touched))


def _meets(name: str, faults: SiteFaults, script: Script) -> bool:
    span = {"node_outage": faults.down, "node_mute": faults.mute, "site_outage": faults.outage}
    low, high = script.desk_min()
    begin, end = span.get(name, (low, high))
    return begin < high and low < end


class SiteAir:
    """The air of a site's rooms and of other places, on one day, as far as anybody asks."""

    def __init__(self, company: Company, site: SiteSpec, day: int) -> None:
        self._company = company
        self._site = site
        self._day = day
        self._rooms: dict[int, RoomAir] = {}
        date = company.day(day)
        yearly = date.timetuple().tm_yday
        draw = stream(company.seed, "weather", site.site_id, day)
        self._weather = Weather(site.climate, yearly, 4, draw)

    def room(self, index: int) -> RoomAir:
        """A room of the site."""
        if index not in self._rooms:
            room = self._site.rooms[index]
            draw = stream(self._company.seed, "air", self._site.site_id, self._day, index)
            people = _occupants(room.kind, room.air.area_m2, draw)
            self._rooms[index] = run_room(room.air, self._weather, 1440, people, draw)
        return self._rooms[index]

    @property
    def weather(self) -> Weather:
        return self._weather


def _occupants(kind: str, area_m2: float, draw: Stream) -> list[float]:
    """How many are in a room, minute by minute: one person to 8 to 14 m² in an office, in and out;
    a meeting room full or empty; a server room empty."""
    if kind == "server":
        return [0.0] * LAST_MIN
    if kind == "meeting":
        return _meetings(draw)
    full = area_m2 / draw.uniform(8, 14)
    begin, end = draw.randint(480, 570), draw.randint(1050, 1170)
    night = 0.15 if chance(draw, 0.4) else 0.0
    counts = []
    level = 0.8
    for minute in range(LAST_MIN):
        local = minute % 1440
        level += 0.02 * (0.8 - level) + draw.gauss(0, 0.02)
        share = level if begin <= local < end else night
        if 720 <= local < 790:
            share *= 2.0 if kind == "canteen" else 0.4
        counts.append(max(0.0, full * share))
    return counts


def _meetings(draw: Stream) -> list[float]:
    counts = [0.0] * LAST_MIN
    minute = 540
    while minute < 1140:
        length = draw.choice((30, 45, 60, 90))
        people = float(draw.choice((0, 2, 3, 5, 8)))
        for index in range(minute, min(LAST_MIN, minute + length)):
            counts[index] = people
        minute += length + draw.choice((0, 15, 30))
    return counts


def base_ms(company: Company, site: SiteSpec, day: int) -> int:
    """UTC ms of the day's minute 0."""
    return midnight_ms(company.day(day), site.time_zone)
