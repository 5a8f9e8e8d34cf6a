"""The values of the vault. Times are collector UTC in milliseconds."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class SubjectKind(enum.StrEnum):
    """Whose key something is under."""

    PERSON = "person"
    SITE = "site"
    DEVICE = "device"
    """A device that nobody held: what it says is nobody's."""
    ACCOUNT = "account"
    """Somebody who signs in; what only their second factor needs."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Who or what a body is about, and whose forgetting makes it unreadable."""

    kind: SubjectKind
    id: str


def person(employee_id: str) -> Subject:
    """The subject that is this employee."""
    return Subject(SubjectKind.PERSON, employee_id)


@dataclass(frozen=True, slots=True)
class ToSeal:
    """A body on its way into the database."""

    subject: Subject
    plaintext: bytes
    context: bytes
    """Names the place where it will stand, so that two bodies cannot be swapped."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A legal hold: nothing of this person may be forgotten."""

    employee_id: str
    from_ms: int
    why: str
    by: str
    lifted_ms: int | None


class TombstoneKind(enum.StrEnum):
    """What a tombstone tells of."""

    FORGOTTEN = "forgotten"
    HOLD = "hold"
    HOLD_LIFTED = "hold_lifted"
    RETENTION = "retention"


@dataclass(frozen=True, slots=True)
class Tombstone:
    """That something is gone, or may not go: when, by whom, on what ground. Never what it was."""

    id: int
    at_ms: int
    kind: TombstoneKind
    employee_id: str | None
    by: str
    ground: str
    counts: dict[str, int]
