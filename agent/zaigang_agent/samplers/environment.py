"""Air by a sensor on the I2C bus. Reads temperature, humidity and the like of a room, and with an
SCD4x its carbon dioxide; nothing of a person."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Final

from zaigang_agent.drivers.bus import (
    Climate,
    Driver,
    NotYetError,
    SensorError,
    is_nack,
)
from zaigang_agent.drivers.catalog import DRIVERS
from zaigang_agent.errors import ConfigError, SampleError
from zaigang_agent.samplers.base import Now
from zaigang_agent.samplers.bench import Bench
from zaigang_agent.samplers.plausible import Plausible
from zaigang_agent.samplers.self_heating import Point, WarmUp
from zaigang_shared.device_config import DeviceConfig
from zaigang_shared.readings import Environment

_SENSOR: Final = re.compile(r"([a-z0-9]+)(?:@0x([0-7][0-9a-f]))?\Z")

# A sensor that measures by itself every five seconds is asked again after six, and given up after
# three rounds. More would take a sensor that lost its power for one that is busy.
_AGAIN_S: Final = 6
_SILENT_MS: Final = 15_000
# A hanging bus holds up the whole agent for a second per transfer, so it is asked ever less often.
# Larger would find a repaired bus later than anybody wants to wait beside it.
_LONGEST_BACK_OFF_S: Final = 900


def parse_sensor(text: str, where: str = "[node] sensors") -> tuple[Driver, int]:
    """A sensor setting, "sht4x" or "sht4x@0x45". Raises ConfigError that names `where`."""
    match = _SENSOR.match(text)
    driver = DRIVERS.get(match[1]) if match else None
    if match is None or driver is None:
        raise ConfigError(
            f"{where}: {text!r} is not a sensor; write one of {', '.join(sorted(DRIVERS))}, "
            'if needed with its address: "sht4x@0x44"'
        )
    address = int(match[2], 16) if match[2] else driver.addresses[0]
    if address not in driver.addresses:
        allowed = ", ".join(f"0x{a:02x}" for a in driver.addresses)
        raise ConfigError(f"{where}: {text!r}: {driver.model} sits at one of {allowed}")
    return driver, address


def parse_sensors(texts: Iterable[str], where: str = "[node] sensors") -> list[tuple[Driver, int]]:
    """All sensors of a bus. Raises ConfigError that names `where`."""
    found: dict[int, tuple[Driver, int]] = {}
    for text in texts:
        driver, address = parse_sensor(text, where)
        if address in found:
            other = found[address][0].model
            raise ConfigError(
                f"{where}: {other} and {driver.model} cannot both be at 0x{address:02x}; "
                "zaigang-agent sensors scan says which is there"
            )
        found[address] = (driver, address)
    return list(found.values())


class EnvironmentSampler:
    """One sensor. Asks it who it is before the first value and after every trouble.

    A look that fails is tried once more at once: after opening the bus anew when that hung, after a
    soft reset of the sensor otherwise. What fails then is told as a gap.
    """

    personal = False

    def __init__(self, bench: Bench, driver: Driver, address: int) -> None:
        self.name = f"environment {driver.model}@0x{address:02x}"
        self._bench = bench
        self._driver = driver
        self._address = address
        self._serial: str | None = None
        self._known = False
        """Whether this sensor was identified before; a reset is for no other chip."""
        self._suspect = False
        self._failures = 0
        """Looks in a row that gave a gap."""
        self._lock_ups = 0
        self._silent_since_ms: int | None = None
        self._plausible = Plausible()

    def interval_s(self, config: DeviceConfig) -> int:
        every_s = config.environment_s
        if self._silent_since_ms is not None:
            return min(every_s, _AGAIN_S)
        if self._lock_ups > 1:
            return min(max(every_s, _LONGEST_BACK_OFF_S), every_s << min(self._lock_ups - 1, 10))
        return every_s

    def sample(self, now: Now) -> Sequence[Environment]:
        try:
            climate = self._look()
            self._plausible.check(climate, now.boot_ms)
        except NotYetError as error:
            self._allow_silence(now, error)
            return []
        except OSError as error:
            self._fail(locked_up=not is_nack(error))
            raise SensorError(self._trouble(error)) from error
        except SampleError:
            self._fail(locked_up=False)
            raise
        self._failures = self._lock_ups = 0
        self._silent_since_ms = None
        return [self._reading(climate, now)]

    # ---- asking

    def _look(self) -> Climate:
        was_suspect, self._suspect = self._suspect, False
        if was_suspect:
            self._reset()
        try:
            return self._ask()
        except NotYetError:
            raise
        except (OSError, SensorError) as error:
            self._serial = None
            if isinstance(error, OSError) and not is_nack(error):
                self._bench.bus.drop()
            elif not was_suspect:
                self._reset()
        climate = self._ask()
        self._bench.count("environment_recovered")
        return climate

    def _ask(self) -> Climate:
        with self._bench.bus.use() as bus:
            if self._serial is None:
                self._serial = self._driver.identify(bus, self._address)
                self._known = True
            return self._driver.measure(bus, self._address)

    def _reset(self) -> None:
        """Now, and if that does not help after 1, 2, 4, 8 more failures: it is no cure for a
        broken wire, and on a wire that works now and then it only loses measurements."""
        self._serial = None
        if not self._known or self._failures & (self._failures - 1):
            return
        try:
            with self._bench.bus.use() as bus:
                self._driver.reset(bus, self._address)
        except (OSError, SensorError):  # asking it next shows the same, and is what is told
            return

    # ---- telling

    def _reading(self, climate: Climate, now: Now) -> Environment:
        sensor = f"{self._driver.model}-{self._serial}"
        warm_up = self._bench.warm_ups.setdefault(sensor, WarmUp())
        warm_up.note(
            Point(now.boot_ms, climate.temp_c, climate.rh_pct), partial(self._bench.was_cold, now)
        )
        return Environment(
            t_ms=now.boot_ms,
            span_ms=0,
            sensor=sensor,
            model=self._driver.model,
            temp_c=round(climate.temp_c, 2),
            rh_pct=round(climate.rh_pct, 2),
            via="i2c",
            pressure_hpa=None if climate.pressure_hpa is None else round(climate.pressure_hpa, 2),
            co2_ppm=climate.co2_ppm,
            temp_acc_c=self._driver.temp_accuracy_c,
            rh_acc_pct=self._driver.rh_accuracy_pct,
            self_heat_c=None if warm_up.rise_c is None else round(warm_up.rise_c, 2),
        )

    def _allow_silence(self, now: Now, error: NotYetError) -> None:
        """A warm-up gives no reading. Raises SensorError when it lasts too long for one, and while
        it follows a trouble, which is over with the next value and not before."""
        if self._silent_since_ms is None:
            self._silent_since_ms = now.boot_ms
        silent_ms = now.boot_ms - self._silent_since_ms
        if silent_ms >= _SILENT_MS:
            self._fail(locked_up=False)
            raise SensorError(
                f"no measurement for {silent_ms // 1000} s: it lost its power or its start; it is "
                "started again at the next look. If this comes back, look at its supply (0.2 A peak)"
            ) from error
        if self._failures:
            raise SensorError("it was started again and measures: nothing to do yet") from error

    def _fail(self, *, locked_up: bool) -> None:
        self._serial = None
        self._suspect = True
        self._failures += 1
        self._lock_ups = self._lock_ups + 1 if locked_up else 0
        self._silent_since_ms = None

    def _trouble(self, error: OSError) -> str:
        if is_nack(error):
            return f"{self.name}: no answer: look whether it is plugged in and at this address"
        return (
            f"{self.name}: the bus hangs ({error}), also after it was opened anew: cut the power of "
            "the sensors, then look at the wiring and the pull-ups"
        )
