"""Deleting cases: the rows go, and of their ledger entries only the leaf hashes stay."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy import Connection

from zaigang_collector.cases.tables import ATTACHMENT, CASE, CLUE, LINK, STEP
from zaigang_collector.errors import ConflictError
from zaigang_collector.ledger import service as ledger


def refuse_open(conn: Connection, employee_id: str) -> None:
    """Raise ConflictError while a case about this person is open: they would lose their say."""
    query = sa.select(CASE.c.id).where(
        CASE.c.employee_id == employee_id, CASE.c.closed_ms.is_(None)
    )
    found = conn.scalars(query.order_by(CASE.c.opened_ms, CASE.c.id)).first()
    if found is not None:
        raise ConflictError(
            f"case {found} about {employee_id} is open; nothing was forgotten. Bring it to an end or "
            "withdraw it first, so that it does not vanish before the person was heard"
        )


def forget(conn: Connection, employee_id: str) -> dict[str, int]:
    """Delete a person's cases with all steps and files, and clues about them. Returns how many of
    what."""
    deleted = _delete(conn, CASE.c.employee_id == employee_id)
    return _with_clues(conn, deleted, CLUE.c.employee_id == employee_id)


def retire(conn: Connection, before_ms: int, spared: Collection[str]) -> dict[str, int]:
    """The same for cases that were closed before (UTC ms) and clues that no case is left for, but
    for the people `spared`."""
    # First: which clues are left over is told by the cases that are deleted next.
    clues = list(conn.scalars(sa.select(CLUE.c.id).where(_old_clue(before_ms, spared))))
    deleted = _delete(conn, _old(before_ms, spared))
    return _with_clues(conn, deleted, CLUE.c.id.in_(clues))


def count_retired(conn: Connection, before_ms: int, spared: Collection[str]) -> dict[str, int]:
    """How many would be deleted."""
    cases = sa.select(CASE.c.id).where(_old(before_ms, spared))
    steps = _count(conn, STEP, STEP.c.case_id.in_(cases))
    return {
        "cases": _count(conn, CASE, _old(before_ms, spared)),
        "case_events": steps + _count(conn, CLUE, _old_clue(before_ms, spared)),
        "case_files": _count(conn, ATTACHMENT, ATTACHMENT.c.case_id.in_(cases)),
    }


def _delete(conn: Connection, which: sa.ColumnElement[bool]) -> dict[str, int]:
    names = conn.scalars(sa.select(CASE.c.id).where(which)).all()
    steps, files = 0, 0
    for name in names:  # few, and each is many rows
        gone = conn.scalars(
            sa.delete(STEP).where(STEP.c.case_id == name).returning(STEP.c.number)
        ).all()
        ledger.blind(conn, ledger.EntryType.CASE_EVENT, [f"{name}/{number}" for number in gone])
        steps += len(gone)
        files += conn.execute(sa.delete(ATTACHMENT).where(ATTACHMENT.c.case_id == name)).rowcount
        conn.execute(sa.delete(LINK).where(LINK.c.case_id == name))
        conn.execute(sa.delete(CASE).where(CASE.c.id == name))
    return {"cases": len(names), "case_events": steps, "case_files": files}


def _with_clues(
    conn: Connection, deleted: dict[str, int], which: sa.ColumnElement[bool]
) -> dict[str, int]:
    gone = conn.scalars(sa.delete(CLUE).where(which).returning(CLUE.c.id)).all()
    ledger.blind(conn, ledger.EntryType.CASE_EVENT, gone)
    return deleted | {"case_events": deleted["case_events"] + len(gone)}


def _count(conn: Connection, table: sa.Table, which: sa.ColumnElement[bool]) -> int:
    query = sa.select(sa.func.count()).select_from(table).where(which)
    return int(conn.execute(query).scalar_one())


def _old(before_ms: int, spared: Collection[str]) -> sa.ColumnElement[bool]:
    return sa.and_(
        CASE.c.closed_ms.is_not(None),
        CASE.c.closed_ms < before_ms,
        CASE.c.employee_id.not_in(sorted(spared)),
    )


def _old_clue(before_ms: int, spared: Collection[str]) -> sa.ColumnElement[bool]:
    linked = sa.select(LINK.c.ref).where(
        LINK.c.kind == "clue",
        LINK.c.case_id.not_in(sa.select(CASE.c.id).where(_old(before_ms, spared))),
    )
    return sa.and_(
        CLUE.c.at_ms < before_ms,
        CLUE.c.employee_id.not_in(sorted(spared)),
        CLUE.c.id.not_in(linked),
    )
