"""The ledger's append queue. No commits here: an entry exists exactly when what it is about does."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from zaigang_collector.ledger.model import Entry, EntryType
from zaigang_collector.ledger.tables import ENTRY
from zaigang_shared import cbor

__all__ = [
    "SALT_BYTES",
    "Entry",
    "EntryType",
    "append",
    "append_all",
    "blind",
    "entries",
    "entries_of",
]

HASH_BYTES: Final = 32
SALT_BYTES: Final = 16
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


def entries_of(conn: Connection, type: EntryType, ref: str) -> tuple[Entry, ...]:  # noqa: A002
    """All entries about one thing, the oldest first."""
    query = (
        sa.select(ENTRY)
        .where(ENTRY.c.type == type.value, ENTRY.c.ref == ref)
        .order_by(ENTRY.c.queue_id)
    )
    return tuple(_entry(row) for row in conn.execute(query))


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
        changed += [{"entry": row.queue_id, "hash": _leaf(row)} for row in conn.execute(query)]
    if changed:
        entry = sa.update(ENTRY).where(ENTRY.c.queue_id == sa.bindparam("entry"))
        conn.execute(entry.values(leaf=sa.bindparam("hash"), body_hash=None, salt=None), changed)
    return len(changed)


def _leaf(row: Row[Any]) -> bytes:
    """The Merkle tree's leaf hash (RFC 9162 2.1.1) of [type, at_ms, body_hash, salt]."""
    data = cbor.dumps([row.type, row.at_ms, row.body_hash, row.salt])
    return hashlib.sha256(b"\0" + data).digest()


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


def _entry(row: Row[Any]) -> Entry:
    return Entry(
        queue_id=row.queue_id,
        type=EntryType(row.type),
        at_ms=row.at_ms,
        body_hash=row.body_hash,
        salt=row.salt,
        ref=row.ref,
        leaf=row.leaf,
    )
