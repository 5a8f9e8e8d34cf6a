"""Small simulated companies; name only what matters to the test."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, TypeVar

from zaigang_collector.simulation.emit import Case, Options, Simulation, Told
from zaigang_collector.simulation.truth import Truth
from zaigang_shared.readings import Reading

R = TypeVar("R", bound=Reading)


def truths(kind: str = "", nuisance: str = "", people: int = 10) -> list[Truth]:
    """What really was, without the work of making evidence of it."""
    simulation = a_simulation(kind, nuisance, people=people)
    return [simulation.told(person, 0).truth for person in simulation.company.people]


@functools.cache
def told_days(
    kind: str = "", nuisance: str = "", seed: int = 5, people: int = 10, days: int = 1
) -> tuple[tuple[Told, Case], ...]:
    """A company in which everybody cheats this way, or suffers this and nothing else."""
    simulation = a_simulation(kind, nuisance, seed, people, days)
    told = (
        simulation.told(person, day) for day in range(days) for person in simulation.company.people
    )
    return tuple((one, simulation.case_of(one)) for one in told)


def a_simulation(
    kind: str = "", nuisance: str = "", seed: int = 5, people: int = 10, days: int = 1
) -> Simulation:
    rates: Mapping[str, float] = {nuisance: 1.0} if nuisance else {}
    options = Options(
        cheat_share=1.0 if kind else 0.0,
        rates=rates,
        site_faults=False,
        kinds=(kind,) if kind else (),
    )
    return Simulation(seed, people, days, options)


def of(case: Case, kind: type[R]) -> list[R]:
    """The laptop's readings of one kind within the claim."""
    start, end = case.claim.start_ms, case.claim.end_ms
    return [
        timed.reading
        for timed in case.evidence.laptops[0].readings
        if isinstance(timed.reading, kind) and start <= timed.at_ms < end
    ]


def share(case: Case, kind: type[R], **fields: Any) -> float:
    """Share of readings of a kind that have these values."""
    found = of(case, kind)
    same = [one for one in found if all(getattr(one, k) == v for k, v in fields.items())]
    return len(same) / max(1, len(found))
