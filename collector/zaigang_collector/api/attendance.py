"""Calendars, shifts, and the days of a person: was work expected, claimed, exempt."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from zaigang_collector.access.model import Scope
from zaigang_collector.api import values
from zaigang_collector.api.deps import Given, Looks, Opens, Reads, needs
from zaigang_collector.api.problems import ProblemError, Wrong, not_found, responses
from zaigang_collector.attendance import calendar_store, patterns, schedules, statuses, words
from zaigang_collector.attendance.calendar_store import COMPANY
from zaigang_collector.attendance.calendars import YEARS, Meaning, Origin, OwnCalendar, look_up
from zaigang_collector.attendance.days import DayStatus, Standing
from zaigang_collector.attendance.intervals import Ended, Interval, LeftOver, Role, Why
from zaigang_collector.attendance.model import ExemptionKind
from zaigang_collector.attendance.planning import Because, Expected, days_between
from zaigang_collector.attendance.words import Words
from zaigang_collector.connectors import status
from zaigang_collector.directory import service as directory
from zaigang_collector.errors import ConflictError

router = APIRouter(tags=["attendance"], dependencies=[Depends(needs(Scope.READ_ATTENDANCE))])
people = APIRouter(
    prefix="/people",
    tags=["attendance"],
    dependencies=[Depends(needs(Scope.READ_ATTENDANCE))],
)
routers: Final = (router, people)

_CALENDAR_DAYS_MAX: Final = 366
_ZONE: Final = "Asia/Shanghai"
FirstDay = Annotated[dt.date, Query(description="The first day.", examples=["2026-10-01"])]
LastDay = Annotated[dt.date, Query(description="The last day, included.", examples=["2026-10-31"])]


class WordsOut(BaseModel):
    """The same sentence in both languages."""

    zh: str
    en: str


class CalendarDayOut(BaseModel):
    day: dt.date
    meaning: Meaning = Field(description="usual: the week of the shift decides.")
    origin: Origin = Field(description="By whose word.")
    reason: WordsOut


class CalendarOut(BaseModel):
    """Days, and the years of which nobody knows the holidays."""

    zone: str
    days: list[CalendarDayOut]
    years_without_data: list[int] = Field(
        description="Import the company's calendar or update. Nothing of them is held to be a workday."
    )


class ShiftTextOut(BaseModel):
    id: str = Field(examples=["night"])
    hours: str = Field(examples=["Mon-Sun 22:00-06:00"])


class PunchRoleOut(BaseModel):
    clock_in: str
    role: Role
    because: WordsOut


class IntervalOut(BaseModel):
    """A stretch in which somebody says they were at a site."""

    site: str
    start: dt.datetime
    end: dt.datetime
    end_is_claimed: bool
    ended: Ended
    because: WordsOut
    punches: list[PunchRoleOut]


class LeftOverOut(BaseModel):
    """A punch that makes no interval. Never held against anybody."""

    clock_in: str
    why: Why
    because: WordsOut


class StretchOut(BaseModel):
    start: dt.datetime
    end: dt.datetime


class DayExemptionOut(BaseModel):
    kind: ExemptionKind
    start: dt.datetime
    end: dt.datetime
    source: str
    source_id: str


class DayOut(BaseModel):
    """One day of one person. Nothing in it says "absent"."""

    day: dt.date
    zone: str = Field(description="Whose midnight: the site's, or the person's own.")
    expected: Expected
    expected_because: Because
    expected_words: WordsOut
    shift: str | None = Field(description="null: the weekly hours in the directory, or none.")
    stretches: list[StretchOut]
    standing: Standing
    standing_words: WordsOut
    intervals: list[IntervalOut]
    left_over: list[LeftOverOut]
    exemptions: list[DayExemptionOut]
    unclaimed: list[StretchOut]


class DaysOut(BaseModel):
    person: str
    days: list[DayOut]
    warnings: list[WordsOut] = Field(description="What nobody knows and somebody has to mend.")
    notes: list[WordsOut] = Field(
        description="What may be missing here, as a system that tells clock-ins or leave is silent."
    )


@router.get("/calendar", responses=responses(401, 403, 404, 422))
def calendar(
    conn: Reads,
    from_day: FirstDay,
    to_day: LastDay,
    site: Annotated[str | None, Query(description="Left out: the whole company.")] = None,
) -> CalendarOut:
    """What each day is, and by whose word: site, company, State Council, nobody."""
    days = days_between(from_day, to_day)
    is_in_time = from_day.year in YEARS and to_day.year in YEARS
    if not is_in_time or not 0 < len(days) <= _CALENDAR_DAYS_MAX:
        raise _wrong_days(f"a day not before from_day, {_CALENDAR_DAYS_MAX} days at most")
    zone = _ZONE
    if site is not None:
        found = directory.get_site(conn, site)
        if found is None:
            raise not_found("site", "/api/v1/sites")
        zone = found.time_zone
    wanted = [COMPANY] if site is None else [COMPANY, site]
    own = calendar_store.calendar_of(conn, wanted, from_day, to_day)
    at_site = OwnCalendar() if site is None else own[site]
    known = {day: look_up(day, zone, at_site, own[COMPANY]) for day in days}
    return CalendarOut(
        zone=zone,
        days=[
            CalendarDayOut(
                day=day,
                meaning=one.meaning,
                origin=one.origin,
                reason=WordsOut(zh=one.reason_zh, en=one.reason_en),
            )
            for day, one in known.items()
        ],
        years_without_data=sorted(
            {day.year for day, one in known.items() if one.meaning is Meaning.UNKNOWN}
        ),
    )


@router.get("/shifts", responses=responses(401, 403))
def shifts(conn: Reads) -> list[ShiftTextOut]:
    """Hours with a name."""
    return [
        ShiftTextOut(id=name, hours=patterns.render(one))
        for name, one in schedules.list_shifts(conn)
    ]


@people.get("/{person_id}/days", responses=responses(401, 403, 404, 422))
def days_of(
    person_id: str,
    conn: Reads,
    vault: Opens,
    looks: Looks,
    given: Given,
    from_day: FirstDay,
    to_day: LastDay,
) -> DaysOut:
    """A person's days: expected, claimed, exempt, and why. A missing record is not an absence."""
    if directory.get_employee(conn, person_id) is None:
        raise not_found("person", "/api/v1/people")
    now_ms = given.clock.utc_ms()
    try:
        found = statuses.statuses_of(conn, vault, person_id, from_day, to_day, now_ms)
    except ConflictError as error:
        raise _wrong_days(f"a day not before from_day, {statuses.DAYS_MAX} days at most") from error
    missing = status.missing(conn, person_id, to_day, now_ms)
    looks.at(f"attendance from {from_day} to {to_day}", [person_id])
    return DaysOut(
        person=person_id,
        days=[_day(one) for one in found],
        warnings=[_words(one) for one in statuses.warnings(found)],
        notes=[WordsOut(zh=one.zh, en=one.en) for one in missing],
    )


