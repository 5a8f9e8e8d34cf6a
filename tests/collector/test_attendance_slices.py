"""Calendars, shifts and exemptions from the command line and the interface, as far as the verdict."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event

from tests.collector.test_cli_commands import run, save, stocked
from tests.factories.judging import HOUR_MS, START, Office, office
from tests.factories.vault import VAULT
from zaigang_collector import db
from zaigang_collector.access.model import Scope
from zaigang_collector.assessment.model import Outcome
from zaigang_collector.attendance import patterns, schedules
from zaigang_collector.attendance.model import Direction
from zaigang_collector.attendance.plans import plan_of
from zaigang_collector.attendance.schedules import Scope as Whom
from zaigang_collector.attendance.schedules import ShiftAssignment
from zaigang_collector.cli.console import Exit
from zaigang_collector.directory import service as directory
from zaigang_collector.directory.model import Assignment

ICS = """BEGIN:VCALENDAR
BEGIN:VEVENT
DTSTART;VALUE=DATE:20270206
DTEND;VALUE=DATE:20270213
SUMMARY:春节 放假
END:VEVENT
END:VCALENDAR
"""
CLOCK_INS = "employee,site,direction,punched_at\nE001,hq,in,2026-09-22 08:55\n"


@pytest.fixture
def data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A data directory with one site and one person, who works on every day from nine to six."""
    made = stocked(tmp_path)
    capsys.readouterr()
    return made


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path) as made:
        with db.writing(made.world.engine) as conn:
            where = Assignment("E001", "hq", dt.date(2020, 1, 1))
            now_ms = made.world.clock.utc
            directory.put_assignment(conn, VAULT, where, now_ms, made.world.randomness)
        yield made


