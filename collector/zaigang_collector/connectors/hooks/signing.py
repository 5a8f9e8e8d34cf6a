"""Whether a request was signed by whom it says, and just now. Pure.

Signed are the time of sending and the body, as they are on the wire: what was changed on the way, or
is played back later, is refused.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

TIMESTAMP: Final = "zaigang-timestamp"
SIGNATURE: Final = "zaigang-signature"
# How old, or how far ahead of our clock, a request may be. Larger leaves more time to play a recorded
# request back; smaller refuses senders whose clock is a little off, or that try again after a minute.
WINDOW_MS: Final = 5 * 60_000
# Larger lets somebody without the secret fill the memory before the signature can be looked at;
# smaller refuses a full batch of 500 events.
BODY_MAX: Final = 1 << 20


class RefusedError(Exception):
    """A request that is not what it has to be; the message says why, and nothing that stood in it."""


def sign(secret: bytes, timestamp: str, body: bytes) -> str:
    """Hex HMAC-SHA256 over the timestamp, a point, and the body."""
    return hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def check(secret: bytes, headers: Mapping[str, str], body: bytes, now_ms: int) -> str:
    """The signature of a good request. Raises RefusedError."""
    timestamp, given = headers.get(TIMESTAMP, ""), headers.get(SIGNATURE, "")
    expected = sign(secret, timestamp, body)
    # First: of whoever has not the secret not even the time is judged.
    if not same(given.removeprefix("sha256="), expected):
        raise RefusedError(
            f"expected the header {SIGNATURE}: hex HMAC-SHA256 of the secret over {TIMESTAMP}, a "
            "point, and the body, byte for byte"
        )
    refuse_late(timestamp, 1000, now_ms)
    return expected


def refuse_late(timestamp: str, unit_ms: int, now_ms: int) -> None:
    """Raise RefusedError for a time that is not about now."""
    # A number that is not written plainly, or has more digits than any time of this millennium.
    plain = timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 15
    if not plain or abs(int(timestamp) * unit_ms - now_ms) > WINDOW_MS:
        unit = "seconds" if unit_ms == 1000 else "milliseconds"
        raise RefusedError(
            f"expected a timestamp in UTC {unit} that is within {WINDOW_MS // 60_000} minutes of this "
            "collector's clock"
        )


def same(given: str, expected: str) -> bool:
    """Compared in a time that tells nothing of where they differ."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())


@dataclass(slots=True)
class Seen:
    """Requests of the last minutes that were taken, so that none is taken twice."""

    _until_ms: dict[str, int] = field(default_factory=dict)

    def holds(self, signature: str, now_ms: int) -> bool:
        return self._until_ms.get(signature, 0) > now_ms

    def add(self, signature: str, now_ms: int) -> None:
        """It was taken. It may be dated ahead by a window, and is good for another one then."""
        self._until_ms = {one: until for one, until in self._until_ms.items() if until > now_ms}
        self._until_ms[signature] = now_ms + 2 * WINDOW_MS
