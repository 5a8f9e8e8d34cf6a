"""The tree as it is stored: full tiles, and behind them the entries. Reads only.

Tile (level, n) holds the 256 hashes at height 8 * level from 256 * n on (C2SP tlog-tiles). A tile
that is not full is made from what it would hold: entries at level 0, roots of full tiles above.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from zaigang_collector.errors import LedgerError
from zaigang_collector.ledger.model import leaf_of
from zaigang_collector.ledger.tables import ENTRY, TILE
from zaigang_shared import merkle
from zaigang_shared.merkle import HASH_BYTES

HEIGHT: Final = 8
WIDTH: Final = 1 << HEIGHT
"""Hashes in a full tile."""


class StoredTree:
    """One transaction's view; remembers the tiles that it has read."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._tiles: dict[tuple[int, int], list[bytes]] = {}

    def node(self, level: int, index: int) -> bytes:
        """The hash of a perfect subtree (`merkle.Node`). Raises LedgerError when it is not there."""
        tile_level, height = divmod(level, HEIGHT)
        count = 1 << height
        tile, first = divmod(index * count, WIDTH)
        hashes = self.tile(tile_level, tile)[first : first + count]
        if len(hashes) != count:
            raise LedgerError(
                f"the ledger's store is incomplete: the tree has no hash {index} at height {level}; "
                "restore the database from a backup, and run `zaigang-collector audit`"
            )
        return merkle.root_of(hashes)

    def tile(self, level: int, n: int) -> list[bytes]:
        """The hashes of a tile, as far as the tree has them."""
        key = level, n
        if key not in self._tiles:
            self._tiles[key] = self._read(level, n)
        return self._tiles[key]

    def _read(self, level: int, n: int) -> list[bytes]:
        full = sa.select(TILE.c.hashes).where(TILE.c.level == level, TILE.c.idx == n)
        joined = self._conn.execute(full).scalar_one_or_none()
        if joined is not None:
            return split(joined)
        if level == 0:
            return leaves(self._conn, n * WIDTH, (n + 1) * WIDTH)
        return tile_roots(self._conn, level - 1, n * WIDTH, (n + 1) * WIDTH)


def leaves(conn: Connection, start: int, end: int) -> list[bytes]:
    """The leaf hashes of entries [start, end), as far as they are sequenced."""
    query = (
        sa.select(ENTRY.c.type, ENTRY.c.at_ms, ENTRY.c.body_hash, ENTRY.c.salt, ENTRY.c.leaf)
        .where(ENTRY.c.idx >= start, ENTRY.c.idx < end)
        .order_by(ENTRY.c.idx)
    )
    return [leaf_of_row(row) for row in conn.execute(query)]


def tile_roots(conn: Connection, level: int, start: int, end: int) -> list[bytes]:
    """The roots of the full tiles [start, end) of a level."""
    query = (
        sa.select(TILE.c.root)
        .where(TILE.c.level == level, TILE.c.idx >= start, TILE.c.idx < end)
        .order_by(TILE.c.idx)
    )
    return list(conn.execute(query).scalars())


def leaf_of_row(row: Row[*tuple[Any, ...]]) -> bytes:
    """The leaf hash of a row of entries."""
    return leaf_of(row.type, row.at_ms, row.body_hash, row.salt, row.leaf)


def split(joined: bytes) -> list[bytes]:
    """Hashes that were kept as one string."""
    return [joined[at : at + HASH_BYTES] for at in range(0, len(joined), HASH_BYTES)]
