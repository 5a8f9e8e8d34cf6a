"""What the operating system is asked, and nothing beyond it.

No window titles, key strokes, file names, document contents, browser addresses or network names
can be had through this protocol; a sampler cannot send what it cannot ask.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from zaigang_shared.readings import Link, SessionPlace


@dataclass(frozen=True, slots=True)
class SessionState:
    """Who could be using the machine. None always means: the system does not tell."""

    place: SessionPlace | None
    locked: bool | None
    idle_ms: int | None
    """Since the last input; None when unknown or when there is no session."""
    idle_step_ms: int = 1
    """Resolution of `idle_ms`: the kernel rounds terminal times to 8 s."""
    source: str = ""
    """Where the answer came from, for doctor: "logind", "terminals"."""
    problem: str | None = None
    """One sentence on what is missing and what to do; None when nothing is."""


@dataclass(frozen=True, slots=True)
class NetworkState:
    """How the machine is connected. The gateway's address never leaves the machine unhashed."""

    link: Link
    vpn: bool
    gateway_mac: bytes | None
    """Six bytes; None when there is no gateway or it has not been heard from."""


@dataclass(frozen=True, slots=True)
class ProcessHealth:
    """The agent's own use of the machine."""

    rss_bytes: int
    cpu_ms: int
    """CPU time of this process since it started."""
    disk_free_bytes: int
    """On the file system of the state directory."""
    battery_pct: float | None


class Platform(Protocol):
    """One operating system. Methods raise SampleError("permission", ...) when they are refused."""

    @property
    def name(self) -> str:
        """ "linux" and so on, as sent at enrolment."""
        ...

    def boot_id(self) -> bytes:
        """16 bytes, new at every boot."""
        ...

    def clock_synced(self) -> bool:
        """Whether the system says that its clock is synchronised."""
        ...

    def suspended_ms(self) -> int:
        """How long this boot has been suspended so far; grows only while asleep."""
        ...

    def shutting_down(self) -> bool:
        """Whether the machine is on its way down, as opposed to this program alone."""
        ...

    def sessions(self) -> SessionState: ...

    def network(self) -> NetworkState: ...

    def running(self, names: Collection[str]) -> frozenset[str]:
        """Which of `names` (executables, lower case) are running. Other names are not kept."""
        ...

    def folder_changes(self, path: Path, since_utc_ms: int) -> int:
        """How many files under `path` changed since then: a number, no names."""
        ...

    def health(self, state_dir: Path) -> ProcessHealth: ...
