"""Exemptions as another system tells them: what it does not tell any more has ended."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy import Connection

from zaigang_collector.attendance import service
from zaigang_collector.attendance.service import StoredExemption
from zaigang_collector.attendance.tables import EXEMPTION


def take(
    conn: Connection,
    source: str,
    told: Sequence[StoredExemption],
    whole: Sequence[str],
    span: tuple[int, int],
    now_ms: int,
) -> int:
    """Store what `source` tells. Of the people `whole` it is all that lies within the span (UTC ms):
    leave that was taken back is deleted. What reaches out of the span stays, as a source may not
    count it as of the span. Returns how many were added, changed or deleted."""
    wanted = {one.source_id: dataclasses.replace(one, source=source) for one in told}
    stored = _of(conn, source, whole, span)
    inside = {
        name for name, one in stored.items() if span[0] <= one.from_ms and one.to_ms <= span[1]
    }
    ended = inside - wanted.keys()
    if ended:
        which = sa.and_(EXEMPTION.c.source == source, EXEMPTION.c.source_id.in_(sorted(ended)))
        conn.execute(sa.delete(EXEMPTION).where(which))
    changed = [
        one
        for name, one in wanted.items()
        if _of(conn, source, [one.employee_id], (one.from_ms, one.to_ms)).get(name) != one
    ]
    for one in changed:
        service.exempt(conn, one, now_ms)
    return len(ended) + len(changed)


def _of(
    conn: Connection, source: str, employee_ids: Sequence[str], span: tuple[int, int]
) -> dict[str, StoredExemption]:
    """What `source` said of these people that touches the span, by its id."""
    return {
        one.source_id: one
        for employee_id in employee_ids
        for one in service.exemptions_of(conn, employee_id, *span)
        if one.source == source
    }
