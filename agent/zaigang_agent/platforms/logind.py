"""Sessions as systemd-logind tells them, and idle time as the desktop tells it. Pure but for the
calls that are handed in.

User names come along in logind's answer and are not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from zaigang_agent.platforms.base import SessionState
from zaigang_agent.platforms.dbus import DBusError
from zaigang_shared.readings import SessionPlace

_LOGIN: Final = "org.freedesktop.login1"
_MANAGER: Final = "/org/freedesktop/login1"
_SESSION: Final = "org.freedesktop.login1.Session"
_PROPERTIES: Final = "org.freedesktop.DBus.Properties"
_MUTTER: Final = "org.gnome.Mutter.IdleMonitor"
_GRAPHICAL: Final = frozenset({"x11", "wayland", "mir"})
# login.defs: accounts below are the system's. An agent that runs as a person sees that person only;
# one that runs as a service sees whoever uses the machine.
_FIRST_PERSON: Final = 1000
_TTY_STEP_MS: Final = 8_000  # the kernel rounds a terminal's times down to 8 s
_NOT_IDLE: Final = (
    "this desktop does not tell the agent how long it has been idle: run the agent inside the "
    "session, or activity stays unknown"
)
SOURCE: Final = "logind"
NO_SESSION: Final = SessionState("none", False, None, source=SOURCE)


class Caller(Protocol):
    """`dbus.Connection`."""

    def call(self, destination: str, path: str, interface: str, member: str, *args: str) -> Any: ...


def sessions(
    system: Caller,
    desktop: Caller | None,
    terminal_idle_ms: Callable[[str], int | None],
    utc_ms: int,
    uid: int,
) -> SessionState:
    """The session that counts: active before inactive, local before remote.

    `terminal_idle_ms`: since the last input at a terminal such as "pts/3"; `uid`: whose process
    this is, and whose `desktop` it is. Raises DBusError when logind cannot be asked; a session
    that ends between two questions is left out.
    """
    listed = system.call(_LOGIN, _MANAGER, "org.freedesktop.login1.Manager", "ListSessions")
    found = [p for path in _paths(listed) if (p := _properties(system, path)) is not None]
    users = [p for p in found if p.get("Class") == "user" and p.get("State") != "closing"]
    if uid >= _FIRST_PERSON:
        users = [p for p in users if _owner(p) == uid]
    if not users:
        return NO_SESSION
    chosen = max(users, key=lambda p: (p.get("Active") is True, p.get("Remote") is not True))
    # Another person's desktop would tell another person's idle time.
    return _state(chosen, desktop if _owner(chosen) == uid else None, terminal_idle_ms, utc_ms)


def preparing_for_shutdown(system: Caller) -> bool:
    """Whether the machine is on its way down. Raises DBusError."""
    return (
        system.call(
            _LOGIN, _MANAGER, _PROPERTIES, "Get", f"{_LOGIN}.Manager", "PreparingForShutdown"
        )
        is True
    )


def _owner(session: Mapping[str, Any]) -> int | None:
    user = session.get("User")
    return user[0] if isinstance(user, list) and user and isinstance(user[0], int) else None


def _paths(listed: object) -> list[str]:
    rows = listed if isinstance(listed, list) else []
    return [row[4] for row in rows if len(row) == 5 and isinstance(row[4], str)]


def _properties(system: Caller, path: str) -> Mapping[str, Any] | None:
    try:
        answer = system.call(_LOGIN, path, _PROPERTIES, "GetAll", _SESSION)
    except DBusError:
        return None
    return answer if isinstance(answer, dict) else None


def _state(
    session: Mapping[str, Any],
    desktop: Caller | None,
    terminal_idle_ms: Callable[[str], int | None],
    utc_ms: int,
) -> SessionState:
    place: SessionPlace = "remote" if session.get("Remote") is True else "local"
    if session.get("Type") not in _GRAPHICAL:
        idle_ms = terminal_idle_ms(str(session.get("TTY", "")))
        problem = None if idle_ms is not None else "the session's terminal cannot be looked at"
        # A terminal has no lock screen.
        return SessionState(place, False, idle_ms, _TTY_STEP_MS, SOURCE, problem)
    locked = session.get("LockedHint")
    idle_ms, step_ms = _desktop_idle(session, desktop, utc_ms)
    return SessionState(
        place=place,
        locked=locked if isinstance(locked, bool) else None,
        idle_ms=idle_ms,
        idle_step_ms=step_ms,
        source=SOURCE,
        problem=None if idle_ms is not None else _NOT_IDLE,
    )


def _desktop_idle(
    session: Mapping[str, Any], desktop: Caller | None, utc_ms: int
) -> tuple[int | None, int]:
    """Idle time and its resolution. GNOME's own monitor is exact; logind's hint is only true once
    it says idle: KDE leaves it at "no" for ever, GNOME for the first minutes."""
    if desktop is not None:
        try:
            idle = desktop.call(
                _MUTTER, "/org/gnome/Mutter/IdleMonitor/Core", _MUTTER, "GetIdletime"
            )
            if isinstance(idle, int):
                return idle, 1
        except DBusError:
            pass  # not GNOME, or not our session's bus: the hint remains
    since_us = session.get("IdleSinceHint")
    if session.get("IdleHint") is True and isinstance(since_us, int) and since_us > 0:
        return max(0, utc_ms - since_us // 1000), 60_000
    return None, 1
