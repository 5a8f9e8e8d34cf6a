"""What rules are asked of, read from what is stored; and what rests on readings, derived once for each
version of an assessment and kept. No commits here."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy import Connection

from zaigang_collector import db
from zaigang_collector.assessment import service as assessing
from zaigang_collector.assessment import store
from zaigang_collector.assessment.body import canonical
from zaigang_collector.assessment.gather import Claimed, Gathered, claimed_intervals, gather
from zaigang_collector.assessment.model import StoredAssessment, assessment_id
from zaigang_collector.assessment.service import Judge
from zaigang_collector.assessment.store import Head
from zaigang_collector.attendance import service as attendance
from zaigang_collector.attendance.plans import plan_of
from zaigang_collector.connectors import people as connected
from zaigang_collector.connectors import state as connecting
from zaigang_collector.directory import service as directory
from zaigang_collector.directory.model import Site
from zaigang_collector.ingest import service as ingest
from zaigang_collector.matching import codec
from zaigang_collector.rules import traces, work
from zaigang_collector.rules.deriving import Derived, Ground, derive
from zaigang_collector.rules.subjects import RUN_DAYS, Kept, Known, Person, Unsettled, by_day
from zaigang_collector.rules.tables import FACT
from zaigang_collector.vault.model import ToSeal, person
from zaigang_collector.vault.service import Vault

_DAY_MS: Final = 24 * 3_600_000
HISTORY_MS: Final = 16 * _DAY_MS
"""Before what is asked about: a run of 14 days, and a day of zones on each side."""


Span: TypeAlias = tuple[str, int, int]
"""A person, from, to (UTC ms)."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What there is, and about what is asked."""

    known: Known
    asked: frozenset[str]


def missing(conn: Connection, span: tuple[int, int], extra: Sequence[Span]) -> list[Head]:
    """Newest versions that start in the span, or are of `extra`, and of which nothing is derived."""
    heads = _heads(conn, span, extra)
    have = _have(conn, sorted(heads))
    return [one for one in heads.values() if (one.id, one.version) not in have]


def _heads(conn: Connection, span: tuple[int, int], extra: Sequence[Span]) -> dict[str, Head]:
    """Also of the days before, as runs of days look back; of `extra` ones of that person alone."""
    heads = {one.id: one for one in store.heads(conn, span[0] - HISTORY_MS, span[1])}
    for employee_id, from_ms, to_ms in extra:
        if from_ms < span[0]:
            around = from_ms - HISTORY_MS, to_ms + 1
            heads |= {one.id: one for one in store.heads(conn, *around, [employee_id])}
    return heads


def derive_person(
    conn: Connection, judge: Judge, employee_id: str, heads: Sequence[Head], now_ms: int
) -> Iterator[tuple[Head, Derived]]:
    """What is to be kept of some of a person's assessments. Facts of readings only where these are
    what was judged: with others they would be facts of something else."""
    names = {one.id: one for one in heads}
    span = min(one.start_ms for one in heads), max(one.start_ms for one in heads) + 1
    claimed = {
        assessment_id(one.opening_id): one
        for one in claimed_intervals(conn, judge.vault, employee_id, *span)
    }
    for name, head in sorted(names.items()):
        stored = store.get(conn, judge.vault, name)
        if stored is None or name not in claimed or stored.version != head.version:
            continue
        yield head, _derived(conn, judge, stored, claimed[name], now_ms)


def _derived(
    conn: Connection, judge: Judge, stored: StoredAssessment, claimed: Claimed, now_ms: int
) -> Derived:
    made = codec.decode(json.loads(stored.body))
    found = gather(conn, judge.vault, claimed, now_ms, judge.collector_key, judge.policy)
    is_same = found.evidence_hash == stored.evidence_hash
    ground = Ground(
        clock_ins=claimed.clock_ins,
        site=directory.get_site(conn, stored.site_id),
        site_facts=found.site,
        policy=judge.policy,
        traces=_traces(conn, found, judge) if is_same else {},
    )
    return derive(made, ground)


def _traces(conn: Connection, found: Gathered, judge: Judge) -> Mapping[str, bool | float | str]:
    before = found.claim.start_ms - HISTORY_MS, found.claim.start_ms
    spoken = frozenset(
        one.device_id
        for one in found.evidence.laptops
        if ingest.envelopes_known(conn, one.device_id, *before)
    )
    return traces.facts_of(found.claim, found.site, found.evidence, judge.policy, spoken)


def keep(
    conn: Connection, vault: Vault, derived: Sequence[tuple[Head, Derived]], now_ms: int
) -> None:
    """Keep what was derived; of older versions it is not needed any more."""
    if not derived:
        return
    gone = sorted({head.id for head, _ in derived})
    for some in db.portions(gone):
        conn.execute(sa.delete(FACT).where(FACT.c.assessment_id.in_(some)))
    items = [
        ToSeal(person(head.employee_id), canonical(one.encoded()), _context(head.id, head.version))
        for head, one in derived
    ]
    rows = [
        {
            "assessment_id": head.id,
            "version": head.version,
            "employee_id": head.employee_id,
            "start_ms": head.start_ms,
            "body": sealed,
        }
        for (head, _), sealed in zip(derived, vault.seal_many(conn, items, now_ms), strict=True)
    ]
    conn.execute(sa.insert(FACT), rows)


