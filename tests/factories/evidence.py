"""Builders of claims, sites and a day of readings, with defaults that make an honest day.

A `Story` is told in minutes from the start of the interval; nothing here knows a policy.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from zaigang_collector.matching.model import (
    Assessment,
    BeaconSlot,
    Claim,
    ClaimedPoint,
    DeviceEvidence,
    Evidence,
    SiteFacts,
    TimedReading,
)
from zaigang_shared import readings, rid

START_MS = 1_790_039_100_000  # 2026-09-22 09:05 in Shanghai
MINUTE_MS = 60_000
DAY_MIN = 9 * 60
BOOT_MS = START_MS - 3_600_000
SITE_NET = bytes.fromhex("51" * 8)
HOME_NET = bytes.fromhex("40" * 8)
CAFE_NET = bytes.fromhex("ca" * 8)
NODE_KEY = bytes(range(32))
LATITUDE, LONGITUDE = 31.2397, 121.4998


def claim(**changes: Any) -> Claim:
    """Nine hours at the site, both punches inside the fence, a registered home network."""
    values: dict[str, Any] = {
        "employee_id": "E001",
        "site_id": "lujiazui",
        "start_ms": START_MS,
        "end_ms": START_MS + DAY_MIN * MINUTE_MS,
        "end_is_claimed": True,
        "clock_in_ids": ("in-1", "out-1"),
        "points": (point(0), point(DAY_MIN)),
        "home_networks": frozenset({HOME_NET}),
    }
    return Claim(**{**values, **changes})


def point(minute: float, **changes: Any) -> ClaimedPoint:
    values: dict[str, Any] = {
        "at_ms": START_MS + round(minute * MINUTE_MS),
        "latitude": LATITUDE,
        "longitude": LONGITUDE,
        "accuracy_m": 20.0,
    }
    return ClaimedPoint(**{**values, **changes})


def site(**changes: Any) -> SiteFacts:
    """One node, a network, a fence of 200 m, and a learnt coverage of the person."""
    values: dict[str, Any] = {
        "site_id": "lujiazui",
        "time_zone": "Asia/Shanghai",
        "latitude": LATITUDE,
        "longitude": LONGITUDE,
        "radius_m": 200.0,
        "networks": frozenset({SITE_NET}),
        "node_ids": ("node-1",),
        "coverage_by_employee": {"E001": 0.92},
    }
    return SiteFacts(**{**values, **changes})


@dataclass(frozen=True)
class Part:
    """What a laptop saw from one minute of the interval to another."""

    from_min: float
    to_min: float
    active: int = 0
    locked: bool = False
    session: str = "local"
    regular: bool = False
    net: bytes | None = SITE_NET
    link: str = "wifi"
    vpn: bool = False
    vantage: bytes | None = None
    hears: bool = True
    beacon_late_ms: int = 0
    """Heard this much after it was sent: a replay."""
    scan_healthy: bool = True
    off: bool = False
    air: tuple[float, float] | None = None
    """°C and % at the carried sensor; None: there is none."""
    swing_c: float = 0.0
    """By how much its temperature goes up and down, every 20 min."""
    swing_s: float = 0.0
    """How much later than the site's."""


def at_site(from_min: float, to_min: float, active: int = 2, **changes: Any) -> Part:
    return Part(from_min, to_min, active, **changes)


def at_home(from_min: float, to_min: float, active: int = 2, **changes: Any) -> Part:
    return Part(from_min, to_min, active, **{"net": HOME_NET, "hears": False, **changes})


def in_cafe(from_min: float, to_min: float, active: int = 2, **changes: Any) -> Part:
    return Part(from_min, to_min, active, **{"net": CAFE_NET, "hears": False, **changes})


def off(from_min: float, to_min: float) -> Part:
    return Part(from_min, to_min, off=True)


def honest_day(**changes: Any) -> tuple[Part, ...]:
    """Work, an hour of lunch with the laptop locked on the desk, work."""
    return (
        at_site(-20, 180, **changes),
        at_site(180, 240, active=0, locked=True, **changes),
        at_site(240, DAY_MIN + 15, **changes),
    )


