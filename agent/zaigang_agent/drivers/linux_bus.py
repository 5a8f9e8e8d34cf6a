"""The I2C bus of a Linux machine, by smbus2."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable
from typing import Final

from smbus2 import SMBus, i2c_msg

from zaigang_agent.drivers.bus import Bus, SensorError, is_nack
from zaigang_agent.errors import SampleError

# How long to wait for another program to let go of the bus. A scan holds it for a sensor at a time,
# 0.6 s at most. Longer would hold up the agent's loop; shorter would call a scan a failure.
_LOCK_EVERY_S: Final = 0.1
_LOCK_TRIES: Final = 20


class LinuxBus:
    """`drivers.bus.OpenBus` on /dev/i2c-N."""

    def __init__(self, bus: int | str, sleep: Callable[[float], None] = time.sleep) -> None:
        """`bus`: the number, or the path of the device file. Raises SampleError with what to do."""
        self.sleep = sleep
        self._name = bus
        try:
            self._bus = SMBus(bus)
        except FileNotFoundError as error:
            raise SensorError(
                f"{error.filename} does not exist: enable I2C on this machine "
                "(Raspberry Pi: dtparam=i2c_arm=on), or correct [node] i2c_bus"
            ) from error
        except PermissionError as error:
            raise SampleError(
                "permission", f"{error.filename} may not be opened: add the user to group i2c"
            ) from error
        except OSError as error:
            raise SensorError(f"the I2C bus {bus} cannot be opened: {error}") from error

    def __enter__(self) -> Bus:
        fd = self._bus.fd
        if fd is None:
            raise SensorError(f"the I2C bus {self._name} was closed: open it again")
        for _ in range(_LOCK_TRIES):
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.sleep(_LOCK_EVERY_S)
            else:
                return self
        raise SensorError(
            f"another program holds the I2C bus {self._name}: end it, such as a second agent"
        )

    def __exit__(self, *error: object) -> None:
        if self._bus.fd is not None:  # closed meanwhile: the lock went with it
            fcntl.flock(self._bus.fd, fcntl.LOCK_UN)

    def write(self, address: int, data: bytes) -> None:
        self._bus.i2c_rdwr(i2c_msg.write(address, data))

    def read(self, address: int, count: int) -> bytes:
        message = i2c_msg.read(address, count)
        self._bus.i2c_rdwr(message)
        return bytes(message)

    def present(self, address: int) -> bool:
        try:
            self._bus.write_quick(address)
        except OSError as error:
            if is_nack(error):
                return False
            raise
        return True

    def close(self) -> None:
        self._bus.close()
