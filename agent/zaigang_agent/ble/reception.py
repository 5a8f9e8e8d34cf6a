"""What the radios have in common: they count, pass on, and say how they were. Safe for any thread."""

from __future__ import annotations

import logging
import math
import os
import threading
from collections.abc import Sequence
from typing import Final

from zaigang_agent.ble import faults
from zaigang_agent.ble.air import Heard, Listener, Sighting
from zaigang_agent.ble.supervision import Patience, Supervision
from zaigang_shared.clock import Clock

_log = logging.getLogger(__name__)
# 2 KiB tell up to some tens of thousands of devices apart, within a few per cent, however many there
# are. Fewer would be worse in a railway station, more would be worth nothing.
_BITS: Final = 1 << 14
# What is heard is dated when it is read, every five seconds or more often. After a longer time nobody
# knows when it came: the machine slept with it on its way. Larger dates it so much too late; smaller
# loses what is heard on a busy machine.
_UNDATED_MS: Final = 10_000
# The system hands on what it had itself. Larger is deaf for longer; smaller dates a beacon of yesterday
# evening to this morning.
_CATCH_UP_MS: Final = 2_000


class DeviceCount:
    """How many different devices, about, without remembering any: linear counting (Whang and others,
    1990). A device sets one of many bits, chosen anew in each period by a secret of that period, so
    that not even the bits say who was there."""

    def __init__(self) -> None:
        self._begin()

    def add(self, address: str | bytes) -> None:
        # hash() is keyed in each process (SipHash), and costs no import.
        bit = hash((self._secret, address)) % _BITS
        self._bits[bit >> 3] |= 1 << (bit & 7)

    def take(self) -> int:
        """The number since the last time."""
        empty = _BITS - int.from_bytes(self._bits).bit_count()
        self._begin()
        return round(-_BITS * math.log(max(1, empty) / _BITS))

    def _begin(self) -> None:
        self._bits = bytearray(_BITS // 8)
        self._secret = os.urandom(8)


class Reception:
    """Between a radio's thread and the sampler's."""

    def __init__(self, clock: Clock, patience: Patience) -> None:
        self._clock = clock
        self._patience = patience
        self._lock = threading.Lock()
        self._listener: Listener | None = None
        self._adverts = 0
        self._devices = DeviceCount()
        self._supervision = Supervision(patience, clock.boot_ms())
        self._read_ms: int | None = None
        self._undated_until_ms = 0

    # ---- for the sampler's thread

    def listen(self, listener: Listener) -> None:
        """Pass everything on to `listener` from now on; what was counted before is forgotten."""
        with self._lock:
            if self._listener is None:
                self._supervision = Supervision(self._patience, self._clock.boot_ms())
            self._listener = listener
            self._adverts = 0
            self._devices.take()
            self._supervision.report(self._clock.boot_ms())

    def close(self) -> None:
        """Pass nothing on any more."""
        with self._lock:
            self._listener = None

    def take(self) -> Heard:
        """Since the last time."""
        with self._lock:
            if self._listener is None:
                return Heard(0, 0, healthy=False, restarts=0, problem=faults.NOT_STARTED)
            adverts, self._adverts = self._adverts, 0
            healthy, restarts, problem = self._supervision.report(self._clock.boot_ms())
            return Heard(adverts, self._devices.take(), healthy, restarts, problem)

    # ---- for the radio's thread

    @property
    def listener(self) -> Listener | None:
        return self._listener

    def count(self, addresses: Sequence[str | bytes]) -> bool:
        """Advertisements, at least one, that nobody looks into, by their senders. Whether they came
        just now: else they are dropped, as nobody knows when they did."""
        now_ms = self._clock.boot_ms()
        with self._lock:
            if not self._dated(now_ms):
                return False
            self._adverts += len(addresses)
            for address in addresses:
                self._devices.add(address)
            self._supervision.heard(now_ms)
            return True

    def hear(self, address: str | bytes, sighting: Sighting) -> None:
        """An advertisement; also passed on. Never raises: the radio's thread has to go on."""
        listener = self._listener if self.count((address,)) else None
        if listener is None:
            return
        try:
            listener.hear(sighting)
        except Exception as error:  # noqa: BLE001  # or it would end in the library's reader
            # The type alone: a traceback would show what was heard, of whomever.
            _log.error("an advertisement could not be read: %s", type(error).__name__)

    def started(self) -> None:
        with self._lock:
            self._read_ms = self._clock.boot_ms()
            self._supervision.started(self._read_ms)

    def opens(self) -> None:
        """From now on it is read; before, nothing came that is passed on."""
        with self._lock:
            self._read_ms = self._clock.boot_ms()

    def going_on(self) -> None:
        """It listens, has read what there was, and has perhaps been given a new listener meanwhile.
        Called every five seconds at least."""
        now_ms = self._clock.boot_ms()
        with self._lock:
            self._dated(now_ms)
            if not self._supervision.has_begun:
                self._supervision.started(now_ms)

    def _dated(self, now_ms: int) -> bool:
        if self._read_ms is not None and now_ms - self._read_ms > _UNDATED_MS:
            self._undated_until_ms = now_ms + _CATCH_UP_MS
        self._read_ms = now_ms
        return now_ms >= self._undated_until_ms

    def failed(self, problem: str) -> float:
        """Seconds to wait before the next round."""
        with self._lock:
            return self._supervision.failed(problem, self._clock.boot_ms())

    def renewed(self) -> None:
        with self._lock:
            self._supervision.renewed(self._clock.boot_ms())

    def is_quiet(self) -> bool:
        with self._lock:
            return self._supervision.is_quiet(self._clock.boot_ms())

    def is_old(self) -> bool:
        with self._lock:
            return self._supervision.is_old(self._clock.boot_ms())
