"""What was said of sites and people, as the ledger has it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from sqlalchemy import Connection

from zaigang_collector.directory.replay import Replay
from zaigang_collector.directory.service import PERSONAL, context_of
from zaigang_collector.directory.tables import EVENT
from zaigang_collector.ledger.audit import Body, Finding, known_ids, pages
from zaigang_collector.ledger.model import EntryType
from zaigang_collector.vault.audit import opened
from zaigang_collector.vault.service import Vault
from zaigang_shared import cbor
from zaigang_shared.errors import WireError


def events(conn: Connection, vault: Vault, replay: Replay) -> Iterator[Body | Finding]:
    """Each event as a body; what they add up to goes into `replay`."""
    for rows in pages(conn, EVENT):
        # Of a person it is sealed; what is in the clear needs no opening.
        sealed = [(row.body if row.kind in PERSONAL else None, context_of(row.id)) for row in rows]
        for row, body in zip(rows, opened(conn, vault, sealed), strict=True):
            content = body if row.kind in PERSONAL else row.body
            if isinstance(content, str):
                yield Finding(f"directory_event {row.id}", content)
            elif content is not None:
                digest = hashlib.sha256(content).digest()
                yield Body(EntryType.DIRECTORY_EVENT, str(row.id), row.at_ms, digest)
                try:
                    fields = cbor.loads(content, "event")["fields"]
                    replay.add(row.kind, row.subject_id, fields)
                except (WireError, KeyError, TypeError):
                    yield Finding(f"directory_event {row.id}", "is not what was written there")


def known_events(conn: Connection, refs: Sequence[str]) -> set[str]:
    """Which of these are stored."""
    return known_ids(conn, EVENT.c.id, refs)
