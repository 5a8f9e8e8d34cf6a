"""From the settings to a verdict: the command line, the thread, and what is told of a silence."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from tests.factories.api_world import ApiWorld, api_world
from tests.factories.connecting_cli import SITES, company, people, run, save, save_secret
from tests.factories.vault import VAULT
from tests.fakes import dingtalk, dingtalk_month
from tests.fakes.clock import FakeClock
from tests.fakes.dingtalk import APP_KEY, APP_SECRET, SENTINEL, FakeDingTalk
from tests.fakes.dingtalk_month import at_ms, person
from tests.fakes.randomness import Repeatable
from zaigang_collector import bootstrap, db
from zaigang_collector.access.model import Scope
from zaigang_collector.assessment import notes, store
from zaigang_collector.assessment.model import StoredAssessment
from zaigang_collector.attendance import service as attendance
from zaigang_collector.attendance.model import Kind as Word
from zaigang_collector.bootstrap.connecting import EVERY_S, Connecting
from zaigang_collector.bootstrap.run import Background
from zaigang_collector.bootstrap.worker import Worker
from zaigang_collector.cli.console import Exit
from zaigang_collector.config import Settings
from zaigang_collector.connectors import aside, state, status
from zaigang_collector.connectors.aside import Aside, Why
from zaigang_collector.connectors.contract import Kind, Plan, Punch
from zaigang_collector.connectors.dingtalk import records
from zaigang_collector.connectors.errors import ConnectorError, Reason
from zaigang_collector.connectors.tables import ODDITY, PERSON, READ
from zaigang_collector.directory import csv_import
from zaigang_collector.errors import ConfigError
from zaigang_collector.matching.model import Presence
from zaigang_shared.clock import SystemClock

HOUR_MS = 3_600_000
EMPLOYEES = ("E1001", "E1002", "E1003")
MONDAY = dt.date(2026, 9, 21)
TUESDAY_NOON = at_ms(dt.date(2026, 9, 22), 12)


@pytest.fixture
def vendor() -> Iterator[FakeDingTalk]:
    users = {1: [dingtalk.user(person(number), f"E{1001 + number}") for number in range(3)]}
    with FakeDingTalk(FakeClock(utc=TUESDAY_NOON), users=users).running() as made:
        yield made


def set_up(data: Path, vendor: FakeDingTalk, more: str = "", secret: str = APP_SECRET) -> None:
    """Settings and secret of a connector."""
    save(
        data / "dingtalk.toml",
        f'app_key = "{APP_KEY}"\napi_url = "{vendor.url}"\noapi_url = "{vendor.url}"\n{more}',
    )
    save_secret(data / "dingtalk.secret", secret)


@pytest.fixture
def data(tmp_path: Path, vendor: FakeDingTalk, capsys: pytest.CaptureFixture[str]) -> Path:
    """A data directory with a site, three people, and DingTalk."""
    folder = company(tmp_path, EMPLOYEES)
    set_up(folder, vendor)
    capsys.readouterr()
    return folder


def lately(number: int, ago_ms: int, check_type: str) -> dingtalk.Row:
    """A punch by map, so long before the real now."""
    ms = SystemClock().utc_ms() - ago_ms
    times = {"userCheckTime": ms, "gmtCreate": ms, "gmtModified": ms, "id": ms}
    named = {"userId": person(number), "checkType": check_type}
    return dingtalk_month.by_map(number, **times | named)


def test_check_says_in_words_what_works(
    data: Path, vendor: FakeDingTalk, capsys: pytest.CaptureFixture[str]
) -> None:
    vendor.punches = [lately(0, HOUR_MS, "OnDuty")]
    assert run(data, "connect", "dingtalk", "--check") == Exit.OK
    assert capsys.readouterr().out.splitlines() == [
        "正常  凭证有效，已连上钉钉。",
        "正常  通讯录里有 3 人，按工号对上了 3 人。",
        "正常  考勤打卡记录：能取到，3 人近一天有 1 条。",
        "正常  考勤请假状态：能取到，3 人近一天有 0 条。",
        "正常  没有设置 operator：不取签到记录。",
        "正常  按现在的间隔，每月约调用 1680 次，免费版够用（每月 10000 次）。",
    ]
    assert run(data, "connect", "dingtalk", "--check", "--lang", "en") == Exit.OK
    assert "works    3 people are listed; 3 of them are ours by job number." in (
        capsys.readouterr().out
    )
    assert run(data, "connect", "dingtalk", "--status") == Exit.OK
    assert "还没有取过数据" in capsys.readouterr().out  # trying stores nothing


def test_check_names_the_permission_that_is_missing(
    data: Path, vendor: FakeDingTalk, capsys: pytest.CaptureFixture[str]
) -> None:
    vendor.refused["/attendance/listRecord"] = {
        "errcode": 88,
        "errmsg": SENTINEL,
        "sub_code": "60011",
        "sub_msg": f"{SENTINEL} 应用尚未开通所需的权限：[qyapi_get_attendance_record]",
    }
    assert run(data, "connect", "dingtalk", "--check") == Exit.FAILED
    told = capsys.readouterr().out
    assert (
        "异常  考勤打卡记录：应用没有这项权限，请在开放平台后台申请开通"
        "（qyapi_get_attendance_record，60011）。"
    ) in told
    assert SENTINEL not in told


def test_check_tells_wrong_credentials_and_tries_nothing_else(
    data: Path, vendor: FakeDingTalk, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up(data, vendor, secret="wrong")
    assert run(data, "connect", "dingtalk", "--check", "--lang", "en") == Exit.FAILED
    (line,) = capsys.readouterr().out.splitlines()
    assert line == (
        "problem  connecting to DingTalk: key or secret of the application are wrong; copy them "
        "again from the vendor's console (invalidClientIdOrSecret)."
    )


def test_check_names_strangers_and_people_out_of_scope_by_their_ids(
    data: Path, vendor: FakeDingTalk, capsys: pytest.CaptureFixture[str]
) -> None:
    vendor.users[1].append(dingtalk.user("stranger", "X9"))
    vendor.hidden = {person(2)}
    assert run(data, "connect", "dingtalk", "--check") == Exit.FAILED
    told = capsys.readouterr().out
    assert "没对上的不取打卡（UserId）：stranger。" in told
    assert f"请在后台扩大授权范围：{person(2)}。" in told


def test_check_says_when_a_month_of_polling_is_more_than_the_free_edition_has(
    data: Path, vendor: FakeDingTalk, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up(data, vendor, f'every_min = 5\noperator = "{person(0)}"')
    assert run(data, "connect", "dingtalk", "--check") == Exit.FAILED
    assert "每月约调用 17520 次，超过免费版的 10000 次" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("every_minutes = 5", "unknown field `every_minutes`"),
        ("every_min = 0", "every_min: Expected `int` >= 1"),
        ('datum = "WGS"', "datum: Invalid enum value 'WGS'"),
        ('time_zone = "Shanghai"', "time_zone: expected a name like Asia/Shanghai"),
        ("departments = []", "departments: expected one at least"),
        ("[people]\nby = 'name'", "people.by: Expected `str` matching regex"),
        ("app_key = 1", "not TOML"),  # twice
        ('[approvals.PROC-1]\nkind = "leave"', "missing required field `period_field`"),
    ],
)
def test_a_setting_that_is_wrong_is_told_with_its_place(
    data: Path,
    vendor: FakeDingTalk,
    capsys: pytest.CaptureFixture[str],
    more: str,
    told: str,
) -> None:
    set_up(data, vendor, more)
    assert run(data, "connect", "dingtalk", "--check") == Exit.CONFIG
    complaint = capsys.readouterr().err
    assert "dingtalk.toml" in complaint
    assert told in complaint


def test_settings_that_are_not_there_are_told_with_what_to_do(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (data / "dingtalk.toml").unlink()
    assert run(data, "connect", "dingtalk") == Exit.CONFIG
    assert "docs/connectors.md says what goes in there" in capsys.readouterr().err


def test_a_secret_that_others_can_read_is_not_used(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = data / "dingtalk.secret"
    path.chmod(0o644)
    assert run(data, "connect", "dingtalk") == Exit.CONFIG
    assert "chmod 600" in capsys.readouterr().err
    path.unlink()
    assert run(data, "connect", "dingtalk") == Exit.CONFIG
    assert "ZAIGANG_DINGTALK_APP_SECRET is not set" in capsys.readouterr().err
    monkeypatch.setenv("ZAIGANG_DINGTALK_APP_SECRET", APP_SECRET)
    assert run(data, "connect", "dingtalk") == Exit.OK


def test_a_site_that_the_settings_name_and_nobody_knows_is_told(
    data: Path, vendor: FakeDingTalk, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up(data, vendor, '[sites.terminal]\nSN-1 = "nowhere"')
    assert run(data, "connect", "dingtalk", "--check") == Exit.FAILED
    assert "异常  [sites] 里写的地点不存在：nowhere。" in capsys.readouterr().out


def test_asking_now_stores_and_says_how_much_and_status_tells_the_rest(
    data: Path, vendor: FakeDingTalk, capsys: pytest.CaptureFixture[str]
) -> None:
    vendor.users[1].append(dingtalk.user("stranger", "X9"))
    vendor.hidden = {person(1)}
    vendor.punches = [
        lately(0, 9 * HOUR_MS, "OnDuty"),
        lately(0, HOUR_MS, "OffDuty") | {"sourceType": "SELF_SERVICE"},
        lately(2, 2 * HOUR_MS, "OnDuty") | {"userLatitude": 31.0, "locationResult": "Outside"},
    ]
    assert run(data, "connect", "dingtalk") == Exit.OK
    assert capsys.readouterr().out.splitlines() == [
        "人员：对不上员工 1",
        "打卡记录：新增 2，不算打卡、另存 1",
        "请假：没有新内容",
    ]
    assert run(data, "clock-ins", "list") == Exit.OK
    listed = capsys.readouterr().out.splitlines()
    assert [line.split("\t")[2:6] for line in listed[1:]] == [
        ["in", "E1001", "hq", "own"],
        ["out", "E1001", "hq", "unknown"],
    ]
    assert run(data, "connect", "dingtalk", "--status") == Exit.OK
    told = capsys.readouterr().out
    assert "1 条打卡对不上任何驻场地点" in told
    assert "取不到打卡：E1002" in told
    assert "1 人对不上员工，不取打卡：stranger" in told
    assert "没见过的内容：sourceType SELF_SERVICE" in told
    assert run(data, "connect", "dingtalk", "--from", "2026-09-01T00:00:00+08:00") == Exit.OK


def test_a_refusal_is_a_sentence_and_an_exit_code(
    data: Path, vendor: FakeDingTalk, capsys: pytest.CaptureFixture[str]
) -> None:
    vendor.faults = ["", "quota"]
    assert run(data, "connect", "dingtalk") == Exit.FAILED
    assert "人员：本月的调用次数用完了" in capsys.readouterr().err
    assert run(data, "connect", "dingtalk", "--status") == Exit.FAILED
    assert "钉钉的打卡记录从未取到过：本月的调用次数用完了" in capsys.readouterr().out


# The thread.


@pytest.fixture
def opened(tmp_path: Path, vendor: FakeDingTalk) -> Iterator[bootstrap.Opened]:
    """A collector of Tuesday noon, with DingTalk set up."""
    data, randomness = tmp_path / "data", Repeatable("connecting")
    bootstrap.init(data, Settings(api_port=0, device_port=0, mqtt_port=0), vendor.clock, randomness)
    set_up(data, vendor)
    with bootstrap.opened(data, vendor.clock, randomness) as made:
        with made.writing() as conn:
            grounds = vendor.clock.utc, made.keys.net_key, randomness
            csv_import.import_sites(conn, made.vault, SITES, *grounds)
            csv_import.import_people(conn, made.vault, people(EMPLOYEES), *grounds)
        yield made


def a_day(number: int) -> list[dingtalk.Row]:
    """In at nine and out at six on Monday."""
    rows = dingtalk_month.day_of(number, MONDAY, 10 * number)
    return [row | {"sourceType": "USER", "timeResult": "Normal"} for row in rows[:2]]


def fetched_and_judged(opened: bootstrap.Opened, vendor: FakeDingTalk) -> tuple[Connecting, Worker]:
    """One person's Monday, from DingTalk to a verdict."""
    vendor.punches = a_day(0)
    connecting, worker = Connecting(opened), Worker(opened)
    connecting.run_once()
    worker.run_once()
    return connecting, worker


