"""Deleting traces of work: the rows go, and of their ledger entries only the leaf hashes stay."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy import Connection

from zaigang_collector.worktraces.service import EVENTS, WORK_LOGS
from zaigang_collector.worktraces.tables import EVENT, LOG


def forget(conn: Connection, employee_id: str) -> dict[str, int]:
    """Delete a person's events and logs with all versions. Returns how many of what."""
    return {
        "business_events": EVENTS.delete(conn, EVENT.c.employee_id == employee_id),
        "work_logs": WORK_LOGS.delete(conn, LOG.c.employee_id == employee_id),
    }


def retire(conn: Connection, before_ms: int, spared: Collection[str]) -> dict[str, int]:
    """The same for what happened or was handed in before (UTC ms), but for the people `spared`."""
    return {
        "business_events": EVENTS.delete(conn, _old(EVENT, "happened_ms", before_ms, spared)),
        "work_logs": WORK_LOGS.delete(conn, _old(LOG, "handed_in_ms", before_ms, spared)),
    }


def count_retired(conn: Connection, before_ms: int, spared: Collection[str]) -> dict[str, int]:
    """How many would be deleted."""
    return {
        "business_events": _count(conn, EVENT, _old(EVENT, "happened_ms", before_ms, spared)),
        "work_logs": _count(conn, LOG, _old(LOG, "handed_in_ms", before_ms, spared)),
    }


def _count(conn: Connection, table: sa.Table, which: sa.ColumnElement[bool]) -> int:
    query = sa.select(sa.func.count()).select_from(table).where(which)
    return int(conn.execute(query).scalar_one())


def _old(
    table: sa.Table, time: str, before_ms: int, spared: Collection[str]
) -> sa.ColumnElement[bool]:
    """By the newest version, as that is what it says now: the older go with it."""
    columns = table.c
    not_spared = columns.employee_id.not_in(sorted(spared))
    old = sa.select(columns.id).where(columns.newest, columns[time] < before_ms, not_spared)
    # A version that names somebody else, who is under hold, stays.
    return sa.and_(columns.id.in_(old), not_spared)
