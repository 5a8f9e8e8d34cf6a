"""A Linux desktop session, seen from within: GNOME, KDE and others on Wayland, and X11.

Who tells what is in docs/platforms.md. A question that this desktop does not answer gives None, and
a sentence where the time since the last input is missing; never a guess.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

from zaigang_agent.platforms import dbus, x11
from zaigang_agent.platforms.base import InSession
from zaigang_agent.platforms.dbus import DBusError
from zaigang_agent.platforms.helper_line import WHY
from zaigang_shared.clock import Clock

_MUTTER: Final = "org.gnome.Mutter.IdleMonitor"
# GNOME's first: it answers the second name as well, without saying when it is only locked.
_LOCKS: Final = (
    ("org.gnome.ScreenSaver", "/org/gnome/ScreenSaver"),
    ("org.freedesktop.ScreenSaver", "/org/freedesktop/ScreenSaver"),
)


class Bus(Protocol):
    """`dbus.Connection`."""

    def call(self, destination: str, path: str, interface: str, member: str, *args: str) -> Any: ...


class Screen(Protocol):
    """`x11.Display`."""

    def idle_ms(self) -> int | None: ...

    def front(self) -> x11.Front | None: ...


class IdleSource(Protocol):
    """`wayland.IdleNotifier`."""

    def idle_ms(self) -> int | None:
        """Since the last input, to `step_ms`; None when the compositor does not tell."""
        ...

    @property
    def step_ms(self) -> int: ...


class LinuxDesktop:
    """`platforms.base.Inside`."""

    def __init__(
        self,
        bus: Bus | None,
        screen: Screen | None = None,
        compositor: IdleSource | None = None,
        *,
        comm: Callable[[int], str] = lambda _pid: "",
    ) -> None:
        """`screen`: the display of a session on X11, None on Wayland, where XWayland would tell of a
        part of the windows and of no idle time; `compositor`: on Wayland; `comm`: the name of a
        process, empty when it cannot be had."""
        self._bus = bus
        self._screen = screen
        self._compositor = compositor
        self._comm = comm

    def look(self, names: Sequence[str]) -> InSession:
        idle_ms, step_ms = self._idle()
        problem = None
        if idle_ms is None:
            problem = WHY["wayland" if self._compositor is not None else "display"]
        front = self._front(frozenset(names)) if names else None
        return InSession(idle_ms, step_ms, self._locked(), front, None, problem)

    def _idle(self) -> tuple[int | None, int]:
        path = "/org/gnome/Mutter/IdleMonitor/Core"
        idle = self._asked(_MUTTER, path, _MUTTER, "GetIdletime")
        if isinstance(idle, int):
            return idle, 1
        if self._screen is not None:
            try:
                return self._screen.idle_ms(), 1
            except x11.X11Error:
                return None, 1
        if self._compositor is not None:
            return self._compositor.idle_ms(), self._compositor.step_ms
        return None, 1

    def _locked(self) -> bool | None:
        answers = (self._asked(name, path, name, "GetActive") for name, path in _LOCKS)
        return next((answer for answer in answers if isinstance(answer, bool)), None)

    def _asked(self, destination: str, path: str, interface: str, member: str) -> object:
        if self._bus is None:
            return None
        try:
            return self._bus.call(destination, path, interface, member)
        except DBusError:
            return None

    def _front(self, names: frozenset[str]) -> str | None:
        if self._screen is None:
            return None
        try:
            window = self._screen.front()
        except x11.X11Error:
            return None
        if window is None:
            return ""
        comm = self._comm(window.pid).lower() if window.pid else ""
        # The kernel cuts names at 15 characters; a sandboxed program has a foreign process number,
        # and is known by its window class alone.
        return next(
            (n for n in sorted(names) if n in window.classes or (comm and n[:15] == comm)), ""
        )


def this_session(environment: Mapping[str, str], clock: Clock) -> LinuxDesktop:
    """The desktop session that this process runs in."""
    address = environment.get("DBUS_SESSION_BUS_ADDRESS")
    bus = dbus.Connection(address) if address else None
    if environment.get("WAYLAND_DISPLAY") or environment.get("XDG_SESSION_TYPE") == "wayland":
        from zaigang_agent.platforms import wayland

        return LinuxDesktop(bus, None, wayland.from_environment(environment, clock.boot_ms))
    return LinuxDesktop(bus, x11.from_environment(environment), comm=_comm)


def _comm(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text(errors="replace").rstrip("\n")
    except OSError:
        return ""
