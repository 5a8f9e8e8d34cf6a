"""Sensirion SCD40, SCD41, SCD43: carbon dioxide, temperature, humidity (datasheet SCD4x, section 3).

It measures by itself every five seconds once it is started, and is silent for the first five. While
it measures it does not tell its serial number: identifying it stops it, asks, and starts it again.
The accuracy of its temperature is 0.8 degrees and of its humidity 6 % (section 1.2 and 1.3, between
15 and 35 degrees): it warms itself, and corrects that by an offset of its own (4 degrees as delivered).
The bus cannot tell the members of the family apart.
"""

from __future__ import annotations

from typing import Final

from zaigang_agent.drivers.bus import (
    Bus,
    Climate,
    Driver,
    NotYetError,
    SensorError,
    ask,
    command,
    in_range,
    words,
)

_DATA_READY: Final = b"\xe4\xb8"
_READ: Final = b"\xec\x05"
_SERIAL: Final = b"\x36\x82"
_COMMAND_S: Final = 0.001
_START: Final = b"\x21\xb1"
_STOP: Final = b"\x3f\x86"
_STOP_S: Final = 0.505  # 500 ms
_RESET: Final = b"\x36\x46"  # reinit: what is stored is loaded again
_RESET_S: Final = 0.035  # 30 ms
_COUNT: Final = 0x07FF
_MOST_PPM: Final = 40_000


def climate(frame: bytes) -> Climate:
    """Nine bytes of an answer: carbon dioxide, temperature, humidity. Raises SensorError."""
    co2_ppm, raw_temp, raw_rh = words(frame, 3)
    if not 0 < co2_ppm <= _MOST_PPM:  # air has 400; 0 is what it sends without a measurement
        raise SensorError(
            f"{co2_ppm} ppm of carbon dioxide cannot be: cut its power, or replace it"
        )
    temp_c = in_range(-45 + 175 * raw_temp / 65535, -10, 60)
    return Climate(temp_c, 100 * raw_rh / 65535, frame, co2_ppm=co2_ppm)


def is_ready(frame: bytes) -> bool:
    """Three bytes of an answer to the question for a measurement. Raises SensorError."""
    [word] = words(frame, 1)
    return word & _COUNT != 0


def _identify(bus: Bus, address: int) -> str:
    # May be asked at any time and changes nothing; register E4 of the LED drivers (PCA9685) that may
    # sit here is reserved.
    is_ready(ask(bus, address, _DATA_READY, _COMMAND_S, 3))
    command(bus, address, _STOP, _STOP_S)
    serial = words(ask(bus, address, _SERIAL, _COMMAND_S, 9), 3)
    command(bus, address, _START, 0)
    return "".join(f"{word:04x}" for word in serial)


def _measure(bus: Bus, address: int) -> Climate:
    if not is_ready(ask(bus, address, _DATA_READY, _COMMAND_S, 3)):
        raise NotYetError("it has measured nothing yet; the first value takes five seconds")
    return climate(ask(bus, address, _READ, _COMMAND_S, 9))


def _reset(bus: Bus, address: int) -> None:
    command(bus, address, _STOP, _STOP_S)
    command(bus, address, _RESET, _RESET_S)


DRIVER: Final = Driver("scd4x", (0x62,), 0.8, 6.0, _identify, _measure, _reset)
