"""Exemptions, shifts and rosters as they are stored: versions, CSV, audit and forgetting."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from tests.factories.attending import NOW_MS, PERSON, Attending, moment_ms
from tests.factories.audited import audited, sequenced
from tests.factories.vault import VAULT
from tests.fakes import database
from tests.fakes.randomness import Repeatable
from zaigang_collector import db
from zaigang_collector.attendance import (
    calendar_store,
    csv_schedule,
    erasing,
    exemptions,
    schedules,
    service,
)
from zaigang_collector.attendance.calendars import Rule, SetDay
from zaigang_collector.attendance.days import Standing
from zaigang_collector.attendance.model import ExemptionKind, Outcome
from zaigang_collector.attendance.planning import Because, Expected
from zaigang_collector.attendance.schedules import Scope, ShiftAssignment
from zaigang_collector.attendance.service import StoredExemption
from zaigang_collector.attendance.tables import EVENT, EXEMPTION, ROSTER, SHIFT_ASSIGNMENT
from zaigang_collector.errors import ConflictError, CsvError, UnknownIdError
from zaigang_collector.forgetting import service as forgetting

MONDAY = "2026-09-21"
DAY_MS = 24 * 3_600_000
HEADER = "employee,kind,from,to,source_id\n"


@pytest.fixture
def here() -> Iterator[Attending]:
    with database.in_memory() as conn:
        yield Attending(conn)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A database of its own, in which something of each kind was said."""
    database.all_tables()
    engine = database.in_file(tmp_path)
    with db.writing(engine) as conn:
        said = Attending(conn)
        said.shift("night", "22:00-06:00")
        said.shift("office", "Mon-Fri 09:00-17:00", Scope.SITE, "hq")
        said.rostered(MONDAY, "night")
        said.calendar(MONDAY, Rule.DAY_OFF, reason="年会")
        calendar_store.declare_whole(conn, "hq", 2027, NOW_MS, said.random)
        said.exempt(f"{MONDAY} 09:00", f"{MONDAY} 18:00")
        said.exempt(f"{MONDAY} 09:00", f"{MONDAY} 12:00")
    yield engine
    engine.dispose()


def imported(here: Attending, lines: str) -> csv_schedule.ScheduleResult:
    data = HEADER + lines
    return csv_schedule.import_exemptions(here.conn, VAULT, data, NOW_MS, here.random)


def holding(here: Attending) -> list[tuple[int, int]]:
    span = moment_ms("2026-01-01 00:00"), moment_ms("2027-01-01 00:00")
    found = service.exemptions_of(here.conn, PERSON, *span)
    return [(one.from_ms, one.to_ms) for one in found]


def test_an_exemption_keeps_every_version_and_one_that_is_withdrawn_stays(here: Attending) -> None:
    here.exempt(f"{MONDAY} 09:00", f"{MONDAY} 18:00")
    here.exempt(f"{MONDAY} 09:00", f"{MONDAY} 12:00")
    assert exemptions.withdraw(here.conn, VAULT, "test", "1", NOW_MS + 5, here.random) is (
        Outcome.NEW_VERSION
    )
    kept = exemptions.versions(here.conn, VAULT, "test", "1")
    ends = [moment_ms(f"{MONDAY} {at}") for at in ("18:00", "12:00", "12:00")]
    assert [one.said.to_ms for one in kept] == ends
    assert [one.version for one in kept] == [1, 2, 3]
    assert [one.withdrawn for one in kept] == [False, False, True]
    assert holding(here) == []


def test_the_same_again_changes_nothing_and_what_was_withdrawn_can_hold_again(
    here: Attending,
) -> None:
    leave = here.exempt(f"{MONDAY} 09:00", f"{MONDAY} 18:00")
    say = (here.conn, VAULT, leave, NOW_MS, here.random)
    assert exemptions.record(*say) is Outcome.UNCHANGED
    exemptions.withdraw(here.conn, VAULT, "test", "1", NOW_MS, here.random)
    again = exemptions.withdraw(here.conn, VAULT, "test", "1", NOW_MS, here.random)
    assert again is Outcome.UNCHANGED
    assert exemptions.record(*say) is Outcome.NEW_VERSION
    assert len(holding(here)) == 1


