"""A real adapter behind `air.Radio`, through bleak: Linux (BlueZ), Windows, macOS.

One thread with one event loop listens and, on Linux, broadcasts. Nothing here waits for it.
"""

from __future__ import annotations

import asyncio
import logging
import selectors
import sys
import threading
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

from zaigang_agent.ble.air import Broadcast, FrameAt, Heard, Listener
from zaigang_agent.ble.bleak_scan import BleakScan
from zaigang_agent.ble.reception import Reception
from zaigang_agent.ble.sent import Sent
from zaigang_agent.ble.supervision import Patience
from zaigang_shared.clock import Clock

_log = logging.getLogger(__name__)
_CLOSE_S: Final = 10
# Larger dates what is heard later and begins a slot's broadcast later, by some of these; smaller
# wakes the processor more often.
_GATHER_S: Final = 0.25


class BleakRadio:
    """`air.Radio`; `close` ends its thread for good."""

    def __init__(self, clock: Clock, adapter: str = "", patience: Patience | None = None) -> None:
        """`adapter`: as hci0, on Linux; empty for the first that is switched on."""
        self._clock = clock
        self._adapter = adapter
        self._patience = patience or Patience()
        self._reception = Reception(clock, self._patience)
        self._sent = Sent()
        self._frame_at: FrameAt | None = None
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._wake: Callable[[], object] | None = None
        self._closing = False

    def start(self, listener: Listener) -> None:
        self._reception.listen(listener)
        self._turn()

    def stop(self) -> None:
        self._reception.close()
        self._frame_at = None
        self._sent.clear()
        self._turn()

    def advertise(self, frame_at: FrameAt) -> None:
        if sys.platform != "linux":  # no other system lets a program like this one broadcast
            return
        self._frame_at = frame_at
        self._turn()

    def heard(self) -> Heard:
        return self._reception.take()

    def broadcast(self) -> Sequence[Broadcast] | None:
        if self._frame_at is None:
            return None
        return self._sent.take(self._clock.utc_ms(), self._clock.boot_ms())

    def close(self) -> None:
        """Stop, and wait until the thread has ended."""
        self._closing = True
        self.stop()
        if self._thread is not None:
            self._thread.join(_CLOSE_S)

    def _turn(self) -> None:
        """Have the thread see what is wanted now; begin it when there is something."""
        wanted = self._reception.listener is not None or self._frame_at is not None
        with self._lock:
            if self._thread is not None:
                if self._wake is not None:
                    self._wake()
            elif wanted:
                self._thread = threading.Thread(target=self._work, name="radio", daemon=True)
                self._thread.start()

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
