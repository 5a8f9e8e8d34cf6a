"""The sensors that there is a driver for. A new one is a file and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from zaigang_agent.drivers import aht20, bme280, htu21d, scd4x, sht3x, sht4x
from zaigang_agent.drivers.bus import Driver

DRIVERS: Final[Mapping[str, Driver]] = {
    driver.model: driver
    for driver in (
        sht4x.DRIVER,
        sht3x.DRIVER,
        bme280.DRIVER,
        aht20.DRIVER,
        htu21d.DRIVER,
        htu21d.SI7021,
        scd4x.DRIVER,
    )
}
"""In the order in which a scan asks; sht4x before sht3x, which needs two bytes for a question."""
