"""Who claims to be there and is not: one function for each way that `matching.md` lists, and more.

Each begins with an honest day and changes what was really done. `trace` says in which families of
signals it can be seen by somebody who looks well: radio (heard or not, on which network), hands
(input somewhere else), air, claim (position), integrity (chain, clocks, replays), or nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Final

from zaigang_collector.simulation import links
from zaigang_collector.simulation.company import Company
from zaigang_collector.simulation.places import CAFE, ELSEWHERE, HOME, STREET, Spot
from zaigang_collector.simulation.plan import Plan
from zaigang_collector.simulation.script import Script, at_place, go_home, punch_at
from zaigang_collector.simulation.streams import Stream, chance

Cheat = Callable[[Company, Script, Stream], Script]


def _marked(script: Script, kind: str, plan: Plan, trace: set[str], **fields: object) -> Script:
    """As this cheat; whatever excuse there was for the day does not cover it."""
    fields = {"exemptions": (), **fields}
    return dataclasses.replace(
        script,
        kind=kind,
        plan=plan,
        trace=frozenset(trace),
        **fields,  # type: ignore[arg-type]  # fields of Script
    )


def _day_away(
    company: Company,
    script: Script,
    place: Spot,
    draw: Stream,
    from_min: float | None = None,
) -> Plan:
    """From a minute on somewhere else, working a little with the laptop open."""
    low, high = script.plan.from_min, script.plan.to_min
    begin = low if from_min is None else from_min
    share = script.person.input_share * draw.uniform(0.4, 1.0)
    plan = script.plan.change(begin, high, **at_place(company, script, place, draw, share))
    for _ in range(draw.randint(2, 6)):  # meals, errands, a nap
        at = draw.randint(round(begin), max(round(begin) + 1, high - 30))
        plan = plan.change(at, at + draw.randint(10, 60), hands="none", locked=True)
    at = draw.randint(round(begin), high)
    return plan.change(at, at + draw.randint(0, 45), power="asleep", hands="none")


def _faked(script: Script, draw: Stream) -> dict[str, object]:
    """Positions of an app that fakes them: in the fence, suspiciously exact or not; now and then the
    source notices."""
    caught = chance(draw, 0.15)
    punches = tuple(
        dataclasses.replace(punch_at(script.site, one.minute, one.direction, draw), mock=caught)
        for one in script.punches
    )
    return {"punches": punches, "flags": ("mock_location",) if caught else ()}


def _home_trace(script: Script) -> set[str]:
    seen = {"radio", "hands", "air"}
    return seen if script.person.home_registered else seen | {"unknown_place"}


def left_for_home(company: Company, script: Script, draw: Stream) -> Script:
    """Clocks in, stays a while, goes home and works there; clocks out by an app."""
    gone = script.start_min + draw.uniform(15, 120)
    arrived = gone + draw.uniform(20, 70)
    plan = go_home(script.plan, gone, script.plan.to_min)
    away = _day_away(company, dataclasses.replace(script, plan=plan), HOME, draw, arrived)
    return _marked(script, "left_for_home", away, _home_trace(script), left_min=gone)


def left_for_cafe(company: Company, script: Script, draw: Stream) -> Script:
    """Clocks in downstairs, then sits in a café with the laptop."""
    gone = script.start_min + draw.uniform(10, 90)
    arrived = gone + draw.uniform(5, 25)
    plan = go_home(script.plan, gone, script.plan.to_min)
    away = _day_away(company, dataclasses.replace(script, plan=plan), CAFE, draw, arrived)
    return _marked(script, "left_for_cafe", away, {"radio", "hands", "air"}, left_min=gone)


def left_early(company: Company, script: Script, draw: Stream) -> Script:
    """Goes home two to five hours before the end that is claimed."""
    gone = script.end_min - draw.uniform(130, 300)
    arrived = gone + draw.uniform(20, 70)
    plan = go_home(script.plan, gone, script.plan.to_min)
    away = _day_away(company, dataclasses.replace(script, plan=plan), HOME, draw, arrived)
    return _marked(script, "left_early", away, _home_trace(script), left_min=gone)


def never_there_home(company: Company, script: Script, draw: Stream) -> Script:
    """At home all day, with a faked position."""
    plan = _day_away(company, script, HOME, draw)
    trace = _home_trace(script)
    return _marked(script, "never_there_home", plan, trace, **_faked(script, draw))


def never_there_cafe(company: Company, script: Script, draw: Stream) -> Script:
    plan = _day_away(company, script, CAFE, draw)
    trace = {"radio", "hands", "air"}
    return _marked(script, "never_there_cafe", plan, trace, **_faked(script, draw))


def never_there_unknown(company: Company, script: Script, draw: Stream) -> Script:
    """At friends', in a hotel, at another client's."""
    plan = _day_away(company, script, ELSEWHERE, draw)
    trace = {"radio", "hands", "air"}
    return _marked(script, "never_there_unknown", plan, trace, **_faked(script, draw))


def laptop_left(company: Company, script: Script, draw: Stream) -> Script:
    """Leaves the laptop on the desk, unlocked or not, and is away with badge and sensor."""
    del company
    gone = script.start_min + draw.uniform(10, 60)
    back = script.end_min - draw.choice((0.0, 0.0, 10.0))
    plan = script.plan.change(
        gone,
        back,
        person=ELSEWHERE,
        hands="none",
        locked=chance(draw, 0.7),
        sensor_spot=ELSEWHERE,
        badge=ELSEWHERE,
        laptop=script.person.desk,
        power="on",
    )
    trace = {"badge"} if script.person.badge else set()
    return _marked(script, "laptop_left", plan, trace, left_min=gone)


def given_to_colleague(company: Company, script: Script, draw: Stream) -> Script:
    """A colleague works on it, and often carries badge and sensor too."""
    del company
    low, high = script.desk_min()
    carried = chance(draw, 0.6)
    fields = {} if carried else {"sensor_spot": HOME, "badge": HOME}
    plan = script.plan
    for part in plan.parts:
        hands = "colleague" if part.state.hands == "owner" else part.state.hands
        where = {"person": HOME, "hands": hands, **fields}
        plan = plan.change(max(low, part.from_min), min(high, part.to_min), **where)
    trace = {"badge"} if script.person.badge and not carried else set()
    return _marked(script, "given_to_colleague", plan, trace, **_faked(script, draw))


def replayed(company: Company, script: Script, draw: Stream) -> Script:
    """At home with a recording of the site's beacon, minutes to a day old."""
    late_ms = round(draw.choice((120, 600, 1800, 7200, 86_400)) * draw.uniform(0.8, 1.5)) * 1000
    plan = _day_away(company, script, HOME, draw)
    plan = plan.change(script.start_min, script.end_min, replay_ms=late_ms)
    trace = _home_trace(script) | {"integrity"}
    return _marked(script, "replayed", plan, trace, **_faked(script, draw))


