"""The thread that puts entries into the tree: who works, what it says when it cannot, and when it stops."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from tests.factories import ledger as made
from zaigang_collector import bootstrap, db
from zaigang_collector.bootstrap import sequencing
from zaigang_collector.bootstrap.data import Opened
from zaigang_collector.bootstrap.run import Background
from zaigang_collector.bootstrap.sequencing import Sequencing
from zaigang_collector.config import Settings
from zaigang_collector.errors import LedgerError
from zaigang_collector.ledger import sequencer
from zaigang_collector.ledger import service as ledger
from zaigang_collector.ledger.tables import HEAD


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Opened]:
    settings = Settings(
        api_port=0, device_port=0, mqtt_port=0, device_host="127.0.0.1", mqtt_host="127.0.0.1"
    )
    bootstrap.init(tmp_path / "data", settings)
    with bootstrap.opened(tmp_path / "data") as opened:
        yield opened


def size(collector: Opened) -> int:
    with collector.reading() as conn:
        newest = ledger.newest_checkpoint(conn)
    assert newest is not None
    return newest.size


def test_all_that_waits_is_placed_in_one_pass(
    collector: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequencer, "BATCH", 10)
    made.queue(collector.engine, 0, 35)
    assert Sequencing(collector).run_once() == 35
    assert size(collector) == 35


def test_of_two_collectors_on_one_database_one_works(collector: Opened) -> None:
    one, other = Sequencing(collector), Sequencing(collector)
    made.queue(collector.engine, 0, 3)
    assert one.run_once() == 3
    made.queue(collector.engine, 3, 2)
    assert other.run_once() == 0
    assert one.run_once() == 2


def test_when_one_stops_the_other_goes_on_at_once(collector: Opened) -> None:
    one, other = Sequencing(collector), Sequencing(collector)
    made.queue(collector.engine, 0, 3)
    one.start()
    one.stop()  # places what waits, and gives the lease back
    assert size(collector) == 3
    made.queue(collector.engine, 3, 2)
    assert other.run_once() == 2


def test_a_database_that_refuses_is_told_and_tried_again(
    collector: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Sequencing(collector)
    made.queue(collector.engine, 0, 3)

    def refuses(*_: object) -> int:
        raise OperationalError("UPDATE", {}, Exception("disk full"))

    with monkeypatch.context() as broken:
        broken.setattr(sequencer, "sequence", refuses)
        assert one._pass()
        told = one.problem
    assert one._pass()
    assert (told, one.problem) == ("The ledger does not grow: the database refuses.", None)
    assert size(collector) == 3


def test_a_tree_that_does_not_fit_itself_ends_it_and_is_told(collector: Opened) -> None:
    one = Sequencing(collector)
    made.queue(collector.engine, 0, 3)
    with db.writing(collector.engine) as conn:
        conn.execute(sa.update(HEAD).values(edge=b"x" * 32))
    assert not one._pass()
    assert one.problem is not None
    assert "does not grow any more" in one.problem


def test_a_collector_does_not_start_on_a_ledger_that_was_altered(collector: Opened) -> None:
    made.queue(collector.engine, 0, 3)
    Sequencing(collector).run_once()
    with db.writing(collector.engine) as conn:
        conn.execute(sa.update(HEAD).values(size=2, edge=bytes(32)))
    with pytest.raises(LedgerError, match="altered"), Background(collector):
        pass


def test_a_running_collector_places_what_comes_in(
    collector: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequencing, "EVERY_S", 0.01)
    with Background(collector):
        made.queue(collector.engine, 0, 5)
    with collector.reading() as conn:
        assert ledger.waiting(conn) == 0  # at its end at the latest
        assert [one.ref for one in ledger.sequenced(conn, 0)][:5].count("dev/0") == 1


def test_what_a_witness_has_seen_more_of_is_not_gone_on_with(collector: Opened) -> None:
    made.queue(collector.engine, 0, 5)
    one = Sequencing(collector)
    one.withhold("a witness has seen 9 entries, the database has 0")
    one.start()
    one.stop()
    assert size(collector) == 0
    assert one.problem == (
        "The ledger does not grow: a witness has seen 9 entries, the database has 0"
    )
