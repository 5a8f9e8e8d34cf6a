"""Judging past days again with another policy, to see what it would change. Nothing is stored.

Both answers are made now, from the same evidence: a difference is the policy's, not that of readings
that came later or are deleted since. Where the evidence is no longer what the stored verdict was made
of, that is told.
"""

from __future__ import annotations

import dataclasses
import enum
import math
from collections.abc import Iterator
from dataclasses import dataclass, fields

from sqlalchemy import Connection

from zaigang_collector.assessment import store
from zaigang_collector.assessment.gather import Gathered, claimed_intervals, gather, together
from zaigang_collector.assessment.model import assessment_id
from zaigang_collector.assessment.service import Judge
from zaigang_collector.matching.assess import assess
from zaigang_collector.matching.errors import ClaimError
from zaigang_collector.matching.model import Assessment, Presence, Work
from zaigang_collector.matching.policy import Policy


class Since(enum.StrEnum):
    """What became of the evidence since the stored verdict."""

    SAME = "same"
    CHANGED = "changed"
    """Readings, or what is known of site and homes: more came in, or is deleted since."""
    NEVER_JUDGED = "never_judged"


@dataclass(frozen=True, slots=True)
class Answer:
    """What one policy makes of an interval."""

    presence: Presence
    work: Work
    provisional: bool
    coverage: float
    present_share: float | None
    """As in the assessment."""
    mean_posterior: float
    """Of presence, over the interval."""

    @classmethod
    def of(cls, made: Assessment) -> Answer:
        mean = math.fsum(made.posteriors) / len(made.posteriors)
        return cls(
            made.presence,
            made.work,
            made.provisional,
            made.coverage,
            made.present_share,
            round(mean, 6),
        )

    def says(self) -> tuple[Presence, Work, bool]:
        """What people are told."""
        return self.presence, self.work, self.provisional


@dataclass(frozen=True, slots=True)
class Compared:
    """One interval under both policies. None: it cannot be assessed under that one."""

    assessment_id: str
    employee_id: str
    site_id: str
    start_ms: int
    end_ms: int
    old: Answer | None
    new: Answer | None
    since: Since

    @property
    def differs(self) -> bool:
        """Whether people would be told something else."""
        if self.old is None or self.new is None:
            return self.old is not self.new
        return self.old.says() != self.new.says()

    @property
    def accuses(self) -> bool:
        """Whether the new policy contradicts a claim that the old one does not."""
        return _contradicts(self.new) and not _contradicts(self.old)


def _contradicts(answer: Answer | None) -> bool:
    return answer is not None and answer.presence is Presence.CONTRADICTED


@dataclass(frozen=True, slots=True)
class NumberChanged:
    """One number of the policy."""

    name: str
    old: float
    new: float


def numbers_changed(old: Policy, new: Policy) -> list[NumberChanged]:
    """In which numbers two policies differ, in the document's order."""
    pairs = (
        NumberChanged(field.name, getattr(old, field.name), getattr(new, field.name))
        for field in fields(Policy)
    )
    return [pair for pair in pairs if pair.old != pair.new]


def compare_person(
    conn: Connection,
    judge: Judge,
    candidate: Policy,
    employee_id: str,
    span: tuple[int, int],
    now_ms: int,
) -> Iterator[Compared]:
    """A person's intervals that begin in `span` and are over at `now_ms` (UTC ms), by time.

    `judge`: with the policy that is in use.
    """
    for claimed in claimed_intervals(conn, judge.vault, employee_id, *span):
        if claimed.interval.end_ms >= now_ms:
            continue
        gathered = gather(conn, judge.vault, claimed, now_ms, judge.collector_key, judge.policy)
        # Whether many seem absent at once is a matter of the policy as well.
        site = dataclasses.replace(gathered.site, together=together(conn, claimed, candidate))
        name = assessment_id(claimed.opening_id)
        yield Compared(
            assessment_id=name,
            employee_id=employee_id,
            site_id=gathered.claim.site_id,
            start_ms=gathered.claim.start_ms,
            end_ms=gathered.claim.end_ms,
            old=_answer(gathered, judge.policy),
            new=_answer(dataclasses.replace(gathered, site=site), candidate),
            since=_since(conn, name, gathered.evidence_hash),
        )


def _answer(gathered: Gathered, policy: Policy) -> Answer | None:
    try:
        return Answer.of(assess(gathered.claim, gathered.site, gathered.evidence, policy))
    except ClaimError:
        return None


def _since(conn: Connection, name: str, evidence_hash: bytes) -> Since:
    before = store.last_evidence(conn, name)
    if before is None:
        return Since.NEVER_JUDGED
    return Since.SAME if before == evidence_hash else Since.CHANGED
