"""Another policy over past days: what it would change, person by person, and nothing is stored."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.collector.test_cli_commands import CLOCK_INS, PEOPLE, SITES, run, save
from tests.factories.judging import HOUR_MS, MINUTE_MS, SITE_NET, START, Office, office
from tests.factories.vault import VAULT
from tests.fakes.clock import FakeClock
from zaigang_collector import db
from zaigang_collector.assessment import backtest, store
from zaigang_collector.assessment.backtest import Compared, Since
from zaigang_collector.cli import main
from zaigang_collector.cli.console import Exit
from zaigang_collector.cli.policies import _Progress
from zaigang_collector.matching.model import Presence
from zaigang_collector.matching.policy import Policy, default_policy, document, load_policy

SPAN = START - 24 * HOUR_MS, START + 24 * HOUR_MS
SAME = default_policy()
# More of the person's own traces than anybody leaves who also listens.
STRICT = dataclasses.replace(SAME, version=SAME.version + 1, confirm_person_share=1.0)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Office]:
    """A confirmed hour of E001, idle for a third of it; E002 has punched and has no device."""
    with office(tmp_path) as made:
        laptop = made.laptop()
        laptop.works(START, START + 20 * MINUTE_MS, SITE_NET)
        laptop.works(START + 20 * MINUTE_MS, START + 40 * MINUTE_MS, SITE_NET, active=0)
        laptop.works(START + 40 * MINUTE_MS, START + 65 * MINUTE_MS, SITE_NET)
        made.a_day(hours=1)
        made.punch_day("E002")
        made.at(START + 6 * HOUR_MS)
        made.judge()
        yield made


def compared(here: Office, candidate: Policy, person: str = "E001") -> Compared:
    now_ms = here.world.clock.utc
    with db.reading(here.world.engine) as conn:
        (found,) = backtest.compare_person(conn, here.world.judge, candidate, person, SPAN, now_ms)
    return found


def test_the_same_numbers_change_nothing_and_say_what_is_stored(here: Office) -> None:
    found = compared(here, SAME)
    (stored,) = [one for one in here.newest() if one.employee_id == "E001"]
    assert not found.differs
    assert found.old == found.new
    assert found.old is not None
    assert (found.assessment_id, found.old.presence) == (stored.id, stored.presence)
    assert found.since is Since.SAME


def test_a_stricter_policy_changes_the_verdict_of_whom_it_concerns(here: Office) -> None:
    found = compared(here, STRICT)
    assert found.differs
    assert found.old is not None
    assert found.new is not None
    assert (found.old.presence, found.new.presence) == (Presence.CONFIRMED, Presence.UNVERIFIED)
    assert found.old.present_share == found.new.present_share == 1.0
    assert not found.accuses
    assert not compared(here, STRICT, "E002").differs


def test_nothing_is_stored(here: Office) -> None:
    def everything() -> dict[str, int]:
        with db.reading(here.world.engine) as conn:
            return {
                table.name: int(
                    conn.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
                )
                for table in db.metadata.sorted_tables
            }

    before, stored = everything(), here.newest()
    compared(here, STRICT)
    assert everything() == before
    assert here.newest() == stored


def test_an_interval_that_no_policy_could_judge_says_so(here: Office) -> None:
    found = compared(here, dataclasses.replace(SAME, longest_interval_h=0.5))
    assert found.new is None
    assert found.differs
    assert not found.accuses


def test_evidence_that_changed_since_the_verdict_is_told(tmp_path: Path) -> None:
    with office(tmp_path) as made:
        laptop = made.laptop()
        laptop.works(START, START + 20 * MINUTE_MS, SITE_NET)
        laptop.works(START + 20 * MINUTE_MS, START + 60 * MINUTE_MS, SITE_NET, spool=True)
        made.a_day(hours=1)
        made.judge()
        assert compared(made, STRICT).since is Since.SAME
        laptop.deliver_spool(made.world.clock.utc)
        assert compared(made, STRICT).since is Since.CHANGED


def test_an_interval_that_was_never_judged_is_compared_too(tmp_path: Path) -> None:
    with office(tmp_path) as made:
        made.a_day()
        assert compared(made, STRICT).since is Since.NEVER_JUDGED
        with db.reading(made.world.engine) as conn:
            assert store.list_page(conn, VAULT, store.Filter(), None, 9) == ()


def test_an_interval_that_goes_on_is_not_compared(here: Office) -> None:
    with db.reading(here.world.engine) as conn:
        now_ms = START + HOUR_MS // 2
        args = (conn, here.world.judge, STRICT, "E001", SPAN, now_ms)
        assert list(backtest.compare_person(*args)) == []


def test_a_policy_that_accuses_is_counted_as_one(here: Office) -> None:
    found = compared(here, SAME)
    assert found.old is not None
    worse = dataclasses.replace(found.old, presence=Presence.CONTRADICTED)
    assert dataclasses.replace(found, new=worse).accuses
    assert not dataclasses.replace(found, old=worse, new=worse).accuses


def test_the_numbers_that_differ_are_named_in_order() -> None:
    (version, share) = backtest.numbers_changed(SAME, STRICT)
    assert (version.name, version.new - version.old) == ("version", 1)
    assert (share.name, share.new) == ("confirm_person_share", 1.0)


# The command.

DAY = ("--from", "2020-09-21T00:00:00+08:00", "--to", "2020-09-22T00:00:00+08:00")


@pytest.fixture
def data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A data directory with a judged day of nine hours without readings."""
    folder = tmp_path / "data"
    assert main(["init", "--data", str(folder)]) == Exit.OK
    for room, text in (("sites", SITES), ("people", PEOPLE), ("clock-ins", CLOCK_INS)):
        assert run(folder, room, "import", save(tmp_path, f"{room}.csv", text)) == Exit.OK
    assert run(folder, "assess", *DAY) == Exit.OK
    capsys.readouterr()
    return folder


