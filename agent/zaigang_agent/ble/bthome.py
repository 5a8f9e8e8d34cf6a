"""BTHome version 2, plain and encrypted (bthome.io/format, bthome.io/encryption). Pure."""

from __future__ import annotations

from typing import Final

from zaigang_agent.ble.thermometers import Measured, measured

SERVICE_UUID: Final = "0000fcd2-0000-1000-8000-00805f9b34fb"
_UUID_ON_AIR: Final = b"\xd2\xfc"
_ENCRYPTED: Final = 0x01
_VERSION: Final = 2
_COUNTER_BYTES: Final = 4
_TAG_BYTES: Final = 4
# Bytes of each kind of value. Values stand in the order of their kind; behind one of unknown length
# nothing can be read. What is not air is here only to be stepped over.
_SIZES: Final = {
    0x00: 1, 0x01: 1, 0x02: 2, 0x03: 2, 0x04: 3, 0x05: 3, 0x06: 2, 0x07: 2, 0x08: 2, 0x09: 1,
    0x0A: 3, 0x0B: 3, 0x0C: 2, 0x0D: 2, 0x0E: 2, 0x0F: 1, 0x10: 1, 0x11: 1, 0x12: 2, 0x13: 2,
    0x14: 2, **dict.fromkeys(range(0x15, 0x2E), 1), 0x2E: 1, 0x2F: 1, 0x45: 2,
}  # fmt: skip
_PACKET: Final = 0x00
_TEMP: Final = 0x02
_RH: Final = 0x03
_PRESSURE: Final = 0x04
_VOLTAGE: Final = 0x0C
_CO2: Final = 0x12
_RH_WHOLE: Final = 0x2E
_TEMP_TENTHS: Final = 0x45
_SIGNED: Final = (_TEMP, _TEMP_TENTHS)


def is_encrypted(data: bytes) -> bool | None:
    """Whether a frame is encrypted; None when it is no BTHome frame of version 2."""
    if not data or data[0] >> 5 != _VERSION:
        return None
    return bool(data[0] & _ENCRYPTED)


def objects(payload: bytes) -> dict[int, int]:
    """Values by their kind, unscaled; the first of each kind. Up to the first kind that is unknown."""
    found: dict[int, int] = {}
    at = 0
    while at < len(payload):
        kind = payload[at]
        size = _SIZES.get(kind)
        raw = payload[at + 1 : at + 1 + (size or 0)]
        if size is None or len(raw) != size:
            break
        found.setdefault(kind, int.from_bytes(raw, "little", signed=kind in _SIGNED))
        at += 1 + size
    return found


def plain(data: bytes) -> Measured | None:
    """The air in a frame that is not encrypted."""
    return None if is_encrypted(data) is not False else _air(objects(data[1:]))


def encrypted(data: bytes, key: bytes, address: bytes) -> tuple[int, Measured | None] | None:
    """Counter and air of a frame that the holder of `key` (16 bytes) at `address` (6) has made.

    None when it is not encrypted or was not made with that key. Who calls sees to it that the
    counter grows.
    """
    opened = unseal(data, key, address)
    return None if opened is None else (opened[0], _air(objects(opened[1])))


def unseal(data: bytes, key: bytes, address: bytes) -> tuple[int, bytes] | None:
    """Counter and payload of an encrypted frame: AES-CCM, nonce address ‖ UUID ‖ info ‖ counter."""
    ends = _COUNTER_BYTES + _TAG_BYTES
    if is_encrypted(data) is not True or len(data) <= 1 + ends:
        return None
    # Imported here: few devices have such a sensor.
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESCCM

    counter, tag = data[-ends:-_TAG_BYTES], data[-_TAG_BYTES:]
    nonce = address + _UUID_ON_AIR + data[:1] + counter
    try:
        payload = AESCCM(key, _TAG_BYTES).decrypt(nonce, data[1:-ends] + tag, None)
    except (InvalidTag, ValueError):  # another key; a key or an address of another length
        return None
    return int.from_bytes(counter, "little"), payload


def _air(values: dict[int, int]) -> Measured | None:
    temp_c = _scaled(values, {_TEMP: 0.01, _TEMP_TENTHS: 0.1})
    rh_pct = _scaled(values, {_RH: 0.01, _RH_WHOLE: 1.0})
    if temp_c is None or rh_pct is None:
        return None
    return measured(
        temp_c,
        rh_pct,
        pressure_hpa=_scaled(values, {_PRESSURE: 0.01}),
        co2_ppm=values.get(_CO2) if values.get(_CO2, 0) <= 40_000 else None,
        battery_mv=values.get(_VOLTAGE),
        sequence=values.get(_PACKET),
    )


def _scaled(values: dict[int, int], scales: dict[int, float]) -> float | None:
    """The first of these kinds that is there, in its unit."""
    return next((values[kind] * scale for kind, scale in scales.items() if kind in values), None)
