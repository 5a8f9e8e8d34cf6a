"""Uvicorn inside our own event loop: sockets bound by us, signals left to us."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import Final

import uvicorn

from zaigang_collector.errors import ConfigError

_BACKLOG: Final = 256
# How long open requests may take when stopping. Larger holds up a restart; smaller cuts an answer.
GRACE_S: Final = 5


class Server(uvicorn.Server):
    """One of several servers in a process: whoever runs them all handles the signals."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(host: str, port: int, what: str) -> socket.socket:
    """A listening TCP socket. Raises ConfigError that says what to do."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # By its name: asyncio spares a connection the 40 ms that TCP waits for more to send (Nagle) only
    # where the socket says that it is TCP.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        with not_listening(what, host, port):
            listener.bind((host, port))
            listener.listen(_BACKLOG)
    except ConfigError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener


@contextlib.contextmanager
def not_listening(what: str, host: str, port: int) -> Iterator[None]:
    """Raises ConfigError that says what to do where the system raises OSError."""
    try:
        yield
    except OSError as error:
        raise ConfigError(
            f"{what}: {host}:{port} cannot be listened on ({error.strerror or error}). Is another "
            "collector running? Otherwise set another port, or 0 for a free one, in collector.toml."
        ) from error


def port_of(listener: socket.socket) -> int:
    """The port that was taken."""
    return int(listener.getsockname()[1])
