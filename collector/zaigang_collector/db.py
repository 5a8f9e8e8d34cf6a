"""The database: one engine, explicit transactions, and the few things that dialects do differently.

with db.writing(engine) as conn:
    ...                      # commits at the end, rolls back on any exception
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Connection, Engine, Row, Select, Table, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from zaigang_collector.errors import ConfigError

T = TypeVar("T")

_IDS_AT_ONCE: Final = 500  # ids in one question; SQLite takes some thousands

Randomness = Callable[[int], bytes]
"""`n` unpredictable bytes: os.urandom, or something repeatable in a test."""

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

# SQLite counts by itself only in a column of type INTEGER; PostgreSQL needs BIGINT to count far.
COUNTER: Final = sa.BigInteger().with_variant(sa.Integer, "sqlite")

# A writer waits for the one before it. Larger hides a stuck writer; smaller fails an import that
# happens to meet a busy ingest.
_BUSY_TIMEOUT_MS: Final = 30_000
_WRITE: Final = "zaigang_write"
# So many numbers may be given out while one transaction is open. Larger reads more rows each time;
# smaller overlooks what a long import wrote beside ingest.
_TAIL: Final = 20_000
# Whoever empties the write-ahead log waits for readers, and lets nobody write meanwhile. Larger
# keeps ingest waiting behind one slow reader; smaller gives up too often.
_SCRUB_TIMEOUT_MS: Final = 2_000


def open_engine(url: str) -> Engine:
    """An engine for `sqlite:///file` or `postgresql+psycopg://…`. Raises ConfigError."""
    try:
        engine = sa.create_engine(
            url,
            pool_pre_ping=not url.startswith("sqlite"),
            hide_parameters=True,  # errors are logged, and parameters are names and coordinates
        )
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise ConfigError(
            f"database_url cannot be used ({error}); expected sqlite:///FILE or "
            "postgresql+psycopg://USER@HOST/NAME, the latter with the extra `postgresql` installed"
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    elif engine.dialect.name != "postgresql":
        raise ConfigError(f"database_url names {engine.dialect.name}; SQLite or PostgreSQL is used")
    return engine


@contextlib.contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One consistent view for several queries. Nothing that is written in it stays."""
    options: dict[str, Any] = {}
    if engine.dialect.name == "postgresql":
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with engine.connect() as conn:
        yield conn.execution_options(**options)


@contextlib.contextmanager
def writing(engine: Engine, *, wait: bool = True) -> Iterator[Connection]:
    """One transaction: committed at the end, rolled back on any exception.

    On SQLite it takes the write lock at its beginning: a reader that turns writer half-way would
    fail at once, without waiting, whenever somebody else wrote in between. Without `wait` it
    raises OperationalError there when somebody else is writing.
    """
    with engine.connect() as plain, _patience(plain, wait):
        conn = plain.execution_options(**{_WRITE: True})
        with conn.begin():
            yield conn


@contextlib.contextmanager
def _patience(conn: Connection, wait: bool) -> Iterator[None]:
    if wait or conn.dialect.name != "sqlite":  # PostgreSQL locks rows, not everything
        yield
        return
    driver = conn.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)  # noqa: S101  # the only driver we open
    driver.execute("PRAGMA busy_timeout = 0").close()
    try:
        yield
    finally:
        driver.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}").close()


@dataclass(slots=True)
class Tail:
    """The end of a table that is only added to, each row once: whoever derives something from it asks
    what is new. PostgreSQL shows a number after a higher one where its transaction took longer."""

    _last: int | None = None
    _seen: frozenset[int] = frozenset()

    def fresh(
        self, conn: Connection, query: Select[Any], number: ColumnElement[int]
    ) -> list[Row[Any]]:
        """Rows that were not there the last time; the first time none. `number` rises, and is the first
        column of the query."""
        if self._last is None:
            self._last = conn.execute(sa.select(sa.func.max(number))).scalar() or 0
            known = conn.scalars(sa.select(number).where(number > self._last - _TAIL))
            self._seen = frozenset(known)
            return []
        rows = conn.execute(query.where(number > self._last - _TAIL)).all()
        found = [row for row in rows if row[0] not in self._seen]
        self._last = max((row[0] for row in found), default=self._last)
        seen = self._seen | {row[0] for row in found}
        self._seen = frozenset(one for one in seen if one > self._last - _TAIL)
        return found


def scrub(engine: Engine) -> bool:
    """After a commit that deleted: let no copy of the old pages stay in SQLite's write-ahead log.

    False: somebody was reading for long, and it was left. PostgreSQL vacuums by itself.
    """
    if engine.dialect.name != "sqlite":
        return True
    with engine.connect() as conn:
        driver = conn.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)  # noqa: S101  # the only driver we open
        driver.execute(f"PRAGMA busy_timeout = {_SCRUB_TIMEOUT_MS}").close()
        try:
            cursor = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            busy = cursor.fetchone()[0]
            cursor.close()
        finally:
            driver.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}").close()
    return not busy


def portions(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Many ids for few questions."""
    for start in range(0, len(ids), _IDS_AT_ONCE):
        yield ids[start : start + _IDS_AT_ONCE]


def portions_by_id(items: Iterable[T], id_of: Callable[[T], str]) -> Iterator[dict[str, T]]:
    """Many things by id, no id twice in one portion: the second is a late edit of the first."""
    portion: dict[str, T] = {}
    for item in items:
        name = id_of(item)
        if name in portion or len(portion) == _IDS_AT_ONCE:
            yield portion
            portion = {}
        portion[name] = item
    if portion:
        yield portion


def insert_ignore(conn: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert what is not there yet, by any unique key; returns how many rows were new."""
    if not rows:
        return 0
    # Counted by what comes back: psycopg does not say how many of many rows went in.
    key = next(iter(table.primary_key))
    statement = _dialect_insert(conn, table).on_conflict_do_nothing().returning(key)
    return len(conn.execute(statement, [dict(row) for row in rows]).all())


def upsert(conn: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert, or where the primary key is there already overwrite the given columns."""
    if not rows:
        return
    statement = _dialect_insert(conn, table)
    keys = [column.name for column in table.primary_key]
    given = [name for name in rows[0] if name not in keys]
    new = {name: statement.excluded[name] for name in given}
    conn.execute(
        statement.on_conflict_do_update(index_elements=keys, set_=new)
        if new
        else statement.on_conflict_do_nothing(),
        [dict(row) for row in rows],
    )


def _dialect_insert(conn: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    if conn.dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)


def _prepare_sqlite(connection: DBAPIConnection, _record: object) -> None:
    assert isinstance(connection, sqlite3.Connection)  # noqa: S101  # the only driver we open
    connection.isolation_level = None  # the driver would begin, lazily, where it thinks fit
    for pragma in (
        f"busy_timeout = {_BUSY_TIMEOUT_MS}",
        "journal_mode = WAL",
        "synchronous = FULL",  # in WAL mode NORMAL may lose a commit on power loss: after a receipt
        "foreign_keys = ON",
        "secure_delete = ON",  # what is deleted is overwritten: somebody asked to be forgotten
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(conn: Connection) -> None:
    write = conn.get_execution_options().get(_WRITE, False)
    conn.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
