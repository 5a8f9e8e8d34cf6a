"""A simulated I2C bus under smbus2's own code: only its `ioctl` and `open` are answered here.

What a driver does, retries, packs and checks is therefore the real path, down to the kernel's
structures. Sensors are modelled by their registers and timing: reading too early, a combined
transfer without a pause, or another address is not acknowledged, as on the wire.

A bus is described by JSON (`Spec`):

    {"seed": 7, "sensors": [
        {"model": "sht4x", "address": 68, "serial": "0f012345",
         "temp_c": {"mean": 22.5, "amplitude": 1.5, "period_s": 86400, "peak_s": 25200, "noise": 0.04},
         "rh_pct": {"mean": 45, "amplitude": 5, "noise": 0.3},
         "faults": [{"from_utc_ms": 1, "to_utc_ms": 2, "kind": "nack"}]}]}

Fault kinds: "nack" (absent), "crc" (a flipped bit), "stuck" (the same words for ever), "timeout"
(the bus hangs).
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import hashlib
import math
import os
import threading
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct
from smbus2 import smbus2 as smbus2_module

from zaigang_agent.drivers.bus import NACK, crc8
from zaigang_agent.drivers.linux_bus import LinuxBus
from zaigang_agent.errors import AgentError
from zaigang_shared.clock import Clock

_I2C_FUNCS: Final = 0x0705
_I2C_RDWR: Final = 0x0707
_READ_FLAG: Final = 0x0001
_FUNCTIONS: Final = 0x0EFF0009  # plain I2C and emulated SMBus, as the Raspberry Pi reports


class Curve(Struct, frozen=True, forbid_unknown_fields=True):
    """A value over UTC time: mean + amplitude * cos(2 pi (t - peak) / period), and noise."""

    mean: float
    amplitude: float = 0.0
    period_s: Annotated[float, Meta(gt=0)] = 86_400.0
    peak_s: float = 0.0
    """When the first peak is, seconds after 1970-01-01 UTC."""
    noise: Annotated[float, Meta(ge=0)] = 0.0
    """Standard deviation, by seed and time: the same moment gives the same noise."""

    def at(self, utc_ms: int, seed: int) -> float:
        angle = 2 * math.pi * (utc_ms / 1000 - self.peak_s) / self.period_s
        return self.mean + self.amplitude * math.cos(angle) + self.noise * _normal(seed, utc_ms)


class Fault(Struct, frozen=True, forbid_unknown_fields=True):
    """Something wrong with one sensor from a moment up to another."""

    from_utc_ms: int
    to_utc_ms: int
    kind: Literal["nack", "crc", "stuck", "timeout"]


class SensorSpec(Struct, frozen=True, forbid_unknown_fields=True):
    """One simulated sensor."""

    model: Literal["sht4x", "sht3x"]
    temp_c: Curve
    rh_pct: Curve
    address: Annotated[int, Meta(ge=0x08, le=0x77)] = 0x44
    serial: Annotated[str, Meta(pattern=r"^[0-9a-f]{8}\Z")] = "00000001"
    faults: tuple[Fault, ...] = ()


class Spec(Struct, frozen=True, forbid_unknown_fields=True):
    """One simulated bus."""

    sensors: tuple[SensorSpec, ...]
    seed: int = 0


def load_spec(path: Path) -> Spec:
    """Read the description of a bus. Raises AgentError that names the field."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Spec)
    except OSError as error:
        raise AgentError(f"{path}: the simulated bus cannot be read: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise AgentError(f"{path}: not the description of a simulated bus: {error}") from error


class SimulatedBus:
    """What is soldered to one bus. `open` gives the bus as a driver sees it."""

    def __init__(self, spec: Spec, clock: Clock) -> None:
        self.elapsed_s = 0.0
        """The bus's own time: moved by `sleep` only, so that nothing waits for real."""
        self._models = {
            sensor.address: _Sensirion(sensor, spec.seed + sensor.address, clock, self)
            for sensor in spec.sensors
        }

    def sleep(self, seconds: float) -> None:
        self.elapsed_s += seconds

    def open(self) -> LinuxBus:
        """A LinuxBus whose system calls end here."""
        path = f"simulated:{id(self):x}"
        with _lock:
            _waiting[path] = self
            _install()
        try:
            return LinuxBus(path, self.sleep)
        finally:
            with _lock:
                del _waiting[path]

    def transfer(self, arg: Any) -> None:
        """I2C_RDWR. Raises OSError as the kernel would."""
        for index in range(arg.nmsgs):
            message = arg.msgs[index]
            model = self._models.get(message.addr)
            if model is None:
                raise _nack()
            if message.flags & _READ_FLAG:
                ctypes.memmove(message.buf, model.read(message.len), message.len)
            else:
                model.write(ctypes.string_at(message.buf, message.len))


# command -> what it does and the longest time it takes (datasheets SHT4x 4.5, SHT3x 4.3)
_COMMANDS: Final[dict[str, dict[bytes, tuple[str, float]]]] = {
    "sht4x": {
        b"\xfd": ("measure", 0.0083),
        b"\xf6": ("measure", 0.0045),
        b"\xe0": ("measure", 0.0016),
        b"\x89": ("serial", 0.0),
        b"\x94": ("reset", 0.001),
    },
    "sht3x": {
        b"\x24\x00": ("measure", 0.0155),
        b"\x24\x0b": ("measure", 0.0065),
        b"\x24\x16": ("measure", 0.0045),
        b"\x36\x82": ("serial", 0.0005),
        b"\x30\xa2": ("reset", 0.0015),
    },
}
_RH_SCALE: Final = {"sht4x": (6.0, 125.0), "sht3x": (0.0, 100.0)}


class _Sensirion:
    """SHT3x or SHT4x as the bus sees it: takes a command, is busy, answers once."""

    def __init__(self, spec: SensorSpec, seed: int, clock: Clock, bus: SimulatedBus) -> None:
        self._spec = spec
        self._seed = seed
        self._clock = clock
        self._bus = bus
        self._answer = b""
        self._ready_at_s = math.inf
        self._last_frame = b""

    def write(self, data: bytes) -> None:
        fault = self._fault()
        command = _COMMANDS[self._spec.model].get(data)
        if fault == "nack" or command is None:
            raise _nack()
        if fault == "timeout":
            raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
        what, duration_s = command
        self._answer = {"measure": self._measure, "serial": self._serial, "reset": bytes}[what]()
        if fault == "crc" and self._answer:
            self._answer = bytes([self._answer[0] ^ 1]) + self._answer[1:]
        self._ready_at_s = self._bus.elapsed_s + duration_s

    def read(self, count: int) -> bytes:
        if self._fault() == "nack" or not self._answer or self._bus.elapsed_s < self._ready_at_s:
            raise _nack()
        answer, self._answer = self._answer, b""
        return answer[:count].ljust(count, b"\xff")

    def _fault(self) -> str | None:
        now_ms = self._clock.utc_ms()
        for fault in self._spec.faults:
            if fault.from_utc_ms <= now_ms < fault.to_utc_ms:
                return fault.kind
        return None

    def _measure(self) -> bytes:
        if self._fault() == "stuck" and self._last_frame:
            return self._last_frame
        utc_ms = self._clock.utc_ms()
        offset, scale = _RH_SCALE[self._spec.model]
        temp = (self._spec.temp_c.at(utc_ms, self._seed) + 45) / 175
        rh = (self._spec.rh_pct.at(utc_ms, self._seed + 1) + offset) / scale
        self._last_frame = _word(round(temp * 65535)) + _word(round(rh * 65535))
        return self._last_frame

    def _serial(self) -> bytes:
        serial = bytes.fromhex(self._spec.serial)
        return b"".join(_word(int.from_bytes(serial[at : at + 2], "big")) for at in (0, 2))


def _word(value: int) -> bytes:
    data = min(0xFFFF, max(0, value)).to_bytes(2, "big")
    return data + bytes([crc8(data)])


def _nack() -> OSError:
    return OSError(NACK, "Remote I/O error")


def _normal(seed: int, utc_ms: int) -> float:
    """A standard normal number that depends on nothing but its arguments (Box-Muller)."""
    digest = hashlib.blake2b(f"{seed}/{utc_ms}".encode(), digest_size=16).digest()
    u = (int.from_bytes(digest[:8], "big") + 1) / (2**64 + 1)
    v = int.from_bytes(digest[8:], "big") / 2**64
    return math.sqrt(-2 * math.log(u)) * math.cos(2 * math.pi * v)


# smbus2 is given its own `os.open`, `os.close` and `ioctl` once; calls for anything but a simulated
# bus go on to the kernel, so that real and simulated buses live side by side in one process.
_lock = threading.Lock()
_waiting: dict[str, SimulatedBus] = {}
_open: dict[int, SimulatedBus] = {}


class _Os:
    """As much of `os` as smbus2 uses."""

    O_RDWR = os.O_RDWR

    @staticmethod
    def open(path: str, flags: int) -> int:
        bus = _waiting.get(path)
        if bus is None:
            return os.open(path, flags)
        # A real descriptor, so that its number cannot be anybody else's while it is open.
        fd = os.open(os.devnull, flags)
        _open[fd] = bus
        return fd

    @staticmethod
    def close(fd: int) -> None:
        _open.pop(fd, None)
        os.close(fd)


def _ioctl(fd: int, request: int, arg: Any = 0) -> Any:
    bus = _open.get(fd)
    if bus is None:
        return fcntl.ioctl(fd, request, arg)
    if request == _I2C_FUNCS:
        arg.value = _FUNCTIONS
    elif request == _I2C_RDWR:
        bus.transfer(arg)
    else:
        raise OSError(errno.ENOTTY, os.strerror(errno.ENOTTY))
    return 0


def _install() -> None:
    vars(smbus2_module).update(os=_Os, ioctl=_ioctl)
