"""The values of the assessment area."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from zaigang_collector.matching.model import Presence, Work


@dataclass(frozen=True, slots=True)
class StoredAssessment:
    """One version of what was found of one interval. Times UTC ms."""

    id: str
    """Named by the clock-in that opened the interval; stays when late punches move its end."""
    version: int
    newest: bool
    employee_id: str
    site_id: str
    start_ms: int
    end_ms: int
    presence: Presence
    work: Work
    coverage: float
    provisional: bool
    absent: bool
    """Contradicted, or only not because many at the site seemed absent at once."""
    body: bytes
    """`body.encode` of the whole assessment: what the ledger commits to."""
    body_hash: bytes
    evidence_hash: bytes
    policy_hash: str
    created_ms: int
    withdrawn_ms: int | None
    """Since when there is no such interval any more: its punches were edited away."""


class Outcome(enum.StrEnum):
    """What judging an interval did."""

    ADDED = "added"
    NEW_VERSION = "new_version"
    UNCHANGED = "unchanged"
    NOT_OVER = "not_over"
    """The interval still goes on: nothing is judged before its end."""
    NOT_ASSESSABLE = "not_assessable"
    """No interval that anybody can have worked: too long, or without length."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One interval's turn."""

    assessment_id: str
    outcome: Outcome
    site_id: str
    end_ms: int
    """Of the interval, UTC ms."""


def assessment_id(opening_clock_in_id: str) -> str:
    """The id of the assessment of the interval that this clock-in opened."""
    return "as-" + opening_clock_in_id.removeprefix("ci-")
