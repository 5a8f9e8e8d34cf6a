"""A day as it really was: where the person, the laptop and the sensor were, minute by minute.

A plan is a row of stretches that touch each other; a nuisance or a cheat changes some fields over
some minutes and leaves the rest. Minutes count from local midnight at the site.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from zaigang_collector.simulation.places import HOME, Spot
from zaigang_collector.simulation.sensors import Carrying

Hands = Literal["owner", "colleague", "remote", "jiggler", "none"]
Power = Literal["on", "asleep", "off"]
LinkKind = Literal["ethernet", "wifi", "cellular", "none"]


@dataclass(frozen=True, slots=True)
class Link:
    """What a laptop is connected to."""

    kind: LinkKind
    gateway: bytes | None
    """Hardware address of the gateway it sees."""
    egress: str | None
    """The address that the collector would see."""
    vpn: bool = False
    online: bool = True
    """Whether envelopes get through."""


NO_LINK = Link("none", None, None, online=False)


@dataclass(frozen=True, slots=True)
class State:
    """Everything that is true at one minute."""

    person: Spot = HOME
    laptop: Spot = HOME
    power: Power = "off"
    hands: Hands = "none"
    input_share: float = 0.0
    """Share of the minutes in which there is input."""
    locked: bool = False
    link: Link = NO_LINK
    sensor: Carrying = "absent"
    sensor_spot: Spot = HOME
    badge: Spot = HOME
    scan: Literal["well", "unhealthy", "deaf"] = "well"
    """unhealthy: the agent knows that its radio is deaf; deaf: it does not."""
    usage_seen: bool = True
    """False: the system no longer tells the agent about input."""
    network_seen: bool = True
    agent: bool = True
    """False: nobody looks and nobody signs."""
    relay: bool = False
    """An accomplice passes on live what the site's node says."""
    replay_ms: int | None = None
    """A recording is played, this much later than it was made."""
    kept_back: bool = False
    """What is sealed now will never be delivered."""

    @property
    def in_use(self) -> bool:
        return self.power == "on" and self.hands != "none" and not self.locked


@dataclass(frozen=True, slots=True)
class Part:
    from_min: int
    to_min: int
    state: State


@dataclass(frozen=True, slots=True)
class Plan:
    """Stretches in order, without holes."""

    parts: tuple[Part, ...]

    @staticmethod
    def steady(from_min: int, to_min: int, state: State) -> Plan:
        return Plan((Part(from_min, to_min, state),))

    @property
    def from_min(self) -> int:
        return self.parts[0].from_min

    @property
    def to_min(self) -> int:
        return self.parts[-1].to_min

    def change(self, from_min: float, to_min: float, **fields: Any) -> Plan:
        """The same day with these fields of `State` different between two minutes."""
        low, high = max(self.from_min, round(from_min)), min(self.to_min, round(to_min))
        if low >= high:
            return self
        parts: list[Part] = []
        for part in self.parts:
            inside = max(part.from_min, low), min(part.to_min, high)
            if inside[0] >= inside[1]:
                parts.append(part)
                continue
            if part.from_min < inside[0]:
                parts.append(Part(part.from_min, inside[0], part.state))
            parts.append(Part(*inside, dataclasses.replace(part.state, **fields)))
            if inside[1] < part.to_min:
                parts.append(Part(inside[1], part.to_min, part.state))
        return Plan(_joined(parts))

    def at(self, minute: float) -> State:
        """The state at a minute; beyond the ends, that of the end."""
        for part in self.parts:
            if minute < part.to_min:
                return part.state
        return self.parts[-1].state

    def minutes(self, from_min: int, to_min: int) -> Iterator[tuple[int, State]]:
        """Each minute with its state."""
        for part in self.parts:
            for minute in range(max(part.from_min, from_min), min(part.to_min, to_min)):
                yield minute, part.state

    def stretches_at(self, place: str) -> tuple[tuple[int, int], ...]:
        """When the person was in a place."""
        found: list[tuple[int, int]] = []
        for part in self.parts:
            if part.state.person.place != place:
                continue
            if found and found[-1][1] == part.from_min:
                found[-1] = found[-1][0], part.to_min
            else:
                found.append((part.from_min, part.to_min))
        return tuple(found)


def _joined(parts: list[Part]) -> tuple[Part, ...]:
    joined: list[Part] = []
    for part in parts:
        if joined and joined[-1].state == part.state:
            joined[-1] = Part(joined[-1].from_min, part.to_min, part.state)
        else:
            joined.append(part)
    return tuple(joined)
