"""As much of D-Bus as two questions to logind and one to the desktop need: blocking calls with text
arguments, over a local socket (D-Bus Specification, "Message Protocol" and "Type System").

Own, because the alternatives cost 15 MiB of memory, an event loop, or a process every ten seconds.
"""

from __future__ import annotations

import functools
import os
import socket
import struct
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import unquote

from zaigang_agent.errors import AgentError
from zaigang_agent.platforms import local_socket

SYSTEM_BUS: Final = "unix:path=/run/dbus/system_bus_socket"
_METHOD_RETURN: Final = 2
_ERROR: Final = 3
_NO_AUTO_START: Final = 2  # whoever only looks starts nothing
# logind answers in under a millisecond; a bus that hangs must not hold up the agent.
_TIMEOUT_S: Final = 2.0
_MAX_MESSAGE: Final = 1 << 20  # answers have a few KiB; the specification would allow 128 MiB
_MAX_DEPTH: Final = 16
_FIXED: Final = {
    "y": ("<B", 1), "n": ("<h", 2), "q": ("<H", 2), "i": ("<i", 4), "u": ("<I", 4),
    "x": ("<q", 8), "t": ("<Q", 8), "d": ("<d", 8), "h": ("<I", 4),
}  # fmt: skip
_ALIGNMENT: Final = {"b": 4, "s": 4, "o": 4, "a": 4, "g": 1, "v": 1, "(": 8, "{": 8} | {
    code: size for code, (_, size) in _FIXED.items()
}


class DBusError(AgentError):
    """The bus cannot be reached, refused a call, or sent something that is not D-Bus."""


class Connection:
    """One connection to one bus; connects when it is first needed, and again after an error."""

    def __init__(self, address: str, connect: Callable[[str], socket.socket] | None = None) -> None:
        self._address = address
        self._connect = connect or _connect
        self._socket: socket.socket | None = None
        self._serial = 0

    def call(self, destination: str, path: str, interface: str, member: str, *args: str) -> Any:
        """The first value of the answer, None for an empty one. Raises DBusError."""
        try:
            if self._socket is None:
                self._open()
            return self._roundtrip(destination, path, interface, member, args)
        except OSError as error:
            self.close()
            raise DBusError(f"the message bus at {self._address} failed: {error}") from error
        except _MalformedError as error:
            self.close()
            raise DBusError(f"the message bus sent something else than D-Bus: {error}") from error

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _open(self) -> None:
        self._socket = self._connect(self._address)
        self._socket.settimeout(_TIMEOUT_S)
        uid = str(os.getuid()).encode().hex().encode()
        self._socket.sendall(b"\0AUTH EXTERNAL " + uid + b"\r\n")
        answer = self._line()
        if not answer.startswith(b"OK "):
            raise OSError(f"not let in: {answer.decode('ascii', 'replace').strip()}")
        self._socket.sendall(b"BEGIN\r\n")
        self._roundtrip(
            "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "Hello", ()
        )

    def _roundtrip(
        self, destination: str, path: str, interface: str, member: str, args: tuple[str, ...]
    ) -> Any:
        self._serial += 1
        fields = [(1, "o", path), (2, "s", interface), (3, "s", member), (6, "s", destination)]
        self._sock().sendall(_method_call(self._serial, fields, args))
        while True:  # signals and answers to others may come first
            kind, header, values = _read_message(self._exactly)
            if header.get(5) != self._serial:
                continue
            if kind == _METHOD_RETURN:
                return values[0] if values else None
            if kind == _ERROR:
                raise DBusError(f"{interface}.{member}: {header.get(4)}: {_first(values)}")

    def _sock(self) -> socket.socket:
        if self._socket is None:
            raise OSError("not connected")
        return self._socket

    def _line(self) -> bytes:
        line = b""
        while not line.endswith(b"\r\n") and len(line) < 256:
            line += self._exactly(1)
        return line

    def _exactly(self, count: int) -> bytes:
        data = bytearray()
        while len(data) < count:
            chunk = self._sock().recv(count - len(data))
            if not chunk:
                raise OSError("the bus hung up")
            data += chunk
        return bytes(data)


class _MalformedError(Exception):
    """Bytes that are not D-Bus."""


def _connect(address: str) -> socket.socket:
    """The first UNIX address of a bus address. Raises OSError."""
    for part in address.split(";"):
        transport, _, rest = part.partition(":")
        options = dict(option.partition("=")[::2] for option in rest.split(","))
        where = options.get("path") or ("\0" + options["abstract"] if "abstract" in options else "")
        if transport == "unix" and where:
            return local_socket.connect(unquote(where), _TIMEOUT_S)
    raise OSError("no UNIX socket in the address")


def _first(values: list[Any]) -> Any:
    return values[0] if values else ""