def known(
    conn: Connection,
    vault: Vault,
    span: tuple[int, int],
    extra: Sequence[Span],
    pending: Iterable[assessing.Pending],
    now_ms: int,
) -> Asked:
    """Everything about the assessments that start in the span, and about `extra` ones, whose days may
    be long ago."""
    heads = _heads(conn, span, extra)
    asked = {one.id for one in heads.values() if one.start_ms >= span[0]}
    for employee_id, from_ms, to_ms in extra:
        asked |= {
            one.id
            for one in heads.values()
            if one.employee_id == employee_id and from_ms <= one.start_ms <= to_ms
        }
    kept = _kept(conn, vault, list(heads.values()))
    zones = {one.id: one.time_zone for one in _sites(conn)}
    days: dict[str, dict[dt.date, list[Kept]]] = {}
    for (employee_id, day), several in by_day(kept, zones).items():
        days.setdefault(employee_id, {})[day] = several
    people = sorted({one.employee_id for one in kept if one.assessment_id in asked})
    silences = _Silences(conn, now_ms)
    known_to = work.covered(conn)
    return Asked(
        Known(
            intervals=kept,
            people={
                one: _person(conn, vault, one, _asked_days(days[one], asked), silences, known_to)
                for one in people
            },
            zones=zones,
            unsettled=[
                Unsettled(one.employee_id, one.site_id, one.start_ms, one.end_ms) for one in pending
            ],
        ),
        frozenset(asked),
    )


def _kept(conn: Connection, vault: Vault, heads: Sequence[Head]) -> list[Kept]:
    found: dict[tuple[str, int], Derived] = {}
    for some in db.portions([one.id for one in heads]):
        rows = conn.execute(sa.select(FACT).where(FACT.c.assessment_id.in_(some))).all()
        sealed = [(row.body, _context(row.assessment_id, row.version)) for row in rows]
        for row, body in zip(rows, vault.open_many(conn, sealed), strict=True):
            if body is not None:  # of somebody who is being forgotten
                found[row.assessment_id, row.version] = Derived.decoded(json.loads(body))
    return [
        Kept(
            one.id,
            one.version,
            one.employee_id,
            one.site_id,
            one.start_ms,
            one.end_ms,
            found.get((one.id, one.version)),
        )
        for one in heads
    ]


def _asked_days(
    days: Mapping[dt.date, Sequence[Kept]], asked: Collection[str]
) -> dict[dt.date, Sequence[Kept]]:
    return {
        day: several
        for day, several in days.items()
        if any(one.assessment_id in asked for one in several)
    }


def _person(
    conn: Connection,
    vault: Vault,
    employee_id: str,
    days: Mapping[dt.date, Sequence[Kept]],
    silences: _Silences,
    known_to: work.Covered,
) -> Person:
    mine = [one for several in days.values() for one in several]
    from_ms, to_ms = min(one.start_ms for one in mine), max(one.end_ms for one in mine)
    employee = directory.get_employee(conn, employee_id)
    sources = {name for one in mine if one.derived for name in one.derived.sources}
    back = dt.timedelta(days=RUN_DAYS)
    return Person(
        department="" if employee is None else employee.department,
        exemptions=attendance.exemptions_of(conn, employee_id, from_ms - _DAY_MS, to_ms + _DAY_MS),
        plan=plan_of(conn, employee_id, min(days) - back, max(days)).days,
        silent_sources=frozenset(name for name in sources if silences.concerns(name, employee_id)),
        work=work.of_person(conn, vault, employee_id, days, known_to),
    )


class _Silences:
    """Which sources may not have told everything; asked once for each. As things are now: leave that
    was not read yet may be of any day."""

    def __init__(self, conn: Connection, now_ms: int) -> None:
        self._conn, self._now_ms = conn, now_ms
        self._known: dict[str, tuple[bool, frozenset[str]]] = {}

    def concerns(self, source: str, employee_id: str) -> bool:
        """Whether something of this person may be missing."""
        if source not in self._known:
            silence = connecting.silent_since(self._conn, source, self._now_ms)
            unanswered = connected.unanswered(self._conn, source)
            self._known[source] = silence is not None, frozenset(unanswered)
        silent, unanswered_for = self._known[source]
        return silent or employee_id in unanswered_for


def _sites(conn: Connection) -> Iterator[Site]:
    after = ""
    while found := directory.list_sites(conn, after):
        yield from found
        after = found[-1].id


def _have(conn: Connection, names: Sequence[str]) -> set[tuple[str, int]]:
    found: set[tuple[str, int]] = set()
    for some in db.portions(names):
        query = sa.select(FACT.c.assessment_id, FACT.c.version)
        rows = conn.execute(query.where(FACT.c.assessment_id.in_(some)))
        found |= {(row.assessment_id, row.version) for row in rows}
    return found


def _context(name: str, version: int) -> bytes:
    """Where this body stands, for the vault."""
    return f"rule-fact/{name}@{version}".encode()
