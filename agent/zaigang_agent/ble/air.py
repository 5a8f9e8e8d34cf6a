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
    address: bytes = b""
    """Six bytes, the first as it is written first; empty where the system keeps it (macOS)."""

    def __repr__(self) -> str:
        # Most are of devices that are none of our business: nothing of them may reach a traceback.
        return f"Sighting(t_ms={self.t_ms}, …)"


class Listener(Protocol):
    """Whoever decides what of a sighting is kept."""

    @property
    def needles(self) -> Sequence[bytes] | None:
        """A message of the system that contains none of these needs not be looked into. Service
        UUIDs are text in lower case there, addresses text as A1_B2_…, payloads as they are. None:
        look into everything."""
        ...

    def hear(self, sighting: Sighting) -> None:
        """Called for each advertisement, in a thread of the radio's. Keeps what is ours."""
        ...


@dataclass(frozen=True, slots=True)
class Heard:
    """How the radio was since it was last asked, and how much there was to hear."""

    adverts: int
    devices: int
    """Distinct transmitters, ours or not, about; their addresses are not kept."""
    healthy: bool
    restarts: int
    problem: str | None = None
    """For doctor: why it is not healthy, and what to do."""


@dataclass(frozen=True, slots=True)
class Broadcast:
    """What was sent in some stretch of time: slots of 15 s, see `zaigang_shared.rid`."""

    from_ms: int
    """CLOCK_BOOTTIME; so is `until_ms`, at which the clock of this machine is in `slot_last`."""
    until_ms: int
    slot_first: int
    slot_last: int
    ok: bool
    """Whether each of these slots was on the air, for at least a part of it; False: none was."""
    problem: str | None = None
    """For doctor: why not, and what to do."""


FrameAt = Callable[[int], bytes]
"""The frame to send at a UTC time in ms. The radio asks anew for every slot, by its own timer."""


class Radio(Protocol):
    """One Bluetooth adapter. No method blocks for longer than a moment or raises for radio trouble:
    trouble is `healthy` and `ok`, because silence must be told from deafness."""

    def start(self, listener: Listener) -> None:
        """Begin to listen. What was on the air before is not heard. May be called again, also with
        another listener, which then takes over."""
        ...

    def stop(self) -> None:
        """Stop listening and sending, and forget both. May be called again."""
        ...

    def advertise(self, frame_at: FrameAt) -> None:
        """Send from now on, until `stop`."""
        ...

    def heard(self) -> Heard:
        """How it was since the last call. All that was heard until now has reached the listener."""
        ...

    def broadcast(self) -> Sequence[Broadcast] | None:
        """What was sent since the last call, in order; None when nothing was asked for, and where the
        system lets no program broadcast: then there is nothing to be said of any slot."""
        ...
