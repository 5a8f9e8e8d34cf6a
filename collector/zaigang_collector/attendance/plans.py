"""What was expected of one person over some days, read from what is stored."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from zaigang_collector.attendance import calendar_store, schedules
from zaigang_collector.attendance.calendar_store import COMPANY
from zaigang_collector.attendance.calendars import OwnCalendar, look_up
from zaigang_collector.attendance.patterns import Pattern
from zaigang_collector.attendance.planning import (
    PlannedDay,
    Rostered,
    Stretch,
    day_of,
    days_between,
    merged,
    planned_day,
)
from zaigang_collector.attendance.schedules import Scope, ShiftAssignment
from zaigang_collector.directory import service as directory
from zaigang_collector.directory.model import Assignment, Employee, Site


@dataclass(frozen=True, slots=True)
class Plan:
    """Days of one person, and their working stretches in order."""

    employee_id: str
    zone: ZoneInfo
    """The person's own: of days about which no place says anything."""
    days: Mapping[dt.date, PlannedDay]

    @property
    def stretches(self) -> tuple[Stretch, ...]:
        found = [stretch for one in self.days.values() for stretch in one.stretches]
        return tuple(sorted(found, key=lambda one: (one.from_ms, one.to_ms, one.site_id or "")))


def plan_of(conn: Connection, employee_id: str, first: dt.date, last: dt.date) -> Plan:
    """The days from `first` to `last`, both included. Of nobody: no days."""
    employee = directory.get_employee(conn, employee_id)
    if employee is None:
        return Plan(employee_id, ZoneInfo("UTC"), {})
    known = _Known.read(conn, employee, first, last)
    days = {day: known.planned(day) for day in days_between(first, last)}
    return Plan(employee_id, ZoneInfo(employee.time_zone), days)


def plan_around(conn: Connection, employee_id: str, from_ms: int, to_ms: int) -> Plan:
    """The days that can matter to moments from `from_ms` to `to_ms` (UTC ms), in whatever zone:
    shifts of the day before and the day after among them."""
    utc = ZoneInfo("UTC")
    margin = dt.timedelta(days=2)
    return plan_of(conn, employee_id, day_of(from_ms, utc) - margin, day_of(to_ms, utc) + margin)


@dataclass(frozen=True, slots=True)
class _Known:
    """All that is stored about the days of one person."""

    employee: Employee
    sites: Mapping[str, Site]
    at: Sequence[Assignment]
    holding: Sequence[ShiftAssignment]
    patterns: Mapping[str, Pattern]
    roster: Mapping[dt.date, Rostered]
    calendars: Mapping[str, OwnCalendar]

    @classmethod
    def read(cls, conn: Connection, employee: Employee, first: dt.date, last: dt.date) -> _Known:
        at = [
            one
            for one in directory.assignments_of(conn, employee.id)
            if one.from_day <= last and (one.to_day is None or one.to_day >= first)
        ]
        found = (directory.get_site(conn, site_id) for site_id in {one.site_id for one in at})
        sites = {site.id: site for site in found if site is not None}
        holding = schedules.assignments_for(conn, employee.id, employee.department, sorted(sites))
        return cls(
            employee,
            sites,
            at,
            holding,
            schedules.patterns_of(conn, (one.shift_id for one in holding)),
            schedules.roster_of(conn, employee.id, first, last),
            calendar_store.calendar_of(conn, [COMPANY, *sites], first, last),
        )

    def planned(self, day: dt.date) -> PlannedDay:
        """One day at each of the day's sites, put together."""
        here = {
            one.site_id
            for one in self.at
            if one.site_id in self.sites
            and one.from_day <= day
            and (one.to_day is None or day <= one.to_day)
        }
        return merged({site_id: self._at(day, site_id) for site_id in here or {""}})

    def _at(self, day: dt.date, site_id: str) -> PlannedDay:
        site = self.sites.get(site_id)
        place_zone = self.employee.time_zone if site is None else site.time_zone
        own = OwnCalendar() if site is None else self.calendars[site_id]
        calendar = look_up(day, place_zone, own, self.calendars[COMPANY])
        shift_id, pattern = self._hours(day, site_id)
        rostered = self.roster.get(day)
        # The weekly hours in the directory are in the person's zone, as those that a laptop obeys.
        is_weekly = not shift_id and rostered is None
        zone = ZoneInfo(self.employee.time_zone if is_weekly else place_zone)
        return planned_day(day, zone, calendar, pattern, shift_id, rostered)

    def _hours(self, day: dt.date, site_id: str) -> tuple[str, Pattern | None]:
        for one in self.holding:  # what goes first is first
            if one.holds_on(day) and (one.scope is not Scope.SITE or one.subject == site_id):
                return one.shift_id, self.patterns[one.shift_id]
        return "", Pattern(self.employee.shift)
