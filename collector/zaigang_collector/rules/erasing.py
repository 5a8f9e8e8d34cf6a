"""Deleting alerts and facts: the rows go, and of their ledger entries only the leaf hashes stay."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy import Connection

from zaigang_collector.ledger import service as ledger
from zaigang_collector.rules.tables import ALERT, ALERT_EVENT, FACT


def forget(conn: Connection, employee_id: str) -> dict[str, int]:
    """Delete all alerts about a person, and the facts of their intervals."""
    conn.execute(sa.delete(FACT).where(FACT.c.employee_id == employee_id))
    return _delete(conn, ALERT.c.employee_id == employee_id)


def retire(conn: Connection, before_ms: int, spared: Collection[str]) -> dict[str, int]:
    """The same for intervals that began before (UTC ms), but for the people `spared`."""
    conn.execute(
        sa.delete(FACT).where(
            FACT.c.start_ms < before_ms, FACT.c.employee_id.not_in(sorted(spared))
        )
    )
    return _delete(conn, _old(before_ms, spared))


def count_retired(conn: Connection, before_ms: int, spared: Collection[str]) -> dict[str, int]:
    """How many would be deleted."""
    query = sa.select(sa.func.count()).select_from(ALERT).where(_old(before_ms, spared))
    events = sa.select(sa.func.count()).select_from(ALERT_EVENT)
    events = events.where(
        ALERT_EVENT.c.alert_id.in_(sa.select(ALERT.c.id).where(_old(before_ms, spared)))
    )
    return {
        "alerts": int(conn.execute(query).scalar_one()),
        "alert_events": int(conn.execute(events).scalar_one()),
    }


def _delete(conn: Connection, which: sa.ColumnElement[bool]) -> dict[str, int]:
    names = sa.select(ALERT.c.id).where(which)
    gone = conn.scalars(
        sa.delete(ALERT_EVENT).where(ALERT_EVENT.c.alert_id.in_(names)).returning(ALERT_EVENT.c.id)
    ).all()
    deleted = conn.execute(sa.delete(ALERT).where(which)).rowcount
    ledger.blind(conn, ledger.EntryType.ALERT_EVENT, [str(one) for one in gone])
    return {"alerts": deleted, "alert_events": len(gone)}


def _old(before_ms: int, spared: Collection[str]) -> sa.ColumnElement[bool]:
    """Those about the infrastructure are about nobody and stay."""
    return sa.and_(ALERT.c.start_ms < before_ms, ALERT.c.employee_id.not_in(sorted(spared)))
