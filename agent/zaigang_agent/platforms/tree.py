"""How many files changed in a folder, on every system. Names are walked over and not kept."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

from zaigang_agent.errors import SampleError

# Folders deeper or larger than this are build trees and caches, not somebody's work of the last
# quarter of an hour; 50,000 files take about 0.2 s of processor time.
_MAX_FILES: Final = 50_000


def changed_files(path: Path, since_utc_ms: int) -> int:
    """Files under `path` that were modified after a moment; 0 when there is no such folder.

    Raises SampleError("permission") when the folder itself is refused: that is no count of nothing.
    """
    since_ns = since_utc_ms * 1_000_000
    changed = seen = 0
    waiting = [path]
    try:
        os.scandir(path).close()
    except PermissionError as error:
        raise SampleError("permission", refused(path)) from error
    except OSError:
        return 0
    while waiting and seen < _MAX_FILES:
        for entry in _entries(waiting.pop()):
            seen += 1
            # Gone meanwhile: deleted files are not counted either.
            with contextlib.suppress(OSError):
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(Path(entry.path))
                elif entry.stat(follow_symlinks=False).st_mtime_ns > since_ns:
                    changed += 1
    return changed


def refused(path: Path) -> str:
    """What to do about a folder that is refused."""
    return (
        f"{path} may not be read by the agent: give its user access (on Linux also "
        "ProtectHome=read-only in a drop-in; on macOS Full Disk Access by a PPPC profile)"
    )


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """What is in a folder but hidden: caches and version control change by themselves. Empty when
    it is gone or not ours to read."""
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if not entry.name.startswith(".")]
    except OSError:
        return []
