"""All built-in rules asked of 1,000 people's day, from a real SQLite file to decided alerts.

    python -m tests.bench.bench_rules [people] [days]

The bar is 5 s. Timed is what a pass does after the facts were derived: reading facts, exemptions, plans
and work of everybody, asking eleven rules with their look-alikes, and deciding. Everybody's facts are
known and quiet but for one in a hundred, about whom there is an alert. Processor time, best of the rounds.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import process_time
from typing import Final

import sqlalchemy as sa

from tests.factories.api_world import ApiWorld, api_world
from tests.factories.directory import stored_employee
from tests.factories.rules import DAY_MS, HOUR_MS, START, quiet
from tests.factories.vault import VAULT
from zaigang_collector import db
from zaigang_collector.assessment.store import Head
from zaigang_collector.assessment.tables import ASSESSMENT
from zaigang_collector.rules import document, gathering, store
from zaigang_collector.rules.deciding import alert_id, decide
from zaigang_collector.rules.deriving import Derived
from zaigang_collector.rules.evaluate import evaluate
from zaigang_collector.rules.subjects import subjects

BAR_S: Final = 5.0
ROUNDS: Final = 3


@dataclass(frozen=True, slots=True)
class Measured:
    """One store; processor seconds of one pass by step."""

    people: int
    days: int
    subjects: int
    raised: int
    steps: Mapping[str, float]

    @property
    def seconds(self) -> float:
        return sum(self.steps.values())


def measure(people: int = 1000, days: int = 1, rounds: int = ROUNDS) -> Measured:
    with tempfile.TemporaryDirectory() as name, api_world(Path(name)) as world:
        _fill(world, people, days)
        return min((_once(world, people, days) for _ in range(rounds)), key=lambda one: one.seconds)


def _once(world: ApiWorld, people: int, days: int) -> Measured:
    span = START, START + days * DAY_MS
    now_ms = span[1] + 3 * DAY_MS
    rules = document.built_in_rules()
    marks = [process_time()]
    with db.reading(world.engine) as conn:
        asked = gathering.known(conn, VAULT, span, (), (), now_ms)
        marks.append(process_time())
        found = subjects(asked.known, asked.asked)
        marks.append(process_time())
        evaluated = evaluate(rules, found, "")
        marks.append(process_time())
        names = {alert_id(one.rule.id, one.subject.key) for one in evaluated.outcomes}
        standing = store.standing(conn, VAULT, names)
        moves = decide(evaluated, standing, {one.id for one in rules}, now_ms)
        marks.append(process_time())
    steps = ("read", "facts of days", "ask the rules", "decide")
    spent = [after - before for before, after in itertools.pairwise(marks)]
    return Measured(people, days, len(found), len(moves), dict(zip(steps, spent, strict=True)))


def _fill(world: ApiWorld, people: int, days: int) -> None:
    names = [f"P{number:05}" for number in range(people)]
    heads = [
        (number, Head(f"as-{name}-{day}", 1, name, "hq", *_hours(day), b""))
        for number, name in enumerate(names)
        for day in range(days)
    ]
    with db.writing(world.engine) as conn:
        for name in names:
            stored_employee(conn, id=name)
        conn.execute(sa.insert(ASSESSMENT), [_row(head) for _, head in heads])
        derived = [(head, _derived(number)) for number, head in heads]
        gathering.keep(conn, VAULT, derived, START)


def _hours(day: int) -> tuple[int, int]:
    start_ms = START + day * DAY_MS
    return start_ms, start_ms + 9 * HOUR_MS


def _derived(number: int) -> Derived:
    facts = quiet()
    if number % 100 == 0:
        facts |= {"presence": "contradicted", "absence_min": 200.0, "home_use_min": 120.0}
    return Derived(facts=facts, clock_ins=("ci-1@1", "ci-2@1"), sources=("test",), in_ms=START)


def _row(head: Head) -> dict[str, object]:
    return {
        "id": head.id,
        "version": 1,
        "newest": True,
        "employee_id": head.employee_id,
        "site_id": head.site_id,
        "start_ms": head.start_ms,
        "end_ms": head.end_ms,
        "presence": "confirmed",
        "work": "active",
        "coverage": 1.0,
        "provisional": False,
        "absent": False,
        "body": b"",
        "body_hash": bytes(32),
        "evidence_hash": bytes(32),
        "policy_hash": "",
        "created_ms": START,
    }


def report(measured: Measured) -> str:
    return "\n".join(
        [
            f"{measured.people} people, {measured.days} days, {measured.subjects} intervals and days, "
            f"11 rules: {measured.seconds:.2f} s, {measured.raised} alerts; bar {BAR_S:g} s for a day",
            *(f"  {step:<16}{spent:8.2f} s" for step, spent in measured.steps.items()),
        ]
    )


if __name__ == "__main__":
    given = [int(one) for one in sys.argv[1:]]
    print(report(measure(*given)))
