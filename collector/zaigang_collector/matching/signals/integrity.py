"""Integrity: something about the evidence does not fit an honest device.

Never moves the posterior by itself: a broken chain or a stale identifier says that evidence is not
worth what it seems, not where the person was. It takes support away, and HR is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from zaigang_collector.matching import words
from zaigang_collector.matching.model import (
    Direction,
    Evidence,
    Family,
    Reference,
    Text,
    TimedReading,
)
from zaigang_collector.matching.signals.beacon import Misheard
from zaigang_collector.matching.timeline import Scene, Trace, order, references

# Nobody can tell which host spoke, or when: the readings are left out, for and against.
UNUSABLE: Final = frozenset({"two_hosts", "boot_time_impossible"})
# The chain was copied or rolled back: what is there is signed, what is missing is not known.
DOUBTED: Final = frozenset({"fork", "broken_chain", "replayed_beacon"})
# Told, and nothing that does not fit: the collector's own loss, or a key that was given up openly.
NEUTRAL: Final = frozenset({"collector_behind", "revoked_key"})
_CLAIM_FLAGS: Final = ("mock_location", "duplicate_device")


def unusable(evidence: Evidence) -> frozenset[str]:
    """Devices whose readings must not be used in either direction."""
    return frozenset(event.device_id for event in evidence.integrity if event.kind in UNUSABLE)


def doubted(scene: Scene) -> list[str]:
    """Kinds of events that keep an interval from being confirmed, in order of name."""
    own = {device.device_id for device in scene.laptops}
    return sorted(
        {
            event.kind
            for event in scene.evidence.integrity
            if event.kind in DOUBTED and event.device_id in own
        }
    )


def claim_flags(scene: Scene) -> list[str]:
    """What the source itself says against the punches, each once."""
    flags = set(scene.claim.flags)
    if any(point.mock_location for point in scene.claim.points):
        flags.add("mock_location")
    return [flag for flag in _CLAIM_FLAGS if flag in flags]


def find(scene: Scene, misheard: Sequence[Misheard], two_places: int) -> Trace:
    """All that does not fit, in one finding; silent when everything does.

    `two_places`: slots in which two of the person's devices were in use at different places.
    """
    events = sorted(
        scene.evidence.integrity, key=lambda e: (e.at_ms, e.device_id, e.kind, e.detail)
    )
    kinds = sorted({event.kind for event in events})
    neutral = [words.event(kind) for kind in kinds if kind in NEUTRAL]
    parts: list[Text] = []
    for kind in kinds:
        if kind not in NEUTRAL:
            of_kind = [event for event in events if event.kind == kind]
            parts.append(words.integrity_event(kind, len(of_kind), kind in UNUSABLE))
    for kind in ("stale", "early", "foreign", "copied", "unsettled"):
        found = [item for item in misheard if item.kind == kind]
        if found:
            worst_s = max(item.off_ms for item in found) / 1000
            told = words.misheard(kind, len({item.slot for item in found}), worst_s)
            (neutral if kind == "unsettled" else parts).append(told)
    parts.extend(words.claim_flag(flag) for flag in claim_flags(scene))
    if two_places:
        parts.append(words.two_places(two_places * scene.grid.slot_ms))
    signed = {Reference(event.envelope, 0): None for event in events if event.envelope is not None}
    return Trace(
        "integrity",
        Family.INTEGRITY,
        [0.0] * scene.grid.count,
        [0.0] * scene.grid.count,
        words.joined([*parts, *neutral]) if parts or neutral else words.integrity_quiet(),
        (*signed, *references(_firsts(misheard))),
        Direction.CONTRADICTS if parts else Direction.SILENT,
    )


def _firsts(misheard: Sequence[Misheard]) -> list[TimedReading]:
    """One reading per kind and slot: a day of replays needs no thousand references."""
    chosen: dict[tuple[str, int], TimedReading] = {}
    for item in misheard:
        name = (item.kind, item.slot)
        if name not in chosen or order(item.timed) < order(chosen[name]):
            chosen[name] = item.timed
    return list(chosen.values())
