"""Assessments in the database: every version is kept. No commits here."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection, Row, Select

from zaigang_collector import db
from zaigang_collector.assessment import body as bodies
from zaigang_collector.assessment.model import Outcome, StoredAssessment, assessment_id
from zaigang_collector.assessment.tables import ASSESSMENT, CHECKED, POLICY
from zaigang_collector.errors import UnknownIdError
from zaigang_collector.ledger import service as ledger
from zaigang_collector.matching.model import Assessment, Presence, Work
from zaigang_collector.matching.policy import Policy
from zaigang_collector.vault.model import person
from zaigang_collector.vault.service import Vault

# No interval is longer (`policy.longest_interval_h`); further back nothing reaches into this one.
_LONGEST_MS: Final = 36 * 3_600_000


@dataclass(frozen=True, slots=True)
class Filter:
    """Which assessments to list; None: any."""

    employee_id: str | None = None
    site_id: str | None = None
    presence: Presence | None = None
    from_ms: int | None = None
    to_ms: int | None = None
    among: Collection[str] | None = None
    """Of nobody but these people."""


def keep(
    conn: Connection,
    vault: Vault,
    assessment: Assessment,
    evidence_hash: bytes,
    now_ms: int,
    randomness: db.Randomness,
) -> Outcome:
    """Store an assessment, unless the newest version says the very same."""
    opening_id, _, _version = assessment.claim.clock_in_ids[0].partition("@")
    name = assessment_id(opening_id)
    before = _newest_said(conn, name)
    body = bodies.encode(assessment)
    body_hash = hashlib.sha256(body).digest()
    if before is not None and before.body_hash == body_hash and before.withdrawn_ms is None:
        return Outcome.UNCHANGED
    version = 1 if before is None else before.version + 1
    conn.execute(sa.update(ASSESSMENT).where(ASSESSMENT.c.id == name).values(newest=False))
    claim = assessment.claim
    sealed = vault.seal(conn, person(claim.employee_id), body, context_of(name, version), now_ms)
    conn.execute(
        sa.insert(ASSESSMENT).values(
            id=name,
            version=version,
            newest=True,
            employee_id=claim.employee_id,
            site_id=claim.site_id,
            start_ms=claim.start_ms,
            end_ms=claim.end_ms,
            presence=assessment.presence.value,
            work=assessment.work.value,
            coverage=assessment.coverage,
            provisional=assessment.provisional,
            absent=assessment.seems_absent,
            body=sealed,
            body_hash=body_hash,
            evidence_hash=evidence_hash,
            policy_hash=assessment.policy_hash,
            created_ms=now_ms,
        )
    )
    _append(conn, ledger.EntryType.ASSESSMENT, now_ms, body_hash, randomness, f"{name}@{version}")
    return Outcome.ADDED if version == 1 else Outcome.NEW_VERSION


def keep_policy(
    conn: Connection, policy: Policy, policy_hash: str, now_ms: int, randomness: db.Randomness
) -> None:
    """Store the numbers behind a policy hash once, so that old assessments can be recomputed."""
    body = bodies.canonical(dataclasses.asdict(policy))
    row = {"policy_hash": policy_hash, "body": body, "created_ms": now_ms}
    if db.insert_ignore(conn, POLICY, [row]):
        body_hash = hashlib.sha256(body).digest()
        _append(conn, ledger.EntryType.POLICY, now_ms, body_hash, randomness, policy_hash)


def policy_body(conn: Connection, policy_hash: str) -> bytes:
    """The policy as it was stored, which the ledger commits to. Raises UnknownIdError."""
    query = sa.select(POLICY.c.body).where(POLICY.c.policy_hash == policy_hash)
    body: bytes | None = conn.execute(query).scalar_one_or_none()
    if body is None:
        raise UnknownIdError("policy", policy_hash)
    return body


def withdraw_others(
    conn: Connection, employee_id: str, span: tuple[int, int], still: Collection[str], now_ms: int
) -> int:
    """Mark this person's newest assessments that start within `span` and are not in `still`: the
    punches behind them were edited away. Returns how many."""
    query = sa.select(ASSESSMENT.c.id).where(
        ASSESSMENT.c.newest,
        ASSESSMENT.c.withdrawn_ms.is_(None),
        ASSESSMENT.c.employee_id == employee_id,
        ASSESSMENT.c.start_ms >= span[0],
        ASSESSMENT.c.start_ms < span[1],
    )
    gone = sorted(set(conn.execute(query).scalars()) - set(still))
    for name in gone:
        conn.execute(
            sa.update(ASSESSMENT)
            .where(ASSESSMENT.c.id == name, ASSESSMENT.c.newest)
            .values(withdrawn_ms=now_ms)
        )
    # Should the interval come back, as it was, it is to be judged again.
    conn.execute(sa.delete(CHECKED).where(CHECKED.c.id.in_(gone)))
    return len(gone)


def standing(conn: Connection, from_ms: int, to_ms: int) -> dict[str, frozenset[str]]:
    """By person the ids of the assessments that hold and start in [from_ms, to_ms)."""
    query = sa.select(ASSESSMENT.c.employee_id, ASSESSMENT.c.id).where(
        ASSESSMENT.c.newest,
        ASSESSMENT.c.withdrawn_ms.is_(None),
        ASSESSMENT.c.start_ms >= from_ms,
        ASSESSMENT.c.start_ms < to_ms,
    )
    found: dict[str, set[str]] = {}
    for row in conn.execute(query):
        found.setdefault(row.employee_id, set()).add(row.id)
    return {person: frozenset(names) for person, names in found.items()}


@dataclass(frozen=True, slots=True)
class Head:
    """The newest version of an assessment that holds, without what it says."""

    id: str
    version: int
    employee_id: str
    site_id: str
    start_ms: int
    end_ms: int
    evidence_hash: bytes


def heads(
    conn: Connection, from_ms: int, to_ms: int, employee_ids: Collection[str] | None = None
) -> tuple[Head, ...]:
    """Those that start in [from_ms, to_ms), in order of time; None: of everybody."""
    columns = (ASSESSMENT.c[field.name] for field in dataclasses.fields(Head))
    query = sa.select(*columns).where(
        ASSESSMENT.c.newest,
        ASSESSMENT.c.withdrawn_ms.is_(None),
        ASSESSMENT.c.start_ms >= from_ms,
        ASSESSMENT.c.start_ms < to_ms,
    )
    if employee_ids is not None:
        query = query.where(ASSESSMENT.c.employee_id.in_(sorted(employee_ids)))
    query = query.order_by(ASSESSMENT.c.start_ms, ASSESSMENT.c.id)
    return tuple(Head(*row) for row in conn.execute(query))


def is_newest(conn: Connection, reference: str) -> bool:
    """Whether `id@version` is the newest version of an assessment that holds."""
    name, _, version = reference.partition("@")
    query = sa.select(ASSESSMENT.c.id).where(
        ASSESSMENT.c.id == name,
        ASSESSMENT.c.version == int(version),
        ASSESSMENT.c.newest,
        ASSESSMENT.c.withdrawn_ms.is_(None),
    )
    return conn.execute(query).first() is not None


def others_at(
    conn: Connection, site_id: str, employee_id: str, from_ms: int, to_ms: int
) -> tuple[int, int]:
    """How many others were judged for at least half of these hours at this site, and how many of
    them seem absent. Who had leave is neither."""
    query = sa.select(ASSESSMENT).where(
        ASSESSMENT.c.newest,
        ASSESSMENT.c.withdrawn_ms.is_(None),
        ASSESSMENT.c.site_id == site_id,
        ASSESSMENT.c.employee_id != employee_id,
        ASSESSMENT.c.presence != Presence.EXEMPT.value,
        ASSESSMENT.c.start_ms > from_ms - _LONGEST_MS,
        ASSESSMENT.c.start_ms < to_ms,
        ASSESSMENT.c.end_ms > from_ms,
    )
    here, absent = set(), set()
    wanted = query.with_only_columns(
        ASSESSMENT.c.employee_id, ASSESSMENT.c.start_ms, ASSESSMENT.c.end_ms, ASSESSMENT.c.absent
    )
    for row in conn.execute(wanted):
        if 2 * (min(to_ms, row.end_ms) - max(from_ms, row.start_ms)) >= to_ms - from_ms:
            here.add(row.employee_id)
            if row.absent:
                absent.add(row.employee_id)
    return len(here), len(absent)


def beside_absences(
    conn: Connection, from_ms: int, to_ms: int, least: int
) -> dict[str, frozenset[tuple[object, ...]]]:
    """By site, where at least so many intervals of the span seem absent, all that `others_at` counts."""
    here = (
        ASSESSMENT.c.newest,
        ASSESSMENT.c.withdrawn_ms.is_(None),
        ASSESSMENT.c.presence != Presence.EXEMPT.value,
        ASSESSMENT.c.start_ms > from_ms - _LONGEST_MS,
        ASSESSMENT.c.start_ms < to_ms,
    )
    absent = sa.select(ASSESSMENT.c.site_id).where(*here, ASSESSMENT.c.absent)
    sites = absent.group_by(ASSESSMENT.c.site_id).having(sa.func.count() >= least)
    found: dict[str, set[tuple[object, ...]]] = {one: set() for one in conn.scalars(sites)}
    query = sa.select(
        ASSESSMENT.c.site_id, ASSESSMENT.c.employee_id, ASSESSMENT.c.start_ms,
        ASSESSMENT.c.end_ms, ASSESSMENT.c.absent,
    ).where(*here, ASSESSMENT.c.site_id.in_(sorted(found)))  # fmt: skip
    for site_id, *told in conn.execute(query) if found else ():
        found[site_id].add(tuple(told))
    return {site_id: frozenset(told) for site_id, told in found.items()}


def last_inputs(conn: Connection, name: str) -> bytes | None:
    """The hash of what an interval's last judging looked at."""
    query = sa.select(CHECKED.c.inputs_hash).where(CHECKED.c.id == name)
    return conn.execute(query).scalar_one_or_none()


