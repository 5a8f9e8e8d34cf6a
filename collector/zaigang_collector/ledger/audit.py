"""Re-derives the ledger from its entries, and holds what other areas have against it.

What somebody with write access to the database can do is change rows; what they cannot do is make a
checkpoint that fits, or one that was shown outside go away. Each finding names the record.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from zaigang_collector.ledger.model import EntryType
from zaigang_collector.ledger.tables import CHECKPOINT, ENTRY, EVENT, HEAD, TILE
from zaigang_collector.ledger.tree import WIDTH, leaf_of_row, split
from zaigang_shared import checkpoint as checkpoints
from zaigang_shared import note as notes
from zaigang_shared.errors import EvidenceError, NoteError
from zaigang_shared.merkle import Frontier
from zaigang_shared.note import VerifierKey

PAGE: Final = 1000
# Entries are dated when their transaction begins and placed after it ends. Larger hides an entry
# that was dated back by so much; smaller takes a long import for one.
ORDER_SLACK_MS: Final = 10 * 60_000


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was."""

    record: str
    """What it is about, so that anybody finds it: `envelope lap-1/17`, `ledger entry 12`."""
    what: str
    """One sentence: what is there, and what should be."""

    def __str__(self) -> str:
        return f"{self.record}: {self.what}"


@dataclass(frozen=True, slots=True)
class Body:
    """Something that an area holds and the ledger commits to."""

    type: EntryType
    ref: str
    at_ms: int
    hash: bytes
    """SHA-256 of the body, computed anew."""

    @property
    def record(self) -> str:
        return f"{self.type.value} {self.ref}"


Known: TypeAlias = Callable[[Connection, Sequence[str]], set[str]]
"""Which of these references an area has a body, or the rest of a forgotten one, for."""


@dataclass(slots=True)
class Walked:
    """What a walk over the tree came to, besides its findings."""

    size: int = 0
    root: bytes = b""
    waiting: int = 0


def tree(conn: Connection, logs: Mapping[str, VerifierKey], walked: Walked) -> Iterator[Finding]:
    """Every entry, tile and checkpoint, and the head, derived from the entries alone. `logs`: the keys
    by the names that this ledger has had."""
    edge = Frontier()
    tiles = _Tiles(conn)
    signed = {row.size: row for row in conn.execute(sa.select(CHECKPOINT))}
    yield from _checkpoint(signed.pop(0, None), edge, logs)
    newest_ms = 0
    for row in _entries(conn):
        # Two of them with one index cannot be: the database keeps it unique.
        if row.idx != edge.size:
            yield Finding(
                f"ledger entry {edge.size}",
                f"is missing: the next one there is number {row.idx} (deleted, or moved)",
            )
            walked.size, walked.root = edge.size, edge.root()
            return  # every hash from here on is another one
        yield from _dated(row, newest_ms)
        newest_ms = max(newest_ms, row.at_ms)
        leaf = leaf_of_row(row)
        edge.append(leaf)
        yield from tiles.add(leaf)
        if edge.size in signed:
            yield from _checkpoint(signed.pop(edge.size), edge, logs)
    for size in sorted(signed):
        yield Finding(
            f"checkpoint {size}",
            f"was signed for {size} entries, of which {edge.size} are left: the end was cut off",
        )
    yield from _head(conn, edge)
    yield from tiles.too_many()
    walked.size, walked.root = edge.size, edge.root()
    count = sa.select(sa.func.count()).where(ENTRY.c.idx.is_(None))
    walked.waiting = int(conn.execute(count).scalar_one())


def held_against(
    conn: Connection, entry_type: EntryType, bodies: Iterable[Body | Finding]
) -> Iterator[Finding]:
    """Each body of an area has one entry, of its hash and time."""
    page: list[Body] = []
    for one in bodies:
        if isinstance(one, Finding):
            yield one
            continue
        page.append(one)
        if len(page) == PAGE:
            yield from _page_against(conn, entry_type, page)
            page = []
    yield from _page_against(conn, entry_type, page)


