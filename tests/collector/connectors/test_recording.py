"""Many punches at once are stored as they would be one by one."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from tests.factories.vault import VAULT
from tests.fakes import database
from tests.fakes.randomness import Repeatable
from zaigang_collector import db
from zaigang_collector.attendance import audit, known, recording, service
from zaigang_collector.attendance.model import Direction, NewClockIn, Outcome
from zaigang_collector.attendance.tables import CLOCK_IN
from zaigang_collector.ledger import service as ledger
from zaigang_collector.ledger.audit import Body

NOW = 1_790_000_000_000
PUNCHES = [
    NewClockIn(
        source="dingtalk",
        source_id=str(number),
        employee_id=f"E{number % 3}",
        site_id="hq",
        direction=Direction.IN if number % 2 else Direction.OUT,
        punched_ms=NOW - number * 1000,
        received_ms=None,
        vendor_record=b"{}",
    )
    for number in range(10)
]


@pytest.fixture
def engines(tmp_path: Path) -> Iterator[tuple[Engine, Engine]]:
    database.all_tables()
    made = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        made.append(database.in_file(tmp_path / name))
    yield made[0], made[1]
    for one in made:
        one.dispose()


def test_at_once_and_one_by_one_is_the_same(engines: tuple[Engine, Engine]) -> None:
    at_once, one_by_one = engines
    with db.writing(at_once) as conn:
        recording.add_all(conn, VAULT, PUNCHES, NOW, Repeatable("x"))
        recording.add_all(conn, VAULT, [], NOW, Repeatable("x"))
    with db.writing(one_by_one) as conn:
        for one in PUNCHES:
            service.record(conn, VAULT, one, NOW, Repeatable("x"))
    plain = [column for column in CLOCK_IN.columns if column.name != "body"]
    tables, bodies, entries = [], [], []
    for engine in engines:
        with db.reading(engine) as conn:
            tables.append(conn.execute(sa.select(*plain).order_by(CLOCK_IN.c.id)).all())
            bodies.append(service.list_page(conn, VAULT, service.Filter(), None, 100))
            found = ledger.entries(conn)
            entries.append([(one.type, one.at_ms, one.ref, one.body_hash) for one in found])
    assert tables[0] == tables[1]
    assert bodies[0] == bodies[1]
    assert entries[0] == entries[1]
    assert len(bodies[0]) == len(PUNCHES)


def test_what_was_stored_at_once_passes_the_audit_and_takes_late_edits(
    engines: tuple[Engine, Engine],
) -> None:
    with db.writing(engines[0]) as conn:
        recording.add_all(conn, VAULT, PUNCHES, NOW, Repeatable("x"))
        assert all(isinstance(one, Body) for one in audit.clock_ins(conn, VAULT))
        edited = dataclasses.replace(PUNCHES[0], site_id="other")
        again = service.record(conn, VAULT, edited, NOW + 1, Repeatable("y"))
        assert (again.outcome, again.clock_in.version) == (Outcome.NEW_VERSION, 2)
        hashes = known.record_hashes(conn, "dingtalk", [one.source_id for one in PUNCHES])
        assert hashes["0"] == edited.record_hash()
        assert hashes["1"] == PUNCHES[1].record_hash()
        assert known.record_hashes(conn, "wecom", ["1"]) == {}
        newest = known.newest(conn, VAULT, "dingtalk", "0")
        assert newest is not None
        assert newest.content == edited
        assert known.newest(conn, VAULT, "dingtalk", "x") is None
        references = [one.clock_in_id() for one in PUNCHES]
        assert known.sources_of(conn, [*references, "ci-x@1"]) == {"dingtalk"}


def test_what_somebody_else_stored_meanwhile_is_refused_as_a_whole(
    engines: tuple[Engine, Engine],
) -> None:
    with db.writing(engines[0]) as conn:
        service.record(conn, VAULT, PUNCHES[5], NOW, Repeatable("x"))
    with pytest.raises(IntegrityError), db.writing(engines[0]) as conn:
        recording.add_all(conn, VAULT, PUNCHES, NOW, Repeatable("y"))
    with db.reading(engines[0]) as conn:
        assert len(service.list_page(conn, VAULT, service.Filter(), None, 100)) == 1
        assert len(ledger.entries(conn)) == 1
