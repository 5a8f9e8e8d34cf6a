"""A Linux desktop seen from within: GNOME over a private bus, Wayland over a compositor's socket."""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import message_bus
from tests.fakes.clock import FakeClock
from zaigang_agent.platforms import dbus, networkmanager, wayland
from zaigang_agent.platforms.dbus import DBusError
from zaigang_agent.platforms.helper_line import WHY
from zaigang_agent.platforms.linux_desktop import LinuxDesktop, this_session
from zaigang_agent.platforms.wayland import IdleNotifier

# ---- GNOME and NetworkManager, over a private dbus-daemon


@pytest.fixture(scope="module")
def bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A bus with a pretended GNOME and NetworkManager on it, in a process of their own."""
    with message_bus.daemon(tmp_path_factory.mktemp("bus")) as address:
        services = [sys.executable, "-m", "tests.fakes.desktop_bus", address]
        root = Path(__file__).parents[2]
        with subprocess.Popen(services, stdout=subprocess.PIPE, cwd=root, text=True) as pretended:
            assert pretended.stdout is not None
            assert pretended.stdout.readline() == "ready\n"
            yield address
            pretended.terminate()


def test_gnome_tells_idle_time_and_lock_over_a_real_bus(bus: str) -> None:
    connection = dbus.Connection(bus)
    seen = LinuxDesktop(connection).look(["code"])
    assert (seen.idle_ms, seen.idle_step_ms, seen.locked) == (4_711, 1, True)
    assert (seen.front, seen.problem) == (None, None)
    connection.close()


def test_only_the_access_point_in_use_is_asked_for(bus: str) -> None:
    connection = dbus.Connection(bus)
    assert networkmanager.access_point(connection, "wlan0") == bytes.fromhex("02005e100002")
    assert networkmanager.access_point(connection, "wlan1") is None  # not connected
    assert networkmanager.access_point(connection, "eth9") is None  # not its own
    connection.close()


class Nobody:
    """A bus on which nothing is."""

    def call(self, destination: str, path: str, interface: str, member: str, *args: str) -> Any:
        assert (destination, path, interface, args) >= ("", "", "", ())
        raise DBusError(f"{member}: ServiceUnknown")


class Says(Nobody):
    """A bus on which everybody says the same."""

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def call(self, *_: str) -> Any:
        return self.answer


@pytest.mark.parametrize("answer", ["", None, 4, "02:00:5E", "/", ["x"], True])
def test_whatever_a_bus_says_an_access_point_has_six_bytes_or_is_none(answer: object) -> None:
    assert networkmanager.access_point(Says(answer), "wlan0") is None


def test_without_bus_and_display_the_sentence_says_how_to_start_it() -> None:
    for bus in (None, Nobody()):
        seen = LinuxDesktop(bus).look([])
        assert (seen.idle_ms, seen.locked, seen.front) == (None, None, None)
        assert seen.problem == WHY["display"]


# ---- Wayland


class Compositor:
    """The other end of a Wayland socket."""

    def __init__(self, clock: FakeClock, version: int | None = 2, seat: bool = True) -> None:
        self.version, self.seat = version, seat
        self.sockets = [self.ready()]
        self.notifier = IdleNotifier(self.connect, clock.boot_ms)

    def ready(self) -> socket.socket:
        """The client's end of a new connection, with all that a compositor offers in it."""
        ours, self.theirs = socket.socketpair()
        offers = [(1, b"wl_compositor", 6)]
        offers += [(7, b"wl_seat", 9)] if self.seat else []
        offers += [] if self.version is None else [(9, b"ext_idle_notifier_v1", self.version)]
        for name, interface, offered in offers:
            text = wayland.text(interface)
            self.say(2, 0, struct.pack("=I", name) + text + struct.pack("=I", offered))
        self.say(3, 0, struct.pack("=I", 1))
        return ours

    def connect(self) -> socket.socket:
        if not self.sockets:
            raise ConnectionRefusedError
        return self.sockets.pop()

    def say(self, target: int, code: int, body: bytes = b"") -> None:
        self.theirs.sendall(wayland.message(target, code, body))

    def heard(self) -> list[tuple[int, int, bytes]]:
        return list(wayland.messages(bytearray(self.theirs.recv(65_536))))

    def close(self) -> None:
        self.notifier.close()
        self.theirs.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def compositor(clock: FakeClock) -> Iterator[Compositor]:
    made = Compositor(clock)
    yield made
    made.close()


