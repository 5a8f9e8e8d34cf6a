"""Business events and work logs: recording them and reading them back. No commits here.

That there is none in a stretch says something only where a source covers the person and was read to
the end of it (`connectors.state`): missing data is not absence of work.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy import Connection

from zaigang_collector.db import Randomness
from zaigang_collector.ledger.model import EntryType
from zaigang_collector.vault.service import Vault
from zaigang_collector.worktraces.model import NewEvent, NewWorkLog
from zaigang_collector.worktraces.shelf import Recorded, Shelf, Stored
from zaigang_collector.worktraces.tables import EVENT, LOG

_PAGE: Final = 500  # ids in one question; SQLite takes some thousands

__all__ = [
    "EVENTS",
    "WORK_LOGS",
    "Event",
    "Recorded",
    "WorkLog",
    "events_of",
    "people_of",
    "record_events",
    "record_work_logs",
    "versions_of_event",
    "versions_of_work_log",
    "work_logs_of",
]

EVENTS: Final[Shelf[NewEvent]] = Shelf(EVENT, EntryType.BUSINESS_EVENT, NewEvent.from_body)
WORK_LOGS: Final[Shelf[NewWorkLog]] = Shelf(LOG, EntryType.WORK_LOG, NewWorkLog.from_body)
Event: TypeAlias = Stored[NewEvent]
WorkLog: TypeAlias = Stored[NewWorkLog]


def record_events(
    conn: Connection,
    vault: Vault,
    news: Iterable[NewEvent],
    now_ms: int,
    randomness: Randomness,
) -> tuple[Recorded[NewEvent], ...]:
    """Store each event once; other content under the same source and id makes a new version."""
    return EVENTS.record_all(conn, vault, news, now_ms, randomness)


def record_work_logs(
    conn: Connection,
    vault: Vault,
    news: Iterable[NewWorkLog],
    now_ms: int,
    randomness: Randomness,
) -> tuple[Recorded[NewWorkLog], ...]:
    """Store each log once; other content under the same source and id makes a new version."""
    return WORK_LOGS.record_all(conn, vault, news, now_ms, randomness)


def events_of(
    conn: Connection,
    vault: Vault,
    employee_id: str,
    from_ms: int,
    to_ms: int,
    after: tuple[int, str] | None = None,
    limit: int | None = None,
) -> tuple[Event, ...]:
    """Newest versions of one person's events with from_ms <= happened < to_ms, by time; `after`: of a
    page, the pair (happened_ms, id) of the last one before it."""
    query = (
        sa.select(EVENT)
        .where(
            EVENT.c.newest,
            EVENT.c.employee_id == employee_id,
            EVENT.c.happened_ms >= from_ms,
            EVENT.c.happened_ms < to_ms,
        )
        .order_by(EVENT.c.happened_ms, EVENT.c.id)
        .limit(limit)
    )
    if after is not None:
        place = sa.tuple_(EVENT.c.happened_ms, EVENT.c.id)
        query = query.where(place > after)
    return EVENTS.select(conn, vault, query)


def work_logs_of(
    conn: Connection, vault: Vault, employee_id: str, from_day: dt.date, to_day: dt.date
) -> tuple[WorkLog, ...]:
    """Newest versions of one person's logs about these days, both included, by day and hour."""
    query = (
        sa.select(LOG)
        .where(
            LOG.c.newest,
            LOG.c.employee_id == employee_id,
            LOG.c.day >= from_day.isoformat(),
            LOG.c.day <= to_day.isoformat(),
        )
        .order_by(LOG.c.day, LOG.c.handed_in_ms, LOG.c.id)
    )
    return WORK_LOGS.select(conn, vault, query)


def versions_of_event(conn: Connection, vault: Vault, event_id: str) -> tuple[Event, ...]:
    """Every version, the oldest first."""
    query = sa.select(EVENT).where(EVENT.c.id == event_id).order_by(EVENT.c.version)
    return EVENTS.select(conn, vault, query)


def versions_of_work_log(conn: Connection, vault: Vault, log_id: str) -> tuple[WorkLog, ...]:
    """Every version, the oldest first."""
    query = sa.select(LOG).where(LOG.c.id == log_id).order_by(LOG.c.version)
    return WORK_LOGS.select(conn, vault, query)


def people_of(conn: Connection, references: Iterable[str]) -> frozenset[str]:
    """Whose these traces (id and version, as the ledger names them) are, or were in an earlier version."""
    ids = sorted({one.partition("@")[0] for one in references})
    found: set[str] = set()
    for start in range(0, len(ids), _PAGE):
        some = ids[start : start + _PAGE]
        for table in (EVENT, LOG):
            found.update(conn.scalars(sa.select(table.c.employee_id).where(table.c.id.in_(some))))
    return frozenset(found)
