"""Clock-ins, and what was said of calendars, shifts and exemptions, as the ledger has them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from zaigang_collector.attendance.events import context_of as event_context
from zaigang_collector.attendance.events import fields_of
from zaigang_collector.attendance.model import NewClockIn
from zaigang_collector.attendance.replay import Schedule
from zaigang_collector.attendance.service import context_of
from zaigang_collector.attendance.tables import CLOCK_IN, EVENT
from zaigang_collector.ledger.audit import Body, Finding, known_ids, newest_marked, pages
from zaigang_collector.ledger.model import EntryType
from zaigang_collector.vault.audit import opened
from zaigang_collector.vault.service import Vault
from zaigang_shared.errors import WireError


def clock_ins(conn: Connection, vault: Vault) -> Iterator[Body | Finding]:
    """Each version of each clock-in, hashed anew from what is stored."""
    for rows in pages(conn, CLOCK_IN):
        sealed = [(row.body, context_of(f"{row.id}@{row.version}")) for row in rows]
        for row, body in zip(rows, opened(conn, vault, sealed), strict=True):
            yield from _clock_in(row, body)
    yield from newest_marked(conn, CLOCK_IN, "clock_in")


def _clock_in(row: Row[*tuple[Any, ...]], body: bytes | str | None) -> Iterator[Body | Finding]:
    reference = f"{row.id}@{row.version}"
    record = f"clock_in {reference}"
    if isinstance(body, str):
        yield Finding(record, body)
        return
    if body is None:  # its key was destroyed, and its row with it, but for a moment
        return
    yield Body(EntryType.CLOCK_IN, reference, row.stored_ms, hashlib.sha256(body).digest())
    try:
        said = NewClockIn.from_body(body)
    except (WireError, KeyError, TypeError, ValueError):
        yield Finding(record, "is not a clock-in any more")
        return
    told = {
        "id": said.clock_in_id(),
        "source": said.source,
        "source_id": said.source_id,
        "employee_id": said.employee_id,
        "site_id": said.site_id,
        "direction": said.direction.value,
        "punched_ms": said.punched_ms,
        "record_hash": said.record_hash(),
    }
    for name, value in told.items():
        if getattr(row, name) != value:
            yield Finding(record, f"was changed: {name} is {value!r} in its body, not in its row")


def known_clock_ins(conn: Connection, refs: Sequence[str]) -> set[str]:
    """Which of these are stored."""
    names = sorted({ref.partition("@")[0] for ref in refs})
    query = sa.select(CLOCK_IN.c.id, CLOCK_IN.c.version).where(CLOCK_IN.c.id.in_(names))
    return {f"{row.id}@{row.version}" for row in conn.execute(query)}


def events(conn: Connection, vault: Vault, schedule: Schedule) -> Iterator[Body | Finding]:
    """Each event as a body; what they add up to goes into `schedule`."""
    for rows in pages(conn, EVENT):
        # Of a person it is sealed; what is in the clear needs no opening.
        sealed = [
            (row.body if row.employee_id is not None else None, event_context(row.id))
            for row in rows
        ]
        for row, body in zip(rows, opened(conn, vault, sealed), strict=True):
            yield from _event(row, row.body if row.employee_id is None else body, schedule)


def _event(
    row: Row[*tuple[Any, ...]], body: bytes | str | None, schedule: Schedule
) -> Iterator[Body | Finding]:
    record = f"attendance_event {row.id}"
    if isinstance(body, str):
        yield Finding(record, body)
        return
    if body is None:  # its key was destroyed, and its row with it, but for a moment
        return
    yield Body(EntryType.ATTENDANCE_EVENT, str(row.id), row.at_ms, hashlib.sha256(body).digest())
    try:
        fields = fields_of(body)
        schedule.add(row.kind, fields)
    except (WireError, KeyError, TypeError, ValueError):
        yield Finding(record, "is not what was written there")
        return
    if row.employee_id is not None and row.employee_id != _subject(fields):
        yield Finding(record, "is about somebody else than its row says")


def _subject(fields: Mapping[str, Any]) -> object:
    return fields.get("employee_id", fields.get("subject"))


def known_events(conn: Connection, refs: Sequence[str]) -> set[str]:
    """Which of these are stored."""
    return known_ids(conn, EVENT.c.id, refs)
