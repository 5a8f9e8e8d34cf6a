"""Judging intervals: find them, gather, have matching judge, keep the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Connection, Engine

from zaigang_collector import db
from zaigang_collector.assessment import store
from zaigang_collector.assessment.gather import Claimed, claimed_intervals, gather, inputs_hash
from zaigang_collector.assessment.model import Judged, Outcome, assessment_id
from zaigang_collector.attendance import service as attendance
from zaigang_collector.db import Randomness
from zaigang_collector.matching.assess import assess
from zaigang_collector.matching.errors import ClaimError
from zaigang_collector.matching.model import Assessment
from zaigang_collector.matching.policy import Policy
from zaigang_collector.vault.service import Vault

_HOUR_MS: Final = 3_600_000
# How often a person is looked at anew because something came in meanwhile, before everybody else
# has to wait. Larger reads for nothing while a spool is being delivered; smaller stops ingest.
_ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True)
class Judge:
    """What judging needs besides the database."""

    policy: Policy
    collector_key: Ed25519PublicKey
    """Verifies vantage tokens."""
    randomness: Randomness
    vault: Vault
    """Opens what is held about people, and seals what is found."""


def judge_span(
    engine: Engine,
    judge: Judge,
    from_ms: int,
    to_ms: int,
    now_ms: int,
    employee_id: str | None = None,
) -> list[Judged]:
    """Judge all intervals that begin in [from_ms, to_ms) and are over at `now_ms` (UTC ms).

    A transaction for each person: nobody is kept waiting behind a long pass.
    """
    people: Sequence[str] = () if employee_id is None else (employee_id,)
    if employee_id is None:
        with db.reading(engine) as conn:
            people = people_concerned(conn, from_ms, to_ms)
    judged: list[Judged] = []
    for person in people:
        judged += judge_person(engine, judge, person, from_ms, to_ms, now_ms)
    return judged


def judge_person(
    engine: Engine, judge: Judge, employee_id: str, from_ms: int, to_ms: int, now_ms: int
) -> list[Judged]:
    """The same for one person. Assessments of intervals that are gone are marked withdrawn.

    Gathered and judged while others may write; kept if nothing came in meanwhile.
    """
    span = from_ms, to_ms
    for _ in range(_ATTEMPTS):
        with db.reading(engine) as conn:
            claimed = claimed_intervals(conn, judge.vault, employee_id, *span)
            drafts = [_draft(conn, judge, one, now_ms) for one in claimed]
        with db.writing(engine) as conn:
            if claimed_intervals(conn, judge.vault, employee_id, *span) == claimed and all(
                _holds(conn, judge, draft, now_ms) for draft in drafts
            ):
                return _keep_all(conn, judge, employee_id, span, drafts, now_ms)
    with db.writing(engine) as conn:
        claimed = claimed_intervals(conn, judge.vault, employee_id, *span)
        drafts = [_draft(conn, judge, one, now_ms) for one in claimed]
        return _keep_all(conn, judge, employee_id, span, drafts, now_ms)


def people_due(conn: Connection, judge: Judge, from_ms: int, to_ms: int, now_ms: int) -> list[str]:
    """Who has an interval in the span that is over and of which something is new, or an assessment
    whose interval is gone."""
    standing = store.standing(conn, from_ms, to_ms)
    return [
        person
        for person in people_concerned(conn, from_ms, to_ms)
        if is_due(
            conn,
            judge,
            claimed_intervals(conn, judge.vault, person, from_ms, to_ms),
            standing.get(person, frozenset()),
            now_ms,
        )
    ]


def is_due(
    conn: Connection,
    judge: Judge,
    claimed: Sequence[Claimed],
    standing: frozenset[str],
    now_ms: int,
) -> bool:
    """Whether of somebody's intervals one is over and something is new of it, or an assessment that
    stands is of none of them."""
    over = {assessment_id(one.opening_id): one for one in claimed if one.interval.end_ms < now_ms}
    if standing - over.keys():
        return True
    last = {name: store.last_inputs(conn, name) for name in over}
    # What was never looked at is new, whatever it rests on.
    return None in last.values() or any(
        last[name] != _inputs(conn, judge, one, now_ms) for name, one in over.items()
    )


@dataclass(frozen=True, slots=True)
class Pending:
    """An interval of which the stored answer is not, or not yet, the last word."""

    employee_id: str
    site_id: str
    start_ms: int
    end_ms: int


def pending(
    conn: Connection, judge: Judge, from_ms: int, to_ms: int, now_ms: int
) -> tuple[Pending, ...]:
    """What begins in the span and goes on, or is over and of which something is new; and assessments
    whose interval is gone."""
    heads: dict[str, list[store.Head]] = {}
    for head in store.heads(conn, from_ms, to_ms):
        heads.setdefault(head.employee_id, []).append(head)
    found: list[Pending] = []
    for person in people_concerned(conn, from_ms, to_ms):
        claimed = claimed_intervals(conn, judge.vault, person, from_ms, to_ms)
        names = {assessment_id(one.opening_id) for one in claimed}
        for one in claimed:
            name = assessment_id(one.opening_id)
            goes_on = one.interval.end_ms >= now_ms
            if goes_on or store.last_inputs(conn, name) != _inputs(conn, judge, one, now_ms):
                span = one.interval.start_ms, one.interval.end_ms
                found.append(Pending(person, one.interval.site_id, *span))
        found += [
            Pending(person, head.site_id, head.start_ms, head.end_ms)
            for head in heads.get(person, ())
            if head.id not in names
        ]
    return tuple(found)


def people_concerned(conn: Connection, from_ms: int, to_ms: int) -> list[str]:
    """Who has punches in the span, or an assessment of punches that are gone, sorted by id."""
    punching = attendance.employees_with_punches(conn, from_ms, to_ms)
    return sorted({*punching, *store.standing(conn, from_ms, to_ms)})


@dataclass(frozen=True, slots=True)
class _Draft:
    """One interval, judged and not yet kept."""

    claimed: Claimed
    name: str
    inputs: bytes | None = None
    """What it was made of; None: it is not over."""
    evidence_hash: bytes = b""
    assessment: Assessment | None = None
    outcome: Outcome | None = None
    """What there is to say without keeping anything."""


def _draft(conn: Connection, judge: Judge, claimed: Claimed, now_ms: int) -> _Draft:
    name = assessment_id(claimed.opening_id)
    if claimed.interval.end_ms >= now_ms:
        return _Draft(claimed, name, outcome=Outcome.NOT_OVER)
    inputs = _inputs(conn, judge, claimed, now_ms)
    if store.last_inputs(conn, name) == inputs:
        return _Draft(claimed, name, inputs, outcome=Outcome.UNCHANGED)
    gathered = gather(conn, judge.vault, claimed, now_ms, judge.collector_key, judge.policy)
    try:
        made = assess(gathered.claim, gathered.site, gathered.evidence, judge.policy)
    except ClaimError:
        # Told where clock-ins are looked at: an interval that cannot be one is nobody's fault here.
        return _Draft(claimed, name, inputs, outcome=Outcome.NOT_ASSESSABLE)
    return _Draft(claimed, name, inputs, gathered.evidence_hash, made)


def _holds(conn: Connection, judge: Judge, draft: _Draft, now_ms: int) -> bool:
    """Whether nothing has come in since; where nothing is kept, the next pass notices."""
    return draft.assessment is None or draft.inputs == _inputs(conn, judge, draft.claimed, now_ms)


def _keep_all(
    conn: Connection,
    judge: Judge,
    employee_id: str,
    span: tuple[int, int],
    drafts: Sequence[_Draft],
    now_ms: int,
) -> list[Judged]:
    judged = [_keep(conn, judge, draft, now_ms) for draft in drafts]
    gone = (Outcome.NOT_OVER, Outcome.NOT_ASSESSABLE)
    still = {one.assessment_id for one in judged if one.outcome not in gone}
    store.withdraw_others(conn, employee_id, span, still, now_ms)
    return judged


def _keep(conn: Connection, judge: Judge, draft: _Draft, now_ms: int) -> Judged:
    if draft.assessment is None or draft.inputs is None:
        if draft.outcome is Outcome.NOT_ASSESSABLE and draft.inputs is not None:
            store.note_inputs(conn, draft.name, draft.inputs, now_ms)
        return _judged(draft, draft.outcome or Outcome.UNCHANGED)
    policy_hash = judge.policy.hash()
    store.keep_policy(conn, judge.policy, policy_hash, now_ms, judge.randomness)
    outcome = store.keep(
        conn, judge.vault, draft.assessment, draft.evidence_hash, now_ms, judge.randomness
    )
    store.note_inputs(conn, draft.name, draft.inputs, now_ms)
    return _judged(draft, outcome)


def _judged(draft: _Draft, outcome: Outcome) -> Judged:
    interval = draft.claimed.interval
    return Judged(draft.name, outcome, interval.site_id, interval.end_ms)


def _inputs(conn: Connection, judge: Judge, claimed: Claimed, now_ms: int) -> bytes:
    waited = now_ms >= claimed.interval.end_ms + judge.policy.waiting_h * _HOUR_MS
    return inputs_hash(conn, claimed, judge.policy, waited)
