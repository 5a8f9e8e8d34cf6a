"""Gives the entries of the queue their places in the tree, and signs what the tree is then.

One batch is one transaction, and nothing is kept between two: each begins with what the database
says, so that going on, starting, and starting after a crash are the same code. Who else might be
sequencing is settled twice: the lease keeps others from trying, and the lock on the head keeps
those from harm who try all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, Engine, Row

from zaigang_collector import db
from zaigang_collector.errors import LedgerError
from zaigang_collector.ledger import tree
from zaigang_collector.ledger.model import StoredCheckpoint
from zaigang_collector.ledger.tables import CHECKPOINT, ENTRY, HEAD, LEASE, TILE
from zaigang_shared import checkpoint as checkpoints
from zaigang_shared import note as notes
from zaigang_shared.checkpoint import Checkpoint
from zaigang_shared.errors import NoteError
from zaigang_shared.merkle import Frontier

# Entries in one transaction. Larger keeps writers waiting longer; smaller pays for a commit and a
# signature more often.
BATCH: Final = 1000
# Longer leaves the queue waiting when a sequencer dies; shorter loses the lease in a long pause.
LEASE_MS: Final = 15_000
_LEASE: Final = "sequencer"
_HEAD_ID: Final = 1
_HOUR_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs checkpoints, and under which name."""

    origin: str
    key: Ed25519PrivateKey

    @property
    def verifier(self) -> notes.VerifierKey:
        """What others check checkpoints with."""
        return notes.verifier_key(self.origin, self.key.public_key())


def prepare(conn: Connection, signer: Signer, now_ms: int) -> None:
    """Make the empty tree, once; later calls change nothing."""
    head = {"id": _HEAD_ID, "origin": signer.origin, "size": 0, "edge": b""}
    if db.insert_ignore(conn, HEAD, [head]):
        _sign(conn, signer, Frontier(), now_ms)


def signer(conn: Connection, name: str, key: Ed25519PrivateKey) -> Signer:
    """Who signs the ledger in this database. `name`: what a ledger of this collector is called; one
    that was continued after a restored backup has a number behind it. Raises LedgerError."""
    origin = conn.execute(sa.select(HEAD.c.origin)).scalar_one_or_none()
    if origin is None:
        raise LedgerError("the database has no ledger: run `zaigang-collector upgrade`")
    if origin != name and not origin.startswith(f"{name}/"):
        raise LedgerError(
            f"the database holds the ledger {origin}, this data directory is of {name}: they do not "
            "belong together; point --data or database_url to the right one"
        )
    return Signer(origin, key)


def check(conn: Connection, signer: Signer) -> StoredCheckpoint:
    """Compare what the database says of the tree with itself and with our key, before anything is
    added to it. Raises LedgerError that says what does not fit and what to do."""
    head = conn.execute(sa.select(HEAD)).one_or_none()
    newest = newest_checkpoint(conn)
    if head is None or newest is None:
        raise LedgerError("the database has no ledger: run `zaigang-collector upgrade`")
    try:
        signed, _ = checkpoints.open_note(newest.note, signer.verifier)
    except NoteError as error:
        raise LedgerError(
            f"the newest checkpoint was not signed with this collector's ledger.key ({error}): "
            "database and data directory do not belong together, or the database was altered"
        ) from error
    edge = Frontier(head.size, tree.split(head.edge))
    if (signed.size, signed.root) != (edge.size, edge.root()):
        raise LedgerError(
            f"the tree has {edge.size} entries, its newest checkpoint was signed for {signed.size} "
            "or for another root: the database was altered; `zaigang-collector audit` names where"
        )
    last = conn.execute(sa.select(sa.func.max(ENTRY.c.idx))).scalar_one()
    if (-1 if last is None else last) != edge.size - 1:
        raise LedgerError(
            f"the tree has {edge.size} entries, the last one in the database is number {last}: "
            "entries were deleted or put in; `zaigang-collector audit` names them"
        )
    return newest


def take_lease(engine: Engine, holder: str, now_ms: int, for_ms: int = LEASE_MS) -> bool:
    """Become or stay the one sequencer until `now_ms + for_ms`; False: somebody else is."""
    with db.writing(engine) as conn:
        db.insert_ignore(conn, LEASE, [{"name": _LEASE, "holder": holder, "until_ms": 0}])
        mine_or_over = sa.or_(LEASE.c.holder == holder, LEASE.c.until_ms < now_ms)
        taken = conn.execute(
            sa.update(LEASE)
            .where(LEASE.c.name == _LEASE, mine_or_over)
            .values(holder=holder, until_ms=now_ms + for_ms)
        )
        return taken.rowcount == 1


def give_back_lease(engine: Engine, holder: str) -> None:
    """Let the next one begin at once."""
    with db.writing(engine) as conn:
        conn.execute(
            sa.update(LEASE)
            .where(LEASE.c.name == _LEASE, LEASE.c.holder == holder)
            .values(until_ms=0)
        )


