"""Texts that open something: `PREFIX-<id>-<secret>`, of which only a hash is kept."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Final

from zaigang_collector.db import Randomness

_ID_BYTES: Final = 5
_SECRET_BYTES: Final = 20
# Compared with when the id is unknown, so that both ways do the same work.
NO_HASH: Final = bytes(32)


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """One such text in parts; never shown by itself."""

    prefix: str
    id: str
    secret: str

    @property
    def text(self) -> str:
        """Given out once."""
        return f"{self.prefix}-{self.id}-{self.secret}"

    @property
    def hash(self) -> bytes:
        """What is kept: 160 random bits cannot be searched for, a slow hash would slow only us."""
        return hashlib.sha256(self.secret.encode("ascii")).digest()

    def derived(self, purpose: str) -> str:
        """Another text that whoever holds this one can make, and nobody back from it."""
        return base32(hashlib.sha256(f"{purpose}\0{self.secret}".encode("ascii")).digest()[:20])

    def fits(self, kept: bytes | None) -> bool:
        """Whether the kept hash is this secret's; as slow where nothing is kept."""
        return hmac.compare_digest(NO_HASH if kept is None else kept, self.hash)

    def __repr__(self) -> str:
        return f"Secret({self.prefix}-{self.id})"


def new(prefix: str, randomness: Randomness) -> Secret:
    """A new one."""
    return Secret(prefix, base32(randomness(_ID_BYTES)), base32(randomness(_SECRET_BYTES)))


def read(prefix: str, text: str) -> Secret | None:
    """A text that somebody sent; None: it is none of these."""
    match = re.fullmatch(rf"{prefix}-([a-z2-7]{{8}})-([a-z2-7]{{32}})", text.strip())
    return None if match is None else Secret(prefix, *match.groups())


def base32(data: bytes) -> str:
    """Small letters and digits, without padding."""
    return base64.b32encode(data).decode("ascii").lower().rstrip("=")