def without_body(conn: Connection, entry_type: EntryType, known: Known) -> Iterator[Finding]:
    """Entries about something that the area does not have any more."""
    after = 0
    while True:
        query = (
            sa.select(ENTRY.c.queue_id, ENTRY.c.idx, ENTRY.c.ref)
            .where(ENTRY.c.type == entry_type.value, ENTRY.c.queue_id > after)
            .where(ENTRY.c.body_hash.is_not(None))  # else it was forgotten, on record
            .order_by(ENTRY.c.queue_id)
            .limit(PAGE)
        )
        rows = conn.execute(query).all()
        if not rows:
            return
        there = known(conn, [row.ref for row in rows])
        for row in rows:
            if row.ref not in there:
                place = "in the queue" if row.idx is None else f"ledger entry {row.idx}"
                yield Finding(f"{entry_type.value} {row.ref}", f"was deleted; {place} is about it")
        after = rows[-1].queue_id


def blinded(conn: Connection) -> dict[str, int]:
    """How many entries of each type have their leaf only."""
    query = (
        sa.select(ENTRY.c.type, sa.func.count().label("number"))
        .where(ENTRY.c.body_hash.is_(None))
        .group_by(ENTRY.c.type)
    )
    return {row.type: row.number for row in conn.execute(query)}


def events(conn: Connection) -> Iterator[Body | Finding]:
    """What happened to the ledger itself, each as a body."""
    for row in conn.execute(sa.select(EVENT).order_by(EVENT.c.id)):
        digest = hashlib.sha256(row.body).digest()
        yield Body(EntryType.LEDGER_EVENT, str(row.id), row.at_ms, digest)


def known_events(conn: Connection, refs: Sequence[str]) -> set[str]:
    """Which of these are stored."""
    return known_ids(conn, EVENT.c.id, refs)


def pages(
    conn: Connection, table: sa.Table, *where: sa.ColumnElement[bool]
) -> Iterator[Sequence[Row[*tuple[Any, ...]]]]:
    """All rows of a table in order of its primary key, `PAGE` at a time in memory."""
    keys = list(table.primary_key)
    after: tuple[Any, ...] | None = None
    while True:
        query = sa.select(table).where(*where).order_by(*keys).limit(PAGE)
        if after is not None:
            query = query.where(sa.tuple_(*keys) > after)
        rows = conn.execute(query).all()
        if not rows:
            return
        yield rows
        after = tuple(getattr(rows[-1], key.name) for key in keys)


def newest_marked(conn: Connection, table: sa.Table, what: str) -> Iterator[Finding]:
    """Of a thing with versions the last one, and no other, is marked as the newest."""
    marked = sa.case((table.c.newest, table.c.version), else_=0)
    query = sa.select(
        table.c.id,
        sa.func.max(table.c.version).label("last"),
        sa.func.sum(marked).label("marked"),
        sa.func.max(marked).label("newest"),
    ).group_by(table.c.id)
    for row in conn.execute(query):
        if not row.last == row.newest == row.marked:
            yield Finding(
                f"{what} {row.id}", f"has {row.last} versions, and another than the last is shown"
            )


def known_ids(conn: Connection, column: sa.Column[Any], refs: Sequence[str]) -> set[str]:
    """Which of these references are ids in a column of numbers."""
    return {str(one) for one in conn.scalars(sa.select(column).where(column.in_(numbers(refs))))}


def numbers(refs: Sequence[str]) -> list[int]:
    """Those of these references that are ids; somebody may have written anything there."""
    return [int(ref) for ref in refs if ref.isascii() and ref.isdigit() and len(ref) < 19]


def _entries(conn: Connection) -> Iterator[Row[*tuple[Any, ...]]]:
    start = 0
    while True:
        query = (
            sa.select(
                ENTRY.c.idx,
                ENTRY.c.type,
                ENTRY.c.at_ms,
                ENTRY.c.body_hash,
                ENTRY.c.salt,
                ENTRY.c.leaf,
                ENTRY.c.ref,
            )
            .where(ENTRY.c.idx >= start)
            .order_by(ENTRY.c.idx)
            .limit(PAGE)
        )
        rows = conn.execute(query).all()
        if not rows:
            return
        yield from rows
        start = rows[-1].idx + 1


def _dated(row: Row[*tuple[Any, ...]], newest_ms: int) -> Iterator[Finding]:
    if row.at_ms < newest_ms - ORDER_SLACK_MS:
        yield Finding(
            f"ledger entry {row.idx} ({row.type} {row.ref})",
            f"is dated {(newest_ms - row.at_ms) // 60_000} minutes before an entry that was there "
            "already: dated back",
        )