def last_evidence(conn: Connection, name: str) -> bytes | None:
    """The hash of the evidence behind the newest version, without opening it."""
    query = sa.select(ASSESSMENT.c.evidence_hash).where(
        ASSESSMENT.c.id == name, ASSESSMENT.c.newest
    )
    return conn.execute(query).scalar_one_or_none()


def note_inputs(conn: Connection, name: str, inputs_hash: bytes, now_ms: int) -> None:
    """Remember what an interval was judged on."""
    db.upsert(conn, CHECKED, [{"id": name, "inputs_hash": inputs_hash, "checked_ms": now_ms}])


def get(conn: Connection, vault: Vault, name: str) -> StoredAssessment | None:
    """The newest version."""
    query = sa.select(ASSESSMENT).where(ASSESSMENT.c.id == name, ASSESSMENT.c.newest)
    return next(iter(_opened(conn, vault, query)), None)


def versions(conn: Connection, vault: Vault, name: str) -> tuple[StoredAssessment, ...]:
    """Every version, the oldest first."""
    query = sa.select(ASSESSMENT).where(ASSESSMENT.c.id == name).order_by(ASSESSMENT.c.version)
    return _opened(conn, vault, query)


def list_page(
    conn: Connection, vault: Vault, wanted: Filter, after: tuple[int, str] | None, limit: int
) -> tuple[StoredAssessment, ...]:
    """Newest versions that are not withdrawn, in order of (start_ms, id), after the pair `after`."""
    query = sa.select(ASSESSMENT).where(ASSESSMENT.c.newest, ASSESSMENT.c.withdrawn_ms.is_(None))
    query = _filtered(query, wanted)
    if after is not None:
        start_ms, name = after
        query = query.where(
            sa.or_(
                ASSESSMENT.c.start_ms > start_ms,
                sa.and_(ASSESSMENT.c.start_ms == start_ms, ASSESSMENT.c.id > name),
            )
        )
    query = query.order_by(ASSESSMENT.c.start_ms, ASSESSMENT.c.id).limit(limit)
    return _opened(conn, vault, query)


