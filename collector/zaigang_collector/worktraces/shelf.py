"""A table of things with versions, sealed and in the ledger: what events and logs have in common.

No commits here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from zaigang_collector import db
from zaigang_collector.attendance.model import Outcome, outcome_of
from zaigang_collector.db import Randomness
from zaigang_collector.ledger import service as ledger
from zaigang_collector.ledger.model import EntryType
from zaigang_collector.vault.model import ToSeal, person
from zaigang_collector.vault.service import Vault


class Trace(Protocol):
    """What is put on a shelf."""

    @property
    def employee_id(self) -> str: ...

    def trace_id(self) -> str: ...

    def body(self) -> bytes: ...

    def columns(self) -> dict[str, object]: ...


T = TypeVar("T", bound=Trace)


@dataclass(frozen=True, slots=True)
class Stored(Generic[T]):
    """A stored version. Late edits make a new one; the old ones stay."""

    id: str
    version: int
    stored_ms: int
    content: T

    @property
    def reference(self) -> str:
        """Names exactly this version."""
        return f"{self.id}@{self.version}"


@dataclass(frozen=True, slots=True)
class Recorded(Generic[T]):
    """The stored version and how it came about."""

    trace: Stored[T]
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class _Made(Generic[T]):
    """A version to be stored, with what the ledger commits to."""

    stored: Stored[T]
    body: bytes
    record_hash: bytes


@dataclass(frozen=True, slots=True)
class Shelf(Generic[T]):
    """One table, and how what lies in it is read."""

    table: sa.Table
    entry_type: EntryType
    read: Callable[[bytes], T]

    def context_of(self, reference: str) -> bytes:
        """Where a body stands, for the vault."""
        return f"{self.table.name}/{reference}".encode()

    def record_all(
        self,
        conn: Connection,
        vault: Vault,
        news: Iterable[T],
        now_ms: int,
        randomness: Randomness,
    ) -> tuple[Recorded[T], ...]:
        """Store each once, in their order. The same content again changes nothing; other content
        under the same source and id is a late edit and makes a new version."""
        recorded: list[Recorded[T]] = []
        for portion in db.portions_by_id(news, lambda new: new.trace_id()):
            recorded += self._record_portion(conn, vault, portion, now_ms, randomness)
        return tuple(recorded)

    def _record_portion(
        self,
        conn: Connection,
        vault: Vault,
        portion: Mapping[str, T],
        now_ms: int,
        randomness: Randomness,
    ) -> list[Recorded[T]]:
        there = self._newest(conn, portion)
        recorded: list[Recorded[T]] = []
        made: list[_Made[T]] = []
        for name, new in portion.items():
            body = new.body()
            digest = hashlib.sha256(body).digest()
            before = there.get(name)
            outcome = outcome_of(None if before is None else before.record_hash, digest)
            if before is not None and outcome is Outcome.UNCHANGED:
                same = Stored(name, before.version, before.stored_ms, new)
                recorded.append(Recorded(same, outcome))
                continue
            version = 1 if before is None else before.version + 1
            one = _Made(Stored(name, version, now_ms, new), body, digest)
            recorded.append(Recorded(one.stored, outcome))
            made.append(one)
        if made:
            self._insert(conn, vault, made, now_ms, randomness)
        return recorded

    def _newest(self, conn: Connection, names: Iterable[str]) -> dict[str, Row[*tuple[Any, ...]]]:
        columns = self.table.c
        query = sa.select(
            columns.id, columns.version, columns.stored_ms, columns.record_hash
        ).where(columns.id.in_(sorted(names)), columns.newest)
        return {row.id: row for row in conn.execute(query)}

    def _insert(
        self,
        conn: Connection,
        vault: Vault,
        made: Sequence[_Made[T]],
        now_ms: int,
        randomness: Randomness,
    ) -> None:
        columns = self.table.c
        edited = [one.stored.id for one in made if one.stored.version > 1]
        if edited:
            older = sa.update(self.table).where(columns.id.in_(edited))
            conn.execute(older.values(newest=False))
        items = [
            ToSeal(
                person(one.stored.content.employee_id),
                one.body,
                self.context_of(one.stored.reference),
            )
            for one in made
        ]
        sealed = vault.seal_many(conn, items, now_ms)
        rows = [
            {
                "id": one.stored.id,
                "version": one.stored.version,
                "newest": True,
                "stored_ms": now_ms,
                "record_hash": one.record_hash,
                "body": body,
                **one.stored.content.columns(),
            }
            for one, body in zip(made, sealed, strict=True)
        ]
        conn.execute(sa.insert(self.table), rows)
        ledger.append_all(
            conn,
            [
                (
                    self.entry_type,
                    now_ms,
                    one.record_hash,
                    randomness(ledger.SALT_BYTES),
                    one.stored.reference,
                )
                for one in made
            ],
        )

    def select(
        self, conn: Connection, vault: Vault, query: sa.Select[Any]
    ) -> tuple[Stored[T], ...]:
        """What a query over the whole table gives, opened; without who is being forgotten."""
        rows = conn.execute(query).all()
        sealed = [(row.body, self.context_of(f"{row.id}@{row.version}")) for row in rows]
        bodies = vault.open_many(conn, sealed)
        return tuple(
            Stored(row.id, row.version, row.stored_ms, self.read(body))
            for row, body in zip(rows, bodies, strict=True)
            if body is not None
        )

    def delete(self, conn: Connection, which: sa.ColumnElement[bool]) -> int:
        """Delete versions; of their ledger entries only the leaf hashes stay."""
        table = self.table
        query = sa.delete(table).where(which).returning(table.c.id, table.c.version)
        gone = conn.execute(query).all()
        ledger.blind(conn, self.entry_type, [f"{row.id}@{row.version}" for row in gone])
        return len(gone)
