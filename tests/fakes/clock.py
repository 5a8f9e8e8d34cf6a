"""A clock that stands still until it is told."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class FakeClock:
    """Both clocks of `zaigang_shared.clock.Clock`, moved by hand."""

    utc: int = 1_790_000_000_000  # 2026-09-21, a Monday
    boot: int = 3_600_000

    def utc_ms(self) -> int:
        return self.utc

    def boot_ms(self) -> int:
        return self.boot

    def advance(self, ms: int) -> None:
        """Let time pass on both clocks."""
        self.utc += ms
        self.boot += ms
