"""How the running agent is doing, for `status` and `doctor`; and the flag by which it is paused.

The file is for people and their tools on this machine. Nothing reads it back to decide anything. Under
systemd it lies in memory (RUNTIME_DIRECTORY), so that the card of a node is not written for it each
minute; a link in the state folder leads there.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

_STATUS: Final = "status.json"
_PAUSED: Final = "paused"


class Status(Struct, kw_only=True):
    """One moment of a running agent. Times are UTC ms by the device's own clock."""

    pid: int
    agent: str
    started_ms: int
    updated_ms: int
    connected: bool = False
    connected_since_ms: int | None = None
    uplink_problem: str | None = None
    looking: bool = False
    """Whether personal samplers may look now."""
    closed_because: str | None = None
    """off_hours or paused, when they may not."""
    config_version: int = 0
    sealed: int = 0
    """Envelopes sealed since the start."""
    waiting: int = 0
    """Envelopes without a receipt."""
    helpers: int | None = None
    """Session helpers that are connected; null where none are served."""
    limits: dict[str, str] = {}
    """What the system refuses the running agent, by signal."""
    shedding: bool = False
    """Less valuable readings are being given up for want of room."""
    problems: dict[str, str] = {}
    """What does not work, by part, each with a sentence."""
    errors: dict[str, int] = {}
    """Counts since the start, by code."""


def write_status(state_dir: Path, status: Status) -> None:
    """Replace the file. What cannot be written is not worth stopping for: returns silently."""
    target = _place(state_dir)
    new = target.with_suffix(".new")
    try:
        new.write_bytes(msgspec.json.encode(status))
        new.chmod(0o600)
        new.replace(target)
    except OSError:  # a full disk; the spool says so where it matters
        new.unlink(missing_ok=True)


def _place(state_dir: Path) -> Path:
    """Where the file of this state folder is."""
    link, own = state_dir / _STATUS, os.environ.get("STATE_DIRECTORY")
    memory = os.environ.get("RUNTIME_DIRECTORY")
    if not memory or own != str(state_dir):  # several agents, or one that was started by hand
        return link
    target = Path(memory.split(":")[0]) / _STATUS
    try:
        if not link.is_symlink() or link.readlink() != target:
            link.unlink(missing_ok=True)
            link.symlink_to(target)
    except OSError:
        return link
    return target


def read_status(state_dir: Path) -> Status | None:
    """The newest status; None when there is none that can be read."""
    try:
        return msgspec.json.decode((state_dir / _STATUS).read_bytes(), type=Status)
    except (OSError, msgspec.MsgspecError):
        return None


def is_running(status: Status | None) -> bool:
    """Whether the process that wrote the status is still there."""
    if status is None:
        return False
    try:
        os.kill(status.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # there, and somebody else's
        return True
    return True


def pause(state_dir: Path) -> bool:
    """Ask the agent to stop looking at the person; False when it was asked before."""
    try:
        os.close(os.open(state_dir / _PAUSED, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return False
    return True


def resume(state_dir: Path) -> bool:
    """Take the request back; False when there was none."""
    try:
        (state_dir / _PAUSED).unlink()
    except FileNotFoundError:
        return False
    return True


def is_paused(state_dir: Path) -> bool:
    """Whether the person asked for a pause."""
    return (state_dir / _PAUSED).exists()
