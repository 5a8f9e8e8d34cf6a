"""Work logs of each platform, and what is done in approvals: who and when; no text."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import Engine

from tests.factories import connecting, connecting_wecom
from tests.factories.feishu import feishu_connected
from tests.factories.vault import VAULT
from tests.fakes import dingtalk, feishu, wecom
from tests.fakes.clock import FakeClock
from tests.fakes.dingtalk import FakeDingTalk
from tests.fakes.dingtalk_month import person
from tests.fakes.feishu import FakeFeishu
from tests.fakes.vendor import Vendor
from tests.fakes.wecom import FakeWeCom
from zaigang_collector import db
from zaigang_collector.connectors.contract import Kind
from zaigang_collector.connectors.dingtalk.settings import DingTalkSettings
from zaigang_collector.connectors.polling import Passed, Poller, Source
from zaigang_collector.connectors.wecom.settings import WeComPeople, WeComSettings
from zaigang_collector.worktraces import clients
from zaigang_collector.worktraces import service as worktraces
from zaigang_collector.worktraces.model import EventKind, NewEvent, NewWorkLog

NOW: Final = 1_790_000_000_000
DAY_S: Final = 24 * 3600
TEXTS: Final = clients.parse('everywhere = ["拜访客户"]', "clients.toml")
# Of four logs: two of one of ours, one of a stranger's, one from a week ago; a page holds two.
LOGS: Final = (("l1", 0, 3600), ("l2", 9, 3600), ("l3", 1, 7200), ("l4", 0, 6 * DAY_S))


@dataclass(frozen=True)
class Asked:
    """One platform with its logs, and the connector."""

    vendor: Vendor
    engine: Engine
    source: Source
    clock: FakeClock

    def poll(self) -> Passed:
        poller = Poller(self.engine, VAULT, lambda size: bytes(size), self.source, TEXTS)
        return poller.run(self.clock.utc, everything=True)

    def stored(self) -> list[NewWorkLog]:
        with db.reading(self.engine) as conn:
            return [
                one.content
                for number in range(2)
                for one in worktraces.work_logs_of(
                    conn, VAULT, f"E{1001 + number}", dt.date(2026, 9, 1), dt.date(2026, 9, 30)
                )
            ]


@contextlib.contextmanager
def with_dingtalk(folder: Path, clock: FakeClock) -> Iterator[Asked]:
    users = {1: [dingtalk.user(person(number), f"E{1001 + number}") for number in range(2)]}
    with FakeDingTalk(clock, users=users).running() as vendor:
        for name, who, ago_s in LOGS:
            at_ms = NOW - ago_s * 1000
            times = {"create_time": at_ms, "modified_time": at_ms}
            row = dingtalk.work_log(report_id=name, creator_id=person(who), **times)
            vendor.work_logs.append(row)
        here = connecting.connected(folder, vendor, 2)
        here.set(work_logs=True)
        yield Asked(vendor, here.engine, here.source(), clock)
        here.close()


@contextlib.contextmanager
def with_wecom(folder: Path, clock: FakeClock) -> Iterator[Asked]:
    users = [(person(number), 1) for number in range(2)]
    with FakeWeCom(clock, users=users).running() as vendor:
        for name, who, ago_s in LOGS:
            vendor.work_logs[name] = wecom.work_log(name, person(who), NOW // 1000 - ago_s)
        here = connecting_wecom.connected(folder, vendor, 2)
        here.set(work_logs=True)
        yield Asked(vendor, here.engine, here.source(), clock)
        here.close()


@contextlib.contextmanager
def with_feishu(folder: Path, clock: FakeClock) -> Iterator[Asked]:
    users = {"0": [feishu.user(person(number), f"E{1001 + number}") for number in range(2)]}
    with FakeFeishu(clock, users=users).running() as vendor:
        for name, who, ago_s in LOGS:
            vendor.work_logs.append(feishu.work_log(name, person(who), NOW // 1000 - ago_s))
        here = feishu_connected(folder, vendor, 2)
        here.set(work_logs=True)
        yield Asked(vendor, here.engine, Source(here.connector(), here.settings), clock)
        here.close()


MADE: Final = {"dingtalk": with_dingtalk, "wecom": with_wecom, "feishu": with_feishu}


@pytest.fixture(params=sorted(MADE))
def asked(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Asked]:
    with MADE[request.param](tmp_path, FakeClock(utc=NOW)) as made:
        yield made


def test_a_log_is_who_and_when_and_whether_it_names_a_client_once(asked: Asked) -> None:
    asked.vendor.twice = True
    first = asked.poll()
    assert (first.failures, first.tallies[Kind.WORK_LOGS].added) == ({}, 3)
    found = {one.source_id: one for one in asked.stored()}
    assert {name: one.employee_id for name, one in found.items()} == {
        "l1": "E1001",
        "l3": "E1002",
        "l4": "E1001",
    }
    assert {one.names_client for one in found.values()} == {True}
    assert found["l1"].handed_in_ms == NOW - 3_600_000
    assert found["l1"].source == asked.source.name
    asked.vendor.numbers_as_strings = True
    asked.clock.advance(5 * 3_600_000)
    again = asked.poll().tallies[Kind.WORK_LOGS]
    assert (again.added, again.new_versions) == (0, 0)
    assert again.unchanged > 0


def test_no_text_of_a_work_log_is_kept(asked: Asked, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    passed: Any = asked.poll()
    path = Path(str(asked.engine.url.database))
    raw = b"".join(one.read_bytes() for one in path.parent.glob(path.name + "*"))
    opened = b"".join(one.body() for one in asked.stored())
    assert opened
    # What the vendor's own server logs is not ours.
    ours = [one.getMessage() for one in caplog.records if not one.name.startswith("uvicorn")]
    told = (raw + opened).decode("utf-8", "replace") + "".join(ours) + repr(passed)
    for mark in ("哨兵", "sentinel", "拜访"):
        assert mark not in told.lower()


def test_logs_that_may_not_be_read_stop_nothing_else(asked: Asked) -> None:
    paths = {
        "dingtalk": ("/topapi/report/list", {"errcode": 60011, "errmsg": "x"}),
        "wecom": (wecom.WORK_LOGS, {"errcode": 48002, "errmsg": "x"}),
        "feishu": (feishu.WORK_LOGS, feishu.denied("report:report:readonly")),
    }
    path, refusal = paths[asked.source.name]
    asked.vendor.refused[path] = refusal
    passed = asked.poll()
    assert passed.failures.keys() == {Kind.WORK_LOGS}
    assert Kind.PUNCHES in passed.tallies


# What is done in approvals.


def stored_events(engine: Engine) -> list[NewEvent]:
    with db.reading(engine) as conn:
        return [
            one.content
            for who in ("E1001", "E1002")
            for one in worktraces.events_of(conn, VAULT, who, 0, NOW)
        ]


def twice(asked: Asked) -> tuple[Passed, Passed]:
    first = asked.poll()
    asked.clock.advance(13 * 3_600_000)
    return first, asked.poll()


def assert_no_text(asked: Asked) -> None:
    path = Path(str(asked.engine.url.database))
    raw = b"".join(one.read_bytes() for one in path.parent.glob(path.name + "*"))
    opened = b"".join(one.body() for one in stored_events(asked.engine))
    assert opened
    told = (raw + opened).decode("utf-8", "replace")
    assert "sentinel" not in told.lower()
    assert "哨兵" not in told


def test_whoever_did_something_in_an_approval_of_dingtalks_did_it_then(tmp_path: Path) -> None:
    with with_dingtalk(tmp_path, FakeClock(utc=NOW)) as asked:
        assert isinstance(asked.vendor, FakeDingTalk)
        steps = [
            {"userId": person(0), "date": "2026-09-20T03:58Z", "type": "START_PROCESS_INSTANCE"},
            {"userId": person(1), "date": "2026-09-20T05:20Z", "type": "EXECUTE_TASK_NORMAL"},
            {"userId": "stranger", "date": "2026-09-20T05:30Z", "type": "EXECUTE_TASK_NORMAL"},
        ]
        steps = [one | {"result": "AGREE", "remark": dingtalk.SENTINEL} for one in steps]
        at_ms = NOW - DAY_S * 1000
        row = dingtalk.approval("PROC-A", person(0), at_ms, ["x", "y"], operationRecords=steps)
        bad = dingtalk.approval(
            "PROC-A", person(0), at_ms, [], operationRecords=[{"userId": "a", "date": "yesterday"}]
        )
        asked.vendor.approvals = {"i1": row, "i2": bad}
        here = connecting.Connected(
            asked.engine,
            asked.clock,
            asked.vendor,
            DingTalkSettings(app_key=dingtalk.APP_KEY, leave=False, approval_events=("PROC-A",)),
        )
        asked = dataclasses.replace(asked, source=here.source())
        first, again = twice(asked)
        assert (first.tallies[Kind.EVENTS].added, first.tallies[Kind.EVENTS].unreadable) == (2, 1)
        assert again.tallies[Kind.EVENTS].unchanged == 2
        found = {one.employee_id: one for one in stored_events(asked.engine)}
        assert {one.kind for one in found.values()} == {EventKind.APPROVAL}
        assert found["E1002"].happened_ms - found["E1001"].happened_ms == 82 * 60_000
        assert found["E1001"].happened_ms == 1_789_876_680_000  # 03:58 UTC
        assert_no_text(asked)
        here.http.close()


def test_whoever_did_something_in_an_approval_of_wecoms_did_it_then(tmp_path: Path) -> None:
    with with_wecom(tmp_path, FakeClock(utc=NOW)) as asked:
        assert isinstance(asked.vendor, FakeWeCom)
        at_s = NOW // 1000 - DAY_S
        details = [
            {"approver": {"userid": person(1)}, "sptime": at_s + 60, "sp_status": 2},
            {"approver": {"userid": "stranger"}, "sptime": at_s + 90, "sp_status": 2},
            {"approver": {"userid": person(0)}, "sptime": 0, "sp_status": 1},
        ]
        told = [one | {"speech": wecom.SENTINEL} for one in details]
        row = wecom.approval("1", person(0), 99, apply_time=at_s, sp_record=[{"details": told}])
        refused = wecom.approval("2", person(0), 99, apply_time=at_s, sp_status=3, sp_record=[])
        open_ = wecom.approval("3", person(0), 99, apply_time=at_s, sp_status=1, sp_record=[])
        asked.vendor.approvals = {"1": row, "2": refused, "3": open_}
        ids = {person(number): f"E{1001 + number}" for number in range(2)}
        settings = WeComSettings(
            corp_id=wecom.CORP_ID, people=WeComPeople(ids=ids), approval_events=True
        )
        here = connecting_wecom.Connected(asked.engine, asked.clock, asked.vendor, settings)
        asked = dataclasses.replace(asked, source=here.source())
        first, again = twice(asked)
        assert first.tallies[Kind.EVENTS].added == 3
        assert again.tallies[Kind.EVENTS].unchanged == 3
        when = sorted((one.employee_id, one.happened_ms) for one in stored_events(asked.engine))
        at_ms = at_s * 1000
        assert when == [("E1001", at_ms), ("E1001", at_ms), ("E1002", at_ms + 60_000)]
        assert_no_text(asked)
        here.http.close()
