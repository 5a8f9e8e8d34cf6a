"""Forgetting a person in what connectors hold, and what is older than it is kept."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy import Connection

from zaigang_collector.connectors.tables import ASIDE, ODDITY, PERSON, READ, STATE


def forget(conn: Connection, employee_id: str) -> dict[str, int]:
    """Delete who this person is in other systems, and records that were put aside. Returns how many
    of what. They are asked about no more: of the forgotten the directory holds the id alone."""
    is_theirs = PERSON.c.employee_id == employee_id
    known_as = sa.select(PERSON.c.source, PERSON.c.vendor_id).where(is_theirs)
    for row in conn.execute(known_as).all():
        whose = sa.and_(READ.c.source == row.source, READ.c.vendor_id == row.vendor_id)
        conn.execute(sa.delete(READ).where(whose))
    conn.execute(sa.delete(PERSON).where(is_theirs))
    aside = conn.execute(sa.delete(ASIDE).where(ASIDE.c.employee_id == employee_id)).rowcount
    return {"records_aside": aside}


def disconnect(conn: Connection, connected: Collection[str]) -> None:
    """Delete what is known of sources that are set up no more: their people, and how they are.
    Otherwise they would be called silent for ever. What became of their records stays."""
    for table in (STATE, PERSON, READ, ODDITY):
        conn.execute(sa.delete(table).where(table.c.source.not_in(sorted(connected))))


def retire(conn: Connection, before_ms: int, spared: Collection[str]) -> dict[str, int]:
    """Delete records that were put aside and were made before (UTC ms), but for the people
    `spared`."""
    return {"records_aside": conn.execute(sa.delete(ASIDE).where(_old(before_ms, spared))).rowcount}


def count_retired(conn: Connection, before_ms: int, spared: Collection[str]) -> dict[str, int]:
    """How many would be deleted."""
    query = sa.select(sa.func.count()).select_from(ASIDE).where(_old(before_ms, spared))
    return {"records_aside": int(conn.execute(query).scalar_one())}


def _old(before_ms: int, spared: Collection[str]) -> sa.ColumnElement[bool]:
    return sa.and_(ASIDE.c.at_ms < before_ms, ASIDE.c.employee_id.not_in(sorted(spared)))
