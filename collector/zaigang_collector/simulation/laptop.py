"""What the agent on a laptop says of a day: the readings and intervals of `zaigang_agent`.

Every minute: use, radio health, identifiers heard, the carried thermometer; the network at each
change and every five minutes; session events when they happen; health every quarter of an hour.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from zaigang_collector.simulation import radio
from zaigang_collector.simulation.batches import Batch, Boot
from zaigang_collector.simulation.places import NodeSpec, Spot
from zaigang_collector.simulation.plan import State
from zaigang_collector.simulation.script import MARGIN_MIN, MINUTE_MS, Script
from zaigang_collector.simulation.sensors import Probe
from zaigang_collector.simulation.siteday import SiteFaults
from zaigang_collector.simulation.streams import Stream, chance, secret, stream
from zaigang_shared import readings, rid
from zaigang_shared.network_hash import network_hash

NETWORK_MIN = 5
VANTAGE_MIN = 30
HEALTH_MIN = 15
_NEVER_DBM = -300.0
_HOPELESS_DB = 5 * radio.FADING_DB
"""So far below what a receiver takes, no frame of a day gets through."""
_REGULAR_AFTER = 12
"""Inputs after which the agent calls them regular."""

Air = Callable[[Spot, int], tuple[float, float]]
"""Temperature (°C) and mixing ratio at a spot in a minute."""


@dataclass(frozen=True, slots=True)
class Around:
    """What surrounds a laptop: air, nodes, keys."""

    seed: int
    net_key: bytes
    air: Air
    faults: SiteFaults
    rid_of: Callable[[NodeSpec, int], bytes]
    warm_goal: Callable[[int], float]
    """What a cheat warms a thermometer to."""


@dataclass
class LaptopLog:
    """One laptop's day: what it sealed, and what the collector would make of its quotes."""

    batches: list[Batch] = field(default_factory=list)
    heard: dict[bytes, tuple[str, int]] = field(default_factory=dict)
    """Identifier to the node and the slot that it was made for."""
    vantages: dict[bytes, tuple[str, int]] = field(default_factory=dict)
    """Token to the address that the collector saw, and when."""


