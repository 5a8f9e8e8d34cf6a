"""As much of D-Bus as a radio needs beyond `platforms.dbus`: calls with any arguments, signals, and
being called (D-Bus Specification, "Message Protocol" and "Type System").

Signals are handed over as raw bytes: most are of other people's devices, and are counted without
being taken apart.
"""

from __future__ import annotations

import contextlib
import functools
import select
import struct
from collections.abc import Callable, Sequence
from typing import Any, Final

from zaigang_agent.platforms import dbus
from zaigang_shared.clock import Clock

METHOD_CALL: Final = 1
METHOD_RETURN: Final = 2
ERROR: Final = 3
SIGNAL: Final = 4
_START: Final = struct.Struct("<cBBBII")
_HEAD: Final = struct.Struct("<cBBBIII")  # with the length of the array of fields that comes next
_PATH, _INTERFACE, _MEMBER, _ERROR_NAME, _REPLY_TO, _DESTINATION, _SENDER, _SIGNATURE = range(1, 9)
_NO_REPLY: Final = 1
_MAX_MESSAGE: Final = 1 << 24  # all devices of a railway station at once: about a KiB each
_CHUNK: Final = 1 << 16
# The kernel lets 167 to 278 messages wait in a socket (measured: 212,992 bytes with what each costs
# it, 33 KiB of the smallest); dbus-daemon keeps the rest and puts it in 2 KiB at a time, and what is
# read late is dated late. Larger, and in a crowd packets are dated minutes late; smaller looks twice
# each time for nothing.
_MANY_BYTES: Final = 1 << 14
# Once there were many: until fewer than some three come. Larger stops while a busy dbus-daemon has
# more; smaller goes on as long as anybody sends anything.
_FEW_BYTES: Final = 1 << 10
_FIXED: Final = {"y": "B", "n": "h", "q": "H", "i": "i", "u": "I", "x": "q", "t": "Q", "d": "d"}
_SIZES: Final = {"y": 1, "n": 2, "q": 2, "i": 4, "u": 4, "x": 8, "t": 8, "d": 8}
_ALIGNED: Final = {**_SIZES, "b": 4, "s": 4, "o": 4, "a": 4, "g": 1, "v": 1, "(": 8, "{": 8}


class RefusedError(Exception):
    """The other side answered with an error. Its text is left out: it can name somebody's device."""

    def __init__(self, dbus_error: str) -> None:
        super().__init__(dbus_error)
        self.dbus_error = dbus_error


class Called:
    """A message that was taken apart."""

    __slots__ = ("header", "kind", "serial", "values")

    def __init__(self, frame: bytes) -> None:
        """Raises OSError for what is not D-Bus."""
        at = 0

        def exactly(count: int) -> bytes:
            nonlocal at
            at += count
            if at > len(frame):
                raise OSError("a message of D-Bus that is cut off")
            return frame[at - count : at]

        try:
            self.kind, self.header, self.values = dbus._read_message(exactly, _MAX_MESSAGE)
        except dbus._MalformedError as error:
            raise OSError(f"the message bus sent something else than D-Bus: {error}") from error
        self.serial = int.from_bytes(frame[8:12], "little")

    @property
    def path(self) -> str:
        return str(self.header.get(_PATH, ""))

    @property
    def member(self) -> str:
        return str(self.header.get(_MEMBER, ""))

    @property
    def sender(self) -> str:
        return str(self.header.get(_SENDER, ""))


Answer = tuple[str, Any]
"""Signature and value of the answer to a call; ("", None) for an empty one."""


