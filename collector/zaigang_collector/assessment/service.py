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
from zaigang_collector.matching.policy import Policy

_HOUR_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class Judge:
    """What judging needs besides the database."""

    policy: Policy
    collector_key: Ed25519PublicKey
    """Verifies vantage tokens."""
    randomness: Randomness


def judge_span(
    engine: Engine,
    judge: Judge,
    from_ms: int,
    to_ms: int,
    now_ms: int,
    employee_id: str | None = None,
) -> list[Judged]:
    """Judge all intervals that begin in [from_ms, to_ms) and are over at `now_ms` (UTC ms).

    A transaction for each person: ingest is never kept waiting behind a long pass.
    """
    people: Sequence[str] = () if employee_id is None else (employee_id,)
    if employee_id is None:
        with db.reading(engine) as conn:
            people = attendance.employees_with_punches(conn, from_ms, to_ms)
    judged: list[Judged] = []
    for person in people:
        with db.writing(engine) as conn:
            judged += judge_person(conn, judge, person, from_ms, to_ms, now_ms)
    return judged


def judge_person(
    conn: Connection, judge: Judge, employee_id: str, from_ms: int, to_ms: int, now_ms: int
) -> list[Judged]:
    """The same for one person, in the caller's transaction. Assessments of intervals that are gone are marked withdrawn."""
    claimed = claimed_intervals(conn, employee_id, from_ms, to_ms)
    judged = [_judge_one(conn, judge, one, now_ms) for one in claimed]
    gone = (Outcome.NOT_OVER, Outcome.NOT_ASSESSABLE)
    still = {one.assessment_id for one in judged if one.outcome not in gone}
    store.withdraw_others(conn, employee_id, (from_ms, to_ms), still, now_ms)
    return judged


def people_due(conn: Connection, judge: Judge, from_ms: int, to_ms: int, now_ms: int) -> list[str]:
    """Who has an interval in the span that is over and of which something is new."""
    return [
        person
        for person in attendance.employees_with_punches(conn, from_ms, to_ms)
        if any(
            one.interval.end_ms < now_ms
            and store.last_inputs(conn, assessment_id(one.opening_id))
            != _inputs(conn, judge, one, now_ms)
            for one in claimed_intervals(conn, person, from_ms, to_ms)
        )
    ]


def _judge_one(conn: Connection, judge: Judge, claimed: Claimed, now_ms: int) -> Judged:
    name = assessment_id(claimed.opening_id)
    if claimed.interval.end_ms >= now_ms:
        return Judged(name, Outcome.NOT_OVER)
    inputs = _inputs(conn, judge, claimed, now_ms)
    if store.last_inputs(conn, name) == inputs:
        return Judged(name, Outcome.UNCHANGED)
    gathered = gather(conn, claimed, now_ms, judge.collector_key)
    try:
        assessment = assess(gathered.claim, gathered.site, gathered.evidence, judge.policy)
    except ClaimError:
        # Told where clock-ins are looked at: an interval that cannot be one is nobody's fault here.
        return Judged(name, Outcome.NOT_ASSESSABLE)
    policy_hash = judge.policy.hash()
    store.keep_policy(conn, judge.policy, policy_hash, now_ms, judge.randomness)
    outcome = store.keep(conn, assessment, gathered.evidence_hash, now_ms, judge.randomness)
    store.note_inputs(conn, name, inputs, now_ms)
    return Judged(name, outcome)


def _inputs(conn: Connection, judge: Judge, claimed: Claimed, now_ms: int) -> bytes:
    waited = now_ms >= claimed.interval.end_ms + judge.policy.waiting_h * _HOUR_MS
    return inputs_hash(conn, claimed, judge.policy.hash(), waited)
