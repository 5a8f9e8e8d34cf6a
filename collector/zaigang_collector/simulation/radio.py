"""Who hears whom: 2.4 GHz inside a building.

Multi-wall model (COST 231 final report, ch. 4.7): free space, a loss for each wall and each floor.
Walls: 3.4 dB light, 6.9 dB heavy; floors about 18 dB. ITU-R P.1238 gives 15 dB for the first office
floor and log-normal shadowing of about 10 dB over a whole building; what its walls already explain is
left out, hence 5 dB. A person between the two costs up to about 10 dB (Januszkiewicz 2018, "Analysis
of Human Body Shadowing Effect on Wireless Sensor Networks Operating in the 2.4 GHz Band", Sensors 18).
Receivers of laptops reach -90 to -97 dBm (Bluetooth Core demands -70, chips' datasheets give -94 to
-97 and an antenna in a lid loses some of it).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from zaigang_collector.simulation.places import ROOM_D_M, ROOM_W_M, SiteSpec, Spot
from zaigang_collector.simulation.streams import Stream, clipped

SHADOW_DB: Final = 5.0
FADING_DB: Final = 4.0
"""Small-scale: what a hand's breadth changes, and each hop to another advertising channel."""
SWAY_DB: Final = 2.5
"""People and doors move: the mean of a minute sways by this much."""
_DEAD_DB: Final = 25.0
ADVERTS_PER_SLOT: Final = 15
"""One advertisement a second, over a slot of 15 s."""


@dataclass(frozen=True, slots=True)
class Ear:
    """A receiver: how faint a frame it still takes, and which share of the time it listens."""

    floor_dbm: float
    duty: float


def draw_ear(draw: Stream) -> Ear:
    """A laptop's radio: shared with Wi-Fi, so it listens a tenth to most of the time."""
    return Ear(floor_dbm=clipped(draw, -92, 2.0, -97, -86), duty=draw.uniform(0.15, 0.8))


def mean_dbm(site: SiteSpec, power_1m_dbm: float, a: Spot, b: Spot) -> float | None:
    """Mean strength between two spots of a site, before shadowing; None: not in the same place."""
    if a.place != b.place or a.place != site.site_id:
        return None
    height = 3.2 * abs(a.floor - b.floor)
    distance = max(0.5, math.dist((a.x_m, a.y_m, 0.0), (b.x_m, b.y_m, height)))
    walls = abs(_column(a) - _column(b)) + abs(_row(a) - _row(b))
    floors = abs(a.floor - b.floor)
    loss = 20 * math.log10(distance) + walls * site.wall_db + floors * site.floor_db
    loss += _DEAD_DB * sum(site.rooms[spot.room].dead for spot in (a, b) if spot.room >= 0)
    if a.room == b.room and site.rooms[a.room].dead:
        loss -= 2 * _DEAD_DB
    return power_1m_dbm - loss


def shadow_db(seed_draw: Stream) -> float:
    """What furniture and the lie of a desk add; stays as long as things stay where they are."""
    return clipped(seed_draw, 0.0, SHADOW_DB, -15, 15)


def heard_count(dbm: float, ear: Ear, draw: Stream) -> int:
    """How many frames of one slot are taken, at this mean strength."""
    clear = 0.5 * math.erfc((ear.floor_dbm - dbm) / (FADING_DB * math.sqrt(2)))
    each = clear * ear.duty
    if each < 1e-4 or draw.random() > 1 - (1 - each) ** ADVERTS_PER_SLOT:
        return 0
    return max(1, round(ADVERTS_PER_SLOT * each + draw.gauss(0, 1)))


def _column(spot: Spot) -> int:
    return int(spot.x_m // ROOM_W_M)


def _row(spot: Spot) -> int:
    return int(spot.y_m // ROOM_D_M)
