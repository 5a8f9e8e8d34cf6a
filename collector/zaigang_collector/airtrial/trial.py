"""What the environment signal says of two sensors in one room, and of two in different air.

The site's sensor hears the file. The carried one hears the same stretch, or another: of another day,
or of another file. Both get the errors of their datasheets: an offset that stays with the part, drawn
anew for each stretch, and noise. Nobody has told the signal which is which, and it has only the air:
no beacon, no network, no offset that was learnt.
"""

from __future__ import annotations

import bisect
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from zaigang_collector.airtrial.reading import AirSample
from zaigang_collector.matching.assess import scene_of
from zaigang_collector.matching.model import (
    Claim,
    DeviceEvidence,
    Evidence,
    SiteFacts,
    TimedReading,
)
from zaigang_collector.matching.policy import Policy
from zaigang_collector.matching.signals import environment, movement
from zaigang_collector.matching.timeline import Lane, Scene
from zaigang_collector.simulation.sensors import draw_offsets
from zaigang_collector.simulation.streams import Stream, stream
from zaigang_shared.readings import Environment

HOUR_MS: Final = 3_600_000
STRETCH_H: Final = 9
"""Judged together, as a working day is."""
# Of the minutes of a stretch. Larger drops days with a hole; smaller judges hours of which half is
# missing, and calls that silence of the signal.
_LEAST_SHARE: Final = 0.9
# Of one reading after the other: repeatability of the SHT4x at high precision, by its datasheet.
_NOISE_C: Final = 0.04
_NOISE_PCT: Final = 0.08
_ERROR_MS: Final = 500
# Carried thermometers say one decimal of °C and of % at the coarsest; finer would be kinder to
# movement than life is.
_CARRIED_DIGITS: Final = 1

Pair: TypeAlias = tuple[AirSample, AirSample]
"""What the site's sensor and the carried one had around them in one minute."""


@dataclass(frozen=True, slots=True)
class Setup:
    """How it is tried."""

    policy: Policy
    seed: int
    coverage: float
    """Share of a present person's time in the node's room, as if it had been learnt."""
    temp_acc_c: float = 0.2
    rh_acc_pct: float = 2.0
    """Typical accuracies of both sensors: SHT3x and SHTC3, as in most thermometers."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Hours by what a signal says of them."""

    supporting: int
    contradicting: int
    silent: int
    median_llr: float
    """Natural log, for presence; over all hours."""

    @property
    def hours(self) -> int:
        return self.supporting + self.contradicting + self.silent


@dataclass(frozen=True, slots=True)
class Said:
    """By dew point and temperature, and by how both moved."""

    environment: Counts
    movement: Counts


def same_room(site: Sequence[AirSample], setup: Setup) -> Said | None:
    """Both sensors in the file's room; None where no stretch is whole."""
    return _said(((one, one) for one in site), setup)


def elsewhere(
    site: Sequence[AirSample], carried: Sequence[AirSample], shift_ms: int, setup: Setup
) -> Said | None:
    """The carried sensor in the air of `carried` so much later: of another day of the same file, or of
    another file. None where no stretch is whole."""
    times = [one.at_ms for one in carried]
    return _said(
        (
            (one, carried[place])
            for one in site
            if (place := _near(times, one.at_ms + shift_ms)) is not None
        ),
        setup,
    )


def _near(times: Sequence[int], at_ms: int) -> int | None:
    """The line within half a minute; the set's clock is a second off now and then."""
    place = bisect.bisect_left(times, at_ms - 30_000)
    return place if place < len(times) and times[place] < at_ms + 30_000 else None


def _said(pairs: Iterator[Pair], setup: Setup) -> Said | None:
    by_air: list[float] = []
    by_movement: list[float] = []
    for number, stretch in enumerate(_stretches(pairs)):
        scene = _scene(stretch, setup, stream(setup.seed, "air trial", str(number)))
        (laptop,) = scene.laptops
        nowhere = [False] * scene.grid.count
        breathed = environment.place(scene, laptop, environment.site_air(scene), nowhere)
        by_air += _hours(scene, breathed.lane)
        by_movement += _hours(scene, movement.place(scene, laptop))
    return Said(_counts(by_air), _counts(by_movement)) if by_air else None


def _stretches(pairs: Iterator[Pair]) -> Iterator[list[Pair]]:
    """Whole ones, one after the other."""
    length_ms, found = STRETCH_H * HOUR_MS, list[Pair]()
    least = _LEAST_SHARE * STRETCH_H * 60
    for pair in pairs:
        if found and pair[0].at_ms >= found[0][0].at_ms + length_ms:
            if len(found) >= least:
                yield found
            found = []
        found.append(pair)
    if len(found) >= least:
        yield found


def _scene(stretch: Sequence[Pair], setup: Setup, draw: Stream) -> Scene:
    start_ms = stretch[0][0].at_ms
    claim = Claim("somebody", "room", start_ms, start_ms + STRETCH_H * HOUR_MS, True, ())
    site = SiteFacts(
        "room", "UTC", None, None, None,
        node_ids=("node",), coverage_by_employee={"somebody": setup.coverage},
    )  # fmt: skip
    fixed = _heard([(one, one) for one, _ in stretch], "node", setup, draw)
    carried = _heard(stretch, "laptop", setup, draw)
    evidence = Evidence((carried,), (fixed,), known_to_ms=claim.end_ms)
    return scene_of(claim, site, evidence, setup.policy)


def _heard(stretch: Sequence[Pair], kind: str, setup: Setup, draw: Stream) -> DeviceEvidence:
    """The air of the second of each pair as a sensor says it, at the time of the first."""
    temp_off_c, rh_off_pct = draw_offsets(draw, setup.temp_acc_c, setup.rh_acc_pct)
    readings = []
    for when, air in stretch:
        temp_c = air.temp_c + temp_off_c + draw.gauss(0, _NOISE_C)
        rh_pct = min(100.0, max(0.0, air.rh_pct + rh_off_pct + draw.gauss(0, _NOISE_PCT)))
        reading = Environment(
            t_ms=when.at_ms,
            span_ms=0,
            sensor=kind,
            model="sht3x",
            temp_c=temp_c if kind == "node" else round(temp_c, _CARRIED_DIGITS),
            rh_pct=rh_pct if kind == "node" else round(rh_pct, _CARRIED_DIGITS),
            via="i2c" if kind == "node" else "ble",
            temp_acc_c=setup.temp_acc_c,
            rh_acc_pct=setup.rh_acc_pct,
        )
        name = f"{kind} {when.at_ms}".encode()
        readings.append(TimedReading(name, 0, when.at_ms, _ERROR_MS, 0, reading))
    return DeviceEvidence(kind, kind, None, tuple(readings))


def _hours(scene: Scene, lane: Lane) -> list[float]:
    """What the lane says of each hour."""
    slots = HOUR_MS // scene.grid.slot_ms
    values = [plus + minus for plus, minus in zip(lane.support, lane.against, strict=True)]
    return [sum(values[first : first + slots]) for first in range(0, len(values), slots)]


def _counts(hours: Sequence[float]) -> Counts:
    supporting = sum(llr > 0.0 for llr in hours)
    contradicting = sum(llr < 0.0 for llr in hours)
    silent = len(hours) - supporting - contradicting
    return Counts(supporting, contradicting, silent, statistics.median(hours))
