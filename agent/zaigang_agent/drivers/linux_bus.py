"""The I2C bus of a Linux machine, by smbus2."""

from __future__ import annotations

import time
from collections.abc import Callable

from smbus2 import SMBus, i2c_msg

from zaigang_agent.drivers.bus import SensorError
from zaigang_agent.errors import SampleError


class LinuxBus:
    """`drivers.bus.Bus` on /dev/i2c-N."""

    def __init__(self, bus: int | str, sleep: Callable[[float], None] = time.sleep) -> None:
        """`bus`: the number, or the path of the device file. Raises SampleError with what to do."""
        self.sleep = sleep
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

    def write(self, address: int, data: bytes) -> None:
        self._bus.i2c_rdwr(i2c_msg.write(address, data))

    def read(self, address: int, count: int) -> bytes:
        message = i2c_msg.read(address, count)
        self._bus.i2c_rdwr(message)
        return bytes(message)

    def close(self) -> None:
        self._bus.close()
