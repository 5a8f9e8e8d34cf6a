"""Simulated buses, and the place where smbus2 is told that they are real.

smbus2 is given its own `os.open`, `os.close` and `ioctl` once; calls for anything but a simulated
bus go on to the kernel, so that real and simulated buses live side by side in one process.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Final

from smbus2 import smbus2 as smbus2_module

from zaigang_agent.drivers.linux_bus import LinuxBus
from zaigang_agent.drivers.simulated.aht20 import Aht20
from zaigang_agent.drivers.simulated.bme280 import Bme280, Bmp280
from zaigang_agent.drivers.simulated.commanded import Htu21d, Scd4x, Sht3x, Sht4x, Si7021
from zaigang_agent.drivers.simulated.device import Device, Place, hangs, nack
from zaigang_agent.drivers.simulated.smbus import emulate
from zaigang_agent.drivers.simulated.spec import Spec
from zaigang_shared.clock import Clock

_I2C_SLAVE: Final = 0x0703
_I2C_SLAVE_FORCE: Final = 0x0706
_I2C_FUNCS: Final = 0x0705
_I2C_RDWR: Final = 0x0707
_I2C_SMBUS: Final = 0x0720
_READ_FLAG: Final = 0x0001
_FUNCTIONS: Final = 0x0EFF0009  # plain I2C and emulated SMBus, as the Raspberry Pi reports

_DEVICES: Final[Mapping[str, type[Device]]] = {
    "sht3x": Sht3x,
    "sht4x": Sht4x,
    "bme280": Bme280,
    "bmp280": Bmp280,
    "aht20": Aht20,
    "htu21d": Htu21d,
    "si7021": Si7021,
    "scd4x": Scd4x,
}


class SimulatedBus:
    """What is soldered to one bus. `open` gives the bus as a driver sees it."""

    def __init__(self, spec: Spec, clock: Clock) -> None:
        self.devices: dict[int, Device] = {}
        """By address."""
        self.claimed = spec.claimed
        self._slept_s = 0.0
        self._clock = clock
        for sensor in spec.sensors:
            address = sensor.at_address
            place = Place(clock, spec.seed + address, self.now_s)
            self.devices[address] = _DEVICES[sensor.model](sensor, place)

    def now_s(self) -> float:
        """The bus's own time. What drivers sleep passes at once, so that nothing waits for real."""
        return self._clock.boot_ms() / 1000 + self._slept_s

    def sleep(self, seconds: float) -> None:
        self._slept_s += seconds

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


class _Handle:
    """An open device file."""

    def __init__(self, bus: SimulatedBus) -> None:
        self.bus = bus
        self.opened_ms = bus._clock.utc_ms()
        self.address = 0

    def ioctl(self, request: int, arg: Any) -> None:
        """Raises OSError as the kernel would."""
        if request == _I2C_FUNCS:
            arg.value = _FUNCTIONS
        elif request == _I2C_RDWR:
            self._rdwr(arg)
        elif request == _I2C_SMBUS:
            emulate(arg, self.address, self._transfer)
        elif request == _I2C_SLAVE and arg in self.bus.claimed:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        elif request in (_I2C_SLAVE, _I2C_SLAVE_FORCE):
            self.address = arg
        else:
            raise OSError(errno.ENOTTY, os.strerror(errno.ENOTTY))

    def _rdwr(self, arg: Any) -> None:
        messages = [arg.msgs[index] for index in range(arg.nmsgs)]
        answers = self._transfer(
            [
                (m.addr, m.len if m.flags & _READ_FLAG else ctypes.string_at(m.buf, m.len))
                for m in messages
            ]
        )
        for message, answer in zip(messages, answers, strict=True):
            ctypes.memmove(message.buf, answer, len(answer))

    def _transfer(self, messages: Sequence[tuple[int, bytes | int]]) -> list[bytes]:
        """Messages without a pause: bytes to write, or how many to read. What was read, for each."""
        answers = []
        for address, what in messages:
            if self._locked_up():
                raise hangs()
            device = self.bus.devices.get(address)
            if device is None:
                raise nack()
            if isinstance(what, int):
                answers.append(device.read(what))
            else:
                device.write(what)
                answers.append(b"")
        return answers

    def _locked_up(self) -> bool:
        since = [device.locks_up_since_ms() for device in self.bus.devices.values()]
        return any(ms is not None and self.opened_ms < ms for ms in since)


_lock = threading.Lock()
_waiting: dict[str, SimulatedBus] = {}
_open: dict[int, _Handle] = {}


class _Os:
    """As much of `os` as smbus2 uses."""

    O_RDWR = os.O_RDWR

    @staticmethod
    def open(path: str, flags: int) -> int:
        bus = _waiting.get(path)
        if bus is None:
            return os.open(path, flags)
        # A real descriptor, so that its number cannot be anybody else's while it is open; of a file
        # that nobody else has, so that it can be locked.
        fd = os.memfd_create("i2c")
        _open[fd] = _Handle(bus)
        return fd

    @staticmethod
    def close(fd: int) -> None:
        _open.pop(fd, None)
        os.close(fd)


def _ioctl(fd: int, request: int, arg: Any = 0) -> Any:
    handle = _open.get(fd)
    if handle is None:
        return fcntl.ioctl(fd, request, arg)
    handle.ioctl(request, arg)
    return 0


def _install() -> None:
    vars(smbus2_module).update(os=_Os, ioctl=_ioctl)
