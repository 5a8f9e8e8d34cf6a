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
# The Raspberry Pi's controllers say EREMOTEIO, others ENXIO (Linux, i2c/fault-codes).
NACK: Final = getattr(errno, "EREMOTEIO", 121)
_NACKS: Final = (NACK, errno.ENXIO)
# One retry meets a sensor that is late by its tolerance, two a bus that was disturbed once more.
# More only delays the answer that the sensor is gone.
_RETRIES: Final = 2


class Bus(Protocol):
    """An I2C bus. `write` and `read` raise OSError: errno NACK, ETIMEDOUT or EIO."""

    def write(self, address: int, data: bytes) -> None: ...

    def read(self, address: int, count: int) -> bytes: ...

    def sleep(self, seconds: float) -> None: ...


class OpenBus(Bus, Protocol):
    """A bus that was opened, shared with other programs on this machine.

    `with bus:` keeps the others off, because an answer goes to whoever reads first, and the answer
    to another program's question can have the right length and checksum. Raises SensorError when
    another program does not let go.
    """

    def __enter__(self) -> Bus: ...

    def __exit__(self, *error: object) -> None: ...

    def present(self, address: int) -> bool:
        """Whether somebody acknowledges the bare address; no byte is sent. Raises OSError."""
        ...

    def close(self) -> None: ...


class SensorError(SampleError):
    """A sensor is absent, silent, or said something that cannot be true."""

    def __init__(self, detail: str) -> None:
        super().__init__("sensor_failed", detail)


class NotYetError(SensorError):
    """A sensor that measures by itself has nothing to say yet. Normal just after it was started."""


@dataclass(frozen=True, slots=True)
class Climate:
    """One measurement. `raw`: the words as the sensor sent them, to notice one that is stuck."""

    temp_c: float
    rh_pct: float
    raw: bytes
    pressure_hpa: float | None = None
    co2_ppm: int | None = None


@dataclass(frozen=True, slots=True)
class Driver:
    """One kind of sensor: where it may sit, how good it is, how to ask it.

    Accuracy is the datasheet's typical one, plus or minus, at room conditions. Where the bus cannot
    tell the members of a family apart, it is that of the worst member.
    """

    model: str
    addresses: tuple[int, ...]
    temp_accuracy_c: float
    rh_accuracy_pct: float
    identify: Callable[[Bus, int], str]
    """What tells this one from others of its kind, mostly a serial number in hexadecimal. Leaves
    the sensor ready to `measure`. Its first question is one that other chips known at these
    addresses take for a choice of register, or none but a read. Raises SensorError or OSError when
    it is another chip."""
    measure: Callable[[Bus, int], Climate]
    """Raises SensorError (NotYetError in a warm-up) or OSError."""
    reset: Callable[[Bus, int], None]
    """The soft reset of the datasheet, with the pause after it. Only for a sensor that was
    identified before: the same bytes mean something else to another chip. Raises OSError."""


def is_nack(error: OSError) -> bool:
    """Whether nobody acknowledged, as opposed to a bus that does not work."""
    return error.errno in _NACKS


def crc8(data: bytes, init: int = 0xFF) -> int:
    """The checksum of Sensirion sensors and their relatives: polynomial 0x31, MSB first."""
    crc = init
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ _POLYNOMIAL if crc & 0x80 else crc << 1) & 0xFF
    return crc


def sized(frame: bytes, count: int) -> bytes:
    """`frame` if it has `count` bytes. Raises SensorError."""
    if len(frame) != count:
        raise SensorError(f"the sensor sent {len(frame)} bytes, {count} were expected")
    return frame


def checked(frame: bytes, at: int, count: int, init: int = 0xFF) -> bytes:
    """`count` bytes from `at` on, if the checksum behind them is right. Raises SensorError."""
    data = frame[at : at + count]
    if crc8(data, init) != frame[at + count]:
        raise SensorError(
            f"wrong checksum in {frame.hex()}: look at the wiring, its length and pull-ups"
        )
    return data


def words(frame: bytes, count: int, init: int = 0xFF) -> tuple[int, ...]:
    """`count` big-endian 16-bit words, each followed by its checksum. Raises SensorError."""
    sized(frame, 3 * count)
    for at in range(0, len(frame), 3):
        checked(frame, at, 2, init)
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
            if not is_nack(error):
                raise
            bus.sleep(wait_s / 2)
    return bus.read(address, count)


def command(bus: Bus, address: int, data: bytes, wait_s: float) -> None:
    """Send a command that has no answer, and give it its time. Raises OSError."""
    bus.write(address, data)
    bus.sleep(wait_s)


def in_range(temp_c: float, low_c: float, high_c: float) -> float:
    """`temp_c` if the datasheet allows it. Raises SensorError."""
    return within("degrees", temp_c, low_c, high_c)


def within(unit: str, value: float, low: float, high: float) -> float:
    """`value` if the datasheet allows it; not a number never does. Raises SensorError."""
    if not low <= value <= high:
        raise SensorError(
            f"{value:.1f} {unit} is outside the sensor's {low} to {high}: "
            "look at its supply and wiring, or replace it"
        )
    return value


def cropped(rh_pct: float) -> float:
    """0 to 100: formulas run over at both ends, and the datasheets say to crop there."""
    return min(100.0, max(0.0, rh_pct))
