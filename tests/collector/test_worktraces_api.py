"""Business events and work logs over the interface, by command, and from CSV."""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.factories.api_world import ApiWorld, api_world
from tests.factories.audited import assert_clean
from tests.factories.connecting_cli import company, run, save
from tests.factories.vault import VAULT
from zaigang_collector import db
from zaigang_collector.access.model import Scope
from zaigang_collector.api.deps import Services
from zaigang_collector.cli.console import Exit
from zaigang_collector.vault import access_log
from zaigang_collector.worktraces import service
from zaigang_collector.worktraces.clients import Texts

SENTINEL = "哨兵正文七七八八"
EVENTS, LOGS = "/api/v1/business-events", "/api/v1/work-logs"
EVENT = {
    "source": "erp",
    "source_id": "login-1",
    "employee": "E001",
    "kind": "login",
    "happened_at": "2026-09-21T09:00:00+08:00",
}
LOG = {"employee": "E001", "day": "2026-09-21", "place": "hq", "task_progress": "done"}
DAY = {"from": "2026-09-21T00:00:00+08:00", "to": "2026-09-22T00:00:00+08:00"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[ApiWorld]:
    with api_world(tmp_path) as made:
        yield made


def searching(world: ApiWorld, *, keep: bool = False) -> None:
    """From now on texts are searched for a name."""
    services: Services = world.app.state.services
    object.__setattr__(services, "texts", Texts(("华远集团",), keep=keep))


def push(world: ApiWorld, *items: dict[str, Any]) -> Any:
    headers = world.token(Scope.WRITE_BUSINESS_EVENTS)
    return world.client.post(EVENTS, json={"items": items}, headers=headers)


def hand_in(world: ApiWorld, **fields: Any) -> Any:
    headers = world.token(Scope.WRITE_WORK_LOGS)
    return world.client.post(LOGS, json=LOG | fields, headers=headers)


def stored_bytes(folder: Path) -> bytes:
    return b"".join(one.read_bytes() for one in folder.glob("*.db*"))


def test_events_are_pushed_once_and_listed_for_one_person(world: ApiWorld) -> None:
    more = [EVENT | {"source_id": str(n), "client": True, "site": "hq"} for n in range(3)]
    first = push(world, EVENT, *more)
    assert [one["outcome"] for one in first.json()["items"]] == ["added"] * 4
    assert push(world, EVENT).json()["items"][0]["outcome"] == "unchanged"
    edited = push(world, EVENT | {"client": False}).json()["items"][0]
    assert (edited["outcome"], edited["event"]["version"]) == ("new_version", 2)
    push(world, EVENT | {"employee": "E002", "source_id": "other"})
    headers = world.token(Scope.READ_BUSINESS_EVENTS)
    asked: dict[str, Any] = {"employee": "E001", "limit": 3, **DAY}
    page = world.client.get(EVENTS, params=asked, headers=headers).json()
    rest = world.client.get(EVENTS, params=asked | {"cursor": page["next"]}, headers=headers).json()
    listed = page["items"] + rest["items"]
    assert (len(listed), rest["next"]) == (4, None)
    assert {one["source_id"]: one["client"] for one in listed} == {
        "login-1": False,
        "0": True,
        "1": True,
        "2": True,
    }
    assert_clean(world.engine)


def test_whoever_looks_at_somebodys_traces_is_noted(world: ApiWorld) -> None:
    headers = world.token(Scope.READ_BUSINESS_EVENTS, Scope.READ_WORK_LOGS)
    headers["zaigang-purpose"] = "case 17"
    world.client.get(EVENTS, params={"employee": "E001", **DAY}, headers=headers)
    days = {"employee": "E001", "from_day": "2026-09-21", "to_day": "2026-09-21"}
    world.client.get(LOGS, params=days, headers=headers)
    with db.reading(world.engine) as conn:
        found = access_log.of_person(conn, VAULT, "E001", 2**62, 10)
    assert {(one.what, one.why) for one in found} == {
        ("a list of business events", "case 17"),
        ("a list of work logs", "case 17"),
    }


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"employee": "E9"}, "body.items[0].employee"),
        ({"site": "nowhere"}, "body.items[0].site"),
        ({"happened_at": "2031-01-01T00:00:00Z"}, "body.items[0].happened_at"),
        ({"received_at": "1970-01-01T00:00:00Z"}, "body.items[0].received_at"),
        ({"kind": "sleep"}, "body.items[0].kind"),
        ({"title": "secret"}, "body.items[0].title"),
    ],
)
def test_an_event_that_cannot_be_is_refused_with_its_place(
    world: ApiWorld, change: dict[str, Any], where: str
) -> None:
    answer = push(world, EVENT | change, EVENT | {"source_id": "good"})
    assert answer.status_code == 422
    assert [one["where"] for one in answer.json()["errors"]] == [where]
    with db.reading(world.engine) as conn:
        assert service.events_of(conn, VAULT, "E001", 0, 2**50) == ()


