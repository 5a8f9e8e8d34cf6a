"""From what is kept of everybody's intervals to what rules are asked of: days, runs of days, and
people beside each other. Pure."""

from __future__ import annotations

import datetime as dt
import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from zoneinfo import ZoneInfo

from zaigang_collector.attendance.days import exempt_stretches
from zaigang_collector.attendance.planning import Expected, PlannedDay
from zaigang_collector.attendance.service import StoredExemption
from zaigang_collector.matching import earth
from zaigang_collector.rules.deriving import Derived, Place
from zaigang_collector.rules.model import Subject
from zaigang_collector.rules.vocabulary import Grain, Value

_MIN_MS: Final = 60_000
# From how near, and within how long, claims of several sites are made from one spot. Larger takes two
# clients in neighbouring towers for one; smaller misses who walks up and down.
SPOT_M: Final = 100.0
SPOT_MS: Final = 10 * _MIN_MS


RUN_DAYS: Final = 14
"""How far a run of days looks back. Larger reads more of everybody's days each time; smaller cannot
tell two weeks from one."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One interval: its newest assessment, and what was derived of it; None: not yet."""

    assessment_id: str
    version: int
    employee_id: str
    site_id: str
    start_ms: int
    end_ms: int
    derived: Derived | None

    @property
    def reference(self) -> str:
        return f"{self.assessment_id}@{self.version}"


@dataclass(frozen=True, slots=True)
class Unsettled:
    """An interval that is still to be judged, or goes on."""

    employee_id: str
    site_id: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Person:
    """What is known of one person, whatever their intervals."""

    department: str
    exemptions: Sequence[StoredExemption] = ()
    plan: Mapping[dt.date, PlannedDay] = field(default_factory=dict)
    silent_sources: frozenset[str] = frozenset()
    """Sources that may not have told all of this person's claims."""
    work: Mapping[dt.date, Mapping[str, Value]] = field(default_factory=dict)
    """By day what business events and work logs say."""


@dataclass(frozen=True, slots=True)
class Known:
    """All that subjects are made of."""

    intervals: Sequence[Kept]
    """Those that are asked about and those of the days before, of everybody beside them."""
    people: Mapping[str, Person]
    zones: Mapping[str, str]
    """By site the IANA name of its time zone."""
    unsettled: Sequence[Unsettled]


def subjects(known: Known, asked: frozenset[str]) -> tuple[Subject, ...]:
    """Of the intervals whose assessment is `asked` about, and of their days."""
    days = by_day(known.intervals, known.zones)
    beside = _beside(known)
    open_at = _open_at(known.unsettled)
    found: list[Subject] = []
    for (employee_id, day), several in sorted(days.items()):
        wanted = [one for one in several if one.assessment_id in asked]
        if not wanted or employee_id not in known.people:
            continue
        person = known.people[employee_id]
        of_day = _day_facts(known, days, employee_id, day)
        settled = all(_is_settled(one, open_at) for one in several)
        for one in wanted:
            facts = {**of_day, **_interval_facts(one, several, person, beside)}
            found.append(_subject(one, day, person, facts, _is_settled(one, open_at)))
        found.append(_day_subject(several, day, person, of_day, settled))
    return tuple(found)


def _subject(
    one: Kept, day: dt.date, person: Person, facts: Mapping[str, Value], settled: bool
) -> Subject:
    clock_ins = () if one.derived is None else one.derived.clock_ins
    return Subject(
        key=one.assessment_id,
        grain=Grain.INTERVAL,
        employee_id=one.employee_id,
        department=person.department,
        site_id=one.site_id,
        day=day.isoformat(),
        start_ms=one.start_ms,
        end_ms=one.end_ms,
        facts=facts,
        references=(one.reference, *clock_ins),
        settled=settled,
    )


def _day_subject(
    several: Sequence[Kept],
    day: dt.date,
    person: Person,
    facts: Mapping[str, Value],
    settled: bool,
) -> Subject:
    first = several[0]
    return Subject(
        key=f"{first.employee_id}/{day.isoformat()}",
        grain=Grain.DAY,
        employee_id=first.employee_id,
        department=person.department,
        site_id=first.site_id,
        day=day.isoformat(),
        start_ms=first.start_ms,
        end_ms=max(one.end_ms for one in several),
        facts=facts,
        references=tuple(one.reference for one in several),
        settled=settled,
    )


def _interval_facts(
    one: Kept, of_day: Sequence[Kept], person: Person, beside: _Beside
) -> dict[str, Value]:
    live = [
        (held.from_ms, held.to_ms, held.kind.value)
        for held in person.exemptions
        if held.from_ms < one.end_ms and held.to_ms > one.start_ms
    ]
    exempt_ms = sum(
        last - first
        for first, last in exempt_stretches(person.exemptions, one.start_ms, one.end_ms)
    )
    told: dict[str, Value] = {"exempt_min": exempt_ms / _MIN_MS}
    derived = one.derived
    if derived is None or sorted(live) != sorted(derived.exemptions):
        return told  # it is to be judged anew: nothing that it says is known
    told |= derived.facts
    told["source_silent"] = not person.silent_sources.isdisjoint(derived.sources)
    if derived.phone:
        told["device_people"] = float(len(beside.phones[derived.phone, _utc_day(one)]))
    spot = _spot_sites([place for x in of_day if x.derived for place in x.derived.places])
    if spot:
        told["spot_sites"] = float(spot)
    if not derived.networks:
        told["network_seen_by_nobody"] = False
    else:
        seen = beside.networks[one.site_id, _utc_day(one)]
        if any(seen.values()):
            told["network_seen_by_nobody"] = False
        elif len(seen) > 1:
            told["network_seen_by_nobody"] = True
    return told


