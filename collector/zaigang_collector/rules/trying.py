"""A rule tried on past days before it is switched on. Raises nothing, whatever comes out.

Asked of the newest assessments as if all were settled; and, of intervals that were judged several times,
of the versions that stood once the rule's grace was over: what those would have raised, and the newest
would not, would have been withdrawn.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine

from zaigang_collector import db
from zaigang_collector.assessment import store as assessments
from zaigang_collector.assessment.model import StoredAssessment
from zaigang_collector.assessment.service import Judge
from zaigang_collector.matching import codec
from zaigang_collector.matching.model import Text
from zaigang_collector.rules import gathering, rulebook, service, words
from zaigang_collector.rules.deriving import judged
from zaigang_collector.rules.evaluate import Evaluated, evaluate
from zaigang_collector.rules.expression import Truth
from zaigang_collector.rules.model import Answer, Outcome, Rule, Subject
from zaigang_collector.rules.subjects import subjects
from zaigang_collector.rules.vocabulary import Grain, Value
from zaigang_collector.vault.service import Vault

_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Line:
    """One alert that there would be, or would no longer be."""

    employee_id: str
    site_id: str
    day: str
    subject: str
    text: Text
    now: bool
    """Whether the rule as it is now holds there; without one, never."""
    then: bool
    """Whether the tried one does."""
    withdrawn: bool = False
    """It would have been raised, and withdrawn by itself since."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of it."""

    rule: Rule
    people: tuple[str, ...]
    """Whom it was asked of, sorted."""
    subjects: int
    lines: tuple[Line, ...]
    excused: Mapping[str, int] = field(default_factory=dict)
    """By innocent cause, in how many cases nothing is raised because of it (English)."""
    unknown: Mapping[str, int] = field(default_factory=dict)
    """By fact, in how many cases nothing is raised because nobody knows it."""
    hushed: int = 0
    """Cases that many shared: the infrastructure's."""

    @property
    def alerts(self) -> int:
        return sum(one.then for one in self.lines)

    @property
    def people_concerned(self) -> int:
        return len({one.employee_id for one in self.lines if one.then})

    @property
    def withdrawn(self) -> int:
        return sum(one.withdrawn for one in self.lines)


def attempt(engine: Engine, judge: Judge, rule: Rule, span: tuple[int, int], now_ms: int) -> Tried:
    """Ask `rule` of the intervals that begin in the span (UTC ms), beside its version in use."""
    service.derive(engine, judge, span, now_ms)
    with db.reading(engine) as conn:
        asked = gathering.known(conn, judge.vault, span, (), (), now_ms)
        standing = rulebook.read(conn).standings.get(rule.id)
        found = [one for one in subjects(asked.known, asked.asked) if one.end_ms < now_ms]
        then = evaluate([rule], found, "")
        now = None if standing is None else evaluate([standing.rule], found, "")
        return _tried(conn, judge.vault, rule, then, now)


def _tried(
    conn: Connection, vault: Vault, rule: Rule, then: Evaluated, now: Evaluated | None
) -> Tried:
    before = {} if now is None else {one.subject.key: _raises(now, one) for one in now.outcomes}
    lines = []
    for one in then.outcomes:
        holds, held = _raises(then, one), before.get(one.subject.key, False)
        withdrawn = not holds and _would_have(conn, vault, rule, one.subject)
        if holds or held or withdrawn:
            lines.append(_line(rule, one.subject, now=held, then=holds, withdrawn=withdrawn))
    outcomes = then.outcomes
    return Tried(
        rule=rule,
        people=tuple(sorted({one.subject.employee_id for one in outcomes})),
        subjects=len(outcomes),
        lines=tuple(lines),
        excused=Counter(
            one.because.en for one in outcomes if one.answer is Answer.EXCUSED and one.because
        ),
        unknown=Counter(name for one in outcomes for name in one.missing),
        hushed=sum(one.answer is Answer.HOLDS and then.hushed(one) is not None for one in outcomes),
    )


def _raises(evaluated: Evaluated, outcome: Outcome) -> bool:
    return outcome.answer is Answer.HOLDS and evaluated.hushed(outcome) is None


def _line(rule: Rule, subject: Subject, *, now: bool, then: bool, withdrawn: bool) -> Line:
    text = words.content(rule, subject).text
    place = subject.employee_id, subject.site_id, subject.day, subject.key
    return Line(*place, text, now, then, withdrawn)


def _would_have(conn: Connection, vault: Vault, rule: Rule, subject: Subject) -> bool:
    """Whether an older version stood when the grace was over, and its condition held by it. What rests
    on readings is as it is known now, so that look-alikes of then are not: it is the most there can
    have been."""
    if rule.grain is not Grain.INTERVAL or _version(subject) < 2:
        return False
    versions = assessments.versions(conn, vault, subject.key)
    due_ms = subject.end_ms + rule.grace_h * _HOUR_MS
    return any(
        newer.created_ms > due_ms
        and rule.when.holds({**subject.facts, **_as_of(older.body)}) is Truth.YES
        for older, newer in _pairs(versions)
    )


def _pairs(
    versions: Sequence[StoredAssessment],
) -> list[tuple[StoredAssessment, StoredAssessment]]:
    return list(itertools.pairwise(versions))


def _version(subject: Subject) -> int:
    return int(subject.references[0].partition("@")[2])


def _as_of(body: bytes) -> Mapping[str, Value]:
    """The verdict of an older version."""
    return judged(codec.decode(json.loads(body)))
