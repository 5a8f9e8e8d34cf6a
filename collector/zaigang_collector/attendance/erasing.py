"""Deleting claims: the rows go, and of their ledger entries only the leaf hashes stay."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import Final

import sqlalchemy as sa
from sqlalchemy import Connection

from zaigang_collector.attendance.events import EventKind
from zaigang_collector.attendance.exemptions import exemption_id
from zaigang_collector.attendance.schedules import Scope
from zaigang_collector.attendance.tables import (
    CLOCK_IN,
    EVENT,
    EXEMPTION,
    ROSTER,
    SHIFT_ASSIGNMENT,
)
from zaigang_collector.ledger import service as ledger

_PAGE: Final = 500  # names in one question; SQLite takes some thousands


def clock_in_ids(conn: Connection, employee_id: str) -> frozenset[str]:
    """Ids of all that a person ever claimed."""
    query = sa.select(CLOCK_IN.c.id).where(CLOCK_IN.c.employee_id == employee_id)
    return frozenset(conn.scalars(query))


def forget(conn: Connection, employee_id: str) -> dict[str, int]:
    """Delete a person's clock-ins and exemptions with all versions, roster and shifts. Returns how
    many of what."""
    exemptions = conn.execute(
        sa.delete(EXEMPTION).where(EXEMPTION.c.employee_id == employee_id)
    ).rowcount
    conn.execute(sa.delete(ROSTER).where(ROSTER.c.employee_id == employee_id))
    conn.execute(
        sa.delete(SHIFT_ASSIGNMENT).where(
            SHIFT_ASSIGNMENT.c.scope == Scope.PERSON.value,
            SHIFT_ASSIGNMENT.c.subject == employee_id,
        )
    )
    return {
        "clock_ins": _delete(conn, CLOCK_IN.c.employee_id == employee_id),
        "exemptions": exemptions,
        "attendance_events": _delete_events(conn, EVENT.c.employee_id == employee_id),
    }


def retire(conn: Connection, before_ms: int, spared: Collection[str]) -> dict[str, int]:
    """The same for what was claimed before (UTC ms), but for the people `spared`."""
    # First: they are found by the rows that are deleted next.
    gone = sum(_delete_events(conn, one) for one in _old_events(conn, before_ms, spared))
    exemptions = conn.execute(
        sa.delete(EXEMPTION).where(_old_exemption(before_ms, spared))
    ).rowcount
    conn.execute(sa.delete(ROSTER).where(_old_roster(before_ms, spared)))
    return {
        "clock_ins": _delete(conn, _old(before_ms, spared)),
        "exemptions": exemptions,
        "attendance_events": gone,
    }


def count_retired(conn: Connection, before_ms: int, spared: Collection[str]) -> dict[str, int]:
    """How many would be deleted."""
    events = _old_events(conn, before_ms, spared)
    return {
        "clock_ins": _count(conn, CLOCK_IN, _old(before_ms, spared)),
        "exemptions": _count(conn, EXEMPTION, _old_exemption(before_ms, spared)),
        "attendance_events": sum(_count(conn, EVENT, one) for one in events),
    }


def _count(conn: Connection, table: sa.Table, which: sa.ColumnElement[bool]) -> int:
    query = sa.select(sa.func.count()).select_from(table).where(which)
    return int(conn.execute(query).scalar_one())


def _delete(conn: Connection, which: sa.ColumnElement[bool]) -> int:
    gone = conn.execute(
        sa.delete(CLOCK_IN).where(which).returning(CLOCK_IN.c.id, CLOCK_IN.c.version)
    ).all()
    ledger.blind(conn, ledger.EntryType.CLOCK_IN, [f"{row.id}@{row.version}" for row in gone])
    return len(gone)


def _delete_events(conn: Connection, which: sa.ColumnElement[bool]) -> int:
    gone = conn.scalars(sa.delete(EVENT).where(which).returning(EVENT.c.id)).all()
    ledger.blind(conn, ledger.EntryType.ATTENDANCE_EVENT, [str(one) for one in gone])
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


def _old_events(
    conn: Connection, before_ms: int, spared: Collection[str]
) -> list[sa.ColumnElement[bool]]:
    """All that was said of exemptions and roster days that are old, in portions."""
    names = conn.execute(
        sa.select(EXEMPTION.c.source, EXEMPTION.c.source_id).where(
            _old_exemption(before_ms, spared)
        )
    )
    refs = [exemption_id(one.source, one.source_id) for one in names]
    exempting = EVENT.c.kind == EventKind.EXEMPTION.value
    # By what they are about, which begins with the day: of a day that was cleared there is no row.
    rostering = EVENT.c.kind == EventKind.ROSTER_DAY.value
    first = _first_kept(before_ms).isoformat()
    roster = sa.and_(rostering, EVENT.c.ref < first, EVENT.c.employee_id.not_in(sorted(spared)))
    portions = [refs[start : start + _PAGE] for start in range(0, len(refs), _PAGE)]
    return [roster, *(sa.and_(exempting, EVENT.c.ref.in_(some)) for some in portions)]


def _old_roster(before_ms: int, spared: Collection[str]) -> sa.ColumnElement[bool]:
    first = _first_kept(before_ms).isoformat()
    return sa.and_(ROSTER.c.day < first, ROSTER.c.employee_id.not_in(sorted(spared)))


def _first_kept(before_ms: int) -> dt.date:
    """The first day that a roster is kept of. A day ends at another moment in each zone: a day more is
    kept than anywhere on earth is needed."""
    return dt.datetime.fromtimestamp(before_ms / 1000, dt.UTC).date() - dt.timedelta(days=1)
