"""The same days as real envelopes: signed, chained, byte for byte what an agent would send.

Keys are made from the seed and belong to nobody: a collector knows them only when somebody enrols them
on purpose, as tests do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from zaigang_collector.simulation.batches import Batch, Sent
from zaigang_collector.simulation.streams import secret
from zaigang_shared import envelope, readings
from zaigang_shared.envelope import MAX_READINGS, Seal


def device_key(seed: int, device_id: str) -> Ed25519PrivateKey:
    """The key of a simulated device."""
    return Ed25519PrivateKey.from_private_bytes(secret(seed, "key", device_id))


@dataclass(frozen=True, slots=True)
class Posted:
    """One envelope with the time at which it reaches the collector; None: it never does."""

    data: bytes
    arrives_ms: int | None


@dataclass
class Sealer:
    """One device's chain. `rcpt` is what it quotes: whoever delivers sets it after each receipt."""

    device_id: str
    key: Ed25519PrivateKey
    seq: int = 0
    prev: bytes = envelope.FIRST_PREV
    rcpt: bytes | None = None

    def seal(self, batch: Batch, wall_off_ms: int = 0) -> bytes:
        """The next envelope. Quotes of the egress address are left out: only the collector can sign
        them."""
        self.seq += 1
        header = Seal(
            device_id=self.device_id,
            seq=self.seq,
            prev=self.prev,
            boot=batch.boot.id,
            up_ms=_up_ms(batch),
            wall_ms=batch.sealed_ms + wall_off_ms,
            sync=True,
            rcpt=self.rcpt,
        )
        raws = [_unquoted(readings.encode(one)) for one in batch.readings[:MAX_READINGS]]
        data = envelope.seal(self.key, header, raws)
        self.prev = envelope.digest(data)
        return data

    def post(self, sent: Sequence[Sent], wall_off_ms: int = 0) -> Iterator[Posted]:
        """All of them, in the order in which they were sealed."""
        for one in sent:
            yield Posted(self.seal(one.batch, wall_off_ms), one.arrived_ms)


def _up_ms(batch: Batch) -> int:
    """Never before the readings that it holds."""
    return max(batch.boot.up_ms(batch.sealed_ms), *(one.t_ms for one in batch.readings))


def _unquoted(raw: dict[str, object]) -> dict[str, object]:
    return raw | {"vantage": None} if raw["k"] == "network" else raw
