"""Clock-ins, as the ledger has them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import sqlalchemy as sa
from sqlalchemy import Connection

from zaigang_collector.attendance.service import from_row
from zaigang_collector.attendance.tables import CLOCK_IN
from zaigang_collector.ledger.audit import PAGE, Body, Finding
from zaigang_collector.ledger.model import EntryType


def clock_ins(conn: Connection) -> Iterator[Body | Finding]:
    """Each version of each clock-in, hashed anew from what is stored."""
    name, version = "", 0
    while True:
        query = (
            sa.select(CLOCK_IN)
            .where(
                sa.or_(
                    CLOCK_IN.c.id > name,
                    sa.and_(CLOCK_IN.c.id == name, CLOCK_IN.c.version > version),
                )
            )
            .order_by(CLOCK_IN.c.id, CLOCK_IN.c.version)
            .limit(PAGE)
        )
        rows = conn.execute(query).all()
        if not rows:
            return
        for row in rows:
            one = from_row(row)
            yield Body(EntryType.CLOCK_IN, one.reference, one.stored_ms, one.content.record_hash())
            if one.content.clock_in_id() != one.id:
                yield Finding(f"clock_in {one.reference}", "has the id of another punch")
        name, version = rows[-1].id, rows[-1].version


def known_clock_ins(conn: Connection, refs: Sequence[str]) -> set[str]:
    """Which of these are stored."""
    names = sorted({ref.partition("@")[0] for ref in refs})
    query = sa.select(CLOCK_IN.c.id, CLOCK_IN.c.version).where(CLOCK_IN.c.id.in_(names))
    return {f"{row.id}@{row.version}" for row in conn.execute(query)}
