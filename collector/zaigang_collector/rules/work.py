"""What business events and work logs say of a person's days; silence only where it means something.

That nothing is there is known of a day only where every source that lists the person answers for them
and was read to the day's end. What is there is there, whoever told it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from zaigang_collector.connectors import people as connected
from zaigang_collector.connectors import state as connecting
from zaigang_collector.connectors.contract import Kind
from zaigang_collector.rules.subjects import Kept
from zaigang_collector.rules.vocabulary import Value
from zaigang_collector.vault.service import Vault
from zaigang_collector.worktraces import service as worktraces
from zaigang_collector.worktraces.service import Event, WorkLog

_MIN_MS = 60_000
_DAY_MS = 24 * 3_600_000
# How far back the last client contact before a clock-in is looked for. Larger opens more events; smaller
# does not know of yesterday's.
_CONTACT_MS = 2 * _DAY_MS


@dataclass(frozen=True, slots=True)
class Covered:
    """By person until when (UTC ms) all sources that list them were read."""

    events: Mapping[str, int]
    logs: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Day:
    """One person's day, and what there is of it."""

    day: dt.date
    intervals: Sequence[Kept]
    events: Sequence[Event]
    """From two days before on."""
    logs: Sequence[WorkLog]


def covered(conn: Connection) -> Covered:
    """As it stands now."""
    return Covered(_covered(conn, Kind.EVENTS), _covered(conn, Kind.WORK_LOGS))


def _covered(conn: Connection, kind: Kind) -> dict[str, int]:
    found: dict[str, int] = {}
    for source in sorted({one.source for one in connecting.list_all(conn) if one.kind is kind}):
        through = connected.read_through(conn, source, kind)
        silent = set(connected.unanswered(conn, source))
        for vendor_id, employee_id in connected.mapped(conn, source).items():
            read_ms = 0 if employee_id in silent else through.get(vendor_id, 0)
            found[employee_id] = min(found.get(employee_id, read_ms), read_ms)
    return found


def of_person(
    conn: Connection,
    vault: Vault,
    employee_id: str,
    days: Mapping[dt.date, Sequence[Kept]],
    known_to: Covered,
) -> dict[dt.date, Mapping[str, Value]]:
    """Facts by day."""
    first, last = min(days), max(days)
    from_ms = min(one.start_ms for several in days.values() for one in several)
    to_ms = max(one.end_ms for several in days.values() for one in several)
    events = worktraces.events_of(conn, vault, employee_id, from_ms - _CONTACT_MS, to_ms)
    logs = worktraces.work_logs_of(conn, vault, employee_id, first, last)
    return {
        day: facts_of(
            Day(day, several, events, [one for one in logs if one.content.day == day]),
            known_to.events.get(employee_id, 0),
            known_to.logs.get(employee_id, 0),
        )
        for day, several in days.items()
    }


def facts_of(one: Day, events_to_ms: int, logs_to_ms: int) -> dict[str, Value]:
    """Pure."""
    start_ms = one.intervals[0].start_ms
    end_ms = max(kept.end_ms for kept in one.intervals)
    times = [event.content.happened_ms for event in one.events]
    within = [at_ms for at_ms in times if start_ms <= at_ms < end_ms]
    contacts = [event.content.happened_ms for event in one.events if event.content.client is True]
    contacts += [
        log.content.client_contact_ms
        for log in one.logs
        if log.content.client_contact_ms is not None
    ]
    told: dict[str, Value] = {}
    events_known = events_to_ms >= end_ms
    # A log may be handed in the day after; until then its absence says nothing.
    logs_known = logs_to_ms >= end_ms + _DAY_MS
    if events_known:
        told["business_events"] = float(len(within))
        told["business_delay_min"] = (min(within, default=end_ms) - start_ms) / _MIN_MS
        before = [at_ms for at_ms in contacts if at_ms <= start_ms]
        if before:
            told["client_contact_gap_min"] = (start_ms - max(before)) / _MIN_MS
    if one.logs or logs_known:
        told["work_log_handed_in"] = bool(one.logs)
    named = {log.content.site_id for log in one.logs} - {None}
    if named:
        told["work_log_names_site"] = not named.isdisjoint(kept.site_id for kept in one.intervals)
    if within or one.logs:
        told["task_trace"] = True
    elif events_known and logs_known:
        told["task_trace"] = False
    return told
