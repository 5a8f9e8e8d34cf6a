"""Which envelopes of a revoked device are evidence still. Reads only.

Whoever has the key can sign anything, with any `wall`, any `up` and any receipt that the device was
given. What they cannot do is to have sent it before they had the key: an envelope is beyond doubt
if it was here by then, or if one that was here by then names it as its predecessor, directly or
through others. A quoted receipt bounds from below only, and proves nothing here.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection

from zaigang_collector.ingest.tables import ENVELOPE


def doubtful(conn: Connection, device_id: str, since_ms: int) -> frozenset[int]:
    """Numbers of the stored envelopes that can have been sealed at `since_ms` (UTC) or later."""
    of_device = ENVELOPE.c.device_id == device_id
    late = set(
        conn.scalars(sa.select(ENVELOPE.c.seq).where(of_device, ENVELOPE.c.arrived_ms >= since_ms))
    )
    if not late:
        return frozenset()
    newest = sa.select(sa.func.max(ENVELOPE.c.seq)).where(
        of_device, ENVELOPE.c.arrived_ms < since_ms
    )
    last_in_time = conn.execute(newest).scalar_one()
    if last_in_time is None or last_in_time < min(late):
        return frozenset(late)
    return frozenset(late - _vouched_for(conn, device_id, min(late), last_in_time, since_ms))


def _vouched_for(
    conn: Connection, device_id: str, first: int, last: int, since_ms: int
) -> set[int]:
    """Envelopes from `first` on that those which were here in time name, back to front.

    Each that was here in time begins anew: a hole or a broken link before it ends what the later
    ones vouch for, and not what it does.
    """
    query = (
        sa.select(ENVELOPE.c.seq, ENVELOPE.c.digest, ENVELOPE.c.prev, ENVELOPE.c.arrived_ms)
        .where(ENVELOPE.c.device_id == device_id, ENVELOPE.c.seq.between(first, last))
        .order_by(ENVELOPE.c.seq.desc())
    )
    found: set[int] = set()
    named: tuple[int, bytes] | None = None
    for row in conn.execute(query):
        if row.arrived_ms < since_ms or named == (row.seq, row.digest):
            found.add(row.seq)
            named = row.seq - 1, row.prev
        else:
            named = None
    return found
