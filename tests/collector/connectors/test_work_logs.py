"""Work logs of each platform: who handed one in and when, and whether it names a client; no text."""

from __future__ import annotations

import contextlib
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
from zaigang_collector.connectors.polling import Passed, Poller, Source
from zaigang_collector.worktraces import clients
from zaigang_collector.worktraces import service as worktraces
from zaigang_collector.worktraces.model import NewWorkLog

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
