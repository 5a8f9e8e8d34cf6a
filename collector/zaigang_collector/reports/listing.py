"""The person-days of a stretch as they are stored: attendance and assessments side by side."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final, TypeVar

from sqlalchemy import Connection

from zaigang_collector.assessment import store
from zaigang_collector.assessment.model import StoredAssessment, assessment_id
from zaigang_collector.attendance import statuses, words
from zaigang_collector.attendance.days import DayStatus, Standing
from zaigang_collector.attendance.intervals import Interval
from zaigang_collector.directory import service as directory
from zaigang_collector.directory.model import Employee
from zaigang_collector.matching import codec
from zaigang_collector.matching.model import Text, Work
from zaigang_collector.matching.words import clockface
from zaigang_collector.reports.worklist import Row, most_questionable
from zaigang_collector.vault.service import Vault

_T = TypeVar("_T")
_PAGE: Final = 1000
# Nothing was expected or claimed, or the day is not over: then only what was judged of it already.
_NO_ROW: Final = (Standing.OFF, Standing.ONGOING)
# Somebody who was active in one interval of the day was active that day.
_WORK: Final = (Work.ACTIVE, Work.IDLE, Work.UNVERIFIED)


def rows_of(
    conn: Connection,
    vault: Vault,
    first: dt.date,
    last: dt.date,
    now_ms: int,
    department: str | None = None,
    only: Collection[str] | None = None,
) -> Iterator[Row]:
    """Every day of everybody from `first` to `last` on which work was expected or claimed; of these
    people `only`, None: of all.

    Raises ConflictError for too many days or none: see `attendance.statuses`.
    """
    sites = {site.id: site.name for site in directory.list_sites(conn, limit=_PAGE)}
    after = ""
    while people := directory.list_employees(conn, after, _PAGE):
        for employee in people:
            if only is not None and employee.id not in only:
                continue
            if department is None or employee.department == department:
                yield from _of_person(conn, vault, employee, (first, last, now_ms), sites)
        after = people[-1].id


def _of_person(
    conn: Connection,
    vault: Vault,
    employee: Employee,
    span: tuple[dt.date, dt.date, int],
    sites: Mapping[str, str],
) -> Iterator[Row]:
    first, last, now_ms = span
    days = statuses.statuses_of(conn, vault, employee.id, first, last, now_ms)
    begins = [one.start_ms for day in days for one in day.intervals]
    judged: dict[str, StoredAssessment] = {}
    if begins:
        wanted = store.Filter(employee.id, None, None, min(begins), max(begins) + 1)
        found = store.list_page(conn, vault, wanted, None, _PAGE)
        judged = {one.id: one for one in found}
    for day in days:
        names = {assessment_id(one.punch_ids[0]) for one in day.intervals}
        if day.standing not in _NO_ROW or names & judged.keys():
            yield _row(employee, day, judged, sites)


def _row(
    employee: Employee,
    day: DayStatus,
    judged: Mapping[str, StoredAssessment],
    sites: Mapping[str, str],
) -> Row:
    names = [assessment_id(one.punch_ids[0]) for one in day.intervals]
    found = [judged[name] for name in names if name in judged]
    standing = words.STANDINGS[day.standing]
    presence = most_questionable(one.presence for one in found)
    # The reasons of the answer that is shown: others' would read as if they were its own.
    shown = [one for one in found if one.presence is presence]
    read = [codec.decode(json.loads(one.body)) for one in shown]
    works = {one.work for one in found}
    return Row(
        day=day.planned.day,
        employee_id=employee.id,
        name=employee.name,
        department=employee.department,
        sites=_once(sites.get(one.site_id, one.site_id) for one in day.intervals),
        zone=day.planned.zone,
        standing=Text(standing.zh, standing.en),
        claimed=_claimed(day.intervals, day.planned.zone),
        presence=presence,
        is_claimed=bool(day.intervals),
        work=next((one for one in _WORK if one in works), None),
        coverage=min((one.coverage for one in shown), default=None),
        present_share=min(
            (one.present_share for one in read if one.present_share is not None), default=None
        ),
        provisional=any(one.provisional for one in found),
        reasons=_once(reason for one in read for reason in one.reasons),
        assessments=tuple(f"{one.id}@{one.version}" for one in found),
    )


def _claimed(intervals: Sequence[Interval], zone: str) -> str:
    clock = clockface(zone)
    return ", ".join(clock.span(one.start_ms, one.end_ms) for one in intervals)


def _once(values: Iterator[_T]) -> tuple[_T, ...]:
    return tuple(dict.fromkeys(values))