def _method_call(serial: int, fields: list[tuple[int, str, str]], args: tuple[str, ...]) -> bytes:
    body = bytearray()
    for arg in args:
        _pad(body, 4)
        body += _string(arg)
    header = bytearray()
    for code, kind, value in fields:
        _pad(header, 8)
        header += bytes([code, 1, ord(kind), 0]) + _string(value)
    if args:
        _pad(header, 8)
        signature = b"s" * len(args)
        header += bytes([8, 1, ord("g"), 0, len(signature)]) + signature + b"\0"
    message = bytearray(
        struct.pack("<cBBBIII", b"l", 1, _NO_AUTO_START, 1, len(body), serial, len(header))
    )
    message += header
    _pad(message, 8)
    return bytes(message + body)


def _pad(data: bytearray, alignment: int) -> None:
    data += bytes(-len(data) % alignment)


def _string(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<I", len(data)) + data + b"\0"


def _read_message(
    exactly: Callable[[int], bytes], most: int = _MAX_MESSAGE
) -> tuple[int, dict[int, Any], list[Any]]:
    start = exactly(16)
    order, kind, _flags, version, body_size, _serial, fields_size = struct.unpack("<cBBBIII", start)
    if order != b"l" or version != 1:
        raise _MalformedError("not version 1, little endian")  # one machine has one byte order
    if body_size + fields_size > most:
        raise _MalformedError(f"a message of {body_size + fields_size} bytes")
    padded = fields_size + -fields_size % 8
    reader = _Reader(start + exactly(padded), 12)
    header = dict(tuple(field) for field in reader.value("a(yv)"))
    body = exactly(body_size)
    signature = header.get(8, "")
    if not isinstance(signature, str):
        raise _MalformedError("a signature that is not text")
    return kind, header, _Reader(body, 0).values(signature)


class _Reader:
    """Values out of a message. Any bytes give values or _MalformedError."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at = at

    def values(self, signature: str) -> list[Any]:
        found = []
        while signature:
            one, signature = _split_type(signature)
            found.append(self.value(one))
        return found

    def value(self, kind: str, depth: int = 0) -> Any:
        if depth > _MAX_DEPTH:
            raise _MalformedError("nested too deeply")
        code = kind[0]
        self._at += -self._at % _ALIGNMENT[code]
        if code in _FIXED:
            form, size = _FIXED[code]
            return struct.unpack(form, self._take(size))[0]
        match code:
            case "b":
                return self.value("u") != 0
            case "s" | "o":
                return self._text(self.value("u"))
            case "g":
                return self._text(self.value("y"))
            case "v":
                one, rest = _split_type(self.value("g"))
                if rest:
                    raise _MalformedError("a variant of more than one value")
                return self.value(one, depth + 1)
            case "a":
                return self._array(kind[1:], depth)
            case _:
                inner, found = kind[1:-1], []
                while inner:
                    one, inner = _split_type(inner)
                    found.append(self.value(one, depth + 1))
                return found

    def _array(self, kind: str, depth: int) -> Any:
        size = self.value("u")
        self._at += -self._at % _ALIGNMENT[kind[0]]
        end = self._at + size
        if end > len(self._data):
            raise _MalformedError("an array longer than its message")
        found = []
        while self._at < end:
            found.append(self.value(kind, depth + 1))
        if kind[0] != "{":
            return found
        try:
            return dict(found)
        except (TypeError, ValueError):
            raise _MalformedError("a dictionary with a wrong entry") from None

    def _take(self, count: int) -> bytes:
        data = self._data[self._at : self._at + count]
        if len(data) != count:
            raise _MalformedError("cut off")
        self._at += count
        return data

    def _text(self, size: int) -> str:
        try:
            return self._take(size + 1)[:-1].decode()
        except UnicodeDecodeError:
            raise _MalformedError("text that is not UTF-8") from None


# A bus uses few types; what is not remembered is split again.
@functools.lru_cache(maxsize=128)
def _split_type(signature: str) -> tuple[str, str]:
    """The first complete type of a signature, and the rest."""
    open_brackets = 0
    for at, code in enumerate(signature):
        if code not in _ALIGNMENT and code not in ")}":
            break
        open_brackets += (code in "({") - (code in ")}")
        if open_brackets < 0:
            break
        if open_brackets == 0 and code != "a":
            return _checked(signature[: at + 1]), signature[at + 1 :]
    raise _MalformedError(f"signature {signature!r}")


def _checked(kind: str) -> str:
    # Arrays of nothing would be read for ever; empty structures do not exist.
    if "()" in kind or "{}" in kind or kind.rstrip("a") == "" or "a)" in kind or "a}" in kind:
        raise _MalformedError(f"type {kind!r}")
    return kind
