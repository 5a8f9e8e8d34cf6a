"""Travel: the step between two located punches needs a speed that nobody has.

Of two punches that cannot both be true, one may be somebody else's, a faked position or a fault of
the source: nobody knows which, so it speaks a little against, and never is a ground.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from zaigang_collector.matching import earth, words_travel
from zaigang_collector.matching.model import ClaimedPoint, Family
from zaigang_collector.matching.policy import Policy
from zaigang_collector.matching.signals import geofence
from zaigang_collector.matching.timeline import Scene, Trace


@dataclass(frozen=True, slots=True)
class Step:
    """From one punch to the next, as short and as slow as their accuracies allow."""

    before: ClaimedPoint
    after: ClaimedPoint
    least_m: float
    most_s: float

    @property
    def least_kmh(self) -> float:
        return self.least_m / self.most_s * 3.6


def find(scene: Scene) -> Trace:
    """What this interval's punches say beside the person's other ones."""
    steps = impossible(scene)
    slots = [0.0] * scene.grid.count
    own = frozenset(scene.claim.points)
    for step in steps:
        for point in (step.before, step.after):
            slot = geofence.slot_of(scene, point.at_ms) if point in own else None
            if slot is not None and not scene.exempt[slot]:
                slots[slot] = -scene.policy.travel_llr
    text = words_travel.travel(
        [(step.before.at_ms, step.after.at_ms, step.least_m, step.least_kmh) for step in steps],
        scene.site.time_zone,
        len(_located(scene)),
    )
    return Trace("travel", Family.CLAIM, slots, [0.0] * scene.grid.count, text)


def impossible(scene: Scene) -> list[Step]:
    """Steps that touch this interval and that nobody can have made, in order of time."""
    own = frozenset(scene.claim.points)
    return [
        step
        for before, after in itertools.pairwise(_located(scene))
        if (before in own or after in own)
        and (step := _step(before, after, scene.policy)).least_kmh > _most_kmh(step, scene.policy)
    ]


def _located(scene: Scene) -> list[ClaimedPoint]:
    """The person's usable punches, each once, in order."""
    points = {
        point
        for point in (*scene.claim.points, *scene.claim.elsewhere)
        if not point.mock_location
        and earth.is_position(point.latitude, point.longitude)
        and _accuracy_m(point, scene.policy) is not None
    }
    return sorted(points, key=lambda point: (point.at_ms, repr(point)))


def _step(before: ClaimedPoint, after: ClaimedPoint, policy: Policy) -> Step:
    apart_m = earth.distance_m(before.latitude, before.longitude, after.latitude, after.longitude)
    accuracy_m = (_accuracy_m(before, policy) or 0.0) + (_accuracy_m(after, policy) or 0.0)
    least_m = max(0.0, apart_m - policy.geofence_accuracy_factor * accuracy_m)
    return Step(before, after, least_m, (after.at_ms - before.at_ms) / 1000 + policy.travel_slack_s)


def _most_kmh(step: Step, policy: Policy) -> float:
    near = step.least_m <= policy.travel_near_m
    return policy.travel_near_kmh if near else policy.travel_far_kmh


def _accuracy_m(point: ClaimedPoint, policy: Policy) -> float | None:
    accuracy_m = point.accuracy_m
    if accuracy_m is None:
        return policy.geofence_unknown_accuracy_m
    return accuracy_m if 0 <= accuracy_m <= policy.geofence_worst_accuracy_m else None
