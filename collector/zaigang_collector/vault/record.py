"""Tombstones and holds: what is said of what is gone, and of what may not go. No commits here."""

from __future__ import annotations

import contextlib
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from zaigang_collector.db import Randomness
from zaigang_collector.errors import ConflictError
from zaigang_collector.ledger import service as ledger
from zaigang_collector.vault.model import Hold, Tombstone, TombstoneKind
from zaigang_collector.vault.tables import HOLD, PENDING, TOMBSTONE
from zaigang_shared import cbor
from zaigang_shared.errors import WireError

WORDS_MAX: Final = 500
BY_MAX: Final = 200


def bury(
    conn: Connection,
    kind: TombstoneKind,
    employee_id: str | None,
    by: str,
    ground: str,
    counts: Mapping[str, int],
    now_ms: int,
    randomness: Randomness,
) -> Tombstone:
    """Keep a tombstone, and queue it for the ledger. Raises ConflictError for words that are empty
    or too long."""
    _refuse_words(by, BY_MAX, "who it is")
    _refuse_words(ground, WORDS_MAX, "the ground")
    body = cbor.dumps(
        {
            "event": kind.value,
            "person": employee_id,
            "at": now_ms,
            "by": by,
            "ground": ground,
            "counts": dict(counts),
        }
    )
    inserted = conn.execute(
        sa.insert(TOMBSTONE)
        .values(at_ms=now_ms, kind=kind.value, body=body)
        .returning(TOMBSTONE.c.id)
    )
    tombstone_id = int(inserted.scalar_one())
    ledger.append(
        conn,
        ledger.EntryType.ERASURE,
        now_ms,
        hashlib.sha256(body).digest(),
        randomness(ledger.SALT_BYTES),
        str(tombstone_id),
    )
    return Tombstone(tombstone_id, now_ms, kind, employee_id, by, ground, dict(counts))


def add_pending(conn: Connection, what: str, number: int) -> None:
    """So many more were deleted, and the tombstone is to come."""
    if not number:
        return
    added = sa.update(PENDING).where(PENDING.c.what == what)
    if not conn.execute(added.values(number=PENDING.c.number + number)).rowcount:
        conn.execute(sa.insert(PENDING).values(what=what, number=number))


def pending(conn: Connection) -> dict[str, int]:
    """What was deleted and no tombstone tells of yet."""
    return {row.what: row.number for row in conn.execute(sa.select(PENDING))}


def hold_words(conn: Connection) -> Iterator[tuple[TombstoneKind, str]]:
    """What was said of legal holds, the oldest first; what was altered says nothing."""
    kinds = (TombstoneKind.HOLD.value, TombstoneKind.HOLD_LIFTED.value)
    query = sa.select(TOMBSTONE).where(TOMBSTONE.c.kind.in_(kinds)).order_by(TOMBSTONE.c.id)
    for row in conn.execute(query):
        with contextlib.suppress(WireError, KeyError, TypeError, ValueError):
            said = _tombstone(row)
            if said.employee_id is not None:
                yield said.kind, said.employee_id


def take_pending(conn: Connection) -> dict[str, int]:
    """The same, for the tombstone that tells of it now."""
    found = pending(conn)
    conn.execute(sa.delete(PENDING))
    return found


def totals(conn: Connection) -> Counter[str]:
    """How many of what was deleted, by all that was ever said of it."""
    whole: Counter[str] = Counter(pending(conn))
    for row in conn.execute(sa.select(TOMBSTONE).order_by(TOMBSTONE.c.id)):
        if row.kind in (TombstoneKind.FORGOTTEN.value, TombstoneKind.RETENTION.value):
            # One that was altered counts for nothing; its hash tells of it elsewhere.
            with contextlib.suppress(WireError, KeyError, TypeError, ValueError, AttributeError):
                whole.update(_tombstone(row).counts)
    return whole


def tombstones(
    conn: Connection, kind: TombstoneKind | None = None, limit: int = 100
) -> tuple[Tombstone, ...]:
    """The newest first."""
    query = sa.select(TOMBSTONE).order_by(TOMBSTONE.c.id.desc()).limit(limit)
    if kind is not None:
        query = query.where(TOMBSTONE.c.kind == kind.value)
    return tuple(_tombstone(row) for row in conn.execute(query))


def bodies(conn: Connection) -> Iterator[tuple[int, int, bytes]]:
    """Of each tombstone its id, its time (UTC ms) and the hash of its body, the oldest first."""
    for row in conn.execute(sa.select(TOMBSTONE).order_by(TOMBSTONE.c.id)):
        yield row.id, row.at_ms, hashlib.sha256(row.body).digest()


def hold(
    conn: Connection, employee_id: str, why: str, by: str, now_ms: int, randomness: Randomness
) -> Tombstone:
    """From now on nothing of this person may be forgotten. Raises ConflictError when there is a
    hold already."""
    standing = hold_of(conn, employee_id)
    if standing is not None:
        raise ConflictError(f"{employee_id} is under legal hold already: {_words(standing)}")
    tombstone = bury(conn, TombstoneKind.HOLD, employee_id, by, why, {}, now_ms, randomness)
    conn.execute(sa.insert(HOLD).values(employee_id=employee_id, from_ms=now_ms, why=why, by=by))
    return tombstone


def lift(
    conn: Connection, employee_id: str, why: str, by: str, now_ms: int, randomness: Randomness
) -> Tombstone:
    """End a person's hold. Raises ConflictError when there is none."""
    standing = hold_of(conn, employee_id)
    if standing is None:
        raise ConflictError(f"{employee_id} is not under legal hold")
    conn.execute(
        sa.update(HOLD)
        .where(HOLD.c.employee_id == employee_id, HOLD.c.lifted_ms.is_(None))
        .values(lifted_ms=now_ms)
    )
    return bury(conn, TombstoneKind.HOLD_LIFTED, employee_id, by, why, {}, now_ms, randomness)


def hold_of(conn: Connection, employee_id: str) -> Hold | None:
    """The hold under which a person is."""
    query = sa.select(HOLD).where(HOLD.c.employee_id == employee_id, HOLD.c.lifted_ms.is_(None))
    row = conn.execute(query).one_or_none()
    return None if row is None else _hold(row)


def held(conn: Connection) -> frozenset[str]:
    """Everybody who is under hold, by employee id."""
    return frozenset(conn.scalars(sa.select(HOLD.c.employee_id).where(HOLD.c.lifted_ms.is_(None))))


def refuse_held(conn: Connection, employee_id: str) -> None:
    """Raise ConflictError, with the hold's words, for somebody who is under hold."""
    standing = hold_of(conn, employee_id)
    if standing is not None:
        raise ConflictError(
            f"{employee_id} is under legal hold: {_words(standing)}; nothing was forgotten. "
            f"`people release {employee_id}` lifts the hold"
        )


def _refuse_words(text: str, most: int, what: str) -> None:
    if not text.strip() or len(text) > most or not text.isprintable():
        raise ConflictError(f"{what} must be said in 1 to {most} printable characters")


def _words(one: Hold) -> str:
    return f"{one.why} ({one.by})"


def _hold(row: Row[Any]) -> Hold:
    return Hold(row.employee_id, row.from_ms, row.why, row.by, row.lifted_ms)


def _tombstone(row: Row[Any]) -> Tombstone:
    body = cbor.loads(row.body, "tombstone")
    return Tombstone(
        row.id,
        row.at_ms,
        TombstoneKind(row.kind),
        body["person"],
        body["by"],
        body["ground"],
        dict(body["counts"]),
    )
