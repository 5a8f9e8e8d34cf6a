"""What a leaf of the ledger says: that something of this type, with this hash, was known at a time.

The body itself is elsewhere, encrypted. The salt keeps a short body (a clock-in has few
possibilities) from being found by trying, once it is forgotten and the salt with it.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final

from zaigang_shared import cbor, merkle
from zaigang_shared.errors import Refusal, WireError

HASH_BYTES: Final = 32
SALT_BYTES: Final = 16
_MAX_MS: Final = 2**53


class EntryType(enum.StrEnum):
    """What an entry is about (wire-format.md, Ledger)."""

    ENVELOPE = "envelope"
    CLOCK_IN = "clock_in"
    BUSINESS_EVENT = "business_event"
    WORK_LOG = "work_log"
    ASSESSMENT = "assessment"
    CASE_EVENT = "case_event"
    DEVICE_EVENT = "device_event"
    POLICY = "policy"
    DIRECTORY_EVENT = "directory_event"
    ATTENDANCE_EVENT = "attendance_event"
    ACCESS = "access"
    ERASURE = "erasure"
    LEDGER_EVENT = "ledger_event"
    ACCOUNT_EVENT = "account_event"
    RULE_EVENT = "rule_event"
    ALERT_EVENT = "alert_event"


@dataclass(frozen=True, slots=True)
class LeafData:
    """One leaf before it is hashed."""

    type: EntryType
    at_ms: int
    """Collector UTC when it became known."""
    body_hash: bytes
    """SHA-256 of the body."""
    salt: bytes

    def encode(self) -> bytes:
        """Deterministic CBOR: [type, at_ms, body_hash, salt]."""
        return cbor.dumps([self.type.value, self.at_ms, self.body_hash, self.salt])

    def hash(self) -> bytes:
        """The leaf hash."""
        return merkle.leaf_hash(self.encode())


def decode(data: bytes) -> LeafData:
    """Read what `encode` made. Raises WireError."""
    fields = cbor.loads(data, "ledger entry")
    if type(fields) is not list or len(fields) != 4:
        raise WireError(Refusal.PAYLOAD, "a ledger entry is a list of type, time, hash and salt")
    name, at_ms, body_hash, salt = fields
    try:
        entry_type = EntryType(name)
    except ValueError:
        raise WireError(Refusal.PAYLOAD, f"no ledger entry has the type {name!r}") from None
    if type(at_ms) is not int or not 0 <= at_ms <= _MAX_MS:
        raise WireError(Refusal.PAYLOAD, "the time of a ledger entry is UTC milliseconds")
    if type(body_hash) is not bytes or len(body_hash) != HASH_BYTES:
        raise WireError(Refusal.PAYLOAD, f"the hash in a ledger entry has {HASH_BYTES} bytes")
    if type(salt) is not bytes or len(salt) != SALT_BYTES:
        raise WireError(Refusal.PAYLOAD, f"the salt of a ledger entry has {SALT_BYTES} bytes")
    return LeafData(entry_type, at_ms, body_hash, salt)
