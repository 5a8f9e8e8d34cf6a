"""What all systems share: one look for all who ask at the same moment, and who is asked inside a
session."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from zaigang_agent.platforms.base import HelperDesk, InSession, Inside, Limit, SessionState
from zaigang_shared.clock import Clock

# Two samplers ask within one step of the agent; a lock half a second later is the next look's.
_SAME_LOOK_MS: Final = 1_000
_NO_FOREGROUND: Final = Limit(
    "foreground",
    "this session tells nobody which application is in front, so `apps` counts those that run; on X11, "
    "Windows and macOS a session helper tells it, on Wayland nothing does",
)


class SessionLooks:
    """The session's part of `platforms.base.Platform`."""

    def __init__(
        self, clock: Clock, *, own: int, inside: Inside | None, helpers: HelperDesk | None
    ) -> None:
        """`own`: uid of this process, or its session number on Windows; `inside`: that session, when
        this process is in one; `helpers`: of all others."""
        self._clock = clock
        self._own = own
        self._inside = inside
        self._helpers = helpers
        self._session: SessionState | None = None
        self._session_until_ms = 0
        self._seen: InSession | None = None
        self._asked_names: tuple[str, ...] = ()

    def _look(self) -> SessionState:
        """Ask the system now; `_see` what is to be seen inside."""
        raise NotImplementedError

    def _kept_ms(self, state: SessionState) -> int:
        """How long an answer is good for."""
        del state
        return _SAME_LOOK_MS

    def sessions(self) -> SessionState:
        now_ms = self._clock.boot_ms()
        if self._session is None or now_ms >= self._session_until_ms:
            self._seen = None
            self._session = self._look()
            self._session_until_ms = now_ms + self._kept_ms(self._session)
        return self._session

    def foreground(self, names: Collection[str]) -> frozenset[str] | None:
        wanted = tuple(sorted(names))
        if wanted != self._asked_names:  # asked along with the session from now on
            self._asked_names, self._session = wanted, None
        self.sessions()
        if self._seen is None or self._seen.front is None:
            return None
        return frozenset(names) & {self._seen.front}

    def helpers(self) -> int | None:
        return None if self._helpers is None else self._helpers.connected

    def limits(self) -> tuple[Limit, ...]:
        found: tuple[Limit, ...] = ()
        if self._helpers is not None and self._helpers.problem is not None:
            found += (Limit("session helper", self._helpers.problem),)
        present = self._session is not None and self._session.place in ("local", "remote")
        if self._asked_names and present and (self._seen is None or self._seen.front is None):
            found += (_NO_FOREGROUND,)
        return found

    def _see(self, owner: int, owners: Collection[int]) -> InSession | None:
        """Another person's desktop would tell another person's idle time: each is asked for its own
        session alone."""
        if self._inside is not None and owner == self._own:
            self._seen = self._inside.look(self._asked_names)
        elif self._helpers is not None:
            self._seen = self._helpers.ask(owner, owners, self._asked_names)
        return self._seen
