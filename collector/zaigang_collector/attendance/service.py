"""Clock-ins and exemptions: recording them and reading them back. No commits here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from zaigang_collector.attendance.model import (
    ClockIn,
    Direction,
    ExemptionKind,
    Flag,
    Kind,
    NewClockIn,
    Outcome,
    Point,
    Recorded,
)
from zaigang_collector.attendance.tables import CLOCK_IN, EXEMPTION
from zaigang_collector.db import Randomness
from zaigang_collector.ledger import service as ledger


@dataclass(frozen=True, slots=True)
class StoredExemption:
    """A stretch of one person in which there is nothing to assess (UTC ms)."""

    employee_id: str
    from_ms: int
    to_ms: int
    kind: ExemptionKind
    source: str
    source_id: str


def record(conn: Connection, new: NewClockIn, now_ms: int, randomness: Randomness) -> Recorded:
    """Store a punch once. The same content again changes nothing; other content under the same
    source and id is a late edit and makes a new version beside the old one."""
    stored = _newest(conn, new.source, new.source_id)
    record_hash = new.record_hash()
    if stored is not None and stored.content.record_hash() == record_hash:
        return Recorded(stored, Outcome.UNCHANGED)
    version = 1 if stored is None else stored.version + 1
    clock_in = ClockIn(new.clock_in_id(), version, now_ms, new)
    conn.execute(sa.update(CLOCK_IN).where(CLOCK_IN.c.id == clock_in.id).values(newest=False))
    conn.execute(sa.insert(CLOCK_IN).values(**_columns(clock_in, record_hash)))
    ledger.append(
        conn,
        ledger.EntryType.CLOCK_IN,
        now_ms,
        record_hash,
        randomness(ledger.SALT_BYTES),
        clock_in.reference,
    )
    return Recorded(clock_in, Outcome.ADDED if version == 1 else Outcome.NEW_VERSION)


def get(conn: Connection, clock_in_id: str) -> ClockIn | None:
    """The newest version."""
    query = sa.select(CLOCK_IN).where(CLOCK_IN.c.id == clock_in_id, CLOCK_IN.c.newest)
    row = conn.execute(query).one_or_none()
    return None if row is None else from_row(row)


def versions(conn: Connection, clock_in_id: str) -> tuple[ClockIn, ...]:
    """Every version, the oldest first."""
    query = sa.select(CLOCK_IN).where(CLOCK_IN.c.id == clock_in_id).order_by(CLOCK_IN.c.version)
    return tuple(from_row(row) for row in conn.execute(query))


def of_employee(
    conn: Connection, employee_id: str, from_ms: int, to_ms: int
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
    return tuple(from_row(row) for row in conn.execute(query))


@dataclass(frozen=True, slots=True)
class Filter:
    """Which clock-ins to list; None: any."""

    employee_id: str | None = None
    site_id: str | None = None
    from_ms: int | None = None
    to_ms: int | None = None


def list_page(
    conn: Connection, wanted: Filter, after: tuple[int, str] | None, limit: int
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
    return tuple(from_row(row) for row in conn.execute(query))


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


def _newest(conn: Connection, source: str, source_id: str) -> ClockIn | None:
    query = sa.select(CLOCK_IN).where(
        CLOCK_IN.c.source == source, CLOCK_IN.c.source_id == source_id, CLOCK_IN.c.newest
    )
    row = conn.execute(query).one_or_none()
    return None if row is None else from_row(row)


def _columns(clock_in: ClockIn, record_hash: bytes) -> dict[str, object]:
    new, point = clock_in.content, clock_in.content.point
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
        "received_ms": new.received_ms,
        "stored_ms": clock_in.stored_ms,
        "kind": new.kind.value,
        "latitude": point and point.latitude,
        "longitude": point and point.longitude,
        "datum": point and point.datum,
        "accuracy_m": point and point.accuracy_m,
        "flags": ",".join(flag.value for flag in new.flags),
        "source_device": new.source_device,
        "vendor_record": new.vendor_record,
        "record_hash": record_hash,
    }


def from_row(row: Row[tuple[object, ...]]) -> ClockIn:
    """A row of clock-ins as a value."""
    point = None
    if row.latitude is not None:
        point = Point(row.latitude, row.longitude, row.datum, row.accuracy_m)
    new = NewClockIn(
        source=row.source,
        source_id=row.source_id,
        employee_id=row.employee_id,
        site_id=row.site_id,
        direction=Direction(row.direction),
        punched_ms=row.punched_ms,
        received_ms=row.received_ms,
        kind=Kind(row.kind),
        point=point,
        flags=tuple(Flag(name) for name in row.flags.split(",") if name),
        source_device=row.source_device,
        vendor_record=bytes(row.vendor_record),
    )
    return ClockIn(row.id, row.version, row.stored_ms, new)
