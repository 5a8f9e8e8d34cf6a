"""Session helpers over a UNIX socket: Linux and macOS.

The kernel says who connected (SO_PEERCRED, getpeereid), whatever the other side says of itself. In a
unit with PrivateUsers= every other user is the same nobody, so none would be let in.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
from pathlib import Path
from typing import Final

from zaigang_agent.errors import AgentError
from zaigang_agent.platforms.helper_server import Channel

_BACKLOG: Final = 8  # a machine has a handful of sessions; more connections than that are a flood
_UCRED: Final = struct.Struct("3i")  # unix(7): pid, uid, gid
# sys/un.h and sys/ucred.h of macOS: LOCAL_PEERCRED 1 at level SOL_LOCAL 0 gives struct xucred,
# {u32 version (0), uid_t, short ngroups, ...}; getpeereid(3) is a wrapper of it.
_SOL_LOCAL: Final = 0
_LOCAL_PEERCRED: Final = 1
_XUCRED: Final = struct.Struct("=II")
_XUCRED_BYTES: Final = 76


def peer_uid(connection: socket.socket, system: str = sys.platform) -> int:
    """The uid at the other end when it connected. Raises OSError."""
    if system == "darwin":
        return xucred_uid(connection.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, _XUCRED_BYTES))
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    uid: int = _UCRED.unpack(raw)[1]
    return uid


def xucred_uid(raw: bytes) -> int:
    """The uid in a struct xucred. Raises OSError for another version of it."""
    if len(raw) < _XUCRED.size:
        raise OSError("a peer without credentials")
    version, uid = _XUCRED.unpack_from(raw)
    if version != 0:
        raise OSError(f"peer credentials of version {version}")
    return int(uid)


class SocketChannel:
    """`helper_server.Channel`."""

    def __init__(self, connection: socket.socket, owner: int) -> None:
        self._connection = connection
        self._owner = owner

    @property
    def owner(self) -> int:
        return self._owner

    def send(self, data: bytes) -> None:
        self._connection.settimeout(0)
        if self._connection.send(data) != len(data):
            raise ConnectionResetError("the helper does not read")

    def receive(self, most: int, timeout_ms: int) -> bytes:
        self._connection.settimeout(timeout_ms / 1000)
        try:
            return self._connection.recv(most)
        except BlockingIOError:
            raise TimeoutError from None

    def close(self) -> None:
        self._connection.close()


class SocketListener:
    """`helper_server.Listener`."""

    def __init__(self, path: Path) -> None:
        """Raises AgentError when there can be no socket at `path`; an earlier one is replaced."""
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            path.unlink(missing_ok=True)
            self._socket.bind(str(path))
            # Everybody may knock: who is let in is decided by the kernel's word on who it is.
            path.chmod(0o666)
            self._socket.listen(_BACKLOG)
        except OSError as error:
            self._socket.close()
            raise AgentError(
                f"{path}: session helpers cannot be served: {error.strerror}; the folder must exist "
                "and belong to the agent (RuntimeDirectory=zaigang)"
            ) from error
        self._socket.setblocking(False)  # that is its only form

    def accept(self) -> Channel | None:
        try:
            connection, _ = self._socket.accept()
        except BlockingIOError:
            return None
        try:
            return SocketChannel(connection, peer_uid(connection))
        except OSError:
            connection.close()
            raise

    def close(self) -> None:
        self._socket.close()
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
