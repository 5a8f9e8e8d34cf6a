"""Time since the last input by ext-idle-notify-v1, for Wayland compositors other than GNOME's.

The compositor tells no time, only that a while without input has begun or ended. So one notification
is asked for each of a few whiles, and the longest that has begun is the answer, whenever one looks.
Only version 2 of the protocol is used: version 1 counts a film that keeps the screen on as a hand at
work. Wire format: "Wayland Protocol Wire Format" of the Wayland documentation.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from zaigang_agent.errors import AgentError
from zaigang_agent.platforms import local_socket

# A look comes every 10 s. A shorter first step wakes up compositor and kernel at each pause in
# typing, a longer one would count a single touch as more.
STEPS_MS: Final = (2_000, 5_000, 10_000, 20_000, 60_000, 300_000, 900_000)
# Until the notifications are as old as a look, "not idle" may only mean "not long enough here".
_SETTLED_MS: Final = 10_000
_TIMEOUT_S: Final = 2.0
_MAX_EVENT: Final = 4096  # libwayland's own limit
_MAX_EVENTS: Final = 100_000
_NOTIFIER: Final = b"ext_idle_notifier_v1"
_SEAT: Final = b"wl_seat"
_DISPLAY, _REGISTRY, _SYNC = 1, 2, 3
_SEAT_ID, _NOTIFIER_ID, _FIRST_NOTIFICATION = 4, 5, 6
_HEAD: Final = struct.Struct("=II")


class WaylandError(AgentError):
    """There is no compositor, or it speaks something else."""


def message(target: int, code: int, body: bytes = b"") -> bytes:
    """A request or event."""
    return _HEAD.pack(target, (8 + len(body)) << 16 | code) + body


def text(value: bytes) -> bytes:
    """A string argument."""
    return struct.pack("=I", len(value) + 1) + value + b"\0" + bytes(-(len(value) + 1) % 4)


def messages(data: bytearray) -> Iterator[tuple[int, int, bytes]]:
    """The complete messages at the beginning of `data`, which they are taken from: target, code,
    body. Raises WaylandError."""
    while len(data) >= 8:
        target, word = _HEAD.unpack_from(data)
        size = word >> 16
        if size < 8 or size > _MAX_EVENT:
            raise WaylandError(f"an event of {size} bytes")
        if len(data) < size:
            return
        body = bytes(data[8:size])
        del data[:size]
        yield target, word & 0xFFFF, body


def read_global(body: bytes) -> tuple[int, bytes, int]:
    """Name, interface and version out of wl_registry.global. Raises WaylandError."""
    try:
        name, size = struct.unpack_from("=II", body)
        interface = body[8 : 8 + size].rstrip(b"\0")
        (version,) = struct.unpack_from("=I", body, 8 + size + -size % 4)
    except struct.error:
        raise WaylandError("a global that is cut off") from None
    return name, interface, version


class IdleNotifier:
    """`linux_desktop.IdleSource`; connects at once, and again after an error."""

    step_ms = 5_000

    def __init__(self, connect: Callable[[], socket.socket], boot_ms: Callable[[], int]) -> None:
        self._connect = connect
        self._boot_ms = boot_ms
        self._socket: socket.socket | None = None
        self._waiting = bytearray()
        self._idled = [False] * len(STEPS_MS)
        self._since_ms = 0
        self._offered = False
        self.idle_ms()  # the whiles begin to run now, not at the first question

    def idle_ms(self) -> int | None:
        """Since the last input, rounded down to a step; None when the compositor does not tell, or
        has not been watched for long enough."""
        try:
            if self._socket is None:
                self._open()
            self._drain()
        except (OSError, WaylandError):
            self.close()
            return None
        if not self._offered or self._boot_ms() - self._since_ms < _SETTLED_MS:
            return None
        return max((ms for ms, idle in zip(STEPS_MS, self._idled, strict=True) if idle), default=0)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _open(self) -> None:
        self._waiting.clear()
        self._idled = [False] * len(STEPS_MS)
        self._socket = self._connect()
        self._socket.settimeout(_TIMEOUT_S)
        new = struct.Struct("=I")
        self._socket.sendall(
            message(_DISPLAY, 1, new.pack(_REGISTRY)) + message(_DISPLAY, 0, new.pack(_SYNC))
        )
        found = self._globals(self._socket)
        notifier, seat = found.get(_NOTIFIER), found.get(_SEAT)
        self._offered = notifier is not None and seat is not None and notifier[1] >= 2
        self._since_ms = self._boot_ms()
        if notifier is None or seat is None or not self._offered:
            return
        request = _bind(seat[0], _SEAT, 1, _SEAT_ID) + _bind(
            notifier[0], _NOTIFIER, 2, _NOTIFIER_ID
        )
        for place, step_ms in enumerate(STEPS_MS):
            body = struct.pack("=III", _FIRST_NOTIFICATION + place, step_ms, _SEAT_ID)
            request += message(_NOTIFIER_ID, 2, body)
        self._socket.sendall(request)

    def _globals(self, connection: socket.socket) -> dict[bytes, tuple[int, int]]:
        """What the compositor offers: name and version by interface, up to the end of its list."""
        found: dict[bytes, tuple[int, int]] = {}
        for _ in range(_MAX_EVENTS):
            chunk = connection.recv(_MAX_EVENT)
            if not chunk:
                raise WaylandError("the compositor hung up")
            self._waiting += chunk
            for target, code, body in messages(self._waiting):
                if target == _DISPLAY and code == 0:
                    raise WaylandError("the compositor refused a request")
                if target == _REGISTRY and code == 0:
                    name, interface, version = read_global(body)
                    found.setdefault(interface, (name, version))
                if target == _SYNC:
                    return found
        raise WaylandError("a list without an end")

    def _drain(self) -> None:
        """Take in what has happened since the last look."""
        if self._socket is None:
            return
        self._socket.settimeout(0)
        for _ in range(_MAX_EVENTS):
            try:
                chunk = self._socket.recv(65_536)
            except BlockingIOError:
                break
            if not chunk:
                raise WaylandError("the compositor hung up")
            self._waiting += chunk
            self._note()
        self._note()

    def _note(self) -> None:
        for target, code, _ in messages(self._waiting):
            if target == _DISPLAY and code == 0:
                raise WaylandError("the compositor refused a request")
            place = target - _FIRST_NOTIFICATION
            if 0 <= place < len(self._idled) and code in (0, 1):
                self._idled[place] = code == 0


def _bind(name: int, interface: bytes, version: int, target: int) -> bytes:
    body = struct.pack("=I", name) + text(interface) + struct.pack("=II", version, target)
    return message(_REGISTRY, 0, body)


def from_environment(environment: Mapping[str, str], boot_ms: Callable[[], int]) -> IdleNotifier:
    """The compositor of this session."""
    folder = environment.get("XDG_RUNTIME_DIR", "")
    path = Path(folder) / environment.get("WAYLAND_DISPLAY", "wayland-0")

    return IdleNotifier(lambda: local_socket.connect(str(path), _TIMEOUT_S), boot_ms)
