"""What people carry: Bluetooth badges and thermometers. No commits here; each change is a ledger entry.

A registration holds from when it was made until before it was taken back, and stays after that: what
a badge says of last month is of who wore it then. A bind key goes when the registration ends. It is
told to the laptop of the sensor's owner and to nobody else: no answer, event or log has it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from zaigang_collector import beacon_ids
from zaigang_collector.db import Randomness
from zaigang_collector.directory import service
from zaigang_collector.directory.model import Change
from zaigang_collector.directory.tables import ASSIGNMENT, CARRIED
from zaigang_collector.errors import ConflictError, UnknownIdError
from zaigang_collector.vault.service import Vault

# By the wire format a laptop is told 20 sensors at most. Larger is refused by every agent.
SENSORS_MOST: Final = 20
# Nobody wears ten badges; the list that a laptop is told has room for 100 with the company's own.
# Larger tells a mistake in an import to devices; smaller refuses who is handed a spare one.
BADGES_MOST: Final = 10
ADDED: Final = "carried"
REMOVED: Final = "carried_removed"


@dataclass(frozen=True, slots=True)
class Carried:
    """One thing with a radio, and whose it is."""

    id: str
    """What it is called: of a sensor, in readings."""
    employee_id: str
    format: str
    """ibeacon, altbeacon, eddystone: a badge; bthome, ruuvi, atc: a thermometer."""
    identifier: bytes
    """What it sends over the air: a badge's identifier, or a thermometer's address."""
    key: bytes | None = field(default=None, repr=False)
    """BTHome bind key; None: it sends plain text."""

    @property
    def is_badge(self) -> bool:
        return self.format in beacon_ids.BADGES


@dataclass(frozen=True, slots=True)
class Registration:
    """Something carried, from `from_ms` until before `to_ms` (UTC; None: still)."""

    carried: Carried
    from_ms: int
    to_ms: int | None


@dataclass(frozen=True, slots=True)
class Worn:
    """A badge while it was registered to a person."""

    identifier: bytes
    from_ms: int
    to_ms: int | None


def of_employee(conn: Connection, employee_id: str) -> tuple[Carried, ...]:
    """What is registered to a person now, by id."""
    query = sa.select(CARRIED).where(
        CARRIED.c.employee_id == employee_id, CARRIED.c.to_ms.is_(None)
    )
    return tuple(_carried(row) for row in conn.execute(query.order_by(CARRIED.c.id)))


def registrations(conn: Connection, employee_id: str | None = None) -> tuple[Registration, ...]:
    """All that is or was registered, to one person or to anybody, by id and time."""
    query = sa.select(CARRIED).order_by(CARRIED.c.id, CARRIED.c.from_ms)
    if employee_id is not None:
        query = query.where(CARRIED.c.employee_id == employee_id)
    return tuple(Registration(_carried(row), row.from_ms, row.to_ms) for row in conn.execute(query))


def began_ms(conn: Connection, carried_id: str) -> tuple[int, ...]:
    """When anything of this name was registered, to whomever, UTC ms in order."""
    query = sa.select(CARRIED.c.from_ms).where(CARRIED.c.id == carried_id)
    return tuple(conn.scalars(query.order_by(CARRIED.c.from_ms)))


def badges_worn(conn: Connection, employee_id: str, from_ms: int, to_ms: int) -> tuple[Worn, ...]:
    """The badges that were a person's at any moment of [from_ms, to_ms), and when."""
    query = (
        sa.select(CARRIED.c.identifier, CARRIED.c.from_ms, CARRIED.c.to_ms)
        .where(CARRIED.c.employee_id == employee_id, CARRIED.c.from_ms < to_ms)
        .where(CARRIED.c.format.in_(sorted(beacon_ids.BADGES)))
        .where(sa.or_(CARRIED.c.to_ms.is_(None), CARRIED.c.to_ms > from_ms))
        .order_by(CARRIED.c.identifier, CARRIED.c.from_ms)
    )
    return tuple(
        Worn(bytes.fromhex(row.identifier), row.from_ms, row.to_ms) for row in conn.execute(query)
    )


def wearers(
    conn: Connection, identifiers: Collection[bytes], from_ms: int, to_ms: int
) -> frozenset[str]:
    """Whose any of these badges was at any moment of [from_ms, to_ms)."""
    query = (
        sa.select(CARRIED.c.employee_id)
        .where(CARRIED.c.identifier.in_(sorted(one.hex() for one in identifiers)))
        .where(CARRIED.c.format.in_(sorted(beacon_ids.BADGES)), CARRIED.c.from_ms < to_ms)
        .where(sa.or_(CARRIED.c.to_ms.is_(None), CARRIED.c.to_ms > from_ms))
    )
    return frozenset(conn.scalars(query))


