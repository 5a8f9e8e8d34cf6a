"""Sensirion SHT40, SHT41, SHT45 (datasheet SHT4x, section 4)."""

from __future__ import annotations

from typing import Final

from zaigang_agent.drivers.bus import Bus, Climate, Driver, ask, in_range, words

_MEASURE_HIGH: Final = b"\xfd"
_MEASURE_S: Final = 0.009  # at most 8.3 ms
_SERIAL: Final = b"\x89"
_SERIAL_S: Final = 0.001


def climate(frame: bytes) -> Climate:
    """Six bytes of an answer to a measurement. Raises SensorError."""
    raw_temp, raw_rh = words(frame, 2)
    temp_c = in_range(-45 + 175 * raw_temp / 65535, -40, 125)
    # The formula runs from -6 to 119; the datasheet says to crop (section 4.6).
    rh_pct = min(100.0, max(0.0, -6 + 125 * raw_rh / 65535))
    return Climate(temp_c, rh_pct, frame)


def _identify(bus: Bus, address: int) -> str:
    high, low = words(ask(bus, address, _SERIAL, _SERIAL_S, 6), 2)
    return f"{high:04x}{low:04x}"


def _measure(bus: Bus, address: int) -> Climate:
    return climate(ask(bus, address, _MEASURE_HIGH, _MEASURE_S, 6))


DRIVER: Final = Driver("sht4x", (0x44, 0x45, 0x46), 0.2, 1.8, _identify, _measure)