def _day_facts(
    known: Known,
    days: Mapping[tuple[str, dt.date], Sequence[Kept]],
    employee_id: str,
    day: dt.date,
) -> dict[str, Value]:
    person = known.people[employee_id]
    several = days[employee_id, day]
    span = several[0].start_ms, max(one.end_ms for one in several)
    exempt_ms = sum(last - first for first, last in exempt_stretches(person.exemptions, *span))
    told: dict[str, Value] = {"day_exempt_min": exempt_ms / _MIN_MS, **person.work.get(day, {})}
    planned = person.plan.get(day)
    if planned is not None and planned.expected is not Expected.UNKNOWN:
        told["workday"] = planned.expected is Expected.WORKDAY
    run = list(_run(days, person, employee_id, day))
    outside = _outside_days(run)
    if outside is not None:
        told["days_outside_known_places"] = float(outside)
    same = _identical_days(run, known.zones)
    if same is not None:
        told["identical_punch_days"] = float(same)
    return told


def _run(
    days: Mapping[tuple[str, dt.date], Sequence[Kept]],
    person: Person,
    employee_id: str,
    day: dt.date,
) -> Iterator[Sequence[Kept]]:
    """This day and those before it, backwards; days off without a claim are passed over, a working
    day without one ends it, and so does one of which nobody knows what it was."""
    for back in range(RUN_DAYS):
        at = day - dt.timedelta(days=back)
        several = days.get((employee_id, at))
        if several is not None:
            yield several
            continue
        planned = person.plan.get(at)
        if planned is None or planned.expected is not Expected.DAY_OFF:
            return


def _outside_days(run: Iterable[Sequence[Kept]]) -> int | None:
    """None: of the day itself nothing is known."""
    count = 0
    for number, several in enumerate(run):
        said = [
            one.derived.facts.get("outside_fence") for one in several if one.derived is not None
        ]
        known = [one for one in said if one is not None]
        if not known and number == 0:
            return None
        if not known or not all(known) or len(said) < len(several):
            break
        count += 1
    return count


def _identical_days(run: Iterable[Sequence[Kept]], zones: Mapping[str, str]) -> int | None:
    """None: of the day itself nothing is known, or its source tells minutes only."""
    seconds: list[int] = []
    for several in run:
        first = several[0]
        in_ms = None if first.derived is None else first.derived.in_ms
        if in_ms is None:
            break
        local = dt.datetime.fromtimestamp(in_ms // 1000, ZoneInfo(zones.get(first.site_id, "UTC")))
        seconds.append(local.hour * 3600 + local.minute * 60 + local.second)
    if not seconds or seconds[0] % 60 == 0:
        return None
    return len(list(itertools.takewhile(lambda one: one == seconds[0], seconds)))


def _spot_sites(places: Sequence[Place]) -> int:
    """The most sites that were claimed from near one punch within ten minutes; 0: no position."""
    most = 0
    for one in places:
        near = {
            other.site_id
            for other in places
            if 0 <= other.at_ms - one.at_ms <= SPOT_MS
            and earth.distance_m(one.latitude, one.longitude, other.latitude, other.longitude)
            <= SPOT_M
        }
        most = max(most, len(near))
    return most


@dataclass(frozen=True, slots=True)
class _Beside:
    phones: Mapping[tuple[str, int], set[str]]
    """By phone and UTC day who punched with it."""
    networks: Mapping[tuple[str, int], dict[str, bool]]
    """By site and UTC day of whom it is known whether their laptop saw the site's network."""


def _beside(known: Known) -> _Beside:
    phones: dict[tuple[str, int], set[str]] = defaultdict(set)
    networks: dict[tuple[str, int], dict[str, bool]] = defaultdict(dict)
    for one in known.intervals:
        if one.derived is None:
            continue
        if one.derived.phone:
            phones[one.derived.phone, _utc_day(one)].add(one.employee_id)
        minutes = one.derived.facts.get("site_network_min")
        if isinstance(minutes, float):
            seen = networks[one.site_id, _utc_day(one)]
            seen[one.employee_id] = seen.get(one.employee_id, False) or minutes > 0.0
    return _Beside(phones, networks)


def _utc_day(one: Kept) -> int:
    return one.start_ms // 86_400_000


def by_day(
    intervals: Iterable[Kept], zones: Mapping[str, str]
) -> dict[tuple[str, dt.date], list[Kept]]:
    """By person and the place's day, in order of time."""
    found: dict[tuple[str, dt.date], list[Kept]] = defaultdict(list)
    for one in sorted(intervals, key=lambda one: (one.start_ms, one.assessment_id)):
        zone = ZoneInfo(zones.get(one.site_id, "UTC"))
        day = dt.datetime.fromtimestamp(one.start_ms / 1000, zone).date()
        found[one.employee_id, day].append(one)
    return dict(found)


@dataclass(frozen=True, slots=True)
class _Open:
    sites: Mapping[str, Sequence[Unsettled]]
    people: Mapping[str, Sequence[Unsettled]]


def _open_at(unsettled: Iterable[Unsettled]) -> _Open:
    sites: dict[str, list[Unsettled]] = defaultdict(list)
    people: dict[str, list[Unsettled]] = defaultdict(list)
    for one in unsettled:
        sites[one.site_id].append(one)
        people[one.employee_id].append(one)
    return _Open(sites, people)


def _is_settled(kept: Kept, open_at: _Open) -> bool:
    """Whether neither the person nor anybody at the site in these hours is still to be judged: a site
    where all seem absent shows only once all of them are."""
    if kept.derived is None:
        return False
    nearby = (*open_at.sites.get(kept.site_id, ()), *open_at.people.get(kept.employee_id, ()))
    return not any(one.start_ms < kept.end_ms and one.end_ms > kept.start_ms for one in nearby)
