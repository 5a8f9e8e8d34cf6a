"""Judge one arrival. Pure: bytes and what is known in, a verdict out.

protocol.md, "Arrival", in the order in which it is done here. A late step exists for an attack
that the earlier ones let through:

    1  size and shape       `examine`   nothing is decoded, and nobody looked up, for garbage
    2  known and active     `examine`   a revoked key still signs well
    3  signature            `examine`   nobody parses a payload that its device did not sign
    6  readings valid       `examine`   needs no state, so it is done while threads are at it: an
                                        envelope with a nonsensical reading takes no place in a chain
    4  seq and prev         `place`     same seq and bytes again: a replay, harmless;
                                        same seq, other bytes: two histories under one key
    5  receipt reference    `place`     a receipt that we never gave bounds no time
    7  store, ledger, commit            `intake`: not here, needs a database
    8  acknowledge, receipt             `subscriber`: not here, needs a broker

Whether `prev` continues the chain is judged where the chain is walked (`chain.advance`): the
predecessor may arrive later, and the answer must not depend on the order of arrival.
"""

from __future__ import annotations

import functools
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from zaigang_collector.devices.model import DeviceKey, DeviceStatus
from zaigang_shared import cose, envelope, readings, topics
from zaigang_shared.envelope import Envelope
from zaigang_shared.errors import Refusal, WireError
from zaigang_shared.identifiers import device_id_from_kid
from zaigang_shared.readings import Reading

UNKNOWN_RECEIPT: Final = "unknown_receipt"
"""Note on an accepted envelope: it quotes a receipt that is not in the store."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message as the broker handed it over."""

    topic: str
    data: bytes
    arrived_ms: int
    """Collector UTC."""


@dataclass(frozen=True, slots=True)
class Opened:
    """Steps 1, 2, 3 and 6 hold."""

    envelope: Envelope
    readings: tuple[Reading | None, ...]
    """In order; None stands for a kind from a later version."""
    arrived_ms: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """To be stored. `notes` say what is odd about it, and does not refuse it."""

    envelope: Envelope
    readings: tuple[Reading | None, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The same bytes are stored already: nothing to do but to say so to the device again."""

    envelope: Envelope


@dataclass(frozen=True, slots=True)
class Fork:
    """Well signed, and yet not what this device said before under the same number."""

    envelope: Envelope
    stored_digest: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """Not taken. `detail` is for people; `device_id` only when such a device exists."""

    reason: Refusal
    detail: str
    device_id: str | None = None


Verdict: TypeAlias = Accepted | Duplicate | Fork | Refused


def judge(
    message: Arrived,
    registry: Mapping[str, DeviceKey],
    digests: Mapping[int, bytes],
    receipts_known: Container[bytes],
) -> Verdict:
    """All steps for one message; `digests` are the stored envelopes of its device, by seq."""
    opened = examine(message, registry)
    if isinstance(opened, Refused):
        return opened
    seal = opened.envelope.seal
    return place(opened, digests.get(seal.seq), seal.rcpt is None or seal.rcpt in receipts_known)


def examine(message: Arrived, registry: Mapping[str, DeviceKey]) -> Opened | Refused:
    """What can be said without the device's chain. May run in any thread, in any order."""
    device_id: str | None = None
    try:
        signed, named = _shape(message)  # 1
        device = registry.get(named)
        if device is None:  # 2
            return Refused(
                Refusal.UNKNOWN_DEVICE, f"no device {named} is enrolled here: enrol it first"
            )
        device_id = named
        _check_standing(device, message.arrived_ms)
        signed.verify(_public_key(device.public_key))  # 3
        opened = envelope.from_signed(signed, message.data)
        values = readings.decode_all(opened.readings, opened.seal.up_ms)  # 6
    except WireError as error:
        return Refused(error.reason, error.detail, device_id)
    return Opened(opened, values, message.arrived_ms)


def place(
    opened: Opened, stored_digest: bytes | None, receipt_known: bool
) -> Accepted | Duplicate | Fork:
    """Steps 4 and 5, given what is stored under the same device and seq, and whether the receipt
    that it quotes, if any, was given to this device."""
    sealed = opened.envelope
    if stored_digest is not None:  # 4
        if stored_digest == sealed.digest:
            return Duplicate(sealed)
        return Fork(sealed, stored_digest)
    # 5. Noted and not refused: after an old backup was restored every device quotes receipts that
    # the store does not know, and refusing would silence them all. The price is a wide bracket.
    return Accepted(sealed, opened.readings, () if receipt_known else (UNKNOWN_RECEIPT,))


def _shape(message: Arrived) -> tuple[cose.Sign1, str]:
    """Step 1: the signed outside, and the device that both topic and key id name."""
    where = address_of(message.topic)
    if where is None or where[0] != "up":
        raise WireError(
            Refusal.WRONG_TOPIC, "envelopes are published on zaigang/1/up/<device id> only"
        )
    signed = cose.decode(message.data, envelope.MAX_BYTES)
    named = device_id_from_kid(signed.kid)
    if named != where[1]:
        raise WireError(
            Refusal.WRONG_TOPIC, f"an envelope of {named} was published on the topic of {where[1]}"
        )
    return signed, named


def _check_standing(device: DeviceKey, arrived_ms: int) -> None:
    if device.status is DeviceStatus.QUARANTINED:
        raise WireError(
            Refusal.QUARANTINED_DEVICE,
            "two hosts were seen with this key; the device keeps its envelopes until IT decides",
        )
    if device.status is not DeviceStatus.ACTIVE and (
        device.revoked_ms is None or arrived_ms >= device.revoked_ms
    ):
        raise WireError(
            Refusal.REVOKED_DEVICE, f"the device is {device.status.value}: enrol it anew to go on"
        )


@functools.lru_cache(maxsize=16_384)
def address_of(topic: str) -> tuple[str, str] | None:
    """`topics.device_of`; each device's few topics come again and again."""
    return topics.device_of(topic)


# Loading a key costs a hundredth of checking a signature with it, and a point check besides. As
# many as there are devices that speak within minutes; smaller loads the same keys in turn.
@functools.lru_cache(maxsize=16_384)
def _public_key(raw: bytes) -> Ed25519PublicKey:
    return cose.load_public_key(raw)
