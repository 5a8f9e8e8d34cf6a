"""Where somebody or something is: sites with floors and rooms, and the few other places of a life."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from zaigang_collector.simulation.air import Cooling, RoomSpec, draw_room
from zaigang_collector.simulation.streams import Stream, chance
from zaigang_collector.simulation.weather import Climate

RoomKind = Literal["office", "meeting", "canteen", "server"]
ROOM_W_M: Final = 8.0
ROOM_D_M: Final = 7.0


@dataclass(frozen=True, slots=True)
class Spot:
    """A point in a place. `place`: a site's id, or home, cafe, street, elsewhere."""

    place: str
    room: int = 0
    x_m: float = 0.0
    y_m: float = 0.0
    floor: int = 0


HOME: Final = Spot("home")
CAFE: Final = Spot("cafe")
STREET: Final = Spot("street")
ELSEWHERE: Final = Spot("elsewhere")
"""A place that nobody registered: a flat of friends, another client, a hotel."""


@dataclass(frozen=True, slots=True)
class Room:
    """A rectangle of ROOM_W_M by ROOM_D_M on one floor."""

    index: int
    kind: RoomKind
    floor: int
    column: int
    row: int
    air: RoomSpec
    dead: bool
    """Behind steel: a lift, a vault, a server rack. Radio hardly gets in."""

    def spot(self, site_id: str, draw: Stream) -> Spot:
        """Somewhere in this room."""
        x_m = (self.column + draw.uniform(0.1, 0.9)) * ROOM_W_M
        y_m = (self.row + draw.uniform(0.1, 0.9)) * ROOM_D_M
        return Spot(site_id, self.index, x_m, y_m, self.floor)


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """A site node: where it stands, how loud it is, and how its sensor errs."""

    device_id: str
    spot: Spot
    power_1m_dbm: float
    """Received at a metre. A Pi's own antenna at 0 to 4 dBm: -56 to -68."""
    rid_key: bytes
    sensor: str
    temp_off_c: float
    rh_off_pct: float
    self_heat_c: float
    """How much warmer than the room its sensor is."""
    self_heat_error: float
    """What it says of that, as a share of the truth."""
    temp_acc_c: float
    rh_acc_pct: float


@dataclass(frozen=True, slots=True)
class SiteSpec:
    """A place where people clock in, as it really is."""

    site_id: str
    name: str
    time_zone: str
    latitude: float
    longitude: float
    radius_m: float
    rooms: tuple[Room, ...]
    nodes: tuple[NodeSpec, ...]
    wall_db: float
    floor_db: float
    climate: Climate
    gateways: tuple[bytes, ...]
    """Hardware addresses that the company registered."""
    guest_gateway: bytes
    """Of the guests' network: nobody registered it."""
    egress: str
    """CIDR that the site's traffic comes from."""

    def of_kind(self, kind: RoomKind) -> tuple[Room, ...]:
        return tuple(room for room in self.rooms if room.kind == kind)


# Cities with their zones: two daylight-saving rules, two zones without, one off by half an hour.
CITIES: Final = (
    ("Asia/Shanghai", 31.23, 121.47),
    ("Asia/Shanghai", 34.26, 108.94),
    ("Asia/Shanghai", 22.54, 114.06),
    ("Asia/Singapore", 1.29, 103.85),
    ("Asia/Kolkata", 12.97, 77.59),
    ("Europe/Berlin", 52.52, 13.40),
    ("America/New_York", 40.71, -74.01),
)


def draw_rooms(draw: Stream) -> tuple[Room, ...]:
    """One to three floors of four to ten rooms: mostly offices, some meeting rooms, a canteen, a
    server room."""
    cooling: Cooling = draw.choice(("cycling", "cycling", "steady", "none"))
    set_c = draw.uniform(21.5, 25.5)
    columns, floors = draw.choice((2, 3, 4, 5)), draw.choice((1, 1, 2, 3))
    rooms: list[Room] = []
    for floor in range(floors):
        for column in range(columns):
            for row in range(2):
                kind = _kind(len(rooms), draw)
                spec = draw_room(draw, kind, cooling, set_c)
                dead = kind == "server" or chance(draw, 0.05)
                rooms.append(Room(len(rooms), kind, floor, column, row, spec, dead))
    return tuple(rooms)


def _kind(index: int, draw: Stream) -> RoomKind:
    fixed: tuple[RoomKind, ...] = ("office", "meeting", "office", "server")
    if index < len(fixed):
        return fixed[index]
    choices: tuple[RoomKind, ...] = ("office", "office", "office", "meeting", "canteen")
    return draw.choice(choices)
