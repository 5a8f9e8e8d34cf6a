"""What a sensor driver needs of a bus, and the checks that all climate sensors share. No I/O.

Two calls, write and read, with a pause of the driver's choice between them: a combined transfer
leaves a sensor no time to measure, and clock stretching is broken on older Raspberry Pi.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from zaigang_agent.errors import SampleError

_POLYNOMIAL: Final = 0x31
# What Linux reports when a device does not acknowledge; the number has no name on other systems.
NACK: Final = getattr(errno, "EREMOTEIO", 121)
# One retry meets a sensor that is late by its tolerance, two a bus that was disturbed once more.
# More only delays the answer that the sensor is gone.
_RETRIES: Final = 2


class Bus(Protocol):
    """An I2C bus. `write` and `read` raise OSError: errno NACK, ETIMEDOUT or EIO."""

    def write(self, address: int, data: bytes) -> None: ...

    def read(self, address: int, count: int) -> bytes: ...

    def sleep(self, seconds: float) -> None: ...


class SensorError(SampleError):
    """A sensor is absent, silent, or said something that cannot be true."""

    def __init__(self, detail: str) -> None:
        super().__init__("sensor_failed", detail)


@dataclass(frozen=True, slots=True)
class Climate:
    """One measurement. `raw`: the words as the sensor sent them, to notice one that is stuck."""

    temp_c: float
    rh_pct: float
    raw: bytes


@dataclass(frozen=True, slots=True)
class Driver:
    """One kind of sensor: where it may sit, how good it is (datasheet, typical), how to ask it."""

    model: str
    addresses: tuple[int, ...]
    temp_accuracy_c: float
    rh_accuracy_pct: float
    identify: Callable[[Bus, int], str]
    """The serial number in hexadecimal. Raises SensorError or OSError when it is another chip."""
    measure: Callable[[Bus, int], Climate]
    """Raises SensorError or OSError."""


def crc8(data: bytes, init: int = 0xFF) -> int:
    """The checksum of Sensirion sensors and their relatives: polynomial 0x31, MSB first."""
    crc = init
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ _POLYNOMIAL if crc & 0x80 else crc << 1) & 0xFF
    return crc


def words(frame: bytes, count: int) -> tuple[int, ...]:
    """`count` big-endian 16-bit words, each followed by its checksum. Raises SensorError."""
    if len(frame) != 3 * count:
        raise SensorError(f"the sensor sent {len(frame)} bytes, {3 * count} were expected")
    for at in range(0, len(frame), 3):
        if crc8(frame[at : at + 2]) != frame[at + 2]:
            raise SensorError(
                f"wrong checksum in {frame.hex()}: look at the wiring, its length and pull-ups"
            )
    return tuple(int.from_bytes(frame[at : at + 2], "big") for at in range(0, len(frame), 3))


def ask(bus: Bus, address: int, command: bytes, wait_s: float, count: int) -> bytes:
    """Send a command, wait, read the answer; a sensor that is not ready gets half the wait again.

    Raises OSError as the bus gives it, NACK when the sensor never answered.
    """
    bus.write(address, command)
    bus.sleep(wait_s)
    for _ in range(_RETRIES):
        try:
            return bus.read(address, count)
        except OSError as error:
            if error.errno != NACK:
                raise
            bus.sleep(wait_s / 2)
    return bus.read(address, count)


def in_range(temp_c: float, low_c: float, high_c: float) -> float:
    """`temp_c` if the datasheet allows it. Raises SensorError."""
    if not low_c <= temp_c <= high_c:
        raise SensorError(f"{temp_c:.1f} degrees is outside the sensor's {low_c} to {high_c}")
    return temp_c
