"""What is kept of one version of an assessment for rules: its facts, and what others are compared by. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from zaigang_collector.attendance.model import ClockIn, Direction, Flag, Kind
from zaigang_collector.directory.model import Site
from zaigang_collector.matching.model import Assessment, Presence, SiteFacts
from zaigang_collector.matching.model import Direction as Says
from zaigang_collector.matching.policy import Policy
from zaigang_collector.matching.signals import geofence
from zaigang_collector.rules.vocabulary import Value

_MIN_MS: Final = 60_000
_OWN: Final = frozenset({Kind.OWN, Kind.TERMINAL})


@dataclass(frozen=True, slots=True)
class Place:
    """One located punch, for comparing it with others."""

    at_ms: int
    latitude: float
    longitude: float
    site_id: str


@dataclass(frozen=True, slots=True)
class Derived:
    """Sealed and kept with an assessment's version."""

    facts: Mapping[str, Value]
    exemptions: tuple[tuple[int, int, str], ...] = ()
    """As the assessment knew them: (from, to, kind)."""
    clock_ins: tuple[str, ...] = ()
    """References with their versions."""
    sources: tuple[str, ...] = ()
    phone: str = ""
    """The source's id of the phone that clocked in; "": not told, or a terminal."""
    in_ms: int | None = None
    """The person's own clock-in; None: a correction."""
    places: tuple[Place, ...] = ()
    networks: int = 0
    """How many gateways are registered for the site."""

    def encoded(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def decoded(cls, raw: Mapping[str, Any]) -> Derived:
        return cls(
            facts=raw["facts"],
            exemptions=tuple((one[0], one[1], one[2]) for one in raw["exemptions"]),
            clock_ins=tuple(raw["clock_ins"]),
            sources=tuple(raw["sources"]),
            phone=raw["phone"],
            in_ms=raw["in_ms"],
            places=tuple(Place(**one) for one in raw["places"]),
            networks=raw["networks"],
        )


@dataclass(frozen=True, slots=True)
class Ground:
    """What an assessment is derived with, besides itself."""

    clock_ins: Sequence[ClockIn]
    site: Site | None
    site_facts: SiteFacts
    policy: Policy
    traces: Mapping[str, Value] = field(default_factory=dict)
    """Facts that rest on readings; empty where these are not what was judged."""


def derive(made: Assessment, ground: Ground) -> Derived:
    """All that rules need of one version."""
    claim = made.claim
    opening = next(iter(ground.clock_ins), None)
    told: dict[str, Value] = {"claimed_min": (claim.end_ms - claim.start_ms) / _MIN_MS}
    if ground.site is not None:
        told["site_kind"] = ground.site.kind.value
    told |= _punched(ground.clock_ins, claim.flags)
    told |= judged(made)
    told |= _fence(made, ground)
    own = opening is not None and opening.content.kind in _OWN
    is_in = opening is not None and opening.content.direction is Direction.IN
    return Derived(
        facts={**told, **ground.traces},
        exemptions=tuple((one.from_ms, one.to_ms, one.kind) for one in claim.exemptions),
        clock_ins=claim.clock_in_ids,
        sources=tuple(sorted({one.content.source for one in ground.clock_ins})),
        phone=_phone(opening),
        in_ms=claim.start_ms if own and is_in else None,
        places=tuple(
            Place(one.content.punched_ms, point.latitude, point.longitude, claim.site_id)
            for one in ground.clock_ins
            if (point := one.content.point) is not None
        ),
        networks=len(ground.site_facts.networks),
    )


def _punched(clock_ins: Sequence[ClockIn], flags: Sequence[str]) -> dict[str, Value]:
    opening = next(iter(clock_ins), None)
    told: dict[str, Value] = {
        "mock_location": Flag.MOCK_LOCATION.value in flags,
        "duplicate_device": Flag.DUPLICATE_DEVICE.value in flags,
    }
    if opening is not None:
        told["own_word"] = opening.content.kind in _OWN
        told["terminal"] = opening.content.kind is Kind.TERMINAL
    return told


def _phone(opening: ClockIn | None) -> str:
    if opening is None or opening.content.kind is not Kind.OWN:
        return ""
    device = opening.content.source_device
    return "" if not device else f"{opening.content.source}:{device}"


def judged(made: Assessment) -> dict[str, Value]:
    against = [one for one in made.stretches if one.presence is Presence.CONTRADICTED]
    first_ms = min((one.from_ms for one in against), default=made.claim.end_ms)
    told: dict[str, Value] = {
        "presence": made.presence.value,
        "provisional": made.provisional,
        "held_together": made.held_together,
        "coverage_share": made.coverage,
        "absence_min": sum(one.to_ms - one.from_ms for one in against) / _MIN_MS,
        "longest_absence_min": max((one.to_ms - one.from_ms for one in against), default=0)
        / _MIN_MS,
        "present_before_min": sum(
            one.to_ms - one.from_ms
            for one in made.stretches
            if one.presence is Presence.CONFIRMED and one.to_ms <= first_ms
        )
        / _MIN_MS,
        "travel_impossible": any(
            one.signal == "travel" and one.direction is Says.CONTRADICTS for one in made.findings
        ),
    }
    if made.present_share is not None:
        told["presence_share"] = made.present_share
    return told


def _fence(made: Assessment, ground: Ground) -> dict[str, Value]:
    fixed = [
        held
        for point in made.claim.points
        if not point.mock_location
        and (held := geofence.hold(point, ground.site_facts, ground.policy)) is not None
    ]
    return {"outside_fence": not any(one.inside for one in fixed)} if fixed else {}
