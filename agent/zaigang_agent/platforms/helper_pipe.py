"""Session helpers over a named pipe, on Windows. The system says which session connected
(GetNamedPipeClientSessionId), whatever the other side says of itself.

Written against the documentation; never run by us on Windows: docs/platforms.md. `PipeListener` makes
the next instance of the pipe as soon as one is taken, so that a helper can always wait for its turn.
"""

from __future__ import annotations

import ctypes
import time
from ctypes import byref, c_uint32, c_void_p
from typing import Final, Protocol

from zaigang_agent.errors import AgentError
from zaigang_agent.platforms import helper_line
from zaigang_agent.platforms.helper_server import Channel

_DUPLEX: Final = 3  # PIPE_ACCESS_DUPLEX
_FIRST_INSTANCE: Final = 0x00080000  # nobody else has made a pipe of this name before us
# Bytes, never waiting, nobody from another machine: PIPE_NOWAIT | PIPE_REJECT_REMOTE_CLIENTS.
_MODE: Final = 0x1 | 0x8
_MAX_INSTANCES: Final = 16
_INVALID: Final = c_void_p(-1).value
_CONNECTED: Final = 535  # ERROR_PIPE_CONNECTED
_NO_DATA: Final = 232
_READ_WRITE: Final = 0xC0000000  # GENERIC_READ | GENERIC_WRITE
_OPEN_EXISTING: Final = 3
# Who is logged on at this machine may connect (IU, interactive); the service and administrators own.
# SQOS: the service may identify a client and no more.
_ACCESS: Final = "D:P(A;;GA;;;SY)(A;;GA;;;BA)(A;;GA;;;OW)(A;;GRGW;;;IU)"
_IDENTIFY_ONLY: Final = 0x00110000  # SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION
# Between two looks into a pipe that has nothing yet: an answer takes some ms, and waits are rare.
_POLL_S: Final = 0.005


class Pipes(Protocol):
    """The calls on pipes; `_WindowsPipes`, or a stand-in."""

    def create(self, name: str, *, first: bool) -> int:
        """A new instance. Raises OSError."""
        ...

    def connected(self, pipe: int) -> bool:
        """Whether a client has come to an instance."""
        ...

    def session(self, pipe: int) -> int:
        """The client's session. Raises OSError."""
        ...

    def read(self, pipe: int, most: int) -> bytes | None:
        """None when nothing has come yet, empty after the other side hung up."""
        ...

    def write(self, pipe: int, data: bytes) -> bool: ...

    def close(self, pipe: int) -> None: ...


class PipeChannel:
    """`helper_server.Channel`."""

    def __init__(self, pipes: Pipes, pipe: int, owner: int) -> None:
        self._pipes = pipes
        self._pipe = pipe
        self._owner = owner

    @property
    def owner(self) -> int:
        return self._owner

    def send(self, data: bytes) -> None:
        if not self._pipes.write(self._pipe, data):
            raise ConnectionResetError("the helper does not read")

    def receive(self, most: int, timeout_ms: int) -> bytes:
        for _ in range(1 + int(timeout_ms / 1000 / _POLL_S)):
            data = self._pipes.read(self._pipe, most)
            if data is not None:
                return data
            if timeout_ms > 0:
                time.sleep(_POLL_S)
        raise TimeoutError

    def close(self) -> None:
        self._pipes.close(self._pipe)


class PipeListener:
    """`helper_server.Listener`."""

    def __init__(self, name: str, pipes: Pipes | None = None) -> None:
        """Raises AgentError when somebody else has a pipe of this name."""
        self._name = name
        self._pipes = pipes or _WindowsPipes()
        try:
            self._waiting: int | None = self._pipes.create(name, first=True)
        except OSError as error:
            raise AgentError(
                f"{name}: session helpers cannot be served: {error}; is another agent running?"
            ) from error

    def accept(self) -> Channel | None:
        if self._waiting is None:
            self._waiting = self._pipes.create(self._name, first=False)
        pipe = self._waiting
        if not self._pipes.connected(pipe):
            return None
        self._waiting = None
        try:
            return PipeChannel(self._pipes, pipe, self._pipes.session(pipe))
        except OSError:
            self._pipes.close(pipe)
            raise

    def close(self) -> None:
        if self._waiting is not None:
            self._pipes.close(self._waiting)
            self._waiting = None


