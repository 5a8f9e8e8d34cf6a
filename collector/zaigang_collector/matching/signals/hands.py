"""Hands: local input on a device whose place is known. The person is where the keyboard is.

Idle, locked, a remote-control session and input too regular for a hand say nothing: a laptop at a
place is not its owner.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zaigang_collector.matching.model import TimedReading
from zaigang_collector.matching.timeline import Device, Lane, Scene, order, spread
from zaigang_shared.readings import Usage


@dataclass(slots=True)
class Use:
    """How one laptop was used, slot by slot."""

    strength: list[float]
    """0 no hand, up to 1; less for light use and badly dated readings."""
    witness: list[bool]
    best: dict[int, TimedReading]
    seen: list[bool]
    """A usage reading stands for this slot, whatever it says."""
    worked: list[bool]
    """Input by a person, here or from afar."""
    remote: list[bool]
    regular: list[bool]


def use(scene: Scene, device: Device) -> Use:
    """Lay one laptop's usage on the grid."""
    count, light = scene.grid.count, scene.policy.hands_light_share
    found = Use([0.0] * count, [False] * count, {}, *([False] * count for _ in range(4)))
    weights: dict[int, float] = {}  # by time error; few differ
    for slot, timed in spread(scene, device.of(Usage)):
        usage = timed.reading
        if timed.error_ms not in weights:
            weights[timed.error_ms] = scene.weight(timed.error_ms)
        weight = weights[timed.error_ms]
        if weight and isinstance(usage, Usage):
            found.seen[slot] = True
            if usage.active and not usage.locked and usage.session != "none":
                strength = weight if usage.active > 1 else weight * light
                _take(found, slot, usage, strength, timed)
    for slot, timed in found.best.items():
        found.witness[slot] = scene.is_witness(timed.error_ms)
    return found


def _take(found: Use, slot: int, usage: Usage, strength: float, timed: TimedReading) -> None:
    """Input in a slot: the strongest by a hand counts, however often."""
    if usage.regular:
        found.regular[slot] = True
        return
    found.worked[slot] = True
    if usage.session == "remote":
        found.remote[slot] = True
        return
    held = found.best.get(slot)
    if (
        held is None
        or strength > found.strength[slot]
        or (
            strength == found.strength[slot]
            and timed.at_ms <= held.at_ms
            and order(timed) < order(held)
        )
    ):
        found.strength[slot] = strength
        found.best[slot] = timed


def place(scene: Scene, used: Use, beacon: Lane, network: Lane) -> Lane:
    """Hands, put where beacon and network put the device."""
    lane = Lane.empty(scene.grid.count)
    for slot, timed in used.best.items():
        where = (
            beacon.support[slot]
            + network.support[slot]
            + (beacon.against[slot] + network.against[slot])
        )
        llr = used.strength[slot] * scene.policy.hands_llr
        if where >= scene.policy.hands_place_llr:
            lane.add_support(slot, llr, timed)
        elif where <= -scene.policy.hands_place_llr:
            lane.add_against(slot, -llr, used.witness[slot], (timed,))
    return lane


def attention(scene: Scene, slots: Sequence[bool]) -> list[float]:
    """How much the place of a device says of its owner, by the distance to the nearest of `slots`,
    those with the owner's hands on it."""
    policy, count = scene.policy, scene.grid.count
    far = count
    distance = [0 if slot else far for slot in slots]
    for index in range(1, count):
        distance[index] = min(distance[index], distance[index - 1] + 1)
    for index in range(count - 2, -1, -1):
        distance[index] = min(distance[index], distance[index + 1] + 1)
    if not any(slots):
        return [policy.attention_floor_share] * count
    step = policy.slot_s / 60 / policy.attention_half_min
    table = [max(policy.attention_floor_share, 2.0 ** (-step * steps)) for steps in range(count)]
    return [table[steps] for steps in distance]
