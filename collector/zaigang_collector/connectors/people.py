"""Whose records a source's are: its people and ours. No commits here.

Somebody whom we do not know is listed and asked nothing about; once they are known, their past is
read like everybody else's. Somebody who was forgotten is not known any more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy import Connection

from zaigang_collector import db
from zaigang_collector.connectors.contract import Kind, Person
from zaigang_collector.connectors.files import PeopleSettings
from zaigang_collector.connectors.tables import PERSON, READ
from zaigang_collector.directory import service as directory

# Somebody who left the list is still asked about for this long, for the sake of late edits. Larger
# asks for people who are gone; smaller loses the corrections of their last days.
_KEPT_MS: Final = 14 * 24 * 3_600_000


@dataclass(frozen=True, slots=True)
class Unmapped:
    """Somebody in the source who is nobody of ours."""

    vendor_id: str
    seen_ms: int


def update(
    conn: Connection, source: str, listed: Sequence[Person], settings: PeopleSettings, now_ms: int
) -> int:
    """Take over who there is, from a complete list; who is not in it any more goes after a while.
    Returns how many employees are several of the source's people."""
    ours = ids_of_ours(conn)
    rows = [
        {
            "source": source,
            "vendor_id": one.vendor_id,
            "employee_id": employee_of(one, settings, ours),
            "seen_ms": now_ms,
            "answered": True,
        }
        for one in {one.vendor_id: one for one in listed}.values()
    ]
    db.upsert(conn, PERSON, rows)
    old = sa.and_(PERSON.c.source == source, PERSON.c.seen_ms < now_ms - _KEPT_MS)
    conn.execute(sa.delete(PERSON).where(old))
    times = Counter(row["employee_id"] for row in rows if row["employee_id"] is not None)
    return sum(1 for number in times.values() if number > 1)


def employee_of(one: Person, settings: PeopleSettings, ours: Collection[str]) -> str | None:
    """Which of ours somebody is; None: none."""
    by = one.job_number if settings.by == "job_number" else one.vendor_id
    found = settings.ids.get(one.vendor_id, by)
    return found if found in ours else None


def ids_of_ours(conn: Connection) -> frozenset[str]:
    """Everybody in the directory, but for those who were forgotten: of them the id alone is left."""
    found: set[str] = set()
    after = ""
    while page := directory.list_employees(conn, after):
        found.update(one.id for one in page if one.name)
        after = page[-1].id
    return frozenset(found)


def mapped(conn: Connection, source: str) -> dict[str, str]:
    """Vendor id to employee id, of those who are ours."""
    query = sa.select(PERSON.c.vendor_id, PERSON.c.employee_id).where(
        PERSON.c.source == source, PERSON.c.employee_id.is_not(None)
    )
    return {row.vendor_id: row.employee_id for row in conn.execute(query)}


def to_ask(conn: Connection, source: str) -> tuple[str, ...]:
    """Vendor ids of those who are ours, but for whom the source did not answer for: they are tried
    again when people were listed anew."""
    query = sa.select(PERSON.c.vendor_id).where(
        PERSON.c.source == source, PERSON.c.employee_id.is_not(None), PERSON.c.answered
    )
    return tuple(sorted(conn.scalars(query)))


def sources_of(conn: Connection, employee_id: str) -> frozenset[str]:
    """The sources that know somebody."""
    query = sa.select(PERSON.c.source).where(PERSON.c.employee_id == employee_id)
    return frozenset(conn.scalars(query))


def unmapped(conn: Connection, source: str) -> tuple[Unmapped, ...]:
    """Who is nobody of ours, by vendor id."""
    query = (
        sa.select(PERSON.c.vendor_id, PERSON.c.seen_ms)
        .where(PERSON.c.source == source, PERSON.c.employee_id.is_(None))
        .order_by(PERSON.c.vendor_id)
    )
    return tuple(Unmapped(row.vendor_id, row.seen_ms) for row in conn.execute(query))


def unanswered(conn: Connection, source: str) -> tuple[str, ...]:
    """Employee ids of those whom the source lists and does not answer for, sorted."""
    query = sa.select(PERSON.c.employee_id).where(
        PERSON.c.source == source, PERSON.c.employee_id.is_not(None), PERSON.c.answered.is_(False)
    )
    return tuple(sorted(set(conn.scalars(query))))


def note_answers(
    conn: Connection, source: str, answered: Collection[str], not_answered: Collection[str]
) -> None:
    """For whom the source answered, and for whom not."""
    for people, does in ((answered, True), (not_answered, False)):
        which = sa.and_(PERSON.c.source == source, PERSON.c.vendor_id.in_(sorted(people)))
        changed = sa.and_(which, PERSON.c.answered.is_not(does))
        conn.execute(sa.update(PERSON).where(changed).values(answered=does))


def read_through(conn: Connection, source: str, kind: Kind) -> Mapping[str, int]:
    """Until when each person was read; who is missing never was."""
    query = sa.select(READ.c.vendor_id, READ.c.through_ms).where(
        READ.c.source == source, READ.c.kind == kind.value
    )
    return {row.vendor_id: row.through_ms for row in conn.execute(query)}


def note_read(
    conn: Connection, source: str, kind: Kind, people: Sequence[str], through_ms: int
) -> None:
    """These were read until then."""
    rows = [
        {"source": source, "vendor_id": one, "kind": kind.value, "through_ms": through_ms}
        for one in people
    ]
    db.upsert(conn, READ, rows)
