"""Bosch BME280 (datasheet BST-BME280-DS001, sections 3 to 5; arithmetic of appendix 8.1).

It has no serial number: what tells one from another is a fingerprint of its factory calibration,
which is its own. It has no checksum either: the calibration is read twice, the id before and after, "not
measured" is refused, and so is what the datasheet excludes. Its accuracy is 1.0 degrees (table 2, full range; 0.5
only at 25 degrees) and 3 % (table 3).
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import Final

from zaigang_agent.drivers.bus import (
    Bus,
    Climate,
    Driver,
    SensorError,
    command,
    cropped,
    in_range,
    is_nack,
    sized,
    within,
)

_ID: Final = 0xD0
_BME280: Final = 0x60
_OTHERS: Final = {
    0x55: "a BMP180, which measures no humidity",
    0x56: "a BMP280, which measures no humidity",
    0x57: "a BMP280, which measures no humidity",
    0x58: "a BMP280, which measures no humidity",
    0x61: "a BME680 or BME688, which there is no driver for",
}
_CALIBRATION: Final = (0x88, 26)
_CALIBRATION_RH: Final = (0xE1, 7)
_STATUS: Final = 0xF3
_MEASURING: Final = 0x08
_COPYING: Final = 0x01
_DATA: Final = 0xF7
# Humidity once; takes effect at the next write of F4 only (5.4.3), so it is written first.
_CTRL_HUM: Final = b"\xf2\x01"
_CTRL_MEAS: Final = (
    b"\xf4\x25"  # temperature and pressure once, forced mode: one measurement, then rest
)
_MEASURE_S: Final = 0.0093  # 1.25 + 2.3 + 2.3 + 0.575 + 2.3 + 0.575 ms (9.1)
_TRIES: Final = 3
_RESET: Final = b"\xe0\xb6"
_RESET_S: Final = 0.004  # start-up at most 2 ms, then the calibration is copied
_NOT_MEASURED_20: Final = 0x80000
_NOT_MEASURED_16: Final = 0x8000


@dataclass(frozen=True, slots=True)
class Calibration:
    """The factory's words (table 16): T1 to T3, P1 to P9, H1 to H6."""

    t: tuple[int, ...]
    p: tuple[int, ...]
    h: tuple[int, ...]


def calibration(low: bytes, high: bytes) -> Calibration:
    """From registers 88 to A1 and E1 to E7. Raises SensorError when they are blank."""
    both = sized(low, _CALIBRATION[1]) + sized(high, _CALIBRATION_RH[1])
    if len(set(both)) == 1:
        raise SensorError(f"its calibration is blank (0x{both[0]:02x}): look at the wiring")
    t = struct.unpack_from("<Hhh", low, 0)
    p = struct.unpack_from("<H8h", low, 6)
    h2, h3, e4, e5, e6, h6 = struct.unpack("<hBbBbb", high)
    return Calibration(t, p, (low[25], h2, h3, e4 << 4 | e5 & 0x0F, e6 << 4 | e5 >> 4, h6))


def climate(known: Calibration, frame: bytes) -> Climate:
    """Eight bytes from register F7 on. Raises SensorError."""
    sized(frame, 8)
    raw_p = int.from_bytes(frame[0:3], "big") >> 4
    raw_t = int.from_bytes(frame[3:6], "big") >> 4
    raw_h = int.from_bytes(frame[6:8], "big")
    if _NOT_MEASURED_20 in (raw_p, raw_t) or raw_h == _NOT_MEASURED_16:
        raise SensorError(f"{frame.hex()} means that it did not measure: look at its supply")
    fine = _fine(known.t, raw_t)
    temp_c = in_range(fine / 5120, -40, 85)
    pressure_hpa = within("hPa", _pascal(known.p, fine, raw_p) / 100, 300, 1100)
    return Climate(temp_c, cropped(_humidity(known.h, fine, raw_h)), frame, pressure_hpa)


