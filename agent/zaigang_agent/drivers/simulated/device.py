"""What all simulated sensors have in common: air, faults, power, and a bus to be on."""

from __future__ import annotations

import abc
import errno
import math
import os
from collections.abc import Callable
from dataclasses import dataclass

from zaigang_agent.drivers.bus import NACK, crc8
from zaigang_agent.drivers.simulated.spec import SensorSpec
from zaigang_shared.clock import Clock


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sensor is: on a bus, in a world with a time."""

    clock: Clock
    seed: int
    now_s: Callable[[], float]
    """The bus's own time: the clock's, and what was slept on the bus."""


@dataclass(frozen=True, slots=True)
class Air:
    """What a sensor feels at a moment."""

    temp_c: float
    rh_pct: float
    pressure_hpa: float
    co2_ppm: float


class Device(abc.ABC):
    """A chip as the bus sees it. `write` and `read` raise OSError as the kernel would."""

    def __init__(self, spec: SensorSpec, place: Place) -> None:
        self.spec = spec
        self.place = place
        self.last = b""
        """The last measurement. A dead converter repeats it, with and without power between."""
        self.power_on()

    @abc.abstractmethod
    def power_on(self) -> None:
        """Forget everything that is forgotten without power."""

    @abc.abstractmethod
    def take(self, data: bytes) -> None:
        """Bytes from the bus."""

    @abc.abstractmethod
    def give(self, count: int) -> bytes:
        """Bytes for the bus; fewer than `count` are filled up."""

    def write(self, data: bytes) -> None:
        self._be_there()
        if data:  # none: only whether somebody is at this address
            self.take(data)

    def read(self, count: int) -> bytes:
        self._be_there()
        answer = self.give(count)
        if self.fault() == "crc":
            answer = bytes([answer[0] ^ 1]) + answer[1:]
        return answer[:count].ljust(count, b"\xff")

    def fault(self) -> str | None:
        """The kind of fault that is on now."""
        now_ms = self.place.clock.utc_ms()
        for fault in self.spec.faults:
            if fault.from_utc_ms <= now_ms < fault.to_utc_ms:
                return fault.kind
        return None

    def locks_up_since_ms(self) -> int | None:
        """Since when it holds the whole bus, UTC."""
        now_ms = self.place.clock.utc_ms()
        for fault in self.spec.faults:
            if fault.kind == "lockup" and fault.from_utc_ms <= now_ms < fault.to_utc_ms:
                return fault.from_utc_ms
        return None

    def measured(self, make: Callable[[], bytes]) -> bytes:
        """A measurement, unless something is wrong with that; empty when it starts anew instead."""
        fault = self.fault()
        if fault == "reset":
            self.power_on()
            return b""
        if fault != "stuck" or not self.last:
            self.last = make()
        return self.last

    def air(self) -> Air:
        """What it feels now."""
        utc_ms, seed, spec = self.place.clock.utc_ms(), self.place.seed, self.spec
        temp_c, rh_pct = spec.temp_c.at(utc_ms, seed), spec.rh_pct.at(utc_ms, seed + 1)
        if spec.self_heating is not None:
            since_s = self.place.clock.boot_ms() / 1000
            warmer = spec.self_heating.rise_c * (1 - math.exp(-since_s / spec.self_heating.tau_s))
            rh_pct *= _saturation(temp_c) / _saturation(temp_c + warmer)
            temp_c += warmer
        return Air(
            temp_c,
            rh_pct,
            spec.pressure_hpa.at(utc_ms, seed + 2),
            spec.co2_ppm.at(utc_ms, seed + 3),
        )

    def _be_there(self) -> None:
        fault = self.fault()
        if fault == "nack":
            self.power_on()
            raise nack()
        if fault == "timeout":
            raise hangs()


def nack() -> OSError:
    return OSError(NACK, "Remote I/O error")


def hangs() -> OSError:
    return OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))


def word(value: int, init: int = 0xFF) -> bytes:
    """A word as it goes over the wire, with its checksum; cropped to 16 bits as sensors do."""
    data = min(0xFFFF, max(0, value)).to_bytes(2, "big")
    return data + bytes([crc8(data, init)])


def _saturation(temp_c: float) -> float:
    """Vapour pressure over water in hPa (Magnus)."""
    return 6.112 * math.exp(17.62 * temp_c / (243.12 + temp_c))
