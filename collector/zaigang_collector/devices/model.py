"""The values of the register of devices. Times are collector UTC in milliseconds."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field


class DeviceKind(enum.StrEnum):
    """What a device is."""

    LAPTOP = "laptop"
    NODE = "node"


class DeviceStatus(enum.StrEnum):
    """Whether a device is listened to."""

    ACTIVE = "active"
    LOST = "lost"
    REVOKED = "revoked"
    """For good: its key is not accepted again."""
    QUARANTINED = "quarantined"
    """Two hosts were seen with its key. A question, not an accusation; IT lifts it."""


@dataclass(frozen=True, slots=True)
class Device:
    """Something that signs."""

    id: str
    kind: DeviceKind
    name: str
    platform: str
    employee_id: str | None
    """Whose laptop it is now; None for a node."""
    site_id: str | None
    """Where the node is now; None for a laptop."""
    status: DeviceStatus
    public_key: bytes
    """Raw Ed25519, 32 bytes: verifies envelopes, and is the certificate's key."""
    rid_key: bytes | None = field(repr=False)
    """The key of the rotating beacon that the device sends, 32 bytes."""
    created_ms: int
    revoked_ms: int | None
    config_version: int


@dataclass(frozen=True, slots=True)
class TokenScope:
    """What an enrolment token allows: `uses` devices of `kind`, for a person or for a site, or one
    in the place of another. Laptops for nobody look at nobody until they are assigned."""

    kind: DeviceKind
    employee_id: str | None = None
    site_id: str | None = None
    uses: int = 1
    replaces: str | None = None
    """The device that is revoked when the new one enrols."""


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """An enrolment token as the list shows it; nobody can read the secret back."""

    id: str
    scope: TokenScope
    used: int
    created_ms: int
    expires_ms: int
    last_used_ms: int | None
    """When it last let a device in, or told one again; None: never."""


@dataclass(frozen=True, slots=True)
class EnrolRequest:
    """What a device sends, its token apart. `csr` is PEM."""

    csr: str
    kind: DeviceKind
    name: str
    platform: str
    agent: str


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What the device gets. Certificates are PEM, `config` a COSE_Sign1."""

    device: Device
    certificate: str
    config: bytes


@dataclass(frozen=True, slots=True)
class Renewed:
    """A new certificate (PEM) over the same key, and the newest configuration."""

    certificate: str
    config: bytes


@dataclass(frozen=True, slots=True)
class Holding:
    """Whose, or where, a device was from `from_ms` until before `to_ms` (None: still)."""

    device_id: str
    employee_id: str | None
    site_id: str | None
    from_ms: int
    to_ms: int | None


@dataclass(frozen=True, slots=True)
class Replacement:
    """A key is an identity, so a new key is a new device: which came before and after this one."""

    replaces: str | None
    replaced_by: str | None


@dataclass(frozen=True, slots=True)
class DeviceKey:
    """What judging an envelope needs to know of its device."""

    status: DeviceStatus
    revoked_ms: int | None
    public_key: bytes
    """Raw Ed25519, 32 bytes."""


@dataclass(frozen=True, slots=True)
class BeaconKey:
    """By which a device's rotating identifiers are recognised, and since when they are not."""

    key: bytes = field(repr=False)
    revoked_ms: int | None