def _fine(t: tuple[int, ...], raw: int) -> float:
    """Temperature in steps of 1/5120 degree."""
    return (raw / 16384 - t[0] / 1024) * t[1] + (raw / 131072 - t[0] / 8192) ** 2 * t[2]


def _pascal(p: tuple[int, ...], fine: float, raw: int) -> float:
    p1, p2, p3, p4, p5, p6, p7, p8, p9 = p
    v1 = fine / 2 - 64000
    v2 = (v1 * v1 * p6 / 32768 + v1 * p5 * 2) / 4 + p4 * 65536
    v1 = (1 + (p3 * v1 * v1 / 524288 + p2 * v1) / 524288 / 32768) * p1
    if v1 == 0:
        raise SensorError("its calibration of pressure cannot be one: look at the wiring")
    pascal = (1048576 - raw - v2 / 4096) * 6250 / v1
    return pascal + (p9 * pascal * pascal / 2147483648 + pascal * p8 / 32768 + p7) / 16


def _humidity(h: tuple[int, ...], fine: float, raw: int) -> float:
    h1, h2, h3, h4, h5, h6 = h
    t = fine - 76800
    value = raw - (h4 * 64 + h5 / 16384 * t)
    value *= h2 / 65536 * (1 + h6 / 67108864 * t * (1 + h3 / 67108864 * t))
    return value * (1 - h1 * value / 524288)


def check_id(frame: bytes) -> None:
    """The byte of register D0. Raises SensorError that names the chip that it is instead."""
    [found] = sized(frame, 1)
    if found != _BME280:
        what = _OTHERS.get(found, "another chip")
        raise SensorError(
            f"chip id 0x{found:02x} is {what}; a BME280 has 0x60: put one there, or look at the wiring"
        )


def _registers(bus: Bus, address: int, first: int, count: int) -> bytes:
    bus.write(address, bytes([first]))
    return bus.read(address, count)


def _calibration_bytes(bus: Bus, address: int) -> tuple[bytes, bytes]:
    """As read twice alike: one bit that the wire changed would be another sensor, or another value.
    Raises SensorError."""
    first, again = (
        (_registers(bus, address, *_CALIBRATION), _registers(bus, address, *_CALIBRATION_RH))
        for _ in range(2)
    )
    if first != again:
        raise SensorError("read twice, it had another calibration: look at wiring and pull-ups")
    return first


def _identify(bus: Bus, address: int) -> str:
    check_id(_registers(bus, address, _ID, 1))
    low, high = _calibration_bytes(bus, address)
    calibration(low, high)
    return hashlib.sha256(low + high).hexdigest()[:8]


def _measure(bus: Bus, address: int) -> Climate:
    # The calibration is read each time: twice 33 bytes take 8 ms, and nothing has to be remembered that a
    # sensor changed meanwhile would make wrong.
    known = calibration(*_calibration_bytes(bus, address))
    command(bus, address, _CTRL_HUM, 0)
    command(bus, address, _CTRL_MEAS, _MEASURE_S)
    _wait_until_done(bus, address)
    frame = _registers(bus, address, _DATA, 8)
    check_id(_registers(bus, address, _ID, 1))
    return climate(known, frame)


def _wait_until_done(bus: Bus, address: int) -> None:
    for _ in range(_TRIES):
        [status] = sized(_registers(bus, address, _STATUS, 1), 1)
        if not status & (_MEASURING | _COPYING):
            return
        bus.sleep(_MEASURE_S / 2)
    raise SensorError("it is still measuring after more than twice its time: cut its power")


def _reset(bus: Bus, address: int) -> None:
    try:
        command(bus, address, _RESET, _RESET_S)
    except OSError as error:
        if not is_nack(error):  # some acknowledge the reset no more, as they are in it
            raise


DRIVER: Final = Driver("bme280", (0x76, 0x77), 1.0, 3.0, _identify, _measure, _reset)
