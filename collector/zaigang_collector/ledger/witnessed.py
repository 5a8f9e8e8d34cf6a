"""What this collector has cosigned as a witness of others' ledgers. Kept before it is answered: a
witness that forgets would cosign two histories."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection

from zaigang_collector import db
from zaigang_collector.ledger import witness
from zaigang_collector.ledger.tables import WITNESSED
from zaigang_collector.ledger.witness import NOTHING, Asked, Reply, Seen


def seen(conn: Connection, origin: str) -> Seen:
    """The newest that was cosigned of a ledger."""
    return _seen(conn, origin, lock=False)


def keep(conn: Connection, request: Asked, now_ms: int) -> Reply | None:
    """Keep a checkpoint before it is cosigned; a Reply refuses it. No commit here: answer with a
    cosignature only when it is committed.

    Whoever asks at the same moment waits for the row and then meets what was kept.
    """
    checkpoint = request.checkpoint
    db.insert_ignore(conn, WITNESSED, [_row(checkpoint.origin, NOTHING, "", now_ms)])
    before = _seen(conn, checkpoint.origin, lock=True)
    refused = witness.refusal(request, before)
    if refused is None and checkpoint.size > before.size:
        values = _row(
            checkpoint.origin, Seen(checkpoint.size, checkpoint.root), str(request.note), now_ms
        )
        conn.execute(
            sa.update(WITNESSED).where(WITNESSED.c.origin == checkpoint.origin).values(**values)
        )
    return refused


def _seen(conn: Connection, origin: str, *, lock: bool) -> Seen:
    query = sa.select(WITNESSED.c.size, WITNESSED.c.root).where(WITNESSED.c.origin == origin)
    row = conn.execute(query.with_for_update() if lock else query).one_or_none()
    return NOTHING if row is None else Seen(row.size, row.root)


def _row(origin: str, what: Seen, note: str, now_ms: int) -> dict[str, object]:
    return {
        "origin": origin,
        "size": what.size,
        "root": what.root,
        "note": note,
        "at_ms": now_ms,
    }
