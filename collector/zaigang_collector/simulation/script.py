"""What a day is told by: the truth, the claim that is made about it, and what goes wrong on the way."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import date

from zaigang_collector.simulation import links
from zaigang_collector.simulation.company import Company, at_ms, midnight_ms
from zaigang_collector.simulation.people import Person
from zaigang_collector.simulation.places import STREET, SiteSpec, Spot
from zaigang_collector.simulation.plan import NO_LINK, Plan, State
from zaigang_collector.simulation.streams import Stream, chance, clipped

MINUTE_MS = 60_000
MARGIN_MIN = 30
"""The agent looks at a person from so long before the shift until so long after it."""
SPAN_MIN = 100
"""A plan reaches so far beyond the claim, so that margins of reading are always within."""


@dataclass(frozen=True, slots=True)
class Punch:
    """A clock-in or clock-out as its source gives it."""

    minute: float
    direction: str
    latitude: float | None
    longitude: float | None
    accuracy_m: float | None
    mock: bool = False


@dataclass(frozen=True, slots=True)
class Faults:
    """What happens to a laptop's envelopes after they were sealed, and to its clock."""

    offline: tuple[tuple[int, int], ...] = ()
    """Minutes in which nothing gets through although the machine believes it is online."""
    back_at_min: float | None = None
    """When the spool is delivered after an outage at the end; None: as soon as possible."""
    lost: tuple[tuple[int, int], ...] = ()
    """Sealed in these minutes, and gone: a hole in the chain."""
    given_up: tuple[tuple[int, int], ...] = ()
    """Never sealed: the disk was full, the agent crashed. The agent says so."""
    wall_off_ms: int = 0
    latency_ms: float = 800.0
    events: tuple[tuple[str, str], ...] = ()
    """Integrity events that ingest would raise: kind and detail."""
    unreceipted: bool = False
    """Its envelopes quote no receipt: nothing says that they were not sealed earlier."""


@dataclass(frozen=True, slots=True)
class Script:
    """One person's working day at one site."""

    person: Person
    site: SiteSpec
    day: int
    date: date
    base_ms: int
    """UTC ms of minute 0."""
    start_min: float
    end_min: float
    end_claimed: bool
    plan: Plan
    punches: tuple[Punch, ...]
    faults: Faults = Faults()
    flags: tuple[str, ...] = ()
    nuisances: tuple[str, ...] = ()
    exemptions: tuple[tuple[float, float, str], ...] = ()
    kind: str = "honest"
    trace: frozenset[str] = frozenset()
    """What a cheat leaves: families of signals in which it can be seen."""
    left_min: float | None = None
    """When a cheat who was really there went for good."""
    shift_min: tuple[int, int] = (0, 0)
    elsewhere: tuple[Punch, ...] = ()
    """The person's punches of other claims around this one."""

    def noted(self, nuisance: str, **fields: object) -> Script:
        """With one nuisance more on the list."""
        return dataclasses.replace(self, nuisances=(*self.nuisances, nuisance), **fields)  # type: ignore[arg-type]  # fields of this class

    def with_faults(self, **fields: object) -> Script:
        return dataclasses.replace(self, faults=dataclasses.replace(self.faults, **fields))  # type: ignore[arg-type]  # fields of Faults

    def utc_ms(self, minute: float) -> int:
        return self.base_ms + round(minute * MINUTE_MS)

    def desk_min(self) -> tuple[int, int]:
        """From the first to the last minute at work, as claimed."""
        return round(self.start_min), round(self.end_min)


def draw_script(company: Company, person: Person, day: int, draw: Stream) -> Script:
    """An honest day without any nuisance beyond the ordinary."""
    site = company.site(person.site_id)
    when = company.day(day)
    base_ms = midnight_ms(when, site.time_zone)
    shift = tuple(
        round((at_ms(when, minute, site.time_zone) - base_ms) / MINUTE_MS)
        for minute in (person.shift_from_min, person.shift_to_min)
    )
    start = shift[0] + clipped(draw, person.late_min, 6, -60, 45)
    end = shift[1] + clipped(draw, 8, 14, -20, 90)
    script = Script(
        person=person,
        site=site,
        day=day,
        date=when,
        base_ms=base_ms,
        start_min=start,
        end_min=end,
        end_claimed=not chance(draw, 0.05),
        plan=_plan(company, person, site, start, end, draw),
        punches=(),
        shift_min=(shift[0], shift[1]),
    )
    return dataclasses.replace(script, punches=honest_punches(script, draw))


def honest_punches(script: Script, draw: Stream) -> tuple[Punch, ...]:
    """In and out, each where the phone believes to be. GPS indoors is off by 10 to 60 m and mostly
    knows it (GPS.gov: 4.9 m under open sky; indoors Wi-Fi positioning of phones takes over)."""
    punches = [punch_at(script.site, script.start_min, "in", draw)]
    if script.end_claimed:
        punches.append(punch_at(script.site, script.end_min, "out", draw))
    return tuple(punches)