def sequence(engine: Engine, signer: Signer, now_ms: int, limit: int = BATCH) -> int:
    """Append at most `limit` entries of the queue and sign; returns how many. One transaction.

    `now_ms`: collector UTC; a checkpoint is never older than the one before it.
    """
    with db.writing(engine) as conn:
        # A crash anywhere below leaves nothing: the entries are still in the queue, and the next
        # call, here or elsewhere, takes them from there.
        head = locked(conn)
        if head.origin != signer.origin:
            # It was continued under another name meanwhile: what we would sign is a second history.
            raise LedgerError(
                f"the ledger is {head.origin} now, and no longer {signer.origin}: it was continued "
                "under another name; start this collector again"
            )
        waiting = _waiting(conn, limit)
        if not waiting:
            return 0
        edge = Frontier(head.size, tree.split(head.edge))
        for row in waiting:
            edge.append(tree.leaf_of_row(row))
        _place(conn, head.size, waiting)
        _keep_full_tiles(conn, head.size, edge.size)
        conn.execute(
            sa.update(HEAD)
            .where(HEAD.c.id == _HEAD_ID)
            .values(size=edge.size, edge=b"".join(edge.stack))
        )
        _sign(conn, signer, edge, now_ms)
    # A crash here, after the commit, leaves the whole batch with its checkpoint; nobody outside has
    # seen either, and the next start finds both.
    return len(waiting)


def newest_checkpoint(conn: Connection) -> StoredCheckpoint | None:
    """The newest; None before `prepare`."""
    query = sa.select(CHECKPOINT).order_by(CHECKPOINT.c.size.desc()).limit(1)
    row = conn.execute(query).one_or_none()
    return None if row is None else stored(row)


def stored(row: Row[Any]) -> StoredCheckpoint:
    """A row of checkpoints as a value."""
    return StoredCheckpoint(row.size, row.root, row.at_ms, row.note)


def locked(conn: Connection) -> Row[Any]:
    """The head, for this transaction alone. Raises LedgerError before `prepare`."""
    head = conn.execute(sa.select(HEAD).with_for_update()).one_or_none()
    if head is None:
        raise LedgerError("the database has no ledger: run `zaigang-collector upgrade`")
    return head


def _waiting(conn: Connection, limit: int) -> Sequence[Row[*tuple[Any, ...]]]:
    query = (
        sa.select(
            ENTRY.c.queue_id,
            ENTRY.c.type,
            ENTRY.c.at_ms,
            ENTRY.c.body_hash,
            ENTRY.c.salt,
            ENTRY.c.leaf,
        )
        .where(ENTRY.c.idx.is_(None))
        .order_by(ENTRY.c.queue_id)
        .limit(limit)
    )
    return conn.execute(query).all()


def _place(conn: Connection, first: int, waiting: Sequence[Row[*tuple[Any, ...]]]) -> None:
    conn.execute(
        sa.update(ENTRY)
        .where(ENTRY.c.queue_id == sa.bindparam("of"))
        .values(idx=sa.bindparam("place")),
        [{"of": row.queue_id, "place": first + at} for at, row in enumerate(waiting)],
    )


def _keep_full_tiles(conn: Connection, before: int, after: int) -> None:
    """Write each tile that became full between two sizes, from the leaves up."""
    level = 0
    while True:
        first, end = before // tree.WIDTH, after // tree.WIDTH
        if first == end:
            return
        rows = []
        for n in range(first, end):
            span = n * tree.WIDTH, (n + 1) * tree.WIDTH
            hashes = (
                tree.leaves(conn, *span) if level == 0 else tree.tile_roots(conn, level - 1, *span)
            )
            edge = Frontier()
            for one in hashes:
                edge.append(one)
            joined = b"".join(hashes)
            rows.append({"level": level, "idx": n, "root": edge.root(), "hashes": joined})
        conn.execute(sa.insert(TILE), rows)
        before, after, level = first, end, level + 1


def _sign(conn: Connection, signer: Signer, edge: Frontier, now_ms: int) -> None:
    newest = newest_checkpoint(conn)
    at_ms = now_ms if newest is None else max(now_ms, newest.at_ms)
    signed = Checkpoint(signer.origin, edge.size, edge.root()).sign(signer.key)
    if newest is not None and newest.at_ms // _HOUR_MS == at_ms // _HOUR_MS:
        # The last one of each hour stays; any other can be computed from the tree again.
        conn.execute(
            sa.delete(CHECKPOINT).where(CHECKPOINT.c.size == newest.size, ~CHECKPOINT.c.pinned)
        )
    conn.execute(
        sa.insert(CHECKPOINT).values(
            size=edge.size, root=edge.root(), at_ms=at_ms, note=str(signed), pinned=False
        )
    )