def test_exemptions_are_found_by_overlap(here: Attending) -> None:
    leave = here.exempt(f"{MONDAY} 09:00", f"{MONDAY} 18:00")
    found = service.exemptions_of(here.conn, PERSON, leave.to_ms - 1, leave.to_ms + 9)
    assert found == [leave]
    assert service.exemptions_of(here.conn, PERSON, leave.to_ms, leave.to_ms + 9) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"to_ms": 0}, "an end after its beginning"),
        ({"to_ms": NOW_MS + 367 * DAY_MS}, "at most 366 days later"),
        ({"source": ""}, "one line of 1 to 40"),
        ({"source_id": "a\nb"}, "one line of 1 to 200"),
    ],
    ids=lambda one: str(one)[:20],
)
def test_what_can_be_no_exemption_is_refused(
    here: Attending, change: dict[str, object], told: str
) -> None:
    fields = {"employee_id": PERSON, "from_ms": NOW_MS, "to_ms": NOW_MS + DAY_MS, "source": "t"}
    new = StoredExemption(
        **({**fields, "kind": ExemptionKind.LEAVE, "source_id": "1", **change})  # type: ignore[arg-type]  # one test, one field
    )
    with pytest.raises(ConflictError, match=told):
        exemptions.record(here.conn, VAULT, new, NOW_MS, here.random)


def test_nobodys_exemption_and_somebody_elses_id_are_refused(here: Attending) -> None:
    leave = here.exempt(f"{MONDAY} 09:00", f"{MONDAY} 18:00")
    unknown = StoredExemption("E9", leave.from_ms, leave.to_ms, leave.kind, "test", "2")
    with pytest.raises(UnknownIdError):
        exemptions.record(here.conn, VAULT, unknown, NOW_MS, here.random)
    with pytest.raises(UnknownIdError):
        exemptions.withdraw(here.conn, VAULT, "test", "2", NOW_MS, here.random)


HALVES = {
    "2026-09-21,2026-09-21": ("2026-09-21 00:00", "2026-09-22 00:00"),
    "2026-09-21 am,2026-09-21 am": ("2026-09-21 00:00", "2026-09-21 12:00"),
    "2026-09-21 下午,2026-09-22 上午": ("2026-09-21 12:00", "2026-09-22 12:00"),
    "2026-09-21 pm,2026-09-21 pm": ("2026-09-21 12:00", "2026-09-22 00:00"),
    "2026/09/21 14:00,2026-09-21 16:30": ("2026-09-21 14:00", "2026-09-21 16:30"),
    "2026-09-21T08:00:00Z,2026-09-21 17:00": ("2026-09-21 16:00", "2026-09-21 17:00"),
}


@pytest.mark.parametrize("edges", HALVES)
def test_days_halves_and_times_are_read_on_the_clock_of_the_site(
    here: Attending, edges: str
) -> None:
    imported(here, f"{PERSON},请假,{edges},7\n")
    first, last = HALVES[edges]
    assert holding(here) == [(moment_ms(first), moment_ms(last))]


def test_half_a_day_of_a_shift_over_midnight_is_refused(here: Attending) -> None:
    here.shift("night", "22:00-06:00")
    with pytest.raises(CsvError, match="line 2, column from"):
        imported(here, f"{PERSON},leave,2026-09-21 am,2026-09-21 am,7\n")
    imported(here, f"{PERSON},leave,2026-09-21 22:00,2026-09-22 02:00,7\n")


def test_a_file_again_changes_nothing_and_a_line_can_withdraw(here: Attending) -> None:
    lines = f"{PERSON},leave,2026-09-21,2026-09-21,7\n{PERSON},出差,2026-09-22,2026-09-22,8\n"
    first, again = imported(here, lines), imported(here, lines)
    assert (first.added, again.unchanged, again.added) == (2, 2, 0)
    for expected in (1, 0):
        data = (
            "employee,kind,from,to,source_id,withdrawn\n"
            f"{PERSON},leave,2026-09-21,2026-09-21,7,yes\n"
        )
        result = csv_schedule.import_exemptions(here.conn, VAULT, data, NOW_MS, here.random)
        assert (result.changed, result.unchanged) == (expected, 1 - expected)
    assert len(holding(here)) == 1


def test_every_wrong_line_of_exemptions_is_told(here: Attending) -> None:
    lines = (
        "E9,leave,2026-09-21,2026-09-21,1\n"
        f"{PERSON},holiday,2026-09-21,2026-09-21,2\n"
        f"{PERSON},leave,21.9.,2026-09-21,3\n"
        f"{PERSON},leave,2026-09-22,2026-09-21,4\n"
        f"{PERSON},leave,2026-09-21,2026-09-21,5\n"
        f"{PERSON},leave,2026-09-21,2026-09-22,5\n"
    )
    with pytest.raises(CsvError) as caught:
        imported(here, lines)
    assert [one.line for one in caught.value.problems] == [2, 3, 4, 5, 7]


