"""logind with sessions of any kind, as a caller of D-Bus sees it."""

from __future__ import annotations

from typing import Any

from zaigang_agent.platforms.dbus import DBusError


class Bus:
    """logind, or GNOME, with answers by member name or object path."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers, self.asked = answers, 0

    def call(self, destination: str, path: str, interface: str, member: str, *args: str) -> Any:
        assert destination
        assert interface
        assert len(args) <= 2
        self.asked += 1
        answer = self.answers.get(path, self.answers.get(member))
        if answer is None:
            raise DBusError(f"{member}: no such thing")
        return answer


def session(**changes: object) -> dict[str, object]:
    state = {
        "Class": "user",
        "State": "active",
        "Active": True,
        "Remote": False,
        "TTY": "",
        "User": [0, "/u"],
    }
    return state | {"Type": "wayland", "LockedHint": False, "IdleHint": False} | changes


def logind(*sessions: dict[str, object], going_down: bool = False) -> Bus:
    rows = [[str(n), 1000, "somebody", "seat0", f"/s/{n}"] for n in range(len(sessions))]
    details = {f"/s/{n}": session for n, session in enumerate(sessions)}
    return Bus({"ListSessions": rows, "Get": going_down, **details})
