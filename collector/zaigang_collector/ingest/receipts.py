"""When which receipt was given: what a quoted one is worth as a lower bound in time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy import Connection

from zaigang_collector.ingest.tables import RECEIPT

_REMEMBERED: Final = 65_536  # some minutes of a large fleet; what is older is looked up

_Key: TypeAlias = tuple[str, bytes]  # whose, and its SHA-256: quoting another's counts for nothing


class KnownReceipts:
    """Remembers receipts by device and digest, so that most need no look-up.

    What the current transaction gives counts only once it is committed.
    """

    def __init__(self) -> None:
        self._known: dict[_Key, int] = {}
        self._given: dict[_Key, int] = {}

    def begin(self) -> None:
        """A new transaction: what the last one gave without `settle` was never given."""
        self._given.clear()

    def give(self, key: _Key, at_ms: int) -> None:
        """In this transaction."""
        self._given[key] = at_ms

    def settle(self) -> None:
        """The transaction is committed."""
        self._known.update(self._given)
        self._given.clear()
        for key in list(self._known)[: max(0, len(self._known) - _REMEMBERED)]:
            del self._known[key]

    def look_up(self, conn: Connection, quoted: Iterable[_Key]) -> dict[_Key, int]:
        """Collector UTC ms of those of `quoted` that were given."""
        found: dict[_Key, int] = {}
        unknown: set[bytes] = set()
        for key in quoted:
            at_ms = self._known.get(key)
            if at_ms is None:
                unknown.add(key[1])
            else:
                found[key] = at_ms
        if unknown:
            query = sa.select(RECEIPT.c.device_id, RECEIPT.c.digest, RECEIPT.c.at_ms)
            for row in conn.execute(query.where(RECEIPT.c.digest.in_(sorted(unknown)))):
                found[row.device_id, row.digest] = row.at_ms
        self._known.update(found)
        return found