def test_a_roster_is_read_from_csv_and_a_wrong_line_says_what_was_expected(
    here: Attending,
) -> None:
    here.shift("night", "22:00-06:00", Scope.SITE, "berlin")
    here.shift("week", "Mon-Fri 09:00-18:00", Scope.SITE, "berlin")
    good = f"工号,日期,班次\n{PERSON},2026-09-26,night\n{PERSON},2026-09-21,休\n"
    for expected in ((2, 0), (0, 2)):
        result = csv_schedule.import_roster(here.conn, VAULT, good, NOW_MS, here.random)
        assert (result.added, result.unchanged) == expected
    assert here.day("2026-09-26").planned.expected is Expected.WORKDAY
    assert here.day("2026-09-21").planned.expected is Expected.DAY_OFF
    twice = f"employee,day,shift\n{PERSON},2026-09-26,off\n{PERSON},2026-09-26,night\n"
    with pytest.raises(CsvError, match="line 3, column day: expected each of them once; line 2"):
        csv_schedule.import_roster(here.conn, VAULT, twice, NOW_MS, here.random)
    bad = f"employee,day,shift\n{PERSON},2026-09-26,week\n{PERSON},2026-09-27,late\nE9,x,off\n"
    with pytest.raises(CsvError) as caught:
        csv_schedule.import_roster(here.conn, VAULT, bad, NOW_MS, here.random)
    assert [one.line for one in caught.value.problems] == [2, 3, 4, 4]
    assert "without weekdays" in str(caught.value)


def test_the_person_goes_before_the_department_and_that_before_the_site(here: Attending) -> None:
    def hours() -> str:
        return here.day(MONDAY).planned.shift_id

    assert hours() == ""  # the weekly hours in the directory
    here.shift("of-site", "Mon-Fri 10:00-19:00", Scope.SITE, "hq")
    assert hours() == "of-site"
    here.shift("of-department", "Mon-Fri 08:00-17:00", Scope.DEPARTMENT, "delivery")
    assert hours() == "of-department"
    here.shift("of-person", "Mon-Fri 07:00-16:00")
    assert hours() == "of-person"


def test_a_shift_holds_on_its_days_only(here: Attending) -> None:
    here.shift("late", "Mon-Fri 12:00-20:00", Scope.SITE, "berlin")
    first, last = dt.date(2026, 9, 21), dt.date(2026, 9, 22)
    new = ShiftAssignment(Scope.PERSON, PERSON, first, last, "late")
    schedules.assign(here.conn, VAULT, new, NOW_MS, here.random)
    found = [here.day(f"2026-09-{day}").planned.shift_id for day in (18, 21, 22, 23)]
    assert found == ["", "late", "late", ""]
    wrong = ShiftAssignment(Scope.PERSON, PERSON, last, first, "late")
    with pytest.raises(ConflictError, match="not earlier"):
        schedules.assign(here.conn, VAULT, wrong, NOW_MS, here.random)


@pytest.mark.parametrize(
    ("scope", "subject", "shift_id"),
    [
        (Scope.PERSON, "E9", "late"),
        (Scope.SITE, "moon", "late"),
        (Scope.PERSON, PERSON, "early"),
    ],
)
def test_what_is_unknown_cannot_be_assigned(
    here: Attending, scope: Scope, subject: str, shift_id: str
) -> None:
    here.shift("late", "Mon-Fri 12:00-20:00", Scope.SITE, "berlin")
    new = ShiftAssignment(scope, subject, dt.date(2026, 9, 21), None, shift_id)
    with pytest.raises(UnknownIdError):
        schedules.assign(here.conn, VAULT, new, NOW_MS, here.random)


def test_a_withdrawn_leave_is_no_reason_any_more(here: Attending) -> None:
    here.exempt(f"{MONDAY} 00:00", "2026-09-22 00:00")
    assert here.day(MONDAY).standing is Standing.EXEMPT
    exemptions.withdraw(here.conn, VAULT, "test", "1", NOW_MS, here.random)
    assert here.day(MONDAY).standing is Standing.NO_CLAIM


def test_an_audit_finds_nothing_and_all_that_was_said_is_in_the_ledger(engine: Engine) -> None:
    sequenced(engine)
    assert audited(engine).findings == []


TAMPERED = {
    "a day that was worked": "UPDATE attendance_calendar_day SET rule = 'workday'",
    "a year that nobody gave": "INSERT INTO attendance_calendar_year VALUES ('', 2030)",
    "other hours": "UPDATE attendance_shift SET hours = '' WHERE id = 'office'",
    "another shift": "UPDATE attendance_shift_assignment SET shift_id = 'office'",
    "a day off": "UPDATE attendance_roster SET shift_id = NULL",
    "a leave that was shortened": "UPDATE attendance_exemption SET to_ms = to_ms - 1",
    "a leave that was deleted": "DELETE FROM attendance_exemption",
    "an event that was deleted": "DELETE FROM attendance_event WHERE id = 1",
    "an event of somebody else": "UPDATE attendance_event SET employee_id = 'E2' WHERE kind = 'exemption'",
}


