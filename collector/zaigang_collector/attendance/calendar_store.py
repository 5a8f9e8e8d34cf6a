"""The company's calendar as it is stored. No commits here; each change is a ledger entry."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Final

import sqlalchemy as sa
from sqlalchemy import Connection

from zaigang_collector import db
from zaigang_collector.attendance import events
from zaigang_collector.attendance.calendars import REASON_MAX, YEARS, OwnCalendar, Rule, SetDay
from zaigang_collector.attendance.events import EventKind
from zaigang_collector.attendance.tables import CALENDAR_DAY, CALENDAR_YEAR
from zaigang_collector.db import Randomness
from zaigang_collector.directory import service as directory
from zaigang_collector.directory.model import Change
from zaigang_collector.errors import ConflictError, UnknownIdError

COMPANY = ""
"""In place of a site's id: the whole company."""
# Made once: a pass over everybody asks them for each person.
_SITES: Final[sa.BindParameter[str]] = sa.bindparam("sites", expanding=True)
_DAYS: Final = sa.select(CALENDAR_DAY).where(
    CALENDAR_DAY.c.site_id.in_(_SITES),
    CALENDAR_DAY.c.day >= sa.bindparam("first"),
    CALENDAR_DAY.c.day <= sa.bindparam("last"),
)
_YEARS: Final = sa.select(CALENDAR_YEAR).where(CALENDAR_YEAR.c.site_id.in_(_SITES))


def set_day(
    conn: Connection,
    site_id: str,
    day: dt.date,
    said: SetDay,
    now_ms: int,
    randomness: Randomness,
) -> Change:
    """Say what a day is at a site, or for the whole company. Raises UnknownIdError, and
    ConflictError for a reason that is too long."""
    _refuse_unknown(conn, site_id)
    if day.year not in YEARS:
        raise ConflictError(f"{day} was refused: expected a day from {YEARS[0]} to {YEARS[-1]}")
    if len(said.reason) > REASON_MAX or not said.reason.isprintable():
        raise ConflictError(
            f"the reason of {day} was refused: expected one line of up to {REASON_MAX} characters"
        )
    stored = calendar_of(conn, [site_id], day, day)[site_id].days.get(day)
    if stored == said:
        return Change.UNCHANGED
    fields = {
        "site_id": site_id,
        "day": day.isoformat(),
        "rule": said.rule.value,
        "reason": said.reason,
    }
    db.upsert(conn, CALENDAR_DAY, [fields])
    events.record(conn, EventKind.CALENDAR_DAY, f"{day} {site_id}", fields, now_ms, randomness)
    return Change.ADDED if stored is None else Change.CHANGED


def declare_whole(
    conn: Connection, site_id: str, year: int, now_ms: int, randomness: Randomness
) -> Change:
    """Say that of this year every day off and every make-up workday is there, or will be set.
    Raises UnknownIdError."""
    _refuse_unknown(conn, site_id)
    fields = {"site_id": site_id, "year": year}
    if not db.insert_ignore(conn, CALENDAR_YEAR, [fields]):
        return Change.UNCHANGED
    events.record(conn, EventKind.CALENDAR_YEAR, f"{year} {site_id}", fields, now_ms, randomness)
    return Change.ADDED


def calendar_of(
    conn: Connection, site_ids: Iterable[str], first: dt.date, last: dt.date
) -> Mapping[str, OwnCalendar]:
    """What was said of the days from `first` to `last` at each of these sites; `COMPANY` is one."""
    wanted = sorted(set(site_ids))
    days: dict[str, dict[dt.date, SetDay]] = {site_id: {} for site_id in wanted}
    span = {"sites": wanted, "first": first.isoformat(), "last": last.isoformat()}
    for row in conn.execute(_DAYS, span):
        said = SetDay(Rule(row.rule), row.reason)
        days[row.site_id][dt.date.fromisoformat(row.day)] = said
    years: dict[str, set[int]] = {site_id: set() for site_id in wanted}
    for row in conn.execute(_YEARS, {"sites": wanted}):
        years[row.site_id].add(row.year)
    return {site_id: OwnCalendar(days[site_id], frozenset(years[site_id])) for site_id in wanted}


def _refuse_unknown(conn: Connection, site_id: str) -> None:
    if site_id != COMPANY and directory.get_site(conn, site_id) is None:
        raise UnknownIdError("site", site_id)
