"""The values of the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from zaigang_shared.ledger_entry import EntryType, LeafData

__all__ = ["CONTINUED", "Continued", "Entry", "EntryType", "StoredCheckpoint"]

CONTINUED: Final = "continued"
"""Kind of the ledger event that says what `Continued` says."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One leaf to be: the body's hash and where the body is, never the body."""

    queue_id: int
    """Order of arrival in the queue."""
    index: int | None
    """Its place in the tree, given by the one sequencer; None: not yet."""
    type: EntryType
    at_ms: int
    """Collector UTC."""
    body_hash: bytes | None
    """SHA-256 of the body; None where it was forgotten and could be guessed from its hash."""
    salt: bytes | None
    """16 random bytes: keeps a short body from being guessed from its leaf. Gone with the hash."""
    leaf: bytes
    """The leaf hash."""
    ref: str
    """Where the body is: `<id>` within the area that owns the type."""


def leaf_of(
    entry_type: str, at_ms: int, body_hash: bytes | None, salt: bytes | None, leaf: bytes | None
) -> bytes:
    """The leaf hash of an entry's row, blinded or not."""
    if body_hash is None or salt is None:
        if leaf is None:
            raise ValueError("an entry has a hash and a salt, or a leaf")
        return leaf
    return LeafData(EntryType(entry_type), at_ms, body_hash, salt).hash()


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    """The ledger as it was signed at a moment."""

    size: int
    root: bytes
    at_ms: int
    """Collector UTC."""
    note: str
    """C2SP checkpoint, signed by the ledger's key."""


@dataclass(frozen=True, slots=True)
class Continued:
    """That the ledger `origin` goes on as `as_origin` from `size` on."""

    origin: str
    as_origin: str
    size: int
    root: bytes
    at_ms: int
    """Collector UTC."""
    by: str
    why: str
    checkpoint: str
    """The note that the old name had at this size: its place is taken by the new one's."""
