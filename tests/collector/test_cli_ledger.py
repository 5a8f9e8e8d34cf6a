"""`audit` and `ledger` on the command line."""

from __future__ import annotations

import base64
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.collector.test_cli_commands import CLOCK_INS, PEOPLE, SITES, run, save
from zaigang_collector import bootstrap
from zaigang_collector.bootstrap.sequencing import Sequencing
from zaigang_collector.cli import main
from zaigang_collector.cli.console import Exit
from zaigang_collector.ledger import sequencer
from zaigang_shared import receipt
from zaigang_shared.receipt import LogHead, Receipt


@pytest.fixture
def data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A data directory with one site, one person, one clock-in, all of it in the ledger."""
    folder = tmp_path / "data"
    assert main(["init", "--data", str(folder)]) == Exit.OK
    for what, name, text in (
        ("sites", "sites.csv", SITES),
        ("people", "people.csv", PEOPLE),
        ("clock-ins", "clock-ins.csv", CLOCK_INS),
    ):
        assert run(folder, what, "import", save(tmp_path, name, text)) == Exit.OK
    sequence(folder)
    capsys.readouterr()
    return folder


def sequence(data: Path) -> None:
    with bootstrap.opened(data) as collector:
        Sequencing(collector).run_once()


def test_an_audit_of_what_nobody_touched_says_that_everything_fits(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(data, "audit") == Exit.OK
    assert "Everything fits." in capsys.readouterr().out
    assert run(data, "audit", "--json") == Exit.OK
    report = json.loads(capsys.readouterr().out)
    assert report["findings"] == []
    assert report["size"] == 3  # site, person, clock-in


def test_an_audit_names_what_was_changed_and_fails(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(sqlite3.connect(data / "zaigang.db")) as conn, conn:
        conn.execute("UPDATE attendance_clock_in SET punched_ms = punched_ms - 3600000")
    assert run(data, "audit") == Exit.FAILED
    said = capsys.readouterr()
    assert "DOES NOT FIT  clock_in ci-" in said.out
    assert "Keep this database as it is" in said.err


def test_a_checkpoint_kept_elsewhere_binds_the_collector(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(data, "ledger", "checkpoint") == Exit.OK
    kept = capsys.readouterr().out
    assert run(data, "audit", "--against", save(tmp_path, "kept.txt", kept)) == Exit.OK
    assert "held against" in capsys.readouterr().out
    with closing(sqlite3.connect(data / "zaigang.db")) as conn, conn:
        conn.execute("UPDATE ledger_entry SET salt = zeroblob(16) WHERE idx = 0")
    assert run(data, "audit", "--against", str(tmp_path / "kept.txt")) == Exit.FAILED
    assert "its holder was shown another history" in capsys.readouterr().out


def test_a_receipt_from_a_device_binds_it_too(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with bootstrap.opened(data) as collector, collector.reading() as conn:
        newest = sequencer.newest_checkpoint(conn)
        key = collector.keys.receipt_key
    assert newest is not None
    path = tmp_path / "receipt"
    for log, code in (
        (LogHead(newest.size, newest.root), Exit.OK),
        (LogHead(newest.size + 1, newest.root), Exit.FAILED),
        (LogHead(newest.size, bytes(32)), Exit.FAILED),
        (None, Exit.CONFIG),
    ):
        path.write_bytes(receipt.sign_receipt(key, Receipt("lap-1", 1, bytes(32), 1, log)))
        assert run(data, "audit", "--against", str(path)) == code
    assert "binds nothing" in capsys.readouterr().err


def test_what_is_neither_checkpoint_nor_receipt_is_said(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(data, "audit", "--against", save(tmp_path, "x", "garbage")) == Exit.CONFIG
    assert "neither a checkpoint" in capsys.readouterr().err


def test_a_proof_between_two_sizes_is_printed_as_the_verifier_reads_it(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(data, "ledger", "proof", "2", "3") == Exit.OK
    (line,) = capsys.readouterr().out.split()
    assert len(base64.b64decode(line, validate=True)) == 32
    assert run(data, "ledger", "proof", "3", "2") == Exit.FAILED
    assert "no proof from size 3 to size 2" in capsys.readouterr().err


def test_a_ledger_of_another_data_directory_is_refused_at_the_start(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    assert main(["init", "--data", str(other)]) == Exit.OK
    for name in ("zaigang.db", "master.key"):
        (other / name).write_bytes((data / name).read_bytes())
    for suffix in ("-wal", "-shm"):
        (other / f"zaigang.db{suffix}").unlink(missing_ok=True)
    assert run(other, "audit") == Exit.CONFIG
    assert "do not belong together" in capsys.readouterr().err.replace("\n", " ")
