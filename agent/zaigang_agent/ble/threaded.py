"""What the real radios have in common: `air.Radio` in front of a thread of its own."""

from __future__ import annotations

import abc
import threading
from collections.abc import Sequence

from zaigang_agent.ble.air import Broadcast, FrameAt, Heard, Listener
from zaigang_agent.ble.reception import Reception
from zaigang_agent.ble.sent import Sent
from zaigang_agent.ble.supervision import Patience
from zaigang_shared.clock import Clock


class ThreadedRadio(abc.ABC):
    """`air.Radio`; `close` ends its thread for good. Nothing here waits for the thread but that."""

    _close_s: float

    def __init__(self, clock: Clock, adapter: str, patience: Patience | None) -> None:
        self._clock = clock
        self._adapter = adapter
        self._patience = patience or Patience()
        self._reception = Reception(clock, self._patience)
        self._sent = Sent()
        self._frame_at: FrameAt | None = None
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
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
            self._thread.join(self._close_s)

    @property
    def _wanted(self) -> bool:
        return self._reception.listener is not None or self._frame_at is not None

    def _turn(self) -> None:
        """Have the thread see what is wanted now; begin it when there is something."""
        with self._lock:
            if self._thread is None and self._wanted:
                self._thread = threading.Thread(target=self._work, name="radio", daemon=True)
                self._thread.start()
            self._nudge()

    @abc.abstractmethod
    def _work(self) -> None:
        """The thread."""

    @abc.abstractmethod
    def _nudge(self) -> None:
        """Wake the thread; called under the lock."""
