"""A device that seals envelopes, one after the other; name only what matters to the test."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.factories.devices import ed25519_key
from zaigang_collector.ingest.verify import Arrived
from zaigang_shared import envelope, readings, topics
from zaigang_shared.envelope import Seal

MINUTE_MS = 60_000


def a_usage(t_ms: int, **changes: Any) -> dict[str, Any]:
    """The map of a minute at the keyboard that ended at `t_ms`."""
    fields: dict[str, Any] = {
        "t_ms": t_ms,
        "span_ms": min(t_ms, MINUTE_MS),
        "active": 3,
        "regular": False,
        "session": "local",
        "locked": False,
    }
    return readings.encode(readings.Usage(**(fields | changes)))


def a_health(t_ms: int, spooled: int = 0) -> dict[str, Any]:
    """The map of a health reading."""
    return readings.encode(
        readings.Health(
            t_ms=t_ms, span_ms=0, agent="0.1.0", spooled=spooled, rss_mb=30.0, cpu_pct=0.1,
            disk_free_mb=1000,
        )
    )  # fmt: skip


@dataclass
class Talker:
    """Its chain, its boot and what it says next."""

    id: str
    key: Ed25519PrivateKey
    boot: bytes = bytes(16)
    seq: int = 0
    head: bytes = envelope.FIRST_PREV
    up_ms: int = MINUTE_MS
    rcpt: bytes | None = None
    sent: list[bytes] = field(default_factory=list)

    @classmethod
    def named(cls, device_id: str) -> Talker:
        """With the key that always belongs to this name."""
        return cls(device_id, ed25519_key(device_id))

    def seal(self, up_ms: int | None = None, wall_ms: int = 0, **changes: Any) -> bytes:
        """The next envelope; `readings` and any field of `Seal` can be named."""
        self.up_ms = self.up_ms + MINUTE_MS if up_ms is None else up_ms
        raws = changes.pop("readings", [a_usage(self.up_ms)])
        fields: dict[str, Any] = {
            "device_id": self.id,
            "seq": self.seq + 1,
            "prev": self.head,
            "boot": self.boot,
            "up_ms": self.up_ms,
            "wall_ms": wall_ms,
            "sync": True,
            "rcpt": self.rcpt,
        }
        data = envelope.seal(self.key, Seal(**(fields | changes)), raws)
        self.seq, self.head = self.seq + 1, hashlib.sha256(data).digest()
        self.sent.append(data)
        return data

    def several(self, count: int) -> list[bytes]:
        """The next `count` envelopes."""
        return [self.seal() for _ in range(count)]

    def fork(self) -> Talker:
        """Another host that begins from here with a copy of the key and of the spool."""
        return Talker(
            self.id, self.key, bytes([1] * 16), self.seq, self.head, self.up_ms, self.rcpt
        )


def arrived(device_id: str, data: bytes, arrived_ms: int) -> Arrived:
    """`data` on the up topic of a device."""
    return Arrived(topics.up(device_id), data, arrived_ms)
