"""A real X server without a screen, and a client that puts windows and inputs on it."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zaigang_agent.platforms.x11 import Display

COOKIE = bytes(range(16))
_CREATE_WINDOW, _CHANGE_PROPERTY, _DESTROY_WINDOW = 1, 18, 4
_ATOM_STRING, _ATOM_CARDINAL, _ATOM_WINDOW, _WM_CLASS = 31, 6, 33, 67


def program() -> str:
    found = shutil.which("Xvfb")
    assert found is not None, "Xvfb is not installed: tests/system-packages.sh"
    return found


def xauthority(number: int, family: int = 256, data: bytes = COOKIE) -> bytes:
    """An Xauthority file with one entry."""
    fields = (b"laptop", str(number).encode(), b"MIT-MAGIC-COOKIE-1", data)
    return struct.pack(">H", family) + b"".join(struct.pack(">H", len(f)) + f for f in fields)


@contextmanager
def server(folder: Path) -> Iterator[int]:
    """The number of a display that lets in whoever has COOKIE."""
    authority = folder / "server-authority"
    authority.write_bytes(
        xauthority(0, family=65535, data=COOKIE).replace(b"\x00\x010", b"\x00\x00")
    )
    ours, theirs = os.pipe()
    command = [program(), "-displayfd", str(theirs), "-nolisten", "tcp", "-noreset"]
    command += ["-auth", str(authority), "-screen", "0", "320x200x24"]
    with subprocess.Popen(
        command, pass_fds=[theirs], stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
    ) as process:
        os.close(theirs)
        with os.fdopen(ours) as told:
            number = int(told.readline())
        try:
            yield number
        finally:
            process.terminate()


class Desktop:
    """What a window manager and a hand would do."""

    def __init__(self, number: int) -> None:
        self.display = Display(number, lambda: xauthority(number))
        assert self.display.idle_ms() is not None
        self._base = self.display.resource_base

    def window(self, instance: str, kind: str, pid: int | None) -> int:
        """A new window in front, with a class and a process."""
        self._base += 1
        window, root = self._base, self.display.root
        body = struct.pack("<IIhhHHHHII", window, root, 0, 0, 9, 9, 0, 1, 0, 0)
        self.display.send(_CREATE_WINDOW, 0, body)
        name = f"{instance}\0{kind}\0".encode()
        self.property(window, _WM_CLASS, _ATOM_STRING, 8, name)
        title = self.display.atom("_NET_WM_NAME")
        self.property(window, title, _ATOM_STRING, 8, b"a title that nobody asks for")
        if pid is not None:
            pid_name = self.display.atom("_NET_WM_PID")
            self.property(window, pid_name, _ATOM_CARDINAL, 32, struct.pack("<I", pid))
        self.in_front(window)
        return window

    def in_front(self, window: int) -> None:
        name = self.display.atom("_NET_ACTIVE_WINDOW")
        self.property(self.display.root, name, _ATOM_WINDOW, 32, struct.pack("<I", window))

    def gone(self, window: int) -> None:
        self.display.send(_DESTROY_WINDOW, 0, struct.pack("<I", window))

    def property(self, window: int, name: int, kind: int, form: int, data: bytes) -> None:
        units = len(data) * 8 // form
        body = struct.pack("<IIIB3xI", window, name, kind, form, units)
        self.display.send(_CHANGE_PROPERTY, 0, body + data + bytes(-len(data) % 4))
        self.display.front()  # errors would show, and the server has done it

    def touch(self) -> None:
        """Move the pointer, as XTEST does for test programs."""
        code = self.display.extension(b"XTEST")
        assert code
        motion = struct.pack("<BB2xII8xhh8x", 6, 0, 0, self.display.root, 7, 7)
        self.display.send(code, 2, motion)