def test_the_companys_calendar_is_imported_shown_and_set(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    span = ("--from", "2027-02-01", "--to", "2027-02-28")
    assert run(data, "calendar", "show", *span) == Exit.FAILED
    assert "no holiday data for 2027: import the company's calendar" in capsys.readouterr().err
    file = save(tmp_path, "spring.ics", ICS)
    assert run(data, "calendar", "import", file) == Exit.OK
    assert "7 new, 0 changed" in capsys.readouterr().out
    assert run(data, "calendar", "set", "2027-02-14", "workday", "--reason", "调休") == Exit.OK
    assert run(data, "calendar", "whole", "2027") == Exit.OK
    assert "8 days of it are set" in capsys.readouterr().out
    assert run(data, "calendar", "show", *span) == Exit.OK
    shown = capsys.readouterr().out
    assert "2027-02-06\tSat\tday_off\tcompany\t春节 放假" in shown
    assert "2027-02-14\tSun\tworkday\tcompany\t调休" in shown
    assert len(shown.splitlines()) == 1 + 8


def test_a_calendar_comes_from_a_spreadsheet_too(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = save(tmp_path, "days.csv", "日期,安排,名称\n2027-01-01,放假,元旦\n2027-01-03,补班,\n")
    assert run(data, "calendar", "import", file, "--site", "hq") == Exit.OK
    assert "2 new" in capsys.readouterr().out
    bad = save(tmp_path, "bad.csv", "day,rule\n2027-01-01,maybe\n1.1.27,workday\n")
    assert run(data, "calendar", "import", bad) == Exit.BAD_INPUT
    assert "line 2, column rule" in capsys.readouterr().err
    assert run(data, "calendar", "import", file, "--site", "moon") == Exit.UNKNOWN_ID


def test_what_is_not_understood_of_a_calendar_is_refused_as_a_whole(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    vague = save(tmp_path, "vague.ics", ICS.replace("春节 放假", "立春"))
    assert run(data, "calendar", "import", vague) == Exit.BAD_INPUT
    assert "--others" in capsys.readouterr().err
    assert run(data, "calendar", "import", vague, "--others", "day_off") == Exit.OK


def test_shifts_are_set_assigned_and_rostered(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(data, "shifts", "set", "night", "22:00-06:00") == Exit.OK
    assert run(data, "shifts", "set", "odd", "whenever") == Exit.BAD_INPUT
    assert "'whenever' was refused; expected weekdays and hours" in capsys.readouterr().err
    since = ("--from", "2026-09-01")
    assert run(data, "shifts", "assign", "night", "--employee", "E001", *since) == Exit.OK
    assert run(data, "shifts", "assign", "night", "--department", "R&D", *since) == Exit.OK
    assert "Nobody is in that department" in capsys.readouterr().err
    assert run(data, "shifts", "assign", "day", "--employee", "E001", *since) == Exit.UNKNOWN_ID
    roster = save(tmp_path, "roster.csv", "employee,day,shift\nE001,2026-10-01,night\n")
    assert run(data, "shifts", "import-roster", roster) == Exit.OK
    capsys.readouterr()
    assert run(data, "shifts", "list") == Exit.OK
    assert capsys.readouterr().out.splitlines()[1].startswith("night\tMon 22:00-06:00; Tue")
    assert run(data, "shifts", "show", "night") == Exit.OK
    assert "person\tE001\t2026-09-01\t\n" in capsys.readouterr().out
    assert run(data, "shifts", "show", "day") == Exit.UNKNOWN_ID
    day = ("--employee", "E001", "--from", "2026-10-01", "--to", "2026-10-01")
    assert run(data, "attendance", "days", *day) == Exit.OK
    assert "workday\t排班表安排了班次" in capsys.readouterr().out
    assert (
        run(data, "shifts", "clear-roster", *day[:2], "--from", "2026-09-30", *day[4:]) == Exit.OK
    )
    assert "E001: 1 of 2 days cleared" in capsys.readouterr().out
    backwards = ("--from", "2026-10-02", "--to", "2026-10-01")
    assert run(data, "shifts", "clear-roster", *day[:2], *backwards) == Exit.BAD_INPUT
    assert run(data, "attendance", "days", *day) == Exit.OK
    assert "排班表" not in capsys.readouterr().out


def test_days_and_intervals_of_a_person_say_why(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(data, "clock-ins", "import", save(tmp_path, "in.csv", CLOCK_INS)) == Exit.OK
    capsys.readouterr()
    span = ("--employee", "E001", "--from", "2026-09-22", "--to", "2027-01-01")
    assert run(data, "attendance", "days", *span) == Exit.FAILED
    assert "at most 62 days" in capsys.readouterr().err
    day = ("--employee", "E001", "--from", "2026-09-22", "--to", "2026-09-22", "--lang", "en")
    assert run(data, "attendance", "intervals", *day) == Exit.OK
    told = capsys.readouterr().out
    assert "hq  2026-09-22 08:55:00+0800 - 2026-09-22 18:00:00+0800" in told
    assert "no out-punch: taken to end with the shift" in told
    assert "opens the interval" in told
    new_year = ("--employee", "E001", "--from", "2027-01-01", "--to", "2027-01-01")
    assert run(data, "attendance", "days", *new_year) == Exit.OK
    captured = capsys.readouterr()
    assert "没有 2027 年的节假日数据：请导入公司的日历，或更新程序" in captured.err
    assert "缺勤" not in captured.out
    assert run(data, "attendance", "days", "--employee", "E9", *new_year[2:]) == Exit.UNKNOWN_ID
    assert run(data, "people", "looks", "E001") == Exit.OK
    assert "attendance intervals" in capsys.readouterr().out


def test_exemptions_are_imported_listed_shown_and_withdrawn(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "工号,类型,开始,结束,审批编号\nE001,请假,2026-09-22 上午,2026-09-22 上午,A7\n"
    file = save(tmp_path, "leave.csv", text)
    assert run(data, "exemptions", "import", file) == Exit.OK
    assert run(data, "exemptions", "withdraw", "csv", "A7") == Exit.OK
    assert run(data, "exemptions", "withdraw", "csv", "A8") == Exit.UNKNOWN_ID
    capsys.readouterr()
    span = ("--employee", "E001", "--from", "2026-09-22", "--to", "2026-09-22")
    assert run(data, "exemptions", "list", *span) == Exit.OK
    line = "csv\tA7\t请假\t2026-09-22 00:00:00+0800\t2026-09-22 12:00:00+0800\t2\twithdrawn"
    assert line in capsys.readouterr().out
    assert run(data, "exemptions", "show", "csv", "A7") == Exit.OK
    assert len(capsys.readouterr().out.splitlines()) == 1 + 2


def test_the_interface_shows_days_with_reasons_in_both_languages(here: Office) -> None:
    here.punch(Direction.IN, START)
    here.at(START + 12 * HOUR_MS)
    headers = here.world.token(Scope.READ_ATTENDANCE, Scope.READ_LOOKS)
    client = here.world.client
    span = {"from_day": "2026-09-22", "to_day": "2027-01-01"}
    wrong = client.get("/api/v1/people/E001/days", params=span, headers=headers)
    assert (wrong.status_code, wrong.json()["errors"][0]["where"]) == (422, "query.to_day")
    span["to_day"] = "2026-09-22"
    answer = client.get("/api/v1/people/E001/days", params=span, headers=headers)
    (day,) = answer.json()["days"]
    assert (day["expected"], day["standing"]) == ("workday", "claimed")
    (interval,) = day["intervals"]
    assert interval["because"]["zh"] == "没有下班卡，按班次的结束时间计"
    assert interval["punches"][0]["role"] == "opened"
    assert client.get("/api/v1/people/E9/days", params=span, headers=headers).status_code == 404
    looks = client.get("/api/v1/people/E001/looks", headers=headers).json()["items"]
    assert [one["what"] for one in looks] == ["attendance from 2026-09-22 to 2026-09-22"]
    none = here.world.token(Scope.READ_CLOCK_INS)
    refused = client.get("/api/v1/people/E001/days", params=span, headers=none)
    assert refused.status_code == 403


def test_the_interface_tells_of_years_without_holidays(here: Office) -> None:
    headers = here.world.token(Scope.READ_ATTENDANCE)
    span = {"from_day": "2026-12-31", "to_day": "2027-01-02"}
    told = here.world.client.get("/api/v1/calendar", params=span, headers=headers).json()
    assert told["years_without_data"] == [2027]
    assert [one["meaning"] for one in told["days"]] == ["usual", "unknown", "unknown"]
    elsewhere = span | {"site": "moon"}
    missing = here.world.client.get("/api/v1/calendar", params=elsewhere, headers=headers)
    assert missing.status_code == 404
    for first, last in (
        ("2026-12-31", "2026-12-01"),
        ("0001-01-01", "0001-01-02"),
        ("9999-12-31", "9999-12-31"),
    ):
        odd = {"from_day": first, "to_day": last}
        for at in ("calendar", "people/E001/days"):
            answer = here.world.client.get(f"/api/v1/{at}", params=odd, headers=headers)
            assert answer.status_code == 422


def test_an_exemption_is_pushed_changed_withdrawn_and_shown(here: Office) -> None:
    headers = here.world.token(Scope.WRITE_EXEMPTIONS, Scope.READ_ATTENDANCE)
    client, at = here.world.client, "/api/v1/exemptions"
    body = {
        "source": "oa",
        "source_id": "1",
        "employee": "E001",
        "kind": "leave",
        "start": "2026-09-22T09:00:00+08:00",
        "end": "2026-09-22T18:00:00+08:00",
    }
    codes = [client.post(at, json=body, headers=headers).status_code for _ in range(2)]
    assert codes == [201, 200]
    changed = client.post(
        at, json={**body, "end": "2026-09-22T12:00:00+08:00"}, headers=headers
    ).json()
    assert (changed["outcome"], changed["exemption"]["version"]) == ("new_version", 2)
    which = {"source": "oa", "source_id": "1"}
    gone = client.delete(at, params=which, headers=headers).json()["exemption"]
    assert (gone["version"], gone["withdrawn"]) == (3, True)
    kept = client.get(at, params=which, headers=headers).json()["versions"]
    assert [one["version"] for one in kept] == [1, 2, 3]
    ancient = {"start": "0001-01-01T00:00:00+08:00", "end": "0001-01-02T00:00:00+08:00"}
    for wrong in (
        ancient,
        {"employee": "E9"},
        {"end": "2026-09-22T09:00:00+08:00"},
        {"kind": "party"},
    ):
        assert client.post(at, json={**body, **wrong}, headers=headers).status_code == 422
    nothing = {"source": "oa", "source_id": "2"}
    for call in (client.get, client.delete):
        assert call(at, params=nothing, headers=headers).status_code == 404
    assert (
        client.post(at, json=body, headers=here.world.token(Scope.WRITE_CLOCK_INS)).status_code
        == 403
    )


def night(here: Office, hours: str) -> None:
    with db.writing(here.world.engine) as conn:
        said = (here.world.clock.utc, here.world.randomness)
        schedules.put_shift(conn, "of-e001", patterns.parse(hours), *said)
        new = ShiftAssignment(Whom.PERSON, "E001", dt.date(2020, 1, 1), None, "of-e001")
        schedules.assign(conn, VAULT, new, *said)


def test_an_assessment_ends_with_the_shift_that_holds_and_is_made_anew_when_that_changes(
    here: Office,
) -> None:
    here.punch(Direction.IN, START)
    night(here, "Mon-Fri 09:00-15:00")
    here.at(START + 7 * HOUR_MS)
    assert here.judge() == [Outcome.ADDED]
    assert here.newest()[0].end_ms == START + 6 * HOUR_MS
    night(here, "Mon-Fri 09:00-20:00")
    assert here.judge() == [Outcome.NOT_OVER]
    assert here.newest() == []  # what was judged too early is withdrawn
    here.at(START + 12 * HOUR_MS)
    here.judge()
    assert here.newest()[0].end_ms == START + 11 * HOUR_MS


def test_an_approved_leave_makes_the_verdict_exempt_and_withdrawn_it_does_not(
    here: Office,
) -> None:
    here.a_day()
    headers = here.world.token(Scope.WRITE_EXEMPTIONS)
    body = {
        "source": "oa",
        "source_id": "1",
        "employee": "E001",
        "kind": "business_trip",
        "start": "2026-09-22T00:00:00+08:00",
        "end": "2026-09-23T00:00:00+08:00",
    }
    assert here.world.client.post("/api/v1/exemptions", json=body, headers=headers).is_success
    assert here.verdict() == "exempt"
    which = {"source": "oa", "source_id": "1"}
    assert here.world.client.delete("/api/v1/exemptions", params=which, headers=headers).is_success
    assert here.verdict() == "unverified"


def test_planning_many_days_asks_the_database_no_more_than_planning_one(here: Office) -> None:
    asked: list[str] = []
    event.listen(
        here.world.engine,
        "before_cursor_execute",
        lambda conn, cursor, statement, *rest: asked.append(statement),
    )
    counts = []
    for days in (1, 60):
        asked.clear()
        with db.reading(here.world.engine) as conn:
            plan_of(conn, "E001", dt.date(2026, 9, 1), dt.date(2026, 9, 1) + dt.timedelta(days))
        counts.append(len(asked))
    assert counts[0] == counts[1]
