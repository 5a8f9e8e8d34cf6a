"""A connection to a UNIX socket of this machine."""

from __future__ import annotations

import socket


def connect(path: str, timeout_s: float | None) -> socket.socket:
    """`path`: "\\0" first for an abstract name; `timeout_s`: None waits. Raises OSError."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout_s)
        connection.connect(path)
    except OSError:
        connection.close()
        raise
    return connection
