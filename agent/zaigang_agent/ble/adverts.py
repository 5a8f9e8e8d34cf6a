"""What is inside an advertisement: identifiers that beacons send on purpose. Pure.

Offsets are those behind the company identifier or the service UUID, which the system takes off.
Anything else than a whole frame of a known format is None: never an error, never a guess.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from zaigang_agent.ble import eddystone
from zaigang_agent.ble.air import Sighting
from zaigang_shared import rid
from zaigang_shared.errors import WireError

Format: TypeAlias = Literal["rid", "ibeacon", "altbeacon", "eddystone", "eddystone-eid"]

_APPLE: Final = 0x004C
# Proximity Beacon Specification: type 2, 21 bytes follow.
_IBEACON: Final = b"\x02\x15"
_IBEACON_BYTES: Final = 23
# AltBeacon 1.0: any company; the code that says what it is.
_ALTBEACON: Final = b"\xbe\xac"
_ALTBEACON_BYTES: Final = 24


@dataclass(frozen=True, slots=True)
class Identity:
    """An identifier that a beacon sent on purpose."""

    format: Format
    id: bytes
    """iBeacon: UUID, major, minor; AltBeacon: its 20 bytes; Eddystone-UID: namespace, instance."""
    power_at_1m_dbm: int = field(compare=False)
    """The strength at one metre that the frame claims for itself."""
    by_laptop: bool = field(default=False, compare=False)
    """A `rid` of a colleague's laptop."""


def identities(sighting: Sighting) -> Iterator[Identity]:
    """Every identifier in an advertisement; nothing for all other devices."""
    for uuid, data in sighting.service_data.items():
        found = _rid(data) if uuid == rid.SERVICE_UUID else None
        if uuid == eddystone.SERVICE_UUID:
            found = _eddystone(data)
        if found is not None:
            yield found
    for company, data in sighting.manufacturer_data.items():
        found = _altbeacon(data) or (_ibeacon(data) if company == _APPLE else None)
        if found is not None:
            yield found


def rid_frame(
    key: bytes,
    utc_ms: int,
    *,
    clock_synced: bool,
    restarted: bool,
    laptop: bool = False,
    power_at_1m_dbm: int = -59,
) -> bytes:
    """The ten bytes that a device with `key` broadcasts at `utc_ms`."""
    code = rid.rid(key, rid.slot_at(utc_ms))
    return rid.Frame(clock_synced, restarted, power_at_1m_dbm, code, laptop).encode()


def _rid(data: bytes) -> Identity | None:
    try:
        frame = rid.decode_frame(data)
    except WireError:
        return None
    return Identity("rid", frame.rid, frame.power_at_1m_dbm, frame.laptop)


def _ibeacon(data: bytes) -> Identity | None:
    if len(data) != _IBEACON_BYTES or not data.startswith(_IBEACON):
        return None
    return Identity("ibeacon", data[2:22], _s8(data[22]))


def _altbeacon(data: bytes) -> Identity | None:
    if len(data) != _ALTBEACON_BYTES or not data.startswith(_ALTBEACON):
        return None
    return Identity("altbeacon", data[2:22], _s8(data[22]))


def _eddystone(data: bytes) -> Identity | None:
    uid, eid = eddystone.uid(data), eddystone.eid(data)
    if uid is not None:
        return Identity("eddystone", uid, eddystone.power_at_1m_dbm(data))
    if eid is not None:
        return Identity("eddystone-eid", eid, eddystone.power_at_1m_dbm(data))
    return None


def _s8(byte: int) -> int:
    return byte - 256 if byte > 127 else byte
