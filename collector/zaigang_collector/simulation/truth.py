"""What was really so: the answer that no evidence holds."""

from __future__ import annotations

from dataclasses import dataclass

from zaigang_collector.simulation.script import MINUTE_MS, Script
from zaigang_collector.simulation.siteday import SiteFaults


@dataclass(frozen=True, slots=True)
class Truth:
    """Of one attendance interval. Times are UTC ms."""

    honest: bool
    kind: str
    """honest, or the name of the cheat (`cheats.ALL`)."""
    nuisances: tuple[str, ...]
    at_site_ms: tuple[tuple[int, int], ...]
    """When the person really was at the site."""
    left_ms: int | None
    """When a cheat who had been there went for good."""
    trace: frozenset[str]
    """In which families a cheat can be seen; empty: in none."""
    node: str
    """none: the site has none; healthy: it worked all the time; faulty."""
    laptop_on_share: float
    """Share of the time away (of a cheat) or of the interval in which the laptop was on."""
    carries_sensor: bool
    """A thermometer that the laptop heard."""
    carries_badge: bool
    home_registered: bool
    known_person: bool
    """The company has days of this person to learn from."""
    away_ms: int
    """How long the person was not at the site within the claim."""
    place: str
    """Where a cheat mostly was: home, cafe, elsewhere; site for the honest."""

    def at_site(self, at_ms: int) -> bool:
        """Whether the person was at the site then."""
        return any(begin <= at_ms < end for begin, end in self.at_site_ms)


def truth_of(script: Script, faults: SiteFaults) -> Truth:
    low, high = script.desk_min()
    site_id = script.site.site_id
    stretches = tuple(
        (script.utc_ms(begin), script.utc_ms(end))
        for begin, end in script.plan.stretches_at(site_id)
    )
    states = [state for _, state in script.plan.minutes(low, high)]
    away = [state for state in states if state.person.place != site_id]
    counted = states if script.kind == "honest" else away or states
    on = sum(1 for state in counted if state.power == "on" and state.agent)
    heard = any(state.sensor != "absent" and state.power == "on" for state in counted)
    places = [state.person.place for state in away]
    return Truth(
        honest=script.kind == "honest",
        kind=script.kind,
        nuisances=tuple(dict.fromkeys((*script.nuisances, *_tags(script)))),
        at_site_ms=stretches,
        left_ms=None if script.left_min is None else script.utc_ms(script.left_min),
        trace=script.trace,
        node=_node(script, faults),
        laptop_on_share=on / max(1, len(counted)),
        carries_sensor=heard and script.person.sensor is not None,
        carries_badge=script.person.badge is not None,
        home_registered=script.person.home_registered,
        known_person=script.person.history_days > 0,
        away_ms=len(away) * MINUTE_MS,
        place=_mostly(script, places),
    )


def _mostly(script: Script, places: list[str]) -> str:
    """Where a cheat was, the way there left out; `site` for the honest, wherever they have lunch."""
    seated = [place for place in places if place != "street"]
    if script.kind == "honest" or not seated:
        return "site"
    return max(sorted(set(seated)), key=seated.count)


def _node(script: Script, faults: SiteFaults) -> str:
    if not script.site.nodes:
        return "none"
    low, high = script.desk_min()
    troubled = any(begin < high and low < end for begin, end in (faults.down, faults.mute))
    return "faulty" if troubled or faults.rid_late_ms else "healthy"


def _tags(script: Script) -> list[str]:
    """Nuisances that are of the calendar and the map."""
    tags = []
    if script.person.works_nights:
        tags.append("night_shift")
    if script.site.time_zone != "Asia/Shanghai":
        tags.append("time_zone")
    if (script.shift_min[0] % 1440) != script.person.shift_from_min % 1440 or (
        script.shift_min[1] - script.shift_min[0]
        != script.person.shift_to_min - script.person.shift_from_min
    ):
        tags.append("daylight_saving")
    if script.person.guest:
        tags.append("guest_network")
    return tags
