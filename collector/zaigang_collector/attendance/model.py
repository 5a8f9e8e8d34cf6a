"""What a claim is, before anybody asks whether it is true (domain.md, "Claims keep their history").

Times are UTC milliseconds.
"""

from __future__ import annotations

import base64
import enum
import hashlib
from dataclasses import dataclass
from typing import Final

from zaigang_shared import cbor

_ID_BYTES: Final = 10  # 80 bits: two of 2**32 claims share an id with a chance of 1 in 130,000


# A terminal whose battery is empty believes that it is 1970. Earlier lets such punches in; later
# refuses an import of old records.
EARLIEST_MS: Final = 946_684_800_000  # 2000-01-01
# Clocks of phones and terminals are a little fast. Larger stores punches that nobody can have
# made; smaller refuses an honest phone.
AHEAD_MS: Final = 10 * 60_000
BELIEVABLE: Final = "a time from the year 2000 on, and not in the future"


def believable(at_ms: int, now_ms: int) -> bool:
    """Whether a punch can have been made then (UTC ms). A clock at 1970 or ahead of ours is the
    source's to mend; its punches are refused and can be sent again."""
    return EARLIEST_MS <= at_ms <= now_ms + AHEAD_MS


class Direction(enum.StrEnum):
    """Arriving or leaving."""

    IN = "in"
    OUT = "out"


class Kind(enum.StrEnum):
    """Whose word a punch is. Corrected ones are not the employee's own."""

    OWN = "own"
    TERMINAL = "terminal"
    CORRECTED_MANAGER = "corrected_manager"
    CORRECTED_APPROVAL = "corrected_approval"
    UNKNOWN = "unknown"
    """The source names a way of punching that we do not know: nobody's word until we do."""


class Flag(enum.StrEnum):
    """What the source itself says against a punch."""

    MOCK_LOCATION = "mock_location"
    DUPLICATE_DEVICE = "duplicate_device"
    DISCOUNTED = "discounted"
    """The source does not accept it as a punch: kept, and part of no interval."""


class ExemptionKind(enum.StrEnum):
    """Why there is nothing to assess."""

    LEAVE = "leave"
    BUSINESS_TRIP = "business_trip"
    HOME_WORKING = "home_working"
    CLIENT_MEETING = "client_meeting"
    DEVICE_REPAIR = "device_repair"


@dataclass(frozen=True, slots=True)
class Point:
    """Where a punch says it was made: WGS-84 degrees, converted from `datum`."""

    latitude: float
    longitude: float
    datum: str
    """The datum of the source's own numbers; those stand in the vendor's record."""
    accuracy_m: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewClockIn:
    """A punch as it comes from a source."""

    source: str
    """Which system says so: dingtalk, csv, api, ..."""
    source_id: str
    """The source's own id of the punch: the same one again is the same punch."""
    employee_id: str
    site_id: str
    direction: Direction
    punched_ms: int
    received_ms: int | None
    """When the source's platform received it; None when the source does not tell."""
    kind: Kind = Kind.OWN
    point: Point | None = None
    flags: tuple[Flag, ...] = ()
    source_device: str | None = None
    """The source's id of the phone or terminal, so that one phone for several people shows."""
    vendor_record: bytes = b""
    """The source's record, verbatim."""

    @property
    def counts(self) -> bool:
        """Whether it can open or close an interval."""
        return Flag.DISCOUNTED not in self.flags

    def clock_in_id(self) -> str:
        """The same punch always gets the same id, on any collector."""
        name = f"{self.source}\0{self.source_id}".encode()
        digest = hashlib.sha256(b"zaigang/clock_in/1\0" + name).digest()[:_ID_BYTES]
        return "ci-" + base64.b32encode(digest).decode("ascii").lower()

    def body(self) -> bytes:
        """What the ledger commits to: every field, deterministically encoded."""
        point = self.point
        return cbor.dumps(
            {
                "v": 1,
                "source": self.source,
                "source_id": self.source_id,
                "employee": self.employee_id,
                "site": self.site_id,
                "direction": self.direction.value,
                "punched": self.punched_ms,
                "received": self.received_ms,
                "kind": self.kind.value,
                "point": point and [point.latitude, point.longitude, point.datum, point.accuracy_m],
                "flags": [flag.value for flag in self.flags],
                "device": self.source_device,
                "vendor": self.vendor_record,
            }
        )

    @classmethod
    def from_body(cls, data: bytes) -> NewClockIn:
        """The punch behind a body that `body` made."""
        fields = cbor.loads(data, "clock-in")
        point = fields["point"]
        return cls(
            source=fields["source"],
            source_id=fields["source_id"],
            employee_id=fields["employee"],
            site_id=fields["site"],
            direction=Direction(fields["direction"]),
            punched_ms=fields["punched"],
            received_ms=fields["received"],
            kind=Kind(fields["kind"]),
            point=None if point is None else Point(*point),
            flags=tuple(Flag(name) for name in fields["flags"]),
            source_device=fields["device"],
            vendor_record=fields["vendor"],
        )

    def record_hash(self) -> bytes:
        """SHA-256 of `body`."""
        return hashlib.sha256(self.body()).digest()


@dataclass(frozen=True, slots=True)
class ClockIn:
    """A stored version of a punch. Late edits make a new version; the old ones stay."""

    id: str
    version: int
    stored_ms: int
    content: NewClockIn

    @property
    def reference(self) -> str:
        """Names exactly this version, for assessments."""
        return f"{self.id}@{self.version}"


class Outcome(enum.StrEnum):
    """What recording a punch did."""

    ADDED = "added"
    UNCHANGED = "unchanged"
    NEW_VERSION = "new_version"


def outcome_of(stored: bytes | None, record_hash: bytes) -> Outcome:
    """What recording does, by the hash of the newest stored version; None: there is none."""
    if stored is None:
        return Outcome.ADDED
    return Outcome.UNCHANGED if stored == record_hash else Outcome.NEW_VERSION


@dataclass(frozen=True, slots=True)
class Recorded:
    """The stored version and how it came about."""

    clock_in: ClockIn
    outcome: Outcome