@pytest.mark.parametrize("what", TAMPERED)
def test_what_is_changed_behind_the_ledgers_back_is_found(engine: Engine, what: str) -> None:
    sequenced(engine)
    with db.writing(engine) as conn:
        conn.exec_driver_sql(TAMPERED[what])
    assert audited(engine).findings


def test_what_was_said_of_a_person_is_sealed(engine: Engine) -> None:
    with db.reading(engine) as conn:
        bodies = {row.kind: row.body for row in conn.execute(sa.select(EVENT))}
    for kind in ("exemption", "roster_day"):
        assert PERSON.encode() not in bodies[kind]
    assert b"office" in bodies["shift_assignment"]  # of the site: of nobody in particular
    assert "年会".encode() in bodies["calendar_day"]


def test_forgetting_somebody_leaves_nothing_of_it_and_a_clean_audit(engine: Engine) -> None:
    sequenced(engine)
    with db.writing(engine) as conn:
        random = Repeatable("forgetting")
        told = forgetting.forget(conn, VAULT, PERSON, "left", "Zhang", NOW_MS, random)
    assert told.counts["attendance_events"] == 4  # a shift, a roster day, two versions of a leave
    with db.reading(engine) as conn:
        for table in (EXEMPTION, ROSTER):
            assert conn.execute(sa.select(table)).all() == []
        scopes = {row.scope for row in conn.execute(sa.select(SHIFT_ASSIGNMENT))}
        kinds = {row.kind for row in conn.execute(sa.select(EVENT))}
    assert scopes == {"site"}
    assert kinds == {"calendar_day", "calendar_year", "shift", "shift_assignment"}
    sequenced(engine)
    assert audited(engine).findings == []


def test_what_is_old_is_deleted_with_all_its_versions_but_not_of_people_under_hold(
    engine: Engine,
) -> None:
    later_ms = moment_ms("2026-09-24 00:00")
    for spared, expected in (([PERSON], 0), ([], 3)):
        with db.writing(engine) as conn:
            before = erasing.count_retired(conn, later_ms, spared)
            assert erasing.retire(conn, later_ms, spared) == before
        assert before["attendance_events"] == expected
    with db.reading(engine) as conn:
        assert exemptions.versions(conn, VAULT, "test", "1") == ()


def test_a_roster_day_that_is_cleared_is_as_if_nothing_had_been_said(engine: Engine) -> None:
    with db.writing(engine) as conn:
        here, random = Attending(conn), Repeatable("clear")
        assert here.day(MONDAY).planned.because is Because.ROSTER
        csv = f"工号,日期,班次\n{PERSON},{MONDAY},清除\n"
        for changed in (1, 0):
            result = csv_schedule.import_roster(conn, VAULT, csv, NOW_MS, random)
            assert (result.changed, result.unchanged) == (changed, 1 - changed)
        assert here.day(MONDAY).planned.because is not Because.ROSTER
    sequenced(engine)
    assert audited(engine).findings == []
    with db.writing(engine) as conn:  # behind the ledger's back
        conn.execute(sa.insert(ROSTER).values(employee_id=PERSON, day=MONDAY, shift_id=None))
    assert audited(engine).findings
    with db.writing(engine) as conn:
        conn.execute(sa.delete(ROSTER))
        kind = EVENT.c.kind == "roster_day"
        assert conn.scalar(sa.select(sa.func.count()).where(kind)) == 2
        erasing.retire(conn, moment_ms(MONDAY + " 00:00"), [])  # that day is not over everywhere
        assert conn.scalar(sa.select(sa.func.count()).where(kind)) == 2
        erasing.retire(conn, moment_ms("2026-09-24 00:00"), [])
        assert conn.scalar(sa.select(sa.func.count()).where(kind)) == 0


def test_a_reason_that_is_no_line_is_refused(here: Attending) -> None:
    with pytest.raises(ConflictError, match="from 2000 to 2100"):
        here.calendar("9999-12-31", Rule.DAY_OFF)
    for reason in ("a\nb", "x" * 201):
        said = SetDay(Rule.DAY_OFF, reason)
        with pytest.raises(ConflictError, match="up to 200"):
            calendar_store.set_day(here.conn, "", dt.date(2026, 9, 21), said, NOW_MS, here.random)
    with pytest.raises(UnknownIdError):
        calendar_store.declare_whole(here.conn, "moon", 2027, NOW_MS, here.random)
