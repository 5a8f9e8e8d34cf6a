"""What there is to see of an assessment, before it is a drawing or a table."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from zaigang_collector.drawing import labels
from zaigang_collector.drawing.scale import WallClock
from zaigang_collector.matching.model import Assessment, Direction, Family, Finding, Presence, Text
from zaigang_collector.matching.policy import Policy

T = TypeVar("T", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Subject:
    """Who and where, as people call them, and the site's zone (IANA). An assessment has ids only."""

    person: str
    site: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class Bounds:
    """The policy's bounds for one slot's posterior of presence, 0 to 1."""

    confirm: float
    """At least this."""
    contradict: float
    """At most this."""

    @classmethod
    def of(cls, policy: Policy) -> Bounds:
        return cls(policy.confirm_posterior, 1.0 - policy.contradict_posterior)


@dataclass(frozen=True, slots=True)
class Run:
    """Slots one after the other of which the same is to be said."""

    from_slot: int
    to_slot: int
    """The first one after it."""


@dataclass(frozen=True, slots=True)
class Picture:
    """An assessment with the words and times that a drawing needs."""

    assessment: Assessment
    subject: Subject
    clock: WallClock
    presences: tuple[Presence, ...]
    """Per slot the result of its stretch."""

    @property
    def start_ms(self) -> int:
        return self.assessment.claim.start_ms

    @property
    def end_ms(self) -> int:
        return self.assessment.claim.end_ms

    @property
    def count(self) -> int:
        return len(self.assessment.posteriors)

    def slot_ms(self, slot: int) -> int:
        """Where a slot begins; for the one after the last, the end of the interval."""
        return min(self.end_ms, self.start_ms + slot * self.assessment.slot_ms)

    def slots_of(self, finding: Finding) -> tuple[float, ...]:
        """One number per slot, also of a finding that has none."""
        return finding.slots or (0.0,) * self.count

    def runs(self, says: Callable[[int], T]) -> Iterator[tuple[T, Run]]:
        """The interval cut where the answer changes."""
        start = 0
        for said, group in itertools.groupby(map(says, range(self.count))):
            length = len(list(group))
            yield said, Run(start, start + length)
            start += length

    def is_guess(self, slot: int) -> bool:
        """Whether the posterior there rests on other slots alone. Where there is nothing to assess,
        nothing is guessed."""
        return not self.assessment.covered[slot] and not self.is_exempt(slot)

    def is_exempt(self, slot: int) -> bool:
        return self.presences[slot] is Presence.EXEMPT

    def exempt_runs(self) -> list[Run]:
        """Empty also where an exemption covers half of no slot."""
        return [run for is_exempt, run in self.runs(self.is_exempt) if is_exempt]


def picture(assessment: Assessment, subject: Subject) -> Picture:
    """Put together what a drawing needs."""
    presences = [Presence.UNVERIFIED] * len(assessment.posteriors)
    start_ms, slot_ms = assessment.claim.start_ms, assessment.slot_ms
    for stretch in assessment.stretches:
        first = (stretch.from_ms - start_ms) // slot_ms
        after = -(-(stretch.to_ms - start_ms) // slot_ms)
        presences[first:after] = [stretch.presence] * (after - first)
    return Picture(assessment, subject, WallClock.of(subject.time_zone), tuple(presences))


def state(finding: Finding) -> Text:
    """What a lane says as a whole. Integrity speaks of evidence, never of a place."""
    if finding.family is Family.INTEGRITY:
        odd = finding.direction is Direction.CONTRADICTS
        return labels.IN_DOUBT if odd else labels.NOTHING_ODD
    if min(finding.slots, default=0.0) < 0.0 < max(finding.slots, default=0.0):
        return labels.MOSTLY[finding.direction]
    return labels.DIRECTIONS[finding.direction]


def word(llr: float) -> Direction:
    """What one slot of a lane says."""
    if llr > 0.0:
        return Direction.SUPPORTS
    return Direction.CONTRADICTS if llr < 0.0 else Direction.SILENT


def exempt_kinds(assessment: Assessment, from_ms: int, to_ms: int) -> Sequence[str]:
    """Kinds of the exemptions that overlap a stretch, in order of name."""
    return sorted(
        {
            one.kind
            for one in assessment.claim.exemptions
            if one.from_ms < to_ms and one.to_ms > from_ms
        }
    )
