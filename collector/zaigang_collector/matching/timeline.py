"""Evidence laid out on the grid: one value per slot, the same for any order of arrival."""

from __future__ import annotations

import math
import operator
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from zaigang_collector.matching.grid import Grid
from zaigang_collector.matching.model import (
    Claim,
    DeviceEvidence,
    Direction,
    Evidence,
    Family,
    Finding,
    Reference,
    SiteFacts,
    Text,
    TimedReading,
)
from zaigang_collector.matching.policy import Policy
from zaigang_shared.readings import Beacon, Usage

order: Final[Callable[[TimedReading], tuple[int, bytes, int]]] = operator.attrgetter(
    "at_ms", "envelope", "index"
)
"""The order of readings on the collector's time line."""
_NAME: Final = operator.attrgetter("envelope", "index")
# The two kinds that make up most of a day: of these only the strongest in a slot counts, so that
# a repeated one changes nothing, and looking for repeats would take longer than all the rest.
_REPEATABLE: Final = frozenset({Beacon, Usage})
ByKind: TypeAlias = Mapping[type, Sequence[TimedReading]]


@dataclass(frozen=True, slots=True)
class Device:
    """One device's readings by kind, each once."""

    device_id: str
    complete_to_ms: int | None
    kinds: ByKind

    def of(self, kind: type) -> Sequence[TimedReading]:
        return self.kinds.get(kind, ())


@dataclass(frozen=True, slots=True)
class Scene:
    """All that a signal may look at."""

    claim: Claim
    site: SiteFacts
    evidence: Evidence
    policy: Policy
    grid: Grid
    laptops: tuple[Device, ...]
    """In order of id; without those whose readings cannot be used."""
    nodes: tuple[Device, ...]
    unusable: frozenset[str]
    """Devices whose readings are left out because of an integrity event."""
    exempt: tuple[bool, ...]
    """Slots in which there is nothing to assess."""

    def weight(self, error_ms: int) -> float:
        """What a reading that is dated to ± `error_ms` counts in a slot, 0 to 1."""
        policy = self.policy
        if error_ms < 0 or error_ms > policy.time_error_worst_s * 1000:
            return 0.0
        full_ms = policy.time_error_full_s * 1000
        return 1.0 if error_ms <= full_ms else full_ms / error_ms

    def is_witness(self, error_ms: int) -> bool:
        """Whether a reading is dated well enough to stand behind a contradiction."""
        return 0 <= error_ms <= self.policy.time_error_witness_s * 1000


@dataclass(slots=True)
class Lane:
    """What one signal says of one device's place, slot by slot, before asking who sat at it."""

    support: list[float]
    against: list[float]
    """At most 0."""
    witness: list[bool]
    """Whether `against` rests on well-dated readings only."""
    support_refs: dict[int, TimedReading] = field(default_factory=dict)
    against_refs: dict[int, tuple[TimedReading, ...]] = field(default_factory=dict)
    decided: list[TimedReading] = field(default_factory=list)
    """What else the lane rests on: without it other slots, or other sums, would come out."""

    @classmethod
    def empty(cls, count: int) -> Lane:
        return cls([0.0] * count, [0.0] * count, [False] * count)

    def add_support(self, slot: int, llr: float, timed: TimedReading) -> None:
        """The strongest counts, however often it is said."""
        held = self.support_refs.get(slot)
        if llr > self.support[slot] or (
            held is not None and llr == self.support[slot] and order(timed) < order(held)
        ):
            self.support[slot] = llr
            self.support_refs[slot] = timed

    def forgive(self, slots: Iterable[int]) -> None:
        """Drop what speaks against in some slots."""
        for slot in slots:
            self.against[slot] = 0.0
            self.against_refs.pop(slot, None)

    def add_against(
        self, slot: int, llr: float, witness: bool, timed: tuple[TimedReading, ...]
    ) -> None:
        """The strongest counts; among equals the well-dated one, then the first."""
        held = self.against_refs.get(slot)
        key = (llr, not witness)
        if llr < 0.0 and (
            held is None
            or key < (self.against[slot], not self.witness[slot])
            or (
                key == (self.against[slot], not self.witness[slot])
                and list(map(order, timed)) < list(map(order, held))
            )
        ):
            self.against[slot] = llr
            self.witness[slot] = witness
            self.against_refs[slot] = timed


