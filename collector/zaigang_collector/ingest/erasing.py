"""Deleting the bytes of envelopes. What tells of chains, receipts and clocks stays."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy import Connection

from zaigang_collector.ingest.tables import ASIDE, CHAIN, ENVELOPE
from zaigang_collector.vault import service as vault


def devices(conn: Connection) -> tuple[str, ...]:
    """Ids of all devices of which anything arrived, sorted."""
    return tuple(conn.scalars(sa.select(CHAIN.c.device_id).order_by(CHAIN.c.device_id)))


def forget(
    conn: Connection, device_ids: Collection[str], key_ids: Collection[bytes]
) -> dict[str, int]:
    """Delete what is sealed under these keys, of these devices. Returns how much of what."""
    counts = {"envelopes": 0, "set_aside": 0}
    for device_id in sorted(device_ids):
        for name, table in (("envelopes", ENVELOPE), ("set_aside", ASIDE)):
            query = (
                sa.update(table)
                .where(table.c.device_id == device_id, vault.under(table.c.data, key_ids))
                .values(data=None)
            )
            counts[name] += conn.execute(query).rowcount
    return counts


def retire_envelopes(
    conn: Connection, device_id: str, before_ms: int, spared: Collection[bytes], most: int
) -> int:
    """Delete the bytes of at most `most` envelopes of a device that arrived before (UTC ms), but
    for those under the keys `spared`. Returns how many."""
    query = (
        sa.select(ENVELOPE.c.seq)
        .where(ENVELOPE.c.device_id == device_id, _old(ENVELOPE, before_ms, spared))
        .order_by(ENVELOPE.c.seq)
        .limit(most)
    )
    seqs = conn.scalars(query).all()
    if seqs:
        conn.execute(
            sa.update(ENVELOPE)
            .where(ENVELOPE.c.device_id == device_id, ENVELOPE.c.seq.in_(seqs))
            .values(data=None)
        )
    return len(seqs)


def retire_aside(conn: Connection, before_ms: int, spared: Collection[bytes]) -> int:
    """The same for what is kept aside, of all devices."""
    query = sa.update(ASIDE).where(_old(ASIDE, before_ms, spared)).values(data=None)
    return conn.execute(query).rowcount


def count_retired(conn: Connection, before_ms: int, spared: Collection[bytes]) -> tuple[int, int]:
    """How many envelopes, and how many kept aside, would be deleted."""
    envelopes, aside = (
        int(
            conn.execute(
                sa.select(sa.func.count()).select_from(table).where(_old(table, before_ms, spared))
            ).scalar_one()
        )
        for table in (ENVELOPE, ASIDE)
    )
    return envelopes, aside


def _old(table: sa.Table, before_ms: int, spared: Collection[bytes]) -> sa.ColumnElement[bool]:
    old = sa.and_(table.c.data.is_not(None), table.c.arrived_ms < before_ms)
    return sa.and_(old, sa.not_(vault.under(table.c.data, spared))) if spared else old
