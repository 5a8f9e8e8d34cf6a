"""Recording many clock-ins at once: a few statements for all instead of some for each. No commits
here."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from zaigang_collector.attendance import known, service
from zaigang_collector.attendance.model import ClockIn, NewClockIn, Outcome
from zaigang_collector.attendance.tables import CLOCK_IN
from zaigang_collector.db import Randomness
from zaigang_collector.ledger import service as ledger
from zaigang_collector.vault.model import ToSeal, person
from zaigang_collector.vault.service import Vault


@dataclass(frozen=True, slots=True)
class _First:
    """The first version of a punch."""

    clock_in: ClockIn
    body: bytes
    record_hash: bytes


def outcomes(conn: Connection, source: str, items: Sequence[NewClockIn]) -> list[Outcome]:
    """What recording these would do; each of another source id, all of `source`."""
    stored = known.record_hashes(conn, source, [one.source_id for one in items])
    return [_outcome(stored.get(one.source_id), one.record_hash()) for one in items]


def record_all(
    conn: Connection,
    vault: Vault,
    source: str,
    items: Sequence[NewClockIn],
    now_ms: int,
    randomness: Randomness,
) -> list[Outcome]:
    """What `service.record` does with each; each of another source id, all of `source`."""
    stored = known.record_hashes(conn, source, [one.source_id for one in items])
    found, fresh = [], []
    for new in items:
        body = new.body()
        digest = hashlib.sha256(body).digest()
        outcome = _outcome(stored.get(new.source_id), digest)
        if outcome is Outcome.ADDED:
            fresh.append(_First(ClockIn(new.clock_in_id(), 1, now_ms, new), body, digest))
        elif outcome is Outcome.NEW_VERSION:  # few, and each needs the one before it
            service.record(conn, vault, new, now_ms, randomness)
        found.append(outcome)
    _add(conn, vault, fresh, now_ms, randomness)
    return found


def _outcome(stored: bytes | None, record_hash: bytes) -> Outcome:
    if stored is None:
        return Outcome.ADDED
    return Outcome.UNCHANGED if stored == record_hash else Outcome.NEW_VERSION


def _add(
    conn: Connection,
    vault: Vault,
    fresh: Sequence[_First],
    now_ms: int,
    randomness: Randomness,
) -> None:
    if not fresh:
        return
    sealed = vault.seal_many(
        conn,
        [
            ToSeal(
                person(one.clock_in.content.employee_id),
                one.body,
                service.context_of(one.clock_in.reference),
            )
            for one in fresh
        ],
        now_ms,
    )
    rows = [
        service.columns_of(one.clock_in, one.record_hash, body)
        for one, body in zip(fresh, sealed, strict=True)
    ]
    conn.execute(sa.insert(CLOCK_IN), rows)
    salts = randomness(ledger.SALT_BYTES * len(fresh))
    ledger.append_all(
        conn,
        (
            (
                ledger.EntryType.CLOCK_IN,
                now_ms,
                one.record_hash,
                salts[at * ledger.SALT_BYTES : (at + 1) * ledger.SALT_BYTES],
                one.clock_in.reference,
            )
            for at, one in enumerate(fresh)
        ),
    )