@pytest.mark.parametrize(
    ("path", "method", "scope"),
    [
        (EVENTS, "GET", Scope.WRITE_BUSINESS_EVENTS),
        (EVENTS, "POST", Scope.READ_BUSINESS_EVENTS),
        (LOGS, "GET", Scope.WRITE_WORK_LOGS),
        (LOGS, "POST", Scope.READ_WORK_LOGS),
    ],
)
def test_a_token_of_another_scope_does_nothing(
    world: ApiWorld, path: str, method: str, scope: Scope
) -> None:
    assert world.client.request(method, path).status_code == 401
    body: Any = {"items": [EVENT]} if path == EVENTS else LOG
    params = {"employee": "E001", "from_day": "2026-09-21", "to_day": "2026-09-21", **DAY}
    asked = world.client.request(method, path, params=params, headers=world.token(scope), json=body)
    assert asked.status_code == 403


def test_a_log_is_searched_dropped_and_its_writer_is_told(
    world: ApiWorld, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    searching(world)
    met = "2026-09-21T15:00:00+08:00"
    answer = hand_in(world, work_done=f"在华远集团 {SENTINEL}", client_contact_at=met)
    assert answer.status_code == 201
    told = answer.json()
    assert (told["text"], told["work_log"]["names_client"]) == ("dropped", True)
    assert told["told"]["zh"] == "正文只在内存里查过客户名称，已经丢掉，没有保存。"
    assert (told["work_log"]["place"], told["work_log"]["work_done"]) == ("hq", None)
    refused = [
        hand_in(world, work_done=SENTINEL, place="nowhere"),
        hand_in(world, work_done=SENTINEL * 3000),
        hand_in(world, work_done=[SENTINEL]),
        hand_in(world, work_done=SENTINEL, day="2026-13-01"),
        hand_in(world, day=SENTINEL),
    ]
    assert {one.status_code for one in refused} == {422}
    said = answer.text + "".join(one.text for one in refused) + caplog.text
    assert SENTINEL not in said
    assert SENTINEL.encode() not in stored_bytes(tmp_path)
    with db.reading(world.engine) as conn:
        (log,) = service.work_logs_of(conn, VAULT, "E001", dt.date.min, dt.date.max)
        assert SENTINEL.encode() not in log.content.body()
    assert_clean(world.engine)


def test_the_same_log_handed_in_again_changes_nothing_and_another_is_a_version(
    world: ApiWorld,
) -> None:
    searching(world)
    assert hand_in(world, work_done="在家").json()["outcome"] == "added"
    world.clock.utc += 60_000
    again = hand_in(world, work_done="在家")
    assert (again.status_code, again.json()["outcome"]) == (200, "unchanged")
    edited = hand_in(world, work_done="在华远集团").json()
    assert (edited["outcome"], edited["work_log"]["version"]) == ("new_version", 2)
    assert hand_in(world, place=None).json()["outcome"] == "added"
    headers = world.token(Scope.READ_WORK_LOGS)
    days = {"employee": "E001", "from_day": "2026-09-21", "to_day": "2026-09-21"}
    listed = world.client.get(LOGS, params=days, headers=headers).json()["items"]
    assert sorted((one["place"] or "", one["names_client"]) for one in listed) == [
        ("", None),
        ("hq", True),
    ]


def test_a_company_that_keeps_logs_says_so_and_shows_them(world: ApiWorld, tmp_path: Path) -> None:
    searching(world, keep=True)
    told = hand_in(world, work_done=SENTINEL).json()
    assert (told["text"], told["work_log"]["work_done"]) == ("kept", SENTINEL)
    assert SENTINEL.encode() not in stored_bytes(tmp_path)
    assert hand_in(world, place=None).json()["text"] == "none"


def test_days_that_are_too_many_or_turned_round_are_refused(world: ApiWorld) -> None:
    headers = world.token(Scope.READ_WORK_LOGS)
    for to_day in ("2026-09-20", "2028-01-01"):
        days = {"employee": "E001", "from_day": "2026-09-21", "to_day": to_day}
        assert world.client.get(LOGS, params=days, headers=headers).status_code == 422
    days = {"employee": "E9", "from_day": "2026-09-21", "to_day": "2026-09-21"}
    assert world.client.get(LOGS, params=days, headers=headers).status_code == 404


def test_logins_from_a_spreadsheet_are_imported_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = company(tmp_path, ["E001"])
    file = save(
        tmp_path / "logins.csv",
        "工号,登录时间,来源\nE001,2024-07-20 09:01:00,erp\nE001,2024-07-20T02:00:00+00:00,oa\n",
    )
    capsys.readouterr()
    assert run(data, "business-events", "import", file) == Exit.BAD_INPUT
    assert "line 2, column kind: expected a kind here, or --kind" in capsys.readouterr().err
    assert run(data, "business-events", "import", file, "--kind", "login") == Exit.OK
    assert run(data, "business-events", "import", file, "--kind", "login") == Exit.OK
    assert capsys.readouterr().out == (
        "2 new, 0 edited, 0 known already\n0 new, 0 edited, 2 known already\n"
    )
    span = "--from", "2024-07-20T00:00:00+08:00", "--to", "2024-07-21T00:00:00+08:00"
    assert run(data, "business-events", "list", "E001", *span) == Exit.OK
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("\t")[1:5] for line in lines[1:]] == [
        ["2024-07-20 09:01:00+0800", "login", "not known", ""],
        ["2024-07-20 10:00:00+0800", "login", "not known", ""],
    ]
    assert run(data, "business-events", "list", "E9", *span) == Exit.UNKNOWN_ID