def _wrong_days(expected: str) -> ProblemError:
    wrong = Wrong(where="query.to_day", expected=expected)
    return ProblemError(422, "These days cannot be shown at once.", [wrong])


def _day(one: DayStatus) -> DayOut:
    planned = one.planned
    return DayOut(
        day=planned.day,
        zone=planned.zone,
        expected=planned.expected,
        expected_because=planned.because,
        expected_words=_words(words.expected(planned)),
        shift=planned.shift_id or None,
        stretches=[_stretch(x.from_ms, x.to_ms) for x in planned.stretches],
        standing=one.standing,
        standing_words=_words(words.STANDINGS[one.standing]),
        intervals=[_interval(x) for x in one.intervals],
        left_over=[_left_over(x) for x in one.left_over],
        exemptions=[
            DayExemptionOut(
                kind=x.kind,
                start=values.utc(x.from_ms),
                end=values.utc(x.to_ms),
                source=x.source,
                source_id=x.source_id,
            )
            for x in one.exemptions
        ],
        unclaimed=[_stretch(x.from_ms, x.to_ms) for x in one.unclaimed],
    )


def _interval(one: Interval) -> IntervalOut:
    return IntervalOut(
        site=one.site_id,
        start=values.utc(one.start_ms),
        end=values.utc(one.end_ms),
        end_is_claimed=one.end_is_claimed,
        ended=one.ended,
        because=_words(words.ENDED[one.ended]),
        punches=[
            PunchRoleOut(clock_in=name, role=role, because=_words(words.ROLES[role]))
            for name, role in zip(one.punch_ids, one.roles, strict=True)
        ],
    )


def _left_over(one: LeftOver) -> LeftOverOut:
    return LeftOverOut(clock_in=one.punch_id, why=one.why, because=_words(words.WHY[one.why]))


def _stretch(from_ms: int, to_ms: int) -> StretchOut:
    return StretchOut(start=values.utc(from_ms), end=values.utc(to_ms))


def _words(told: Words) -> WordsOut:
    return WordsOut(zh=told.zh, en=told.en)