def home_vpn(company: Company, script: Script, draw: Stream) -> Script:
    """At home, in a tunnel into the office; half of the tunnels show the office's own gateway."""
    plan = _day_away(company, script, HOME, draw)
    tunnel = links.tunnelled(links.home(script.person), company)
    if chance(draw, 0.5):
        tunnel = links.bridged(script.site, draw)
    plan = plan.change(plan.from_min, plan.to_min, link=tunnel)
    return _marked(script, "home_vpn", plan, {"radio", "air"}, **_faked(script, draw))


def sensor_warmed(company: Company, script: Script, draw: Stream) -> Script:
    """At home, with the thermometer held at the office's temperature; the water it forgets."""
    plan = _day_away(company, script, HOME, draw)
    if script.person.sensor is not None:
        plan = plan.change(script.start_min - 30, script.end_min + 30, sensor="warmed")
    trace = _home_trace(script)
    return _marked(script, "sensor_warmed", plan, trace, **_faked(script, draw))


def withheld(company: Company, script: Script, draw: Stream) -> Script:
    """Leaves, and deletes from the spool whatever was sealed while away."""
    left = left_for_home(company, script, draw)
    gone = left.left_min or 0.0
    back = left.end_min - draw.uniform(0, 30)
    plan = left.plan.change(gone, back, kept_back=True)
    return _marked(left, "withheld", plan, {"integrity"})


def edited(company: Company, script: Script, draw: Stream) -> Script:
    """Changes what was sealed while away: signatures fail, the chain keeps a hole; whoever can sign
    anew makes two envelopes of one number."""
    left = left_for_home(company, script, draw)
    gone = left.left_min or 0.0
    plan = left.plan.change(gone, left.end_min, kept_back=True)
    signs = chance(draw, 0.4)
    events = (("fork", "two different envelopes carry one number"),) if signs else ()
    marked = _marked(left, "edited", plan, {"integrity"})
    return marked.with_faults(events=events)


def back_dated(company: Company, script: Script, draw: Stream) -> Script:
    """Seals a day at the desk on the evening before or after, and hands it in as today's."""
    plan = script.plan.change(
        script.start_min, script.end_min, person=HOME, badge=HOME, sensor="absent", scan="deaf"
    )
    marked = _marked(script, "back_dated", plan, {"integrity"}, **_faked(script, draw))
    noticed = (("boot_time_impossible", "sealed before the receipt that it quotes"),)
    late = script.end_min + draw.uniform(5, 120)
    return marked.with_faults(
        offline=((script.plan.from_min, script.plan.to_min),),
        back_at_min=late,
        unreceipted=True,
        events=noticed if chance(draw, 0.5) else (),
    )


def cloned(company: Company, script: Script, draw: Stream) -> Script:
    """A copy of the laptop runs at the office while the person and the other are at home."""
    low, high = script.desk_min()
    plan = script.plan
    for part in plan.parts:
        hands = "jiggler" if part.state.hands == "owner" else part.state.hands
        where = {"person": HOME, "badge": HOME, "sensor_spot": HOME, "hands": hands}
        plan = plan.change(max(low, part.from_min), min(high, part.to_min), **where)
    events = [("fork", "two different envelopes carry one number")]
    if chance(draw, 0.7):
        events.append(("two_hosts", "the same certificate connected from two places in turn"))
    marked = _marked(script, "cloned", plan, {"integrity"}, **_faked(script, draw))
    del company
    return marked.with_faults(events=tuple(events))


