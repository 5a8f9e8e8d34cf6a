"""The days of one person as they stand: reads what is stored and hands it to `days`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection

from zaigang_collector.attendance import service, words
from zaigang_collector.attendance.calendars import YEARS
from zaigang_collector.attendance.claiming import claims_of
from zaigang_collector.attendance.days import DayStatus, day_status
from zaigang_collector.attendance.planning import Because
from zaigang_collector.attendance.plans import plan_of
from zaigang_collector.attendance.words import Words
from zaigang_collector.directory import service as directory
from zaigang_collector.errors import ConflictError, UnknownIdError
from zaigang_collector.vault.service import Vault

DAYS_MAX: Final = 62
"""Larger opens more of a person's punches than anybody reads; smaller cuts a month in two."""
_DAY_MS: Final = 24 * 3_600_000


def statuses_of(
    conn: Connection,
    vault: Vault,
    employee_id: str,
    first: dt.date,
    last: dt.date,
    now_ms: int,
) -> tuple[DayStatus, ...]:
    """Each day from `first` to `last` as it stands at `now_ms` (UTC).

    Raises UnknownIdError, and ConflictError for too many days or none.
    """
    if directory.get_employee(conn, employee_id) is None:
        raise UnknownIdError("employee", employee_id)
    if not (0 <= (last - first).days < DAYS_MAX and first.year in YEARS and last.year in YEARS):
        raise ConflictError(
            f"{first} to {last} was refused: expected days from {YEARS[0]} to {YEARS[-1]}, the last "
            f"not before the first, and at most {DAYS_MAX} days at once"
        )
    # A day more on each side: whose midnight it is depends on the site.
    from_ms, to_ms = _midnight_ms(first) - _DAY_MS, _midnight_ms(last) + 2 * _DAY_MS
    claims = claims_of(conn, vault, employee_id, from_ms, to_ms)
    exempt = service.exemptions_of(conn, employee_id, from_ms, to_ms + _DAY_MS)
    plan = plan_of(conn, employee_id, first, last)
    return tuple(
        day_status(planned, claims.paired, exempt, now_ms) for planned in plan.days.values()
    )


def warnings(days: Iterable[DayStatus]) -> tuple[Words, ...]:
    """What nobody knows and somebody has to mend, each once."""
    missing = {
        words.no_calendar(one.planned): None
        for one in days
        if one.planned.because is Because.NO_CALENDAR
    }
    return tuple(missing)


def _midnight_ms(day: dt.date) -> int:
    return int(dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC).timestamp() * 1000)
