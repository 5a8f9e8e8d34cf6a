"""ASAIR AHT20 and DHT20 (datasheet AHT20, section 5).

It has no serial number and no id register. It is known by its address, by a status byte that can be
one (read before anything is written, because the port expander PCF8574A sits at the same address and
would switch its pins to what is written), and by a measurement with a right checksum. Two of them
cannot be told apart; there can be only one on a bus.
"""

from __future__ import annotations

from typing import Final

from zaigang_agent.drivers.bus import (
    Bus,
    Climate,
    Driver,
    SensorError,
    checked,
    command,
    in_range,
    sized,
)

_CALIBRATE: Final = b"\xbe\x08\x00"
_CALIBRATE_S: Final = 0.01
_MEASURE: Final = b"\xac\x33\x00"
_MEASURE_S: Final = 0.08
_RESET: Final = b"\xba"
_RESET_S: Final = 0.025  # 20 ms
# After power-on it wants 100 ms, and answers busy or not at all before.
_POWER_ON_S: Final = 0.1
# How often a busy sensor is asked again, after half the time of a measurement each.
_TRIES: Final = 3

_BUSY: Final = 0x80
_RESERVED: Final = 0x60
_CALIBRATED: Final = 0x08
_FULL: Final = 1 << 20


def climate(frame: bytes) -> Climate:
    """Seven bytes of an answer: status, 20 bits each of humidity and temperature, checksum.

    Raises SensorError.
    """
    data = checked(sized(frame, 7), 0, 6)
    if data[0] & _BUSY:
        raise SensorError("it is still busy after three times its time: cut its power")
    if not data[0] & _CALIBRATED:
        raise SensorError("it lost its calibration: it is started anew")
    both = int.from_bytes(data[1:], "big")
    raw_rh, raw_temp = both >> 20, both & (_FULL - 1)
    temp_c = in_range(200 * raw_temp / _FULL - 50, -40, 85)
    return Climate(temp_c, 100 * raw_rh / _FULL, frame)


def _status(bus: Bus, address: int) -> int:
    """Raises SensorError when this byte is no status of an AHT20."""
    for _ in range(_TRIES):
        [status] = sized(bus.read(address, 1), 1)
        if status == 0 or status & _RESERVED:
            raise SensorError(
                f"0x{status:02x} is not the status of an AHT20: another chip is at this address"
            )
        if not status & _BUSY:
            return status
        bus.sleep(_POWER_ON_S)
    raise SensorError("it is busy for ever: cut its power")


def _identify(bus: Bus, address: int) -> str:
    if not _status(bus, address) & _CALIBRATED:
        command(bus, address, _CALIBRATE, _CALIBRATE_S)
    _measure(bus, address)
    return f"at{address:02x}"


def _measure(bus: Bus, address: int) -> Climate:
    command(bus, address, _MEASURE, _MEASURE_S)
    frame = bus.read(address, 7)
    for _ in range(_TRIES - 1):
        if not frame[:1] or not frame[0] & _BUSY:
            break
        bus.sleep(_MEASURE_S / 2)
        frame = bus.read(address, 7)
    return climate(frame)


def _reset(bus: Bus, address: int) -> None:
    command(bus, address, _RESET, _RESET_S)


DRIVER: Final = Driver("aht20", (0x38,), 0.3, 2.0, _identify, _measure, _reset)