def clock_ins(collector: bootstrap.Opened) -> list[str]:
    with collector.reading() as conn:
        found = attendance.list_page(conn, collector.vault, attendance.Filter(), None, 100)
    return [one.reference for one in found]


def newest(collector: bootstrap.Opened) -> list[StoredAssessment]:
    with collector.reading() as conn:
        return list(store.list_page(conn, collector.vault, store.Filter(), None, 10))


def test_what_is_punched_is_fetched_and_judged_without_anybodys_doing(
    opened: bootstrap.Opened, vendor: FakeDingTalk
) -> None:
    vendor.punches = [dingtalk_month.by_map(0, userId=person(0), userCheckTime=at_ms(MONDAY, 9))]
    connecting, worker = Connecting(opened), Worker(opened)
    connecting.run_once()
    assert worker.run_once() == 1
    (verdict,) = newest(opened)
    assert (verdict.employee_id, verdict.site_id) == ("E1001", "hq")
    assert verdict.presence is Presence.UNVERIFIED  # nobody has a laptop here
    assert verdict.end_ms == at_ms(MONDAY, 18)  # nobody clocked out: the shift's end
    # The manager adds what was forgotten.
    late = {"userCheckTime": at_ms(MONDAY, 17), "checkType": "OffDuty", "id": 5}
    vendor.punches.append(dingtalk_month.by_map(0, userId=person(0), sourceType="BOSS", **late))
    vendor.clock.advance(31 * 60_000)
    connecting.run_once()
    assert worker.run_once() == 1
    assert newest(opened)[0].end_ms == at_ms(MONDAY, 17)
    connecting.stop()


