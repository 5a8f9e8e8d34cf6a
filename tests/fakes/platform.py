"""A machine whose every answer is set by the test."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from zaigang_agent.errors import SampleError
from zaigang_agent.platforms.base import Limit, NetworkState, ProcessHealth, SessionState


@dataclass
class FakePlatform:
    """`platforms.base.Platform`; set `refused` to have sessions and network refused."""

    name: str = "fake"
    boot: bytes = bytes(16)
    synced: bool = True
    asleep_ms: int = 0
    session: SessionState = field(default_factory=lambda: SessionState("local", False, 0))
    net: NetworkState = field(
        default_factory=lambda: NetworkState("wifi", False, bytes.fromhex("02005e000001"))
    )
    processes: frozenset[str] = frozenset()
    process_passes: int = 0
    front: frozenset[str] | None = None
    refusals: tuple[Limit, ...] = ()
    helping: int | None = None
    changes: int = 0
    changes_asked: list[tuple[Path, int]] = field(default_factory=list)
    state: ProcessHealth = field(default_factory=lambda: ProcessHealth(32 << 20, 0, 10 << 30, None))
    down: bool = False
    refused: str | None = None

    def boot_id(self) -> bytes:
        return self.boot

    def clock_synced(self) -> bool:
        return self.synced

    def suspended_ms(self) -> int:
        return self.asleep_ms

    def shutting_down(self) -> bool:
        return self.down

    def sessions(self) -> SessionState:
        self._maybe_refuse()
        return self.session

    def network(self) -> NetworkState:
        self._maybe_refuse()
        return self.net

    def running(self, names: Collection[str]) -> frozenset[str]:
        self.process_passes += 1
        return frozenset(names) & self.processes

    def foreground(self, names: Collection[str]) -> frozenset[str] | None:
        return None if self.front is None else frozenset(names) & self.front

    def folder_changes(self, path: Path, since_utc_ms: int) -> int:
        self.changes_asked.append((path, since_utc_ms))
        return self.changes

    def health(self, state_dir: Path) -> ProcessHealth:
        assert state_dir.name
        return self.state

    def limits(self) -> tuple[Limit, ...]:
        return self.refusals

    def helpers(self) -> int | None:
        return self.helping

    def _maybe_refuse(self) -> None:
        if self.refused is not None:
            raise SampleError("permission", self.refused)
