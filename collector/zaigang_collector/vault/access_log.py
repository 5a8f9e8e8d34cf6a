"""Who looked at what is held about a person, what for, and when. No commits here.

Each look is an entry of the ledger before the answer goes out, so that nobody can look in secret
and nobody can deny it later; what it says is under the key of the person who was looked at.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy import Connection

from zaigang_collector.db import Randomness
from zaigang_collector.ledger import service as ledger
from zaigang_collector.vault.model import ToSeal, person
from zaigang_collector.vault.service import Vault
from zaigang_collector.vault.tables import LOOK
from zaigang_shared import cbor

NOT_STATED: Final = "not stated"
WHY_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class Looker:
    """Who looks, and what for."""

    who: str
    why: str = NOT_STATED


@dataclass(frozen=True, slots=True)
class Look:
    """One look at one person's data."""

    id: int
    employee_id: str
    at_ms: int
    """Collector UTC."""
    who: str
    what: str
    why: str


def record(
    conn: Connection,
    vault: Vault,
    looker: Looker,
    what: str,
    employee_ids: Iterable[str],
    now_ms: int,
    randomness: Randomness,
) -> int:
    """Note a look at `what` of these people; returns how many they are."""
    people = sorted(set(employee_ids))
    bodies = [
        cbor.dumps(
            {
                "v": 1,
                "person": one,
                "at": now_ms,
                "who": looker.who,
                "what": what,
                "why": looker.why,
            }
        )
        for one in people
    ]
    if not people:
        return 0
    ids = _new(conn, people, now_ms)
    items = [
        ToSeal(person(one), body, context_of(look_id))
        for one, body, look_id in zip(people, bodies, ids, strict=True)
    ]
    sealed = vault.seal_many(conn, items, now_ms)
    conn.execute(
        sa.update(LOOK).where(LOOK.c.id == sa.bindparam("look")).values(body=sa.bindparam("said")),
        [{"look": look_id, "said": body} for look_id, body in zip(ids, sealed, strict=True)],
    )
    ledger.append_all(
        conn,
        [
            (
                ledger.EntryType.ACCESS,
                now_ms,
                hashlib.sha256(body).digest(),
                randomness(ledger.SALT_BYTES),
                str(look_id),
            )
            for body, look_id in zip(bodies, ids, strict=True)
        ],
    )
    return len(people)


def of_person(
    conn: Connection, vault: Vault, employee_id: str, before_id: int | None = None, limit: int = 100
) -> tuple[Look, ...]:
    """The newest first, from before `before_id`."""
    query = sa.select(LOOK).where(LOOK.c.employee_id == employee_id, LOOK.c.body.is_not(None))
    if before_id is not None:
        query = query.where(LOOK.c.id < before_id)
    rows = conn.execute(query.order_by(LOOK.c.id.desc()).limit(limit)).all()
    opened = vault.open_many(conn, [(row.body, context_of(row.id)) for row in rows])
    found = []
    for row, body in zip(rows, opened, strict=True):
        if body is not None:
            said = cbor.loads(body, "look")
            found.append(
                Look(row.id, employee_id, row.at_ms, said["who"], said["what"], said["why"])
            )
    return tuple(found)


def forget(conn: Connection, employee_id: str) -> dict[str, int]:
    """Delete what was said of looks at a person; that there were some stays, in the ledger."""
    gone = conn.scalars(
        sa.update(LOOK)
        .where(LOOK.c.employee_id == employee_id, LOOK.c.body.is_not(None))
        .values(body=None)
        .returning(LOOK.c.id)
    ).all()
    ledger.blind(conn, ledger.EntryType.ACCESS, [str(one) for one in gone])
    return {"looks": len(gone)}


def context_of(look_id: int) -> bytes:
    """Where this body stands, for the vault."""
    return f"look/{look_id}".encode()


def _new(conn: Connection, people: Sequence[str], now_ms: int) -> list[int]:
    """Rows to be filled, in one statement: a list of a thousand people holds up nobody's writing."""
    rows = [{"employee_id": one, "at_ms": now_ms, "body": None} for one in people]
    statement = sa.insert(LOOK).returning(LOOK.c.id, sort_by_parameter_order=True)
    return list(conn.scalars(statement, rows))
