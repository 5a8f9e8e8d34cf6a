"""Feishu from its settings to a verdict: the command line, the thread, and what is told of its limits."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.factories.connecting_cli import SITES, company, people, run, save, save_secret
from tests.fakes import feishu
from tests.fakes.clock import FakeClock
from tests.fakes.dingtalk import ZONE
from tests.fakes.dingtalk_month import BSSID, at_ms, person
from tests.fakes.feishu import APP_ID, APP_SECRET, APPROVALS, FLOWS, TASKS, FakeFeishu
from tests.fakes.randomness import Repeatable
from tests.fakes.vendor import SENTINEL, Row
from zaigang_collector import bootstrap
from zaigang_collector.assessment import notes, store
from zaigang_collector.bootstrap.connecting import Connecting
from zaigang_collector.bootstrap.worker import Worker
from zaigang_collector.cli.console import Exit
from zaigang_collector.config import Settings
from zaigang_collector.connectors import words
from zaigang_collector.directory import csv_import
from zaigang_collector.matching.model import Presence
from zaigang_shared.clock import SystemClock

HOUR_MS = 3_600_000
EMPLOYEES = ("E1001", "E1002", "E1003")
MONDAY = dt.date(2026, 9, 21)
TUESDAY_NOON = at_ms(dt.date(2026, 9, 22), 12)
LOCATION = "西湖示例大厦"
PLACES = f'[sites.address]\n"{LOCATION}" = "hq"\n'


@pytest.fixture
def vendor() -> Iterator[FakeFeishu]:
    users = {"0": [feishu.user(person(number), f"E{1001 + number}") for number in range(3)]}
    with FakeFeishu(FakeClock(utc=TUESDAY_NOON), users=users).running() as made:
        yield made


def set_up(data: Path, vendor: FakeFeishu, more: str = "", secret: str = APP_SECRET) -> None:
    """Settings and secret of the connector."""
    save(data / "feishu.toml", f'app_id = "{APP_ID}"\nurl = "{vendor.url}"\n{more}')
    save_secret(data / "feishu.secret", secret)


@pytest.fixture
def data(tmp_path: Path, vendor: FakeFeishu, capsys: pytest.CaptureFixture[str]) -> Path:
    """A data directory with a site, three people, and Feishu; it asks at the real time of now."""
    folder = company(tmp_path, EMPLOYEES)
    set_up(folder, vendor, PLACES)
    vendor.clock.utc = SystemClock().utc_ms()
    capsys.readouterr()
    return folder


def punched(number: int, at: int, way: int = 0, **changes: object) -> Row:
    who = person(number)
    named = {"user_id": who, "creator_id": who, "record_id": f"{number}-{at}"}
    place = {"check_time": str(at // 1000), "location_name": LOCATION}
    return feishu.flow(way, **named | place | changes)


def test_check_says_in_words_what_works_and_what_feishu_never_tells(
    data: Path, vendor: FakeFeishu, capsys: pytest.CaptureFixture[str]
) -> None:
    vendor.flows = [punched(0, vendor.clock.utc - HOUR_MS)]
    assert run(data, "connect", "feishu", "--check") == Exit.OK
    assert capsys.readouterr().out.splitlines() == [
        "正常  凭证有效，已连上飞书。",
        "正常  通讯录里有 3 人，按工号对上了 3 人。",
        "正常  考勤打卡流水和打卡结果（权限 attendance:task:readonly，数据范围在考勤管理后台）：能取到，3 人近一天有 1 条。",
        "正常  请假、出差和外出（权限同上）：能取到，3 人近一天有 0 条。",
        "正常  飞书不提供打卡坐标，也不返回被它判为无效的打卡：没有坐标、看不到无效打卡，都不说明员工有什么问题。",
    ]
    assert run(data, "connect", "feishu", "--check", "--lang", "en") == Exit.OK
    told = capsys.readouterr().out
    assert "works    Credentials are good; Feishu answers." in told
    assert "works    Feishu gives no coordinates of punches" in told
    assert run(data, "connect", "feishu", "--status") == Exit.OK
    assert "还没有取过数据" in capsys.readouterr().out  # trying stores nothing


def test_check_names_the_permission_that_is_missing(
    data: Path, vendor: FakeFeishu, capsys: pytest.CaptureFixture[str]
) -> None:
    vendor.refused = {
        path: feishu.denied("attendance:task:readonly") for path in (FLOWS, TASKS, APPROVALS)
    }
    assert run(data, "connect", "feishu", "--check") == Exit.FAILED
    told = capsys.readouterr().out
    assert told.count("请在开放平台后台申请开通（attendance:task:readonly，99991672）") == 2
    assert SENTINEL not in told


def test_check_tells_wrong_credentials_and_tries_nothing_else(
    data: Path, vendor: FakeFeishu, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up(data, vendor, secret="wrong")
    assert run(data, "connect", "feishu", "--check", "--lang", "en") == Exit.FAILED
    assert capsys.readouterr().out.splitlines() == [
        "problem  connecting to Feishu: key or secret of the application are wrong; copy them "
        "again from the vendor's console (10014)."
    ]


def test_check_tells_that_the_contacts_are_out_of_scope(
    data: Path, vendor: FakeFeishu, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up(data, vendor, 'departments = ["od-9"]')
    assert run(data, "connect", "feishu", "--check") == Exit.FAILED
    told = capsys.readouterr().out
    assert "异常  通讯录（部门、成员；通讯录权限范围要包含全部员工，或在 departments 里" in told
    assert "（40004）" in told


def test_check_tells_why_people_come_without_their_ids(
    data: Path, vendor: FakeFeishu, capsys: pytest.CaptureFixture[str]
) -> None:
    vendor.users["0"] = [row | {"user_id": None} for row in vendor.users["0"]]
    assert run(data, "connect", "feishu", "--check") == Exit.FAILED
    told = capsys.readouterr().out
    assert "异常  通讯录里另有 3 条读不懂：请看应用有没有 contact:user.employee_id:readonly" in told


def test_check_tells_why_nobody_is_ours(
    data: Path, vendor: FakeFeishu, capsys: pytest.CaptureFixture[str]
) -> None:
    vendor.users["0"] = [row | {"employee_no": ""} for row in vendor.users["0"]]
    assert run(data, "connect", "feishu", "--check") == Exit.FAILED
    told = capsys.readouterr().out
    assert "异常  通讯录里有 3 人，按工号对上了 0 人。" in told
    assert "异常  飞书没有给出任何人的工号" in told
    assert "contact:user.employee:readonly" in told


def test_check_names_strangers_and_people_out_of_scope_by_their_ids(
    data: Path, vendor: FakeFeishu, capsys: pytest.CaptureFixture[str]
) -> None:
    vendor.users["0"].append(feishu.user("stranger", "X9"))
    vendor.hidden = {person(2)}
    assert run(data, "connect", "feishu", "--check") == Exit.FAILED
    told = capsys.readouterr().out
    assert "没对上的不取打卡（user_id）：stranger。" in told
    assert told.count(f"请在后台扩大授权范围：{person(2)}。") == 2


def test_check_tells_what_it_means_when_no_place_is_set(
    data: Path, vendor: FakeFeishu, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up(data, vendor)
    assert run(data, "connect", "feishu", "--check") == Exit.OK
    assert "[sites] 里没有写 address、group 或 terminal" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("every_minutes = 5", "unknown field `every_minutes`"),
        ('time_zone = "Shanghai"', "time_zone: expected a name like Asia/Shanghai"),
        ("departments = []", "departments: expected one at least"),
        ('departments = ["a/../b"]', "departments[0]: Expected `str` matching regex"),
        ('outs_are = "holiday"', "outs_are: Invalid enum value 'holiday'"),
    ],
)
def test_a_setting_that_is_wrong_is_told_with_its_place(
    data: Path, vendor: FakeFeishu, capsys: pytest.CaptureFixture[str], more: str, told: str
) -> None:
    set_up(data, vendor, more)
    assert run(data, "connect", "feishu", "--check") == Exit.CONFIG
    complaint = capsys.readouterr().err
    assert "feishu.toml" in complaint
    assert told in complaint


def test_the_secret_may_come_from_the_environment(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (data / "feishu.secret").unlink()
    assert run(data, "connect", "feishu") == Exit.CONFIG
    assert "ZAIGANG_FEISHU_APP_SECRET is not set" in capsys.readouterr().err
    monkeypatch.setenv("ZAIGANG_FEISHU_APP_SECRET", APP_SECRET)
    assert run(data, "connect", "feishu") == Exit.OK


def test_asking_now_stores_and_says_how_much(
    data: Path, vendor: FakeFeishu, capsys: pytest.CaptureFixture[str]
) -> None:
    at = vendor.clock.utc - 2 * HOUR_MS
    vendor.flows = [punched(0, at), punched(1, at, location_name="别处"), punched(2, at)]
    day = dt.datetime.fromtimestamp(at / 1000, ZONE).date()
    vendor.results = [feishu.result(person(number), day, f"{number}-{at}") for number in (0, 1)]
    assert run(data, "connect", "feishu") == Exit.OK
    assert "打卡记录：新增 1，不算打卡、另存 2" in capsys.readouterr().out.splitlines()
    assert run(data, "connect", "feishu", "--status") == Exit.OK
    told = capsys.readouterr().out
    assert "1 条打卡没有说明是上班还是下班" in told
    assert "1 条打卡对不上任何驻场地点" in told


# The thread, and the verdict.


@pytest.fixture
def opened(tmp_path: Path, vendor: FakeFeishu) -> Iterator[bootstrap.Opened]:
    """A collector of Tuesday noon, with Feishu set up."""
    data, randomness = tmp_path / "data", Repeatable("connecting")
    bootstrap.init(data, Settings(api_port=0, device_port=0, mqtt_port=0), vendor.clock, randomness)
    set_up(data, vendor, PLACES)
    with bootstrap.opened(data, vendor.clock, randomness) as made:
        with made.writing() as conn:
            grounds = vendor.clock.utc, made.keys.net_key, randomness
            csv_import.import_sites(conn, made.vault, SITES, *grounds)
            csv_import.import_people(conn, made.vault, people(EMPLOYEES), *grounds)
        yield made


def test_what_feishu_cannot_tell_is_said_beside_the_verdict(
    opened: bootstrap.Opened, vendor: FakeFeishu
) -> None:
    at = at_ms(MONDAY, 9)
    vendor.flows = [punched(0, at)]
    vendor.results = [feishu.result(person(0), MONDAY, f"0-{at}")]
    connecting, worker = Connecting(opened), Worker(opened)
    connecting.run_once()
    assert worker.run_once() == 1
    with opened.reading() as conn:
        (verdict,) = store.list_page(conn, opened.vault, store.Filter(), None, 10)
        assert notes.notes(conn, verdict, vendor.clock.utc) == (words.LIMITS["feishu"],)
    assert (verdict.employee_id, verdict.site_id) == ("E1001", "hq")
    assert verdict.presence is Presence.UNVERIFIED  # nobody has a laptop here
    vendor.clock.advance(HOUR_MS)
    vendor.refused[TASKS] = feishu.denied("attendance:task:readonly")
    connecting.run_once()
    with opened.reading() as conn:
        assert len(notes.notes(conn, verdict, vendor.clock.utc)) == 1  # Monday was read before
    connecting.stop()


def test_leave_that_feishu_knows_makes_a_day_exempt(
    opened: bootstrap.Opened, vendor: FakeFeishu
) -> None:
    at = at_ms(MONDAY, 9)
    vendor.flows = [punched(0, at, bssid=BSSID)]
    vendor.results = [feishu.result(person(0), MONDAY, f"0-{at}")]
    span = f"{MONDAY} 00:00:00", f"{MONDAY} 00:00:00"
    vendor.approvals = [feishu.approved(person(0), MONDAY, "leaves", *span)]
    connecting, worker = Connecting(opened), Worker(opened)
    connecting.run_once()
    worker.run_once()
    with opened.reading() as conn:
        (verdict,) = store.list_page(conn, opened.vault, store.Filter(), None, 10)
    assert verdict.presence is Presence.EXEMPT
    connecting.stop()
