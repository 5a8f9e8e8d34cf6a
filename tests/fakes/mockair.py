"""The mock of bluetoothd in a thread beside a test."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

from tests.fakes.mockbluez import MockBluez

T = TypeVar("T")


class Running:
    """A mock in a thread of its own."""

    def __init__(self, loop: asyncio.AbstractEventLoop, mock: MockBluez) -> None:
        self._loop = loop
        self.mock = mock

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the mock's loop, and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def call(self, function: Any, *args: Any, **options: Any) -> Any:
        """Call a method in the mock's loop, and wait for it."""

        async def work() -> Any:
            return function(*args, **options)

        return self.do(work())

    def restart(self, pause_s: float = 0.0, **options: Any) -> MockBluez:
        """bluetoothd ends, and another begins that knows nothing of the first."""
        self.do(self.mock.stop())
        threading.Event().wait(pause_s)
        self.mock = MockBluez(**options)
        self.do(self.mock.start())
        return self.mock


@contextlib.contextmanager
def running(**options: Any) -> Iterator[Running]:
    """A mock on the bus of DBUS_SYSTEM_BUS_ADDRESS, ended behind the block."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="mock bluez")
    thread.start()
    air = Running(loop, MockBluez(**options))
    try:
        air.do(air.mock.start())
        yield air
    finally:
        air.do(air.mock.stop())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
