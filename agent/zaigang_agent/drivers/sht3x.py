"""Sensirion SHT30, SHT31, SHT35 (datasheet SHT3x-DIS, section 4)."""

from __future__ import annotations

from typing import Final

from zaigang_agent.drivers.bus import Bus, Climate, Driver, ask, in_range, words

_MEASURE_HIGH: Final = b"\x24\x00"  # single shot, without clock stretching
_MEASURE_S: Final = 0.016  # at most 15.5 ms
_SERIAL: Final = b"\x36\x82"  # without clock stretching
_SERIAL_S: Final = 0.001


def climate(frame: bytes) -> Climate:
    """Six bytes of an answer to a measurement. Raises SensorError."""
    raw_temp, raw_rh = words(frame, 2)
    temp_c = in_range(-45 + 175 * raw_temp / 65535, -40, 125)
    return Climate(temp_c, 100 * raw_rh / 65535, frame)


def _identify(bus: Bus, address: int) -> str:
    high, low = words(ask(bus, address, _SERIAL, _SERIAL_S, 6), 2)
    return f"{high:04x}{low:04x}"


def _measure(bus: Bus, address: int) -> Climate:
    return climate(ask(bus, address, _MEASURE_HIGH, _MEASURE_S, 6))


DRIVER: Final = Driver("sht3x", (0x44, 0x45), 0.2, 2.0, _identify, _measure)