class Bus(dbus.Connection):
    """One connection, for one thread. Ends with whatever was begun through it."""

    def __init__(
        self,
        address: str,
        clock: Clock,
        on_signals: Callable[[Sequence[bytes]], None],
        on_call: Callable[[Called], Answer | None],
    ) -> None:
        """`on_call` answers what others call here; None: there is no such thing."""
        super().__init__(address)
        self._clock = clock
        self._on_signals = on_signals
        self._on_call = on_call
        self._buffer = bytearray()
        self._behind = False
        self._readable, self._writable = select.poll(), select.poll()

    def open(self) -> None:
        """Connect. Raises OSError, AgentError."""
        self._open()
        # A socket with a time-out costs two system calls more each time that it is looked at.
        self._sock().setblocking(False)
        self._readable.register(self._sock(), select.POLLIN)
        self._writable.register(self._sock(), select.POLLOUT)

    def ask(
        self,
        timeout_s: float,
        destination: str,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        *values: Any,
    ) -> Any:
        """Call and wait; the first value of the answer. What else comes meanwhile is dealt with.
        Raises RefusedError, TimeoutError, OSError."""
        serial = self._call(0, destination, path, interface, member, signature, values)
        deadline_ms = self._clock.boot_ms() + round(timeout_s * 1000)
        answer: Called | None = None
        while answer is None:
            left_ms = deadline_ms - self._clock.boot_ms()
            if left_ms <= 0:
                raise TimeoutError(f"{member} is not answered")
            answer = self._dealt_with(self._frames(left_ms / 1000), serial)
        if answer.kind == ERROR:
            raise RefusedError(str(answer.header.get(_ERROR_NAME, "unknown")))
        return answer.values[0] if answer.values else None

    def tell(
        self,
        destination: str,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        *values: Any,
    ) -> None:
        """Call, and want no answer, not even that it failed. Raises OSError."""
        self._call(_NO_REPLY, destination, path, interface, member, signature, values)

    def drain(self) -> bool:
        """Deal with everything that has come. Whether more may be waiting in the bus, for which the
        socket had no room. Raises OSError."""
        frames = self._frames(0)
        self._dealt_with(frames, 0)
        self._behind = sum(map(len, frames)) >= (_FEW_BYTES if self._behind else _MANY_BYTES)
        return self._behind

    def close(self) -> None:
        super().close()
        self._buffer.clear()

    def _call(
        self,
        flags: int,
        destination: str,
        path: str,
        interface: str,
        member: str,
        signature: str,
        values: tuple[Any, ...],
    ) -> int:
        """The serial number of the call."""
        self._serial += 1
        fields = _call_fields(destination, path, interface, member, signature)
        self._send(METHOD_CALL, self._serial, fields, marshal(signature, *values), flags)
        return self._serial

    def _dealt_with(self, frames: Sequence[bytes], awaited: int) -> Called | None:
        """The answer that is waited for, when it is among them."""
        found = None
        signals = []
        for frame in frames:
            if frame[1] == SIGNAL:
                signals.append(frame)
                continue
            message = Called(frame)
            if message.kind == METHOD_CALL:
                self._answer(message)
            elif message.header.get(_REPLY_TO) == awaited:
                found = message
        if signals:
            self._on_signals(signals)
        return found

    def _answer(self, call: Called) -> None:
        answer = self._on_call(call)
        self._serial += 1
        fields = [(_REPLY_TO, ("u", call.serial)), (_DESTINATION, ("s", call.sender))]
        if answer is None:
            fields.append((_ERROR_NAME, ("s", "org.freedesktop.DBus.Error.UnknownMethod")))
            self._send(ERROR, self._serial, _fields(fields, ""), b"")
        else:
            signature, value = answer
            body = marshal(signature, value) if signature else b""
            self._send(METHOD_RETURN, self._serial, _fields(fields, signature), body)

    def _send(self, kind: int, serial: int, fields: bytes, body: bytes, flags: int = 0) -> None:
        """`fields`: the array of header fields with its length, as `_fields` makes it."""
        head = _START.pack(b"l", kind, flags, 1, len(body), serial) + fields
        left = memoryview(head + bytes(-len(head) % 8) + body)
        while left:
            with contextlib.suppress(BlockingIOError):
                left = left[self._sock().send(left) :]
            if left and not self._writable.poll(dbus._TIMEOUT_S * 1000):
                raise TimeoutError("the message bus takes nothing")

    def _frames(self, wait_s: float) -> list[bytes]:
        """Whole messages that have come, after waiting for the first. Raises OSError."""
        self._read(wait_s)
        found = []
        while len(self._buffer) >= _HEAD.size:
            order, _, _, version, body, _, fields = _HEAD.unpack_from(self._buffer)
            size = _HEAD.size + fields + -fields % 8 + body
            if order != b"l" or version != 1 or size > _MAX_MESSAGE:
                raise OSError("the message bus sent something else than D-Bus")
            if len(self._buffer) < size:
                break
            found.append(bytes(self._buffer[:size]))
            del self._buffer[:size]
        return found

    def _read(self, wait_s: float) -> None:
        connection = self._sock()
        if wait_s > 0 and not self._readable.poll(wait_s * 1000):
            return
        size = _CHUNK
        while size == _CHUNK:  # less: there was no more
            try:
                chunk = connection.recv(_CHUNK)
            except BlockingIOError:
                return
            if not chunk:
                raise OSError("the message bus hung up")
            self._buffer += chunk
            size = len(chunk)


# A radio makes the same few calls all day.
@functools.lru_cache(maxsize=32)
def _call_fields(destination: str, path: str, interface: str, member: str, signature: str) -> bytes:
    fields: list[tuple[int, tuple[str, Any]]] = [
        (_PATH, ("o", path)),
        (_INTERFACE, ("s", interface)),
        (_MEMBER, ("s", member)),
        (_DESTINATION, ("s", destination)),
    ]
    return _fields(fields, signature)


def _fields(fields: list[tuple[int, tuple[str, Any]]], signature: str) -> bytes:
    """The array of header fields, with its length, as it stands after the start of a message."""
    header = bytearray(_START.size)  # alignment counts from there
    _put(header, "a(yv)", [*fields, (_SIGNATURE, ("g", signature))] if signature else fields)
    return bytes(header[_START.size :])


def marshal(signature: str, *values: Any) -> bytes:
    """Values as a message's body. A variant is a pair of signature and value."""
    out = bytearray()
    for value in values:
        kind, signature = dbus._split_type(signature)
        _put(out, kind, value)
    return bytes(out)


def _put(out: bytearray, kind: str, value: Any) -> None:
    code = kind[0]
    _pad(out, _ALIGNED[code])
    if code in _FIXED:
        out += struct.pack("<" + _FIXED[code], value)
    elif code == "b":
        out += struct.pack("<I", value)
    elif code in "so":
        out += dbus._string(value)
    elif code == "g":
        out += bytes([len(value)]) + value.encode() + b"\0"
    elif code == "v":
        _put(out, "g", value[0])
        _put(out, value[0], value[1])
    elif code == "a":
        _put_array(out, kind[1:], value)
    else:
        inner = kind[1:-1]
        for each in value:
            one, inner = dbus._split_type(inner)
            _put(out, one, each)


def _put_array(out: bytearray, kind: str, values: Any) -> None:
    _put(out, "u", 0)
    size_at = len(out) - 4
    _pad(out, _ALIGNED[kind[0]])
    begins = len(out)
    for each in values.items() if isinstance(values, dict) else values:
        _put(out, kind, each)
    struct.pack_into("<I", out, size_at, len(out) - begins)


def _pad(out: bytearray, alignment: int) -> None:
    out += bytes(-len(out) % alignment)
