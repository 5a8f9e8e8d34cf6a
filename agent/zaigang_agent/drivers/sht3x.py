"""Sensirion SHT30, SHT31, SHT35 (datasheet SHT3x-DIS, section 4).

The bus cannot tell the three apart: the accuracy is that of the SHT30 and SHT31, 0.2 degrees and 2 %
(table 1 and 2); an SHT35 is better than this says (0.1 degrees, 1.5 %).
"""

from __future__ import annotations

from typing import Final

from zaigang_agent.drivers.bus import (
    Bus,
    Climate,
    Driver,
    SensorError,
    ask,
    command,
    in_range,
    words,
)

_MEASURE_HIGH: Final = b"\x24\x00"  # single shot, without clock stretching
_MEASURE_S: Final = 0.016  # at most 15.5 ms
_SERIAL: Final = b"\x36\x82"  # without clock stretching
_STATUS: Final = b"\xf3\x2d"
_CLEAR_STATUS: Final = b"\x30\x41"
_RESET: Final = b"\x30\xa2"
_RESET_S: Final = 0.002  # at most 1.5 ms
_COMMAND_S: Final = 0.001

# Bits of the status word (table 18).
_HEATER: Final = 1 << 13
_WAS_RESET: Final = 1 << 4
_NOT_DONE: Final = 1 << 1
_BAD_DATA: Final = 1 << 0


def climate(frame: bytes) -> Climate:
    """Six bytes of an answer to a measurement. Raises SensorError."""
    raw_temp, raw_rh = words(frame, 2)
    temp_c = in_range(-45 + 175 * raw_temp / 65535, -40, 125)
    return Climate(temp_c, 100 * raw_rh / 65535, frame)


def check_status(frame: bytes) -> None:
    """Three bytes of an answer to the question for the status. Raises SensorError."""
    [status] = words(frame, 1)
    if status & _HEATER:
        raise SensorError("its heater is on, so it measures itself: it is reset")
    if status & _WAS_RESET:
        raise SensorError("it started anew by itself: look at its 3.3 V supply")
    if status & (_NOT_DONE | _BAD_DATA):
        raise SensorError("it did not understand the last command: look at the wiring")


def _identify(bus: Bus, address: int) -> str:
    high, low = words(ask(bus, address, _SERIAL, _COMMAND_S, 6), 2)
    # What happened before we came does not count: from here on a restart shows in the status.
    command(bus, address, _CLEAR_STATUS, _COMMAND_S)
    return f"{high:04x}{low:04x}"


def _measure(bus: Bus, address: int) -> Climate:
    measured = climate(ask(bus, address, _MEASURE_HIGH, _MEASURE_S, 6))
    check_status(ask(bus, address, _STATUS, _COMMAND_S, 3))
    return measured


def _reset(bus: Bus, address: int) -> None:
    command(bus, address, _RESET, _RESET_S)


DRIVER: Final = Driver("sht3x", (0x44, 0x45), 0.2, 2.0, _identify, _measure, _reset)
