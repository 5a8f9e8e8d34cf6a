"""What a device sealed, when, and what became of it: one step before envelopes and evidence."""

from __future__ import annotations

from dataclasses import dataclass

from zaigang_shared.readings import Reading


@dataclass(frozen=True, slots=True)
class Boot:
    """One run of a device's clock."""

    id: bytes
    """16 bytes."""
    started_ms: int
    """UTC."""
    fast_ppm: float = 0.0
    """A quartz nobody disciplines is off by some 20 parts per million."""

    def up_ms(self, utc_ms: float) -> int:
        """What its CLOCK_BOOTTIME shows at a UTC time."""
        return max(0, round((utc_ms - self.started_ms) * (1 + self.fast_ppm / 1e6)))


@dataclass(frozen=True, slots=True)
class Batch:
    """The readings of one envelope. Times are UTC ms as they really were."""

    boot: Boot
    sealed_ms: int
    readings: tuple[Reading, ...]
    online: bool
    """Whether it can leave at once."""
    lost: bool = False
    """Sealed, and will never arrive."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A batch with its journey."""

    batch: Batch
    arrived_ms: int | None
    """When the collector had it; None: never."""
    receipt_at_ms: int | None
    """Time of the newest receipt that the device held when it sealed."""
