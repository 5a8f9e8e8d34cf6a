"""Sensors that are given a command and answer once: SHT3x, SHT4x, HTU21D, Si7021, SCD4x."""

from __future__ import annotations

import abc
import math
from collections.abc import Callable, Mapping
from typing import TypeAlias

from zaigang_agent.drivers.bus import crc8
from zaigang_agent.drivers.simulated.device import Device, nack, word

# What a command does, giving its answer, and the longest time that it takes.
_Command: TypeAlias = tuple[Callable[[], bytes], float]


class Commanded(Device):
    """Takes a command, is busy, answers once."""

    @abc.abstractmethod
    def commands(self) -> Mapping[bytes, _Command]:
        """By the bytes that call for them."""

    def power_on(self) -> None:
        self.answer = b""
        self.ready_at_s = -math.inf

    def take(self, data: bytes) -> None:
        command = self.commands().get(data)
        if command is None or not self._is_ready():
            raise nack()
        do, duration_s = command
        self.answer = do()
        self.ready_at_s = self.place.now_s() + duration_s

    def give(self, count: int) -> bytes:
        del count
        if not self.answer or not self._is_ready():
            raise nack()
        answer, self.answer = self.answer, b""
        return answer

    def _is_ready(self) -> bool:
        return self.place.now_s() >= self.ready_at_s and not (
            self.fault() == "busy" and self.answer
        )

    def restart(self) -> bytes:
        self.power_on()
        return b""


class Sensirion(Commanded):
    """What the SHT3x and the SHT4x have in common."""

    rh_offset, rh_scale = 0.0, 100.0

    def measure(self) -> bytes:
        return self.measured(self._climate)

    def serial(self) -> bytes:
        serial = bytes.fromhex(self.spec.serial)
        return b"".join(word(int.from_bytes(serial[at : at + 2], "big")) for at in (0, 2))

    def _climate(self) -> bytes:
        air = self.air()
        temp, rh = (air.temp_c + 45) / 175, (air.rh_pct + self.rh_offset) / self.rh_scale
        return word(round(temp * 65535)) + word(round(rh * 65535))


class Sht4x(Sensirion):
    """Datasheet SHT4x, section 4.5."""

    rh_offset, rh_scale = 6.0, 125.0

    def commands(self) -> Mapping[bytes, _Command]:
        return {
            b"\xfd": (self.measure, 0.0083),
            b"\xf6": (self.measure, 0.0045),
            b"\xe0": (self.measure, 0.0016),
            b"\x89": (self.serial, 0.0),
            b"\x94": (self.restart, 0.001),
        }


class Sht3x(Sensirion):
    """Datasheet SHT3x-DIS, sections 4.3 to 4.12."""

    def power_on(self) -> None:
        super().power_on()
        self.status = 0x8010  # alert pending, reset detected

    def commands(self) -> Mapping[bytes, _Command]:
        return {
            b"\x24\x00": (self.measure, 0.0155),
            b"\x24\x0b": (self.measure, 0.0065),
            b"\x24\x16": (self.measure, 0.0045),
            b"\x36\x82": (self.serial, 0.0005),
            b"\xf3\x2d": (lambda: word(self.status), 0.0),
            b"\x30\x41": (self._clear, 0.0),
            b"\x30\x6d": (self._heater, 0.0),
            b"\x30\xa2": (self.restart, 0.0015),
        }

    def _clear(self) -> bytes:
        self.status &= ~0x8C10  # alert, RH and T alerts, reset detected (4.11)
        return b""

    def _heater(self) -> bytes:
        self.status |= 1 << 13
        return b""


