"""The values that matching takes and gives. Times are collector UTC in milliseconds.

Everything is frozen and ordered, so that the same evidence in any order of arrival is the same
value, and an assessment can be computed again from what it names, bit for bit.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from zaigang_shared.readings import Reading


class Presence(enum.StrEnum):
    """Was this person at the place?"""

    CONFIRMED = "confirmed"
    CONTRADICTED = "contradicted"
    UNVERIFIED = "unverified"
    EXEMPT = "exempt"


class Work(enum.StrEnum):
    """Was this person working?"""

    ACTIVE = "active"
    IDLE = "idle"
    UNVERIFIED = "unverified"


class Family(enum.StrEnum):
    """Signals that could be wrong for one cause belong to one family (matching.md, Verdict)."""

    RADIO = "radio"  # where the device is: beacon, network
    HANDS = "hands"  # whose hands are on it
    AIR = "air"
    CLAIM = "claim"  # what the clock-in itself says: geofence, travel
    INTEGRITY = "integrity"
    BUSINESS = "business"


class Direction(enum.StrEnum):
    """What a signal says of the interval as a whole."""

    SUPPORTS = "supports"
    CONTRADICTS = "contradicts"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class ClaimedPoint:
    """Coordinates that came with a punch, WGS-84 degrees."""

    at_ms: int
    latitude: float
    longitude: float
    accuracy_m: float | None
    mock_location: bool = False


@dataclass(frozen=True, slots=True)
class Exemption:
    """A stretch in which there is nothing to assess, and why."""

    from_ms: int
    to_ms: int
    kind: str
    """leave, business_trip, home_working, client_meeting, device_repair."""


@dataclass(frozen=True, slots=True)
class SensorOffset:
    """By how much a carried sensor's dew point is above that of a site's node, learnt."""

    sensor: str
    dew_k: float
    sd_k: float


@dataclass(frozen=True, slots=True)
class Claim:
    """An attendance interval: this person says they were at this site from start to end."""

    employee_id: str
    site_id: str
    start_ms: int
    end_ms: int
    end_is_claimed: bool
    """False when no clock-out exists and the end of the shift stands in for it."""
    clock_in_ids: tuple[str, ...]
    points: tuple[ClaimedPoint, ...] = ()
    flags: tuple[str, ...] = ()
    """What the source itself said against a punch: mock_location, duplicate_device."""
    home_networks: frozenset[bytes] = frozenset()
    """Keyed hashes that this person registered as their home."""
    home_egress: tuple[str, ...] = ()
    """Address ranges (CIDR) that this person registered as their home."""
    exemptions: tuple[Exemption, ...] = ()
    travelling_networks: frozenset[bytes] = frozenset()
    """Keyed hashes seen at several places (phone hotspot, travel router): they locate nobody."""
    settled_networks: frozenset[bytes] = frozenset()
    """Registered homes that no confirmed day showed at the site, learnt: only they are places by
    themselves, since a phone may be registered as home just as well."""
    badges: frozenset[bytes] = frozenset()
    """Identifiers of beacon badges that this person carries."""
    elsewhere: tuple[ClaimedPoint, ...] = ()
    """The person's located punches of other intervals: the last before, the first after, and any
    in between."""
    elsewhere_ids: tuple[str, ...] = ()
    """The clock-ins that those are of."""
    sensor_offsets: tuple[SensorOffset, ...] = ()
    """Of this person's carried sensors at this site, as far as anybody has accepted what was
    learnt."""


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """What is known of the place."""

    site_id: str
    time_zone: str
    latitude: float | None
    longitude: float | None
    radius_m: float | None
    networks: frozenset[bytes] = frozenset()
    egress: tuple[str, ...] = ()
    node_ids: tuple[str, ...] = ()
    coverage_by_employee: Mapping[str, float] = field(default_factory=dict)
    """Share of a present person's slots in which the site's beacon is heard by their device,
    learnt; missing: not known, and silence of the beacon then says nothing."""
    together: bool = False
    """Many of the others who claim the same hours here seem absent as well (`policy.together`)."""


class TimedReading(msgspec.Struct, frozen=True, gc=False):
    """A reading with its place on the collector's time line.

    A struct, since an interval is made of thousands: a frozen dataclass takes several times as long
    to make, and is looked at again whenever Python searches for cycles, of which these hold none.
    """

    envelope: bytes
    """SHA-256 of the envelope that holds it."""
    index: int
    """Its place among the envelope's readings."""
    at_ms: int
    """Estimated collector UTC of the reading's end."""
    error_ms: int
    """Half the width of what is certain: the truth lies in at_ms ± error_ms."""
    boot_offset_ms: int
    """Adds to a BOOTTIME of the same boot (`first_t`, `from_t`) to give collector UTC."""
    reading: Reading


