"""AHT20 as the bus sees it (datasheet AHT20, section 5)."""

from __future__ import annotations

from typing import Final

from zaigang_agent.drivers.bus import crc8
from zaigang_agent.drivers.simulated.device import Device, Place, nack
from zaigang_agent.drivers.simulated.spec import SensorSpec

_POWER_ON_S: Final = 0.1
_FULL: Final = 1 << 20


class Aht20(Device):
    """Always has a status to read; the rest is of the last measurement that is done."""

    def __init__(self, spec: SensorSpec, place: Place) -> None:
        super().__init__(spec, place)
        self.awake_at_s = 0.0  # it was there long before the agent was

    def power_on(self) -> None:
        self.calibrated = False
        self.done_at_s = 0.0
        self.data = bytes(5)
        self.awake_at_s = self.place.now_s() + _POWER_ON_S

    def take(self, data: bytes) -> None:
        now_s = self.place.now_s()
        if now_s < self.awake_at_s:
            raise nack()
        if data == b"\xbe\x08\x00":
            self.calibrated, self.done_at_s = True, now_s + 0.01
        elif data == b"\xac\x33\x00":
            self._measure(now_s)
        elif data == b"\xba":
            self.power_on()
            self.awake_at_s = now_s + 0.02
        elif data != b"\x71":
            raise nack()

    def give(self, count: int) -> bytes:
        del count
        now_s = self.place.now_s()
        if now_s < self.awake_at_s:
            raise nack()
        busy = now_s < self.done_at_s or self.fault() == "busy"
        status = (0x80 if busy else 0) | (0x18 if self.calibrated else 0x10)
        frame = bytes([status]) + self.data
        return frame + bytes([crc8(frame)])

    def _measure(self, now_s: float) -> None:
        self.data = self.measured(self._climate) or bytes(5)
        self.done_at_s = now_s + 0.075

    def _climate(self) -> bytes:
        air = self.air()
        rh = min(_FULL - 1, max(0, round(air.rh_pct / 100 * _FULL)))
        temp = min(_FULL - 1, max(0, round((air.temp_c + 50) / 200 * _FULL)))
        return (rh << 20 | temp).to_bytes(5, "big")
