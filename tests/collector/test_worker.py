"""Judging by itself, as evidence comes in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes import postgres
from tests.fakes.clock import FakeClock
from tests.fakes.randomness import Repeatable
from zaigang_collector import bootstrap
from zaigang_collector.assessment import service, store
from zaigang_collector.attendance import csv_import
from zaigang_collector.bootstrap import Opened
from zaigang_collector.bootstrap.worker import Worker
from zaigang_collector.config import Settings
from zaigang_collector.directory import csv_import as directory_csv

SITES = "id,name,time_zone\nhq,x,Asia/Shanghai\n"
PEOPLE = (
    "id,name,time_zone,shift\nE001,a,Asia/Shanghai,Mon-Sun 09:00-18:00\n"
    "E002,b,Asia/Shanghai,Mon-Sun 09:00-18:00\n"
)
CLOCK_INS = "employee,site,direction,punched_at\n" + "".join(
    f"{person},hq,in,2026-09-21 09:00\n{person},hq,out,2026-09-21 18:00\n"
    for person in ("E001", "E002")
)


NEEDS_POSTGRES = (
    pytest.mark.postgresql,
    pytest.mark.skipif(bool(postgres.missing()), reason=postgres.missing()),
)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=NEEDS_POSTGRES)])
def collector(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opened]:
    if request.param == "sqlite":
        yield from prepared(tmp_path, "")
        return
    with postgres.server() as url:
        yield from prepared(tmp_path, url)


def prepared(tmp_path: Path, database_url: str) -> Iterator[Opened]:
    clock, randomness = FakeClock(), Repeatable()
    settings = Settings(database_url=database_url)
    bootstrap.init(tmp_path / "data", settings, clock, randomness)
    with bootstrap.opened(tmp_path / "data", clock, randomness) as made:
        with made.writing() as conn:
            key = made.keys.net_key
            directory_csv.import_sites(conn, made.vault, SITES, clock.utc, key, randomness)
            directory_csv.import_people(conn, made.vault, PEOPLE, clock.utc, key, randomness)
            csv_import.import_clock_ins(conn, made.vault, CLOCK_INS, clock.utc, randomness)
        yield made


def assessed(collector: Opened) -> list[str]:
    with collector.reading() as conn:
        return [
            one.employee_id
            for one in store.list_page(conn, collector.vault, store.Filter(), None, 10)
        ]


def test_a_pass_judges_what_is_over_and_the_next_finds_nothing_new(collector: Opened) -> None:
    worker = Worker(collector)
    assert worker.run_once() == 2
    assert assessed(collector) == ["E001", "E002"]
    assert worker.run_once() == 0
    # The file again, with one line corrected: a new version, and only that person is judged.
    edited = CLOCK_INS.replace("E002,hq,in,2026-09-21 09:00", "E002,hq,in,2026-09-21 08:00")
    with collector.writing() as conn:
        now_ms, randomness = collector.clock.utc_ms(), collector.randomness
        result = csv_import.import_clock_ins(conn, collector.vault, edited, now_ms, randomness)
    assert (result.added, result.unchanged) == (1, 3)
    assert worker.run_once() == 1


def test_one_persons_failure_does_not_keep_the_others_back(
    collector: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge_person = service.judge_person

    def fails_for_one(engine: object, judge: object, person: str, *rest: object) -> object:
        if person == "E001":
            raise ZeroDivisionError
        return judge_person(engine, judge, person, *rest)  # type: ignore[arg-type]  # handed through

    monkeypatch.setattr(service, "judge_person", fails_for_one)
    worker = Worker(collector)
    assert worker.run_once() == 1
    assert assessed(collector) == ["E002"]
    assert worker.problem is not None
    assert "E001" not in worker.problem


def test_a_worker_stops_between_two_people(collector: Opened) -> None:
    worker = Worker(collector)
    worker.start()
    worker.stop()
    assert worker.problem is None
