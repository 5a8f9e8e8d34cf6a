"""The collector's clock as evidence needs it: it may stand still, and never goes back.

Receipts are the lower bound in time of what quotes them, arrivals the upper one. Were the clock set
back in between, an honest device's envelopes would contradict each other, and it would be blamed.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from zaigang_collector.errors import CollectorError
from zaigang_shared.clock import Clock

# Time servers step by seconds; that long, time stands still here. Larger stamps envelopes with a
# time that is long over; smaller stops ingest for a correction that nobody would notice.
STEP_MS: Final = 60_000


class ClockBehindError(CollectorError):
    """The system's clock shows a time that is long over; nothing can be stamped with it."""


class ForwardClock:
    """UTC that never goes back, beginning at the newest that was recorded. One thread at a time."""

    def __init__(self, clock: Clock, newest_ms: int) -> None:
        self._clock = clock
        self._newest_ms = newest_ms
        self.floor_ms = 0
        """What was stamped while the clock was behind (arrivals) was no earlier than this."""

    def utc_ms(self) -> int:
        """UTC ms. Raises ClockBehindError where the system's clock is more than a step behind."""
        now_ms = self._clock.utc_ms()
        if now_ms >= self._newest_ms:
            self._newest_ms = now_ms
            return now_ms
        self.floor_ms = self._newest_ms
        if self._newest_ms - now_ms > STEP_MS:
            raise ClockBehindError(
                f"this machine's clock shows {_shown(now_ms)}, but {_shown(self._newest_ms)} was "
                "recorded already: set the clock. Nothing is stored until then, and devices keep "
                "what they read"
            )
        return self._newest_ms

    def boot_ms(self) -> int:
        """As the clock itself."""
        return self._clock.boot_ms()


def _shown(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1000, UTC).isoformat()