def test_each_problem_of_a_file_of_events_has_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = company(tmp_path, ["E001"])
    text = (
        "employee,happened_at,kind,client,site,source_id\n"
        "E9,2024-07-20 09:00,login,,,1\n"
        "E001,today,login,,,2\n"
        "E001,1970-07-20 09:00,sleep,maybe,nowhere,3\n"
        "E001,2024-07-20 09:00,任务,是,hq,4\n"
        "E001,2024-07-20 09:00,任务,是,hq,4\n"
    )
    file = save(tmp_path / "events.csv", text)
    assert run(data, "business-events", "import", file) == Exit.BAD_INPUT
    said = capsys.readouterr().err
    for expected in (
        "line 2, column employee: expected the id of a known employee",
        "line 3, column happened_at: expected a time as",
        "line 4, column happened_at: expected a time from the year 2000",
        "line 4, column kind: expected one of approval",
        "line 4, column client: expected yes or no",
        "line 4, column site: expected the id of a known site",
        "line 6, column source_id: expected each one once; line 5",
    ):
        assert expected in said
    assert "nothing was imported" in said


def test_logs_from_a_spreadsheet_are_searched_and_no_problem_repeats_what_they_say(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = company(tmp_path, ["E001"])
    save(data / "clients.toml", 'everywhere = ["华远"]\n')
    header = "工号,提交时间,日期,地点,工作内容,任务进展\n"
    rows = (
        f"E001,2024-07-20 18:00,2024-07-20,hq,在华远 {SENTINEL},已完成\n"
        f"E001,2024-07-22 01:00,,,在家 {SENTINEL},\n"
    )
    good = save(tmp_path / "logs.csv", header + rows)
    assert run(data, "work-logs", "import", good) == Exit.OK
    assert run(data, "work-logs", "import", good) == Exit.OK
    out = capsys.readouterr().out
    assert "2 new, 0 edited, 0 known already\nTexts were searched and dropped.\n" in out
    assert "0 new, 0 edited, 2 known already" in out
    days = "--from", "2024-07-20", "--to", "2024-07-31"
    assert run(data, "work-logs", "list", "E001", *days, "--why", "case 17") == Exit.OK
    lines = [one.split("\t") for one in capsys.readouterr().out.splitlines()[1:]]
    assert [(one[1], one[3], one[4], one[6], one[7]) for one in lines] == [
        ("2024-07-20", "hq", "yes", "done", "not kept"),
        ("2024-07-21", "", "no", "", "not kept"),
    ]
    for wrong in (
        header + f"{SENTINEL},2024-07-20 18:00,2024-07-20,hq,x,\n",
        header + f"E001,{SENTINEL},{SENTINEL},{SENTINEL},{SENTINEL * 3000},{SENTINEL}\n",
        f"工号,提交时间,{SENTINEL}\nE001,2024-07-20 18:00,x\n",
        header + f"E001,2024-07-20 18:00,2024-07-20,hq,x,已完成,{SENTINEL}\n",
    ):
        bad = save(tmp_path / "bad.csv", wrong)
        assert run(data, "work-logs", "import", bad) == Exit.BAD_INPUT
        said = capsys.readouterr().err
        assert "line " in said
        assert SENTINEL not in said
    assert SENTINEL.encode() not in stored_bytes(data)
    assert run(data, "work-logs", "list", "E9", *days) == Exit.UNKNOWN_ID


def test_a_body_that_is_no_json_is_not_repeated(world: ApiWorld) -> None:
    headers = world.token(Scope.WRITE_WORK_LOGS) | {"content-type": "application/json"}
    cut = json.dumps(LOG | {"work_done": SENTINEL}, ensure_ascii=False)[:-1].encode()
    answer = world.client.post(LOGS, content=cut, headers=headers)
    assert answer.status_code == 422
    assert SENTINEL not in answer.text
    lone = json.dumps(LOG | {"work_done": "\ud800"}).encode()
    assert world.client.post(LOGS, content=lone, headers=headers).status_code == 422
