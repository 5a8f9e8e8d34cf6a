"""What anchoring works with: the ledger as it needs it, and those outside who are asked."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from sqlalchemy import Connection

Prove: TypeAlias = Callable[[int, int], list[bytes]]
"""The consistency proof from an older size to a newer one, in a transaction of its own."""


class AnchorKind(enum.StrEnum):
    """What somebody outside said."""

    STAMP = "rfc3161"
    WITNESS = "witness"


class SignedCheckpoint(Protocol):
    """`StoredCheckpoint`, as much of it as matters here."""

    @property
    def size(self) -> int: ...

    @property
    def root(self) -> bytes: ...

    @property
    def note(self) -> str: ...


class Ledger(Protocol):
    """The module `ledger.service`, or a test's. mypy takes a module for it whose `__all__` names these."""

    def newest_checkpoint(self, conn: Connection) -> SignedCheckpoint | None: ...

    def consistency_proof(self, conn: Connection, old: int, new: int) -> list[bytes]: ...

    def pin(self, conn: Connection, size: int) -> None:
        """Keep a checkpoint for good."""


@dataclass(frozen=True, slots=True)
class Anchored:
    """Somebody outside saw a checkpoint."""

    at_ms: int
    """When, UTC, as they say."""
    data: bytes
    """Their proof: a TimeStampResp (DER), or a signature line (UTF-8)."""


@dataclass(frozen=True, slots=True)
class Behind:
    """Somebody outside has seen more of this ledger than there is, or something else.

    What a witness answers is not signed, only its cosignatures are: a person has to look. When it is
    true, going on would show two histories to the world.
    """

    authority: str
    size_at_witness: int
    size_here: int

    @property
    def sentence(self) -> str:
        """What is wrong and what to do."""
        if self.size_at_witness > self.size_here:
            what = (
                f"{self.authority} has seen {self.size_at_witness} entries of this ledger, the "
                f"database has {self.size_here}: it is older than what was published; was a "
                "backup restored?"
            )
        else:
            what = (
                f"{self.authority} has seen another ledger of {self.size_at_witness} entries than "
                "the database has: what was published was changed since."
            )
        return f"{what} docs/operations.md (Anchors) says what to do."


class Outside(Protocol):
    """A time stamp authority or a witness."""

    @property
    def kind(self) -> AnchorKind: ...

    @property
    def name(self) -> str: ...

    def anchor(
        self, checkpoint: SignedCheckpoint, last: int, prove: Prove, now_ms: int
    ) -> Anchored | Behind:
        """Have it look at `checkpoint`; `last` is the size that it saw last, 0 for none. Talks to
        the network. Raises AnchorError."""
