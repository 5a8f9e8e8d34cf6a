"""The values of access: scopes, principals, and the reason for a no."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Scope(enum.StrEnum):
    """What a token allows; `verb:thing`. A name that was given out keeps its meaning for ever."""

    READ_DIRECTORY = "read:directory"
    WRITE_DIRECTORY = "write:directory"
    READ_DEVICES = "read:devices"
    WRITE_DEVICES = "write:devices"
    READ_CLOCK_INS = "read:clock_ins"
    WRITE_CLOCK_INS = "write:clock_ins"
    READ_ATTENDANCE = "read:attendance"
    WRITE_EXEMPTIONS = "write:exemptions"
    READ_ASSESSMENTS = "read:assessments"
    WRITE_ASSESSMENTS = "write:assessments"
    READ_READINGS = "read:readings"
    READ_HEALTH = "read:health"
    READ_LEDGER = "read:ledger"
    READ_LOOKS = "read:looks"
    READ_BUSINESS_EVENTS = "read:business_events"
    WRITE_BUSINESS_EVENTS = "write:business_events"
    READ_WORK_LOGS = "read:work_logs"
    WRITE_WORK_LOGS = "write:work_logs"
    READ_CASES = "read:cases"
    WRITE_CASES = "write:cases"
    REPLY_CASES = "reply:cases"
    """A page on which the employee concerned acts; never in the hands of HR."""
    WRITE_CLUES = "write:clues"
    READ_ALERTS = "read:alerts"
    WRITE_ALERTS = "write:alerts"
    READ_RULES = "read:rules"
    WRITE_RULES = "write:rules"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking."""

    token_id: str
    name: str
    scopes: frozenset[Scope]
    touch_due: bool
    """`service.touch` should note the use: the noted one is a minute old or more."""

    @property
    def told(self) -> str:
        """How a look of this token's is told."""
        return f"API token {self.name} ({self.token_id})"


class DenialReason(enum.StrEnum):
    """Why a token was not accepted. An unknown id and a wrong secret are the same answer."""

    MALFORMED = "malformed"
    WRONG = "wrong"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Denied:
    """Nobody, and why."""

    reason: DenialReason
    detail: str


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token as the list shows it; nobody can read the secret back."""

    id: str
    name: str
    scopes: frozenset[Scope]
    created_ms: int
    expires_ms: int | None
    revoked_ms: int | None
    last_used_ms: int | None
