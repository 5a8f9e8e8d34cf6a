"""The deadline of one person, from what is stored: shifts, holidays, leave, standstills."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import Connection

from zaigang_collector import db
from zaigang_collector.attendance import plans
from zaigang_collector.attendance import service as attendance
from zaigang_collector.attendance.model import ExemptionKind
from zaigang_collector.cases import deadlines
from zaigang_collector.cases.deadlines import HORIZON_DAYS, HOUR_MS, Counting, Span
from zaigang_collector.cases.model import CONCLUDED, Action, Standing, Step
from zaigang_collector.cases.policy import Policy
from zaigang_collector.cases.tables import STANDSTILL
from zaigang_collector.directory import service as directory

_HORIZON_MS: Final = HORIZON_DAYS * 24 * HOUR_MS


def due_from(conn: Connection, standing: Standing, policy: Policy, start_ms: int) -> int | None:
    """Until when (UTC ms) the person can do what they can do in this state, if time runs from
    `start_ms` on; None: a calendar is missing, so that nobody knows."""
    if standing.state in CONCLUDED:
        # Time to appeal is counted by the clock: it is long enough to have rest days in it.
        allowance_h = policy.appeal_h
        policy = dataclasses.replace(policy, working_hours_only=False, skip_rest_days=False)
    else:
        allowance_h = policy.reply_h
    counted = _counting(conn, standing.employee_id, policy, start_ms)
    return deadlines.due_ms(start_ms, allowance_h * HOUR_MS, counted)


def due_now(
    conn: Connection, standing: Standing, steps: Iterable[Step], policy: Policy
) -> int | None:
    """The same as of now, when leave was approved or the collector stood still since it was told.
    Never earlier than what was told; None: nobody knows (any more), and nothing is missed."""
    if standing.clock_ms is None:
        return standing.due_ms
    found = [due_from(conn, standing, policy, standing.clock_ms)]
    given = [one for one in steps if one.action is Action.GIVE_TIME and not one.refused]
    if given and given[-1].at_ms >= standing.clock_ms and given[-1].given.until_ms is not None:
        # What HR gave was given with leave in mind; that the collector would stand still was not.
        last, until_ms = given[-1], given[-1].given.until_ms
        stood = standstills(conn, last.at_ms)
        horizon_ms = last.at_ms + _HORIZON_MS + _length(stood)
        counted = Counting((Span(last.at_ms, horizon_ms),), tuple(stood))
        found.append(deadlines.due_ms(last.at_ms, until_ms - last.at_ms, counted))
    known = [one for one in found if one is not None]
    if len(known) < len(found):
        return None
    return max([*known, *([] if standing.due_ms is None else [standing.due_ms])])


def zone_of(conn: Connection, employee_id: str) -> ZoneInfo:
    """In which a person is told times: their own."""
    employee = directory.get_employee(conn, employee_id)
    return ZoneInfo("UTC" if employee is None else employee.time_zone)


def note_standstill(conn: Connection, from_ms: int, to_ms: int) -> None:
    """Nobody could hand anything in from `from_ms` to `to_ms`: it counts against nobody."""
    db.upsert(conn, STANDSTILL, [{"from_ms": from_ms, "to_ms": to_ms}])


def standstills(conn: Connection, after_ms: int) -> list[Span]:
    """All that reach beyond `after_ms`."""
    query = sa.select(STANDSTILL).where(STANDSTILL.c.to_ms > after_ms)
    return [Span(row.from_ms, row.to_ms) for row in conn.execute(query)]


def _counting(conn: Connection, employee_id: str, policy: Policy, start_ms: int) -> Counting:
    stood = standstills(conn, start_ms)
    # However long the collector stood still, there is time after it.
    horizon_ms = start_ms + _HORIZON_MS + _length(stood)
    plan = plans.plan_around(conn, employee_id, start_ms, horizon_ms)
    leave = [
        Span(one.from_ms, one.to_ms)
        for one in attendance.exemptions_of(conn, employee_id, start_ms, horizon_ms)
        if one.kind is ExemptionKind.LEAVE
    ]
    return deadlines.counting(
        policy,
        (plan.days[day] for day in sorted(plan.days)),
        leave,
        stood,
        start_ms,
        horizon_ms,
    )


def _length(spans: Iterable[Span]) -> int:
    return sum(one.to_ms - one.from_ms for one in spans)
