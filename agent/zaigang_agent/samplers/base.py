"""The contract of a sampler: it is told the time, looks once, and gives readings or says why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from zaigang_shared.device_config import DeviceConfig
from zaigang_shared.readings import Reading


@dataclass(frozen=True, slots=True)
class Now:
    """The moment of a look.

    `span_ms`: since this sampler's previous look; 0 for its first, and for its first after it was
    not allowed to look (pause, end of working hours): then nothing before this moment is told.
    """

    utc_ms: int
    boot_ms: int
    span_ms: int


class Sampler(Protocol):
    """One way of looking. Keeps what it needs between looks, never a clock."""

    @property
    def name(self) -> str:
        """Short and stable: used in status, doctor and error counts."""
        ...

    @property
    def personal(self) -> bool:
        """True: looks at a person's machine, so only inside working hours and when not paused."""
        ...

    def interval_s(self, config: DeviceConfig) -> int:
        """Seconds between looks. A sampler may look more often than it has something to say."""
        ...

    def sample(self, now: Now) -> Sequence[Reading]:
        """The readings since the last look, often none.

        Raises SampleError and nothing else; the caller turns it into a gap reading, once per
        change of reason. After a span of 0, or of many minutes, a personal sampler starts afresh:
        what happened while it was not allowed to look is never reported afterwards.
        """
        ...


@runtime_checkable
class Resting(Protocol):
    """A sampler that keeps something going between its looks: a radio."""

    trouble: str | None
    """One sentence for status and doctor: its readings say that it is not well, this says why."""

    def rest(self) -> None:
        """End all of it: looking is not allowed any more, or somebody else will look from now on.
        A later look begins anew, with a span of 0. May be called again."""
        ...


def rest(samplers: Sequence[Sampler]) -> None:
    """End what these keep going."""
    for sampler in samplers:
        if isinstance(sampler, Resting):
            sampler.rest()


def troubles(samplers: Sequence[Sampler]) -> dict[str, str]:
    """What samplers that go on all the same say of themselves, by name."""
    return {
        sampler.name: sampler.trouble
        for sampler in samplers
        if isinstance(sampler, Resting) and sampler.trouble is not None
    }
