"""Geofence: the coordinates that came with a punch, against the site's fence.

Speaks of the moment of the punch only, and little: positions of phones are faked with ease.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from zaigang_collector.matching import words
from zaigang_collector.matching.model import ClaimedPoint, Family, SiteFacts
from zaigang_collector.matching.policy import Policy
from zaigang_collector.matching.timeline import Scene, Trace

# Mean radius; against the ellipsoid a distance of a kilometre is off by 5 m at most.
_EARTH_M: Final = 6_371_008.8


@dataclass(frozen=True, slots=True)
class Fixed:
    """A usable point, held against the fence."""

    distance_m: float
    allowed_m: float
    """Radius plus what the accuracy adds."""

    @property
    def inside(self) -> bool:
        return self.distance_m <= self.allowed_m


def find(scene: Scene) -> Trace:
    """What the claimed points say."""
    support, against = [0.0] * scene.grid.count, [0.0] * scene.grid.count
    fixed, useless, mocked = [], 0, 0
    for point in sorted(scene.claim.points, key=repr):
        slot = _slot(scene, point.at_ms)
        if slot is None:
            continue
        if point.mock_location:
            mocked += 1
            continue
        held = hold(point, scene.site, scene.policy)
        if held is None:
            useless += 1
            continue
        fixed.append(held)
        if scene.exempt[slot]:
            continue
        if held.inside:
            support[slot] = scene.policy.geofence_inside_llr
        else:
            against[slot] = -scene.policy.geofence_outside_llr
    slots = [plus + minus for plus, minus in zip(support, against, strict=True)]
    text = words.geofence(
        inside=sum(held.inside for held in fixed),
        outside=[held.distance_m - held.allowed_m for held in fixed if not held.inside],
        nearest_m=min((held.distance_m for held in fixed), default=None),
        useless=useless,
        mocked=mocked,
        fence=_fence_is_usable(scene.site),
    )
    return Trace("geofence", Family.CLAIM, slots, [0.0] * scene.grid.count, text)


def hold(point: ClaimedPoint, site: SiteFacts, policy: Policy) -> Fixed | None:
    """A point against the fence; None when either is no usable position."""
    if site.latitude is None or site.longitude is None or site.radius_m is None:
        return None
    accuracy_m = point.accuracy_m
    if accuracy_m is None:
        accuracy_m = policy.geofence_unknown_accuracy_m
    if not (
        _fence_is_usable(site)
        and _is_position(point.latitude, point.longitude)
        and 0 <= accuracy_m <= policy.geofence_worst_accuracy_m
    ):
        return None
    distance_m = _distance_m(point.latitude, point.longitude, site.latitude, site.longitude)
    return Fixed(distance_m, site.radius_m + policy.geofence_accuracy_factor * accuracy_m)


def _fence_is_usable(site: SiteFacts) -> bool:
    return (
        site.latitude is not None
        and site.longitude is not None
        and site.radius_m is not None
        and _is_position(site.latitude, site.longitude)
        and 0 < site.radius_m <= 100_000
    )


def _is_position(latitude: float, longitude: float) -> bool:
    # 0, 0 is what broken sources say for "no position". NaN fails each comparison.
    return (
        -90 <= latitude <= 90
        and -180 <= longitude <= 180
        and (abs(latitude) > 1e-9 or abs(longitude) > 1e-9)
    )


def _distance_m(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    phi1, phi2 = math.radians(lat1), math.radians(lat2)
    half = (
        math.sin((phi2 - phi1) / 2) ** 2
        + math.cos(phi1) * math.cos(phi2) * math.sin(math.radians(lon2 - lon1) / 2) ** 2
    )
    return 2 * _EARTH_M * math.asin(min(1.0, math.sqrt(half)))


def _slot(scene: Scene, at_ms: int) -> int | None:
    """The slot of a punch; one shortly before or after belongs to the first or the last."""
    margin_ms = scene.policy.geofence_margin_s * 1000
    grid = scene.grid
    if not grid.start_ms - margin_ms <= at_ms <= grid.end_ms + margin_ms:
        return None
    return grid.slot_at(min(max(at_ms, grid.start_ms), grid.end_ms - 1))
