"""Deleting assessments: the rows go, and of their ledger entries only the leaf hashes stay."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy import Connection

from zaigang_collector.assessment.model import assessment_id
from zaigang_collector.assessment.tables import ASSESSMENT, CHECKED
from zaigang_collector.ledger import service as ledger


def forget(conn: Connection, employee_id: str, clock_in_ids: Collection[str]) -> dict[str, int]:
    """Delete a person's assessments, with all versions. `clock_in_ids`: of all that they ever
    claimed, as an interval may have been looked at without being assessed."""
    names = [assessment_id(one) for one in sorted(clock_in_ids)]
    _uncheck(conn, names)
    return {"assessments": _delete(conn, ASSESSMENT.c.employee_id == employee_id)}


def retire(conn: Connection, before_ms: int, spared: Collection[str]) -> dict[str, int]:
    """The same for intervals that began before (UTC ms), but for the people `spared`."""
    return {"assessments": _delete(conn, _old(before_ms, spared))}


def count_retired(conn: Connection, before_ms: int, spared: Collection[str]) -> dict[str, int]:
    """How many would be deleted."""
    query = sa.select(sa.func.count()).select_from(ASSESSMENT).where(_old(before_ms, spared))
    return {"assessments": int(conn.execute(query).scalar_one())}


def _delete(conn: Connection, which: sa.ColumnElement[bool]) -> int:
    gone = conn.execute(
        sa.delete(ASSESSMENT).where(which).returning(ASSESSMENT.c.id, ASSESSMENT.c.version)
    ).all()
    _uncheck(conn, sorted({row.id for row in gone}))
    ledger.blind(conn, ledger.EntryType.ASSESSMENT, [f"{row.id}@{row.version}" for row in gone])
    return len(gone)


def _uncheck(conn: Connection, names: Collection[str]) -> None:
    gone = [{"name": name} for name in names]
    if gone:
        conn.execute(sa.delete(CHECKED).where(CHECKED.c.id == sa.bindparam("name")), gone)


def _old(before_ms: int, spared: Collection[str]) -> sa.ColumnElement[bool]:
    return sa.and_(
        ASSESSMENT.c.start_ms < before_ms, ASSESSMENT.c.employee_id.not_in(sorted(spared))
    )
