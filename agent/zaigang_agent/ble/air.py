"""The seam between the agent and a radio: what is heard, what is sent, and how the radio is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Sighting:
    """One advertisement as it was heard, before anybody has looked inside."""

    t_ms: int
    """CLOCK_BOOTTIME."""
    rssi_dbm: int
    service_data: Mapping[str, bytes] = field(default_factory=dict)
    """By 128-bit UUID in lower case."""
    manufacturer_data: Mapping[int, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Heard:
    """All that a radio heard since it was last asked, and how it was meanwhile."""

    sightings: Sequence[Sighting]
    devices: int
    """Distinct transmitters, ours or not; their addresses are not kept."""
    healthy: bool
    restarts: int
    problem: str | None = None
    """For doctor: why it is not healthy, and what to do."""


@dataclass(frozen=True, slots=True)
class Broadcast:
    """What was sent since the radio was last asked: slots of 15 s, see `zaigang_shared.rid`."""

    slot_first: int
    slot_last: int
    ok: bool


FrameAt = Callable[[int], bytes]
"""The frame to send at a UTC time in ms. The radio asks anew for every slot, by its own timer."""


class Radio(Protocol):
    """One Bluetooth adapter. No method blocks for longer than a moment or raises for radio trouble:
    trouble is `healthy` and `ok`, because silence must be told from deafness."""

    def start(self) -> None:
        """Begin to listen. What was on the air before is not heard. May be called again."""
        ...

    def stop(self) -> None:
        """Stop listening and sending, and forget what was heard. May be called again."""
        ...

    def advertise(self, frame_at: FrameAt) -> None:
        """Send from now on, until `stop`."""
        ...

    def heard(self) -> Heard:
        """Hand over what was heard since the last call."""
        ...

    def broadcast(self) -> Broadcast | None:
        """What was sent since the last call; None when nothing was asked for."""
        ...