class Scd4x(Commanded):
    """Datasheet SCD4x, section 3: measures by itself every 5 s once it was started."""

    def power_on(self) -> None:
        super().power_on()
        self.started_s: float | None = None
        self.taken = 0

    def commands(self) -> Mapping[bytes, _Command]:
        always: dict[bytes, _Command] = {
            b"\xe4\xb8": (self._data_ready, 0.001),
            b"\xec\x05": (self._read, 0.001),
            b"\x3f\x86": (self._stop, 0.5),
        }
        if self.started_s is not None:
            return always
        return always | {
            b"\x21\xb1": (self._start, 0.0),
            b"\x36\x82": (self._serial, 0.001),
            b"\x36\x46": (self.restart, 0.03),
        }

    def _done(self) -> int:
        """How many measurements were made since the start."""
        if self.started_s is None or self.fault() == "busy":
            return 0
        return int((self.place.now_s() - self.started_s) / 5)

    def _data_ready(self) -> bytes:
        if self.fault() == "reset":
            self.power_on()
        return word(0x8006 if self._done() > self.taken else 0x8000)

    def _read(self) -> bytes:
        if self._done() <= self.taken:
            raise nack()
        self.taken = self._done()
        return self.measured(self._climate)

    def _climate(self) -> bytes:
        air = self.air()
        temp, rh = (air.temp_c + 45) / 175, air.rh_pct / 100
        co2 = word(min(40_000, round(air.co2_ppm)))
        return co2 + word(round(temp * 65535)) + word(round(rh * 65535))

    def _start(self) -> bytes:
        self.started_s, self.taken = self.place.now_s(), 0
        return b""

    def _stop(self) -> bytes:
        self.started_s = None
        return b""

    def _serial(self) -> bytes:
        serial = bytes.fromhex(self.spec.serial.zfill(12))
        return b"".join(word(int.from_bytes(serial[at : at + 2], "big")) for at in (0, 2, 4))


class Htu21d(Commanded):
    """Datasheet HTU21D(F). No clock stretching is modelled: E3 and E5 are not acknowledged."""

    rh_s, temp_s = 0.016, 0.050
    user_register = 0x02

    def commands(self) -> Mapping[bytes, _Command]:
        return {
            b"\xf5": (lambda: self._both()[:3], self.rh_s),
            b"\xf3": (lambda: self._both()[3:], self.temp_s),
            b"\xe7": (lambda: bytes([self.user_register]), 0.0),
            b"\xfa\x0f": (self._first_half, 0.0),
            b"\xfc\xc9": (self._second_half, 0.0),
            b"\xfe": (self.restart, 0.015),
        }

    def _both(self) -> bytes:
        """Humidity and temperature of the last time that either was asked for."""
        return self.measured(lambda: self._rh() + self._temp())

    def _rh(self) -> bytes:
        raw = round((self.air().rh_pct + 6) / 125 * 65536)
        return word(min(0xFFFC, max(0, raw)) & ~3 | 2, 0)

    def _temp(self) -> bytes:
        raw = round((self.air().temp_c + 46.85) / 175.72 * 65536)
        return word(min(0xFFFC, max(0, raw)) & ~3, 0)

    def _first_half(self) -> bytes:
        """SNB3 = 00, SNB2 to SNB0, each with its checksum."""
        data = b"\x00" + bytes.fromhex(self.spec.serial)[1:]
        return b"".join(bytes([byte, crc8(bytes([byte]), 0)]) for byte in data)

    def _second_half(self) -> bytes:
        """SNC1 = 32, SNC0, SNA1 = 48, SNA0 = 54."""
        own = bytes.fromhex(self.spec.serial)[0]
        return word(0x3200 | own, 0) + word(0x4854, 0)


class Si7021(Htu21d):
    """Datasheet Si7021-A20, section 5: its checksums run over all bytes so far."""

    rh_s, temp_s = 0.0228, 0.0108
    user_register = 0x3A

    def _first_half(self) -> bytes:
        data = bytes.fromhex(self.spec.serial)
        sums = (crc8(data[: n + 1], 0) for n in range(4))
        return b"".join(bytes(pair) for pair in zip(data, sums, strict=True))

    def _second_half(self) -> bytes:
        return word(0x15FF, 0) + word(0xFFFF, 0)
