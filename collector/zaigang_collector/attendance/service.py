"""Clock-ins and exemptions: recording them and reading them back. No commits here."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from zaigang_collector import db
from zaigang_collector.attendance.model import (
    ClockIn,
    ExemptionKind,
    NewClockIn,
    Outcome,
    Recorded,
    outcome_of,
)
from zaigang_collector.attendance.tables import CLOCK_IN, EXEMPTION
from zaigang_collector.db import Randomness
from zaigang_collector.ledger import service as ledger
from zaigang_collector.vault.model import ToSeal, person
from zaigang_collector.vault.service import Vault


@dataclass(frozen=True, slots=True)
class StoredExemption:
    """A stretch of one person in which there is nothing to assess (UTC ms)."""

    employee_id: str
    from_ms: int
    to_ms: int
    kind: ExemptionKind
    source: str
    source_id: str


def record(
    conn: Connection, vault: Vault, new: NewClockIn, now_ms: int, randomness: Randomness
) -> Recorded:
    """Store a punch once. The same content again changes nothing; other content under the same
    source and id is a late edit and makes a new version beside the old one."""
    (recorded,) = record_all(conn, vault, [new], now_ms, randomness)
    return recorded


def record_all(
    conn: Connection,
    vault: Vault,
    news: Iterable[NewClockIn],
    now_ms: int,
    randomness: Randomness,
) -> tuple[Recorded, ...]:
    """The same for many, in their order, with a few questions for hundreds of them."""
    recorded: list[Recorded] = []
    for portion in db.portions_by_id(news, NewClockIn.clock_in_id):
        recorded += _record_portion(conn, vault, portion, now_ms, randomness)
    return tuple(recorded)


@dataclass(frozen=True, slots=True)
class _Said:
    """One version of a punch, with what the ledger commits to."""

    clock_in: ClockIn
    body: bytes
    record_hash: bytes


def _record_portion(
    conn: Connection,
    vault: Vault,
    portion: Mapping[str, NewClockIn],
    now_ms: int,
    randomness: Randomness,
) -> list[Recorded]:
    columns = (CLOCK_IN.c.id, CLOCK_IN.c.version, CLOCK_IN.c.stored_ms, CLOCK_IN.c.record_hash)
    query = sa.select(*columns).where(CLOCK_IN.c.id.in_(sorted(portion)), CLOCK_IN.c.newest)
    stored = {row.id: row for row in conn.execute(query)}
    recorded, made = [], []
    for name, new in portion.items():
        body = new.body()
        digest = hashlib.sha256(body).digest()
        before = stored.get(name)
        outcome = outcome_of(None if before is None else before.record_hash, digest)
        if before is not None and outcome is Outcome.UNCHANGED:
            same = ClockIn(name, before.version, before.stored_ms, new)
            recorded.append(Recorded(same, outcome))
            continue
        version = 1 if before is None else before.version + 1
        said = _Said(ClockIn(name, version, now_ms, new), body, digest)
        recorded.append(Recorded(said.clock_in, outcome))
        made.append(said)
    _insert(conn, vault, made, now_ms, randomness)
    return recorded


def _insert(
    conn: Connection,
    vault: Vault,
    made: Sequence[_Said],
    now_ms: int,
    randomness: Randomness,
) -> None:
    if not made:
        return
    edited = [one.clock_in.id for one in made if one.clock_in.version > 1]
    if edited:
        conn.execute(sa.update(CLOCK_IN).where(CLOCK_IN.c.id.in_(edited)).values(newest=False))
    items = [
        ToSeal(
            person(one.clock_in.content.employee_id),
            one.body,
            context_of(one.clock_in.reference),
        )
        for one in made
    ]
    sealed = vault.seal_many(conn, items, now_ms)
    rows = [
        _columns(one.clock_in, one.record_hash, body)
        for one, body in zip(made, sealed, strict=True)
    ]
    conn.execute(sa.insert(CLOCK_IN), rows)
    salts = [randomness(ledger.SALT_BYTES) for _ in made]
    ledger.append_all(
        conn,
        [
            (
                ledger.EntryType.CLOCK_IN,
                now_ms,
                one.record_hash,
                salt,
                one.clock_in.reference,
            )
            for one, salt in zip(made, salts, strict=True)
        ],
    )


def get(conn: Connection, vault: Vault, clock_in_id: str) -> ClockIn | None:
    """The newest version."""
    query = sa.select(CLOCK_IN).where(CLOCK_IN.c.id == clock_in_id, CLOCK_IN.c.newest)
    return next(iter(_opened(conn, vault, query)), None)


def versions(conn: Connection, vault: Vault, clock_in_id: str) -> tuple[ClockIn, ...]:
    """Every version, the oldest first."""
    query = sa.select(CLOCK_IN).where(CLOCK_IN.c.id == clock_in_id).order_by(CLOCK_IN.c.version)
    return _opened(conn, vault, query)


def of_employee(
    conn: Connection, vault: Vault, employee_id: str, from_ms: int, to_ms: int
) -> tuple[ClockIn, ...]:
    """Newest versions of one person's punches with from_ms <= punched < to_ms, by time."""
    query = (
        sa.select(CLOCK_IN)
        .where(
            CLOCK_IN.c.newest,
            CLOCK_IN.c.employee_id == employee_id,
            CLOCK_IN.c.punched_ms >= from_ms,
            CLOCK_IN.c.punched_ms < to_ms,
        )
        .order_by(CLOCK_IN.c.punched_ms, CLOCK_IN.c.id)
    )
    return _opened(conn, vault, query)


