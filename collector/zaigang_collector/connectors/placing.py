"""Which site a punch claims. Pure.

Asked in this order, and the first that knows it decides:

1. its attendance machine, where the settings say at which site that stands;
2. its access point, where a site's networks have it;
3. its coordinates, in the fence of a site; of several, one to which the person is assigned, then the
   nearest;
4. the address or the group of the rule under which it was made, where the settings know them, and
   the system itself did not call it outside;
5. for a record without any place, such as a correction, the one site to which the person is assigned
   on that day.

Nothing of all that: the site is unknown, and the record is kept aside.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from zaigang_collector.attendance.model import Point
from zaigang_collector.connectors.contract import Place
from zaigang_collector.connectors.files import SiteSettings
from zaigang_collector.matching.earth import distance_m

# By this much at most a point's own error widens a fence. Larger lets a point that may be anywhere
# choose a site; smaller loses honest punches from within tall buildings.
_ERROR_MOST_M: Final = 300.0

# The least and the greatest radius of curvature of WGS-84: the meridian's on the equator, and that of
# the poles. On spheres of these radii every way is shorter, and longer, than on the ellipsoid.
_LEAST_RADIUS_M: Final = 6_335_439.3
_MOST_RADIUS_M: Final = 6_399_593.7

TERMINAL: Final = "terminal"
ADDRESS: Final = "address"
GROUP: Final = "group"


@dataclass(frozen=True, slots=True)
class Fence:
    """A site as a circle."""

    site_id: str
    latitude: float
    longitude: float
    radius_m: float


@dataclass(frozen=True, slots=True)
class Sites:
    """What is known of all sites, asked once for a pass."""

    ids: frozenset[str]
    fences: Sequence[Fence]
    by_network: Mapping[bytes, frozenset[str]]
    settings: SiteSettings

    def site_of(self, place: Place, assigned: Collection[str]) -> str | None:
        """The site that a punch at `place` claims; None: unknown. `assigned`: to which sites the
        person is assigned on that day."""
        return (
            self._named(place, TERMINAL)
            or self._by_network(place.network, assigned)
            or self._by_point(place.point, assigned)
            or self._named(place, ADDRESS)
            or self._named(place, GROUP)
            or self._by_assignment(place, assigned)
        )

    def _named(self, place: Place, what: str) -> str | None:
        known: Mapping[str, str] = getattr(self.settings, what)
        for name, value in place.names:
            if name == what and (site_id := known.get(value)) in self.ids:
                return site_id
        return None

    def _by_network(self, network: bytes | None, assigned: Collection[str]) -> str | None:
        if network is None:
            return None
        here = self.by_network.get(network, frozenset())
        # A hotspot that is carried about is registered at several: it says nothing then.
        found = (here & set(assigned)) or here
        return next(iter(found)) if len(found) == 1 else None

    def _by_point(self, point: Point | None, assigned: Collection[str]) -> str | None:
        if point is None:
            return None
        error_m = min(point.accuracy_m or 0.0, _ERROR_MOST_M)
        near = []
        for one in self.fences:
            least_m, most_m = bounds_m(point.latitude, point.longitude, one.latitude, one.longitude)
            if least_m <= one.radius_m + error_m:
                near.append((one, most_m))
        if len(near) == 1 and near[0][1] <= near[0][0].radius_m + error_m:
            return near[0][0].site_id  # without its distance, which costs a hundred of these
        inside = []
        for one, _ in near:
            away_m = distance_m(point.latitude, point.longitude, one.latitude, one.longitude)
            if away_m <= one.radius_m + error_m:
                inside.append((one.site_id not in assigned, away_m, one.site_id))
        return min(inside)[2] if inside else None

    def _by_assignment(self, place: Place, assigned: Collection[str]) -> str | None:
        told_a_place = place.point is not None or place.network is not None or place.in_words
        if told_a_place and not self.settings.assigned_when_elsewhere:
            return None
        known = set(assigned) & self.ids
        return next(iter(known)) if len(known) == 1 else None


def bounds_m(lat1: float, lon1: float, lat2: float, lon2: float) -> tuple[float, float]:
    """How far two positions in degrees are from each other at least and at most."""
    north, east = math.radians(lat2 - lat1) / 2, math.radians(lon2 - lon1) / 2
    across = math.cos(math.radians(lat1)) * math.cos(math.radians(lat2))
    chord = math.sin(north) ** 2 + across * math.sin(east) ** 2
    angle = 2 * math.asin(min(1.0, math.sqrt(chord)))
    return _LEAST_RADIUS_M * angle, _MOST_RADIUS_M * angle
