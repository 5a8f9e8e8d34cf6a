"""X11: against a real server (Xvfb), and against bytes that are none."""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import xvfb
from tests.fakes.xvfb import Desktop
from zaigang_agent.platforms import x11
from zaigang_agent.platforms.linux_desktop import LinuxDesktop
from zaigang_agent.platforms.x11 import Display, X11Error


@pytest.fixture(scope="module")
def number(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with xvfb.server(tmp_path_factory.mktemp("x")) as display:
        yield display


@pytest.fixture
def desktop(number: int) -> Iterator[Desktop]:
    made = Desktop(number)
    yield made
    made.in_front(0)
    made.display.close()


def idle_of(display: Display) -> int:
    idle_ms = display.idle_ms()
    assert idle_ms is not None
    return idle_ms


def test_the_time_since_the_last_input_grows_and_falls_with_an_input(desktop: Desktop) -> None:
    desktop.touch()
    deadline = time.monotonic() + 30
    while idle_of(desktop.display) < 300:
        assert time.monotonic() < deadline
    touched = time.monotonic()
    desktop.touch()
    idle_ms = idle_of(desktop.display)
    assert idle_ms < (time.monotonic() - touched) * 1000 + 50


def test_the_window_in_front_is_known_by_class_and_process(desktop: Desktop) -> None:
    assert desktop.display.front() is None
    desktop.window("code", "Code", 4711)
    assert desktop.display.front() == x11.Front(frozenset({"code"}), 4711)
    desktop.window("libreoffice", "libreoffice-calc", None)
    front = desktop.display.front()
    assert front == x11.Front(frozenset({"libreoffice", "libreoffice-calc"}), None)


def test_a_window_that_is_gone_has_neither_class_nor_process(desktop: Desktop) -> None:
    window = desktop.window("code", "Code", 4711)
    desktop.gone(window)
    assert desktop.display.front() == x11.Front(frozenset(), None)


def test_a_session_on_x11_tells_idle_time_and_the_listed_program_in_front(
    number: int, desktop: Desktop, tmp_path: Path
) -> None:
    file = tmp_path / "authority"
    file.write_bytes(xvfb.xauthority(number))
    display = x11.from_environment({"DISPLAY": f":{number}.0", "XAUTHORITY": str(file)})
    assert display is not None
    session = LinuxDesktop(
        None, display, comm=lambda pid: Path(f"/proc/{pid}/comm").read_text().strip()
    )
    desktop.touch()
    mine = Path(f"/proc/{os.getpid()}/comm").read_text().strip().lower()
    desktop.window("unlisted", "Unlisted", os.getpid())
    seen = session.look([mine, "code"])
    assert (seen.front, seen.locked, seen.problem) == (mine, None, None)
    assert seen.idle_ms is not None
    assert seen.idle_ms < 10_000
    desktop.window("solitaire", "Solitaire", None)
    assert session.look([mine, "code"]).front == ""
    desktop.window("Navigator", "Code", None)
    assert session.look(["code"]).front == "code"
    assert session.look([]).front is None
    display.close()


def test_without_the_cookie_nobody_is_let_in_and_that_is_no_idle_time(number: int) -> None:
    stranger = Display(number, lambda: xvfb.xauthority(number, data=bytes(16)))
    with pytest.raises(X11Error, match="not let in"):
        stranger.idle_ms()
    seen = LinuxDesktop(None, stranger).look(["code"])
    assert (seen.idle_ms, seen.front) == (None, None)
    assert seen.problem is not None


def test_a_display_that_went_away_is_an_error_and_the_next_one_is_found(tmp_path: Path) -> None:
    with xvfb.server(tmp_path) as number:
        display = Display(number, lambda: xvfb.xauthority(number))
        assert display.idle_ms() is not None
    with pytest.raises(X11Error):
        display.idle_ms()
    with pytest.raises(X11Error, match=f"display :{number} cannot be asked"):
        display.front()


@pytest.mark.parametrize("display", ["", "host:0", "localhost:10.0", "wayland-0", ":x", ":0.0.0"])
def test_a_display_of_another_machine_is_not_this_machines(display: str) -> None:
    with pytest.raises(X11Error, match="not a display of this machine"):
        x11.display_number(display)
    assert x11.from_environment({"DISPLAY": display}) is None


def test_the_cookie_of_this_very_display_is_taken() -> None:
    other, mine = xvfb.xauthority(3, data=b"x" * 16), xvfb.xauthority(12)
    remote = xvfb.xauthority(12, family=0, data=b"r" * 16)
    assert x11.cookie(other + remote + mine, 12) == xvfb.COOKIE
    assert x11.cookie(other + remote, 12) == b"r" * 16
    assert x11.cookie(other, 12) == b""
    assert x11.cookie(mine[:-3] if len(mine) > 3 else b"", 12) in (b"", xvfb.COOKIE[:-3])


# ---- bytes that are none


def answered(answers: bytes) -> object:
    """What a client makes of somebody who has already said everything."""
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.sendall(answers)
        theirs.shutdown(socket.SHUT_WR)
        display = Display(0, bytes, lambda _number: ours)
        try:
            return display.idle_ms(), display.front()
        except X11Error as error:
            return str(error)
        finally:
            display.close()


VENDOR = b"none"
SETUP_BODY = struct.pack("<IIII", 0, 1, 1, 0) + struct.pack("<HHBB10x", 4, 9, 1, 0) + VENDOR
SETUP_BODY += struct.pack("<I", 99)
SETUP = struct.pack("<BxHHH", 1, 11, 0, len(SETUP_BODY) // 4) + SETUP_BODY


def reply(sequence: int, body: bytes = b"", detail: int = 0) -> bytes:
    return struct.pack("<BBHI", 1, detail, sequence, 0) + body + bytes(24 - len(body))


def test_a_display_without_the_extension_does_not_tell() -> None:
    no_extension, atom, nothing = reply(1), reply(2, struct.pack("<I", 300)), reply(3)
    assert answered(SETUP + no_extension + atom + nothing) == (None, None)


@given(st.binary(max_size=100))
def test_any_bytes_give_a_value_or_our_error(noise: bytes) -> None:
    answered(noise)
    answered(SETUP + noise)
    answered(SETUP + reply(1, b"\x01\x80") + noise)
    assert isinstance(x11.cookie(noise, 0), bytes)
