"""From what a connector found to business events and work logs. Stores nothing.

The text in which a client may be named is searched here and goes no further, unless the company
keeps the text of logs.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from zaigang_collector.attendance.model import believable
from zaigang_collector.connectors.contract import Batch, Event, Log
from zaigang_collector.directory import service as directory
from zaigang_collector.worktraces.clients import Texts
from zaigang_collector.worktraces.model import NewEvent, NewWorkLog, day_of_log

NO_TIME: Final = "a trace of work from before the year 2000, or from the future"


@dataclass(slots=True)
class Taken:
    """What is to be stored of a batch, and how many are not."""

    events: list[NewEvent] = field(default_factory=list)
    work_logs: list[NewWorkLog] = field(default_factory=list)
    not_ours: int = 0
    refused: int = 0
    """With a time that cannot be; the source still has them."""


def read(
    conn: Connection,
    batch: Batch,
    source: str,
    ours: Mapping[str, str],
    texts: Texts,
    now_ms: int,
) -> Taken:
    """What of a batch is about ours. `ours`: vendor id to employee id."""
    taken = Taken()
    zones = _Zones(conn)
    for event in batch.events:
        if _is_wanted(event.person, event.happened_ms, ours, now_ms, taken):
            taken.events.append(_event(event, source, ours[event.person], texts, now_ms))
    for log in batch.work_logs:
        if _is_wanted(log.person, log.handed_in_ms, ours, now_ms, taken):
            employee_id = ours[log.person]
            day = log.day or zones.day_of(employee_id, log.handed_in_ms)
            taken.work_logs.append(_log(log, source, employee_id, day, texts, now_ms))
    return taken


def _is_wanted(person: str, at_ms: int, ours: Mapping[str, str], now_ms: int, taken: Taken) -> bool:
    if person not in ours:
        taken.not_ours += 1
        return False
    if not believable(at_ms, now_ms):
        taken.refused += 1
        return False
    return True


def _event(event: Event, source: str, employee_id: str, texts: Texts, now_ms: int) -> NewEvent:
    client = event.client
    if client is None:
        client = texts.searched(event.text, None).names_client
    return NewEvent(
        source=source,
        source_id=event.vendor_id,
        employee_id=employee_id,
        kind=event.kind,
        happened_ms=event.happened_ms,
        received_ms=_or_none(event.received_ms, now_ms),
        client=client,
        vendor_record=event.record,
    )


def _log(
    log: Log, source: str, employee_id: str, day: dt.date, texts: Texts, now_ms: int
) -> NewWorkLog:
    found = texts.searched(log.text, None)
    return NewWorkLog(
        source=source,
        source_id=log.vendor_id,
        employee_id=employee_id,
        day=day,
        handed_in_ms=log.handed_in_ms,
        names_client=found.names_client,
        client_contact_ms=_or_none(log.client_contact_ms, now_ms),
        task_progress=log.task_progress,
        text=found.kept,
        vendor_record=log.record,
    )


def _or_none(at_ms: int | None, now_ms: int) -> int | None:
    """A second time that cannot be is not told; the first one stands all the same."""
    return at_ms if at_ms is not None and believable(at_ms, now_ms) else None


class _Zones:
    """Whose clock says what, asked once for each person of a batch."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._found: dict[str, ZoneInfo] = {}

    def day_of(self, employee_id: str, at_ms: int) -> dt.date:
        if employee_id not in self._found:
            found = directory.get_employee(self._conn, employee_id)
            zone = ZoneInfo("UTC" if found is None else found.time_zone)
            self._found[employee_id] = zone
        return day_of_log(at_ms, self._found[employee_id])
