"""What a company's own confirmed days teach: how often a person is heard at a site, and what their
sensor is off by. Pure.

Only days that are confirmed *without* the beacon and the air count, by network and hands: else the
signal would teach itself. Nothing of this is used before somebody has said yes
(`zaigang-collector calibrate`).
"""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from zaigang_collector.matching import presence
from zaigang_collector.matching.assess import assess, scene_of
from zaigang_collector.matching.model import (
    Claim,
    DeviceEvidence,
    Evidence,
    Presence,
    SensorOffset,
    SiteFacts,
)
from zaigang_collector.matching.policy import Policy
from zaigang_collector.matching.presence import Seen
from zaigang_collector.matching.signals import beacon, environment, network
from zaigang_shared.readings import Beacon, Environment

# Fewer days are one desk, one weather, one meeting. More keep a new colleague unprotected by
# nothing and unseen by the beacon's silence for weeks.
LEAST_DAYS: Final = 3
# Once may be a clock that was set, or a beacon that was relayed home. More leaves who works over
# their phone accused for longer.
TRAVELS_DAYS: Final = 2
# A phone that is used at work one day in two is found out in 31 of 32 cases. More leave a new
# colleague's home unknown for longer; fewer make a home of a phone that was seldom used at work.
SETTLED_DAYS: Final = 5
# Six hours of slots: with fewer the bound below is too wide to be of use anyway.
LEAST_SLOTS: Final = 72
# One-sided 90 %: a coverage that is overstated makes silence speak too loudly, against people.
_Z: Final = 1.2816
# A sensor drifts and rooms differ: no offset is better known than this (K).
_LEAST_SD_K: Final = 0.4
_MAD_TO_SD: Final = 1.4826


@dataclass(frozen=True, slots=True)
class SensorDay:
    """One carried sensor on one day."""

    sensor: str
    dew_k: float
    """Median difference to the site."""


@dataclass(frozen=True, slots=True)
class Observed:
    """One interval that is confirmed otherwise."""

    listened: int
    """Slots at the site, by network and hands, in which laptop and node were both well."""
    heard: int
    """Those in which the beacon was heard."""
    sensors: tuple[SensorDay, ...]


@dataclass(frozen=True, slots=True)
class Learnt:
    """What several days of one person at one site come to."""

    coverage: float | None
    """A lower bound; None: too little to tell."""
    listened: int
    days: int
    offsets: tuple[SensorOffset, ...]


def observe(claim: Claim, site: SiteFacts, evidence: Evidence, policy: Policy) -> Observed | None:
    """What an interval teaches; None when it is not confirmed without beacon and air. Raises
    ClaimError."""
    unlearnt = dataclasses.replace(site, coverage_by_employee={}, together=False)
    plain = dataclasses.replace(claim, sensor_offsets=(), badges=frozenset())
    deaf = dataclasses.replace(
        evidence, laptops=_without(evidence.laptops), nodes=_without(evidence.nodes)
    )
    made = assess(plain, unlearnt, deaf, policy)
    if made.presence is not Presence.CONFIRMED:
        return None
    scene = scene_of(plain, unlearnt, evidence, policy)
    looked = presence.look(scene)
    site_air = environment.site_air(scene)
    listened = heard = 0
    sensors: dict[str, list[float]] = {}
    for seen in looked.laptops:
        here = _here(seen)
        for slot, well in enumerate(beacon.listened(scene, seen.device, looked.air)):
            if well and here[slot] and not scene.exempt[slot]:
                listened += 1
                heard += seen.heard[slot] > 0.0
        for name, series in environment.sensors(scene, seen.device, "ble"):
            differences, _ = environment.differences_k(series, site_air, here)
            sensors.setdefault(name, []).extend(differences)
    enough = policy.air_learn_min * 60 / policy.slot_s
    days = tuple(
        SensorDay(name, statistics.median(found))
        for name, found in sorted(sensors.items())
        if len(found) >= enough
    )
    return Observed(listened, heard, days)


def travelling(
    claim: Claim, site: SiteFacts, evidence: Evidence, policy: Policy
) -> frozenset[bytes]:
    """Registered home networks that an interval shows at the site: a phone, a travel router. Raises
    ClaimError."""
    scene = scene_of(claim, site, evidence, policy)
    on_air = beacon.node_air(scene)
    return frozenset(
        net
        for device in scene.laptops
        for net in network.travelling(
            scene, network.held(scene, device), beacon.place(scene, device, on_air).lane
        )
    )


def often(days: Iterable[frozenset[bytes]]) -> tuple[bytes, ...]:
    """Networks that were seen travelling on enough days, in order."""
    count = Counter(net for day in days for net in day)
    return tuple(sorted(net for net, seen in count.items() if seen >= TRAVELS_DAYS))


def settled(
    homes: Iterable[bytes], days: Iterable[tuple[bool, frozenset[bytes]]]
) -> tuple[bytes, ...]:
    """Those of `homes` that stay at home, in order: never seen travelling, on confirmed days enough.
    Of each day: whether it was confirmed, and what was seen travelling on it."""
    seen = list(days)
    if sum(confirmed for confirmed, _ in seen) < SETTLED_DAYS:
        return ()
    return tuple(sorted(frozenset(homes).difference(*(travelled for _, travelled in seen))))


def fit(days: Iterable[Observed], policy: Policy) -> Learnt:
    """What these days come to. Their order does not matter."""
    seen = list(days)
    listened = sum(one.listened for one in seen)
    heard = sum(one.heard for one in seen)
    telling = sum(one.listened > 0 for one in seen)
    coverage = None
    if telling >= LEAST_DAYS and listened >= LEAST_SLOTS:
        coverage = round(_lower(heard, listened, policy.temper_radio_share), 4)
    by_sensor: dict[str, list[float]] = {}
    for one in seen:
        for day in one.sensors:
            by_sensor.setdefault(day.sensor, []).append(day.dew_k)
    offsets = tuple(
        _offset(name, sorted(found))
        for name, found in sorted(by_sensor.items())
        if len(found) >= LEAST_DAYS
    )
    return Learnt(coverage, listened, telling, offsets)


def _here(seen: Seen) -> list[bool]:
    """Slots in which the site's network and local hands put laptop and owner at the site."""
    return [
        bool(placed and strength)
        for placed, strength in zip(seen.network.support, seen.use.strength, strict=True)
    ]


def _without(devices: Sequence[DeviceEvidence]) -> tuple[DeviceEvidence, ...]:
    """Without what is to be learnt."""
    return tuple(
        dataclasses.replace(
            device,
            readings=tuple(
                timed
                for timed in device.readings
                if not isinstance(timed.reading, (Beacon, Environment))
            ),
        )
        for device in devices
    )


def _lower(heard: int, listened: int, independent: float) -> float:
    """Wilson's lower bound of a share; neighbouring slots repeat each other."""
    count = listened * independent
    share = heard / listened
    spread = _Z * math.sqrt(share * (1 - share) / count + _Z * _Z / (4 * count * count))
    return max(0.0, (share + _Z * _Z / (2 * count) - spread) / (1 + _Z * _Z / count))


def _offset(name: str, days_k: Sequence[float]) -> SensorOffset:
    """The middle of the days, and how far they scatter around it."""
    middle = statistics.median(days_k)
    scatter = _MAD_TO_SD * statistics.median(abs(one - middle) for one in days_k)
    return SensorOffset(name, round(middle, 3), round(max(_LEAST_SD_K, scatter), 3))
