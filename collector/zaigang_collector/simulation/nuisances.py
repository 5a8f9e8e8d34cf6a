"""What honest life does to the evidence. Each has a name and a rate, and can be switched off.

A nuisance never changes whether the person was at the site (but for lunch), only what is seen of it.
Those of a whole site (node, router, power) are in `siteday`, since colleagues share them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Final

from zaigang_collector.simulation import links
from zaigang_collector.simulation.company import Company
from zaigang_collector.simulation.places import STREET
from zaigang_collector.simulation.plan import NO_LINK
from zaigang_collector.simulation.script import Script, honest_punches
from zaigang_collector.simulation.streams import Stream, chance

Nuisance = Callable[[Company, Script, Stream], Script]


def dead_scan(company: Company, script: Script, draw: Stream) -> Script:
    """The laptop's Bluetooth hears nothing; two agents in three know it."""
    del company
    low, high = script.desk_min()
    from_min = low if chance(draw, 0.6) else draw.randint(low, high)
    kind = "unhealthy" if chance(draw, 0.67) else "deaf"
    return script.noted("dead_scan", plan=script.plan.change(from_min, high, scan=kind))


def lid_shut(company: Company, script: Script, draw: Stream) -> Script:
    """Long meetings away from the desk with the laptop asleep."""
    del company
    low, high = script.desk_min()
    plan = script.plan
    rooms = script.site.of_kind("meeting") or script.site.rooms
    for _ in range(draw.randint(1, 3)):
        at = draw.randint(low + 15, max(low + 16, high - 140))
        to = at + draw.randint(45, 150)
        spot = draw.choice(rooms).spot(script.site.site_id, draw)
        plan = plan.change(
            at, to, person=spot, sensor_spot=spot, badge=spot, power="asleep", hands="none"
        )
    return script.noted("lid_shut", plan=plan)


def vpn(company: Company, script: Script, draw: Stream) -> Script:
    """All traffic through the company's tunnel."""
    low, high = script.desk_min()
    link = links.tunnelled(links.site(script.person, script.site, draw), company)
    return script.noted("vpn", plan=script.plan.change(low, high, link=link))


def sensor_forgotten(company: Company, script: Script, draw: Stream) -> Script:
    """The thermometer lies at home; its batteries may be empty as well."""
    del company, draw
    plan = script.plan.change(script.plan.from_min, script.plan.to_min, sensor="absent")
    return script.noted("sensor_forgotten", plan=plan)


def sensor_in_bag(company: Company, script: Script, draw: Stream) -> Script:
    """It stays in the bag beside the laptop, all day or half of it."""
    del company
    low, high = script.desk_min()
    from_min = low if chance(draw, 0.7) else draw.randint(low, high)
    return script.noted("sensor_in_bag", plan=script.plan.change(from_min, high, sensor="bag"))


def early_start(company: Company, script: Script, draw: Stream) -> Script:
    """An hour or two before the shift, when the agent does not look yet."""
    del company
    early = draw.uniform(50, 130)
    low = round(script.start_min)
    plan = script.plan
    first = plan.at(low + 20)
    fields = {
        name: getattr(first, name)
        for name in ("person", "laptop", "power", "hands", "input_share", "link", "badge")
    }
    fields |= {"sensor": first.sensor, "sensor_spot": first.sensor_spot}
    plan = plan.change(low - early, low + 20, **fields)
    moved = dataclasses.replace(script, start_min=script.start_min - early, plan=plan)
    return moved.noted("early_start", punches=honest_punches(moved, draw))


def long_lunch(company: Company, script: Script, draw: Stream) -> Script:
    """One and a half to two and a half hours outside; the laptop waits."""
    del company
    low, high = script.desk_min()
    at = low + round((high - low) * 0.38)
    to = at + draw.randint(80, 150)
    plan = script.plan.change(
        at, to, person=STREET, badge=STREET, sensor_spot=STREET, hands="none", locked=True
    )
    return script.noted("long_lunch", plan=plan)


def flaky_wifi(company: Company, script: Script, draw: Stream) -> Script:
    """Wi-Fi that comes and goes: moments without a link, a phone's hotspot in between."""
    del company
    low, high = script.desk_min()
    plan, offline = script.plan, []
    for _ in range(draw.randint(5, 18)):
        at = draw.randint(low, high)
        to = at + draw.randint(2, 25)
        if chance(draw, 0.3):
            plan = plan.change(at, to, link=links.hotspot(script.person))
        else:
            plan = plan.change(at, to, link=NO_LINK)
            offline.append((at, to))
    noted = script.noted("flaky_wifi", plan=plan)
    return noted.with_faults(offline=tuple(sorted(offline)), latency_ms=draw.uniform(1500, 9000))


def wrong_clock(company: Company, script: Script, draw: Stream) -> Script:
    """The laptop's wall clock is hours off. Nobody reads it; a machine that was paused and woken by
    its hypervisor also has a boot clock that stood still, which ingest notices."""
    del company
    off_ms = round(draw.choice((-1, 1)) * draw.uniform(300, 90_000) * 1000)
    noted = script.noted("wrong_clock").with_faults(wall_off_ms=off_ms)
    if chance(draw, 0.1):
        event = ("boot_time_impossible", "the boot clock stood still for a while")
        return noted.with_faults(events=(event,))
    return noted


def permission_lost(company: Company, script: Script, draw: Stream) -> Script:
    """An update of the system takes a permission away: input, network or Bluetooth."""
    del company
    low, high = script.desk_min()
    at = draw.randint(low, high) if chance(draw, 0.5) else low
    lost = draw.choice(({"usage_seen": False}, {"network_seen": False}, {"scan": "unhealthy"}))
    return script.noted("permission_lost", plan=script.plan.change(at, high + 60, **lost))