class Recorder:
    """Collects readings of one device as the collector would time them."""

    def __init__(self, device_id: str, *, error_ms: int = 500, boot_ms: int = BOOT_MS) -> None:
        self.device_id = device_id
        self.error_ms = error_ms
        self.boot_ms = boot_ms
        self.timed: list[TimedReading] = []

    def boot(self, at_ms: int) -> int:
        """A time as the device counts it."""
        return at_ms - self.boot_ms

    def add(self, at_ms: int, made: Callable[[int], readings.Reading]) -> None:
        """`made` gets the time as the device counts it; one envelope a minute."""
        minute = at_ms // MINUTE_MS
        envelope = hashlib.sha256(f"{self.device_id} {minute}".encode()).digest()
        index = sum(1 for timed in self.timed[-12:] if timed.envelope == envelope)
        self.timed.append(
            TimedReading(
                envelope, index, at_ms, self.error_ms, self.boot_ms, made(self.boot(at_ms))
            )
        )

    def evidence(self, kind: str, complete_to_ms: int | None) -> DeviceEvidence:
        ordered = sorted(self.timed, key=lambda t: (t.at_ms, t.envelope, t.index))
        return DeviceEvidence(self.device_id, kind, complete_to_ms, tuple(ordered))


@dataclass
class Story:
    """A day, told; `evidence()` gives what the collector knows of it."""

    parts: Sequence[Part] = ()
    device_id: str = "lap-1"
    error_ms: int = 500
    node_from_min: float = -30
    node_to_min: float = DAY_MIN + 30
    node_behind_ms: int = 0
    """The node's clock is behind the collector's by so much."""
    complete_to_min: float | None = DAY_MIN + 20
    known_to_min: float = DAY_MIN + 30
    site_air: tuple[float, float] | None = None
    """°C and % at the node's sensor; None: it has none."""
    site_swing_c: float = 0.0
    self_heat_c: float | None = None
    more: Sequence[Story] = ()
    """Further laptops of the same person."""
    integrity: tuple[Any, ...] = ()
    vantages: dict[bytes, Any] = field(default_factory=dict)

    def evidence(self) -> Evidence:
        beacons: dict[bytes, BeaconSlot] = {}
        laptops = [story._laptop(beacons) for story in (self, *self.more)]
        return Evidence(
            laptops=tuple(laptops),
            nodes=(self._node(),),
            beacons=beacons,
            vantages=self.vantages,
            integrity=self.integrity,
            known_to_ms=_at(self.known_to_min),
        )

    def _laptop(self, beacons: dict[bytes, BeaconSlot]) -> DeviceEvidence:
        recorder = Recorder(self.device_id, error_ms=self.error_ms)
        for part in self.parts:
            if not part.off:
                for at_ms in range(_at(part.from_min) + MINUTE_MS, _at(part.to_min) + 1, MINUTE_MS):
                    self._minute(recorder, part, at_ms, beacons)
        complete = None if self.complete_to_min is None else _at(self.complete_to_min)
        return recorder.evidence("laptop", complete)

    def _minute(
        self, recorder: Recorder, part: Part, at_ms: int, beacons: dict[bytes, BeaconSlot]
    ) -> None:
        recorder.add(at_ms, lambda t: usage(t, part))
        if (at_ms - _at(part.from_min)) // MINUTE_MS % 5 == 1:
            recorder.add(at_ms, lambda t: network(t, part))
        recorder.add(
            at_ms,
            lambda t: readings.Scan(
                t_ms=t,
                span_ms=MINUTE_MS,
                adverts=90,
                devices=8,
                healthy=part.scan_healthy,
                restarts=0,
            ),
        )
        if part.air is not None:
            recorder.add(
                at_ms,
                environment("carried", "ble", *part.air, part.swing_c, at_ms, part.swing_s),
            )
        if part.hears:
            for sent_ms in range(at_ms - MINUTE_MS, at_ms, rid.SLOT_MS):
                self._hear(recorder, part, at_ms, sent_ms, beacons)

    def _hear(
        self,
        recorder: Recorder,
        part: Part,
        at_ms: int,
        heard_ms: int,
        beacons: dict[bytes, BeaconSlot],
    ) -> None:
        slot = rid.slot_at(heard_ms - self.node_behind_ms - part.beacon_late_ms)
        name = rid.rid(NODE_KEY, slot)
        beacons[name] = BeaconSlot("node-1", "lujiazui", slot)
        recorder.add(
            at_ms,
            lambda t: readings.Beacon(
                t_ms=t,
                span_ms=MINUTE_MS,
                scheme="rid",
                id=name,
                n=12,
                rssi_max=-61,
                rssi_med=-70,
                first_t=recorder.boot(heard_ms + 2_000),
                last_t=recorder.boot(heard_ms + 11_000),
            ),
        )

    def _node(self) -> DeviceEvidence:
        recorder = Recorder("node-1")
        for at_ms in range(_at(self.node_from_min), _at(self.node_to_min) + 1, MINUTE_MS):
            last = rid.slot_at(at_ms - self.node_behind_ms)
            recorder.add(at_ms, _advert(last))
            if self.site_air is not None:
                made = environment(
                    "sht4x-1", "i2c", *self.site_air, self.site_swing_c, at_ms, 0, self.self_heat_c
                )
                recorder.add(at_ms, made)
        return recorder.evidence("node", _at(self.node_to_min))


