"""Session helpers as real processes of two users, over real sockets and a real display."""

from __future__ import annotations

import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes import xvfb
from tests.fakes.logind import logind, session
from tests.fakes.xvfb import Desktop
from zaigang_agent.errors import AgentError
from zaigang_agent.platforms.helper_line import IDLE_STEPS_MS
from zaigang_agent.platforms.helper_server import Helpers
from zaigang_agent.platforms.helper_socket import SocketListener, peer_uid, xucred_uid
from zaigang_agent.platforms.linux import LinuxPlatform
from zaigang_agent.platforms.local_socket import connect
from zaigang_shared.clock import SystemClock

# ---- sockets


def test_the_kernel_says_who_connected(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert peer_uid(ours, "linux") == os.getuid()
    assert xucred_uid(struct.pack("=IIh", 0, 501, 1) + bytes(66)) == 501
    for raw in (b"", struct.pack("=II", 1, 501)):
        with pytest.raises(OSError, match="credentials"):
            xucred_uid(raw)
    with pytest.raises(AgentError, match="RuntimeDirectory"):
        SocketListener(tmp_path / "missing" / "s")


def test_an_earlier_socket_is_replaced_and_ours_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.write_text("left over")
    listener = SocketListener(path)
    assert listener.accept() is None
    assert path.stat().st_mode & 0o777 == 0o666
    listener.close()
    assert not path.exists()


# ---- real processes


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where other users get in, too, as in /run/zaigang."""
    made = Path(tempfile.mkdtemp(prefix="zaigang-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def place(folder: Path) -> Iterator[tuple[Helpers, SocketListener, Path]]:
    listener = SocketListener(folder / "session.sock")
    helpers = Helpers(listener, SystemClock())
    yield helpers, listener, folder / "session.sock"
    helpers.close()


def knock(listener: SocketListener) -> None:
    """Until somebody waits at the door."""
    ready, _, _ = select.select([listener._socket], [], [], 30)
    assert ready


# Changes the user when all that will be needed is loaded: the interpreter may be in a folder that
# others cannot read.
AS_USER = """
import locale, os, signal, socket, sys, threading
import zaigang_agent.cli, zaigang_agent.session_helper
import zaigang_agent.platforms.helper_socket, zaigang_agent.platforms.linux_desktop
import zaigang_agent.platforms.wayland
"".encode("latin-1")
uid = int(sys.argv[1])
if os.getuid() == 0:
    os.setgroups([]); os.setgid(uid); os.setuid(uid)
"""


def start(uid: int, code: str, *words: str, **environment: str) -> subprocess.Popen[bytes]:
    """A process of somebody; without root only of ourselves."""
    env = {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p), **environment}
    return subprocess.Popen(
        [sys.executable, "-c", AS_USER + code, str(uid), *words], env=env, stdout=subprocess.PIPE
    )


def uids() -> tuple[int, int]:
    """A person and another one; the same without root, which alone can be two."""
    return (os.getuid(), os.getuid()) if os.getuid() else (4_101, 4_102)


def test_a_real_helper_tells_the_idle_time_of_a_real_display(
    place: tuple[Helpers, SocketListener, Path], folder: Path
) -> None:
    helpers, listener, path = place
    uid, _ = uids()
    with xvfb.server(folder) as number:
        desktop = Desktop(number)
        desktop.touch()
        desktop.window("code", "Code", None)
        authority = folder / "mine"
        authority.write_bytes(xvfb.xauthority(number))
        authority.chmod(0o644)
        code = "sys.exit(zaigang_agent.cli.main(['session-helper', '--socket', sys.argv[2]]))"
        helper = start(uid, code, str(path), DISPLAY=f":{number}", XAUTHORITY=str(authority))
        try:
            knock(listener)
            bus = logind(session(User=[uid, "/u"], Type="x11"))
            platform = LinuxPlatform(SystemClock(), folder, system_bus=bus, helpers=helpers)
            assert platform.foreground({"code", "freecad"}) == frozenset({"code"})
            state = platform.sessions()
            assert (state.place, state.locked, state.problem) == ("local", False, None)
            assert state.idle_ms in IDLE_STEPS_MS
            assert state.regular is False
            assert platform.helpers() == 1
            assert platform.limits() == ()
        finally:
            helper.send_signal(signal.SIGTERM)
            assert helper.wait(30) == 0
            assert helper.stdout is not None
            helper.stdout.close()
            desktop.display.close()


HANGS_ON = "s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[2])\n"


def test_another_users_helper_is_turned_away(place: tuple[Helpers, SocketListener, Path]) -> None:
    helpers, listener, path = place
    me, other = uids()
    code = HANGS_ON + "print(s.recv(64))"
    stranger = start(other, code, str(path))
    knock(listener)
    owner = me if other != me else me + 1  # without root: the session is somebody else's
    assert helpers.ask(owner, {owner}, ()) is None
    said, _ = stranger.communicate(timeout=30)
    assert said.strip() == b"b''"  # not a byte was said to it
    assert helpers.connected == 0


def test_a_flood_of_garbage_is_cut_off_at_once(place: tuple[Helpers, SocketListener, Path]) -> None:
    helpers, listener, path = place
    uid, _ = uids()
    code = HANGS_ON + (
        "sent = 0\n"
        "try:\n"
        "    while True: sent += s.send(b'x' * 65536)\n"
        "except OSError: print('cut off')"
    )
    flood = start(uid, code, str(path))
    knock(listener)
    began = time.monotonic()
    assert helpers.ask(uid, {uid}, ()) is None
    assert time.monotonic() - began < 5
    said, _ = flood.communicate(timeout=30)
    assert said.strip() == b"cut off"
    assert helpers.problem is not None


def test_a_helper_that_hangs_costs_a_look_and_no_more(folder: Path) -> None:
    listener = SocketListener(folder / "s")
    helpers = Helpers(listener, SystemClock(), answer_ms=50)
    uid = os.getuid()
    with connect(str(folder / "s"), None) as silent:
        assert helpers.ask(uid, {uid}, ()) is None
        assert silent.recv(64) == b"ZS1? 1\n"
        assert silent.recv(64) == b""
    helpers.close()


def test_a_helper_that_drips_its_answer_is_cut_off_in_time(folder: Path) -> None:
    listener = SocketListener(folder / "s")
    helpers = Helpers(listener, SystemClock(), answer_ms=100)
    uid = os.getuid()
    with connect(str(folder / "s"), None) as dripping:

        def drip() -> None:
            try:
                while dripping.recv(64):  # its question
                    for _ in range(1_000):
                        dripping.sendall(b"Z")
                        threading.Event().wait(0.01)
            except OSError:
                return

        thread = threading.Thread(target=drip)
        thread.start()
        assert helpers.ask(uid, {uid}, ()) is None
        thread.join()
    assert "in time" in str(helpers.problem)
    helpers.close()
