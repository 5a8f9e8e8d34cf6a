"""Ledgers in memory that can do what no honest one does: fork, shrink, go back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection

from zaigang_shared import merkle, note
from zaigang_shared.checkpoint import Checkpoint
from zaigang_shared.errors import ProofError
from zaigang_shared.note import VerifierKey

ORIGIN: Final = "zaigang/0011223344556677"
KEY: Final = Ed25519PrivateKey.from_private_bytes(b"L" * 32)
VKEY: Final = note.verifier_key(ORIGIN, KEY.public_key())


@dataclass(frozen=True)
class Stored:
    """Like `StoredCheckpoint`."""

    size: int
    root: bytes
    note: str


@dataclass
class Log:
    """A ledger: `Ledger` for anchoring, and whatever a test wants to show a witness."""

    origin: str = ORIGIN
    key: Ed25519PrivateKey = KEY
    leaves: list[bytes] = field(default_factory=list)
    pinned: set[int] = field(default_factory=set)

    @classmethod
    def of(cls, size: int, variant: str = "") -> Log:
        """Entries 0 to size, those of another variant being others."""
        log = cls()
        log.grow(size, variant)
        return log

    def grow(self, count: int, variant: str = "") -> None:
        start = len(self.leaves)
        self.leaves += [
            merkle.leaf_hash(f"{variant}{number}".encode())
            for number in range(start, start + count)
        ]

    @property
    def vkey(self) -> VerifierKey:
        return note.verifier_key(self.origin, self.key.public_key())

    def root(self, size: int | None = None) -> bytes:
        return merkle.root_of(self.leaves[: len(self.leaves) if size is None else size])

    def checkpoint(self, size: int | None = None) -> Stored:
        size = len(self.leaves) if size is None else size
        root = self.root(size)
        return Stored(size, root, str(Checkpoint(self.origin, size, root).sign(self.key)))

    def proof(self, old: int, new: int | None = None) -> list[bytes]:
        new = len(self.leaves) if new is None else new

        def node(level: int, index: int) -> bytes:
            start, width = index << level, 1 << level
            if start + width > new:
                raise ProofError("no such node")
            return merkle.root_of(self.leaves[start : start + width])

        return merkle.consistency_proof(old, new, node)

    def newest_checkpoint(self, conn: Connection) -> Stored | None:
        return self.checkpoint()

    def consistency_proof(self, conn: Connection, old: int, new: int) -> list[bytes]:
        return self.proof(old, new)

    def pin(self, conn: Connection, size: int) -> None:
        self.pinned.add(size)