def remote_control(company: Company, script: Script, draw: Stream) -> Script:
    """The laptop stays at the desk; its owner works on it from home."""
    del company
    gone = script.start_min + draw.uniform(0, 60)
    where = {"person": HOME, "badge": HOME, "sensor_spot": HOME, "laptop": script.person.desk}
    plan = script.plan.change(gone, script.end_min, **where, power="on", locked=False)
    for part in plan.parts:
        if part.state.power == "on" and part.from_min >= gone - 1:
            plan = plan.change(part.from_min, min(part.to_min, script.end_min), hands="remote")
    return _marked(script, "remote_control", plan, {"hands"}, left_min=gone)


def jiggler(company: Company, script: Script, draw: Stream) -> Script:
    """A mouse mover keeps the laptop awake at the desk; four in ten move at random times."""
    del company
    gone = script.start_min + draw.uniform(5, 60)
    where = {"person": ELSEWHERE, "badge": ELSEWHERE, "sensor_spot": ELSEWHERE}
    regular = chance(draw, 0.6)
    plan = script.plan.change(
        gone,
        script.end_min,
        **where,
        laptop=script.person.desk,
        power="on",
        locked=False,
        hands="jiggler" if regular else "colleague",
        input_share=0.97,
    )
    trace = {"hands"} if regular else set()
    return _marked(script, "jiggler", plan, trace, left_min=gone)


def batch_visits(company: Company, script: Script, draw: Stream) -> Script:
    """ "Visits" several sites in minutes, from one chair: a short claim with positions that lie at
    that chair, kilometres away, or that are faked for each site in turn."""
    length = draw.uniform(120, 200)
    short = dataclasses.replace(script, end_min=script.start_min + length, end_claimed=True)
    plan = _day_away(company, short, CAFE, draw)
    off_m = draw.uniform(800, 15_000)
    where = [(short.start_min, "in"), (short.end_min, "out")]
    honest_words = chance(draw, 0.6)
    punches = tuple(
        punch_at(script.site, minute, way, draw, off_m=off_m if honest_words else None)
        for minute, way in where
    )
    before, after = draw.uniform(3, 12), draw.uniform(3, 12)
    others = tuple(
        punch_at(script.site, minute, "in", draw, off_m=distance_m)
        for minute, distance_m in (
            (short.start_min - before, off_m if honest_words else draw.uniform(4_000, 30_000)),
            (short.end_min + after, off_m if honest_words else draw.uniform(4_000, 30_000)),
        )
    )
    trace = {"radio", "hands", "air", "claim"}
    return _marked(short, "batch_visits", plan, trace, punches=punches, elsewhere=others)


def relayed(company: Company, script: Script, draw: Stream) -> Script:
    """An accomplice at the site passes on live what the node says, to a laptop at home."""
    plan = _day_away(company, script, HOME, draw)
    plan = plan.change(script.start_min, script.end_min, relay=True)
    trace = {"radio", "air"} if script.person.home_registered else {"air"}
    return _marked(script, "relayed", plan, trace, **_faked(script, draw))


def laptop_off(company: Company, script: Script, draw: Stream) -> Script:
    """Away all day with everything switched off: nothing says so, and nothing may say otherwise."""
    del company
    plan = script.plan.change(
        script.plan.from_min,
        script.plan.to_min,
        person=ELSEWHERE,
        laptop=HOME,
        power="off",
        hands="none",
        sensor="absent",
        badge=STREET,
    )
    trace = {"badge"} if script.person.badge else set()
    return _marked(script, "laptop_off", plan, trace, **_faked(script, draw))


ALL: Final[Mapping[str, tuple[Cheat, float]]] = {
    "left_for_home": (left_for_home, 2.0),
    "left_for_cafe": (left_for_cafe, 1.5),
    "left_early": (left_early, 1.0),
    "never_there_home": (never_there_home, 2.0),
    "never_there_cafe": (never_there_cafe, 1.0),
    "never_there_unknown": (never_there_unknown, 1.0),
    "laptop_left": (laptop_left, 1.0),
    "given_to_colleague": (given_to_colleague, 0.3),
    "replayed": (replayed, 0.7),
    "home_vpn": (home_vpn, 0.8),
    "sensor_warmed": (sensor_warmed, 0.7),
    "withheld": (withheld, 0.7),
    "edited": (edited, 0.5),
    "back_dated": (back_dated, 0.5),
    "cloned": (cloned, 0.4),
    "remote_control": (remote_control, 0.8),
    "jiggler": (jiggler, 0.7),
    "batch_visits": (batch_visits, 0.7),
    "relayed": (relayed, 0.3),
    "laptop_off": (laptop_off, 0.8),
}
"""Each with its weight among cheats: what needs an accomplice or a toolbox is rarer than going home."""


def pick(script: Script, draw: Stream) -> str:
    """Which way a cheat takes; warming a thermometer needs one."""
    names = [name for name in ALL if name != "sensor_warmed" or script.person.sensor is not None]
    return draw.choices(names, [ALL[name][1] for name in names])[0]
