"""Shifts with their names, whom they hold for, and rosters. No commits here; each change is a
ledger entry, sealed where it is about a person."""

from __future__ import annotations

import datetime as dt
import enum
import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from zaigang_collector import db
from zaigang_collector.attendance import events, patterns
from zaigang_collector.attendance.calendars import YEARS
from zaigang_collector.attendance.events import CLEARED, EventKind
from zaigang_collector.attendance.patterns import Pattern
from zaigang_collector.attendance.planning import Rostered
from zaigang_collector.attendance.tables import ROSTER, SHIFT, SHIFT_ASSIGNMENT
from zaigang_collector.db import Randomness
from zaigang_collector.directory import service as directory
from zaigang_collector.directory.model import Change
from zaigang_collector.errors import ConflictError, UnknownIdError
from zaigang_collector.vault.service import Vault


class Scope(enum.StrEnum):
    """Whom a shift is assigned to. What is said of the person goes before what is said of the
    department, and that before what is said of the site."""

    PERSON = "person"
    DEPARTMENT = "department"
    SITE = "site"


# Made once: a pass over everybody asks them for each person.
_PERSON: Final[sa.BindParameter[str]] = sa.bindparam("person")
_HOLDING: Final = sa.select(SHIFT_ASSIGNMENT).where(
    sa.or_(
        sa.and_(
            SHIFT_ASSIGNMENT.c.scope == Scope.PERSON.value, SHIFT_ASSIGNMENT.c.subject == _PERSON
        ),
        sa.and_(
            SHIFT_ASSIGNMENT.c.scope == Scope.DEPARTMENT.value,
            SHIFT_ASSIGNMENT.c.subject == sa.bindparam("department"),
        ),
        sa.and_(
            SHIFT_ASSIGNMENT.c.scope == Scope.SITE.value,
            SHIFT_ASSIGNMENT.c.subject.in_(sa.bindparam("sites", expanding=True)),
        ),
    )
)
_ROSTERED: Final = (
    sa.select(ROSTER.c.day, ROSTER.c.shift_id, SHIFT.c.hours)
    .outerjoin(SHIFT, SHIFT.c.id == ROSTER.c.shift_id)
    .where(
        ROSTER.c.employee_id == _PERSON,
        ROSTER.c.day >= sa.bindparam("first"),
        ROSTER.c.day <= sa.bindparam("last"),
    )
)


@dataclass(frozen=True, slots=True)
class ShiftAssignment:
    """This shift holds on these days, both included; `to_day` None: until further notice."""

    scope: Scope
    subject: str
    from_day: dt.date
    to_day: dt.date | None
    shift_id: str

    def holds_on(self, day: dt.date) -> bool:
        return self.from_day <= day and (self.to_day is None or day <= self.to_day)


def put_shift(
    conn: Connection, shift_id: str, pattern: Pattern, now_ms: int, randomness: Randomness
) -> Change:
    """Add a shift, or change its hours for all days on which it holds."""
    fields = {"id": shift_id, "hours": patterns.render(pattern)}
    stored = conn.execute(sa.select(SHIFT.c.hours).where(SHIFT.c.id == shift_id)).scalar()
    if stored == fields["hours"]:
        return Change.UNCHANGED
    db.upsert(conn, SHIFT, [fields])
    events.record(conn, EventKind.SHIFT, shift_id, fields, now_ms, randomness)
    return Change.ADDED if stored is None else Change.CHANGED


def list_shifts(conn: Connection) -> tuple[tuple[str, Pattern], ...]:
    """All shifts by id."""
    rows = conn.execute(sa.select(SHIFT).order_by(SHIFT.c.id))
    return tuple((row.id, _parsed(row.hours)) for row in rows)


def get_shift(conn: Connection, shift_id: str) -> Pattern | None:
    """One shift's hours."""
    hours = conn.execute(sa.select(SHIFT.c.hours).where(SHIFT.c.id == shift_id)).scalar()
    return None if hours is None else _parsed(hours)


