"""As much of X11 as four questions need: idle time, the window in front, its program, its process.

X Window System Protocol (release 7.7), MIT-SCREEN-SAVER extension, EWMH. Own, over the display's
local socket: libX11 ends the whole process when the display goes away, libXss is often not
installed, and a pass through ctypes costs a MiB. Titles (_NET_WM_NAME, WM_NAME) are never asked for.
"""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from zaigang_agent.errors import AgentError
from zaigang_agent.platforms import local_socket

_DISPLAY: Final = re.compile(r"(?:unix)?:(\d{1,4})(?:\.\d{1,3})?\Z")
_COOKIE: Final = b"MIT-MAGIC-COOKIE-1"
_LOCAL: Final = 256  # FamilyLocal of Xauth.h; FamilyWild is 65535
_TIMEOUT_S: Final = 2.0  # a display answers in well under a ms; one that hangs must not hold us up
_MAX_REPLY: Final = 1 << 20  # the setup has some KiB; the protocol would allow 16 GiB
_INTERN_ATOM, _GET_PROPERTY, _QUERY_EXTENSION = 16, 20, 98
_QUERY_INFO: Final = 1  # ScreenSaverQueryInfo
_CARDINAL, _STRING, _WINDOW, _WM_CLASS = 6, 31, 33, 67  # predefined atoms
_MAX_CLASS_WORDS: Final = 64  # 256 bytes of WM_CLASS


_T = TypeVar("_T")


class X11Error(AgentError):
    """There is no such display, it does not let us in, or it speaks something else."""


@dataclass(frozen=True, slots=True)
class Front:
    """The window in front."""

    classes: frozenset[str]
    """Instance and class of WM_CLASS, lower case."""
    pid: int | None
    """_NET_WM_PID; of another name space when the program runs in a sandbox."""


def display_number(display: str) -> int:
    """The number of a display of this machine. Raises X11Error for others: a display that is reached
    over a network is not this machine's."""
    match = _DISPLAY.match(display)
    if match is None:
        raise X11Error(f"DISPLAY={display!r} is not a display of this machine")
    return int(match[1])


def cookie(xauthority: bytes, number: int) -> bytes:
    """The MIT-MAGIC-COOKIE-1 for a display out of an Xauthority file; empty when it has none."""
    found, at = b"", 0
    try:
        while at < len(xauthority):
            (family,) = struct.unpack_from(">H", xauthority, at)
            at += 2
            fields = []
            for _ in range(4):
                (size,) = struct.unpack_from(">H", xauthority, at)
                fields.append(xauthority[at + 2 : at + 2 + size])
                at += 2 + size
            _, shown, kind, data = fields
            if kind == _COOKIE and shown in (b"", str(number).encode()):
                if family == _LOCAL:
                    return data
                found = found or data
    except struct.error:
        pass  # cut off: what came before counts
    return found


