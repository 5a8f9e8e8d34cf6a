"""How long to wait before another attempt. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Waits that double, each cut short by chance, so that many do not come back at once.

    `attempts`: larger keeps a poll at a system that is down; smaller gives up on a hiccup.
    `first_s`: larger wastes time on a hiccup; smaller meets the same throttle again.
    `most_s`: larger lets a pass sleep through its next turn; smaller hammers.
    """

    jitter: Callable[[], float]
    """0 to 1, anew each time."""
    attempts: int = 5
    first_s: float = 1.0
    most_s: float = 60.0

    def wait_s(self, tried: int, asked_s: float | None = None) -> float | None:
        """Seconds until the next attempt after `tried` of them; None: give up. `asked_s`: what the
        other side asks for; when that is more than we wait at all, it is for the next pass."""
        if tried >= self.attempts:
            return None
        if asked_s is not None:
            return None if asked_s > self.most_s else asked_s * (1.0 + 0.1 * self.jitter())
        whole = min(self.most_s, self.first_s * 2.0 ** (tried - 1))
        return float(whole * (0.5 + 0.5 * self.jitter()))
