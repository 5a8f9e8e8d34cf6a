"""Air by a sensor on the I2C bus. Reads temperature and humidity of a room; nothing of a person."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from zaigang_agent.drivers.bus import NACK, Bus, Climate, Driver, SensorError
from zaigang_agent.drivers.catalog import DRIVERS
from zaigang_agent.errors import ConfigError, SampleError
from zaigang_agent.samplers.base import Now
from zaigang_shared.device_config import DeviceConfig
from zaigang_shared.readings import Environment

# A live sensor's lowest bits never rest: the noise of one measurement is a dozen steps. Ten equal
# pairs of words are a dead converter. Three would happen by chance about once a week in still air;
# thirty would believe a dead sensor for half an hour.
_STUCK_AFTER: Final = 10
_SENSOR: Final = re.compile(r"([a-z0-9]+)(?:@0x([0-7][0-9a-f]))?\Z")


def parse_sensor(text: str) -> tuple[Driver, int]:
    """A sensor setting, "sht4x" or "sht4x@0x45". Raises ConfigError."""
    match = _SENSOR.match(text)
    driver = DRIVERS.get(match[1]) if match else None
    if match is None or driver is None:
        raise ConfigError(
            f"[node] sensors: {text!r} is not a sensor; write one of {', '.join(sorted(DRIVERS))}, "
            'if needed with its address: "sht4x@0x44"'
        )
    address = int(match[2], 16) if match[2] else driver.addresses[0]
    if address not in driver.addresses:
        allowed = ", ".join(f"0x{a:02x}" for a in driver.addresses)
        raise ConfigError(f"[node] sensors: {text!r}: {driver.model} sits at one of {allowed}")
    return driver, address


class EnvironmentSampler:
    """One sensor. Asks it who it is before the first value and after every trouble."""

    personal = False

    def __init__(self, open_bus: Callable[[], Bus], driver: Driver, address: int) -> None:
        """`open_bus` may raise SampleError; it is tried again at the next look."""
        self.name = f"environment {driver.model}@0x{address:02x}"
        self._open_bus = open_bus
        self._driver = driver
        self._address = address
        self._serial: str | None = None
        self._last_raw = b""
        self._same = 0

    def interval_s(self, config: DeviceConfig) -> int:
        return config.environment_s

    def sample(self, now: Now) -> Sequence[Environment]:
        try:
            bus = self._open_bus()
            if self._serial is None:
                self._serial = self._driver.identify(bus, self._address)
            climate = self._driver.measure(bus, self._address)
        except OSError as error:
            self._serial = None
            raise SensorError(self._trouble(error)) from error
        except SampleError:
            self._serial = None
            raise
        self._refuse_stuck(climate)
        return [
            Environment(
                t_ms=now.boot_ms,
                span_ms=0,
                sensor=f"{self._driver.model}-{self._serial}",
                model=self._driver.model,
                temp_c=round(climate.temp_c, 2),
                rh_pct=round(climate.rh_pct, 2),
                via="i2c",
            )
        ]

    def _refuse_stuck(self, climate: Climate) -> None:
        self._same = self._same + 1 if climate.raw == self._last_raw else 0
        self._last_raw = climate.raw
        if self._same >= _STUCK_AFTER:
            raise SensorError(
                f"{self.name}: the same words {self._same + 1} times ({climate.raw.hex()}): "
                "the sensor is stuck; cut its power, or replace it"
            )

    def _trouble(self, error: OSError) -> str:
        if error.errno == NACK:
            return f"{self.name}: no answer: look whether it is plugged in and at this address"
        return f"{self.name}: the bus failed ({error}): look at the wiring and the pull-ups"
