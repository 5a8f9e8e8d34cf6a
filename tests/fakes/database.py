"""Databases for tests."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection, Engine, MetaData

from zaigang_collector import db

_AREAS = (
    "access",
    "assessment",
    "attendance",
    "cases",
    "connectors",
    "devices",
    "directory",
    "ingest",
    "ledger",
    "rules",
    "vault",
    "worktraces",
)


def all_tables() -> MetaData:
    """The collector's tables, of all areas."""
    for area in _AREAS:
        importlib.import_module(f"zaigang_collector.{area}.tables")
    return db.metadata


def in_file(folder: Path) -> Engine:
    """A new SQLite file in `folder` with the tables that the test has imported."""
    engine = db.open_engine(f"sqlite:///{folder / 'zaigang.db'}")
    db.metadata.create_all(engine)
    return engine


@contextlib.contextmanager
def in_memory() -> Iterator[Connection]:
    """One transaction on a new database with the tables that the test has imported."""
    engine = db.open_engine("sqlite://")
    try:
        with db.writing(engine) as conn:
            db.metadata.create_all(conn)
            yield conn
    finally:
        engine.dispose()
