"""What was said of sites and people, as the ledger has it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import sqlalchemy as sa
from sqlalchemy import Connection

from zaigang_collector.directory.tables import EVENT
from zaigang_collector.ledger.audit import PAGE, Body, Finding
from zaigang_collector.ledger.model import EntryType


def events(conn: Connection) -> Iterator[Body | Finding]:
    """Each event as a body."""
    after = 0
    while True:
        query = sa.select(EVENT).where(EVENT.c.id > after).order_by(EVENT.c.id).limit(PAGE)
        rows = conn.execute(query).all()
        if not rows:
            return
        for row in rows:
            yield Body(
                EntryType.DIRECTORY_EVENT, str(row.id), row.at_ms, hashlib.sha256(row.body).digest()
            )
        after = rows[-1].id


def known_events(conn: Connection, refs: Sequence[str]) -> set[str]:
    """Which of these are stored."""
    query = sa.select(EVENT.c.id).where(EVENT.c.id.in_([int(ref) for ref in refs]))
    return {str(one) for one in conn.scalars(query)}
