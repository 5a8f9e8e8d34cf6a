"""What the operating system is asked, and nothing beyond it.

No window titles, key strokes, file names, document contents, browser addresses or network names
can be had through this protocol; a sampler cannot send what it cannot ask. What each system tells,
what it refuses, and how that was verified: docs/platforms.md.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
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
    regular: bool | None = None
    """Judged where the inputs were seen: too regular for a hand. None: judge by `idle_ms`."""


@dataclass(frozen=True, slots=True)
class InSession:
    """What can only be seen from within a session: by this process, or by its session helper."""

    idle_ms: int | None
    """Since the last input; None when this desktop does not tell."""
    idle_step_ms: int
    locked: bool | None
    front: str | None
    """Which of the names that were asked for has the foreground, "" when another program or none
    has; None when this desktop does not tell."""
    regular: bool | None = None
    problem: str | None = None
    """One sentence on what is missing and what to do."""


class Inside(Protocol):
    """Somebody in a session who can be asked what is seen there."""

    def look(self, names: Sequence[str]) -> InSession:
        """`names`: executables, lower case; no other program's name comes back. Raises nothing."""
        ...


class HelperDesk(Protocol):
    """Where session helpers are asked: `helper_server.Helpers`, loaded only where some are served."""

    problem: str | None
    """Why the last helper was cut off; None after one that answered."""

    @property
    def connected(self) -> int: ...

    def ask(self, owner: int, owners: Collection[int], names: Collection[str]) -> InSession | None:
        """What the helper of `owner` sees; None when none answers. `owners`: all with a session."""
        ...


class Wire(Protocol):
    """A connection to the service; as `socket.socket`."""

    def recv(self, most: int, /) -> bytes: ...

    def sendall(self, data: bytes, /) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Limit:
    """Something that this system refuses, or does not tell: for doctor, never an absence."""

    signal: str
    sentence: str
    """What is missing, why, and what to do."""


@dataclass(frozen=True, slots=True)
class NetworkState:
    """How the machine is connected. The gateway's address never leaves the machine unhashed."""

    link: Link
    vpn: bool
    gateway_mac: bytes | None
    """Six bytes; None when there is no gateway or it has not been heard from. Where only IPv6 leads
    out, or the gateway is not told, and the link is Wi-Fi: the access point's, if it may be read."""


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

    def foreground(self, names: Collection[str]) -> frozenset[str] | None:
        """Which of `names` (as for `running`) has the foreground, at most one; None when the system
        does not tell. Another program in the foreground is no name at all."""
        ...

    def folder_changes(self, path: Path, since_utc_ms: int) -> int:
        """How many files under `path` changed since then: a number, no names."""
        ...

    def health(self, state_dir: Path) -> ProcessHealth: ...

    def limits(self) -> tuple[Limit, ...]:
        """What doctor has to say about this system beyond what is asked above."""
        ...

    def helpers(self) -> int | None:
        """Session helpers that are connected; None where this process serves none."""
        ...