def references_of(conn: Connection, employee_id: str, from_ms: int, to_ms: int) -> tuple[str, ...]:
    """`ClockIn.reference` of what `of_employee` would give, without opening anything."""
    query = (
        sa.select(CLOCK_IN.c.id, CLOCK_IN.c.version)
        .where(
            CLOCK_IN.c.newest,
            CLOCK_IN.c.employee_id == employee_id,
            CLOCK_IN.c.punched_ms >= from_ms,
            CLOCK_IN.c.punched_ms < to_ms,
        )
        .order_by(CLOCK_IN.c.punched_ms, CLOCK_IN.c.id)
    )
    return tuple(f"{row.id}@{row.version}" for row in conn.execute(query))


@dataclass(frozen=True, slots=True)
class Filter:
    """Which clock-ins to list; None: any."""

    employee_id: str | None = None
    site_id: str | None = None
    from_ms: int | None = None
    to_ms: int | None = None
    among: Collection[str] | None = None
    """Of nobody but these people."""


def list_page(
    conn: Connection, vault: Vault, wanted: Filter, after: tuple[int, str] | None, limit: int
) -> tuple[ClockIn, ...]:
    """Newest versions in order of (punched_ms, id), beginning after the pair `after`."""
    query = sa.select(CLOCK_IN).where(CLOCK_IN.c.newest)
    if wanted.employee_id is not None:
        query = query.where(CLOCK_IN.c.employee_id == wanted.employee_id)
    if wanted.among is not None:
        query = query.where(CLOCK_IN.c.employee_id.in_(sorted(wanted.among)))
    if wanted.site_id is not None:
        query = query.where(CLOCK_IN.c.site_id == wanted.site_id)
    if wanted.from_ms is not None:
        query = query.where(CLOCK_IN.c.punched_ms >= wanted.from_ms)
    if wanted.to_ms is not None:
        query = query.where(CLOCK_IN.c.punched_ms < wanted.to_ms)
    if after is not None:
        at_ms, clock_in_id = after
        query = query.where(
            sa.or_(
                CLOCK_IN.c.punched_ms > at_ms,
                sa.and_(CLOCK_IN.c.punched_ms == at_ms, CLOCK_IN.c.id > clock_in_id),
            )
        )
    query = query.order_by(CLOCK_IN.c.punched_ms, CLOCK_IN.c.id).limit(limit)
    return _opened(conn, vault, query)


def employees_with_punches(conn: Connection, from_ms: int, to_ms: int) -> tuple[str, ...]:
    """Who punched in the stretch, sorted by id."""
    query = (
        sa.select(CLOCK_IN.c.employee_id)
        .where(CLOCK_IN.c.newest, CLOCK_IN.c.punched_ms >= from_ms, CLOCK_IN.c.punched_ms < to_ms)
        .distinct()
        .order_by(CLOCK_IN.c.employee_id)
    )
    return tuple(conn.execute(query).scalars())


def exemptions_of(
    conn: Connection, employee_id: str, from_ms: int, to_ms: int
) -> Sequence[StoredExemption]:
    """What holds and overlaps the stretch, by time."""
    query = (
        sa.select(EXEMPTION)
        .where(
            sa.not_(EXEMPTION.c.withdrawn),
            EXEMPTION.c.employee_id == employee_id,
            EXEMPTION.c.from_ms < to_ms,
            EXEMPTION.c.to_ms > from_ms,
        )
        .order_by(EXEMPTION.c.from_ms, EXEMPTION.c.source, EXEMPTION.c.source_id)
    )
    return [exemption_of(row) for row in conn.execute(query)]


def exemption_of(row: Row[Any]) -> StoredExemption:
    """What a row of exemptions says."""
    return StoredExemption(
        row.employee_id,
        row.from_ms,
        row.to_ms,
        ExemptionKind(row.kind),
        row.source,
        row.source_id,
    )


def _columns(clock_in: ClockIn, record_hash: bytes, body: bytes) -> dict[str, object]:
    """What is asked for by query, and the rest sealed."""
    new = clock_in.content
    return {
        "id": clock_in.id,
        "version": clock_in.version,
        "newest": True,
        "source": new.source,
        "source_id": new.source_id,
        "employee_id": new.employee_id,
        "site_id": new.site_id,
        "direction": new.direction.value,
        "punched_ms": new.punched_ms,
        "stored_ms": clock_in.stored_ms,
        "record_hash": record_hash,
        "body": body,
    }


def context_of(reference: str) -> bytes:
    """Where this body stands, for the vault."""
    return b"clock-in/" + reference.encode()


def _opened(
    conn: Connection, vault: Vault, query: sa.Select[tuple[object, ...]]
) -> tuple[ClockIn, ...]:
    rows = conn.execute(query).all()
    sealed = [(row.body, context_of(f"{row.id}@{row.version}")) for row in rows]
    bodies = vault.open_many(conn, sealed)
    return tuple(
        ClockIn(row.id, row.version, row.stored_ms, NewClockIn.from_body(body))
        for row, body in zip(rows, bodies, strict=True)
        if body is not None  # of somebody who is being forgotten
    )
