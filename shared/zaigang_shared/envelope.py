"""The signed, chained batch of readings: what travels and what is kept, byte for byte.

Needs cbor2 and cryptography only, so that the offline verifier needs no more. What the readings
mean is in `zaigang_shared.readings`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from zaigang_shared import cbor, cose
from zaigang_shared.errors import Refusal, WireError
from zaigang_shared.identifiers import device_id_from_kid

VERSION: Final = 1
MAX_BYTES: Final = cose.MAX_BYTES
MAX_READINGS: Final = 512
HASH_BYTES: Final = 32
BOOT_BYTES: Final = 16
FIRST_PREV: Final = bytes(HASH_BYTES)
_MAX_MS: Final = 2**53
_FIELDS: Final = frozenset({"v", "seq", "prev", "boot", "up", "wall", "sync", "rcpt", "readings"})


@dataclass(frozen=True, slots=True)
class Seal:
    """All of an envelope but its readings: which device, where in its chain, and when."""

    device_id: str
    seq: int
    """1 for the device's first envelope, +1 for each further one over its life."""
    prev: bytes
    """SHA-256 of the previous envelope's bytes; zeros for the first."""
    boot: bytes
    up_ms: int
    """CLOCK_BOOTTIME when sealed."""
    wall_ms: int
    """The device's own UTC when sealed: recorded, never trusted."""
    sync: bool
    rcpt: bytes | None
    """SHA-256 of the newest receipt held."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """An envelope whose signature has been checked. Its readings are maps, not yet judged."""

    seal: Seal
    readings: tuple[Mapping[str, Any], ...]
    digest: bytes
    """SHA-256 of `data`: what the next envelope's `prev` names."""
    data: bytes


def digest(data: bytes) -> bytes:
    """The name of an envelope or a receipt: SHA-256 of its bytes."""
    return hashlib.sha256(data).digest()


def seal(key: Ed25519PrivateKey, seal: Seal, readings: Sequence[Mapping[str, Any]]) -> bytes:
    """Sign `readings` (from `readings.encode`). Raises WireError when it would be refused."""
    payload = cbor.dumps(
        {
            "v": VERSION,
            "seq": seal.seq,
            "prev": seal.prev,
            "boot": seal.boot,
            "up": seal.up_ms,
            "wall": seal.wall_ms,
            "sync": seal.sync,
            "rcpt": seal.rcpt,
            "readings": list(readings),
        }
    )
    kid = seal.device_id.encode()
    _payload(cbor.loads(payload, "envelope payload"), device_id_from_kid(kid))
    data = cose.sign1(key, payload, kid)
    if len(data) > MAX_BYTES:
        raise WireError(Refusal.OVERSIZE, f"{len(data)} bytes, at most {MAX_BYTES} are allowed")
    return data


def open_sealed(data: bytes, public_key: Ed25519PublicKey) -> Envelope:
    """Check size, shape, signature and fields, in this order. Raises WireError."""
    signed = cose.decode(data, MAX_BYTES)
    signed.verify(public_key)
    return from_signed(signed, data)


def from_signed(signed: cose.Sign1, data: bytes) -> Envelope:
    """The envelope in a COSE_Sign1 whose signature the caller has verified. Raises WireError."""
    fields = cbor.loads(signed.payload, "envelope payload")
    header, readings = _payload(fields, device_id_from_kid(signed.kid))
    return Envelope(header, readings, digest(data), data)


def open_again(data: bytes, name: bytes) -> Envelope:
    """The envelope in bytes that were checked when they came, and that nobody can have changed
    since; `name` is their digest. Neither signature nor encoding is looked at again."""
    signed = cose.decode(data, MAX_BYTES)
    fields = cbor.loads_again(signed.payload, "envelope payload")
    header, readings = _payload(fields, device_id_from_kid(signed.kid))
    return Envelope(header, readings, name, data)


def _payload(fields: Any, device_id: str) -> tuple[Seal, tuple[Mapping[str, Any], ...]]:
    if type(fields) is not dict or fields.keys() != _FIELDS:
        raise WireError(Refusal.PAYLOAD, f"the payload must be a map of {sorted(_FIELDS)}")
    if fields["v"] != VERSION or type(fields["v"]) is not int:
        raise WireError(Refusal.PAYLOAD, f"envelope version {fields['v']!r}, only 1 is known")
    if type(fields["sync"]) is not bool:
        raise WireError(Refusal.PAYLOAD, "sync must be true or false")
    header = Seal(
        device_id=device_id,
        seq=_uint(fields, "seq", 1, 2**63 - 1),
        prev=_bytes(fields, "prev", HASH_BYTES),
        boot=_bytes(fields, "boot", BOOT_BYTES),
        up_ms=_uint(fields, "up", 0, _MAX_MS),
        wall_ms=_uint(fields, "wall", -_MAX_MS, _MAX_MS),
        sync=fields["sync"],
        rcpt=None if fields["rcpt"] is None else _bytes(fields, "rcpt", HASH_BYTES),
    )
    if (header.seq == 1) != (header.prev == FIRST_PREV):
        raise WireError(Refusal.PAYLOAD, "prev is zeros in the first envelope, and only there")
    return header, _readings(fields["readings"])


def _readings(value: object) -> tuple[Mapping[str, Any], ...]:
    if type(value) is not list or not 1 <= len(value) <= MAX_READINGS:
        raise WireError(Refusal.PAYLOAD, f"an envelope has 1 to {MAX_READINGS} readings")
    for index, reading in enumerate(value):
        if type(reading) is not dict or type(reading.get("k")) is not str:
            raise WireError(Refusal.READING, f"reading {index} is not a map with a kind")
    return tuple(value)


def _uint(fields: Mapping[str, Any], name: str, low: int, high: int) -> int:
    value = fields[name]
    if type(value) is not int or not low <= value <= high:
        raise WireError(Refusal.PAYLOAD, f"{name} must be an integer from {low} to {high}")
    return value


def _bytes(fields: Mapping[str, Any], name: str, size: int) -> bytes:
    value = fields[name]
    if type(value) is not bytes or len(value) != size:
        raise WireError(Refusal.PAYLOAD, f"{name} must be {size} bytes")
    return value
