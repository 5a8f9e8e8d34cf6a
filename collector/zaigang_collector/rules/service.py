"""One pass over what is settled: facts derived, rules asked, alerts raised and withdrawn."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Engine

from zaigang_collector import db
from zaigang_collector.assessment import service as assessing
from zaigang_collector.assessment import store as assessments
from zaigang_collector.assessment.service import Judge
from zaigang_collector.assessment.store import Head
from zaigang_collector.rules import gathering, rulebook, store
from zaigang_collector.rules.deciding import Move, alert_id, decide, together_key
from zaigang_collector.rules.evaluate import Evaluated, evaluate
from zaigang_collector.rules.model import Happened, Subject
from zaigang_collector.rules.rulebook import Rulebook
from zaigang_collector.rules.subjects import subjects

LEAST_CONCLUDED: Final = 5
"""So many of a rule's alerts have to be concluded before its overturn rate says anything. Larger: a wrong
rule accuses more people; smaller: one mistake suspends a good rule."""


@dataclass(frozen=True, slots=True)
class Pass:
    """What one pass did."""

    subjects: int
    raised: int = 0
    updated: int = 0
    withdrawn: int = 0
    unsettled: int = 0


def run(
    engine: Engine,
    judge: Judge,
    from_ms: int,
    to_ms: int,
    now_ms: int,
    got_on: Callable[[], None] = lambda: None,
) -> Pass:
    """Ask all rules of the intervals that begin in [from_ms, to_ms), and of those of raised alerts,
    however old. What is still to be judged raises nothing. `got_on` is called after each person of
    whom facts were derived: the first pass has weeks of everybody's to derive."""
    span = from_ms, to_ms
    derive(engine, judge, span, now_ms, got_on)
    got_on()
    with db.reading(engine) as conn:
        pending = assessing.pending(conn, judge, *span, now_ms)
        extra = store.raised_spans(conn)
        asked = gathering.known(conn, judge.vault, span, extra, pending, now_ms)
        book = rulebook.read(conn)
    found = subjects(asked.known, asked.asked)
    evaluated = evaluate(book.rules, found, whole_from(from_ms))
    with db.writing(engine) as conn:
        moves = _moves(conn, judge, evaluated, book, now_ms)
        for move in moves:
            store.apply(conn, judge.vault, move, now_ms, judge.randomness)
    done = [one.happened for one in moves]
    return Pass(
        subjects=len(found),
        raised=done.count(Happened.RAISED),
        updated=done.count(Happened.UPDATED),
        withdrawn=done.count(Happened.WITHDRAWN),
        unsettled=sum(not one.settled for one in found),
    )


def whole_from(from_ms: int) -> str:
    """The first day that begins after `from_ms` everywhere on earth."""
    after = dt.datetime.fromtimestamp(from_ms / 1000, dt.UTC) + dt.timedelta(days=1, hours=14)
    return after.date().isoformat()


def derive(
    engine: Engine,
    judge: Judge,
    span: tuple[int, int],
    now_ms: int,
    got_on: Callable[[], None] = lambda: None,
) -> None:
    """What is missing, a transaction for each person."""
    with db.reading(engine) as conn:
        wanted = gathering.missing(conn, span, store.raised_spans(conn))
    by_person: dict[str, list[Head]] = {}
    for head in wanted:
        by_person.setdefault(head.employee_id, []).append(head)
    for employee_id, heads in sorted(by_person.items()):
        with db.reading(engine) as conn:
            made = list(gathering.derive_person(conn, judge, employee_id, heads, now_ms))
        with db.writing(engine) as conn:
            gathering.keep(conn, judge.vault, made, now_ms)
        got_on()


def _moves(
    conn: Connection, judge: Judge, evaluated: Evaluated, book: Rulebook, now_ms: int
) -> list[Move]:
    """Decided on the alerts as they stand, in the transaction that moves them. What was judged anew
    while rules were asked waits for the next pass."""
    names = {alert_id(one.rule.id, one.subject.key) for one in evaluated.outcomes}
    names |= {alert_id(one.rule.id, together_key(one)) for one in evaluated.together}
    standing = store.standing(conn, judge.vault, names)
    moves = decide(evaluated, standing, book.on, now_ms)
    return [one for one in moves if one.subject is None or _is_newest(conn, one.subject)]


def _is_newest(conn: Connection, subject: Subject) -> bool:
    return all(
        assessments.is_newest(conn, reference)
        for reference in subject.references
        if reference.startswith("as-")
    )


def suspend_overturned(conn: Connection, rule_id: str, judge: Judge, now_ms: int) -> bool:
    """Suspend a rule of whose concluded alerts people overturned more than its bound."""
    standing = rulebook.read(conn).standings.get(rule_id)
    if standing is None or not standing.on or standing.suspended:
        return False
    counted = store.counts(conn, rule_id, standing.since_ms or 0)
    share = counted.overturned_share
    if share is None or counted.concluded < LEAST_CONCLUDED:
        return False
    if share <= standing.rule.overturn_share:
        return False
    why = (
        f"{counted.overturned} of {counted.concluded} concluded alerts were overturned "
        f"({share:.0%}; bound {standing.rule.overturn_share:.0%})"
    )
    rulebook.suspend(conn, rule_id, store.PROGRAM, why, now_ms, judge.randomness)
    return True
