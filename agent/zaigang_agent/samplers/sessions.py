"""What happened to the session: boot, login, logout, lock, unlock, suspend, resume.

Reads: whether there is a session, local or remote, locked or not. Never reads: user names.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from zaigang_agent.platforms.base import Platform, SessionState
from zaigang_agent.samplers.base import Now
from zaigang_shared.device_config import DeviceConfig
from zaigang_shared.readings import Session, SessionEvent

LOOK_S: Final = 10
# After a longer silence the difference says when the agent could look again, not when something
# happened. A longer limit would date events wrongly, a shorter one lose them on a busy machine.
_MAX_LOOK_MS: Final = 600_000
# Clocks of one machine drift apart by parts per million; a sleep takes longer than this.
_MIN_SUSPEND_MS: Final = 2_000


def events(before: SessionState, after: SessionState) -> list[SessionEvent]:
    """What must have happened between two looks. Unknown is never a change."""
    if before.place is None or after.place is None:
        return []
    found: list[SessionEvent] = []
    if before.place != after.place:
        if before.place != "none":
            found.append("logout")
        if after.place != "none":
            found.append("login")
        return found
    if before.locked is not None and after.locked is not None and before.locked != after.locked:
        found.append("lock" if after.locked else "unlock")
    return found


def farewell(platform: Platform, boot_ms: int) -> list[Session]:
    """For a clean stop inside working hours: the shutdown, when it is one of the machine."""
    return [_event("shutdown", boot_ms)] if platform.shutting_down() else []


class SessionsSampler:
    """Events by difference; an event's time is the look that saw it, at most ten seconds late."""

    name = "sessions"
    personal = True

    def __init__(self, platform: Platform, last_boot: Callable[[], bytes | None]) -> None:
        """`last_boot`: the boot id of the newest envelope so far; None when there is none."""
        self._platform = platform
        self._last_boot = last_boot
        self._boot_told = False
        self._before: SessionState | None = None
        self._suspended_ms = 0

    def interval_s(self, config: DeviceConfig) -> int:
        return LOOK_S

    def sample(self, now: Now) -> Sequence[Session]:
        found = self._boot()
        slept = self._slept(now)
        # A look that spans a sleep is as long as the sleep; what counts is the time awake.
        fresh = now.span_ms == 0 or now.span_ms - slept > _MAX_LOOK_MS
        if slept and not fresh:
            found.append(_event("suspend", now.boot_ms - now.span_ms))
            found.append(_event("resume", now.boot_ms))
        before, after = self._before, self._platform.sessions()
        self._before = after
        if before is not None and not fresh:
            found.extend(_event(event, now.boot_ms) for event in events(before, after))
        return found

    def _boot(self) -> list[Session]:
        """The boot itself, at 0 ms by definition, when no envelope of it exists yet. A boot before
        working hours is thus not told: by their beginning there is an envelope that says so."""
        if self._boot_told:
            return []
        self._boot_told = True
        return [] if self._platform.boot_id() == self._last_boot() else [_event("boot", 0)]

    def _slept(self, now: Now) -> int:
        before_ms, self._suspended_ms = self._suspended_ms, self._platform.suspended_ms()
        slept_ms = self._suspended_ms - before_ms
        return slept_ms if now.span_ms and slept_ms >= _MIN_SUSPEND_MS else 0


def _event(event: SessionEvent, t_ms: int) -> Session:
    return Session(t_ms=t_ms, span_ms=0, event=event)
