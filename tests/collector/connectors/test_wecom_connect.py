"""WeCom from the settings to the command line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.factories.connecting_cli import company, save, save_secret
from tests.fakes import wecom, wecom_month
from tests.fakes.clock import FakeClock
from tests.fakes.wecom import (
    APPROVALS_SECRET,
    CHECK_INS,
    CONTACTS_SECRET,
    CORP_ID,
    NUMBERS,
    SECRET,
    SENTINEL,
    TERMINALS,
    FakeWeCom,
)
from zaigang_collector.cli import main
from zaigang_collector.cli.console import Exit
from zaigang_shared.clock import SystemClock

EMPLOYEES = ("zhang3", "li4", "wang5")
HOUR_S = 3600


@pytest.fixture
def vendor() -> Iterator[FakeWeCom]:
    users = [(who, 1) for who in EMPLOYEES]
    with FakeWeCom(FakeClock(), users=users).running() as made:
        yield made


def set_up(data: Path, vendor: FakeWeCom, more: str = "", **secrets: str) -> None:
    """Settings and secrets of the connector."""
    save(data / "wecom.toml", f'corp_id = "{CORP_ID}"\napi_url = "{vendor.url}"\n{more}')
    for name, secret in ({"wecom": SECRET, "wecom-contacts": CONTACTS_SECRET} | secrets).items():
        save_secret(data / f"{name}.secret", secret)


@pytest.fixture
def data(tmp_path: Path, vendor: FakeWeCom, capsys: pytest.CaptureFixture[str]) -> Path:
    """A data directory with a site, three people, and WeCom."""
    folder = company(tmp_path, EMPLOYEES)
    set_up(folder, vendor)
    capsys.readouterr()
    return folder


def run(data: Path, *arguments: str) -> int:
    return main(["connect", "wecom", *arguments, "--data", str(data)])


def lately(who: str, ago_s: int, type_: str = "上班打卡") -> wecom.Row:
    """A check-in by map, so long before the real now."""
    at_s = SystemClock().utc_ms() // 1000 - ago_s
    return wecom_month.by_map(userid=who, checkin_time=at_s, checkin_type=type_)


def test_check_says_in_words_what_works(
    data: Path, vendor: FakeWeCom, capsys: pytest.CaptureFixture[str]
) -> None:
    vendor.check_ins = [lately("zhang3", HOUR_S)]
    assert run(data, "--check") == Exit.OK
    assert capsys.readouterr().out.splitlines() == [
        "正常  凭证有效，已连上企业微信。",
        "正常  通讯录里有 3 人，按 userid 对上了 3 人。",
        "正常  打卡记录（管理后台：打卡 → 可调用接口的应用）：能取到，3 人近一天有 1 条。",
        "正常  请假、出差、补卡等审批（管理后台：审批 → 可调用接口的应用）：能取到，3 人近一天有 0 条。",
        "正常  没有设置 terminals：不取考勤机记录，在考勤机上打的卡看不出是考勤机的。",
    ]
    assert run(data, "--check", "--lang", "en") == Exit.OK
    told = capsys.readouterr().out
    assert "works    3 people are listed; 3 of them are ours by userid." in told
    assert run(data, "--status") == Exit.OK
    assert "还没有取过数据" in capsys.readouterr().out  # trying stores nothing


@pytest.mark.parametrize(
    ("path", "code", "zh", "en"),
    [
        (
            CHECK_INS,
            48002,
            "异常  打卡记录和考勤机记录（管理后台：打卡 → 可调用接口的应用）：应用没有这项权限",
            "problem  check-ins and attendance machines (in the console: 打卡 → 可调用接口的应用): the ",
        ),
        (
            NUMBERS,
            301055,
            "异常  请假、出差、补卡等审批（管理后台：审批 → 可调用接口的应用）：应用没有这项权限",
            "problem  approvals of leave, trips and corrections (in the console: 审批",
        ),
        (
            CHECK_INS,
            60020,
            "本机的出口 IP 不在允许的名单里，请在管理后台加进去（60020）。",
            "add this machine's public address to the list in the vendor's console (60020).",
        ),
        (TERMINALS, 45009, "调用太频繁被限流", "it is asked too often"),
    ],
)
def test_check_says_what_is_missing_and_what_to_do(
    data: Path,
    vendor: FakeWeCom,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    code: int,
    zh: str,
    en: str,
) -> None:
    monkeypatch.setattr("threading.Event.wait", lambda *_: False)  # a minute's block
    set_up(data, vendor, "terminals = true")
    vendor.refused[path] = {"errcode": code, "errmsg": SENTINEL}
    for language, expected in (("zh", zh), ("en", en)):
        assert run(data, "--check", "--lang", language) == Exit.FAILED
        told = capsys.readouterr()
        assert expected in told.out
        assert SENTINEL not in told.out + told.err


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "wecom-contacts",
            "异常  通讯录（用“通讯录同步”的 secret）：这一项用的 secret 不对，各应用的 secret 不同，"
            "请对照管理后台重新填写（40001）。",
        ),
        ("wecom", "异常  打卡记录（管理后台：打卡 → 可调用接口的应用）：这一项用的 secret 不对"),
    ],
)
def test_check_says_which_of_the_secrets_is_wrong(
    data: Path, vendor: FakeWeCom, capsys: pytest.CaptureFixture[str], name: str, said: str
) -> None:
    set_up(data, vendor, **{name: "wrong"})
    assert run(data, "--check") == Exit.FAILED
    assert said in capsys.readouterr().out


def test_a_company_that_is_wrong_is_told_and_nothing_else_is_tried(
    data: Path, vendor: FakeWeCom, capsys: pytest.CaptureFixture[str]
) -> None:
    path = data / "wecom.toml"
    path.write_text(path.read_text().replace(CORP_ID, "wwother"))
    assert run(data, "--check") == Exit.FAILED
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("异常  连接企业微信：")
    assert line.endswith("（40013）。")


def test_approvals_may_have_a_secret_of_their_own(data: Path, vendor: FakeWeCom) -> None:
    vendor.secrets[SECRET] = {"check-ins"}
    assert run(data, "--check") == Exit.FAILED
    more = 'approvals_secret_file = "wecom-approvals.secret"'
    set_up(data, vendor, more, **{"wecom-approvals": APPROVALS_SECRET})
    assert run(data, "--check") == Exit.OK


def test_a_secret_may_come_from_the_environment(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (data / "wecom-contacts.secret").unlink()
    assert run(data) == Exit.CONFIG
    assert "ZAIGANG_WECOM_CONTACTS_SECRET is not set" in capsys.readouterr().err
    monkeypatch.setenv("ZAIGANG_WECOM_CONTACTS_SECRET", CONTACTS_SECRET)
    assert run(data) == Exit.OK


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ('secret = "x"', "unknown field `secret`"),
        ("every_min = 0", "every_min: Expected `int` >= 1"),
        ("departments = 1", "departments: Expected `array`"),
        ('[people]\nby = "job_number"', "people.by: Expected `str` matching regex"),
        ('[approvals]\nouting = "lunch"', "approvals.outing: Invalid enum value 'lunch'"),
    ],
)
def test_a_setting_that_is_wrong_is_told_with_its_place(
    data: Path, vendor: FakeWeCom, capsys: pytest.CaptureFixture[str], more: str, told: str
) -> None:
    set_up(data, vendor, more)
    assert run(data, "--check") == Exit.CONFIG
    complaint = capsys.readouterr().err
    assert "wecom.toml" in complaint
    assert told in complaint


def test_asking_now_stores_and_status_tells_the_rest(
    data: Path, vendor: FakeWeCom, capsys: pytest.CaptureFixture[str]
) -> None:
    vendor.users.append(("stranger", 1))
    vendor.hidden = {"li4"}
    vendor.check_ins = [
        lately("zhang3", 9 * HOUR_S),
        lately("zhang3", HOUR_S, "下班打卡"),
        lately("wang5", 2 * HOUR_S, "加班打卡"),
        lately("wang5", 3 * HOUR_S) | {"exception_type": "未打卡"},
    ]
    assert run(data) == Exit.OK
    assert capsys.readouterr().out.splitlines() == [
        "人员：对不上员工 1",
        "打卡记录：新增 2，不算打卡、另存 1，系统记录、不是打卡 1",
        "审批：没有新内容",
    ]
    assert run(data, "--status") == Exit.OK
    told = capsys.readouterr().out
    assert "1 条打卡没有说明是上班还是下班" in told
    assert "取不到打卡：li4" in told
    assert "1 人对不上员工，不取打卡：stranger" in told
    assert "没见过的内容：checkin_type: a word that is not known" in told
    vendor.faults = ["", "address"]
    assert run(data) == Exit.FAILED
    assert "人员：本机的出口 IP 不在允许的名单里" in capsys.readouterr().err
    assert run(data, "--status") == Exit.FAILED
    assert "企业微信的人员自 " in capsys.readouterr().out