def test_one_notification_is_asked_for_each_while_and_films_do_not_count(
    compositor: Compositor,
) -> None:
    heard = compositor.heard()
    assert [(target, code) for target, code, _ in heard[:2]] == [(1, 1), (1, 0)]
    binds = [body for target, code, body in heard if (target, code) == (2, 0)]
    assert [body[8:].partition(b"\0")[0] for body in binds] == [b"wl_seat", b"ext_idle_notifier_v1"]
    asked = [struct.unpack("=III", body) for t, c, body in heard if (t, c) == (5, 2)]
    assert [timeout for _, timeout, _ in asked] == list(wayland.STEPS_MS)
    assert [target for target, _, _ in asked] == list(range(6, 6 + len(wayland.STEPS_MS)))
    assert {seat for _, _, seat in asked} == {4}
    assert len(heard) == 4 + len(asked)


def test_the_longest_while_that_has_begun_is_the_idle_time(
    compositor: Compositor, clock: FakeClock
) -> None:
    assert compositor.notifier.idle_ms() is None  # not watched for long enough
    clock.advance(10_000)
    assert compositor.notifier.idle_ms() == 0
    compositor.say(6, 0)
    compositor.say(7, 0)
    assert compositor.notifier.idle_ms() == 5_000
    compositor.say(6, 1)
    compositor.say(7, 1)
    compositor.say(6, 0)
    assert compositor.notifier.idle_ms() == 2_000


def test_what_else_a_compositor_says_changes_nothing(
    compositor: Compositor, clock: FakeClock
) -> None:
    clock.advance(10_000)
    compositor.say(1, 1, struct.pack("=I", 3))  # delete_id
    compositor.say(4, 0, struct.pack("=I", 3))  # the seat's capabilities
    compositor.say(6 + len(wayland.STEPS_MS), 0)
    compositor.say(6, 7)
    assert compositor.notifier.idle_ms() == 0


def test_a_compositor_that_went_away_is_unknown_and_found_again(
    compositor: Compositor, clock: FakeClock
) -> None:
    clock.advance(10_000)
    compositor.theirs.close()
    assert compositor.notifier.idle_ms() is None
    compositor.sockets.append(compositor.ready())
    assert compositor.notifier.idle_ms() is None
    clock.advance(10_000)
    assert compositor.notifier.idle_ms() == 0


@pytest.mark.parametrize(("version", "seat"), [(None, True), (1, True), (2, False)])
def test_a_compositor_without_version_2_does_not_tell(
    clock: FakeClock, version: int | None, seat: bool
) -> None:
    old = Compositor(clock, version, seat)
    clock.advance(60_000)
    assert old.notifier.idle_ms() is None
    seen = LinuxDesktop(Nobody(), None, old.notifier).look(["code"])
    assert (seen.idle_ms, seen.front, seen.problem) == (None, None, WHY["wayland"])
    old.close()


def test_an_error_of_the_compositor_is_no_idle_time(
    compositor: Compositor, clock: FakeClock
) -> None:
    clock.advance(10_000)
    compositor.say(1, 0, struct.pack("=II", 5, 0) + wayland.text(b"no"))
    assert compositor.notifier.idle_ms() is None


@given(st.binary(max_size=200))
def test_any_bytes_of_a_compositor_are_a_number_or_none(noise: bytes) -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.sendall(noise)
        theirs.shutdown(socket.SHUT_WR)
        sockets = [ours]

        def connect() -> socket.socket:
            if not sockets:
                raise ConnectionRefusedError
            return sockets.pop()

        notifier = IdleNotifier(connect, lambda: 0)
        assert notifier.idle_ms() is None
        notifier.close()


def test_a_session_on_wayland_does_not_ask_xwayland(tmp_path: Path) -> None:
    environment = {
        "WAYLAND_DISPLAY": "wayland-9",
        "DISPLAY": ":0",
        "XDG_RUNTIME_DIR": str(tmp_path),
    }
    seen = this_session(environment, FakeClock()).look(["code"])
    assert (seen.idle_ms, seen.front, seen.problem) == (None, None, WHY["wayland"])
