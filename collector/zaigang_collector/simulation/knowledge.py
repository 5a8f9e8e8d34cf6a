"""What the company has learnt of a person before the day that is judged, with the error of learning.

`gather` knows a person's coverage and a sensor's offset from days confirmed otherwise, once somebody
has accepted them; here they come from days drawn the same way, never from the day itself.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from zaigang_collector.matching.model import SensorOffset
from zaigang_collector.simulation import moist, nuisances, radio
from zaigang_collector.simulation.company import Company
from zaigang_collector.simulation.people import Person
from zaigang_collector.simulation.places import SiteSpec, Spot
from zaigang_collector.simulation.plan import Link
from zaigang_collector.simulation.script import Script, draw_script
from zaigang_collector.simulation.streams import chance, stream

_SLOT_MIN = 5
_SLOTS_A_DAY = 90
_ONE_SIDED_90 = 1.2816
_TRAVELS_DAYS = 2
_SETTLED_DAYS = 5
_HOP_MIN = 10
_BESIDE_MIN = 15
_HEARD = 0.5
"""Where the beacon is heard in more than half of the slots it is heard beside the network as well."""
_DAY_SD_K = 0.5
"""By how much a room differs from the next on an ordinary day: doors, windows, people."""


def coverage(company: Company, person: Person) -> float | None:
    """Share of a present person's five-minute slots in which the laptop hears a node; None: new."""
    site = company.site(person.site_id)
    if not person.history_days or not site.nodes:
        return None
    shares: list[float] = []
    known: dict[Spot, float] = {}
    for day in range(person.history_days):
        draw = stream(company.seed, "history", person.employee_id, day)
        script = draw_script(company, person, day % company.days, draw)
        script = nuisances.apply(company, script, draw)  # life happened on those days too
        for minute in range(*script.desk_min(), _SLOT_MIN):
            state = script.plan.at(minute)
            at_site = state.laptop.place == site.site_id
            if state.power == "on" and state.agent and state.scan == "well" and at_site:
                spot = state.laptop
                if spot not in known:
                    known[spot] = _heard(company.seed, site, person, spot)
                shares.append(known[spot])
    if not shares:
        return None
    mean = math.fsum(shares) / len(shares)
    count = person.history_days * _SLOTS_A_DAY / 6  # neighbouring slots are alike
    draw = stream(company.seed, "learnt", person.employee_id)
    error = math.sqrt(max(0.0, mean * (1 - mean)) / count + 1e-4)
    # What is learnt is told cautiously: the lower end of what the days leave possible.
    learnt = mean + draw.gauss(0, error) - _ONE_SIDED_90 * error
    return round(min(0.995, max(0.0, learnt)), 3)


@dataclass(frozen=True, slots=True)
class Networks:
    """What past days say of the networks that a person registered as home."""

    travelling: frozenset[bytes] = frozenset()
    settled: frozenset[bytes] = frozenset()


def networks(company: Company, person: Person) -> Networks:
    """Gateways that were seen at the site on two days or more, and those that none of five or more
    confirmed days showed there, as `calibrate` would tell them once somebody accepted."""
    homes = {person.home_gateway} if person.home_registered else set()
    if homes and person.hotspot_at_home:
        homes.add(person.hotspot_gateway)
    confirmed = 0
    seen: Counter[bytes] = Counter()
    for day in range(person.history_days if homes else 0):
        draw = stream(company.seed, "history", person.employee_id, day)
        script = draw_script(company, person, day % company.days, draw)
        script = nuisances.apply(company, script, draw)
        there = _links(script)
        ours = [link is not None and link.gateway in script.site.gateways for link in there]
        confirmed += 2 * sum(ours) >= len(there)
        seen.update(gateway for gateway in homes if _travelled(company, script, gateway, there))
    return Networks(
        frozenset(gateway for gateway in homes if seen[gateway] >= _TRAVELS_DAYS),
        frozenset(gateway for gateway in homes if confirmed >= _SETTLED_DAYS and not seen[gateway]),
    )


def _links(script: Script) -> list[Link | None]:
    """What the laptop at the site is connected to, minute by minute; None while it says nothing."""
    states = (script.plan.at(minute) for minute in range(*script.desk_min()))
    return [
        state.link
        if state.power == "on" and state.agent and state.network_seen and not state.link.vpn
        else None
        for state in states
    ]


def _travelled(
    company: Company, script: Script, gateway: bytes, there: Sequence[Link | None]
) -> bool:
    """Whether this day shows that a gateway is at the site: minutes after the site's own, or beside
    the beacon for a quarter of an hour."""
    heard = 0
    ours_at: int | None = None
    known: dict[Spot, float] = {}
    own_at: int | None = None
    for index, link in enumerate(there):
        if link is None:
            continue
        if link.gateway in script.site.gateways:
            ours_at = index
        elif link.gateway == gateway:
            own_at = index
            state = script.plan.at(script.desk_min()[0] + index)
            if state.laptop not in known:
                known[state.laptop] = _heard(company.seed, script.site, script.person, state.laptop)
            heard += state.scan == "well" and known[state.laptop] > _HEARD
        near = None not in (ours_at, own_at) and abs(own_at - ours_at) <= _HOP_MIN  # type: ignore[operator]  # as just asked
        if near or heard >= _BESIDE_MIN:
            return True
    return False


def sensor_offsets(company: Company, person: Person) -> tuple[SensorOffset, ...]:
    """By how much the carried thermometer's dew point is above the node's: for half of those with
    days enough, as nobody has accepted the others' yet."""
    site, sensor = company.site(person.site_id), person.sensor
    draw = stream(company.seed, "offset", person.employee_id)
    if sensor is None or not site.nodes or person.history_days < 5 or chance(draw, 0.5):
        return ()
    node = site.nodes[0]
    true_k = _dew(sensor.temp_off_c, sensor.rh_off_pct) - _dew(node.temp_off_c, node.rh_off_pct)
    days = [true_k + draw.gauss(0, _DAY_SD_K) for _ in range(person.history_days)]
    learnt = math.fsum(days) / len(days)
    return (SensorOffset(sensor.sensor, round(learnt, 2), round(_DAY_SD_K, 2)),)


def _dew(temp_off_c: float, rh_off_pct: float) -> float:
    """The dew point that a sensor with these offsets gives for air of 24 °C and 50 %."""
    ratio = moist.ratio_of(24.0 + temp_off_c, 50.0 + rh_off_pct)
    return moist.dew_point_of(ratio)


def _heard(seed: int, site: SiteSpec, person: Person, spot: Spot) -> float:
    """Chance that any frame of five minutes is taken at this spot."""
    silent = 1.0
    name = f"{spot.room} {spot.x_m:.1f} {spot.y_m:.1f}"
    shadow = radio.shadow_db(stream(seed, "shadow", site.site_id, name))
    for node in site.nodes:
        dbm = radio.mean_dbm(site, node.power_1m_dbm, node.spot, spot)
        if dbm is not None:
            spread = math.hypot(radio.FADING_DB, radio.SWAY_DB) * math.sqrt(2)
            clear = 0.5 * math.erfc((person.ear.floor_dbm - dbm - shadow) / spread)
            frames = radio.ADVERTS_PER_SLOT * 20
            silent *= (1 - clear * person.ear.duty) ** frames
    return 1 - silent
