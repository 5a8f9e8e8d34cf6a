"""A day of many people, from DingTalk on a loop-back port to stored and queued for judging; and the
same day asked for again."""

from __future__ import annotations

import datetime as dt
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.factories.connecting import connected
from tests.fakes import dingtalk, dingtalk_month
from tests.fakes.clock import FakeClock
from tests.fakes.dingtalk import FakeDingTalk, Row
from tests.fakes.dingtalk_month import at_ms, person
from zaigang_collector.connectors.contract import Kind

_DAY: Final = dt.date(2026, 9, 21)
_HALF_HOUR_MS: Final = 1_800_000


@dataclass(frozen=True, slots=True)
class Measured:
    """The vendor's own work is in all seconds: it runs in a thread of the same process."""

    clock_ins: int
    first_s: float
    first_cpu_s: float
    again_s: float
    calls: int


def measure(people: int, punches_each: int) -> Measured:
    """On a database file of its own."""
    clock = FakeClock(utc=at_ms(_DAY, 22))
    users = [dingtalk.user(person(number), f"E{1001 + number}") for number in range(people)]
    with (
        FakeDingTalk(clock, users={1: users}).running() as vendor,
        tempfile.TemporaryDirectory() as folder,
    ):
        vendor.punches = _rows(people, punches_each)
        here = connected(Path(folder), vendor, people)
        here.set(first_days=1)
        began, cpu_s = time.perf_counter(), time.process_time()
        first = here.poll()
        between, first_cpu_s = time.perf_counter(), time.process_time() - cpu_s
        clock.advance(2 * _HALF_HOUR_MS)
        again = here.poll()
        ended = time.perf_counter()
        here.http.close()
        here.engine.dispose()
    assert first.tallies[Kind.PUNCHES].added == again.tallies[Kind.PUNCHES].unchanged
    calls = vendor.calls()["/attendance/listRecord"]
    return Measured(people * punches_each, between - began, first_cpu_s, ended - between, calls)


def report(measured: Measured) -> str:
    """One line."""
    return (
        f"{measured.clock_ins} clock-ins in {measured.first_s:.1f} s (CPU "
        f"{measured.first_cpu_s:.1f} s), again in {measured.again_s:.1f} s, {measured.calls} calls"
    )


def _rows(people: int, punches_each: int) -> list[Row]:
    rows = []
    for number in range(people):
        for turn in range(punches_each):
            ms = at_ms(_DAY, 8) + turn * _HALF_HOUR_MS + number
            times = {"userCheckTime": ms, "gmtCreate": ms, "gmtModified": ms}
            named = {"id": number * 1000 + turn, "userId": person(number)}
            check_type = "OffDuty" if turn % 2 else "OnDuty"
            rows.append(dingtalk_month.by_map(number % 10, **times | named, checkType=check_type))
    return rows
