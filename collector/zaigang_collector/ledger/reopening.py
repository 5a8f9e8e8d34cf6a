"""A ledger that goes on from an older copy of itself gets another name. No commits here.

Whoever saw the newer one holds checkpoints that this one will never fit. Under one name that would
be two histories, and a proof that we lied; under another name it is what it is: a restored backup,
with who continued it, from where, and why, as the first entry of what follows.
"""

from __future__ import annotations

import hashlib
from typing import Final

import sqlalchemy as sa
from sqlalchemy import Connection

from zaigang_collector.db import Randomness
from zaigang_collector.errors import LedgerError
from zaigang_collector.ledger import sequencer, service
from zaigang_collector.ledger.model import CONTINUED, Continued, EntryType
from zaigang_collector.ledger.sequencer import Signer
from zaigang_collector.ledger.tables import CHECKPOINT, EVENT, HEAD
from zaigang_shared import cbor
from zaigang_shared.checkpoint import Checkpoint

# One backup may be restored twice, by people who do not know of each other, and both would count
# to the same number. More makes names long; fewer lets two histories meet under one name.
_TAIL_BYTES: Final = 4


def reopen(
    conn: Connection, signer: Signer, by: str, why: str, now_ms: int, randomness: Randomness
) -> tuple[Signer, Continued]:
    """Continue the ledger of `signer` under its next name: `<name>/2-<8 hex>`, then `/3-…`.

    Signs the tree as it is under the new name, and queues a LEDGER_EVENT that says so. Raises
    LedgerError when the database does not fit itself or our key.
    """
    newest = sequencer.check(conn, signer)
    head = sequencer.locked(conn)
    if (head.origin, head.size) != (signer.origin, newest.size):
        raise LedgerError("somebody else is changing the ledger; try again when they are done")
    told = Continued(
        origin=signer.origin,
        as_origin=_next_name(signer.origin, randomness(_TAIL_BYTES)),
        size=newest.size,
        root=newest.root,
        at_ms=max(now_ms, newest.at_ms),
        by=by,
        why=why,
        checkpoint=newest.note,
    )
    _record(conn, told, randomness)
    conn.execute(sa.update(HEAD).values(origin=told.as_origin))
    signed = Checkpoint(told.as_origin, told.size, told.root).sign(signer.key)
    conn.execute(
        sa.update(CHECKPOINT)
        .where(CHECKPOINT.c.size == told.size)
        # Pinned: it is where the new name begins.
        .values(note=str(signed), at_ms=told.at_ms, pinned=True)
    )
    return Signer(told.as_origin, signer.key), told


def _next_name(origin: str, tail: bytes) -> str:
    """`zaigang/0123456789abcdef` is the first; behind a second slash is which one it is."""
    first, _, number = origin.rpartition("/")
    count, dash, _ = number.partition("-")
    if first and dash and count.isdecimal():
        return f"{first}/{int(count) + 1}-{tail.hex()}"
    return f"{origin}/2-{tail.hex()}"


def _record(conn: Connection, told: Continued, randomness: Randomness) -> None:
    fields = {
        "from": told.origin,
        "as": told.as_origin,
        "size": told.size,
        "root": told.root,
        "by": told.by,
        "why": told.why,
        "checkpoint": told.checkpoint,
    }
    body = cbor.dumps({"event": CONTINUED, "at": told.at_ms, "fields": fields})
    inserted = conn.execute(
        sa.insert(EVENT).values(kind=CONTINUED, at_ms=told.at_ms, body=body).returning(EVENT.c.id)
    )
    service.append(
        conn,
        EntryType.LEDGER_EVENT,
        told.at_ms,
        hashlib.sha256(body).digest(),
        randomness(service.SALT_BYTES),
        str(inserted.scalar_one()),
    )