def assign(
    conn: Connection,
    vault: Vault,
    new: ShiftAssignment,
    now_ms: int,
    randomness: Randomness,
) -> Change:
    """Let a shift hold for somebody, or change what was said from the same day on.

    Raises UnknownIdError, and ConflictError for days that end before they begin.
    """
    _refuse_unknown(conn, new)
    if new.to_day is not None and new.to_day < new.from_day:
        raise ConflictError(
            f"the assignment ends on {new.to_day}, before it begins on {new.from_day}; expected a "
            "last day that is not earlier"
        )
    fields = {
        "scope": new.scope.value,
        "subject": new.subject,
        "from_day": new.from_day.isoformat(),
        "to_day": None if new.to_day is None else new.to_day.isoformat(),
        "shift_id": new.shift_id,
    }
    said = assignments_of(conn, new.scope, new.subject)
    stored = [one for one in said if one.from_day == new.from_day]
    if stored == [new]:
        return Change.UNCHANGED
    db.upsert(conn, SHIFT_ASSIGNMENT, [fields])
    what = EventKind.SHIFT_ASSIGNMENT, f"{new.from_day} {new.scope.value} {new.subject}"[:200]
    if new.scope is Scope.PERSON:
        about = new.subject, fields
        events.record_personal(conn, vault, *what, *about, now_ms, randomness)
    else:
        events.record(conn, *what, fields, now_ms, randomness)
    return Change.CHANGED if stored else Change.ADDED


def assignments_of(conn: Connection, scope: Scope, subject: str) -> tuple[ShiftAssignment, ...]:
    """All of one person, department or site, the earliest first."""
    query = (
        sa.select(SHIFT_ASSIGNMENT)
        .where(SHIFT_ASSIGNMENT.c.scope == scope.value, SHIFT_ASSIGNMENT.c.subject == subject)
        .order_by(SHIFT_ASSIGNMENT.c.from_day)
    )
    return tuple(_assignment(row) for row in conn.execute(query))


def assigned(conn: Connection, shift_id: str) -> tuple[ShiftAssignment, ...]:
    """Whom a shift was assigned to, by scope, subject and day."""
    query = (
        sa.select(SHIFT_ASSIGNMENT)
        .where(SHIFT_ASSIGNMENT.c.shift_id == shift_id)
        .order_by(*SHIFT_ASSIGNMENT.primary_key)
    )
    return tuple(_assignment(row) for row in conn.execute(query))


def assignments_for(
    conn: Connection, employee_id: str, department: str, site_ids: Sequence[str]
) -> tuple[ShiftAssignment, ...]:
    """All that can hold for a person, what goes first first: by scope, and of one scope the one
    that began last."""
    whom = {
        "person": employee_id,
        "department": department,
        "sites": sorted(site_ids),
    }
    rank = {scope: number for number, scope in enumerate(Scope)}
    found = [_assignment(row) for row in conn.execute(_HOLDING, whom)]
    found.sort(key=lambda one: (rank[one.scope], -one.from_day.toordinal(), one.subject))
    return tuple(found)


def put_roster_day(
    conn: Connection,
    vault: Vault,
    employee_id: str,
    day: dt.date,
    shift_id: str | None,
    now_ms: int,
    randomness: Randomness,
) -> Change:
    """Say which shift a person has on a day; None: off. Raises UnknownIdError, and ConflictError
    for a shift that has no hours on this weekday."""
    if directory.get_employee(conn, employee_id) is None:
        raise UnknownIdError("employee", employee_id)
    _refuse_no_shift(conn, day, shift_id)
    stored = conn.execute(
        sa.select(ROSTER).where(
            ROSTER.c.employee_id == employee_id, ROSTER.c.day == day.isoformat()
        )
    ).one_or_none()
    if stored is not None and stored.shift_id == shift_id:
        return Change.UNCHANGED
    fields = {"employee_id": employee_id, "day": day.isoformat(), "shift_id": shift_id}
    db.upsert(conn, ROSTER, [fields])
    events.record_personal(
        conn,
        vault,
        EventKind.ROSTER_DAY,
        roster_ref(employee_id, day.isoformat()),
        employee_id,
        fields,
        now_ms,
        randomness,
    )
    return Change.ADDED if stored is None else Change.CHANGED


