"""What is inside an advertisement. Pure; other formats join `identify` as they are supported."""

from __future__ import annotations

from dataclasses import dataclass

from zaigang_agent.ble.air import Sighting
from zaigang_shared import rid
from zaigang_shared.errors import WireError
from zaigang_shared.readings import BeaconScheme


@dataclass(frozen=True, slots=True)
class Identity:
    """An identifier that a beacon sent on purpose."""

    scheme: BeaconScheme
    id: bytes


def identify(sighting: Sighting) -> Identity | None:
    """The beacon of our own kind in an advertisement; None for everybody else's devices, which are
    dropped here and leave no trace."""
    data = sighting.service_data.get(rid.SERVICE_UUID)
    if data is None:
        return None
    try:
        return Identity("rid", rid.decode_frame(data).rid)
    except WireError:
        return None


def rid_frame(
    key: bytes, utc_ms: int, *, clock_synced: bool, restarted: bool, power_at_1m_dbm: int = -59
) -> bytes:
    """The ten bytes that a node with `key` broadcasts at `utc_ms`."""
    code = rid.rid(key, rid.slot_at(utc_ms))
    return rid.Frame(clock_synced, restarted, power_at_1m_dbm, code).encode()
