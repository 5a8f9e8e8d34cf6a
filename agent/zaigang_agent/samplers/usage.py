"""How the machine was used: whether there was input, never which.

Reads: time since the last input, locked or not, which allow-listed work application is in front (or
runs, where the system does not tell what is in front), how many files changed in configured work
folders. Never reads: keys, mouse positions, window titles, other applications' names, file names or
contents.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

from zaigang_agent.errors import SampleError
from zaigang_agent.platforms.base import Platform, SessionState
from zaigang_agent.regularity import Inputs
from zaigang_agent.samplers.base import Now
from zaigang_agent.samplers.folders import FolderCounter
from zaigang_shared.device_config import DeviceConfig
from zaigang_shared.readings import SessionPlace, Usage

# One input counts for at most one look. Longer looks would turn single touches into work, shorter
# ones cost processor time at rest.
LOOK_S: Final = 10
# A look that covers more was not a look: something stood still that nobody told of. Shorter, and a
# busy machine, or a simulation at a thousand times the speed, would lose its readings; longer, and
# one input after a standstill would claim more than a coffee break.
MAX_LOOK_MS: Final = 600_000
# The clocks behind it drift by parts per million; a sleep takes longer than this.
_MIN_SUSPEND_MS: Final = 2_000
_APPS_EVERY_MS: Final = 60_000  # a pass over all processes costs milliseconds, not microseconds


def level(part_ms: int, whole_ms: int) -> int:
    """0 none, 1 under a third, 2 under two thirds, 3 more."""
    if part_ms <= 0:
        return 0
    if part_ms * 3 < whole_ms:
        return 1
    return 2 if part_ms * 3 < whole_ms * 2 else 3


@dataclass
class _Stretch:
    """Time with one kind of session, being added up."""

    place: SessionPlace
    locked: bool
    span_ms: int = 0
    active_ms: int = 0
    app_ms: dict[str, int] = field(default_factory=dict)


class UsageSampler:
    """Looks every ten seconds, says something every `usage_s` and when session or lock changed."""

    name = "usage"
    personal = True

    def __init__(
        self,
        platform: Platform,
        folders: FolderCounter,
        *,
        usage_s: int,
        apps: Mapping[str, Sequence[str]],
    ) -> None:
        """`apps`: process names by label, as the collector signed them."""
        self._platform = platform
        self._folders = folders
        self._usage_ms = usage_s * 1000
        self._apps = {label: frozenset(n.lower() for n in names) for label, names in apps.items()}
        self._running: frozenset[str] = frozenset()
        self._apps_due_ms = 0
        self._inputs = Inputs()
        self._told_regular: bool | None = None
        self._stretch: _Stretch | None = None
        self._suspended_ms = 0

    def interval_s(self, config: DeviceConfig) -> int:
        return min(LOOK_S, config.usage_s)

    def sample(self, now: Now) -> Sequence[Usage]:
        try:
            slept = self._slept()
            if slept or not 0 < now.span_ms <= MAX_LOOK_MS:
                self._forget(now)
                return []
            seen = _Seen.of(self._platform.sessions())
        except SampleError:
            self._forget(now)
            raise
        said = []
        stretch = self._stretch
        if stretch and (stretch.place, stretch.locked) != (seen.place, seen.locked):
            said.append(self._say(stretch, now, now.boot_ms - now.span_ms))
            stretch = None
        stretch = stretch or _Stretch(seen.place, seen.locked)
        self._add(stretch, seen, now)
        self._stretch = stretch
        # Half a look early rather than half a look late: looks never fall on the second.
        if stretch.span_ms + LOOK_S * 500 >= self._usage_ms:
            said.append(self._say(stretch, now, now.boot_ms))
            self._stretch = None
        return [usage for usage in said if usage is not None]

    def _slept(self) -> bool:
        """Whether the machine was asleep since the last look: the first touch afterwards would
        make work of the sleep."""
        before_ms, self._suspended_ms = self._suspended_ms, self._platform.suspended_ms()
        return self._suspended_ms - before_ms >= _MIN_SUSPEND_MS

    def _forget(self, now: Now) -> None:
        self._stretch = None
        self._inputs.forget()
        self._told_regular = None
        self._apps_due_ms = now.boot_ms
        self._folders.restart(now)

    def _add(self, stretch: _Stretch, seen: _Seen, now: Now) -> None:
        stretch.span_ms += now.span_ms
        if seen.idle_ms is not None:
            stretch.active_ms += max(0, now.span_ms - seen.idle_ms)
            self._inputs.note(now.boot_ms, seen.idle_ms, seen.idle_step_ms)
        self._told_regular = seen.regular
        for label in self._apps_used(seen, now):
            stretch.app_ms[label] = stretch.app_ms.get(label, 0) + now.span_ms

    def _apps_used(self, seen: _Seen, now: Now) -> frozenset[str]:
        """Labels in the foreground now; where the system does not tell, those that run."""
        if not self._apps:
            return frozenset()
        wanted = frozenset().union(*self._apps.values())
        found = self._platform.foreground(wanted)
        if found is None:
            return self._apps_running(wanted, now)
        # Behind a lock screen nothing is in front of anybody.
        found = frozenset() if seen.locked or seen.place == "none" else found
        return frozenset(k for k, names in self._apps.items() if names & found)

    def _apps_running(self, wanted: frozenset[str], now: Now) -> frozenset[str]:
        if now.boot_ms >= self._apps_due_ms:
            self._apps_due_ms = now.boot_ms + _APPS_EVERY_MS
            found = self._platform.running(wanted)
            self._running = frozenset(k for k, names in self._apps.items() if names & found)
        return self._running

    def _say(self, stretch: _Stretch, now: Now, t_ms: int) -> Usage | None:
        if not stretch.span_ms:
            return None
        return Usage(
            t_ms=t_ms,
            span_ms=stretch.span_ms,
            active=level(stretch.active_ms, stretch.span_ms),
            regular=self._inputs.regular() if self._told_regular is None else self._told_regular,
            session=stretch.place,
            locked=stretch.locked,
            apps={k: level(ms, stretch.span_ms) for k, ms in stretch.app_ms.items()},
            touched=self._folders.count(now),
        )


@dataclass(frozen=True)
class _Seen:
    """A session that is known well enough to be reported."""

    place: SessionPlace
    locked: bool
    idle_ms: int | None
    idle_step_ms: int
    regular: bool | None = None
    """Judged already by who saw the inputs."""

    @staticmethod
    def of(state: SessionState) -> _Seen:
        """Raises SampleError("permission") when the system does not tell enough: a reading claims
        activity and lock, and neither may be guessed."""
        if state.place == "none":
            return _Seen("none", False, None, 1)
        problem = state.problem or "this desktop does not tell whether it is locked or idle"
        known = state.place is not None and state.locked is not None
        # On a locked screen nobody works, whatever moved the mouse.
        if not known or (state.idle_ms is None and not state.locked):
            raise SampleError("permission", problem)
        place, locked = cast("SessionPlace", state.place), bool(state.locked)
        idle_ms = None if locked else state.idle_ms
        return _Seen(place, locked, idle_ms, state.idle_step_ms, state.regular)