def _checkpoint(
    row: Row[*tuple[Any, ...]] | None, edge: Frontier, logs: Mapping[str, VerifierKey]
) -> Iterator[Finding]:
    if row is None:
        return
    try:
        origin = checkpoints.read(notes.parse(row.note)).origin
        if origin not in logs:
            raise NoteError(f"no ledger here is or was called {origin}")
        said, _ = checkpoints.open_note(row.note, logs[origin])
    except EvidenceError as error:
        yield Finding(f"checkpoint {row.size}", f"was not signed by this collector: {error}")
        return
    if (said.size, said.root) != (row.size, row.root):
        yield Finding(f"checkpoint {row.size}", "says something else than is written beside it")
    if said.root != edge.root():
        yield Finding(
            f"checkpoint {row.size}",
            f"has root {said.root.hex()}, the first {row.size} entries give {edge.root().hex()}: "
            "one of them was changed, moved or put in",
        )


def _head(conn: Connection, edge: Frontier) -> Iterator[Finding]:
    head = conn.execute(sa.select(HEAD)).one_or_none()
    if head is None:
        yield Finding("ledger head", "is missing")
    elif (head.size, split(head.edge)) != (edge.size, edge.stack):
        yield Finding(
            "ledger head",
            f"is that of {head.size} entries, the entries give {edge.size}, or others",
        )


class _Tiles:
    """Fills tiles as the tree grows, and compares each that is full with the stored one."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._open: list[list[bytes]] = []
        self._full: list[int] = []

    def add(self, leaf: bytes) -> Iterator[Finding]:
        level, found = 0, leaf
        while True:
            if level == len(self._open):
                self._open.append([])
                self._full.append(0)
            hashes = self._open[level]
            hashes.append(found)
            if len(hashes) < WIDTH:
                return
            edge = Frontier()
            for one in hashes:
                edge.append(one)
            found = edge.root()
            yield from self._compare(level, self._full[level], hashes, found)
            self._full[level] += 1
            self._open[level] = []
            level += 1

    def too_many(self) -> Iterator[Finding]:
        """Tiles that no entries stand behind."""
        for row in self._conn.execute(sa.select(TILE.c.level, TILE.c.idx)):
            if row.level >= len(self._full) or row.idx >= self._full[row.level]:
                yield Finding(f"tile {row.level}/{row.idx}", "has no entries behind it")

    def _compare(self, level: int, n: int, hashes: list[bytes], root: bytes) -> Iterator[Finding]:
        query = sa.select(TILE).where(TILE.c.level == level, TILE.c.idx == n)
        row = self._conn.execute(query).one_or_none()
        if row is None:
            yield Finding(f"tile {level}/{n}", "is missing")
        elif row.hashes != b"".join(hashes) or row.root != root:
            yield Finding(f"tile {level}/{n}", "is not what the entries give")


def _page_against(
    conn: Connection, entry_type: EntryType, page: Sequence[Body]
) -> Iterator[Finding]:
    if not page:
        return
    query = sa.select(ENTRY).where(
        ENTRY.c.type == entry_type.value, ENTRY.c.ref.in_([one.ref for one in page])
    )
    entries: dict[str, list[Row[*tuple[Any, ...]]]] = {}
    for row in conn.execute(query):
        entries.setdefault(row.ref, []).append(row)
    for one in page:
        yield from _body_against(one, entries)


def _body_against(
    body: Body, entries: Mapping[str, Sequence[Row[*tuple[Any, ...]]]]
) -> Iterator[Finding]:
    found = entries.get(body.ref, ())
    if len(found) != 1:
        yield Finding(
            body.record,
            "is in no ledger entry: put in behind its back"
            if not found
            else f"is in {len(found)} ledger entries: numbers {[row.idx for row in found]}",
        )
        return
    (row,) = found
    place = "its entry in the queue" if row.idx is None else f"ledger entry {row.idx}"
    if row.body_hash is not None and row.body_hash != body.hash:
        yield Finding(
            body.record,
            f"was changed: {place} commits to {row.body_hash.hex()}, it hashes to {body.hash.hex()}",
        )
    if row.at_ms != body.at_ms:
        yield Finding(body.record, f"is dated {body.at_ms} (UTC ms), {place} says {row.at_ms}")
