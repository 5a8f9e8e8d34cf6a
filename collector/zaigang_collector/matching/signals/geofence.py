"""Geofence: the coordinates that came with a punch, against the site's fence.

Speaks of the moment of the punch only, and little: positions of phones are faked with ease.
"""

from __future__ import annotations

from dataclasses import dataclass

from zaigang_collector.matching import earth, words
from zaigang_collector.matching.model import ClaimedPoint, Family, SiteFacts
from zaigang_collector.matching.policy import Policy
from zaigang_collector.matching.timeline import Scene, Trace


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
        slot = slot_of(scene, point.at_ms)
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
        and earth.is_position(point.latitude, point.longitude)
        and 0 <= accuracy_m <= policy.geofence_worst_accuracy_m
    ):
        return None
    distance_m = earth.distance_m(point.latitude, point.longitude, site.latitude, site.longitude)
    return Fixed(distance_m, site.radius_m + policy.geofence_accuracy_factor * accuracy_m)


def _fence_is_usable(site: SiteFacts) -> bool:
    return (
        site.latitude is not None
        and site.longitude is not None
        and site.radius_m is not None
        and earth.is_position(site.latitude, site.longitude)
        and 0 < site.radius_m <= 100_000
    )


def slot_of(scene: Scene, at_ms: int) -> int | None:
    """The slot of a punch; one shortly before or after belongs to the first or the last."""
    margin_ms = scene.policy.geofence_margin_s * 1000
    grid = scene.grid
    if not grid.start_ms - margin_ms <= at_ms <= grid.end_ms + margin_ms:
        return None
    return grid.slot_at(min(max(at_ms, grid.start_ms), grid.end_ms - 1))
