"""How many files changed in the work folders that this machine's owner configured.

Reads: modification times. Never reads: file names for keeping, contents, or any other folder.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from zaigang_agent.errors import SampleError
from zaigang_agent.platforms.base import Platform
from zaigang_agent.samplers.base import Now

# Counting walks every folder; 130,000 files take 0.4 s of processor time. More often would be
# felt on a battery, less often says nothing of the hour.
EVERY_MS: Final = 900_000
_MAX_COUNT: Final = 2**31


class FolderCounter:
    """Counts at most every quarter of an hour; part of usage readings (`touched`)."""

    def __init__(self, platform: Platform, folders: Mapping[str, Path]) -> None:
        """`folders`: path by label; only labels and counts are sent."""
        self._platform = platform
        self._folders = dict(folders)
        self._counted_utc_ms = 0
        self._counted_boot_ms: int | None = None

    def restart(self, now: Now) -> None:
        """What changed up to now was outside what may be observed."""
        self._counted_utc_ms, self._counted_boot_ms = now.utc_ms, now.boot_ms

    def count(self, now: Now) -> dict[str, int]:
        """Changes by label since the last count; empty when it is not time yet. A folder that is
        refused has no count, which is not a count of 0; doctor says why."""
        if self._counted_boot_ms is None:
            self.restart(now)
        elif self._folders and now.boot_ms - self._counted_boot_ms >= EVERY_MS:
            since_utc_ms = self._counted_utc_ms
            self.restart(now)
            counts = {}
            for label, path in self._folders.items():
                with contextlib.suppress(SampleError):
                    changes = self._platform.folder_changes(path, since_utc_ms)
                    counts[label] = min(_MAX_COUNT, max(0, changes))
            return counts
        return {}
