"""Retention: what is older than it is kept goes, but for people under legal hold or with
an open case."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Engine

from zaigang_collector import db
from zaigang_collector.assessment import erasing as assessment
from zaigang_collector.attendance import erasing as attendance
from zaigang_collector.cases import erasing as cases
from zaigang_collector.cases import store as case_store
from zaigang_collector.connectors import erasing as connectors
from zaigang_collector.db import Randomness
from zaigang_collector.ingest import erasing as ingest
from zaigang_collector.rules import erasing as rules
from zaigang_collector.vault import record
from zaigang_collector.vault import service as keys
from zaigang_collector.vault.model import Tombstone, TombstoneKind, person
from zaigang_collector.worktraces import erasing as worktraces

_DAY_MS: Final = 24 * 3_600_000
# Envelopes in one transaction. Larger keeps ingest waiting; smaller commits more often.
_AT_ONCE: Final = 1000
BY: Final = "retention"
_NO_CASES: Final = dict.fromkeys(("cases", "case_events", "case_files"), 0)
_NO_CLAIMS: Final = dict.fromkeys(
    (
        "alerts",
        "alert_events",
        "assessments",
        "clock_ins",
        "exemptions",
        "attendance_events",
        "records_aside",
        "business_events",
        "work_logs",
    ),
    0,
)


@dataclass(frozen=True, slots=True)
class Terms:
    """For how many days things are kept; 0: for ever."""

    readings_days: int
    claims_days: int
    cases_days: int = 0
    """After they were closed. As long as one is open, nothing of the person goes."""

    def ground(self) -> str:
        """In words, for the tombstone."""
        return (
            f"keep_readings_days {self.readings_days}, keep_claims_days {self.claims_days}, "
            f"keep_cases_days {self.cases_days}"
        )


def run(engine: Engine, terms: Terms, now_ms: int, randomness: Randomness) -> Tombstone:
    """Delete what is older than the terms allow, in many short transactions, and say so in one
    tombstone. A crash on the way leaves less to do, and what was deleted noted: the next run does the
    rest, and its tombstone tells of all of it."""
    counts: Counter[str] = Counter(envelopes=0, set_aside=0)
    before_ms = now_ms - terms.readings_days * _DAY_MS
    if terms.readings_days:
        with db.reading(engine) as conn:
            device_ids = ingest.devices(conn)
        for device_id in device_ids:
            while _some_envelopes(engine, device_id, before_ms):
                pass
    with db.writing(engine) as conn:
        counts.update(record.take_pending(conn))
        if terms.readings_days:
            counts["set_aside"] += ingest.retire_aside(conn, before_ms, _spared_keys(conn))
        counts.update(_claims(conn, terms, now_ms))
        counts.update(_cases(conn, terms, now_ms))
        tombstone = record.bury(
            conn,
            TombstoneKind.RETENTION,
            None,
            BY,
            terms.ground(),
            dict(counts),
            now_ms,
            randomness,
        )
    db.scrub(engine)
    return tombstone


def preview(conn: Connection, terms: Terms, now_ms: int) -> dict[str, int]:
    """How much `run` would delete now."""
    counts: dict[str, int] = {"envelopes": 0, "set_aside": 0}
    counts |= dict(_NO_CLAIMS)
    if terms.readings_days:
        before_ms = now_ms - terms.readings_days * _DAY_MS
        envelopes, aside = ingest.count_retired(conn, before_ms, _spared_keys(conn))
        counts |= {"envelopes": envelopes, "set_aside": aside}
    if terms.claims_days:
        before_ms, spared = now_ms - terms.claims_days * _DAY_MS, _spared(conn)
        counts |= rules.count_retired(conn, before_ms, spared)
        counts |= assessment.count_retired(conn, before_ms, spared)
        counts |= attendance.count_retired(conn, before_ms, spared)
        counts |= connectors.count_retired(conn, before_ms, spared)
        counts |= worktraces.count_retired(conn, before_ms, spared)
    counts |= _NO_CASES
    if terms.cases_days:
        before_ms = now_ms - terms.cases_days * _DAY_MS
        counts |= cases.count_retired(conn, before_ms, record.held(conn))
    return counts


def last(conn: Connection) -> Tombstone | None:
    """The newest run."""
    return next(iter(record.tombstones(conn, TombstoneKind.RETENTION, 1)), None)


def _some_envelopes(engine: Engine, device_id: str, before_ms: int) -> int:
    with db.writing(engine) as conn:
        # Asked each time: somebody may have come under hold meanwhile.
        spared = _spared_keys(conn)
        deleted = ingest.retire_envelopes(conn, device_id, before_ms, spared, _AT_ONCE)
        record.add_pending(conn, "envelopes", deleted)
        return deleted


def _claims(conn: Connection, terms: Terms, now_ms: int) -> dict[str, int]:
    if not terms.claims_days:
        return dict(_NO_CLAIMS)
    before_ms, spared = now_ms - terms.claims_days * _DAY_MS, _spared(conn)
    deleted = rules.retire(conn, before_ms, spared)
    deleted |= assessment.retire(conn, before_ms, spared)
    deleted |= attendance.retire(conn, before_ms, spared)
    deleted |= connectors.retire(conn, before_ms, spared)
    return deleted | worktraces.retire(conn, before_ms, spared)


def _cases(conn: Connection, terms: Terms, now_ms: int) -> dict[str, int]:
    if not terms.cases_days:
        return dict(_NO_CASES)
    return cases.retire(conn, now_ms - terms.cases_days * _DAY_MS, record.held(conn))


def _spared(conn: Connection) -> frozenset[str]:
    """Under hold, or with a case that is not closed: what it is about must not go meanwhile."""
    return record.held(conn) | case_store.people_with_open_cases(conn)


def _spared_keys(conn: Connection) -> frozenset[bytes]:
    return keys.key_ids_of(conn, map(person, _spared(conn)))
