"""Business events and work logs as the ledger has them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from zaigang_collector.ledger.audit import Body, Finding, newest_marked, pages
from zaigang_collector.vault.audit import opened
from zaigang_collector.vault.service import Vault
from zaigang_collector.worktraces.service import EVENTS, WORK_LOGS
from zaigang_collector.worktraces.shelf import Shelf, T
from zaigang_shared.errors import WireError


def events(conn: Connection, vault: Vault) -> Iterator[Body | Finding]:
    """Each version of each event, hashed anew from what is stored."""
    return _walked(conn, vault, EVENTS)


def work_logs(conn: Connection, vault: Vault) -> Iterator[Body | Finding]:
    """The same of logs."""
    return _walked(conn, vault, WORK_LOGS)


def known_events(conn: Connection, refs: Sequence[str]) -> set[str]:
    """Which of these are stored."""
    return _known(conn, EVENTS.table, refs)


def known_work_logs(conn: Connection, refs: Sequence[str]) -> set[str]:
    """Which of these are stored."""
    return _known(conn, WORK_LOGS.table, refs)


def _walked(conn: Connection, vault: Vault, shelf: Shelf[T]) -> Iterator[Body | Finding]:
    for rows in pages(conn, shelf.table):
        sealed = [(row.body, shelf.context_of(f"{row.id}@{row.version}")) for row in rows]
        for row, body in zip(rows, opened(conn, vault, sealed), strict=True):
            yield from _one(shelf, row, body)
    yield from newest_marked(conn, shelf.table, shelf.entry_type.value)


def _one(
    shelf: Shelf[T], row: Row[*tuple[Any, ...]], body: bytes | str | None
) -> Iterator[Body | Finding]:
    reference = f"{row.id}@{row.version}"
    record = f"{shelf.entry_type.value} {reference}"
    if isinstance(body, str):
        yield Finding(record, body)
        return
    if body is None:  # its key was destroyed, and its row with it, but for a moment
        return
    digest = hashlib.sha256(body).digest()
    yield Body(shelf.entry_type, reference, row.stored_ms, digest)
    try:
        said = shelf.read(body)
    except (WireError, KeyError, TypeError, ValueError):
        yield Finding(record, "is not what was written there")
        return
    for name, value in {"id": said.trace_id(), "record_hash": digest, **said.columns()}.items():
        if getattr(row, name) != value:
            yield Finding(record, f"was changed: {name} is {value!r} in its body, not in its row")


def _known(conn: Connection, table: sa.Table, refs: Sequence[str]) -> set[str]:
    names = sorted({ref.partition("@")[0] for ref in refs})
    query = sa.select(table.c.id, table.c.version).where(table.c.id.in_(names))
    return {f"{row.id}@{row.version}" for row in conn.execute(query)}
