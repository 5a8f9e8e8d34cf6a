"""When a radio is begun anew, and what is said of it meanwhile. Pure.

The normal failure is silence: bluetoothd restarts, the adapter goes, a driver stalls, and nobody says
so. So a round of listening ends after an hour at the latest, and when nothing at all was heard for a
while.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from zaigang_agent.ble import faults

# One slot of a beacon: when it was deaf for less in a period, it could still have heard each of them.
# Smaller, and every planned restart would make a period worthless; larger, and a slot in which it
# could hear nothing would count as listened to.
_MAX_DEAF_MS: Final = 15_000


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited for what, in seconds."""

    start_s: float = 15
    """For an answer to "listen": bluetoothd takes up to 10 s when an adapter has just come. Smaller
    would give up on those, larger leaves a hanging one alone for longer."""
    stop_s: float = 5
    quiet_s: float = 90
    """Without a single advertisement of anybody. Smaller restarts without end in an empty room,
    larger is deaf for longer; habluetooth, which runs in very many homes, has the same."""
    age_s: float = 3600
    """A round at most: Windows and macOS remember every device of a round, so larger takes memory;
    smaller costs a second of deafness more often."""
    check_s: float = 5
    """Between two looks at the time: an end is found so much later, and what failed in a slot of 15 s
    is tried again so soon."""
    pauses_s: tuple[float, ...] = (1, 2, 5, 15, 60)
    """Before the next round, after so many failed ones in a row. Smaller would keep a broken machine
    busy; a larger end would miss an adapter that is plugged in."""


class Supervision:
    """Rounds of listening. Times are CLOCK_BOOTTIME in ms. Not for several threads at once."""

    def __init__(self, patience: Patience, now_ms: int) -> None:
        self._patience = patience
        self._began_ms: int | None = None
        self._heard_ms = now_ms
        self._failed = 0
        self._restarts = 0
        self._deaf_since_ms: int | None = now_ms
        self._deaf_ms = 0
        self._asked_ms = now_ms
        self._problem: str | None = faults.STARTING

    # ---- what happens

    def started(self, now_ms: int) -> None:
        """A round has begun. After silence it counts as deaf until something is heard."""
        self._began_ms = self._heard_ms = now_ms
        if self._problem is None or faults.SILENT not in self._problem:
            self._failed = 0
            self._listening(now_ms)

    def heard(self, now_ms: int) -> None:
        """An advertisement, of anybody."""
        self._heard_ms = now_ms
        if self._deaf_since_ms is not None:
            self._failed = 0
            self._listening(now_ms)

    def failed(self, problem: str, now_ms: int) -> float:
        """A round ended, or did not begin, for this reason. Seconds to wait before the next."""
        self._failed += 1
        stuck = self._failed >= len(self._patience.pauses_s)
        self._end(f"{faults.STUCK if stuck else ''}{problem}", now_ms)
        return self._patience.pauses_s[min(self._failed, len(self._patience.pauses_s)) - 1]

    def renewed(self, now_ms: int) -> None:
        """A round ended only because it was old."""
        self._end(faults.STARTING, now_ms)

    # ---- what is asked

    @property
    def has_begun(self) -> bool:
        """Whether a round is going on."""
        return self._began_ms is not None

    def is_quiet(self, now_ms: int) -> bool:
        """Whether this round has to end because nothing is heard any more."""
        return now_ms - self._heard_ms > self._patience.quiet_s * 1000

    def is_old(self, now_ms: int) -> bool:
        """Whether this round has to end in any case."""
        began_ms = now_ms if self._began_ms is None else self._began_ms
        return now_ms - began_ms > self._patience.age_s * 1000

    def report(self, now_ms: int) -> tuple[bool, int, str | None]:
        """Healthy, restarts and problem of the time since this was last asked."""
        deaf_ms = self._deaf_ms
        if self._deaf_since_ms is not None:
            deaf_ms += now_ms - max(self._deaf_since_ms, self._asked_ms)
        span_ms = now_ms - self._asked_ms
        # A look after two seconds (`show`) must not call deafness for all of them healthy.
        healthy = deaf_ms <= min(_MAX_DEAF_MS, span_ms // 2) and (
            span_ms > 0 or self._deaf_since_ms is None
        )
        restarts, self._restarts = self._restarts, 0
        self._asked_ms, self._deaf_ms = now_ms, 0
        return healthy, restarts, self._problem

    def _listening(self, now_ms: int) -> None:
        if self._deaf_since_ms is not None:
            self._deaf_ms += now_ms - max(self._deaf_since_ms, self._asked_ms)
        self._deaf_since_ms = self._problem = None

    def _end(self, problem: str, now_ms: int) -> None:
        self._restarts += 1
        self._began_ms = None
        self._problem = problem
        if self._deaf_since_ms is None:
            self._deaf_since_ms = now_ms
