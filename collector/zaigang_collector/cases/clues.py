"""Clues (线索): what a manager was told, and the evidence of exactly those dates beside it.

A clue is never evidence: nothing is computed from its words, and a case that rests on clues alone
cannot be substantiated (`states`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from zaigang_collector.assessment import store as assessments
from zaigang_collector.assessment.model import StoredAssessment
from zaigang_collector.attendance import statuses
from zaigang_collector.attendance.calendars import YEARS
from zaigang_collector.attendance.days import DayStatus
from zaigang_collector.attendance.planning import at_ms
from zaigang_collector.cases import store
from zaigang_collector.cases.bodies import Clue
from zaigang_collector.cases.service import Desk
from zaigang_collector.directory import service as directory
from zaigang_collector.errors import ConflictError, UnknownIdError
from zaigang_collector.vault.service import Vault
from zaigang_collector.worktraces import service as worktraces
from zaigang_collector.worktraces.service import Event, WorkLog

# "In October he was hardly ever there." Larger pulls half a year of a person's life onto one page
# because somebody said something; smaller cuts a month in two.
DAYS_MAX: Final = 31
WORDS_MAX: Final = 2_000
_DAY_MIN: Final = 1440
_MOST: Final = 1_000


@dataclass(frozen=True, slots=True)
class Beside:
    """What is on record of a clue's dates."""

    clue: Clue
    days: tuple[DayStatus, ...]
    """Expected, claimed and exempt, day by day."""
    assessments: tuple[StoredAssessment, ...]
    """Of intervals at the clue's site that begin on these days, in order."""
    events: tuple[Event, ...]
    """Traces of work of these days, at whatever site. None of them says that nobody worked: a
    source may not cover the person."""
    work_logs: tuple[WorkLog, ...]


def write(
    conn: Connection,
    desk: Desk,
    employee_id: str,
    site_id: str,
    days: tuple[dt.date, dt.date],
    said: str,
    by: str,
    via: str,
    now_ms: int,
) -> Clue:
    """Write down what was said of a person's days at a site. Raises UnknownIdError, and
    ConflictError for days or words that cannot be one, and for a clue about oneself."""
    first, last = days
    for one in (employee_id, by):
        if directory.get_employee(conn, one) is None:
            raise UnknownIdError("employee", one)
    if directory.get_site(conn, site_id) is None:
        raise UnknownIdError("site", site_id)
    if by == employee_id:
        raise ConflictError(f"{by} cannot write a clue about themselves")
    _refuse_days(first, last)
    text = said.strip()
    if not text or len(text) > WORDS_MAX or not text.replace("\n", " ").isprintable():
        raise ConflictError(
            f"the clue's words were refused: expected 1 to {WORDS_MAX} characters of text that say "
            "what was seen or told"
        )
    clue = Clue(
        store.new_id("cl-", desk.randomness),
        employee_id,
        site_id,
        first.isoformat(),
        last.isoformat(),
        text,
        by,
        via,
        now_ms,
    )
    store.put_clue(conn, desk.vault, clue, desk.randomness)
    return clue


def beside(conn: Connection, vault: Vault, clue_id: str, now_ms: int) -> Beside:
    """A clue with what is on record of exactly its dates. Raises UnknownIdError."""
    clue = store.get_clue(conn, vault, clue_id)
    first, last = dt.date.fromisoformat(clue.first_day), dt.date.fromisoformat(clue.last_day)
    site = directory.get_site(conn, clue.site_id)
    zone = ZoneInfo("UTC" if site is None else site.time_zone)
    span = at_ms(first, 0, zone), at_ms(last, _DAY_MIN, zone)
    days = statuses.statuses_of(conn, vault, clue.employee_id, first, last, now_ms)
    wanted = assessments.Filter(
        employee_id=clue.employee_id, site_id=clue.site_id, from_ms=span[0], to_ms=span[1]
    )
    found = assessments.list_page(conn, vault, wanted, None, _MOST)
    return Beside(
        clue,
        tuple(days),
        _ordered(found),
        worktraces.events_of(conn, vault, clue.employee_id, *span),
        worktraces.work_logs_of(conn, vault, clue.employee_id, first, last),
    )


def _ordered(found: Sequence[StoredAssessment]) -> tuple[StoredAssessment, ...]:
    return tuple(sorted(found, key=lambda one: (one.start_ms, one.id)))


def _refuse_days(first: dt.date, last: dt.date) -> None:
    in_time = first.year in YEARS and last.year in YEARS
    if not in_time or not 0 <= (last - first).days < DAYS_MAX:
        raise ConflictError(
            f"a clue from {first} to {last} was refused: expected a last day that is not before the "
            f"first, {DAYS_MAX} days at most; write several for more"
        )
