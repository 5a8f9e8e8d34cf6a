"""BME280 as the bus sees it: a file of registers (datasheet BST-BME280-DS001, sections 4 and 5).

What it feels is turned into converter values by searching the datasheet's integer arithmetic
(4.2.3), which is another than the floating point one that our driver uses.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from typing import Final

from zaigang_agent.drivers.simulated.device import Device

_ID: Final = 0xD0
_RESET: Final = 0xE0
_CTRL_HUM: Final = 0xF2
_STATUS: Final = 0xF3
_CTRL_MEAS: Final = 0xF4
_CONFIG: Final = 0xF5
_DATA: Final = 0xF7
_SKIPPED: Final = bytes.fromhex("8000008000008000")

# The calibration of the vendor's example, with humidity words as they are found in the field.
_T: Final = (27504, 26435, -1000)
_P: Final = (36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000)
_H: Final = (75, 362, 0, 333, 0, 30)


class Bme280(Device):
    """Registers count up at a read; a write is pairs of register and value."""

    chip_id = 0x60

    def power_on(self) -> None:
        self.registers = bytearray(256)
        self.pointer = 0
        self.done_at_s = math.inf
        self.hum_latched = 0
        serial = int(self.spec.serial, 16)
        self.t = (_T[0] + serial % 16, *_T[1:])
        self.p = (*_P[:6], _P[6] + serial % 256, *_P[7:])
        self.registers[0x88:0x8E] = struct.pack("<Hhh", *self.t)
        self.registers[0x8E:0xA0] = struct.pack("<H8h", *self.p)
        h1, h2, h3, h4, h5, h6 = _H
        self.registers[0xA1] = h1
        self.registers[0xE1:0xE8] = struct.pack(
            "<hBbBbb", h2, h3, h4 >> 4, h4 & 0x0F | (h5 & 0x0F) << 4, h5 >> 4, h6
        )
        self.registers[_ID] = self.chip_id
        self.registers[_DATA : _DATA + 8] = _SKIPPED

    def take(self, data: bytes) -> None:
        self.pointer = data[0]
        for register, value in zip(data[0::2], data[1::2], strict=False):
            if (register, value) == (_RESET, 0xB6):
                self.power_on()
            elif register in (_CTRL_HUM, _CTRL_MEAS, _CONFIG):
                self.registers[register] = value
                if register == _CTRL_MEAS:
                    self._begin(value)

    def give(self, count: int) -> bytes:
        self._finish()
        answer = bytes(self.registers[(self.pointer + n) & 0xFF] for n in range(count))
        self.pointer = (self.pointer + count) & 0xFF
        return answer

    def _begin(self, ctrl_meas: int) -> None:
        # 5.4.3: what ctrl_hum says takes effect at a write of ctrl_meas.
        self.hum_latched = self.registers[_CTRL_HUM] & 7
        if ctrl_meas & 3 not in (1, 2):
            return
        self.registers[_STATUS] = 0x08
        steps = (_times(ctrl_meas >> 5), _times(ctrl_meas >> 2 & 7), _times(self.hum_latched))
        milliseconds = 1.25 + sum(2.3 * n for n in steps) + 0.575 * sum(map(bool, steps[1:]))
        self.done_at_s = self.place.now_s() + milliseconds / 1000

    def _finish(self) -> None:
        if self.place.now_s() < self.done_at_s or self.fault() == "busy":
            return
        self.done_at_s = math.inf
        self.registers[_STATUS] = 0
        ctrl_meas = self.registers[_CTRL_MEAS]
        self.registers[_CTRL_MEAS] = ctrl_meas & ~3
        self.registers[_DATA : _DATA + 8] = (
            self.measured(lambda: self._frame(ctrl_meas)) or _SKIPPED
        )

    def _frame(self, ctrl_meas: int) -> bytes:
        t, p, h = self.converter_values()
        return b"".join(
            (
                (p << 4).to_bytes(3, "big") if ctrl_meas >> 2 & 7 else _SKIPPED[:3],
                (t << 4).to_bytes(3, "big") if ctrl_meas >> 5 else _SKIPPED[3:6],
                h.to_bytes(2, "big") if self.hum_latched else _SKIPPED[6:],
            )
        )

    def converter_values(self) -> tuple[int, int, int]:
        """Temperature, pressure and humidity as the converter would give them."""
        air = self.air()
        t = _search(lambda raw: _t_fine(self.t, raw) / 5120, air.temp_c, 1 << 20)
        fine = _t_fine(self.t, t)
        # Falls as the converter's value rises.
        p = _search(lambda raw: -_pascal(self.p, fine, raw) / 25600, -air.pressure_hpa, 1 << 20)
        h = _search(lambda raw: _humidity(_H, fine, raw) / 1024, air.rh_pct, 1 << 16)
        return t, p, h


class Bmp280(Bme280):
    """The sister without humidity, mostly sold under the wrong name."""

    chip_id = 0x58


def _times(oversampling: int) -> int:
    return 0 if oversampling == 0 else 1 << min(oversampling, 5) - 1


def _search(of: Callable[[int], float], wanted: float, end: int) -> int:
    """The first raw value from 0 up whose meaning reaches `wanted`; the last one if none does."""
    low, high = 0, end - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if of(middle) >= wanted else (middle + 1, high)
    return low


def _t_fine(t: Sequence[int], raw: int) -> int:
    t1, t2, t3 = t
    first = ((raw >> 3) - (t1 << 1)) * t2 >> 11
    return first + (((raw >> 4) - t1) ** 2 >> 12) * t3 // (1 << 14)


def _pascal(p: Sequence[int], fine: int, raw: int) -> int:
    """In 1/256 Pa; the 64 bit arithmetic."""
    p1, p2, p3, p4, p5, p6, p7, p8, p9 = p
    v1 = fine - 128000
    v2 = v1 * v1 * p6 + (v1 * p5 << 17) + (p4 << 35)
    v1 = ((1 << 47) + (v1 * v1 * p3 >> 8) + (v1 * p2 << 12)) * p1 >> 33
    value = ((1048576 - raw << 31) - v2) * 3125 // v1
    v1 = p9 * (value >> 13) * (value >> 13) >> 25
    return (value + v1 + (p8 * value >> 19) >> 8) + (p7 << 4)


def _humidity(h: Sequence[int], fine: int, raw: int) -> int:
    """In 1/1024 %; the 32 bit arithmetic."""
    h1, h2, h3, h4, h5, h6 = h
    t = fine - 76800
    scale = ((((t * h6 >> 10) * ((t * h3 >> 11) + 32768)) >> 10) + 2097152) * h2 + 8192 >> 14
    value = ((raw << 14) - (h4 << 20) - h5 * t + 16384 >> 15) * scale
    value -= ((value >> 15) * (value >> 15) >> 7) * h1 >> 4
    return min(419430400, max(0, value)) >> 12