class Display:
    """One display; connects when first asked, and again after an error."""

    def __init__(
        self,
        number: int,
        authority: Callable[[], bytes] = bytes,
        connect: Callable[[int], socket.socket] | None = None,
    ) -> None:
        """`authority`: the content of the Xauthority file, as it is then."""
        self._number = number
        self._authority = authority
        self._connect = connect or _connect
        self._socket: socket.socket | None = None
        self._sequence = 0
        self.root = self.resource_base = 0
        self._atoms: dict[str, int] = {}
        self._saver: int | None = None

    def idle_ms(self) -> int | None:
        """Since the last input; None where the MIT-SCREEN-SAVER extension is missing.
        Raises X11Error."""
        return self._guarded(self._idle_ms)

    def front(self) -> Front | None:
        """The window in front; None when there is none, or the window manager does not tell which.
        Raises X11Error."""
        return self._guarded(self._front)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _guarded(self, question: Callable[[], _T | None]) -> _T | None:
        try:
            if self._socket is None:
                self._open()
            return question()
        except (OSError, struct.error, IndexError) as error:
            self.close()
            raise X11Error(f"display :{self._number} cannot be asked: {error}") from error

    # ---- questions

    def _idle_ms(self) -> int | None:
        if self._saver is None:
            self._saver = self.extension(b"MIT-SCREEN-SAVER")
        if self._saver == 0:
            return None
        reply = self.request(self._saver, _QUERY_INFO, struct.pack("<I", self.root))
        return None if reply is None else int(struct.unpack_from("<I", reply, 16)[0])

    def _front(self) -> Front | None:
        window = self._number_of(self.root, self.atom("_NET_ACTIVE_WINDOW"), _WINDOW)
        if not window:
            return None
        raw = self._property(window, _WM_CLASS, _STRING, _MAX_CLASS_WORDS)
        words = raw.decode("latin-1").lower().split("\0")
        return Front(
            classes=frozenset(filter(None, words)),
            pid=self._number_of(window, self.atom("_NET_WM_PID"), _CARDINAL) or None,
        )

    def _number_of(self, window: int, name: int, kind: int) -> int:
        raw = self._property(window, name, kind, 1)
        return int(struct.unpack("<I", raw)[0]) if len(raw) == 4 else 0

    def _property(self, window: int, name: int, kind: int, words: int) -> bytes:
        reply = self.request(_GET_PROPERTY, 0, struct.pack("<IIIII", window, name, kind, 0, words))
        if reply is None or reply[1] not in (8, 32):  # the window is gone, or has no such property
            return b""
        (count,) = struct.unpack_from("<I", reply, 16)
        return reply[32 : 32 + count * reply[1] // 8]

    def atom(self, name: str) -> int:
        """The number of a name, made when it is not there yet."""
        if name not in self._atoms:
            data = name.encode()
            body = struct.pack("<HH", len(data), 0) + data + bytes(-len(data) % 4)
            reply = self.request(_INTERN_ATOM, 0, body)
            self._atoms[name] = 0 if reply is None else struct.unpack_from("<I", reply, 8)[0]
        return self._atoms[name]

    def extension(self, name: bytes) -> int:
        """The request code of an extension; 0 when the display has none of that name."""
        body = struct.pack("<HH", len(name), 0) + name + bytes(-len(name) % 4)
        reply = self.request(_QUERY_EXTENSION, 0, body)
        return reply[9] if reply is not None and reply[8] else 0

    # ---- bytes

    def request(self, code: int, minor: int, body: bytes) -> bytes | None:
        """Ask, and wait for the reply; None when the display says that there is an error in it."""
        self.send(code, minor, body)
        while True:
            head = self._exactly(32)
            kind, sequence = head[0], struct.unpack_from("<H", head, 2)[0]
            more = 4 * struct.unpack_from("<I", head, 4)[0] if kind in (1, 35) else 0
            if more > _MAX_REPLY:
                raise OSError(f"a reply of {more} bytes")
            rest = self._exactly(more)
            if kind in (0, 1) and sequence == self._sequence & 0xFFFF:
                return None if kind == 0 else head + rest

    def send(self, code: int, minor: int, body: bytes) -> None:
        """A request that has no reply."""
        self._sequence += 1
        head = struct.pack("<BBH", code, minor, 1 + len(body) // 4)
        self._sock().sendall(head + body)

    def _open(self) -> None:
        self._sequence, self._atoms, self._saver = 0, {}, None
        self._socket = self._connect(self._number)
        self._socket.settimeout(_TIMEOUT_S)
        data = cookie(self._authority(), self._number)
        name = _COOKIE if data else b""
        self._socket.sendall(
            struct.pack("<cxHHHHxx", b"l", 11, 0, len(name), len(data))
            + name + bytes(-len(name) % 4) + data + bytes(-len(data) % 4)
        )  # fmt: skip
        head = self._exactly(8)
        rest = self._exactly(4 * struct.unpack_from("<H", head, 6)[0])
        if head[0] != 1:
            why = rest[: head[1]].decode("latin-1").strip()
            raise OSError(f"not let in: {why or 'no reason given'}")
        vendor, formats = struct.unpack_from("<H", rest, 16)[0], rest[21]
        (self.resource_base,) = struct.unpack_from("<I", rest, 4)
        (self.root,) = struct.unpack_from("<I", rest, 32 + vendor + -vendor % 4 + 8 * formats)

    def _sock(self) -> socket.socket:
        if self._socket is None:
            raise OSError("not connected")
        return self._socket

    def _exactly(self, count: int) -> bytes:
        data = bytearray()
        while len(data) < count:
            chunk = self._sock().recv(count - len(data))
            if not chunk:
                raise OSError("the display hung up")
            data += chunk
        return bytes(data)


def _connect(number: int) -> socket.socket:
    """Raises OSError."""
    path = f"/tmp/.X11-unix/X{number}"  # noqa: S108  # where every display server listens
    try:
        return local_socket.connect(path, _TIMEOUT_S)
    except FileNotFoundError:  # with a private /tmp only the abstract name is left
        return local_socket.connect(f"\0{path}", _TIMEOUT_S)


def from_environment(environment: Mapping[str, str]) -> Display | None:
    """The display of this session; None when the session has none, or one of another machine."""
    try:
        number = display_number(environment.get("DISPLAY", ""))
    except X11Error:
        return None
    default = Path(environment.get("HOME", "/")) / ".Xauthority"
    file = Path(environment.get("XAUTHORITY") or default)

    def authority() -> bytes:
        try:
            return file.read_bytes()
        except OSError:
            return b""

    return Display(number, authority)
