"""Recording many punches that are new, with a few statements for all of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy import Connection

from zaigang_collector.attendance import service
from zaigang_collector.attendance.model import ClockIn, NewClockIn
from zaigang_collector.attendance.tables import CLOCK_IN
from zaigang_collector.db import Randomness
from zaigang_collector.ledger import service as ledger
from zaigang_collector.vault.model import ToSeal, person
from zaigang_collector.vault.service import Vault


def add_all(
    conn: Connection, vault: Vault, new: Sequence[NewClockIn], now_ms: int, randomness: Randomness
) -> None:
    """Store punches of which nothing is stored yet, as `service.record` would one by one.

    Raises IntegrityError, and stores nothing, where somebody else has stored one meanwhile.
    """
    if not new:
        return
    clock_ins = [ClockIn(one.clock_in_id(), 1, now_ms, one) for one in new]
    bodies = [one.body() for one in new]
    hashes = [hashlib.sha256(body).digest() for body in bodies]
    sealed = vault.seal_many(
        conn,
        [
            ToSeal(person(one.content.employee_id), body, service.context_of(one.reference))
            for one, body in zip(clock_ins, bodies, strict=True)
        ],
        now_ms,
    )
    rows = [service._columns(*one) for one in zip(clock_ins, hashes, sealed, strict=True)]
    conn.execute(sa.insert(CLOCK_IN), rows)
    ledger.append_all(
        conn,
        (
            (
                ledger.EntryType.CLOCK_IN,
                now_ms,
                digest,
                randomness(ledger.SALT_BYTES),
                one.reference,
            )
            for one, digest in zip(clock_ins, hashes, strict=True)
        ),
    )