class Laptop:
    """The agent, minute by minute. Keeps what an agent keeps between looks."""

    def __init__(self, script: Script, around: Around, draw: Stream) -> None:
        self._script = script
        self._around = around
        self._draw = draw
        self._phase_ms = draw.randint(0, MINUTE_MS - 1)
        self._log = LaptopLog()
        self._boot = self._boot_at(script.plan.from_min - draw.uniform(30, 5000))
        self._before: State | None = None
        self._last_ms = 0
        self._slept_ms: int | None = None
        self._network_due = 0
        self._vantage_due = 0
        self._token: bytes | None = None
        self._health_due = script.plan.from_min + 1
        self._moves = 0
        self._told_permission = False
        self._strengths: dict[tuple[str, Spot], float] = {}
        sensor = script.person.sensor
        self._probe = None if sensor is None else Probe(sensor, draw)

    def day(self) -> LaptopLog:
        """All of the plan."""
        script = self._script
        allowed = range(script.shift_min[0] - MARGIN_MIN, script.shift_min[1] + MARGIN_MIN)
        for minute, state in script.plan.minutes(script.plan.from_min, script.plan.to_min):
            air = self._follow_air(state, minute)
            looks = (
                minute in allowed and state.agent and not _within(script.faults.given_up, minute)
            )
            if state.power == "on" and looks:
                self._minute(minute, state, air)
            elif state.power == "asleep" and self._before is not None and self._slept_ms is None:
                self._slept_ms = self._last_ms
            elif state.power == "off":
                self._go_off()
        return self._log

    def _boot_at(self, minute: float) -> Boot:
        started_ms = self._script.utc_ms(minute)
        name = secret(started_ms, self._script.person.laptop_id)[:16]
        return Boot(name, started_ms, self._draw.gauss(0, 15))

    def _go_off(self) -> None:
        if self._before is not None:
            t_ms = self._boot.up_ms(self._last_ms)
            event = readings.Session(t_ms=t_ms, span_ms=0, event="shutdown")
            last = self._log.batches[-1]
            changed = dataclasses.replace(last, readings=(*last.readings, event))
            self._log.batches[-1] = changed
        self._before = None
        self._slept_ms = None

    def _minute(self, minute: int, state: State, air: tuple[float, float] | None) -> None:
        end_ms = self._script.utc_ms(minute + 1) + self._phase_ms
        said: list[readings.Reading] = []
        if self._before is None:
            self._boot = self._booted(minute, state)
        t_ms = self._boot.up_ms(end_ms)
        said += self._sessions(state, t_ms, end_ms)
        said += self._usage(state, t_ms)
        said += self._network(minute, state, t_ms, end_ms)
        said += self._beacons(state, minute, end_ms)
        said.append(self._scan(state, t_ms))
        if air is not None and chance(self._draw, 0.9 if state.sensor == "bag" else 0.97):
            said.append(self._environment(air, t_ms))
        if minute >= self._health_due:
            self._health_due = minute + HEALTH_MIN
            said.append(self._health(t_ms))
        self._before, self._last_ms = state, end_ms
        faults = self._script.faults
        online = state.link.online and not _within(faults.offline, minute)
        lost = state.kept_back or _within(faults.lost, minute)
        self._log.batches.append(Batch(self._boot, end_ms + 200, tuple(said), online, lost))

    def _booted(self, minute: int, state: State) -> Boot:
        """A machine that was off has a new boot, from a minute before its first look."""
        first = not self._log.batches
        began = self._script.plan.at(minute - 1).power
        if first and began == "on":
            return self._boot
        self._network_due = self._vantage_due = minute
        del state
        return self._boot_at(minute - self._draw.uniform(0.3, 1.0))

    def _sessions(self, state: State, t_ms: int, end_ms: int) -> Iterable[readings.Reading]:
        before = self._before
        if before is None:
            if t_ms < 3 * MINUTE_MS:
                yield readings.Session(t_ms=0, span_ms=0, event="boot")
            return
        if self._slept_ms is not None:
            slept = self._boot.up_ms(self._slept_ms)
            woke = max(slept, self._boot.up_ms(end_ms - MINUTE_MS))
            yield readings.Session(t_ms=slept, span_ms=0, event="suspend")
            yield readings.Session(t_ms=woke, span_ms=0, event="resume")
            yield readings.Gap(t_ms=woke, span_ms=woke - slept, reason="suspended", from_t=slept)
            self._slept_ms = None
        if before.locked != state.locked:
            event: readings.SessionEvent = "lock" if state.locked else "unlock"
            yield readings.Session(t_ms=t_ms, span_ms=0, event=event)

    def _usage(self, state: State, t_ms: int) -> Iterable[readings.Reading]:
        span_ms = min(MINUTE_MS, t_ms)
        if not state.usage_seen:
            if not self._told_permission:
                self._told_permission = True
                yield readings.Gap(
                    t_ms=t_ms, span_ms=span_ms, reason="permission", from_t=t_ms - span_ms
                )
            return
        level = self._level(state)
        yield readings.Usage(
            t_ms=t_ms,
            span_ms=span_ms,
            active=level,
            regular=state.hands == "jiggler" and self._moves > _REGULAR_AFTER,
            session="remote" if state.hands == "remote" else "local",
            locked=state.locked,
        )

    def _level(self, state: State) -> int:
        """0 to 3. A hand is busy or it is not, minute by minute; a mover stirs every minute."""
        if not state.in_use:
            self._moves = 0
            return 0
        if state.hands == "jiggler":
            self._moves += 1
            return 1
        if not chance(self._draw, state.input_share):
            return 0
        return 1 + int(3 * self._draw.random() ** 0.8) if self._draw.random() < 0.98 else 1

    def _network(
        self, minute: int, state: State, t_ms: int, end_ms: int
    ) -> Iterable[readings.Reading]:
        link = state.link
        changed = self._before is None or self._before.link != link
        if changed:
            self._token = None
        if not changed and minute < self._network_due:
            return
        self._network_due = minute + NETWORK_MIN
        if link.online and link.egress and (self._token is None or minute >= self._vantage_due):
            self._vantage_due = minute + VANTAGE_MIN
            self._token = b"vantage" + secret(end_ms, self._script.person.laptop_id)[:12]
            self._log.vantages[self._token] = link.egress, end_ms + 400
        seen = state.network_seen and link.gateway is not None
        mac = link.gateway or b""
        yield readings.Network(
            t_ms=t_ms,
            span_ms=0,
            link=link.kind,
            vpn=link.vpn,
            net=network_hash(self._around.net_key, mac) if seen else None,
            vantage=self._token,
        )

    def _beacons(self, state: State, minute: int, end_ms: int) -> Iterable[readings.Reading]:
        if state.scan == "unhealthy":
            return
        site, around = self._script.site, self._around
        if state.replay_ms is not None:
            for node in site.nodes[:1]:
                yield from self._heard(node, -70.0, end_ms, state.replay_ms)
        elif state.relay and site.nodes and not around.faults.silent_at(minute):
            yield from self._heard(site.nodes[0], -65.0, end_ms, 400)
        elif state.laptop.place == site.site_id and not around.faults.silent_at(minute):
            for node in site.nodes:
                lost = 25.0 if state.scan == "deaf" else 0.0
                yield from self._heard(node, self._strength(node, state.laptop) - lost, end_ms, 0)

    def _strength(self, node: NodeSpec, spot: Spot) -> float:
        """Mean of this spot (dBm), with a shadow that is the same on all days."""
        name = node.device_id, spot
        if name not in self._strengths:
            site = self._script.site
            dbm = radio.mean_dbm(site, node.power_1m_dbm, node.spot, spot)
            point = f"{spot.room} {spot.x_m:.1f} {spot.y_m:.1f}"
            shadow = radio.shadow_db(stream(self._around.seed, "shadow", site.site_id, point))
            self._strengths[name] = _NEVER_DBM if dbm is None else dbm + shadow
        return self._strengths[name]

    def _heard(
        self, node: NodeSpec, dbm: float, end_ms: int, delay_ms: int
    ) -> Iterable[readings.Reading]:
        """Each slot of the last minute in which the node's frame got through."""
        draw, begin_ms = self._draw, end_ms - MINUTE_MS
        dbm += draw.gauss(0, radio.SWAY_DB)
        ear = self._script.person.ear
        made_late = delay_ms + self._around.faults.rid_late_ms
        t_ms = self._boot.up_ms(end_ms)
        if dbm < ear.floor_dbm - _HOPELESS_DB:
            return
        for slot in range(rid.slot_at(begin_ms), rid.slot_at(end_ms - 1) + 1):
            count = radio.heard_count(dbm, ear, draw)
            start = max(begin_ms, rid.slot_start_ms(slot))
            end = min(end_ms, rid.slot_start_ms(slot + 1))
            if not count or end - start < 1500:
                continue
            made = rid.slot_at(start + 750 - made_late)
            name = self._around.rid_of(node, made)
            self._log.heard[name] = node.device_id, made
            first = draw.uniform(start, start + (end - start) / (count + 1))
            last = draw.uniform(first, end)
            strength = max(-120, min(0, round(dbm)))
            yield readings.Beacon(
                t_ms=t_ms,
                span_ms=min(MINUTE_MS, t_ms),
                scheme="rid",
                id=name,
                n=count,
                rssi_max=min(0, strength + abs(round(draw.gauss(0, radio.FADING_DB)))),
                rssi_med=strength,
                first_t=min(t_ms, self._boot.up_ms(first)),
                last_t=min(t_ms, self._boot.up_ms(last)),
            )

    def _scan(self, state: State, t_ms: int) -> readings.Reading:
        adverts = {"well": self._draw.randint(40, 300), "unhealthy": 0}.get(
            state.scan, self._draw.randint(0, 12)
        )
        return readings.Scan(
            t_ms=t_ms,
            span_ms=min(MINUTE_MS, t_ms),
            adverts=adverts,
            devices=adverts // 8,
            healthy=state.scan != "unhealthy",
            restarts=1 if state.scan == "unhealthy" else 0,
        )

    def _follow_air(self, state: State, minute: int) -> tuple[float, float] | None:
        """What the carried thermometer says, when this laptop can hear it."""
        if self._probe is None or state.sensor == "absent":
            return None
        air = self._around.air(state.sensor_spot, minute)
        goal = self._around.warm_goal(minute) if state.sensor == "warmed" else None
        said = self._probe.look(air, state.sensor, 1.0, goal)
        near = (state.sensor_spot.place, state.sensor_spot.room) == (
            state.laptop.place,
            state.laptop.room,
        )
        return said if near and state.scan == "well" else None

    def _environment(self, said: tuple[float, float], t_ms: int) -> readings.Reading:
        sensor = self._script.person.sensor
        assert sensor is not None  # noqa: S101  # who has none has no probe
        return readings.Environment(
            t_ms=t_ms,
            span_ms=0,
            sensor=sensor.sensor,
            model=sensor.model,
            temp_c=said[0],
            rh_pct=said[1],
            via="ble",
            temp_acc_c=sensor.temp_acc_c,
            rh_acc_pct=sensor.rh_acc_pct,
        )

    def _health(self, t_ms: int) -> readings.Reading:
        return readings.Health(
            t_ms=t_ms,
            span_ms=min(HEALTH_MIN * MINUTE_MS, t_ms),
            agent="0.1.0",
            spooled=0,
            rss_mb=34.0,
            cpu_pct=0.2,
            disk_free_mb=90_000,
            battery_pct=None,
        )


def _within(spans: Iterable[tuple[int, int]], minute: int) -> bool:
    return any(begin <= minute < end for begin, end in spans)