def test_a_punch_that_is_discounted_later_takes_its_interval_with_it(
    opened: bootstrap.Opened, vendor: FakeDingTalk
) -> None:
    connecting, worker = fetched_and_judged(opened, vendor)
    assert len(newest(opened)) == 1
    vendor.punches = [row | {"invalidRecordType": "Other"} for row in vendor.punches]
    vendor.clock.advance(31 * 60_000)
    connecting.run_once()
    worker.run_once()
    assert newest(opened) == []  # withdrawn
    connecting.stop()


def test_a_silent_source_is_told_beside_the_verdicts_that_it_concerns(
    opened: bootstrap.Opened, vendor: FakeDingTalk
) -> None:
    connecting, _ = fetched_and_judged(opened, vendor)
    (verdict,) = newest(opened)

    def said(now_ms: int) -> list[str]:
        with opened.reading() as conn:
            return [one.en for one in notes.notes(conn, verdict, now_ms)]

    assert said(vendor.clock.utc) == []
    vendor.clock.advance(31 * 60_000)
    vendor.faults = ["banned"]
    connecting.run_once()
    assert said(vendor.clock.utc) == []  # Monday was read to its end before
    with opened.writing() as conn:  # had the last success been on Monday morning
        plan, morning = Plan(60_000, 0), at_ms(MONDAY, 10) + 5 * 60_000
        error = ConnectorError(Reason.BANNED, "POST /x", "1111")
        state.succeeded(conn, "dingtalk", Kind.PUNCHES, morning, plan, morning)
        state.failed(conn, "dingtalk", Kind.PUNCHES, error, plan, morning + 60_000)
    (note,) = said(at_ms(MONDAY, 20))
    assert note.startswith("DingTalk silent since 10:05 (punches): it has shut out our address")
    assert note.endswith(
        "Clock-ins of this time may not have come yet: that none is here says nothing."
    )
    connecting.stop()


