"""A month of 200 people is the same intervals, whichever system tells it, and through a spreadsheet.

Each system is asked five times, in the course of the month and after it, while punches come late, are
corrected and taken back, rows come twice, and what anything between us may answer is answered now and
then. Then everything is read once more.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest
from sqlalchemy import Engine

from tests.factories import connecting, connecting_wecom
from tests.factories.connecting import NET_KEY
from tests.factories.feishu import feishu_connected
from tests.factories.vault import VAULT
from tests.fakes import dingtalk_month, feishu_month, sheet_month, wecom_month
from tests.fakes.clock import FakeClock
from tests.fakes.dingtalk_month import SERIAL, Told, at_ms
from tests.fakes.randomness import Repeatable
from tests.fakes.vendor import Row, Vendor
from zaigang_collector import db
from zaigang_collector.attendance.claiming import claims_of
from zaigang_collector.connectors.contract import Kind
from zaigang_collector.connectors.files import SiteSettings
from zaigang_collector.connectors.polling import Passed
from zaigang_collector.connectors.sheets import service as sheets
from zaigang_collector.connectors.sheets.service import Ground, Options, Report
from zaigang_collector.directory import service as directory
from zaigang_collector.directory.model import Assignment

PEOPLE: Final = 200
FIRST, LAST = dingtalk_month.FIRST, dt.date(2026, 9, 30)
# 22:00, when a day's punches are there. The last one is after all that is told late.
ASKED: Final = (*(dt.date(2026, 9, day) for day in (8, 15, 23, 30)), dt.date(2026, 10, 3))
END: Final = at_ms(ASKED[-1], 22)
# In the place of the next calls; between two of one call there is always a good answer.
FAULTS: Final[tuple[list[str], ...]] = (
    ["", "throttled", "", "", "5xx", "", "", "truncated", "", "5xx"],
    ["", "", "expired", "", "", "busy", "", "", "truncated"],
    ["", "", "truncated", "", "", "", "throttled"],
    ["5xx", "", "", "expired", "", "", "", "busy"],
    [],
)
SITES: Final = SiteSettings(
    terminal={SERIAL: "hq"},
    group={str(one): "hq" for one in (dingtalk_month.GROUP, wecom_month.GROUP, feishu_month.GROUP)},
    address={feishu_month.LOCATION: "hq"},
)
Interval: TypeAlias = tuple[str, str, dt.date | None, int, int, bool]
Found: TypeAlias = tuple[set[Interval], set[object]]


@dataclass(frozen=True)
class System:
    """One of the systems: what it knows is put in by `fill`, and asked by `poll`."""

    engine: Engine
    vendor: Vendor
    fill: Callable[[Mapping[int, Sequence[Row]]], None]
    poll: Callable[..., Passed]


@pytest.fixture(scope="module")
def told() -> list[Told]:
    return dingtalk_month.story(PEOPLE)


@pytest.fixture(scope="module")
def by_spreadsheet(told: list[Told], tmp_path_factory: pytest.TempPathFactory) -> Found:
    """The same month, exported whenever the systems are asked, with some days from before."""
    engine = connecting.ground(tmp_path_factory.mktemp("sheet"), at_ms(FIRST, 0), PEOPLE)
    assign_all(engine)
    first, edited = FIRST, 0
    for day in ASKED:
        data = sheet_month.export(dingtalk_month.as_of(told, at_ms(day, 22)), first, min(day, LAST))
        report = imported(engine, data, day)
        assert report.is_whole
        edited += report.new_versions
        first = day - dt.timedelta(days=3)
    assert edited > 100
    again = imported(engine, sheet_month.export(dingtalk_month.as_of(told, END), FIRST, LAST), LAST)
    assert (again.added, again.new_versions) == (0, 0)
    found = intervals_of(engine)
    engine.dispose()
    return found


@pytest.mark.parametrize("name", ["dingtalk", "wecom", "feishu"])
def test_a_month_is_the_same_intervals_as_by_spreadsheet_and_twice_changes_nothing(
    name: str,
    told: list[Told],
    by_spreadsheet: Found,
    tmp_path: Path,
) -> None:
    with MAKERS[name](tmp_path, FakeClock(utc=at_ms(ASKED[0], 22))) as system:
        live(system, told)
        assert intervals_of(system.engine) == by_spreadsheet
        before = table(system.engine)
        system.vendor.numbers_as_strings = True
        system.vendor.clock.advance(3_600_000)
        again = system.poll(everything=True, from_ms=at_ms(FIRST, 0))
        tally = again.tallies[Kind.PUNCHES]
        assert (again.failures, tally.added, tally.new_versions) == ({}, 0, 0)
        assert tally.unchanged > 7_000
        assert table(system.engine) == before


def imported(engine: Engine, data: bytes, day: dt.date) -> Report:
    ground = Ground(VAULT, NET_KEY, at_ms(day, 22), Repeatable(f"sheet {day}"))
    with db.reading(engine) as conn:
        looked = sheets.look(conn, data, Options())
    return sheets.take(engine, looked, ground)


def live(system: System, told: list[Told]) -> None:
    """Ask on each of the days for what is new by then."""
    vendor = system.vendor
    for day, faults in zip(ASKED, FAULTS, strict=True):
        vendor.clock.advance(at_ms(day, 22) - vendor.clock.utc)
        system.fill(dingtalk_month.as_of(told, vendor.clock.utc))
        vendor.twice = not vendor.twice
        vendor.faults = list(faults)
        passed = system.poll(everything=True)
        assert (passed.failures, vendor.faults) == ({}, [])
        assert passed.tallies[Kind.PUNCHES].unreadable == 0


@contextlib.contextmanager
def dingtalk(folder: Path, clock: FakeClock) -> Iterator[System]:
    with dingtalk_month.company(clock, PEOPLE).running() as vendor:
        vendor.user_page = 100
        here = connecting.connected(folder, vendor, PEOPLE)
        here.set(sites=SITES, first_days=30)

        def fill(history: Mapping[int, Sequence[Row]]) -> None:
            vendor.punches = [versions[-1] for versions in history.values()]

        assign_all(here.engine)
        yield System(here.engine, vendor, fill, here.poll)
        here.close()


@contextlib.contextmanager
def wecom(folder: Path, clock: FakeClock) -> Iterator[System]:
    with wecom_month.company(clock, PEOPLE).running() as vendor:
        vendor.user_page, vendor.number_page = 100, 100
        here = connecting_wecom.connected(folder, vendor, PEOPLE)
        here.set(sites=SITES, first_days=30, terminals=True)
        assign_all(here.engine)
        yield System(here.engine, vendor, lambda all_: wecom_month.fill(vendor, all_), here.poll)
        here.close()


@contextlib.contextmanager
def feishu(folder: Path, clock: FakeClock) -> Iterator[System]:
    with feishu_month.company(clock, PEOPLE).running() as vendor:
        vendor.page_rows = 50
        here = feishu_connected(folder, vendor, PEOPLE)
        here.set(sites=SITES, first_days=30)
        assign_all(here.engine)
        yield System(here.engine, vendor, lambda all_: feishu_month.fill(vendor, all_), here.poll)
        here.close()


MAKERS: Final = {"dingtalk": dingtalk, "wecom": wecom, "feishu": feishu}


def assign_all(engine: Engine) -> None:
    """Everybody works at the one site, as corrections do not say where."""
    with db.writing(engine) as conn:
        for number in range(PEOPLE):
            assignment = Assignment(f"E{1001 + number}", "hq", FIRST, None)
            directory.put_assignment(conn, VAULT, assignment, at_ms(FIRST, 0), Repeatable("month"))


def intervals_of(engine: Engine) -> Found:
    """Everybody's intervals, and what is left over with its reason."""
    intervals: set[Interval] = set()
    left_over: set[object] = set()
    span = at_ms(FIRST, 0), at_ms(dt.date(2026, 10, 2), 0)
    with db.reading(engine) as conn:
        for number in range(PEOPLE):
            who = f"E{1001 + number}"
            paired = claims_of(conn, VAULT, who, *span).paired
            intervals |= {
                (who, one.site_id, one.day, one.start_ms, one.end_ms, one.end_is_claimed)
                for one in paired.intervals
            }
            left_over |= {(who, one.at_ms, one.why) for one in paired.left_over}
    return intervals, left_over


def table(engine: Engine) -> list[tuple[Any, ...]]:
    """All versions of all clock-ins, what is put aside, and how long the ledger's queue is."""
    with db.reading(engine) as conn:
        return [
            *conn.exec_driver_sql("SELECT * FROM attendance_clock_in ORDER BY id, version").all(),
            *conn.exec_driver_sql("SELECT * FROM connectors_aside ORDER BY vendor_id").all(),
            *conn.exec_driver_sql("SELECT count(*) FROM ledger_entry").all(),
        ]
