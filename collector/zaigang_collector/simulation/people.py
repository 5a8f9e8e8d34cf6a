"""People: what they do, when, where they sit, and what they carry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from zaigang_collector.simulation.air import RoomSpec, draw_room
from zaigang_collector.simulation.places import SiteSpec, Spot
from zaigang_collector.simulation.radio import Ear, draw_ear
from zaigang_collector.simulation.sensors import CarriedSpec, draw_carried
from zaigang_collector.simulation.streams import Stream, chance, clipped, secret, stream

Role = Literal["desk", "consultant", "engineer", "manager"]

# Share of the minutes at a desk with any input, per role: loggers of office work find 40 to 70 % of
# the time at the computer (e.g. IJmker et al. 2011, "Validity of self-reported computer use",
# software-recorded: mean 3 to 4 h of an 8 h day; bursts of use with pauses under 30 s counted in).
_INPUT: Final[dict[Role, float]] = {
    "desk": 0.75,
    "consultant": 0.6,
    "engineer": 0.65,
    "manager": 0.4,
}
_MEETINGS: Final[dict[Role, float]] = {
    "desk": 0.4,
    "consultant": 1.2,
    "engineer": 0.8,
    "manager": 2.2,
}


@dataclass(frozen=True, slots=True)
class Person:
    """One employee. Minutes are of local time at the site."""

    employee_id: str
    name: str
    role: Role
    site_id: str
    desk: Spot
    shift_from_min: int
    shift_to_min: int
    """Over 1440: past midnight."""
    late_min: float
    """How much later than the shift this person usually comes; negative: earlier."""
    input_share: float
    meetings_a_day: float
    takes_laptop: float
    """Share of meetings to which the laptop comes along, open."""
    eats_out: float
    """Share of days with lunch outside the site."""
    laptop_id: str
    ear: Ear
    home_gateway: bytes
    home_registered: bool
    home_egress_registered: bool
    home_address: str
    home_air: RoomSpec
    hotspot_gateway: bytes
    hotspot_at_home: bool
    """The phone is also what this person uses at home, and registered it as such."""
    wired: bool
    guest: bool
    """Sits in the guests' network."""
    sensor: CarriedSpec | None
    badge: bytes | None
    badge_power_1m_dbm: float
    history_days: int
    """Past days that the company has of this person; 0: new, nothing is learnt yet."""

    @property
    def works_nights(self) -> bool:
        return self.shift_to_min > 1440


def draw_person(seed: int, number: int, site: SiteSpec, equipped: float) -> Person:
    """`equipped`: share of the people who carry a thermometer."""
    name = f"E{number:04d}"
    draw = stream(seed, "person", name)
    role: Role = draw.choice(("desk", "desk", "consultant", "engineer", "manager"))
    shift_from, shift_to = _shift(draw)
    hotspot_at_home = chance(draw, 0.06)
    return Person(
        employee_id=name,
        name=f"Person {number}",
        role=role,
        site_id=site.site_id,
        desk=draw_desk(site, draw),
        shift_from_min=shift_from,
        shift_to_min=shift_to,
        late_min=clipped(draw, -6, 8, -40, 20),
        input_share=clipped(draw, _INPUT[role], 0.12, 0.15, 0.95),
        meetings_a_day=_MEETINGS[role],
        takes_laptop=draw.uniform(0.2, 0.9),
        eats_out=draw.uniform(0.1, 0.9),
        laptop_id=f"laptop-{name.lower()}",
        ear=draw_ear(draw),
        home_gateway=_mac(seed, "home", name),
        home_registered=chance(draw, 0.8),
        home_egress_registered=chance(draw, 0.3),
        home_address=f"198.51.{100 + number // 250 % 100}.{1 + number % 250}",
        home_air=draw_room(
            draw, "home", draw.choice(("cycling", "none", "steady")), draw.uniform(18, 28)
        ),
        hotspot_gateway=_mac(seed, "hotspot", name),
        hotspot_at_home=hotspot_at_home,
        wired=chance(draw, 0.25),
        guest=chance(draw, 0.08),
        sensor=draw_carried(draw, f"carried-{name.lower()}") if chance(draw, equipped) else None,
        badge=secret(seed, "badge", name)[:20] if chance(draw, 0.25) else None,
        badge_power_1m_dbm=draw.uniform(-70, -60),
        history_days=0 if chance(draw, 0.12) else draw.randint(5, 20),
    )


def draw_desk(site: SiteSpec, draw: Stream) -> Spot:
    """Most sit near the node, as nodes are put where people are; a fifth on another floor or beside
    the server room."""
    offices = site.of_kind("office")
    node_rooms = {node.spot.room for node in site.nodes}
    floors = {site.rooms[room].floor for room in node_rooms}
    near = [room for room in offices if room.index in node_rooms]
    same = [room for room in offices if room.floor in floors]
    pick = draw.random()
    if near and pick < 0.5:
        return draw.choice(near).spot(site.site_id, draw)
    if same and pick < 0.8:
        return draw.choice(same).spot(site.site_id, draw)
    return draw.choice(offices).spot(site.site_id, draw)


def _shift(draw: Stream) -> tuple[int, int]:
    pick = draw.random()
    if pick < 0.08:
        return 1320, 1320 + 9 * 60  # 22:00 to 07:00
    if pick < 0.16:
        return 840, 840 + 9 * 60  # 14:00 to 23:00
    start = draw.choice((510, 540, 540, 540, 570))
    return start, start + 9 * 60


def _mac(seed: int, *names: str) -> bytes:
    """A locally administered address, as phones and virtual gateways have."""
    return b"\x02" + secret(seed, "mac", *names)[:5]


def gateway(seed: int, *names: str) -> bytes:
    """The hardware address of a gateway of this name."""
    return _mac(seed, *names)