class _WindowsPipes:
    """`Pipes` of kernel32."""

    def __init__(self) -> None:
        # use_last_error keeps GetLastError safe from calls of the interpreter in between.
        self._kernel = ctypes.CDLL("kernel32", use_last_error=True)
        self._kernel.CreateNamedPipeW.restype = c_void_p
        self._access = c_void_p()
        advapi = ctypes.CDLL("advapi32")
        if not advapi.ConvertStringSecurityDescriptorToSecurityDescriptorW(
            ctypes.c_wchar_p(_ACCESS), 1, byref(self._access), None
        ):
            raise OSError("the pipe's access list was refused")

    def create(self, name: str, *, first: bool) -> int:
        attributes = (c_void_p * 3)(24, self._access.value, 0)  # SECURITY_ATTRIBUTES, 64-bit
        pipe = self._kernel.CreateNamedPipeW(
            ctypes.c_wchar_p(name),
            _DUPLEX | (_FIRST_INSTANCE if first else 0),
            _MODE,
            _MAX_INSTANCES,
            helper_line.MAX_QUESTION,
            helper_line.MAX_ANSWER * 4,
            0,
            attributes,
        )
        if pipe is None or pipe == _INVALID:
            raise OSError("CreateNamedPipe was refused")
        return int(pipe)

    def connected(self, pipe: int) -> bool:
        # In the mode that never waits, "yes" means that it listens now; a client that has come, or
        # come and gone, is an error of its own.
        listens = self._kernel.ConnectNamedPipe(c_void_p(pipe), None)
        return not listens and _last_error() in (_CONNECTED, _NO_DATA)

    def session(self, pipe: int) -> int:
        number = c_uint32()
        if not self._kernel.GetNamedPipeClientSessionId(c_void_p(pipe), byref(number)):
            raise OSError("GetNamedPipeClientSessionId was refused")
        return number.value

    def read(self, pipe: int, most: int) -> bytes | None:
        buffer, count = ctypes.create_string_buffer(most), c_uint32()
        if self._kernel.ReadFile(c_void_p(pipe), buffer, most, byref(count), None):
            return buffer.raw[: count.value] or None
        return None if _last_error() == _NO_DATA else b""

    def write(self, pipe: int, data: bytes) -> bool:
        count = c_uint32()
        done = self._kernel.WriteFile(c_void_p(pipe), data, len(data), byref(count), None)
        return bool(done) and count.value == len(data)

    def close(self, pipe: int) -> None:
        self._kernel.DisconnectNamedPipe(c_void_p(pipe))
        self._kernel.CloseHandle(c_void_p(pipe))


class PipeClient:
    """The helper's end: `helper_line.Wire`."""

    def __init__(self, name: str) -> None:
        """Raises OSError while there is no service."""
        self._kernel = ctypes.CDLL("kernel32", use_last_error=True)
        self._kernel.CreateFileW.restype = c_void_p
        pipe = self._kernel.CreateFileW(
            ctypes.c_wchar_p(name), _READ_WRITE, 0, None, _OPEN_EXISTING, _IDENTIFY_ONLY, None
        )
        if pipe is None or pipe == _INVALID:
            raise OSError(f"{name} is not there")
        self._pipe = c_void_p(pipe)

    def recv(self, most: int, /) -> bytes:
        buffer, count = ctypes.create_string_buffer(most), c_uint32()
        if not self._kernel.ReadFile(self._pipe, buffer, most, byref(count), None):
            return b""  # the service hung up
        return buffer.raw[: count.value]

    def sendall(self, data: bytes, /) -> None:
        count = c_uint32()
        done = self._kernel.WriteFile(self._pipe, data, len(data), byref(count), None)
        if not done or count.value != len(data):
            raise ConnectionResetError("the service hung up")

    def close(self) -> None:
        self._kernel.CloseHandle(self._pipe)


def _last_error() -> int:
    # Of Windows alone, so unknown to a type checker on other systems.
    last: int = getattr(ctypes, "get_last_error")()  # noqa: B009
    return last
