"""A system that does not answer is a sentence, in fleet health, beside the verdicts concerned and beside
days without a clock-in. It is never an absence.

Each is asked at 10:05 on Monday, and refuses from then on: its credentials were changed, a permission
was taken away, or it says HTTP 200 and an error.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import pytest

from tests.factories.connecting_cli import SITES, people, save, save_secret
from tests.fakes import dingtalk, dingtalk_month, feishu, feishu_month, wecom, wecom_month
from tests.fakes.clock import FakeClock
from tests.fakes.dingtalk import FakeDingTalk
from tests.fakes.dingtalk_month import at_ms, person
from tests.fakes.feishu import FakeFeishu
from tests.fakes.randomness import Repeatable
from tests.fakes.vendor import SENTINEL, Row, Vendor
from tests.fakes.wecom import FakeWeCom
from zaigang_collector import bootstrap
from zaigang_collector.assessment import notes, store
from zaigang_collector.attendance import statuses
from zaigang_collector.attendance.days import Standing
from zaigang_collector.bootstrap.connecting import Connecting
from zaigang_collector.bootstrap.worker import Worker
from zaigang_collector.config import Settings
from zaigang_collector.connectors import status, words
from zaigang_collector.connectors.contract import Kind
from zaigang_collector.directory import csv_import
from zaigang_collector.matching.model import Presence

MONDAY: Final = dt.date(2026, 9, 21)
FIVE_PAST_TEN: Final = at_ms(MONDAY, 10, 5)
EMPLOYEES: Final = ("E1001", "E1002")
NINE: Final = at_ms(MONDAY, 9)
Made: TypeAlias = contextlib.AbstractContextManager[Vendor]


@dataclass(frozen=True)
class Platform:
    """One of the systems: how it is set up, and how it refuses."""

    name: str
    title: str
    made: Callable[[Path, FakeClock], Made]
    revoke: Callable[[Vendor], None]
    punches: str
    """The path that is asked for punches."""
    denied: Row
    broken: Row
    """HTTP 200, and an error that says nothing more."""


@contextlib.contextmanager
def with_dingtalk(data: Path, clock: FakeClock) -> Iterator[Vendor]:
    rows = [dingtalk.user(person(number), f"E{1001 + number}") for number in range(2)]
    with FakeDingTalk(clock, users={1: rows}).running() as made:
        url = f'api_url = "{made.url}"\noapi_url = "{made.url}"\n'
        save(data / "dingtalk.toml", f'app_key = "{dingtalk.APP_KEY}"\n{url}')
        save_secret(data / "dingtalk.secret", dingtalk.APP_SECRET)
        times = {"id": 1, "userCheckTime": NINE, "gmtCreate": NINE, "gmtModified": NINE}
        made.punches = [dingtalk_month.by_map(0, userId=person(0), **times)]
        yield made


@contextlib.contextmanager
def with_wecom(data: Path, clock: FakeClock) -> Iterator[Vendor]:
    with FakeWeCom(clock, users=[(person(number), 1) for number in range(2)]).running() as made:
        ids = "".join(f'{person(number)} = "E{1001 + number}"\n' for number in range(2))
        first = f'corp_id = "{wecom.CORP_ID}"\napi_url = "{made.url}"\n'
        save(data / "wecom.toml", f"{first}[people.ids]\n{ids}")
        save_secret(data / "wecom.secret", wecom.SECRET)
        save_secret(data / "wecom-contacts.secret", wecom.CONTACTS_SECRET)
        made.check_ins = [wecom_month.by_map(userid=person(0), checkin_time=NINE // 1000)]
        yield made


@contextlib.contextmanager
def with_feishu(data: Path, clock: FakeClock) -> Iterator[Vendor]:
    rows = [feishu.user(person(number), f"E{1001 + number}") for number in range(2)]
    with FakeFeishu(clock, users={"0": rows}).running() as made:
        places = f'[sites.group]\n{feishu_month.GROUP} = "hq"\n'
        save(data / "feishu.toml", f'app_id = "{feishu.APP_ID}"\nurl = "{made.url}"\n{places}')
        save_secret(data / "feishu.secret", feishu.APP_SECRET)
        named = {"user_id": person(0), "creator_id": person(0), "record_id": "1"}
        made.flows = [feishu.flow(0, **named, check_time=str(NINE // 1000))]
        made.results = [feishu.result(person(0), MONDAY, "1")]
        yield made


def dingtalk_revoked(vendor: Vendor) -> None:
    assert isinstance(vendor, FakeDingTalk | FakeFeishu)
    vendor.secret, vendor.tokens = "another", {}


def wecom_revoked(vendor: Vendor) -> None:
    assert isinstance(vendor, FakeWeCom)
    vendor.secrets, vendor.tokens = {}, {}


PLATFORMS: Final = (
    Platform(
        "dingtalk",
        "DingTalk",
        with_dingtalk,
        dingtalk_revoked,
        "/attendance/listRecord",
        {"errcode": 60011, "errmsg": SENTINEL},
        {"errcode": 1, "errmsg": SENTINEL},
    ),
    Platform(
        "wecom",
        "WeCom",
        with_wecom,
        wecom_revoked,
        wecom.CHECK_INS,
        {"errcode": 48002, "errmsg": SENTINEL},
        {"errcode": 301098, "errmsg": SENTINEL},
    ),
    Platform(
        "feishu",
        "Feishu",
        with_feishu,
        dingtalk_revoked,
        feishu.FLOWS,
        feishu.denied("attendance:task:readonly"),
        {"code": 1220099, "status": 200},
    ),
)
WHY: Final = {
    "credentials": ("key or secret of the application are wrong", "the secret for this is wrong"),
    "permission": ("the application may not do this",),
    "HTTP 200": ("it refuses; look its code up",),
}


def refuse(platform: Platform, vendor: Vendor, how: str) -> None:
    if how == "credentials":
        platform.revoke(vendor)
    else:
        vendor.refused[platform.punches] = (
            platform.denied if how == "permission" else platform.broken
        )


@contextlib.contextmanager
def asked_at_five_past_ten(
    platform: Platform, folder: Path
) -> Iterator[tuple[bootstrap.Opened, Vendor, Connecting]]:
    data, clock, randomness = folder / "data", FakeClock(utc=FIVE_PAST_TEN), Repeatable("silence")
    settings = Settings(api_port=0, device_port=0, mqtt_port=0)
    bootstrap.init(data, settings, clock, randomness)
    with platform.made(data, clock) as vendor, bootstrap.opened(data, clock, randomness) as opened:
        with opened.writing() as conn:
            grounds = clock.utc, opened.keys.net_key, randomness
            csv_import.import_sites(conn, opened.vault, SITES, *grounds)
            csv_import.import_people(conn, opened.vault, people(EMPLOYEES), *grounds)
        connecting = Connecting(opened)
        connecting.run_once()
        yield opened, vendor, connecting
        connecting.stop()


@pytest.mark.parametrize("how", sorted(WHY))
@pytest.mark.parametrize("platform", PLATFORMS, ids=lambda one: one.name)
def test_a_failure_is_told_with_its_time_and_its_ground_wherever_it_matters(
    platform: Platform, how: str, tmp_path: Path
) -> None:
    with asked_at_five_past_ten(platform, tmp_path) as (opened, vendor, connecting):
        refuse(platform, vendor, how)
        vendor.clock.advance(9 * 3_600_000)  # nine hours later the shift is over
        connecting.run_once()
        assert Worker(opened).run_once() == 1
        now_ms = vendor.clock.utc
        with opened.reading() as conn:
            (verdict,) = store.list_page(conn, opened.vault, store.Filter(), None, 10)
            beside = [one.en for one in notes.notes(conn, verdict, now_ms)]
            (source,) = status.sources(conn, now_ms)
            nobodys = status.missing(conn, "E1002", MONDAY, now_ms)
            (day,) = statuses.statuses_of(conn, opened.vault, "E1002", MONDAY, MONDAY, now_ms)
        silence = next(one.silence for one in source.kinds if one.state.kind is Kind.PUNCHES)
        assert silence is not None
        begin = f"{platform.title} silent since 10:05 (punches): "
        assert silence.en.startswith(tuple(begin + why for why in WHY[how]))
        assert silence.zh.startswith(
            f"{words.title(platform.name).zh}的打卡记录自 10:05 起取不到："
        )
        assert words.may_be_missing(silence).en in beside
        # Who has no clock-in has no verdict, and the same beside the day.
        assert words.may_be_missing(silence) in nobodys
        assert day.standing is Standing.NO_CLAIM
        assert verdict.presence is Presence.UNVERIFIED
        assert SENTINEL not in "".join(beside) + silence.zh + repr(nobodys)
        assert not {"absent", "缺勤", "旷工"} & set("".join(beside).split())


@pytest.mark.parametrize("platform", PLATFORMS, ids=lambda one: one.name)
def test_a_system_that_never_told_whom_it_knows_is_told_beside_everybodys_days(
    platform: Platform, tmp_path: Path
) -> None:
    data, clock, randomness = tmp_path / "data", FakeClock(utc=FIVE_PAST_TEN), Repeatable("never")
    bootstrap.init(data, Settings(api_port=0, device_port=0, mqtt_port=0), clock, randomness)
    with platform.made(data, clock) as vendor, bootstrap.opened(data, clock, randomness) as opened:
        platform.revoke(vendor)
        with opened.writing() as conn:
            grounds = clock.utc, opened.keys.net_key, randomness
            csv_import.import_people(conn, opened.vault, people(EMPLOYEES), *grounds)
        connecting = Connecting(opened)
        connecting.run_once()
        with opened.reading() as conn:
            told = status.missing(conn, "E1001", MONDAY, clock.utc)
        assert told[0].en.startswith(f"{platform.title} never answered (punches): ")
        connecting.stop()


def test_leave_that_cannot_be_read_is_told_beside_the_verdict(tmp_path: Path) -> None:
    """Somebody on leave would be judged otherwise, and nobody would know why."""
    platform = PLATFORMS[0]
    with asked_at_five_past_ten(platform, tmp_path) as (opened, vendor, connecting):
        vendor.refused["/topapi/attendance/getleavestatus"] = platform.denied
        vendor.clock.advance(9 * 3_600_000)
        connecting.run_once()
        Worker(opened).run_once()
        with opened.reading() as conn:
            (verdict,) = store.list_page(conn, opened.vault, store.Filter(), None, 10)
            (note,) = notes.notes(conn, verdict, vendor.clock.utc)
        assert note.zh.startswith("钉钉的请假自 10:05 起取不到：应用没有这项权限")
        assert note.zh.endswith(
            "这段时间的请假、出差、外出或补卡可能还没有传到，不能据此认为没有。"
        )
        connecting.stop()
