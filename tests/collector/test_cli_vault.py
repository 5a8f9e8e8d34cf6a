"""Forgetting, holds, retention and the master key from the command line, and retention by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.randomness import Repeatable
from zaigang_collector import bootstrap
from zaigang_collector.bootstrap import Opened
from zaigang_collector.bootstrap.retaining import BELIEVED_MS, DAILY_MS, Retaining, terms
from zaigang_collector.cli import main
from zaigang_collector.cli.console import Exit
from zaigang_collector.config import Settings
from zaigang_collector.forgetting import retention
from zaigang_collector.vault import record

SITES = "id,name,time_zone\nhq,x,Asia/Shanghai\n"
PEOPLE = "id,name,time_zone,shift\nE001,王晓梅,Asia/Shanghai,Mon-Sun 09:00-18:00\n"
CLOCK_INS = "employee,site,direction,punched_at\nE001,hq,in,2020-09-21 08:55\n"
FORGET = ("people", "forget", "E001", "--ground", "left the company", "--by", "Zhang")


@pytest.fixture
def data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A data directory with one person and a claim of long ago."""
    folder = tmp_path / "data"
    assert main(["init", "--data", str(folder)]) == Exit.OK
    for room, name, text in (
        ("sites", "sites", SITES),
        ("people", "people", PEOPLE),
        ("clock-ins", "clock-ins", CLOCK_INS),
    ):
        path = tmp_path / f"{name}.csv"
        path.write_text(text, encoding="utf-8")
        assert run(folder, room, "import", str(path)) == Exit.OK
    capsys.readouterr()
    return folder


def run(data: Path, *arguments: str) -> int:
    return main([*arguments, "--data", str(data)])


def test_somebody_is_forgotten(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(data, *FORGET) == Exit.OK
    told = capsys.readouterr()
    assert (
        "E001 is forgotten: 0 accounts, 0 alert-events, 0 alerts, 0 assessments, 0 assignments, 0 attendance-events, 0 business-events, "
        "0 carried, 0 case-events, 0 case-files, 0 cases, 1 clock-ins" in told.out
    )
    assert "1 keys" in told.out
    assert "Backups made before this" in told.err
    assert run(data, "people", "show", "E001") == Exit.OK
    assert "name: -" in capsys.readouterr().out
    assert run(data, "clock-ins", "list") == Exit.OK
    assert len(capsys.readouterr().out.splitlines()) == 1  # the header
    for path in data.glob("zaigang.db*"):
        assert "王晓梅".encode() not in path.read_bytes()


def test_nobody_is_forgotten_under_hold(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(data, "people", "hold", "E001", "--why", "lawsuit 17", "--by", "Li") == Exit.OK
    assert run(data, *FORGET) == Exit.FAILED
    assert (
        "lawsuit 17 (Li); nothing was forgotten. `people release E001`" in capsys.readouterr().err
    )
    assert run(data, "people", "release", "E001", "--why", "settled", "--by", "Li") == Exit.OK
    assert run(data, *FORGET) == Exit.OK


def test_an_unknown_person_is_told(data: Path) -> None:
    for words in (
        ("people", "forget", "E9", "--ground", "x", "--by", "y"),
        ("people", "hold", "E9", "--why", "x", "--by", "y"),
    ):
        assert run(data, *words) == Exit.UNKNOWN_ID
    assert run(data, "people", "release", "E9", "--why", "x", "--by", "y") == Exit.FAILED


def test_a_ground_and_a_name_have_to_be_given(data: Path) -> None:
    for words in (("people", "forget", "E001"), ("people", "hold", "E001", "--why", "x")):
        with pytest.raises(SystemExit) as ended:
            run(data, *words)
        assert ended.value.code == Exit.USAGE
    assert run(data, "people", "forget", "E001", "--ground", "", "--by", "x") == Exit.FAILED


def test_retention_is_tried_run_and_shown(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    terms = "(keep_readings_days 90, keep_claims_days 730, keep_cases_days 730)"
    counts = (
        "0 alert-events, 0 alerts, 0 assessments, 0 attendance-events, 0 business-events, "
        "0 case-events, 0 case-files, 0 cases, 1 clock-ins, 0 envelopes, 0 exemptions, 0 records-aside, 0 set-aside, 0 work-logs"
    )
    assert run(data, "retention", "run", "--dry-run") == Exit.OK
    assert capsys.readouterr().out == f"would delete: {counts} {terms}\n"
    assert run(data, "retention", "show") == Exit.OK
    assert len(capsys.readouterr().out.splitlines()) == 1
    assert run(data, "retention", "run") == Exit.OK
    assert capsys.readouterr().out == f"deleted: {counts} {terms}\n"
    assert run(data, "retention", "show") == Exit.OK
    assert f"\t{counts}\tkeep_readings_days 90" in capsys.readouterr().out


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Opened]:
    clock, randomness = FakeClock(), Repeatable()
    bootstrap.init(tmp_path / "served", Settings(), clock, randomness)
    with bootstrap.opened(tmp_path / "served", clock, randomness) as made:
        yield made


def test_retention_runs_once_a_day_whatever_is_restarted(collector: Opened) -> None:
    clock = collector.clock
    assert isinstance(clock, FakeClock)
    assert Retaining(collector).run_once() is not None
    assert Retaining(collector).run_once() is None
    clock.advance(DAILY_MS - 1)
    assert Retaining(collector).run_once() is None
    clock.advance(1)
    assert Retaining(collector).run_once() is not None
    with collector.reading() as conn:
        assert len(record.tombstones(conn)) == 2


def test_a_tombstone_of_the_future_does_not_stop_retention(collector: Opened) -> None:
    clock = collector.clock
    assert isinstance(clock, FakeClock)
    assert Retaining(collector).run_once() is not None
    clock.advance(-10 * DAILY_MS)  # the clock was ten days ahead, and was set right
    assert Retaining(collector).run_once() is not None


def test_a_clock_that_jumped_ahead_deletes_nothing_by_itself(collector: Opened) -> None:
    clock = collector.clock
    assert isinstance(clock, FakeClock)
    retaining = Retaining(collector)
    assert retaining.run_once() is not None
    clock.advance(BELIEVED_MS + 1)
    assert retaining.run_once() is None
    assert "retention run" in (retaining.problem or "")
    by_hand = terms(collector.settings)
    retention.run(collector.engine, by_hand, clock.utc, collector.randomness)
    clock.advance(DAILY_MS)
    assert retaining.run_once() is not None


def test_what_retention_logs_are_counts(
    collector: Opened, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="zaigang_collector"):
        Retaining(collector).run_once()
    (line,) = caplog.messages
    assert line == (
        "retention deleted: 0 alert-events, 0 alerts, 0 assessments, 0 attendance-events, "
        "0 business-events, 0 case-events, 0 case-files, 0 cases, 0 clock-ins, 0 envelopes, 0 exemptions, 0 records-aside, "
        "0 set-aside, 0 work-logs"
    )


def test_a_retention_that_fails_is_told_and_tried_again(
    collector: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(retention, "run", fails)
    retaining = Retaining(collector)
    retaining.start()
    retaining.stop()
    assert retaining.problem is not None
    assert "not being deleted" in retaining.problem
