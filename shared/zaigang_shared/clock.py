"""The only reader of system time. Everything else is told what time it is."""

from __future__ import annotations

import sys
import time
from typing import Protocol


class Clock(Protocol):
    """Two clocks: the world's, which can be wrong, and the machine's, which only goes forward."""

    def utc_ms(self) -> int:
        """Milliseconds since 1970-01-01 UTC, as this machine believes."""
        ...

    def boot_ms(self) -> int:
        """Milliseconds since boot, suspend included (CLOCK_BOOTTIME on Linux)."""
        ...


if sys.platform == "linux":

    def _boot_ns() -> int:
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)

elif sys.platform == "darwin":
    # mach_continuous_time: goes on while the machine sleeps. time.monotonic() is mach_absolute_time
    # there, which does not.
    def _boot_ns() -> int:
        return time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)

else:
    # The counters of Windows go on while the machine sleeps, and begin when it started.
    def _boot_ns() -> int:
        return time.monotonic_ns()


class SystemClock:
    """The real thing."""

    def utc_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def boot_ms(self) -> int:
        return _boot_ns() // 1_000_000


class CatchUpClock:
    """Begins in the past, runs `rate` times as fast, and becomes the real time when it gets there.

    For demonstrations and load tests: a day passes in seconds, in order, and without a jump.
    All processes that are given the same three numbers agree about the time.
    """

    def __init__(
        self, *, real_start_ms: int, begin_ms: int, rate: float, boot_began_ms: int | None = None
    ) -> None:
        """`real_start_ms`: when it was started; `begin_ms`: what it showed then, both UTC ms;
        `boot_began_ms`: the UTC ms of the pretended boot, `begin_ms` when not given."""
        if rate < 1 or begin_ms > real_start_ms:
            raise ValueError("a catch-up clock begins in the past and runs at least at rate 1")
        self._real_start_ms = real_start_ms
        self._begin_ms = begin_ms
        self._rate = rate
        self._boot_began_ms = begin_ms if boot_began_ms is None else boot_began_ms
        self._system = SystemClock()

    def utc_ms(self) -> int:
        now_ms = self._system.utc_ms()
        ahead_ms = self._begin_ms + int((now_ms - self._real_start_ms) * self._rate)
        return min(now_ms, ahead_ms)

    def boot_ms(self) -> int:
        return self.utc_ms() - self._boot_began_ms
