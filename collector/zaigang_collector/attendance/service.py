"""Clock-ins and exemptions: recording them and reading them back. No commits here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from zaigang_collector.attendance.model import (
    ClockIn,
    ExemptionKind,
    NewClockIn,
    Outcome,
    Recorded,
)
from zaigang_collector.attendance.tables import CLOCK_IN, EXEMPTION
from zaigang_collector.db import Randomness
from zaigang_collector.ledger import service as ledger
from zaigang_collector.vault.model import person
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
    stored = _newest(conn, vault, new.source, new.source_id)
    record_hash = new.record_hash()
    if stored is not None and stored.content.record_hash() == record_hash:
        return Recorded(stored, Outcome.UNCHANGED)
    version = 1 if stored is None else stored.version + 1
    clock_in = ClockIn(new.clock_in_id(), version, now_ms, new)
    conn.execute(sa.update(CLOCK_IN).where(CLOCK_IN.c.id == clock_in.id).values(newest=False))
    sealed = vault.seal(
        conn, person(new.employee_id), new.body(), context_of(clock_in.reference), now_ms
    )
    conn.execute(sa.insert(CLOCK_IN).values(**columns_of(clock_in, record_hash, sealed)))
    ledger.append(
        conn,
        ledger.EntryType.CLOCK_IN,
        now_ms,
        record_hash,
        randomness(ledger.SALT_BYTES),
        clock_in.reference,
    )
    return Recorded(clock_in, Outcome.ADDED if version == 1 else Outcome.NEW_VERSION)


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


def list_page(
    conn: Connection, vault: Vault, wanted: Filter, after: tuple[int, str] | None, limit: int
) -> tuple[ClockIn, ...]:
    """Newest versions in order of (punched_ms, id), beginning after the pair `after`."""
    query = sa.select(CLOCK_IN).where(CLOCK_IN.c.newest)
    if wanted.employee_id is not None:
        query = query.where(CLOCK_IN.c.employee_id == wanted.employee_id)
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


def exempt(conn: Connection, exemption: StoredExemption, now_ms: int) -> None:
    """Store or replace an exemption (same source and id)."""
    conn.execute(
        sa.delete(EXEMPTION).where(
            EXEMPTION.c.source == exemption.source, EXEMPTION.c.source_id == exemption.source_id
        )
    )
    conn.execute(
        sa.insert(EXEMPTION).values(
            source=exemption.source,
            source_id=exemption.source_id,
            employee_id=exemption.employee_id,
            from_ms=exemption.from_ms,
            to_ms=exemption.to_ms,
            kind=exemption.kind.value,
            stored_ms=now_ms,
        )
    )


def exemptions_of(
    conn: Connection, employee_id: str, from_ms: int, to_ms: int
) -> Sequence[StoredExemption]:
    """What overlaps the stretch, by time."""
    query = (
        sa.select(EXEMPTION)
        .where(
            EXEMPTION.c.employee_id == employee_id,
            EXEMPTION.c.from_ms < to_ms,
            EXEMPTION.c.to_ms > from_ms,
        )
        .order_by(EXEMPTION.c.from_ms, EXEMPTION.c.source, EXEMPTION.c.source_id)
    )
    return [
        StoredExemption(
            row.employee_id,
            row.from_ms,
            row.to_ms,
            ExemptionKind(row.kind),
            row.source,
            row.source_id,
        )
        for row in conn.execute(query)
    ]


def _newest(conn: Connection, vault: Vault, source: str, source_id: str) -> ClockIn | None:
    query = sa.select(CLOCK_IN).where(
        CLOCK_IN.c.source == source, CLOCK_IN.c.source_id == source_id, CLOCK_IN.c.newest
    )
    return next(iter(_opened(conn, vault, query)), None)


def columns_of(clock_in: ClockIn, record_hash: bytes, body: bytes) -> dict[str, object]:
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
