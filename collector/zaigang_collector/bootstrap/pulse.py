"""Whether the parts of a running collector get on, for systemd's watchdog (sd_notify(3)).

Each part says so when it has finished a piece of work: a batch, a pass, a person. The watchdog is
fed only while none of them has been silent for longer than its work can take, and while the REST
interface answers a request of our own through its socket: an event loop that turns while its
threads hang in the database is not alive.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator, Mapping
from typing import Final

from zaigang_collector.bootstrap.notify import notify as tell
from zaigang_collector.ingest.subscriber import CONSUMERS
from zaigang_shared.clock import Clock

_LOG: Final = logging.getLogger(__name__)

LEDGER: Final = "ledger"
JUDGING: Final = "judging"
DOOR: Final = "door"
# The longest silence of each part that is not a hang, in milliseconds. Larger leaves a stuck
# collector standing for longer; smaller ends one that merely has much to do, and again after each
# restart. Ledger: a batch, behind whoever holds the database for its 30 s at most. Ingest: the same,
# and half a minute between two attempts at a database that refuses. Judging: half a minute of
# pause, the question who is due among thousands, and one person's eight days.
LONGEST_MS: Final[Mapping[str, int]] = {
    LEDGER: 60_000,
    **dict.fromkeys(CONSUMERS, 90_000),
    JUDGING: 600_000,
    DOOR: 60_000,
}
# Thrice in a period: one feeding that comes late does no harm.
_FEEDS_PER_PERIOD: Final = 3
_ANSWER_S: Final = 10.0  # larger than any honest wait for a thread; smaller than a period's third


class Pulse:
    """When each part last got on. Any thread may tell it."""

    def __init__(self, clock: Clock, longest_ms: Mapping[str, int] = LONGEST_MS) -> None:
        """The parts are those that `longest_ms` names; each has just got on."""
        self._clock = clock
        self._longest_ms = dict(longest_ms)
        self._lock = threading.Lock()
        self._at_ms = dict.fromkeys(longest_ms, clock.boot_ms())

    def beat(self, part: str) -> None:
        """`part` has finished a piece of work."""
        with self._lock:
            if part in self._at_ms:
                self._at_ms[part] = self._clock.boot_ms()

    def excuse(self, part: str) -> None:
        """`part` has ended on purpose and says elsewhere why: another start would not help it."""
        with self._lock:
            self._at_ms.pop(part, None)

    def silent(self) -> tuple[str, ...]:
        """Parts that have not got on for longer than their work can take."""
        now_ms = self._clock.boot_ms()
        with self._lock:
            return tuple(
                part
                for part, at_ms in sorted(self._at_ms.items())
                if now_ms - at_ms > self._longest_ms[part]
            )


def period_s(environment: Mapping[str, str], pid: int) -> float | None:
    """How often systemd wants to hear from this process; None: it does not (sd_watchdog_enabled(3))."""
    text = environment.get("WATCHDOG_USEC", "")
    if not text.isdigit() or int(text) == 0:
        return None
    return int(text) / 1_000_000 if environment.get("WATCHDOG_PID", str(pid)) == str(pid) else None


@contextlib.asynccontextmanager
async def feeding(
    pulse: Pulse, notify: str | None, period: float | None, door: tuple[str, int]
) -> AsyncIterator[None]:
    """Feed the watchdog every third of `period` seconds as long as everything gets on. `notify`:
    systemd's $NOTIFY_SOCKET; `door`: address and port of the REST interface."""
    if period is None:
        yield
        return
    task = asyncio.create_task(_feed(pulse, notify, period / _FEEDS_PER_PERIOD, door))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _feed(pulse: Pulse, notify: str | None, every_s: float, door: tuple[str, int]) -> None:
    told: tuple[str, ...] = ()
    while True:
        if await answers(*door):
            pulse.beat(DOOR)
        silent = pulse.silent()
        if not silent:
            tell(notify, "WATCHDOG=1")
        elif silent != told:
            _LOG.critical("the watchdog is not fed: %s does not get on", ", ".join(silent))
            tell(notify, f"STATUS=does not get on: {', '.join(silent)}")
        told = silent
        await asyncio.sleep(every_s)


async def answers(host: str, port: int) -> bool:
    """Whether the REST interface answers /healthz, by way of its socket and its threads."""
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(_ANSWER_S):
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(b"GET /healthz HTTP/1.1\r\nhost: watchdog\r\nconnection: close\r\n\r\n")
            return (await reader.readline()).startswith(b"HTTP/1.1 200 ")
    except (OSError, TimeoutError, ValueError):
        return False
    finally:
        if writer is not None:
            writer.close()
