"""From signals of BlueZ to sightings, at little cost: a message without anything of ours in it is
counted by the address in its path, and never taken apart. Pure.

BlueZ tells of a packet as InterfacesAdded (a device that it did not know) or PropertiesChanged of a
device: only what has changed since the last packet, often the strength alone. So the data of devices
that have once sent something of ours are remembered, for as long as BlueZ remembers the device.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from zaigang_agent.ble.air import Listener, Sighting
from zaigang_agent.ble.bus import Called

_DEVICE: Final = "org.bluez.Device1"
_ADDRESS_CHARS: Final = 17
# A property with a value, as it stands in a message. A strength that ran out is named, without value.
_RSSI: Final = b"RSSI\0\x01n\0"
_SERVICES: Final = b"ServiceData\0\x05a{sv}\0"
_COMPANIES: Final = b"ManufacturerData\0\x05a{qv}\0"
# Beacons change their address with each slot, and BlueZ forgets them after 30 s: three at a time are
# usual. Fewer would lose nodes of a big site, more is for nobody.
_MAX_KNOWN: Final = 128


@dataclass(slots=True)
class _Known:
    """What BlueZ has said so far of a device that sent something of ours."""

    address: bytes
    rssi_dbm: int = 0
    """0: not said yet."""
    service_data: dict[str, bytes] = field(default_factory=dict)
    manufacturer_data: dict[int, bytes] = field(default_factory=dict)


class Packets:
    """The signals of one adapter in one round of listening."""

    def __init__(self, adapter_path: str, listener: Listener) -> None:
        self._prefix = f"{adapter_path}/dev_".encode()
        self._needles = listener.needles
        self._known: dict[bytes, _Known] = {}

    def read(self, frame: bytes, t_ms: int) -> tuple[bytes, Sighting | None] | None:
        """Address (text, with underscores) of the sender of a packet, and the packet when there may be
        something of ours in it. None: this signal tells of no packet. Raises OSError."""
        at = frame.find(self._prefix)
        if at < 0:
            return None
        at += len(self._prefix)
        address = frame[at : at + _ADDRESS_CHARS]
        strength_at = frame.find(_RSSI)
        has_data = _SERVICES in frame or _COMPANIES in frame
        if strength_at < 0 and not has_data:
            if b"InterfacesRemoved\0" in frame:
                self._known.pop(address, None)
            return None
        known = self._known.get(address)
        if known is not None and not has_data:  # most packets of ours: the strength alone is new
            known.rssi_dbm = _strength(frame, strength_at)
        elif known is not None or self._may_be_ours(frame):
            known = self._learn(address, Called(frame))
        if known is None or not known.rssi_dbm:
            return address, None
        return address, Sighting(
            t_ms,
            known.rssi_dbm,
            known.service_data,
            known.manufacturer_data,
            known.address,
        )

    def remember(self, objects: Any) -> None:
        """What BlueZ knows already (GetManagedObjects): of a beacon that never changes it says no more
        than its strength. None of it counts as heard before it sends."""
        for path, interfaces in objects.items() if isinstance(objects, dict) else ():
            start, _, address = str(path).encode().rpartition(b"dev_")
            if start + b"dev_" != self._prefix or len(address) != _ADDRESS_CHARS:
                continue
            said = interfaces.get(_DEVICE, {}) if isinstance(interfaces, dict) else {}
            services = _bytes_by_key(said.get("ServiceData"), str)
            companies = _bytes_by_key(said.get("ManufacturerData"), int)
            uuids = (uuid.encode() for uuid in services)
            all_of_it = b"\0".join([address, *uuids, *services.values(), *companies.values()])
            if self._may_be_ours(all_of_it):
                known = self._of(address)
                known.service_data, known.manufacturer_data = services, companies

    def _may_be_ours(self, frame: bytes) -> bool:
        if self._needles is None:
            return True
        for needle in self._needles:  # noqa: SIM110  # `any` takes three times as long
            if needle in frame:
                return True
        return False

    def _learn(self, address: bytes, message: Called) -> _Known:
        properties = _properties(message)
        known = self._of(address)
        rssi_dbm = properties.get("RSSI", known.rssi_dbm)
        known.rssi_dbm = rssi_dbm if isinstance(rssi_dbm, int) else known.rssi_dbm
        if "ServiceData" in properties:
            known.service_data = _bytes_by_key(properties["ServiceData"], str)
        if "ManufacturerData" in properties:
            known.manufacturer_data = _bytes_by_key(properties["ManufacturerData"], int)
        return known

    def _of(self, address: bytes) -> _Known:
        known = self._known.get(address)
        if known is None:
            if len(self._known) >= _MAX_KNOWN:
                del self._known[next(iter(self._known))]
            known = self._known[address] = _Known(_address(address))
        return known


def _strength(frame: bytes, at: int) -> int:
    """The value of the property RSSI whose name begins at `at`; 0 when it is cut off."""
    at += len(_RSSI)
    at += at % 2  # an INT16 stands at an even place of its message
    return int.from_bytes(frame[at : at + 2], "little", signed=True)


def _properties(message: Called) -> Mapping[str, Any]:
    """Of a device, out of either signal."""
    match message.member, message.values:
        case "InterfacesAdded", [str(), dict() as interfaces]:
            found = interfaces.get(_DEVICE, {})
        case "PropertiesChanged", [str() as interface, dict() as changed, *_]:
            found = changed if interface == _DEVICE else {}
        case _:
            found = {}
    return found if isinstance(found, dict) else {}


def _bytes_by_key(value: Any, key: type) -> dict[Any, bytes]:
    if not isinstance(value, dict):
        return {}
    return {
        each: bytes(data)
        for each, data in value.items()
        if isinstance(each, key) and isinstance(data, list) and all(_is_byte(one) for one in data)
    }


def _is_byte(one: object) -> bool:
    return isinstance(one, int) and 0 <= one < 256


def _address(text: bytes) -> bytes:
    try:
        return bytes.fromhex(text.decode("ascii").replace("_", ""))
    except ValueError:
        return b""