def badges_at(conn: Connection, site_id: str, first_day: str, last_day: str) -> tuple[Carried, ...]:
    """The badges of who is assigned to a site on any day from one to another (ISO 8601)."""
    assigned = sa.select(ASSIGNMENT.c.employee_id).where(
        ASSIGNMENT.c.site_id == site_id,
        ASSIGNMENT.c.from_day <= last_day,
        sa.or_(ASSIGNMENT.c.to_day.is_(None), ASSIGNMENT.c.to_day >= first_day),
    )
    query = (
        sa.select(CARRIED)
        .where(CARRIED.c.to_ms.is_(None), CARRIED.c.format.in_(sorted(beacon_ids.BADGES)))
        .where(CARRIED.c.employee_id.in_(assigned))
        .order_by(CARRIED.c.identifier)
    )
    return tuple(_carried(row) for row in conn.execute(query))


def register(
    conn: Connection, vault: Vault, new: Carried, now_ms: int, randomness: Randomness
) -> Change:
    """Let `new` be its owner's from now on. The same again changes nothing.

    Raises UnknownIdError, and ConflictError where its name or identifier is taken.
    """
    if service.get_employee(conn, new.employee_id) is None:
        raise UnknownIdError("employee", new.employee_id)
    held = _current(conn, CARRIED.c.id == new.id)
    if held == new:
        return Change.UNCHANGED
    _refuse_taken(conn, new, held)
    _refuse_many(conn, new)
    row = {
        "id": new.id,
        "employee_id": new.employee_id,
        "format": new.format,
        "identifier": new.identifier.hex(),
        "from_ms": now_ms,
    }
    conn.execute(sa.insert(CARRIED).values(**row, to_ms=None, key=new.key))
    fields = row | {"key_sha256": None if new.key is None else hashlib.sha256(new.key).digest()}
    service.record(conn, ADDED, new.employee_id, fields, now_ms, randomness, vault)
    return Change.ADDED


def remove(
    conn: Connection, vault: Vault, carried_id: str, now_ms: int, randomness: Randomness
) -> Carried:
    """From now on it is nobody's. Raises UnknownIdError."""
    held = _current(conn, CARRIED.c.id == carried_id)
    if held is None:
        raise UnknownIdError("carried thing", carried_id)
    mine = CARRIED.c.id == carried_id
    # One that began in this same millisecond never was.
    conn.execute(sa.delete(CARRIED).where(mine, CARRIED.c.from_ms >= now_ms))
    conn.execute(
        sa.update(CARRIED).where(mine, CARRIED.c.to_ms.is_(None)).values(to_ms=now_ms, key=None)
    )
    fields = {"id": carried_id, "employee_id": held.employee_id, "to_ms": now_ms}
    service.record(conn, REMOVED, held.employee_id, fields, now_ms, randomness, vault)
    return held


def _refuse_taken(conn: Connection, new: Carried, held: Carried | None) -> None:
    if held is not None:
        raise ConflictError(
            f"{new.id} is registered to {held.employee_id} already"
            + ("" if held.employee_id != new.employee_id else ", with another identifier or key")
            + f"; `people carried remove {new.id}` first, or give this one another name"
        )
    other = _current(conn, CARRIED.c.identifier == new.identifier.hex())
    if other is not None:
        shown = beacon_ids.written(new.format, new.identifier)
        raise ConflictError(
            f"{shown} is registered to {other.employee_id} as {other.id}; "
            f"`people carried remove {other.id}` first"
        )


def _refuse_many(conn: Connection, new: Carried) -> None:
    same = [one for one in of_employee(conn, new.employee_id) if one.is_badge == new.is_badge]
    most, what = (BADGES_MOST, "badges") if new.is_badge else (SENSORS_MOST, "thermometers")
    if len(same) >= most:
        raise ConflictError(
            f"{new.employee_id} has {len(same)} {what}, and {most} is the most; remove one that is "
            "not in use (`people carried list`)"
        )


def _current(conn: Connection, which: sa.ColumnElement[bool]) -> Carried | None:
    query = sa.select(CARRIED).where(which, CARRIED.c.to_ms.is_(None))
    row = conn.execute(query).one_or_none()
    return None if row is None else _carried(row)


def _carried(row: Row[Any]) -> Carried:
    return Carried(row.id, row.employee_id, row.format, bytes.fromhex(row.identifier), row.key)
