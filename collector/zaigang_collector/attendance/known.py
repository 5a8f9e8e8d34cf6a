"""What is stored of claims of one source, by its own ids: for whoever asks it again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy import Connection

from zaigang_collector.attendance import service
from zaigang_collector.attendance.model import ClockIn, NewClockIn, Outcome, outcome_of
from zaigang_collector.attendance.tables import CLOCK_IN
from zaigang_collector.vault.service import Vault

_PAGE: Final = 500  # ids in one question; SQLite takes some thousands


def record_hashes(conn: Connection, source: str, source_ids: Sequence[str]) -> dict[str, bytes]:
    """SHA-256 of the newest version's body by the source's own id, of those that are stored; nothing
    is opened for it."""
    found: dict[str, bytes] = {}
    for start in range(0, len(source_ids), _PAGE):
        query = sa.select(CLOCK_IN.c.source_id, CLOCK_IN.c.record_hash).where(
            CLOCK_IN.c.source == source,
            CLOCK_IN.c.newest,
            CLOCK_IN.c.source_id.in_(source_ids[start : start + _PAGE]),
        )
        found |= {row.source_id: bytes(row.record_hash) for row in conn.execute(query)}
    return found


def outcomes(conn: Connection, source: str, items: Sequence[NewClockIn]) -> list[Outcome]:
    """What recording these would do; each of another source id, all of `source`."""
    stored = record_hashes(conn, source, [one.source_id for one in items])
    return [outcome_of(stored.get(one.source_id), one.record_hash()) for one in items]


def newest(conn: Connection, vault: Vault, source: str, source_id: str) -> ClockIn | None:
    """The newest version; None: there is none, or it was forgotten."""
    query = sa.select(CLOCK_IN.c.id).where(
        CLOCK_IN.c.source == source, CLOCK_IN.c.source_id == source_id, CLOCK_IN.c.newest
    )
    found = conn.execute(query).scalar_one_or_none()
    return None if found is None else service.get(conn, vault, found)


def sources_of(conn: Connection, references: Iterable[str]) -> frozenset[str]:
    """From which sources these clock-ins (`ClockIn.reference`, or its id) came."""
    ids = sorted({one.partition("@")[0] for one in references})
    query = sa.select(CLOCK_IN.c.source).where(CLOCK_IN.c.id.in_(ids[:_PAGE])).distinct()
    return frozenset(conn.scalars(query))


def people_of(conn: Connection, references: Iterable[str]) -> frozenset[str]:
    """Whose these clock-ins (`ClockIn.reference`, or its id) are, or were in an earlier version."""
    ids = sorted({one.partition("@")[0] for one in references})
    found: set[str] = set()
    for start in range(0, len(ids), _PAGE):
        query = sa.select(CLOCK_IN.c.employee_id).where(
            CLOCK_IN.c.id.in_(ids[start : start + _PAGE])
        )
        found.update(conn.scalars(query.distinct()))
    return frozenset(found)
