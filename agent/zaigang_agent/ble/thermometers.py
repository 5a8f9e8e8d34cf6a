"""What thermometers broadcast: RuuviTag, the custom firmware of Xiaomi's, and (in `bthome`) BTHome.

Pure. Values come with the resolution of the format and without an accuracy: none of the formats says
which chip has measured, and a RuuviTag alone has been sold with two.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

RUUVI_COMPANY: Final = 0x0499
ATC_UUID: Final = "0000181a-0000-1000-8000-00805f9b34fb"
_RUUVI_BYTES: Final = 24
_RAWV2: Final = 5
_ATC1441_BYTES: Final = 13
_PVVX_BYTES: Final = 15
# What a reading can hold, and more than any of these devices can measure.
_TEMP_C: Final = (-60.0, 130.0)
_RH_PCT: Final = (0.0, 100.0)
_PRESSURE_HPA: Final = (200.0, 1300.0)


@dataclass(frozen=True, slots=True)
class Measured:
    """One measurement of the air."""

    temp_c: float
    rh_pct: float
    pressure_hpa: float | None = None
    co2_ppm: int | None = None
    address: bytes | None = None
    """Of the sensor, where the frame repeats it."""
    battery_mv: int | None = None
    sequence: int | None = None


def measured(
    temp_c: float,
    rh_pct: float,
    *,
    pressure_hpa: float | None = None,
    co2_ppm: int | None = None,
    address: bytes | None = None,
    battery_mv: int | None = None,
    sequence: int | None = None,
) -> Measured | None:
    """A measurement, or None when it cannot be one of air."""
    if not (_within(temp_c, _TEMP_C) and _within(rh_pct, _RH_PCT)):
        return None
    if pressure_hpa is not None and not _within(pressure_hpa, _PRESSURE_HPA):
        pressure_hpa = None
    return Measured(temp_c, rh_pct, pressure_hpa, co2_ppm, address, battery_mv, sequence)


def ruuvi(data: bytes) -> Measured | None:
    """Data format 5, RAWv2 (docs.ruuvi.com, "Data format 5"), behind the company identifier."""
    if len(data) != _RUUVI_BYTES or data[0] != _RAWV2:
        return None
    temp, rh, pressure, power, sequence = struct.unpack_from(">hHH6xHxH", data, 1)
    if temp == -0x8000 or rh == 0xFFFF:  # "not available"
        return None
    voltage = power >> 5
    return measured(
        temp * 0.005,
        rh * 0.0025,
        pressure_hpa=None if pressure == 0xFFFF else (pressure + 50_000) / 100,
        address=data[18:],
        battery_mv=None if voltage == 0x7FF else voltage + 1600,
        sequence=None if sequence == 0xFFFF else sequence,
    )


def atc(data: bytes) -> Measured | None:
    """Both layouts of the custom firmware: 13 bytes (atc1441), 15 bytes (pvvx)."""
    if len(data) == _ATC1441_BYTES:
        temp, rh, _battery_pct, battery_mv, sequence = struct.unpack_from(">hBBHB", data, 6)
        return measured(
            temp / 10, float(rh), address=data[:6], battery_mv=battery_mv, sequence=sequence
        )
    if len(data) == _PVVX_BYTES:
        temp, rh, battery_mv, _battery_pct, sequence = struct.unpack_from("<hHHBB", data, 6)
        return measured(
            temp / 100,
            rh / 100,
            address=data[5::-1],
            battery_mv=battery_mv,
            sequence=sequence,
        )
    return None


def _within(value: float, bounds: tuple[float, float]) -> bool:
    return bounds[0] <= value <= bounds[1]
