"""Deleting claims: the rows go, and of their ledger entries only the leaf hashes stay."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy import Connection

from zaigang_collector.attendance.tables import CLOCK_IN, EXEMPTION
from zaigang_collector.ledger import service as ledger


def clock_in_ids(conn: Connection, employee_id: str) -> frozenset[str]:
    """Ids of all that a person ever claimed."""
    query = sa.select(CLOCK_IN.c.id).where(CLOCK_IN.c.employee_id == employee_id)
    return frozenset(conn.scalars(query))


def forget(conn: Connection, employee_id: str) -> dict[str, int]:
    """Delete a person's clock-ins, with all versions, and exemptions. Returns how many of what."""
    exemptions = conn.execute(
        sa.delete(EXEMPTION).where(EXEMPTION.c.employee_id == employee_id)
    ).rowcount
    clock_ins = _delete(conn, CLOCK_IN.c.employee_id == employee_id)
    return {"clock_ins": clock_ins, "exemptions": exemptions}


def retire(conn: Connection, before_ms: int, spared: Collection[str]) -> dict[str, int]:
    """The same for what was claimed before (UTC ms), but for the people `spared`."""
    exemptions = conn.execute(
        sa.delete(EXEMPTION).where(_old_exemption(before_ms, spared))
    ).rowcount
    return {"clock_ins": _delete(conn, _old(before_ms, spared)), "exemptions": exemptions}


def count_retired(conn: Connection, before_ms: int, spared: Collection[str]) -> dict[str, int]:
    """How many would be deleted."""
    return {
        name: int(
            conn.execute(sa.select(sa.func.count()).select_from(table).where(old)).scalar_one()
        )
        for name, table, old in (
            ("clock_ins", CLOCK_IN, _old(before_ms, spared)),
            ("exemptions", EXEMPTION, _old_exemption(before_ms, spared)),
        )
    }


def _delete(conn: Connection, which: sa.ColumnElement[bool]) -> int:
    gone = conn.execute(
        sa.delete(CLOCK_IN).where(which).returning(CLOCK_IN.c.id, CLOCK_IN.c.version)
    ).all()
    ledger.blind(conn, ledger.EntryType.CLOCK_IN, [f"{row.id}@{row.version}" for row in gone])
    return len(gone)


def _old(before_ms: int, spared: Collection[str]) -> sa.ColumnElement[bool]:
    """By the newest version, as that is what it says now: the older go with it."""
    old = sa.select(CLOCK_IN.c.id).where(
        CLOCK_IN.c.newest,
        CLOCK_IN.c.punched_ms < before_ms,
        CLOCK_IN.c.employee_id.not_in(sorted(spared)),
    )
    # A version that names somebody else, who is under hold, stays.
    return sa.and_(CLOCK_IN.c.id.in_(old), CLOCK_IN.c.employee_id.not_in(sorted(spared)))


def _old_exemption(before_ms: int, spared: Collection[str]) -> sa.ColumnElement[bool]:
    return sa.and_(EXEMPTION.c.to_ms < before_ms, EXEMPTION.c.employee_id.not_in(sorted(spared)))
