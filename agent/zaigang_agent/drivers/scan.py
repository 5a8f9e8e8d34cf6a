"""What is on an I2C bus, asked without doing harm.

An unknown chip takes a command for whatever it likes: a port expander switches its pins, an LED
driver lights up. So only the addresses are asked at which a sensor of ours can be; first with the
bare address, which carries no byte; and then with each driver's first question, which is a mere read
or a byte that other chips known at that address take for a choice of register. Nobody is reset.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from dataclasses import dataclass

from zaigang_agent.drivers.bus import (
    Bus,
    Climate,
    Driver,
    NotYetError,
    OpenBus,
    SensorError,
    is_nack,
)
from zaigang_agent.drivers.catalog import DRIVERS


@dataclass(frozen=True, slots=True)
class Found:
    """Somebody at an address: a sensor of ours, or else `trouble` says what is the matter."""

    address: int
    model: str | None = None
    serial: str = ""
    climate: Climate | None = None
    trouble: str = ""

    @property
    def setting(self) -> str:
        """As in `[node] sensors`."""
        return f"{self.model}@0x{self.address:02x}"


def scan(bus: OpenBus) -> Iterator[Found]:
    """Everybody at an address of ours, in order. Raises SensorError when the bus does not work.

    An SCD4x is left measuring. Each address is asked with other programs kept off the bus.
    """
    for address in sorted({a for driver in DRIVERS.values() for a in driver.addresses}):
        with bus as held:
            try:
                if not bus.present(address):
                    continue
                yield _ask(held, address)
            except OSError as error:
                if error.errno != errno.EBUSY:
                    raise SensorError(
                        f"the bus hangs at 0x{address:02x} ({error}): cut the power of the sensors, "
                        "then look at the wiring and the pull-ups"
                    ) from error
                yield Found(
                    address,
                    trouble="a driver of the kernel has this address: take its dtoverlay out of "
                    "config.txt, or leave the sensor to it",
                )


def _ask(bus: Bus, address: int) -> Found:
    """Whoever acknowledges `address`. Raises OSError when the bus does not work."""
    why = []
    for driver in DRIVERS.values():
        if address not in driver.addresses:
            continue
        try:
            serial = driver.identify(bus, address)
        except SensorError as error:
            why.append(f"as {driver.model}: {error.detail}")
        except OSError as error:
            if not is_nack(error):
                raise
        else:
            return _measured(bus, driver, address, serial)
    said = "; ".join(why) or "it does not understand what sensors understand"
    return Found(address, trouble=f"no sensor that there is a driver for ({said})")


def _measured(bus: Bus, driver: Driver, address: int, serial: str) -> Found:
    try:
        climate = driver.measure(bus, address)
    except NotYetError as error:
        return Found(address, driver.model, serial, trouble=error.detail)
    except SensorError as error:
        return Found(address, driver.model, serial, trouble=f"but no value: {error.detail}")
    except OSError as error:
        if not is_nack(error):
            raise
        return Found(
            address, driver.model, serial, trouble="but no value: no answer: cut its power"
        )
    return Found(address, driver.model, serial, climate)
