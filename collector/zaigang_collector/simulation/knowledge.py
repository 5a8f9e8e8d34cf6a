"""What the company has learnt of a person before the day that is judged, with the error of learning.

`gather` will know a person's coverage from days confirmed otherwise; here it comes from days drawn the
same way, never from the day itself.
"""

from __future__ import annotations

import math

from zaigang_collector.simulation import radio
from zaigang_collector.simulation.company import Company
from zaigang_collector.simulation.people import Person
from zaigang_collector.simulation.places import SiteSpec, Spot
from zaigang_collector.simulation.script import draw_script
from zaigang_collector.simulation.streams import stream

_LOOKED_AT_DAYS = 3
_SLOT_MIN = 5
_SLOTS_A_DAY = 90


def coverage(company: Company, person: Person) -> float | None:
    """Share of a present person's five-minute slots in which the laptop hears a node; None: new."""
    site = company.site(person.site_id)
    if not person.history_days or not site.nodes:
        return None
    shares: list[float] = []
    for day in range(_LOOKED_AT_DAYS):
        draw = stream(company.seed, "history", person.employee_id, day)
        script = draw_script(company, person, day, draw)
        for minute in range(*script.desk_min(), _SLOT_MIN):
            state = script.plan.at(minute)
            if state.power == "on" and state.laptop.place == site.site_id:
                shares.append(_heard(company.seed, site, person, state.laptop))
    if not shares:
        return None
    mean = math.fsum(shares) / len(shares)
    count = person.history_days * _SLOTS_A_DAY / 6  # neighbouring slots are alike
    draw = stream(company.seed, "learnt", person.employee_id)
    learnt = mean + draw.gauss(0, math.sqrt(max(0.0, mean * (1 - mean)) / count + 1e-4))
    return round(min(0.995, max(0.0, learnt)), 3)


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
