"""What the agent tells systemd: that it is up, that it gets on, that it stops (sd_notify(3)).

The watchdog is fed only when every part has got on since the last time. A main loop that turns while
its uplink hangs is not alive.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Collection, Mapping
from typing import Final

# Thrice in a period: one lost wake-up does no harm, and a real hang is noticed in time.
_FEEDS_PER_PERIOD: Final = 3

Send = Callable[[bytes], None]


def notifier(environment: Mapping[str, str] = os.environ) -> Send:
    """A way to send a notification; does nothing when nobody asked for any."""
    address = environment.get("NOTIFY_SOCKET", "")
    if not address:
        return lambda _: None
    if address.startswith("@"):  # Linux's abstract name space
        address = "\0" + address[1:]

    def send(message: bytes) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
            try:
                out.sendto(message, address)
            except OSError:  # nobody listens any more; the work goes on
                return

    return send


def period_ms(environment: Mapping[str, str] = os.environ) -> int | None:
    """How often systemd wants to hear from this very process; None when it does not."""
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    text = environment.get("WATCHDOG_USEC", "")
    return int(text) // 1000 if text.isdigit() and int(text) > 0 else None


class Watchdog:
    """Collects signs of life and passes them on."""

    def __init__(self, send: Send, period: int | None, parts: Collection[str]) -> None:
        """`parts`: names that must all have been seen before systemd is told anything."""
        self._send = send
        self._every_ms = None if period is None else period // _FEEDS_PER_PERIOD
        self._parts = frozenset(parts)
        self._seen: set[str] = set()
        self._fed_ms: int | None = None

    @property
    def every_ms(self) -> int | None:
        """How often signs of life are wanted at least; None when nobody asked."""
        return self._every_ms

    def ready(self) -> None:
        self._send(b"READY=1")

    def stopping(self) -> None:
        self._send(b"STOPPING=1")

    def status(self, sentence: str) -> None:
        """What `systemctl status` shows."""
        self._send(b"STATUS=" + sentence.replace("\n", " ").encode())

    def progress(self, part: str, now_ms: int) -> None:
        """`part` has got on. `now_ms`: CLOCK_BOOTTIME."""
        self._seen.add(part)
        if self._every_ms is None or not self._parts <= self._seen:
            return
        if self._fed_ms is None or now_ms - self._fed_ms >= self._every_ms:
            self._send(b"WATCHDOG=1")
            self._fed_ms = now_ms
            self._seen.clear()
