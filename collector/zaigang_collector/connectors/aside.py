"""Records that are no clock-in, or not yet: kept with the reason, sealed. No commits here."""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection

from zaigang_collector import db
from zaigang_collector.connectors.contract import Punch
from zaigang_collector.connectors.tables import ASIDE
from zaigang_collector.vault.model import ToSeal, person
from zaigang_collector.vault.service import Vault
from zaigang_shared import cbor

_PAGE: Final = 500  # ids in one question; SQLite takes some thousands


class Why(enum.StrEnum):
    """Why a record is no clock-in."""

    DISCOUNTED = "discounted"
    """The system does not accept it, nor say whether it was in or out."""
    NO_DIRECTION = "no_direction"
    NO_SITE = "no_site"
    NO_TIME = "no_time"
    """Before the year 2000, or in the future: nobody can have punched then."""


@dataclass(frozen=True, slots=True)
class Aside:
    """One record that was put aside."""

    punch: Punch
    employee_id: str
    why: Why

    def body(self) -> bytes:
        """What is sealed: the record as it is kept, and what we made of it."""
        return cbor.dumps(
            {
                "v": 1,
                "why": self.why.value,
                "id": self.punch.vendor_id,
                "employee": self.employee_id,
                "punched": self.punch.punched_ms,
                "vendor": self.punch.record,
            }
        )


@dataclass(frozen=True, slots=True)
class Count:
    """How many records of a source are aside for one reason, and of how many people."""

    why: Why
    records: int
    people: int
    newest_ms: int


def keep(conn: Connection, vault: Vault, source: str, items: Sequence[Aside], now_ms: int) -> int:
    """Keep these, in the place of what was kept under the same ids. Returns how many are new or
    changed; the same again changes nothing."""
    stored = _hashes(conn, source, [one.punch.vendor_id for one in items])
    bodies = [(one, one.body()) for one in items]
    fresh = [
        (one, body, digest)
        for one, body in bodies
        if stored.get(one.punch.vendor_id) != (digest := hashlib.sha256(body).digest())
    ]
    sealed = vault.seal_many(
        conn,
        [
            ToSeal(person(one.employee_id), body, context_of(source, one.punch.vendor_id))
            for one, body, _ in fresh
        ],
        now_ms,
    )
    rows: list[dict[str, Any]] = [
        {
            "source": source,
            "vendor_id": one.punch.vendor_id,
            "employee_id": one.employee_id,
            # What names no time belongs to the day on which it came.
            "at_ms": now_ms if one.why is Why.NO_TIME else one.punch.punched_ms,
            "why": one.why.value,
            "record_hash": digest,
            "body": body,
            "stored_ms": now_ms,
        }
        for (one, _, digest), body in zip(fresh, sealed, strict=True)
    ]
    db.upsert(conn, ASIDE, rows)
    return len(rows)


def drop(conn: Connection, source: str, vendor_ids: Sequence[str]) -> int:
    """These became clock-ins. Returns how many had been aside."""
    dropped = 0
    for start in range(0, len(vendor_ids), _PAGE):
        which = ASIDE.c.vendor_id.in_(vendor_ids[start : start + _PAGE])
        dropped += conn.execute(sa.delete(ASIDE).where(ASIDE.c.source == source, which)).rowcount
    return dropped


def counts(conn: Connection, source: str) -> tuple[Count, ...]:
    """What is aside, by reason."""
    query = (
        sa.select(
            ASIDE.c.why,
            sa.func.count().label("records"),
            sa.func.count(sa.distinct(ASIDE.c.employee_id)).label("people"),
            sa.func.max(ASIDE.c.at_ms).label("newest_ms"),
        )
        .where(ASIDE.c.source == source)
        .group_by(ASIDE.c.why)
        .order_by(ASIDE.c.why)
    )
    return tuple(
        Count(Why(row.why), row.records, row.people, row.newest_ms) for row in conn.execute(query)
    )


def opened(conn: Connection, vault: Vault, source: str, vendor_id: str) -> dict[str, Any] | None:
    """What was sealed of one; None: it is not aside, or was forgotten."""
    query = sa.select(ASIDE.c.body).where(ASIDE.c.source == source, ASIDE.c.vendor_id == vendor_id)
    sealed = conn.execute(query).scalar_one_or_none()
    if sealed is None:
        return None
    (body,) = vault.open_many(conn, [(sealed, context_of(source, vendor_id))])
    return None if body is None else dict(cbor.loads(body, "record that was put aside"))


def context_of(source: str, vendor_id: str) -> bytes:
    """Where this body stands, for the vault."""
    return f"connectors-aside/{source}/{vendor_id}".encode()


def _hashes(conn: Connection, source: str, vendor_ids: Sequence[str]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for start in range(0, len(vendor_ids), _PAGE):
        query = sa.select(ASIDE.c.vendor_id, ASIDE.c.record_hash).where(
            ASIDE.c.source == source,
            ASIDE.c.vendor_id.in_(vendor_ids[start : start + _PAGE]),
        )
        found |= {row.vendor_id: bytes(row.record_hash) for row in conn.execute(query)}
    return found
