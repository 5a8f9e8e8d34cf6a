"""What an assessment was made of, as one value that can be written down and read back.

Readings are named by envelope and place: their content is in the signed envelopes and nowhere else,
so that whoever computes an assessment again computes it from what devices signed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

import msgspec

from zaigang_collector.matching.errors import CodecError
from zaigang_collector.matching.model import (
    BeaconSlot,
    Claim,
    DeviceEvidence,
    Evidence,
    IntegrityEvent,
    SiteFacts,
    TimedReading,
    VantageSeen,
)
from zaigang_shared.prime import prime
from zaigang_shared.readings import Reading

VERSION = 2
_READ: Final = frozenset({1, VERSION})
"""Version 1 had no identifiers of laptops, which a program that knows only it calls foreign."""

Content: TypeAlias = Callable[[bytes, int], Reading]
"""(digest of an envelope, place in it) -> the reading. Raises CodecError when it is not there."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A reading's place in its envelope and on the time line, without its content."""

    envelope: bytes
    index: int
    at_ms: int
    error_ms: int
    boot_offset_ms: int


@dataclass(frozen=True, slots=True)
class DeviceInputs:
    """`DeviceEvidence` without the readings' content."""

    device_id: str
    kind: str
    complete_to_ms: int | None
    readings: tuple[Placed, ...]


@dataclass(frozen=True, slots=True)
class Heard:
    """One resolved identifier."""

    id: bytes
    slot: BeaconSlot


@dataclass(frozen=True, slots=True)
class Seen:
    """One checked vantage token."""

    token: bytes
    vantage: VantageSeen


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that `assess` takes, but for the policy and the readings' content."""

    claim: Claim
    site: SiteFacts
    laptops: tuple[DeviceInputs, ...]
    nodes: tuple[DeviceInputs, ...]
    beacons: tuple[Heard, ...]
    vantages: tuple[Seen, ...]
    integrity: tuple[IntegrityEvent, ...]
    known_to_ms: int
    v: int = VERSION

    def evidence(self, content: Content) -> Evidence:
        """With the readings' content back in its place. Raises CodecError."""
        return Evidence(
            laptops=tuple(_with_content(one, content) for one in self.laptops),
            nodes=tuple(_with_content(one, content) for one in self.nodes),
            beacons={one.id: one.slot for one in self.beacons},
            vantages={one.token: one.vantage for one in self.vantages},
            integrity=self.integrity,
            known_to_ms=self.known_to_ms,
        )


def of(claim: Claim, site: SiteFacts, evidence: Evidence) -> Inputs:
    """What `assess(claim, site, evidence, ...)` is given."""
    return Inputs(
        claim=claim,
        site=site,
        laptops=_without_content(evidence.laptops),
        nodes=_without_content(evidence.nodes),
        beacons=tuple(Heard(*item) for item in sorted(evidence.beacons.items())),
        vantages=tuple(Seen(*item) for item in sorted(evidence.vantages.items())),
        integrity=evidence.integrity,
        known_to_ms=evidence.known_to_ms,
    )


def encode(inputs: Inputs) -> bytes:
    """Canonical JSON; bytes in it are base64."""
    return msgspec.json.encode(inputs, order="deterministic")


def decode(data: bytes) -> Inputs:
    """Read what `encode` wrote. Raises CodecError with the field that is wrong."""
    try:
        found = msgspec.json.decode(data, type=Inputs)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CodecError(f"not the inputs of an assessment: {error}") from error
    if found.v not in _READ:
        known = " and ".join(map(str, sorted(_READ)))
        raise CodecError(f"inputs of version {found.v}, only {known} are known")
    return found


def _without_content(devices: Iterable[DeviceEvidence]) -> tuple[DeviceInputs, ...]:
    return tuple(
        DeviceInputs(
            one.device_id,
            one.kind,
            one.complete_to_ms,
            tuple(
                Placed(r.envelope, r.index, r.at_ms, r.error_ms, r.boot_offset_ms)
                for r in one.readings
            ),
        )
        for one in devices
    )


def _with_content(device: DeviceInputs, content: Content) -> DeviceEvidence:
    return DeviceEvidence(
        device.device_id,
        device.kind,
        device.complete_to_ms,
        tuple(
            TimedReading(
                one.envelope,
                one.index,
                one.at_ms,
                one.error_ms,
                one.boot_offset_ms,
                content(one.envelope, one.index),
            )
            for one in device.readings
        ),
    )


prime(Inputs)
