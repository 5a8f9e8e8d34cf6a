"""What envelopes say of their boots' clocks, kept by hour (`clock_model.Window`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Connection
from sqlalchemy.dialects import postgresql, sqlite

from zaigang_collector.ingest import clock_model
from zaigang_collector.ingest.clock_model import Observation, Window
from zaigang_collector.ingest.oddities import Event, impossible_boot
from zaigang_collector.ingest.tables import BOOT
from zaigang_shared.envelope import Seal

# How far back by arrival a contradiction is looked for: the windows that this batch can have
# touched were touched now. Smaller misses those at the end of a slow batch.
_TOUCHED_MS: Final = 60_000

_Key: TypeAlias = tuple[str, bytes, int]


@dataclass(frozen=True, slots=True)
class Seen:
    """A stored envelope, as far as clocks are concerned."""

    seal: Seal
    arrived_ms: int
    receipt_at_ms: int | None


def write(conn: Connection, seen: Sequence[Seen]) -> list[Event]:
    """Merge into the windows; returns the boots whose clock cannot be true."""
    rows = [_row(*item) for item in sorted(_by_window(seen).items())]
    if not rows:
        return []
    conn.execute(_merging(conn), rows)
    return _contradictions(conn, rows)


def from_row(row: sa.Row[Any]) -> Window:
    """A row as the clock model takes it."""
    return Window(row.first_up_ms, row.last_up_ms, row.low_ms, row.high_ms)


def _by_window(seen: Iterable[Seen]) -> dict[_Key, list[Seen]]:
    grouped: dict[_Key, list[Seen]] = defaultdict(list)
    for one in seen:
        seal = one.seal
        grouped[seal.device_id, seal.boot, clock_model.window_index(seal.up_ms)].append(one)
    return grouped


def _row(key: _Key, seen: Sequence[Seen]) -> dict[str, Any]:
    device_id, boot, hour = key
    window = clock_model.window_of(
        Observation(one.seal.up_ms, one.arrived_ms, one.receipt_at_ms) for one in seen
    )
    seqs = [one.seal.seq for one in seen]
    return {
        "device_id": device_id,
        "boot": boot,
        "hour": hour,
        "first_up_ms": window.first_up_ms,
        "last_up_ms": window.last_up_ms,
        "first_seq": min(seqs),
        "last_seq": max(seqs),
        "low_ms": window.low_ms,
        "high_ms": window.high_ms,
        "arrived_ms": max(one.arrived_ms for one in seen),
    }


def _merging(conn: Connection) -> sqlite.Insert | postgresql.Insert:
    """An insert that merges with what is there as `clock_model.merge` does, without reading it."""
    is_sqlite = conn.dialect.name == "sqlite"
    insert = sqlite.insert(BOOT) if is_sqlite else postgresql.insert(BOOT)
    least = sa.func.min if is_sqlite else sa.func.least
    greatest = sa.func.max if is_sqlite else sa.func.greatest
    new = insert.excluded
    low: ColumnElement[Any] = greatest(
        sa.func.coalesce(BOOT.c.low_ms, new.low_ms), sa.func.coalesce(new.low_ms, BOOT.c.low_ms)
    )
    changes = {"low_ms": low}
    for name in ("first_up_ms", "first_seq", "high_ms"):
        changes[name] = least(BOOT.c[name], new[name])
    for name in ("last_up_ms", "last_seq", "arrived_ms"):
        changes[name] = greatest(BOOT.c[name], new[name])
    return insert.on_conflict_do_update(
        index_elements=[BOOT.c.device_id, BOOT.c.boot, BOOT.c.hour], set_=changes
    )


def _contradictions(conn: Connection, rows: Sequence[dict[str, Any]]) -> list[Event]:
    since_ms = min(row["arrived_ms"] for row in rows) - _TOUCHED_MS
    query = sa.select(BOOT).where(
        BOOT.c.device_id.in_(sorted({row["device_id"] for row in rows})),
        BOOT.c.arrived_ms >= since_ms,
        BOOT.c.low_ms > BOOT.c.high_ms + clock_model.TOLERANCE_MS,
    )
    return [
        impossible_boot(row.device_id, row.boot, row.hour, row.first_seq)
        for row in conn.execute(query)
        if clock_model.contradicts(from_row(row))
    ]
