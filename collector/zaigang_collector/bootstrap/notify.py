"""sd_notify: telling systemd how the service is, when it asks to be told."""

from __future__ import annotations

import socket


def notify(address: str | None, message: str) -> None:
    """Send `READY=1` and the like to `address` ($NOTIFY_SOCKET); None: nobody asked.

    A supervisor that cannot be reached is no reason to stop serving.
    """
    if not address:
        return
    target = "\0" + address[1:] if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        try:
            sock.connect(target)
            sock.sendall(message.encode())
        except OSError:
            return
