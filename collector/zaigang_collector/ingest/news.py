"""What arrived since somebody looked, and from when on it may tell otherwise than before.

For whoever derives something from readings and would not derive it anew for every envelope. Errs on
the side of telling: the same clock may be told of that bends by nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from zaigang_collector.db import Tail
from zaigang_collector.ingest.clock_model import WINDOW_MS
from zaigang_collector.ingest.model import EventKind
from zaigang_collector.ingest.tables import BOOT, CHAIN, EVENT

_PAGE: Final = 500  # ids in one question; SQLite takes some thousands
# An arrival is dated before it is committed, and may be seen later than a newer one. Larger reads the
# same rows more often; smaller overlooks a batch that waited for the database.
_OVERLAP_MS: Final = 10 * 60_000
# What a device tells is complete to some minutes before it is heard. Larger has more looked at while
# everybody delivers; smaller overlooks that a device is complete now to the end of somebody's day.
_BEHIND_MS: Final = 30 * 60_000

_Hour: TypeAlias = tuple[str, bytes, int]


@dataclass(slots=True)
class News:
    """Holds what was seen last. `touched` tells what is new since, the first time nothing."""

    _arrived_ms: int | None = None
    _noticed: Tail = field(default_factory=Tail)
    _hours: dict[_Hour, tuple[Any, ...]] = field(default_factory=dict)
    """Rows of hours to which something came lately."""
    _chains: dict[str, tuple[int, int]] = field(default_factory=dict)
    """By device how many envelopes are missing, and when it was last heard."""

    def touched(self, conn: Connection, device_ids: Collection[str]) -> dict[str, int]:
        """Of these devices those of which something is new, with the earliest moment (UTC ms) of
        which it may tell."""
        asked = sorted(device_ids)
        rows = _hours(conn, asked, self._arrived_ms)
        chains = _chains(conn, asked)
        found: dict[str, int] = {}
        if self._arrived_ms is not None:
            found = self._compared(conn, rows, chains)
        for device_id in self._events(conn):
            found[device_id] = 0
        newest_ms = max((row.arrived_ms for row in rows), default=self._arrived_ms or 0)
        self._arrived_ms = max(self._arrived_ms or 0, newest_ms)
        late_ms = self._arrived_ms - _OVERLAP_MS
        self._hours = {_key(row): tuple(row) for row in rows if row.arrived_ms >= late_ms}
        self._chains = chains
        return {one: found[one] for one in asked if one in found}

    def _compared(
        self, conn: Connection, rows: Sequence[Row[Any]], chains: dict[str, tuple[int, int]]
    ) -> dict[str, int]:
        found: dict[str, int] = {}
        for row in rows:
            before = self._hours.get(_key(row))
            if before == tuple(row):
                continue
            since_ms = _earliest_ms(row)
            if before is None or before[-3:-1] != tuple(row)[-3:-1]:
                # Other bounds of one hour may date all hours of the boot otherwise.
                since_ms = min(since_ms, _boot_ms(conn, row))
            found[row.device_id] = min(since_ms, found.get(row.device_id, since_ms))
        for device_id, (missing, seen_ms) in chains.items():
            was_missing, was_seen_ms = self._chains.get(device_id, (0, 0))
            if missing != was_missing:
                found[device_id] = 0
            elif seen_ms != was_seen_ms:
                behind_ms = was_seen_ms - _BEHIND_MS
                found[device_id] = min(behind_ms, found.get(device_id, behind_ms))
        return found

    def _events(self, conn: Connection) -> frozenset[str]:
        """Devices of which something was noticed since, that says something of them."""
        query = sa.select(EVENT.c.id, EVENT.c.device_id, EVENT.c.kind)
        rows = self._noticed.fresh(conn, query, EVENT.c.id)
        told = {row.device_id for row in rows}
        if any(row.kind == EventKind.UNKNOWN_RECEIPT for row in rows):
            # Of several such devices each tells what is to be thought of the others (`behind`).
            kind = EVENT.c.kind == EventKind.UNKNOWN_RECEIPT.value
            told.update(conn.scalars(sa.select(EVENT.c.device_id).where(kind)))
        return frozenset(told)


def _hours(conn: Connection, asked: Sequence[str], arrived_ms: int | None) -> list[Row[Any]]:
    """Hours of boots to which something came, lately; the first time, those to which it came last."""
    if arrived_ms is None:
        newest = sa.select(sa.func.max(CHAIN.c.seen_ms))
        arrived_ms = conn.execute(newest).scalar() or 0
    found: list[Row[Any]] = []
    for start in range(0, len(asked), _PAGE):
        query = sa.select(
            BOOT.c.device_id, BOOT.c.boot, BOOT.c.hour, BOOT.c.first_up_ms, BOOT.c.last_up_ms,
            BOOT.c.first_seq, BOOT.c.last_seq, BOOT.c.low_ms, BOOT.c.high_ms, BOOT.c.arrived_ms,
        ).where(
            BOOT.c.device_id.in_(asked[start : start + _PAGE]),
            BOOT.c.arrived_ms >= arrived_ms - _OVERLAP_MS,
        )  # fmt: skip
        found += conn.execute(query)
    return found


def _chains(conn: Connection, asked: Sequence[str]) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for start in range(0, len(asked), _PAGE):
        query = sa.select(
            CHAIN.c.device_id, CHAIN.c.max_seq - CHAIN.c.stored, CHAIN.c.seen_ms
        ).where(CHAIN.c.device_id.in_(asked[start : start + _PAGE]))
        found |= {device_id: (missing, seen) for device_id, missing, seen in conn.execute(query)}
    return found


def _key(row: Row[Any]) -> _Hour:
    return row.device_id, row.boot, row.hour


def _earliest_ms(row: Row[Any]) -> int:
    """The earliest of which what is in an hour can tell; 0: nothing bounds it."""
    return 0 if row.low_ms is None else int(row.first_up_ms + row.low_ms) - WINDOW_MS


def _boot_ms(conn: Connection, row: Row[Any]) -> int:
    """The same of a whole boot."""
    lowest = sa.func.min(sa.func.coalesce(BOOT.c.first_up_ms + BOOT.c.low_ms, 0))
    query = sa.select(lowest).where(BOOT.c.device_id == row.device_id, BOOT.c.boot == row.boot)
    return int(conn.execute(query).scalar_one()) - WINDOW_MS
