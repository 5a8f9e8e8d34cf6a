"""The sensors that there is a driver for. A new one is a file and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from zaigang_agent.drivers import sht3x, sht4x
from zaigang_agent.drivers.bus import Driver

DRIVERS: Final[Mapping[str, Driver]] = {
    driver.model: driver for driver in (sht3x.DRIVER, sht4x.DRIVER)
}
