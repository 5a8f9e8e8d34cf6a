"""What was said of calendars, shifts, rosters and exemptions: kept in order, hashed in the ledger.

What is about a person is sealed under their key. No commits here.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection

from zaigang_collector.attendance.tables import EVENT
from zaigang_collector.db import Randomness
from zaigang_collector.ledger import service as ledger
from zaigang_collector.vault.model import person
from zaigang_collector.vault.service import Vault
from zaigang_shared import cbor

CLEARED: Final = "cleared"
"""A field that says: what was said of this before is said no more."""
_PAGE: Final = 500  # ids in one question; SQLite takes some thousands


class EventKind(enum.StrEnum):
    """What was said."""

    CALENDAR_DAY = "calendar_day"
    CALENDAR_YEAR = "calendar_year"
    SHIFT = "shift"
    SHIFT_ASSIGNMENT = "shift_assignment"
    ROSTER_DAY = "roster_day"
    EXEMPTION = "exemption"


def record(
    conn: Connection,
    kind: EventKind,
    ref: str,
    fields: Mapping[str, Any],
    now_ms: int,
    randomness: Randomness,
) -> None:
    """Keep what nobody in particular is the subject of."""
    body = _body(kind, fields, now_ms)
    event_id = _insert(conn, kind, ref, None, body, now_ms)
    _append(conn, event_id, body, now_ms, randomness)


def record_personal(
    conn: Connection,
    vault: Vault,
    kind: EventKind,
    ref: str,
    employee_id: str,
    fields: Mapping[str, Any],
    now_ms: int,
    randomness: Randomness,
) -> None:
    """Keep what is about a person, sealed under their key."""
    body = _body(kind, fields, now_ms)
    event_id = _insert(conn, kind, ref, employee_id, None, now_ms)
    # Only now it has the number that is its place.
    sealed = vault.seal(conn, person(employee_id), body, context_of(event_id), now_ms)
    conn.execute(sa.update(EVENT).where(EVENT.c.id == event_id).values(body=sealed))
    _append(conn, event_id, body, now_ms, randomness)


def of(
    conn: Connection, vault: Vault, kind: EventKind, ref: str
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """(UTC ms, fields) of all that was said about one thing, the earliest first."""
    query = (
        sa.select(EVENT).where(EVENT.c.kind == kind.value, EVENT.c.ref == ref).order_by(EVENT.c.id)
    )
    for row in conn.execute(query).all():
        if row.employee_id is None:
            yield row.at_ms, fields_of(row.body)
            continue
        (body,) = vault.open_many(conn, [(row.body, context_of(row.id))])
        if body is not None:  # of somebody who is being forgotten
            yield row.at_ms, fields_of(body)


def subjects(conn: Connection, event_ids: Sequence[int]) -> frozenset[str | None]:
    """Whom these are about; None among them: one is about nobody in particular, and so may be about
    everybody."""
    found: set[str | None] = set()
    for start in range(0, len(event_ids), _PAGE):
        some = event_ids[start : start + _PAGE]
        found.update(conn.scalars(sa.select(EVENT.c.employee_id).where(EVENT.c.id.in_(some))))
    return frozenset(found)


def fields_of(body: bytes) -> Mapping[str, Any]:
    """What a body says. Raises WireError, KeyError."""
    fields = cbor.loads(body, "attendance event")["fields"]
    assert isinstance(fields, dict)  # noqa: S101  # as `_body` wrote it
    return fields


def context_of(event_id: int) -> bytes:
    """The place for which the body of a person's event is sealed."""
    return f"attendance-event/{event_id}".encode()


def _body(kind: EventKind, fields: Mapping[str, Any], now_ms: int) -> bytes:
    return cbor.dumps({"event": kind.value, "at": now_ms, "fields": dict(fields)})


def _insert(
    conn: Connection,
    kind: EventKind,
    ref: str,
    employee_id: str | None,
    body: bytes | None,
    now_ms: int,
) -> int:
    statement = (
        sa.insert(EVENT)
        .values(at_ms=now_ms, kind=kind.value, ref=ref, employee_id=employee_id, body=body)
        .returning(EVENT.c.id)
    )
    return int(conn.execute(statement).scalar_one())


def _append(
    conn: Connection, event_id: int, body: bytes, now_ms: int, randomness: Randomness
) -> None:
    ledger.append(
        conn,
        ledger.EntryType.ATTENDANCE_EVENT,
        now_ms,
        hashlib.sha256(body).digest(),
        randomness(ledger.SALT_BYTES),
        str(event_id),
    )