def agent_removed(company: Company, script: Script, draw: Stream) -> Script:
    """An antivirus takes the agent for what it is not: from then on, nothing."""
    del company
    low, high = script.desk_min()
    at = draw.randint(low - 10, high)
    return script.noted("agent_removed", plan=script.plan.change(at, high + 120, agent=False))


def in_repair(company: Company, script: Script, draw: Stream) -> Script:
    """No laptop today; half of the time somebody entered that."""
    del company
    low, high = script.desk_min()
    plan = script.plan.change(low - 200, high + 200, power="off", hands="none")
    noted = script.noted("in_repair", plan=plan)
    if chance(draw, 0.5):
        span = (script.start_min - 60, script.end_min + 60, "device_repair")
        return dataclasses.replace(noted, exemptions=(span,))
    return noted


def late_delivery(company: Company, script: Script, draw: Stream) -> Script:
    """Offline for hours: the spool arrives in the evening, next morning, or after the weekend."""
    del company
    low, high = script.desk_min()
    at = draw.randint(low, high)
    back = high + draw.choice((20, 180, 900, 3600))
    return script.noted("late_delivery").with_faults(
        offline=((at, high + 200),), back_at_min=float(back)
    )


def lost_delivery(company: Company, script: Script, draw: Stream) -> Script:
    """A full disk or a crash takes some hours; or a disk is put back from its image, and the chain
    has a hole that nobody will fill."""
    del company
    low, high = script.desk_min()
    at = draw.randint(low, high)
    gone = ((at, at + draw.randint(30, 200)),)
    noted = script.noted("lost_delivery")
    if chance(draw, 0.7):
        return noted.with_faults(given_up=gone)
    return noted.with_faults(
        lost=gone, events=(("broken_chain", "an envelope names a predecessor that is not here"),)
    )


def hotspot(company: Company, script: Script, draw: Stream) -> Script:
    """The site has no network for guests, or a bad one: all day on one's own phone."""
    del company, draw
    low, high = script.desk_min()
    link = links.hotspot(script.person)
    return script.noted("hotspot", plan=script.plan.change(low, high, link=link))


def meeting_rooms(company: Company, script: Script, draw: Stream) -> Script:
    """Half a day or all of it in a room that the node does not reach."""
    del company
    low, high = script.desk_min()
    node_floors = {node.spot.floor for node in script.site.nodes}
    far = [room for room in script.site.rooms if room.floor not in node_floors or room.dead]
    spot = draw.choice(far or list(script.site.rooms[-2:])).spot(script.site.site_id, draw)
    at = low + 10 if chance(draw, 0.5) else draw.randint(low, high)
    to = min(high - 8, at + draw.randint(150, 540))
    plan = script.plan
    for part in plan.parts:  # who was out for lunch still is
        if part.state.person.place == script.site.site_id:
            moved = {"person": spot, "sensor_spot": spot, "badge": spot, "laptop": spot}
            plan = plan.change(max(at, part.from_min), min(to, part.to_min), **moved)
    return script.noted("meeting_rooms", plan=plan)


def poor_position(company: Company, script: Script, draw: Stream) -> Script:
    """Deep inside a building: a cell tower's position, or none at all."""
    del company
    if chance(draw, 0.4):
        bare = [
            dataclasses.replace(punch, latitude=None, longitude=None, accuracy_m=None)
            for punch in script.punches
        ]
        return script.noted("poor_position", punches=tuple(bare))
    vague = []
    for punch in script.punches:
        accuracy = draw.uniform(200, 1500)
        north = draw.gauss(0, accuracy / 2) / 111_320
        latitude = round((punch.latitude or script.site.latitude) + north, 6)
        vague.append(dataclasses.replace(punch, latitude=latitude, accuracy_m=round(accuracy)))
    return script.noted("poor_position", punches=tuple(vague))


ALL: Final[Mapping[str, tuple[Nuisance, float]]] = {
    "dead_scan": (dead_scan, 0.03),
    "lid_shut": (lid_shut, 0.10),
    "vpn": (vpn, 0.10),
    "sensor_forgotten": (sensor_forgotten, 0.06),
    "sensor_in_bag": (sensor_in_bag, 0.10),
    "early_start": (early_start, 0.05),
    "long_lunch": (long_lunch, 0.05),
    "flaky_wifi": (flaky_wifi, 0.05),
    "wrong_clock": (wrong_clock, 0.03),
    "permission_lost": (permission_lost, 0.02),
    "agent_removed": (agent_removed, 0.015),
    "in_repair": (in_repair, 0.015),
    "late_delivery": (late_delivery, 0.04),
    "lost_delivery": (lost_delivery, 0.025),
    "hotspot": (hotspot, 0.04),
    "meeting_rooms": (meeting_rooms, 0.05),
    "poor_position": (poor_position, 0.05),
}
"""Each with the share of days on which it happens to somebody. Higher than in a calm company, so that
each is measured, and low enough that the days on which four of them meet stay a few in a hundred."""


def apply(
    company: Company, script: Script, draw: Stream, rates: Mapping[str, float] | None = None
) -> Script:
    """Let life happen. `rates` replaces the shares; a nuisance that it does not name stays away."""
    for name, (nuisance, usual) in ALL.items():
        share = usual if rates is None else rates.get(name, 0.0)
        wanted = script.person.sensor is not None or not name.startswith("sensor_")
        if chance(draw, share) and wanted:
            script = nuisance(company, script, draw)
    return script