@dataclass(frozen=True, slots=True)
class Trace:
    """What one signal says of the person, slot by slot, tempered, before it is put in words."""

    signal: str
    family: Family
    slots: Sequence[float]
    against: Sequence[float]
    """The part that may stand behind a contradiction; 0.0 elsewhere, and for context."""
    text: Text
    references: tuple[Reference, ...] = ()
    direction: Direction | None = None
    """None: by the sign of the sum."""

    def finding(self) -> Finding:
        llr = math.fsum(self.slots)
        direction = _direction(llr) if self.direction is None else self.direction
        return Finding(
            signal=self.signal,
            family=self.family,
            direction=direction,
            llr=llr,
            text=self.text,
            references=self.references,
            slots=tuple(self.slots),
        )


def _direction(llr: float) -> Direction:
    if llr > 0.0:
        return Direction.SUPPORTS
    if llr < 0.0:
        return Direction.CONTRADICTS
    return Direction.SILENT


def references(found: Iterable[TimedReading]) -> tuple[Reference, ...]:
    """The readings named once each, in order of time."""
    several = list(found)
    unique = dict(zip(map(_NAME, several), several, strict=True))
    return tuple(
        Reference(timed.envelope, timed.index) for timed in sorted(unique.values(), key=order)
    )


def devices(found: Sequence[DeviceEvidence]) -> tuple[Device, ...]:
    """Devices in order of id; one that comes in parts is put together."""
    parts: dict[str, list[DeviceEvidence]] = {}
    for device in found:
        parts.setdefault(device.device_id, []).append(device)
    return tuple(_device(device_id, parts[device_id]) for device_id in sorted(parts))


def _device(device_id: str, parts: Sequence[DeviceEvidence]) -> Device:
    readings = parts[0].readings
    if len(parts) > 1:
        readings = tuple(timed for part in parts for timed in part.readings)
    marks = [part.complete_to_ms for part in parts]
    known = [mark for mark in marks if mark is not None]
    kinds: defaultdict[type, list[TimedReading]] = defaultdict(list)
    kind: type | None = None
    own: list[TimedReading] = []
    for timed in readings:
        if type(timed.reading) is not kind:  # several of a kind come one after the other
            kind = type(timed.reading)
            own = kinds[kind]
        own.append(timed)
    for kind in kinds.keys() - _REPEATABLE:
        kinds[kind] = _each_once(kinds[kind])
    complete_to_ms = min(known) if len(known) == len(marks) else None
    return Device(device_id, complete_to_ms, dict(kinds))


def _each_once(readings: list[TimedReading]) -> list[TimedReading]:
    if len(set(map(_NAME, readings))) == len(readings):
        return readings
    kept: dict[tuple[bytes, int], TimedReading] = {}
    for timed in readings:
        name = (timed.envelope, timed.index)
        held = kept.get(name)
        if held is None or (held != timed and _total_order(timed) < _total_order(held)):
            kept[name] = timed
    return list(kept.values())


def _total_order(timed: TimedReading) -> tuple[Any, ...]:
    # Two different readings under one name cannot come from one envelope; a caller's mistake must
    # still not make the answer depend on the order of arrival.
    return timed.error_ms, timed.at_ms, timed.boot_offset_ms, repr(timed.reading)


def spread(scene: Scene, found: Iterable[TimedReading]) -> Iterator[tuple[int, TimedReading]]:
    """Each reading with each slot that it stands for (`Grid.slots_over`); none for one that covers
    too much to say when."""
    grid, longest_ms = scene.grid, scene.policy.longest_span_s * 1000
    start_ms, slot_ms, count = grid.start_ms, grid.slot_ms, grid.count
    for timed in found:
        at_ms, span_ms = timed.at_ms, timed.reading.span_ms
        if span_ms <= slot_ms:  # nearly always; thousands a day
            slot = ((at_ms + at_ms - span_ms) // 2 - start_ms) // slot_ms
            if 0 <= slot < count:
                yield slot, timed
        elif span_ms <= longest_ms:
            for slot in grid.slots_over(at_ms - span_ms, at_ms):
                yield slot, timed


def peak(
    lanes: Sequence[tuple[Sequence[float], Sequence[float]]], count: int
) -> tuple[list[float], list[float]]:
    """The strongest support and the strongest contradiction of several devices per slot.

    Devices of one person share causes, so they do not add up.
    """
    if not lanes:
        return [0.0] * count, [0.0] * count
    support = map(max, zip(*(lane[0] for lane in lanes), strict=True))
    against = map(min, zip(*(lane[1] for lane in lanes), strict=True))
    return list(support), list(against)
