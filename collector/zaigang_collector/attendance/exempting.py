"""Exemptions that a source tells as they are now: what it does not tell any more ends."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy import Connection

from zaigang_collector.attendance import service
from zaigang_collector.attendance.service import StoredExemption
from zaigang_collector.attendance.tables import EXEMPTION


def replace(
    conn: Connection,
    source: str,
    employee_ids: Sequence[str],
    span: tuple[int, int],
    told: Sequence[StoredExemption],
    now_ms: int,
) -> int:
    """Let `told` be all that `source` says of these people and that touches the span (UTC ms).

    Leave that was taken back is deleted. Returns how many were added, changed or deleted.
    """
    stored = _stored(conn, source, employee_ids, span)
    wanted = {one.source_id: one for one in told}
    gone = sorted(stored.keys() - wanted.keys())
    if gone:
        conn.execute(
            sa.delete(EXEMPTION).where(
                EXEMPTION.c.source == source, EXEMPTION.c.source_id.in_(gone)
            )
        )
    changed = [one for one in wanted.values() if stored.get(one.source_id) != one]
    for one in changed:
        service.exempt(conn, dataclasses.replace(one, source=source), now_ms)
    return len(gone) + len(changed)


def _stored(
    conn: Connection, source: str, employee_ids: Sequence[str], span: tuple[int, int]
) -> dict[str, StoredExemption]:
    from_ms, to_ms = span
    return {
        one.source_id: one
        for employee_id in employee_ids
        for one in service.exemptions_of(conn, employee_id, from_ms, to_ms)
        if one.source == source
    }