def clear_roster_day(
    conn: Connection,
    vault: Vault,
    employee_id: str,
    day: dt.date,
    now_ms: int,
    randomness: Randomness,
) -> Change:
    """Let the roster say nothing of a day any more: hours and calendar decide again. Raises
    UnknownIdError."""
    if directory.get_employee(conn, employee_id) is None:
        raise UnknownIdError("employee", employee_id)
    said = sa.delete(ROSTER).where(
        ROSTER.c.employee_id == employee_id, ROSTER.c.day == day.isoformat()
    )
    if not conn.execute(said).rowcount:
        return Change.UNCHANGED
    about = {"employee_id": employee_id, "day": day.isoformat()}
    ref = roster_ref(employee_id, day.isoformat())
    cleared = about | {CLEARED: True}
    what = EventKind.ROSTER_DAY, ref, employee_id, cleared
    events.record_personal(conn, vault, *what, now_ms, randomness)
    return Change.CHANGED


def roster_ref(employee_id: str, day: str) -> str:
    """What a roster's event is about; `day` in ISO 8601."""
    return f"{day} {employee_id}"


def roster_of(
    conn: Connection, employee_id: str, first: dt.date, last: dt.date
) -> Mapping[dt.date, Rostered]:
    """What a person's roster says of the days from `first` to `last`."""
    span = {"person": employee_id, "first": first.isoformat(), "last": last.isoformat()}
    return {
        dt.date.fromisoformat(row.day): Rostered(
            row.shift_id or "", None if row.hours is None else _parsed(row.hours)
        )
        for row in conn.execute(_ROSTERED, span)
    }


def patterns_of(conn: Connection, shift_ids: Iterable[str]) -> Mapping[str, Pattern]:
    """Hours by id of the shift."""
    wanted = sorted(set(shift_ids))
    if not wanted:
        return {}
    rows = conn.execute(sa.select(SHIFT).where(SHIFT.c.id.in_(wanted)))
    return {row.id: _parsed(row.hours) for row in rows}


@functools.lru_cache(maxsize=256)
def _parsed(hours: str) -> Pattern:
    return patterns.parse(hours)


def _refuse_no_shift(conn: Connection, day: dt.date, shift_id: str | None) -> None:
    if day.year not in YEARS:
        raise ConflictError(f"{day} was refused: expected a day from {YEARS[0]} to {YEARS[-1]}")
    if shift_id is None:
        return
    pattern = get_shift(conn, shift_id)
    if pattern is None:
        raise UnknownIdError("shift", shift_id)
    if not pattern.on(day.weekday()):
        raise ConflictError(
            f"shift {shift_id} has no hours on a day like {day} ({day:%a}); write its hours without "
            "weekdays (as 22:00-06:00), so that a roster can name it on any day"
        )


def _refuse_unknown(conn: Connection, new: ShiftAssignment) -> None:
    if get_shift(conn, new.shift_id) is None:
        raise UnknownIdError("shift", new.shift_id)
    if new.scope is Scope.PERSON and directory.get_employee(conn, new.subject) is None:
        raise UnknownIdError("employee", new.subject)
    if new.scope is Scope.SITE and directory.get_site(conn, new.subject) is None:
        raise UnknownIdError("site", new.subject)


def _assignment(row: Row[Any]) -> ShiftAssignment:
    return ShiftAssignment(
        Scope(row.scope),
        row.subject,
        dt.date.fromisoformat(row.from_day),
        None if row.to_day is None else dt.date.fromisoformat(row.to_day),
        row.shift_id,
    )
