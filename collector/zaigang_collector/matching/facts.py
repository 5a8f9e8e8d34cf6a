"""What a verdict asks of an interval: shares, stretches, gaps, completeness. Pure arithmetic."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from zaigang_collector.matching import words
from zaigang_collector.matching.model import Family
from zaigang_collector.matching.presence import Looked
from zaigang_collector.matching.signals import geofence, integrity, travel
from zaigang_collector.matching.timeline import Scene

WITNESSES: Final = (Family.RADIO, Family.HANDS, Family.AIR)
"""Families that can stand behind a contradiction."""
FAMILIES_TO_CONTRADICT: Final = 2
"""Not a number to tune: one cause must never be enough (matching.md, Verdict)."""
Run: TypeAlias = range
"""Slots one after the other."""


@dataclass(frozen=True)
class Facts:
    """One interval, ready to be judged. Exempt slots count nowhere."""

    scene: Scene
    looked: Looked
    posteriors: Sequence[float]
    """With pauses bridged: the verdict bounds them by `confirm_gap_min`."""
    told: Sequence[float]
    """As the assessment tells them."""
    against: Mapping[Family, Sequence[float]]
    """Per family and slot what may stand behind a contradiction, at most 0."""
    covered: Sequence[bool]
    doubted: list[str]

    @functools.cached_property
    def lengths_ms(self) -> list[int]:
        lengths = self.scene.grid.lengths_ms()
        return [0 if off else ms for ms, off in zip(lengths, self.scene.exempt, strict=True)]

    @functools.cached_property
    def total_ms(self) -> int:
        return sum(self.lengths_ms)

    @functools.cached_property
    def covered_ms(self) -> int:
        return sum(itertools.compress(self.lengths_ms, self.covered))

    @functools.cached_property
    def person_ms(self) -> int:
        return sum(itertools.compress(self.lengths_ms, self.looked.person))

    @property
    def coverage(self) -> float:
        return self.covered_ms / self.total_ms if self.total_ms else 0.0

    @functools.cached_property
    def present_share(self) -> float | None:
        if not self.covered_ms:
            return None
        present_ms = self.ms_where(lambda slot: self.covered[slot] and self.is_present(slot))
        return present_ms / self.covered_ms

    @functools.cached_property
    def longest_gap(self) -> Run:
        """The longest stretch without the person's own trace at the site."""
        return max(self._gaps, key=lambda run: (self.length_ms(run), -run.start), default=range(0))

    @property
    def longest_gap_ms(self) -> int:
        return self.length_ms(self.longest_gap)

    @functools.cached_property
    def two_places_ms(self) -> int:
        return sum(itertools.compress(self.lengths_ms, self.looked.two_places))

    @property
    def in_two_places(self) -> bool:
        """Whether somebody else uses one of the person's devices, nobody knows which."""
        return self.two_places_ms >= self.scene.policy.two_places_min * 60_000

    @functools.cached_property
    def unsettled_ms(self) -> int:
        laptops = self.looked.laptops
        return self.ms_where(lambda slot: any(seen.unsettled[slot] for seen in laptops))

    @functools.cached_property
    def beside_home_ms(self) -> int:
        laptops = self.looked.laptops
        return self.ms_where(lambda slot: any(seen.beside_home[slot] for seen in laptops))

    @property
    def home_beside_beacon(self) -> bool:
        """Whether the beacon was heard so long on the registered home network that either the
        network travels or the beacon is relayed: nobody knows which, so it confirms nobody."""
        return self.beside_home_ms >= self.scene.policy.network_travels_min * 60_000

    @functools.cached_property
    def tireless(self) -> Run:
        """The longest stretch with a hand on one laptop in every slot of it."""
        used = [[strength > 0.0 for strength in seen.use.strength] for seen in self.looked.laptops]
        runs = (run for hands in used for run in self.runs(hands.__getitem__))
        return max(runs, key=lambda run: (self.length_ms(run), -run.start), default=range(0))

    @property
    def is_tireless(self) -> bool:
        """Whether that is longer than anybody works without a pause."""
        return self.length_ms(self.tireless) >= self.scene.policy.hands_tireless_h * 3_600_000

    @functools.cached_property
    def flags(self) -> list[str]:
        """What the source says against the punches, in order of name."""
        return integrity.claim_flags(self.scene)

    @functools.cached_property
    def is_far_claimed(self) -> bool:
        """Whether the punches themselves speak against the claim: all of those with a position are
        outside the fence, or two of them are an impossible step apart."""
        claim, site, policy = self.scene.claim, self.scene.site, self.scene.policy
        fixed = [geofence.hold(point, site, policy) for point in claim.points]
        held = [one for one in fixed if one is not None]
        return (bool(held) and not any(one.inside for one in held)) or bool(
            travel.impossible(self.scene)
        )

    def left_unclaimed(self, run: Run) -> bool:
        """Whether an absence reaches the end of an interval that only the shift ends, after the
        person was seen: who forgot to clock out never claimed to have stayed."""
        return (
            not self.scene.claim.end_is_claimed
            and run.stop == self.scene.grid.count
            and any(self.covered[slot] and self.is_present(slot) for slot in range(run.start))
        )

    @functools.cached_property
    def _gaps(self) -> list[Run]:
        person, exempt = self.looked.person, self.scene.exempt
        return list(self.runs(lambda slot: not person[slot] and not exempt[slot]))

    @functools.cached_property
    def _unproven(self) -> frozenset[int]:
        """Slots in gaps too long to be bridged by the traces at their ends."""
        most_ms = self.scene.policy.confirm_gap_min * 60_000
        return frozenset(s for run in self._gaps if self.length_ms(run) > most_ms for s in run)

    def is_present(self, slot: int) -> bool:
        """Whether presence is likely enough, and near enough to a trace of the person."""
        likely = self.posteriors[slot] >= self.scene.policy.confirm_posterior
        return likely and slot not in self._unproven

    def absences(self) -> list[Run]:
        """Stretches in which every slot's posterior of absence is above the bound."""
        most = 1.0 - self.scene.policy.contradict_posterior
        return list(
            self.runs(lambda slot: not self.scene.exempt[slot] and self.posteriors[slot] <= most)
        )

    def least_absence_ms(self, run: Run) -> float:
        """How long an absence must be to contradict: longer where no place is known and only the
        beacon's silence speaks, as it does from a meeting room out of reach, unless the punches'
        own positions speak against the claim as well."""
        policy, laptops = self.scene.policy, self.looked.laptops
        elsewhere = sum(
            any(seen.network.against[slot] and not seen.unsettled[slot] for seen in laptops)
            for slot in run
        )
        located = elsewhere >= policy.contradict_family_share * len(run) or self.is_far_claimed
        least_min = policy.contradict_stretch_min if located else policy.contradict_silence_min
        return least_min * 60_000

    def families_behind(self, run: Run) -> list[Family]:
        """Families that by themselves, and for enough of the stretch, speak against presence."""
        policy = self.scene.policy
        found = []
        for family in WITNESSES:
            values = [self.against[family][slot] for slot in run if family in self.against]
            speaking = sum(value < 0.0 for value in values)
            enough = speaking >= policy.contradict_family_share * len(run)
            if enough and math.fsum(values) <= -policy.contradict_family_llr:
                found.append(family)
        return found

    def runs(self, holds: Callable[[int], bool]) -> Iterator[Run]:
        """The stretches of slots for which something holds."""
        start = 0
        for yes, group in itertools.groupby(map(holds, range(self.scene.grid.count))):
            length = len(list(group))
            if yes:
                yield range(start, start + length)
            start += length

    def ms_where(self, holds: Callable[[int], bool]) -> int:
        return sum(ms for slot, ms in enumerate(self.lengths_ms) if ms and holds(slot))

    def length_ms(self, run: Run) -> int:
        return sum(self.lengths_ms[slot] for slot in run)

    def mean_posterior(self, run: Run) -> float:
        return round(math.fsum(self.told[slot] for slot in run) / len(run), 6)

    def span(self, run: Run) -> str:
        """The stretch as the site's wall clock tells it."""
        grid = self.scene.grid
        face = words.clockface(self.scene.site.time_zone)
        return face.span(grid.from_ms(run[0]), grid.to_ms(run[-1]))

    def incomplete_devices(self) -> list[str]:
        """Devices whose readings may still be on their way, in order of id."""
        end_ms = self.scene.claim.end_ms
        concerned = (*self.scene.laptops, *self.scene.nodes)
        return [
            device.device_id
            for device in sorted(concerned, key=lambda device: device.device_id)
            if device.complete_to_ms is None or device.complete_to_ms < end_ms
        ]

    def waited(self) -> bool:
        """Whether the waiting time after the interval is over."""
        waiting_ms = int(self.scene.policy.waiting_h * 3_600_000)
        return self.scene.evidence.known_to_ms >= self.scene.claim.end_ms + waiting_ms
