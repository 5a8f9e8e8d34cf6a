"""A company, drawn anew for each seed: sites, nodes, people, and how often things go wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from zaigang_collector.simulation import sensors
from zaigang_collector.simulation.people import Person, draw_person, gateway
from zaigang_collector.simulation.places import CITIES, NodeSpec, Room, SiteSpec, draw_rooms
from zaigang_collector.simulation.streams import Stream, chance, clipped, secret, stream
from zaigang_collector.simulation.weather import draw_climate

PEOPLE_PER_SITE: Final = 14
_FIRST: Final = date(2026, 1, 5)
NET_KEY_NAME: Final = "net-key"


@dataclass(frozen=True, slots=True)
class Company:
    """Everything that stays the same over the simulated days."""

    seed: int
    first_day: date
    days: int
    sites: tuple[SiteSpec, ...]
    people: tuple[Person, ...]
    net_key: bytes
    vpn_egress: str
    """Where the company's tunnel comes out."""

    def site(self, site_id: str) -> SiteSpec:
        return next(site for site in self.sites if site.site_id == site_id)

    def day(self, number: int) -> date:
        return self.first_day + timedelta(days=number)


def draw_company(seed: int, people: int, days: int) -> Company:
    """`people` employees over `days` days in a row from a day of the year that is drawn, often a few
    days before clocks change. Weekends count as working days: nobody's judgement depends on them."""
    draw = stream(seed, "company")
    count = max(1, round(people / PEOPLE_PER_SITE))
    sites = tuple(draw_site(seed, number) for number in range(count))
    equipped = draw.uniform(0.3, 0.7)
    return Company(
        seed=seed,
        first_day=_first_day(draw, days),
        days=days,
        sites=sites,
        people=tuple(
            draw_person(seed, number, sites[number % count], equipped) for number in range(people)
        ),
        net_key=secret(seed, NET_KEY_NAME),
        vpn_egress="192.0.2.10",
    )


def _first_day(draw: Stream, days: int) -> date:
    """Any day of two years; for a third of companies clocks change during the run."""
    if chance(draw, 0.33):
        change = draw.choice((date(2026, 3, 29), date(2026, 10, 25), date(2026, 3, 8)))
        return change - timedelta(days=draw.randint(0, max(0, days - 1)))
    return _FIRST + timedelta(days=draw.randint(0, 600))


def draw_site(seed: int, number: int) -> SiteSpec:
    """A site with its rooms; one in seven has no node."""
    site_id = f"site-{number}"
    draw = stream(seed, "site", number)
    zone, latitude, longitude = draw.choice(CITIES)
    rooms = draw_rooms(draw)
    nodes: tuple[NodeSpec, ...] = ()
    if not chance(draw, 0.15):
        offices = [room for room in rooms if room.kind == "office"]
        chosen = draw.sample(offices, min(len(offices), draw.choice((1, 1, 2))))
        nodes = tuple(_node(seed, site_id, index, room, draw) for index, room in enumerate(chosen))
    return SiteSpec(
        site_id=site_id,
        name=f"Client office {number}",
        time_zone=zone,
        latitude=round(latitude + draw.uniform(-0.1, 0.1), 6),
        longitude=round(longitude + draw.uniform(-0.1, 0.1), 6),
        radius_m=draw.choice((100.0, 150.0, 200.0, 300.0)),
        rooms=rooms,
        nodes=nodes,
        wall_db=draw.uniform(2.5, 8.0),
        floor_db=draw.uniform(14, 22),
        climate=draw_climate(draw),
        gateways=tuple(gateway(seed, site_id, str(index)) for index in range(draw.choice((1, 2)))),
        guest_gateway=gateway(seed, site_id, "guests"),
        egress=f"203.0.113.{8 * (number % 30)}/29",
    )


def _node(seed: int, site_id: str, index: int, room: Room, draw: Stream) -> NodeSpec:
    model, temp_acc_c, rh_acc_pct = draw.choice(sensors.NODE_MODELS)
    temp_off_c, rh_off_pct = sensors.draw_offsets(draw, temp_acc_c, rh_acc_pct)
    device_id = f"node-{site_id}-{index}"
    return NodeSpec(
        device_id=device_id,
        spot=room.spot(site_id, draw),
        power_1m_dbm=draw.uniform(-68, -56),
        rid_key=secret(seed, "rid", device_id),
        sensor=model,
        temp_off_c=temp_off_c,
        rh_off_pct=rh_off_pct,
        self_heat_c=draw.uniform(0.0, 2.5),
        self_heat_error=clipped(draw, 1.0, 0.3, 0.2, 1.8),
        temp_acc_c=temp_acc_c,
        rh_acc_pct=rh_acc_pct,
    )


def midnight_ms(day: date, zone: str) -> int:
    """UTC ms of local midnight: minute 0 of a site's day."""
    return at_ms(day, 0, zone)


def at_ms(day: date, minute: int, zone: str) -> int:
    """UTC ms of a wall-clock minute after this day's midnight; clocks that change are obeyed. A time
    that comes twice means its first coming."""
    naive = datetime(day.year, day.month, day.day) + timedelta(minutes=minute)  # noqa: DTZ001  # wall time
    local = naive.replace(tzinfo=ZoneInfo(zone))
    return round(local.astimezone(UTC).timestamp() * 1000)