def test_somebody_for_whom_the_source_does_not_answer_is_told_of_beside_their_verdict(
    opened: bootstrap.Opened, vendor: FakeDingTalk
) -> None:
    connecting, _ = fetched_and_judged(opened, vendor)
    (verdict,) = newest(opened)
    vendor.hidden = {person(0)}
    vendor.clock.advance(31 * 60_000)
    connecting.run_once()
    with opened.reading() as conn:
        (note,) = notes.notes(conn, verdict, vendor.clock.utc)
    assert note.zh.startswith("钉钉没有把此人列入应用的可见范围，取不到打卡。")
    connecting.stop()


def test_a_fault_of_ours_is_told_without_what_the_vendor_wrote_and_left_alone_for_a_while(
    opened: bootstrap.Opened,
    vendor: FakeDingTalk,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    connecting = Connecting(opened)

    def mistaken(row: object, reading: object) -> None:
        raise KeyError(f"{SENTINEL} {row}")

    monkeypatch.setattr(records, "punch", mistaken)
    vendor.punches = a_day(0)
    assert connecting.attempt() > EVERY_S
    told = connecting.problem
    assert told == "Clock-ins are not being fetched; the log says why."
    assert "KeyError in mistaken" in caplog.text
    assert SENTINEL not in caplog.text
    monkeypatch.undo()
    assert connecting.attempt() == EVERY_S
    assert connecting.problem is None
    assert len(clock_ins(opened)) == 1  # of the other the site is not known
    connecting.stop()


def test_a_database_that_refuses_is_told(
    opened: bootstrap.Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    connecting = Connecting(opened)

    def refuses(*_: object) -> None:
        raise OperationalError("", {}, Exception("locked"))

    monkeypatch.setattr(state, "get", refuses)
    assert connecting.attempt() > EVERY_S
    assert connecting.problem == "Clock-ins are not being fetched: the database refuses."
    connecting.stop()


def test_settings_that_are_wrong_keep_the_collector_from_starting(
    opened: bootstrap.Opened, vendor: FakeDingTalk
) -> None:
    set_up(opened.directory.root, vendor, "nonsense = 1")
    with pytest.raises(ConfigError, match="nonsense"), Background(opened):
        pass


def test_it_starts_and_stops_with_the_collector(opened: bootstrap.Opened) -> None:
    with Background(opened) as ports:
        assert ports.api


def test_without_settings_nobody_is_asked(opened: bootstrap.Opened, vendor: FakeDingTalk) -> None:
    (opened.directory.root / "dingtalk.toml").unlink()
    connecting = Connecting(opened)
    connecting.start()
    connecting.run_once()
    connecting.stop()
    assert vendor.asked == []


def test_of_a_source_that_is_set_up_no_more_nothing_is_known_but_its_clock_ins(
    opened: bootstrap.Opened, vendor: FakeDingTalk
) -> None:
    connecting, _ = fetched_and_judged(opened, vendor)
    connecting.stop()
    again = Connecting(opened)  # a start with the settings still there
    again.start()
    again.stop()
    with opened.reading() as conn:
        assert len(status.sources(conn, vendor.clock.utc)) == 1
    (opened.directory.root / "dingtalk.toml").unlink()
    without = Connecting(opened)
    without.start()
    without.stop()
    with opened.reading() as conn:
        assert status.sources(conn, vendor.clock.utc) == ()
        for table in (PERSON, READ, ODDITY):
            assert conn.execute(sa.select(table)).all() == []
    assert len(clock_ins(opened)) == 1


# The interface.


@pytest.fixture
def world(tmp_path: Path) -> Iterator[ApiWorld]:
    with api_world(tmp_path) as made:
        yield made


def test_the_interface_tells_who_is_silent_since_when_and_why(world: ApiWorld) -> None:
    headers = world.token(Scope.READ_HEALTH)
    url = "/api/v1/fleet/sources"
    assert world.client.get(url, headers=headers).json() == {"items": []}
    assert world.client.get(url).status_code == 401
    world.clock.utc = at_ms(MONDAY, 10) + 5 * 60_000
    plan = Plan(30 * 60_000, 0)
    with db.writing(world.engine) as conn:
        now_ms = world.clock.utc
        state.succeeded(conn, "dingtalk", Kind.PUNCHES, now_ms, plan, now_ms)
    (one,) = world.client.get(url, headers=headers).json()["items"]
    assert one["kinds"][0]["silence"] is None
    world.clock.advance(HOUR_MS)
    error = ConnectorError(Reason.QUOTA, "POST /x", "90020")
    with db.writing(world.engine) as conn:
        state.failed(conn, "dingtalk", Kind.PUNCHES, error, plan, world.clock.utc)
    (one,) = world.client.get(url, headers=headers).json()["items"]
    (kind,) = one["kinds"]
    assert kind["last_success_at"] == "2026-09-21T02:05:00Z"
    assert kind["silence"] == {
        "zh": "钉钉的打卡记录自 10:05 起取不到：本月的调用次数用完了，请升级套餐，或把轮询间隔调大（90020）",
        "en": "DingTalk silent since 10:05 (punches): this month's calls are used up; buy more, or "
        "ask less often (90020)",
    }
    metrics = world.client.get("/metrics", headers=headers).text
    assert 'zaigang_source_silent{kind="punches",source="dingtalk"} 1.0' in metrics


def test_the_interface_tells_how_much_is_no_clock_in(world: ApiWorld) -> None:
    headers, url = world.token(Scope.READ_HEALTH), "/api/v1/fleet/sources"
    plan = Plan(30 * 60_000, 0)
    with db.writing(world.engine) as conn:
        state.succeeded(conn, "dingtalk", Kind.PUNCHES, 0, plan, world.clock.utc)
        made = Punch(
            vendor_id="7", person="x", direction=None, punched_ms=world.clock.utc, word=Word.OWN
        )
        aside.keep(
            conn, VAULT, "dingtalk", [Aside(made, "E001", Why.NO_DIRECTION)], world.clock.utc
        )
    (one,) = world.client.get(url, headers=headers).json()["items"]
    assert one["aside"] == [
        {
            "why": "no_direction",
            "records": 1,
            "people": 1,
            "newest_at": "2026-09-21T14:13:20Z",
        }
    ]
