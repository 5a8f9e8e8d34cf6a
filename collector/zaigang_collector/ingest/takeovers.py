"""Tells one device that reconnects from two hosts that share its key. Pure.

Both hosts connect under one client id, so each throws the other out, and both come back. A single
laptop throws out its own half-open connection now and then, when its network changes.
"""

from __future__ import annotations

import itertools
from collections import deque
from typing import Final

# Two hosts do this every few seconds. Larger takes longer to notice a clone; smaller suspects a
# laptop that is carried between a dock and Wi-Fi.
DISPLACEMENTS: Final = 6
WITHIN_MS: Final = 600_000


class Takeovers:
    """Remembers, for each device, which addresses displaced a live connection lately."""

    def __init__(self) -> None:
        self._seen: dict[str, deque[tuple[int, str]]] = {}

    def displaced(self, device_id: str, by_address: str, now_ms: int) -> bool:
        """A live connection gave way to one from `by_address`. Whether two hosts are at it:
        the address changed each time, and too often for one."""
        seen = self._seen.setdefault(device_id, deque(maxlen=DISPLACEMENTS))
        seen.append((now_ms, by_address))
        addresses = [address for _, address in seen]
        changes = sum(a != b for a, b in itertools.pairwise(addresses))
        return (
            len(seen) == DISPLACEMENTS
            and now_ms - seen[0][0] <= WITHIN_MS
            and changes == DISPLACEMENTS - 1
        )

    def forget(self, device_id: str) -> None:
        """It was dealt with."""
        self._seen.pop(device_id, None)
