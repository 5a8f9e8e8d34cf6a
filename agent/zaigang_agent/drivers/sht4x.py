"""Sensirion SHT40, SHT41, SHT45 (datasheet SHT4x, section 4).

The bus cannot tell the three apart: the accuracy is that of the SHT40 and SHT41, 0.2 degrees and
1.8 % (table 1 and 2); an SHT45 is better than this says (0.1 degrees, 1.0 %).

The commands 39, 32, 2F, 24, 1E and 15 switch a heater on and are never sent. 24 is also how an SHT3x
is asked to measure: it is asked for its serial number first, which an SHT4x does not understand.
"""

from __future__ import annotations

from typing import Final

from zaigang_agent.drivers.bus import Bus, Climate, Driver, ask, command, cropped, in_range, words

_MEASURE_HIGH: Final = b"\xfd"
_MEASURE_S: Final = 0.009  # at most 8.3 ms
_SERIAL: Final = b"\x89"
_SERIAL_S: Final = 0.001
_RESET: Final = b"\x94"
_RESET_S: Final = 0.002  # at most 1 ms


def climate(frame: bytes) -> Climate:
    """Six bytes of an answer to a measurement. Raises SensorError."""
    raw_temp, raw_rh = words(frame, 2)
    temp_c = in_range(-45 + 175 * raw_temp / 65535, -40, 125)
    # The formula runs from -6 to 119; the datasheet says to crop (section 4.6).
    return Climate(temp_c, cropped(-6 + 125 * raw_rh / 65535), frame)


def _identify(bus: Bus, address: int) -> str:
    high, low = words(ask(bus, address, _SERIAL, _SERIAL_S, 6), 2)
    return f"{high:04x}{low:04x}"


def _measure(bus: Bus, address: int) -> Climate:
    return climate(ask(bus, address, _MEASURE_HIGH, _MEASURE_S, 6))


def _reset(bus: Bus, address: int) -> None:
    command(bus, address, _RESET, _RESET_S)


DRIVER: Final = Driver("sht4x", (0x44, 0x45, 0x46), 0.2, 1.8, _identify, _measure, _reset)
