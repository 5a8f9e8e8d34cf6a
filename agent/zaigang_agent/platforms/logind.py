"""Sessions as systemd-logind tells them, and what is seen from within one. Pure but for the calls
that are handed in; see org.freedesktop.login1(5).

User names come along in logind's answer and are not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from zaigang_agent.platforms.base import InSession, SessionState
from zaigang_agent.platforms.dbus import DBusError
from zaigang_shared.readings import SessionPlace

_LOGIN: Final = "org.freedesktop.login1"
_MANAGER: Final = "/org/freedesktop/login1"
_SESSION: Final = "org.freedesktop.login1.Session"
_PROPERTIES: Final = "org.freedesktop.DBus.Properties"
_GRAPHICAL: Final = frozenset({"x11", "wayland", "mir"})
# login.defs: accounts below are the system's. An agent that runs as a person sees that person only;
# one that runs as a service sees whoever uses the machine.
_FIRST_PERSON: Final = 1000
_TTY_STEP_MS: Final = 8_000  # the kernel rounds a terminal's times down to 8 s
_NOT_IDLE: Final = (
    "this desktop tells nobody outside how long it has been idle, and no session helper answers: "
    "systemctl --user enable --now zaigang-session in the session, or activity stays unknown"
)
SOURCE: Final = "logind"
NO_SESSION: Final = SessionState("none", False, None, source=SOURCE)


class Caller(Protocol):
    """`dbus.Connection`."""

    def call(self, destination: str, path: str, interface: str, member: str, *args: str) -> Any: ...


@dataclass(frozen=True, slots=True)
class Chosen:
    """The session that counts."""

    properties: Mapping[str, Any]
    owners: frozenset[int]
    """Everybody who has a desktop session now, not only of this one."""

    @property
    def owner(self) -> int | None:
        return _owner(self.properties)

    @property
    def graphical(self) -> bool:
        return self.properties.get("Type") in _GRAPHICAL


def choose(system: Caller, uid: int) -> Chosen | None:
    """The session that counts: active before inactive, local before remote; None when there is none.

    `uid`: whose process this is. Raises DBusError when logind cannot be asked; a session that ends
    between two questions is left out.
    """
    listed = system.call(_LOGIN, _MANAGER, "org.freedesktop.login1.Manager", "ListSessions")
    found = [p for path in _paths(listed) if (p := _properties(system, path)) is not None]
    users = [p for p in found if p.get("Class") == "user" and p.get("State") != "closing"]
    if uid >= _FIRST_PERSON:
        users = [p for p in users if _owner(p) == uid]
    if not users:
        return None
    chosen = max(users, key=lambda p: (p.get("Active") is True, not is_remote(p)))
    desktops = (_owner(p) for p in users if p.get("Type") in _GRAPHICAL)
    return Chosen(chosen, frozenset(owner for owner in desktops if owner is not None))


def is_remote(session: Mapping[str, Any]) -> bool:
    """Whether a session is controlled from elsewhere.

    logind's own word covers ssh. xrdp and VNC servers start desktops that it calls local; such a
    desktop has no seat, since nobody can sit down at it.
    """
    if session.get("Remote") is True:
        return True
    seat = session.get("Seat")
    name = seat[0] if isinstance(seat, list) and seat else None
    return session.get("Type") in _GRAPHICAL and name == ""


def preparing_for_shutdown(system: Caller) -> bool:
    """Whether the machine is on its way down. Raises DBusError."""
    return (
        system.call(
            _LOGIN, _MANAGER, _PROPERTIES, "Get", f"{_LOGIN}.Manager", "PreparingForShutdown"
        )
        is True
    )


def state(
    chosen: Chosen | None,
    inside: InSession | None,
    terminal_idle_ms: Callable[[str], int | None],
    utc_ms: int,
) -> SessionState:
    """`inside`: what is seen from within that session, when anybody in it answers;
    `terminal_idle_ms`: since the last input at a terminal such as "pts/3"."""
    if chosen is None:
        return NO_SESSION
    session = chosen.properties
    place: SessionPlace = "remote" if is_remote(session) else "local"
    if not chosen.graphical:
        idle_ms = terminal_idle_ms(str(session.get("TTY", "")))
        problem = None if idle_ms is not None else "the session's terminal cannot be looked at"
        # A terminal has no lock screen.
        return SessionState(place, False, idle_ms, _TTY_STEP_MS, SOURCE, problem)
    hint = session.get("LockedHint")
    locked = hint if isinstance(hint, bool) else None
    if inside is not None and inside.locked is not None:
        # Either word for "locked" holds: screen lockers of plain X11 do not tell logind.
        locked = inside.locked or locked is True
    if inside is not None and inside.idle_ms is not None:
        return SessionState(
            place=place,
            locked=locked,
            idle_ms=inside.idle_ms,
            idle_step_ms=inside.idle_step_ms,
            source=f"{SOURCE} and the session itself",
            regular=inside.regular,
        )
    idle_ms = _hinted_idle_ms(session, utc_ms)
    why = _NOT_IDLE if inside is None or inside.problem is None else inside.problem
    return SessionState(
        place=place,
        locked=locked,
        idle_ms=idle_ms,
        idle_step_ms=60_000,
        source=SOURCE,
        problem=None if idle_ms is not None else why,
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


def _hinted_idle_ms(session: Mapping[str, Any], utc_ms: int) -> int | None:
    """logind's hint is only true once it says idle: KDE leaves it at "no" for ever, GNOME for the
    first minutes."""
    since_us = session.get("IdleSinceHint")
    if session.get("IdleHint") is True and isinstance(since_us, int) and since_us > 0:
        return max(0, utc_ms - since_us // 1000)
    return None
