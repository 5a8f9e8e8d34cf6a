"""The one open bus that all sensors of a node share, and which bus a setting means."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from zaigang_agent.drivers.bus import Bus, OpenBus, SensorError
from zaigang_agent.errors import AgentError
from zaigang_shared.clock import Clock

SIMULATED: Final = "simulated:"


class SharedBus:
    """Opened when first needed, and anew after it was dropped because it locked up."""

    def __init__(self, open_bus: Callable[[], OpenBus]) -> None:
        """`open_bus` may raise SampleError; it is tried again at the next use."""
        self._open_bus = open_bus
        self._bus: OpenBus | None = None

    @contextlib.contextmanager
    def use(self) -> Iterator[Bus]:
        """The bus, with other programs kept off it. Raises SampleError."""
        if self._bus is None:
            self._bus = self._open_bus()
        with self._bus as bus:
            yield bus

    def drop(self) -> None:
        """Close it; the next use opens it again."""
        bus, self._bus = self._bus, None
        if bus is not None:
            with contextlib.suppress(OSError):
                bus.close()


def opener(i2c_bus: int | str, clock: Clock) -> Callable[[], OpenBus]:
    """How to open what `[node] i2c_bus` names: a number, a path, or "simulated:FILE".

    Opens nothing yet. What it returns raises SampleError. smbus2 is loaded at the first opening.
    """
    if isinstance(i2c_bus, str) and i2c_bus.startswith(SIMULATED):
        return _simulated(Path(i2c_bus.removeprefix(SIMULATED)), clock)

    def open_real() -> OpenBus:
        try:
            from zaigang_agent.drivers.linux_bus import LinuxBus
        except ImportError as error:
            raise SensorError(
                f"sensors need Linux and smbus2 ({error}): install zaigang[agent] on a Raspberry Pi"
            ) from error
        return LinuxBus(i2c_bus)

    return open_real


def _simulated(path: Path, clock: Clock) -> Callable[[], OpenBus]:
    made: list[Callable[[], OpenBus]] = []

    def open_simulated() -> OpenBus:
        if not made:  # what is soldered to it stays the same when it is opened again
            from zaigang_agent.drivers.simulated import SimulatedBus, load_spec

            try:
                made.append(SimulatedBus(load_spec(path), clock).open)
            except AgentError as error:
                raise SensorError(str(error)) from error
        return made[0]()

    return open_simulated
