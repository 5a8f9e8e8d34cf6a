"""The values of the ingest area. Times are collector UTC in milliseconds."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from zaigang_collector.ingest.chain import Chain
from zaigang_shared.readings import Reading


class EventKind(enum.StrEnum):
    """What does not fit an honest device. A question each, never an accusation."""

    FORK = "fork"
    BROKEN_CHAIN = "broken_chain"
    TWO_HOSTS = "two_hosts"
    BOOT_TIME_IMPOSSIBLE = "boot_time_impossible"
    UNKNOWN_RECEIPT = "unknown_receipt"
    COLLECTOR_BEHIND = "collector_behind"
    """An unknown receipt that an older backup of ours explains. Computed, never stored."""
    REVOKED_KEY = "revoked_key"
    """Envelopes that can have been sealed after the key was out of its owner's hands. Computed."""


INTERNAL_ERROR = "internal_error"
"""Reason of a refusal that is our fault: a message that we could not process, kept aside."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a batch that is now durable."""

    receipts: Mapping[str, bytes] = field(default_factory=dict)
    """To be published, by device id."""
    accepted: int = 0
    readings: int = 0
    duplicates: int = 0
    forks: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)
    """By reason."""
    quarantined: frozenset[str] = frozenset()
    """Devices that are not listened to any more: their connections are to be cut."""


class StoredReading(msgspec.Struct, frozen=True, gc=False):
    """A reading with its place on the collector's time line; None: of a later version's kind.

    A struct without cycles, as `matching.model.TimedReading` is, and for the same reason.
    """

    index: int
    """Its place among the envelope's readings."""
    at_ms: int
    """Estimated end of the reading; the truth lies in at_ms ± error_ms."""
    error_ms: int
    reading: Reading | None


class StoredEnvelope(msgspec.Struct, frozen=True):
    """An envelope as it is kept, with its time bracket and what it holds."""

    device_id: str
    seq: int
    digest: bytes
    boot: bytes
    not_before_ms: int | None
    """Time bracket: the receipt that it quotes; None where it quotes none that is known."""
    arrived_ms: int
    """Time bracket: not after."""
    boot_offset_ms: int
    """Adds to a BOOTTIME of its boot to give collector UTC."""
    reconstructed: bool
    """It waited in a spool: its time comes from other envelopes of the same boot."""
    readings: tuple[StoredReading, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class IngestEvent:
    """Something about a device that does not fit an honest one."""

    device_id: str
    kind: EventKind
    at_ms: int
    detail: str
    envelope: bytes | None
    """SHA-256 of the envelope that showed it; it may be kept aside."""


@dataclass(frozen=True, slots=True)
class RefusalCount:
    """How often something was refused on one UTC day, and what was last said about it."""

    reason: str
    """A `zaigang_shared.errors.Refusal`, or `INTERNAL_ERROR`."""
    device_id: str | None
    day: str
    count: int
    last_detail: str
    last_ms: int


@dataclass(frozen=True, slots=True)
class DeviceHealth:
    """One line of the fleet: what is known of a device's delivery."""

    device_id: str
    chain: Chain
    seen_ms: int | None
    """When its last envelope arrived; None: never."""
    online: bool | None
    """From its birth and last will; None: it never said."""
    changed_ms: int | None
    agent: str | None
    """Version, from its newest health reading."""
    spooled: int | None
    """Envelopes that waited on the device then."""
    aside: int
    """Envelopes kept aside."""


@dataclass(frozen=True, slots=True)
class StoredReceipt:
    """A receipt that was given."""

    digest: bytes
    device_id: str
    through: int
    head: bytes
    at_ms: int
    data: bytes
    """As it was signed."""
