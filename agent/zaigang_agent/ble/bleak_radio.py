"""A real adapter behind `air.Radio`, through bleak: Linux (BlueZ), Windows, macOS.

One thread with one event loop listens and, on Linux, broadcasts. Nothing here waits for it.
"""

from __future__ import annotations

import asyncio
import logging
import selectors
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Final

from zaigang_agent.ble.air import FrameAt
from zaigang_agent.ble.bleak_scan import BleakScan
from zaigang_agent.ble.supervision import Patience
from zaigang_agent.ble.threaded import ThreadedRadio
from zaigang_shared.clock import Clock

_log = logging.getLogger(__name__)
# Larger dates what is heard later and begins a slot's broadcast later, by some of these; smaller
# wakes the processor more often.
_GATHER_S: Final = 0.25


class BleakRadio(ThreadedRadio):
    """`air.Radio`; `close` ends its thread for good."""

    _close_s = 10

    def __init__(self, clock: Clock, adapter: str = "", patience: Patience | None = None) -> None:
        """`adapter`: as hci0, on Linux; empty for the first that is switched on."""
        super().__init__(clock, adapter, patience)
        self._wake: Callable[[], object] | None = None

    def advertise(self, frame_at: FrameAt) -> None:
        if sys.platform == "linux":  # no other system lets a program like this one broadcast
            super().advertise(frame_at)

    def _nudge(self) -> None:
        if self._wake is not None:
            self._wake()

    def _work(self) -> None:
        for library in ("bleak", "dbus_fast"):
            # With log_level = "debug" they would write down every device in reach, with its name.
            logging.getLogger(library).setLevel(logging.CRITICAL + 1)
        with asyncio.Runner(loop_factory=_loop) as runner:
            runner.run(self._main())

    async def _main(self) -> None:
        loop, changed = asyncio.get_running_loop(), asyncio.Event()
        loop.set_exception_handler(_unhandled)
        with self._lock:
            self._wake = lambda: loop.call_soon_threadsafe(changed.set)
        scan = BleakScan(self._reception, self._clock, self._adapter, self._patience)
        scanning: asyncio.Task[None] | None = None
        sending: asyncio.Task[None] | None = None
        while not self._closing:
            changed.clear()
            scanning = await _task(scanning, self._reception.listener is not None, scan.run)
            sending = await _task(sending, self._frame_at is not None, self._send)
            await changed.wait()
        with self._lock:
            self._wake = None
        await _task(scanning, False, scan.run)
        await _task(sending, False, self._send)

    async def _send(self) -> None:
        from zaigang_agent.ble.bluez_advert import Advertiser

        advertiser = Advertiser(self._clock, self._sent, self._adapter, self._patience)
        await advertiser.run(lambda: self._frame_at)


def _unhandled(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What a library has let fall. The type alone: more can name somebody's device."""
    _log.warning("radio: %s", type(context.get("exception")).__name__)


def _loop() -> asyncio.AbstractEventLoop:
    if sys.platform != "linux":
        return asyncio.new_event_loop()
    return asyncio.SelectorEventLoop(_Gathering())


class _Gathering(selectors.DefaultSelector):
    """Answers a little later, with all that has come until then: adverts come one by one, dozens a
    second, and each would wake the processor for itself."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(timeout)
        if not found:
            return found
        self._pause.wait(_GATHER_S)
        return super().select(0)

    _pause = threading.Event()


async def _task(
    task: asyncio.Task[None] | None, wanted: bool, run: Callable[[], Coroutine[Any, Any, None]]
) -> asyncio.Task[None] | None:
    """The same task, a new one, or None once the old one has ended."""
    if wanted:
        return asyncio.create_task(run()) if task is None or task.done() else task
    if task is not None:
        task.cancel()
        await asyncio.wait({task})  # its own way out has a time-out for each step
    return None
