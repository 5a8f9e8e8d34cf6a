"""The values of the ledger."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class EntryType(enum.StrEnum):
    """What an entry is about (protocol.md, Ledger)."""

    ENVELOPE = "envelope"
    CLOCK_IN = "clock_in"
    BUSINESS_EVENT = "business_event"
    WORK_LOG = "work_log"
    ASSESSMENT = "assessment"
    CASE_EVENT = "case_event"
    DEVICE_EVENT = "device_event"
    POLICY = "policy"
    DIRECTORY_EVENT = "directory_event"
    ERASURE = "erasure"
    ACCESS = "access"


@dataclass(frozen=True, slots=True)
class Entry:
    """One leaf to be: the body's hash and where the body is, never the body."""

    queue_id: int
    """Order of arrival in the queue; the place in the tree is given later, by one sequencer."""
    type: EntryType
    at_ms: int
    """Collector UTC."""
    body_hash: bytes | None
    """SHA-256 of the body; None: destroyed, see `leaf`."""
    salt: bytes | None
    """16 random bytes: keeps a short body from being guessed from its leaf; None: destroyed."""
    ref: str
    """Where the body is: `<id>` within the area that owns the type."""
    leaf: bytes | None = None
    """The leaf's hash, kept in place of what it was made of once that was destroyed."""
