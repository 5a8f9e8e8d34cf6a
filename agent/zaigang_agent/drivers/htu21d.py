"""TE HTU21D and Silicon Labs Si7021, which speak the same language at the same address.

Datasheets HTU21D(F) (October 2013, "HTU21D(F) sensor provides"), Si7021-A20 section 5. The chip id
in the second half of the serial number tells them apart: 0x32 for the HTU21D (and the SHT21 that it
descends from), 0x15 for the Si7021. Each has a driver, because each has another accuracy; asked with
the wrong one, it says which is right.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from zaigang_agent.drivers.bus import (
    Bus,
    Climate,
    Driver,
    SensorError,
    ask,
    checked,
    command,
    crc8,
    cropped,
    in_range,
    sized,
    words,
)

_RH: Final = b"\xf5"  # without clock stretching
_RH_S: Final = 0.025  # HTU21D 16 ms; Si7021, which measures both, 23 ms
_TEMP: Final = b"\xf3"
_TEMP_S: Final = 0.055  # HTU21D 50 ms, Si7021 11 ms
_USER_REGISTER: Final = b"\xe7"
_SERIAL_A: Final = b"\xfa\x0f"
_SERIAL_B: Final = b"\xfc\xc9"
_COMMAND_S: Final = 0.001
_RESET: Final = b"\xfe"
_RESET_S: Final = 0.016  # at most 15 ms
_INIT: Final = 0x00  # of the checksum

_HEATER: Final = 0x04
_RESOLUTION: Final = 0x81
_ALWAYS: Final = 0x02
# The lowest bits of a word say what it is: 00 temperature, 10 humidity.
_STATUS: Final = 0x03
_RH_STATUS: Final = 0x02
_CHIPS: Final = {0x15: "si7021", 0x32: "htu21d"}


def temp_c(word: int) -> float:
    """Degrees of a temperature word; its status bits do not count. Raises SensorError."""
    return in_range(-46.85 + 175.72 * (word & ~_STATUS) / 65536, -40, 125)


def rh_pct(word: int) -> float:
    """Percent of a humidity word; its status bits do not count."""
    return cropped(-6 + 125 * (word & ~_STATUS) / 65536)


def climate(rh_frame: bytes, temp_frame: bytes) -> Climate:
    """Two answers of three bytes. Raises SensorError."""
    rh, temp = _word(rh_frame, _RH_STATUS), _word(temp_frame, 0)
    return Climate(temp_c(temp), rh_pct(rh), rh_frame + temp_frame)


def chip(frame: bytes) -> tuple[str, str]:
    """The model, and the second half of the serial number, from its six bytes. Raises SensorError."""
    high, low = words(frame, 2, _INIT)
    model = _CHIPS.get(high >> 8)
    if model is None:
        raise SensorError(
            f"chip id 0x{high >> 8:02x} is neither an HTU21D (0x32) nor a Si7021 (0x15)"
        )
    return model, f"{high:04x}{low:04x}"


def first_half(frame: bytes) -> str:
    """The first half of the serial number, from four bytes with a checksum each. Raises SensorError.

    Each checksum is of its byte or, as the Si7021 has it, of all bytes so far.
    """
    sized(frame, 8)
    data, sums = frame[::2], frame[1::2]
    alone = bytes(crc8(data[n : n + 1], _INIT) for n in range(4))
    so_far = bytes(crc8(data[: n + 1], _INIT) for n in range(4))
    if sums not in (alone, so_far):
        raise SensorError(f"wrong checksum in {frame.hex()}: look at the wiring and pull-ups")
    return data.hex()


def _word(frame: bytes, status: int) -> int:
    word = int.from_bytes(checked(sized(frame, 3), 0, 2, _INIT), "big")
    if word == 0:  # its checksum is 0 as well: a line that is held low looks like this
        raise SensorError("it sends nothing but zeros: something holds the data line low")
    if word & _STATUS != status:
        raise SensorError(f"{frame.hex()} is not the answer to what was asked: look at the wiring")
    return word


def _identify(model: str, bus: Bus, address: int) -> str:
    # One byte, which every other chip takes for a choice of register; LED drivers (PCA9685) sit at
    # this address too, and two bytes would set a lamp.
    [user] = sized(ask(bus, address, _USER_REGISTER, _COMMAND_S, 1), 1)
    if user & (_ALWAYS | _RESOLUTION) != _ALWAYS:
        raise SensorError(f"user register 0x{user:02x}: another chip, or set by another program")
    if user & _HEATER:  # a soft reset leaves it on
        raise SensorError("its heater is on, so it measures itself: cut its power")
    first = first_half(ask(bus, address, _SERIAL_A, _COMMAND_S, 8))
    found, second = chip(ask(bus, address, _SERIAL_B, _COMMAND_S, 6))
    if found != model:
        raise SensorError(f"this is a {found}: write {found}@0x{address:02x} into sensors")
    return first + second


def _measure(bus: Bus, address: int) -> Climate:
    rh_frame = ask(bus, address, _RH, _RH_S, 3)
    return climate(rh_frame, ask(bus, address, _TEMP, _TEMP_S, 3))


def _reset(bus: Bus, address: int) -> None:
    command(bus, address, _RESET, _RESET_S)


DRIVER: Final = Driver("htu21d", (0x40,), 0.3, 2.0, partial(_identify, "htu21d"), _measure, _reset)
# Its datasheet gives limits only: 0.4 degrees and 3 %.
SI7021: Final = Driver("si7021", (0x40,), 0.4, 3.0, partial(_identify, "si7021"), _measure, _reset)
