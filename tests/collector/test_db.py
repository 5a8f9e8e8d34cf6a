"""Transactions, and what dialects do differently."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from tests.fakes import postgres
from zaigang_collector import db
from zaigang_collector.errors import ConfigError

TABLES = sa.MetaData()
THING = sa.Table(
    "thing",
    TABLES,
    sa.Column("id", sa.String(10), primary_key=True),
    sa.Column("n", sa.BigInteger),
    sa.Column("other", sa.Integer, unique=True),
)
NEEDS_POSTGRES = [
    pytest.mark.postgresql,
    pytest.mark.skipif(bool(postgres.missing()), reason=postgres.missing()),
]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=NEEDS_POSTGRES)], scope="module")
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('db') / 'test.db'}"
        return
    with postgres.server() as server_url:
        yield server_url


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = db.open_engine(url)
    TABLES.create_all(engine)
    yield engine
    TABLES.drop_all(engine)
    engine.dispose()


def ids(engine: Engine) -> list[str]:
    with db.reading(engine) as conn:
        return list(conn.scalars(sa.select(THING.c.id).order_by(THING.c.id)))


def test_what_was_written_stays(engine: Engine) -> None:
    with db.writing(engine) as conn:
        conn.execute(sa.insert(THING).values(id="a", n=2**40))
    assert ids(engine) == ["a"]


def test_an_exception_takes_everything_back(engine: Engine) -> None:
    with pytest.raises(ZeroDivisionError), db.writing(engine) as conn:
        conn.execute(sa.insert(THING).values(id="a"))
        raise ZeroDivisionError
    assert ids(engine) == []


def test_a_reader_sees_one_moment_while_others_write(engine: Engine) -> None:
    with db.reading(engine) as reader:
        assert reader.execute(sa.select(sa.func.count()).select_from(THING)).scalar_one() == 0
        with db.writing(engine) as writer:
            writer.execute(sa.insert(THING).values(id="a"))
        assert reader.execute(sa.select(sa.func.count()).select_from(THING)).scalar_one() == 0
    assert ids(engine) == ["a"]


def test_writers_at_once_wait_for_each_other(engine: Engine) -> None:
    with db.writing(engine) as conn:
        conn.execute(sa.insert(THING).values(id="a", n=0))

    def count() -> None:
        for _ in range(20):
            with db.writing(engine) as conn:
                query = sa.select(THING.c.n).with_for_update()
                n = conn.execute(query).scalar_one()
                conn.execute(sa.update(THING).values(n=n + 1))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with db.reading(engine) as conn:
        assert conn.execute(sa.select(THING.c.n)).scalar_one() == 80


def test_insert_ignore_counts_only_what_is_new(engine: Engine) -> None:
    with db.writing(engine) as conn:
        assert db.insert_ignore(conn, THING, []) == 0
        assert db.insert_ignore(conn, THING, [{"id": "a", "n": 1}, {"id": "b", "n": 1}]) == 2
        assert db.insert_ignore(conn, THING, [{"id": "b", "n": 2}, {"id": "c", "n": 2}]) == 1
        assert db.insert_ignore(conn, THING, [{"id": "a", "n": 3}]) == 0
        found = conn.execute(sa.select(THING.c.id, THING.c.n).order_by(THING.c.id)).all()
    assert [tuple(row) for row in found] == [("a", 1), ("b", 1), ("c", 2)]


def test_insert_ignore_minds_every_unique_key(engine: Engine) -> None:
    with db.writing(engine) as conn:
        assert db.insert_ignore(conn, THING, [{"id": "a", "other": 1}]) == 1
        assert db.insert_ignore(conn, THING, [{"id": "b", "other": 1}]) == 0


def test_upsert_overwrites_the_given_columns_only(engine: Engine) -> None:
    with db.writing(engine) as conn:
        db.upsert(conn, THING, [{"id": "a", "n": 1, "other": 7}])
        db.upsert(conn, THING, [{"id": "a", "n": 2}, {"id": "b", "n": 3}])
        db.upsert(conn, THING, [])
        db.upsert(conn, THING, [{"id": "a"}])
        found = conn.execute(sa.select(THING).order_by(THING.c.id)).all()
    assert [tuple(row) for row in found] == [("a", 2, 7), ("b", 3, None)]


def test_sqlite_is_durable_and_checks_references(tmp_path: Path) -> None:
    engine = db.open_engine(f"sqlite:///{tmp_path / 'a.db'}")
    with db.reading(engine) as conn:
        found = {
            name: conn.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    engine.dispose()
    assert found == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 30_000,
    }


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://somewhere/x", "sqlite+what:///x"])
def test_a_database_that_cannot_be_used_is_told_in_a_sentence(url: str) -> None:
    with pytest.raises(ConfigError, match="database_url"):
        db.open_engine(url)


def test_an_error_does_not_repeat_what_was_to_be_written(engine: Engine) -> None:
    with pytest.raises(sa.exc.DBAPIError) as raised, db.writing(engine) as conn:
        conn.execute(sa.insert(THING), [{"id": "王晓梅"}, {"id": "王晓梅"}])
    assert "王晓梅" not in str(raised.value).replace(str(raised.value.orig), "")


def test_who_does_not_wait_is_told_at_once_and_waits_again_later(tmp_path: Path) -> None:
    engine = db.open_engine(f"sqlite:///{tmp_path / 'test.db'}")
    TABLES.create_all(engine)
    with (
        db.writing(engine),
        pytest.raises(sa.exc.OperationalError, match="locked"),
        db.writing(engine, wait=False),
    ):
        pass
    with db.writing(engine, wait=False) as conn:
        conn.execute(sa.insert(THING).values(id="a"))
    with db.writing(engine) as conn:
        assert conn.exec_driver_sql("PRAGMA busy_timeout").scalar_one() > 0
    engine.dispose()


def test_the_log_is_emptied_unless_somebody_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "_SCRUB_TIMEOUT_MS", 1)
    engine = db.open_engine(f"sqlite:///{tmp_path / 'x.db'}")
    log = tmp_path / "x.db-wal"
    with db.writing(engine) as conn:
        conn.exec_driver_sql("CREATE TABLE t (x TEXT)")
    with db.reading(engine) as reader:
        reader.exec_driver_sql("SELECT * FROM t").all()
        with db.writing(engine) as conn:
            conn.exec_driver_sql("INSERT INTO t VALUES ('here')")
        assert not db.scrub(engine)
        assert log.stat().st_size > 0
    assert db.scrub(engine)
    assert log.stat().st_size == 0
    engine.dispose()


def test_the_end_of_a_table_is_told_once_also_where_a_lower_number_comes_later(
    engine: Engine,
) -> None:
    """As PostgreSQL shows it where the transaction of the lower number took longer."""
    tail, numbers = db.Tail(), sa.select(THING.c.n)

    def told(*more: int) -> list[int]:
        with db.writing(engine) as conn:
            for one in more:
                conn.execute(sa.insert(THING).values(id=str(one), n=one))
        with db.reading(engine) as conn:
            return sorted(row.n for row in tail.fresh(conn, numbers, THING.c.n))

    assert told(1, 5) == []  # what was there before
    assert told() == []
    assert told(7, 9) == [7, 9]
    assert told(6, 8) == [6, 8]
    assert told() == []
    assert told(100_000) == [100_000]
    assert told(2, 99_999) == [99_999]  # what comes so much later is told no more
