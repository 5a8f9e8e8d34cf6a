"""Opening bodies for an audit: what does not open is a finding, and not the end of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from sqlalchemy import Connection

from zaigang_collector.errors import VaultError
from zaigang_collector.ledger.audit import Body, Finding, known_ids, pages
from zaigang_collector.ledger.model import EntryType
from zaigang_collector.vault import record
from zaigang_collector.vault.access_log import context_of
from zaigang_collector.vault.model import TombstoneKind
from zaigang_collector.vault.record import bodies
from zaigang_collector.vault.service import Vault
from zaigang_collector.vault.tables import LOOK, TOMBSTONE
from zaigang_shared import cbor
from zaigang_shared.errors import WireError


def opened(
    conn: Connection, vault: Vault, items: Sequence[tuple[bytes | None, bytes]]
) -> list[bytes | str | None]:
    """Each (sealed, context) opened; None where it was forgotten, or there is nothing; a sentence
    where it does not open."""
    there = [(at, sealed, context) for at, (sealed, context) in enumerate(items) if sealed]
    found: list[bytes | str | None] = [None] * len(items)
    try:
        plain = vault.open_many(conn, [(sealed, context) for _, sealed, context in there])
    except VaultError:
        for at, sealed, context in there:  # which of them
            try:
                found[at] = vault.open_many(conn, [(sealed, context)])[0]
            except VaultError:
                found[at] = "does not open: it was changed, or moved here from elsewhere"
        return found
    for (at, _, _), one in zip(there, plain, strict=True):
        found[at] = one
    return found


def tombstones(conn: Connection) -> list[Body | Finding]:
    """What was said of what is gone, as the ledger has it."""
    return [
        Body(EntryType.ERASURE, str(tombstone_id), at_ms, digest)
        for tombstone_id, at_ms, digest in bodies(conn)
    ]


def looks(conn: Connection, vault: Vault) -> Iterator[Body | Finding]:
    """Each look that was not forgotten, as a body."""
    for rows in pages(conn, LOOK):
        sealed = [(row.body, context_of(row.id)) for row in rows]
        for row, body in zip(rows, opened(conn, vault, sealed), strict=True):
            if isinstance(body, str):
                yield Finding(f"access {row.id}", body)
            elif body is not None:
                digest = hashlib.sha256(body).digest()
                yield Body(EntryType.ACCESS, str(row.id), row.at_ms, digest)
                if _person(body) != row.employee_id:
                    yield Finding(f"access {row.id}", "is about somebody else than its row says")


def _person(body: bytes) -> object:
    try:
        return cbor.loads(body, "look")["person"]
    except (WireError, KeyError, TypeError):
        return None


def holds(conn: Connection) -> Iterator[Finding]:
    """Who is under legal hold, as tombstones tell it."""
    told: set[str] = set()
    for kind, person in record.hold_words(conn):
        if kind is TombstoneKind.HOLD:
            told.add(person)
        else:
            told.discard(person)
    for name in sorted(told ^ record.held(conn)):
        yield Finding(
            f"legal hold of {name}",
            "was lifted off the record" if name in told else "was never put on record",
        )


def known_looks(conn: Connection, refs: Sequence[str]) -> set[str]:
    """Which of these are stored."""
    return known_ids(conn, LOOK.c.id, refs)


def known_tombstones(conn: Connection, refs: Sequence[str]) -> set[str]:
    """Which of these are stored."""
    return known_ids(conn, TOMBSTONE.c.id, refs)