def count_by_presence(conn: Connection) -> dict[str, int]:
    """How many newest assessments have each answer."""
    query = (
        sa.select(ASSESSMENT.c.presence, sa.func.count().label("number"))
        .where(ASSESSMENT.c.newest, ASSESSMENT.c.withdrawn_ms.is_(None))
        .group_by(ASSESSMENT.c.presence)
    )
    return {row.presence: row.number for row in conn.execute(query)}


def _filtered(query: Select[tuple[object, ...]], wanted: Filter) -> Select[tuple[object, ...]]:
    if wanted.employee_id is not None:
        query = query.where(ASSESSMENT.c.employee_id == wanted.employee_id)
    if wanted.among is not None:
        query = query.where(ASSESSMENT.c.employee_id.in_(sorted(wanted.among)))
    if wanted.site_id is not None:
        query = query.where(ASSESSMENT.c.site_id == wanted.site_id)
    if wanted.presence is not None:
        query = query.where(ASSESSMENT.c.presence == wanted.presence.value)
    if wanted.from_ms is not None:
        query = query.where(ASSESSMENT.c.start_ms >= wanted.from_ms)
    if wanted.to_ms is not None:
        query = query.where(ASSESSMENT.c.start_ms < wanted.to_ms)
    return query


def _append(
    conn: Connection,
    entry_type: ledger.EntryType,
    now_ms: int,
    body_hash: bytes,
    randomness: db.Randomness,
    ref: str,
) -> None:
    ledger.append(conn, entry_type, now_ms, body_hash, randomness(ledger.SALT_BYTES), ref)


@dataclass(frozen=True, slots=True)
class _Said:
    version: int
    body_hash: bytes
    withdrawn_ms: int | None


def _newest_said(conn: Connection, name: str) -> _Said | None:
    """What the newest version said, without opening it."""
    query = sa.select(ASSESSMENT.c.version, ASSESSMENT.c.body_hash, ASSESSMENT.c.withdrawn_ms)
    found = conn.execute(query.where(ASSESSMENT.c.id == name, ASSESSMENT.c.newest))
    return next((_Said(*row) for row in found), None)


def context_of(name: str, version: int) -> bytes:
    """Where this body stands, for the vault."""
    return f"assessment/{name}@{version}".encode()


def _opened(
    conn: Connection, vault: Vault, query: Select[tuple[object, ...]]
) -> tuple[StoredAssessment, ...]:
    rows = conn.execute(query).all()
    sealed = [(row.body, context_of(row.id, row.version)) for row in rows]
    return tuple(
        _stored(row, body)
        for row, body in zip(rows, vault.open_many(conn, sealed), strict=True)
        if body is not None  # of somebody who is being forgotten
    )


def _stored(row: Row[Any], body: bytes) -> StoredAssessment:
    values = dict(row._mapping) | {"body": body}
    values["presence"] = Presence(values["presence"])
    values["work"] = Work(values["work"])
    return StoredAssessment(**values)