def policy_file(folder: Path, **values: Any) -> str:
    """The document with other values."""
    text = document()
    for name, value in values.items():
        head, _, tail = text.partition(f"[{name}]\n")
        line, _, rest = tail.partition("\n")
        assert line.startswith("value = ")
        text = f"{head}[{name}]\nvalue = {value}\n{rest}"
    return save(folder, "policy.toml", text)


def test_the_command_lists_who_would_be_told_something_else(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = policy_file(tmp_path, longest_interval_h=5.0)
    assert run(data, "policy", "backtest", path, *DAY, "--why", "trying limits") == Exit.OK
    told = capsys.readouterr().out
    assert "longest_interval_h: 36 -> 5" in told
    assert "2020-09-21\tE001\thq\tas-" in told
    assert "\tunverified\tnot_assessable\t" in told
    assert "1 intervals of 1 people; 1 would change, of 1 people; newly contradicted: 0" in told
    run(data, "people", "looks", "E001")
    assert "back-test of another policy, 2020-09-21 00:00:00+0800 to" in capsys.readouterr().out


def test_what_stays_the_same_is_listed_when_asked_for(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = policy_file(tmp_path, beacon_llr=3.0)
    assert run(data, "policy", "backtest", path, *DAY) == Exit.OK
    assert "as-" not in capsys.readouterr().out
    assert run(data, "policy", "backtest", path, *DAY, "--all") == Exit.OK
    told = capsys.readouterr().out
    assert "\tunverified\tunverified\t" in told
    assert "0 would change" in told


def test_the_list_goes_to_a_private_file_for_spreadsheets_or_programs(
    data: Path, tmp_path: Path
) -> None:
    path = policy_file(tmp_path, longest_interval_h=5.0)
    for name in ("out.csv", "out.json"):
        out = tmp_path / name
        assert run(data, "policy", "backtest", path, *DAY, "--out", str(out)) == Exit.OK
        assert out.stat().st_mode & 0o777 == 0o600
    header, line = csv.reader(io.StringIO((tmp_path / "out.csv").read_text("utf-8-sig")))
    row = dict(zip(header, line, strict=True))
    assert (row["employee"], row["old"], row["new"]) == ("E001", "unverified", "not_assessable")
    found = json.loads((tmp_path / "out.json").read_text("utf-8"))
    assert found["numbers"] == [{"name": "longest_interval_h", "old": 36.0, "new": 5.0}]
    (interval,) = found["intervals"]
    assert (interval["old"]["presence"], interval["new"], interval["differs"]) == (
        "unverified", None, True,
    )  # fmt: skip
    assert interval["since"] == "same"


def test_a_policy_that_does_not_hold_is_refused_before_anybody_is_looked_at(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = {
        save(tmp_path, "a.toml", "not toml at all ["): "the policy is not TOML",
        save(tmp_path, "b.toml", "version = 1\n"): "a policy names every number once; missing:",
        policy_file(tmp_path, confirm_posterior=1.5): "confirm_posterior: expected 0 to 1",
    }
    (tmp_path / "c.toml").write_bytes(b"\xff\xfe")
    said[str(tmp_path / "c.toml")] = "not UTF-8 text"
    for path, sentence in said.items():
        assert run(data, "policy", "backtest", path, *DAY) == Exit.BAD_INPUT
        told = capsys.readouterr().err
        assert told.startswith(path)
        assert sentence in told
    run(data, "people", "looks", "E001")
    assert "back-test" not in capsys.readouterr().out


def test_what_is_asked_wrongly_is_said_before_anything_is_judged(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = policy_file(tmp_path, beacon_llr=3.0)
    backwards = ("--from", DAY[3], "--to", DAY[1])
    assert run(data, "policy", "backtest", path, *backwards) == Exit.USAGE
    assert run(data, "policy", "backtest", path, *DAY, "--out", "x.xlsx") == Exit.USAGE
    assert run(data, "policy", "backtest", path, *DAY, "--out", path + ".csv") == Exit.OK
    assert run(data, "policy", "backtest", path, *DAY, "--out", path + ".csv") == Exit.CONFIG
    assert run(data, "policy", "backtest", "/no/such.toml", *DAY) == Exit.CONFIG
    assert run(data, "policy", "backtest", path, *DAY, "--employee", "x") == Exit.UNKNOWN_ID
    assert "\tE001\t" not in capsys.readouterr().out


def test_the_policy_in_use_cannot_change_anything(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["policy", "show"]) == Exit.OK
    shown = capsys.readouterr().out
    assert load_policy(shown) == default_policy()
    assert run(data, "policy", "backtest", save(tmp_path, "same.toml", shown), *DAY) == Exit.OK
    assert "nothing can change" in capsys.readouterr().out


def test_a_long_run_says_now_and_then_how_far_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    clock = FakeClock()
    progress = _Progress(clock, 100)
    for done in range(100):
        progress.at(done)
        clock.advance(1_000)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "5 of 100 people; about 95 s to go"
    assert 15 <= len(lines) <= 20


def test_a_short_run_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    progress = _Progress(FakeClock(), 3)
    for done in range(3):
        progress.at(done)
    assert capsys.readouterr().err == ""
