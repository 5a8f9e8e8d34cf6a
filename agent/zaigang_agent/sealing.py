"""From readings to a sealed envelope: what waits to be sealed, and what gives way when room is short.

An envelope cannot be thinned afterwards, the chain would break. So what is worth little gives way
before it is sealed: the fuller the spool, the less is admitted, and a gap says so. When the disk
takes nothing at all, readings wait in memory, and of those the oldest of least value go first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from zaigang_agent.spool import Place, Spool
from zaigang_shared import envelope
from zaigang_shared.envelope import Seal
from zaigang_shared.errors import Refusal, WireError
from zaigang_shared.readings import Gap, Reading, Session, encode

# In the order in which they give way. What stands behind a verdict comes last; that something is
# missing is never given up.
_VALUE: Final = {
    "health": 0,
    "environment": 0,
    "scan": 0,
    "advert": 0,
    "usage": 1,
    "network": 1,
    "beacon": 2,
    "session": 3,
    "gap": 4,
}
# From how full on a value is not admitted any more. The steps leave each higher value about as
# much room as all lower ones took; a single limit would let health data push out the evidence.
_ADMITTED_BELOW: Final = {0: 0.70, 1: 0.85, 2: 0.95, 3: 1.0, 4: 1.05}
FULL_FROM: Final = _ADMITTED_BELOW[0]
# Readings that wait for a disk: at 200 bytes in memory about 1 MiB. Larger would be felt at rest,
# smaller loses a quarter of an hour that the disk might come back in.
MAX_BUFFERED: Final = 4096
_BATCH: Final = 256  # half of what protocol.md allows, so that 64 KiB are out of reach as a rule


@dataclass(frozen=True, slots=True)
class Stamp:
    """The moment of sealing."""

    boot: bytes
    up_ms: int
    wall_ms: int
    sync: bool


def value(reading: Reading) -> int:
    """How long a reading is kept when room is short; higher gives way later."""
    return _VALUE[str(reading.__struct_config__.tag)]


def admitted(reading: Reading, fill: float) -> bool:
    """Whether a spool that is so full still takes the reading."""
    return fill < _ADMITTED_BELOW[value(reading)]


class Buffer:
    """Readings that are not sealed yet, in order."""

    def __init__(self, limit: int = MAX_BUFFERED) -> None:
        self._limit = limit
        self._readings: list[Reading] = []
        self.urgent = False
        """Whether something waits that must not wait for the next minute."""

    def __len__(self) -> int:
        return len(self._readings)

    def add(self, reading: Reading) -> Reading | None:
        """Take a reading; returns the one that had to give way for it, if any."""
        self._readings.append(reading)
        self.urgent = self.urgent or isinstance(reading, (Session, Gap))
        if len(self._readings) <= self._limit:
            return None
        least = min(range(len(self._readings)), key=lambda i: (value(self._readings[i]), i))
        return self._readings.pop(least)

    def first(self, count: int) -> Sequence[Reading]:
        """The oldest ones, which stay until `drop`."""
        return self._readings[:count]

    def drop(self, count: int) -> None:
        """Forget the oldest ones: they are sealed, or given up."""
        del self._readings[:count]
        if not self._readings:
            self.urgent = False

    def thin(self, fill: float) -> list[Reading]:
        """Give up what a spool that is so full does not take; returns it."""
        given_up = [r for r in self._readings if not admitted(r, fill)]
        if given_up:
            self._readings = [r for r in self._readings if admitted(r, fill)]
        return given_up


class Sealer:
    """Signs for one device into one spool."""

    def __init__(self, spool: Spool, key: Ed25519PrivateKey, device_id: str) -> None:
        self._spool = spool
        self._key = key
        self._device_id = device_id

    def seal(self, buffer: Buffer, stamp: Stamp, *, reserve: bool = False) -> int:
        """Seal the oldest readings of `buffer` into one envelope; returns how many there were.

        What is sealed leaves the buffer once it is durable. Raises SpoolFullError and SpoolError; then
        all is as before. Raises WireError for a first reading that no envelope can hold, which is
        dropped. Call until the buffer is empty.
        """
        count = min(len(buffer), _BATCH)
        while True:
            raws = [encode(reading) for reading in buffer.first(count)]
            try:
                self._spool.seal(
                    lambda place, raws=raws: self._signed(place, stamp, raws),  # type: ignore[misc]  # mypy cannot infer a lambda with a default
                    stamp.boot,
                    stamp.up_ms,
                    reserve=reserve,
                )
            except WireError as error:
                if error.reason is Refusal.OVERSIZE and count > 1:
                    count //= 2
                    continue
                buffer.drop(1)  # no envelope can hold it; the others are not to blame
                raise
            buffer.drop(count)
            return count

    def _signed(self, place: Place, stamp: Stamp, raws: Sequence[dict[str, Any]]) -> bytes:
        seal = Seal(
            device_id=self._device_id,
            seq=place.seq,
            prev=place.prev,
            boot=stamp.boot,
            up_ms=stamp.up_ms,
            wall_ms=stamp.wall_ms,
            sync=stamp.sync,
            rcpt=place.rcpt,
        )
        return envelope.seal(self._key, seal, raws)