def punch_at(
    site: SiteSpec, minute: float, direction: str, draw: Stream, *, off_m: float | None = None
) -> Punch:
    """A punch near the middle of the site, or `off_m` away from it."""
    accuracy = clipped(draw, 30, 15, 8, 90)
    error = abs(draw.gauss(0, accuracy / 2)) if off_m is None else off_m
    inside = draw.uniform(0, site.radius_m * 0.3) if off_m is None else 0.0
    north = draw.choice((-1, 1)) * (error + inside) / 111_320
    return Punch(
        minute, direction, round(site.latitude + north, 6), site.longitude, round(accuracy)
    )


def _plan(
    company: Company, person: Person, site: SiteSpec, start: float, end: float, draw: Stream
) -> Plan:
    """Home, the way, desk, meetings, lunch, small breaks, the way, home."""
    low, high = round(start) - SPAN_MIN, round(end) + SPAN_MIN
    begin, finish = round(start), round(end)
    plan = Plan.steady(low, high, State())
    plan = plan.change(begin - 45, begin, person=STREET, laptop=STREET, sensor="bag", badge=STREET)
    settled = begin + draw.randint(2, 15)
    plan = plan.change(begin, finish, **at_desk(company, person, site, draw))
    plan = plan.change(begin, settled, power="off", hands="none")
    plan = _lunch(plan, person, begin, finish, draw)
    plan = _meetings(plan, person, site, begin, finish, draw)
    plan = _pauses(plan, begin, finish, draw)
    packed = finish - draw.randint(0, 6)
    plan = plan.change(packed, finish, power="asleep", hands="none")
    away = {"person": STREET, "laptop": STREET, "sensor_spot": STREET, "badge": STREET}
    return plan.change(finish, finish + 40, power="asleep", hands="none", sensor="bag", **away)


def at_desk(company: Company, person: Person, site: SiteSpec, draw: Stream) -> dict[str, object]:
    """Working at one's own desk."""
    carried = "absent" if person.sensor is None else draw.choice(("desk", "desk", "beside"))
    return {
        "person": person.desk,
        "laptop": person.desk,
        "power": "on",
        "hands": "owner",
        "input_share": person.input_share,
        "locked": False,
        "link": links.site(person, site, draw),
        "sensor": carried,
        "sensor_spot": person.desk,
        "badge": person.desk,
    }


def _lunch(plan: Plan, person: Person, begin: int, finish: int, draw: Stream) -> Plan:
    """Half an hour to an hour, after some four hours; the laptop stays locked on the desk."""
    at = begin + round((finish - begin) * 0.4) + draw.randint(-25, 25)
    spot = STREET if chance(draw, person.eats_out) else person.desk
    length = draw.randint(25, 65)
    return plan.change(at, at + length, person=spot, hands="none", locked=True, badge=spot)


def _meetings(
    plan: Plan, person: Person, site: SiteSpec, begin: int, finish: int, draw: Stream
) -> Plan:
    """Each in some meeting room; the laptop comes along, or stays locked on the desk."""
    rooms = site.of_kind("meeting") or site.of_kind("office")
    count = min(5, round(draw.expovariate(1 / max(0.1, person.meetings_a_day))))
    for _ in range(count):
        at = draw.randint(begin + 20, max(begin + 21, finish - 90))
        to = at + draw.choice((30, 45, 60, 60, 90))
        spot = draw.choice(rooms).spot(site.site_id, draw)
        plan = plan.change(at, to, person=spot, sensor_spot=spot, badge=spot)
        if chance(draw, person.takes_laptop):
            share = person.input_share * 0.4
            plan = plan.change(at, to, laptop=spot, input_share=share)
        else:
            plan = plan.change(at, to, hands="none", locked=True)
    return plan


def _pauses(plan: Plan, begin: int, finish: int, draw: Stream) -> Plan:
    """Coffee, a call in the corridor, a smoke outside: five to fifteen minutes."""
    for _ in range(draw.randint(1, 5)):
        at = draw.randint(begin, finish)
        length = draw.randint(5, 15)
        plan = plan.change(at, at + length, hands="none", locked=chance(draw, 0.5))
    return plan


def go_home(plan: Plan, from_min: float, to_min: float) -> Plan:
    """The person leaves; what they carry comes along, the laptop is asleep on the way."""
    return plan.change(
        from_min,
        to_min,
        person=STREET,
        laptop=STREET,
        power="asleep",
        hands="none",
        link=NO_LINK,
        sensor_spot=STREET,
        badge=STREET,
    )


def at_place(
    company: Company, script: Script, place: Spot, draw: Stream, input_share: float
) -> dict[str, object]:
    """Sitting somewhere with the laptop open, and everything else there too."""
    link = {
        "home": lambda: links.home(script.person),
        "cafe": lambda: links.cafe(company, draw),
    }.get(place.place, lambda: links.elsewhere(company, draw))()
    return {
        "person": place,
        "laptop": place,
        "power": "on",
        "hands": "owner",
        "input_share": input_share,
        "locked": False,
        "link": link,
        "sensor": "absent" if script.person.sensor is None else "desk",
        "sensor_spot": place,
        "badge": place,
    }
