"""Forgetting a person in the directory: the id stays, so that what refers to it still does."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection

from zaigang_collector.db import Randomness
from zaigang_collector.directory import service
from zaigang_collector.directory.tables import (
    ASSIGNMENT,
    CARRIED,
    EMPLOYEE,
    EVENT,
    LEARNT,
    PERSON_PLACE,
)
from zaigang_collector.ledger import service as ledger


def forget(
    conn: Connection, employee_id: str, now_ms: int, randomness: Randomness
) -> dict[str, int]:
    """Blank a person's name, department and hours, and delete their homes, assignments, what
    they carry and the history of all of it. Without hours a laptop that is still theirs looks at nothing."""
    homes = conn.execute(
        sa.delete(PERSON_PLACE).where(PERSON_PLACE.c.employee_id == employee_id)
    ).rowcount
    assignments = conn.execute(
        sa.delete(ASSIGNMENT).where(ASSIGNMENT.c.employee_id == employee_id)
    ).rowcount
    conn.execute(sa.delete(LEARNT).where(LEARNT.c.employee_id == employee_id))
    carried = conn.execute(sa.delete(CARRIED).where(CARRIED.c.employee_id == employee_id)).rowcount
    conn.execute(
        sa.update(EMPLOYEE)
        .where(EMPLOYEE.c.id == employee_id)
        .values(name="", department="", shift="[]", changed_ms=now_ms)
    )
    events = conn.scalars(
        sa.update(EVENT)
        .where(
            EVENT.c.subject_id == employee_id,
            EVENT.c.kind.in_(sorted(service.PERSONAL)),
            EVENT.c.body.is_not(None),
        )
        .values(body=None)
        .returning(EVENT.c.id)
    ).all()
    ledger.blind(conn, ledger.EntryType.DIRECTORY_EVENT, [str(one) for one in events])
    service.record_event(conn, "employee_forgotten", employee_id, now_ms, randomness)
    return {
        "homes": homes,
        "assignments": assignments,
        "carried": carried,
        "directory_events": len(events),
    }
