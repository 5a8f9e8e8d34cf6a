"""The ledger for everybody else: its queue, its newest checkpoint, and proofs. No commits here.

An entry exists exactly when what it is about does; `sequencer` gives it its place later.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from zaigang_collector.db import Tail
from zaigang_collector.errors import LedgerError
from zaigang_collector.ledger import sequencer
from zaigang_collector.ledger.model import (
    CONTINUED,
    Continued,
    Entry,
    EntryType,
    StoredCheckpoint,
    leaf_of,
)
from zaigang_collector.ledger.tables import CHECKPOINT, ENTRY, EVENT, HEAD
from zaigang_collector.ledger.tree import StoredTree, leaf_of_row
from zaigang_shared import cbor, merkle
from zaigang_shared.ledger_entry import HASH_BYTES, SALT_BYTES

__all__ = [
    "SALT_BYTES",
    "Continued",
    "Entry",
    "EntryType",
    "StoredCheckpoint",
    "consistency_proof",
    "newest_checkpoint",
    "pin",
]

_PAGE: Final = 500  # refs in one question; SQLite takes some thousands


def append(
    conn: Connection,
    type: EntryType,  # noqa: A002  # the word of the protocol
    at_ms: int,
    body_hash: bytes,
    salt: bytes,
    ref: str,
) -> int:
    """Queue one entry (`at_ms` collector UTC); returns its queue id."""
    row = _row(type, at_ms, body_hash, salt, ref)
    result = conn.execute(sa.insert(ENTRY).values(**row).returning(ENTRY.c.queue_id))
    return int(result.scalar_one())


def append_all(conn: Connection, items: Iterable[tuple[EntryType, int, bytes, bytes, str]]) -> None:
    """Queue many, each (type, at_ms, body_hash, salt, ref), in this order."""
    rows = [_row(*item) for item in items]
    if rows:
        conn.execute(sa.insert(ENTRY), rows)


def entries(conn: Connection, after_queue_id: int = 0, limit: int = 1000) -> tuple[Entry, ...]:
    """The queue in order, from after `after_queue_id`."""
    query = (
        sa.select(ENTRY)
        .where(ENTRY.c.queue_id > after_queue_id)
        .order_by(ENTRY.c.queue_id)
        .limit(limit)
    )
    return tuple(_entry(row) for row in conn.execute(query))


def appended(
    conn: Connection, tail: Tail, types: Collection[EntryType]
) -> Iterator[tuple[EntryType, str]]:
    """Type and ref of what was appended since the last time, of these types."""
    wanted = ENTRY.c.type.in_(sorted(one.value for one in types))
    query = sa.select(ENTRY.c.queue_id, ENTRY.c.type, ENTRY.c.ref).where(wanted)
    for row in tail.fresh(conn, query, ENTRY.c.queue_id):
        yield EntryType(row.type), row.ref


def entries_of(conn: Connection, type: EntryType, *refs: str) -> tuple[Entry, ...]:  # noqa: A002
    """All entries about these things, the oldest first."""
    wanted = sorted(refs)
    rows: list[Row[Any]] = []
    for start in range(0, len(wanted), _PAGE):
        query = sa.select(ENTRY).where(
            ENTRY.c.type == type.value, ENTRY.c.ref.in_(wanted[start : start + _PAGE])
        )
        rows += conn.execute(query).all()
    return tuple(_entry(row) for row in sorted(rows, key=lambda row: row.queue_id))


def blind(conn: Connection, type: EntryType, refs: Collection[str]) -> int:  # noqa: A002
    """Keep only the leaf hashes of these entries: a body that is gone could be guessed from its
    hash and salt. Every proof over the leaf goes on holding. Returns how many were changed."""
    wanted, changed = sorted(refs), []
    for start in range(0, len(wanted), _PAGE):
        query = sa.select(ENTRY).where(
            ENTRY.c.type == type.value,
            ENTRY.c.ref.in_(wanted[start : start + _PAGE]),
            ENTRY.c.salt.is_not(None),
        )
        changed += [
            {"entry": row.queue_id, "hash": leaf_of_row(row)} for row in conn.execute(query)
        ]
    if changed:
        entry = sa.update(ENTRY).where(ENTRY.c.queue_id == sa.bindparam("entry"))
        conn.execute(entry.values(leaf=sa.bindparam("hash"), body_hash=None, salt=None), changed)
    return len(changed)


def waiting(conn: Connection) -> int:
    """How many entries have no place in the tree yet."""
    query = sa.select(sa.func.count()).where(ENTRY.c.idx.is_(None))
    return int(conn.execute(query).scalar_one())


def sequenced(conn: Connection, start: int, limit: int = 1000) -> tuple[Entry, ...]:
    """Entries by their place in the tree, from `start` on."""
    query = sa.select(ENTRY).where(ENTRY.c.idx >= start).order_by(ENTRY.c.idx).limit(limit)
    return tuple(_entry(row) for row in conn.execute(query))


def newest_checkpoint(conn: Connection) -> StoredCheckpoint | None:
    """What the ledger was when it was last signed; None before there is a ledger."""
    return sequencer.newest_checkpoint(conn)


def origin(conn: Connection) -> str:
    """What the ledger is called now. Raises LedgerError before there is one."""
    found = conn.execute(sa.select(HEAD.c.origin)).scalar_one_or_none()
    if found is None:
        raise LedgerError("the database has no ledger: run `zaigang-collector upgrade`")
    return str(found)


def continuations(conn: Connection) -> tuple[Continued, ...]:
    """How the ledger came to its name, the oldest first; empty: it has its first one."""
    query = sa.select(EVENT.c.body).where(EVENT.c.kind == CONTINUED).order_by(EVENT.c.id)
    return tuple(_continued(body) for body in conn.scalars(query))


def event_bodies(conn: Connection) -> tuple[tuple[str, bytes], ...]:
    """What happened to the ledger itself: reference and body, the oldest first."""
    query = sa.select(EVENT.c.id, EVENT.c.body).order_by(EVENT.c.id)
    return tuple((str(row.id), row.body) for row in conn.execute(query))


def checkpoint_at(conn: Connection, size: int) -> StoredCheckpoint | None:
    """The checkpoint of a size, if it was kept."""
    row = conn.execute(sa.select(CHECKPOINT).where(CHECKPOINT.c.size == size)).one_or_none()
    return None if row is None else sequencer.stored(row)


def pin(conn: Connection, size: int) -> None:
    """Keep a checkpoint for good: somebody outside was shown it."""
    conn.execute(sa.update(CHECKPOINT).where(CHECKPOINT.c.size == size).values(pinned=True))


def root_at(conn: Connection, size: int) -> bytes:
    """The root that the tree had at `size` entries. Raises LedgerError when it never had them."""
    return merkle.root_at(size, StoredTree(conn).node)


def inclusion_proof(conn: Connection, index: int, size: int) -> list[bytes]:
    """That entry `index` is in the tree of `size` entries. Raises ProofError, LedgerError."""
    return merkle.inclusion_proof(index, size, StoredTree(conn).node)


def inclusion_proofs(conn: Connection, indices: Iterable[int], size: int) -> list[list[bytes]]:
    """The same for many at once, which read most tiles once."""
    tree = StoredTree(conn)
    return [merkle.inclusion_proof(index, size, tree.node) for index in indices]


def consistency_proof(conn: Connection, old: int, new: int) -> list[bytes]:
    """That the tree of `new` entries begins with that of `old`. Raises ProofError, LedgerError."""
    return merkle.consistency_proof(old, new, StoredTree(conn).node)


def tile(conn: Connection, level: int, n: int, width: int) -> bytes | None:
    """The first `width` hashes of a tile, joined; None when the tree does not have that many."""
    hashes = StoredTree(conn).tile(level, n)[:width]
    return b"".join(hashes) if len(hashes) == width else None


def _row(
    entry_type: EntryType, at_ms: int, body_hash: bytes, salt: bytes, ref: str
) -> dict[str, object]:
    if len(body_hash) != HASH_BYTES:
        raise ValueError(f"a body hash has {HASH_BYTES} bytes, this has {len(body_hash)}")
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a salt has {SALT_BYTES} bytes, this has {len(salt)}")
    return {
        "type": entry_type.value,
        "at_ms": at_ms,
        "body_hash": body_hash,
        "salt": salt,
        "ref": ref,
    }


def _continued(body: bytes) -> Continued:
    whole: Any = cbor.loads(body, "ledger event")
    fields = whole["fields"]
    return Continued(
        origin=fields["from"],
        as_origin=fields["as"],
        size=fields["size"],
        root=fields["root"],
        at_ms=whole["at"],
        by=fields["by"],
        why=fields["why"],
        checkpoint=fields["checkpoint"],
    )


def _entry(row: Row[Any]) -> Entry:
    return Entry(
        queue_id=row.queue_id,
        index=row.idx,
        type=EntryType(row.type),
        at_ms=row.at_ms,
        body_hash=row.body_hash,
        salt=row.salt,
        leaf=leaf_of(row.type, row.at_ms, row.body_hash, row.salt, row.leaf),
        ref=row.ref,
    )