@dataclass(frozen=True, slots=True)
class DeviceEvidence:
    """One device's readings in the interval plus margin, ordered by (at_ms, envelope, index)."""

    device_id: str
    kind: str
    """laptop or node."""
    complete_to_ms: int | None
    """Watermark: the chain has no hole up to here; None: nothing known."""
    readings: tuple[TimedReading, ...]


@dataclass(frozen=True, slots=True)
class BeaconSlot:
    """Whose rotating identifier it is, and for which 15-second slot it was made."""

    node_id: str
    """The device: a node, or one of the person's own laptops."""
    site_id: str
    """Where the node stood; empty for a laptop, which places nobody by itself."""
    slot: int


@dataclass(frozen=True, slots=True)
class VantageSeen:
    """A vantage token that was checked: the address the collector saw, and when."""

    address: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class IntegrityEvent:
    """Something about a device that does not fit an honest one."""

    device_id: str
    kind: str
    """fork, broken_chain, two_hosts, boot_time_impossible, unknown_receipt, collector_behind,
    revoked_key, refused_signature, replayed_beacon."""
    at_ms: int
    detail: str
    envelope: bytes | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything known about one interval. Order of arrival is not part of it."""

    laptops: tuple[DeviceEvidence, ...] = ()
    nodes: tuple[DeviceEvidence, ...] = ()
    beacons: Mapping[bytes, BeaconSlot] = field(default_factory=dict)
    """Identifiers heard, resolved; one that is missing here is nobody's."""
    vantages: Mapping[bytes, VantageSeen] = field(default_factory=dict)
    """Token bytes to what they say; one that is missing here did not verify."""
    integrity: tuple[IntegrityEvent, ...] = ()
    known_to_ms: int = 0
    """Up to when the collector had listened when the evidence was gathered."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A reading that a finding rests on."""

    envelope: bytes
    index: int


@dataclass(frozen=True, slots=True)
class Text:
    """One sentence, with its numbers and units, in both languages."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What one signal says of one interval."""

    signal: str
    """beacon, network, hands, geofence, integrity; later environment, travel, business, work_log."""
    family: Family
    direction: Direction
    llr: float
    """Sum over slots of log P(seen | at site) - log P(seen | away), tempered; natural log."""
    text: Text
    references: tuple[Reference, ...] = ()
    slots: tuple[float, ...] = ()
    """The same per slot, before smoothing; 0.0 is silence."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A run of slots judged alike."""

    from_ms: int
    to_ms: int
    presence: Presence
    posterior: float
    """Mean posterior of being at the site."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """Findings put together."""

    claim: Claim
    presence: Presence
    work: Work
    coverage: float
    """Share of the interval covered by any evidence, 0 to 1."""
    present_share: float | None
    """Share of the covered interval in which presence is above the bound and no gap in the person's
    own traces is too long to be bridged; None without coverage."""
    slot_ms: int
    posteriors: tuple[float, ...]
    """Posterior of being at the site per slot."""
    covered: tuple[bool, ...]
    stretches: tuple[Stretch, ...]
    findings: tuple[Finding, ...]
    reasons: tuple[Text, ...]
    """Why this verdict, the most important first; for unverified: what is missing."""
    provisional: bool
    """True while watermarks or the waiting time hold a contradiction back."""
    policy_hash: str
    held_together: bool = False
    """True when a contradiction is not told because many seem absent at once."""

    @property
    def seems_absent(self) -> bool:
        """Contradicted, or only not because many at the site seem absent at once."""
        return self.presence is Presence.CONTRADICTED or self.held_together