def _advert(last: int) -> Callable[[int], readings.Reading]:
    return lambda t: readings.Advert(
        t_ms=t, span_ms=MINUTE_MS, slot_first=last - 4, slot_last=last, ok=True
    )


def environment(
    sensor: str,
    via: str,
    temp_c: float,
    rh_pct: float,
    swing_c: float,
    at_ms: int,
    late_s: float,
    self_heat_c: float | None = None,
) -> Callable[[int], readings.Reading]:
    """A reading whose temperature swings with a period of 20 min."""
    swing = swing_c * math.sin(2 * math.pi * (at_ms / 1000 - late_s) / 1200)
    return lambda t: readings.Environment(
        t_ms=t,
        span_ms=0,
        sensor=sensor,
        model="sht4x",
        temp_c=temp_c + swing,
        rh_pct=rh_pct,
        via=via,  # type: ignore[arg-type]  # as above
        temp_acc_c=0.2,
        rh_acc_pct=1.8,
        self_heat_c=self_heat_c,
    )


def usage(t_ms: int, part: Part) -> readings.Usage:
    return readings.Usage(
        t_ms=t_ms,
        span_ms=MINUTE_MS,
        active=part.active,
        regular=part.regular,
        session=part.session,  # type: ignore[arg-type]  # tests write what they like
        locked=part.locked,
    )


def network(t_ms: int, part: Part) -> readings.Network:
    return readings.Network(
        t_ms=t_ms,
        span_ms=0,
        link=part.link,  # type: ignore[arg-type]  # the same
        vpn=part.vpn,
        net=part.net,
        vantage=part.vantage,
    )


def without_nodes(evidence: Evidence) -> Evidence:
    """The node is broken: it neither says nor broadcasts anything."""
    laptops = tuple(
        dataclasses.replace(
            laptop,
            readings=tuple(
                timed for timed in laptop.readings if not isinstance(timed.reading, readings.Beacon)
            ),
        )
        for laptop in evidence.laptops
    )
    return dataclasses.replace(evidence, laptops=laptops, nodes=())


def only(evidence: Evidence, kept: Iterable[type]) -> Evidence:
    """The laptops' readings of some kinds."""
    kinds = tuple(kept)
    laptops = tuple(
        dataclasses.replace(
            laptop, readings=tuple(t for t in laptop.readings if isinstance(t.reading, kinds))
        )
        for laptop in evidence.laptops
    )
    return dataclasses.replace(evidence, laptops=laptops)


def _at(minute: float) -> int:
    return START_MS + round(minute * MINUTE_MS)


def named_by(assessment: Assessment, evidence: Evidence) -> Evidence:
    """The evidence without the readings to which no finding refers."""
    named = {(ref.envelope, ref.index) for f in assessment.findings for ref in f.references}

    def kept(found: tuple[DeviceEvidence, ...]) -> tuple[DeviceEvidence, ...]:
        return tuple(
            dataclasses.replace(
                device,
                readings=tuple(t for t in device.readings if (t.envelope, t.index) in named),
            )
            for device in found
        )

    return dataclasses.replace(evidence, laptops=kept(evidence.laptops), nodes=kept(evidence.nodes))


def with_badge(node: DeviceEvidence, badge: bytes) -> DeviceEvidence:
    """The node also heard the person's badge in each minute of the interval."""
    recorder = Recorder("node-badge")
    for at_ms in range(START_MS + MINUTE_MS, _at(DAY_MIN) + 1, MINUTE_MS):
        recorder.add(
            at_ms,
            lambda t: readings.Beacon(
                t_ms=t,
                span_ms=MINUTE_MS,
                scheme="badge",
                id=badge,
                n=5,
                rssi_max=-60,
                rssi_med=-65,
                first_t=t - 50_000,
                last_t=t - 5_000,
            ),
        )
    ordered = sorted((*node.readings, *recorder.timed), key=lambda t: (t.at_ms, t.envelope))
    return dataclasses.replace(node, readings=tuple(ordered))
