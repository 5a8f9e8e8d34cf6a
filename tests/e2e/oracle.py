"""What must hold after any number of kills, read from the files alone.

A device's chain is its own journal: its last place and digest are in the spool's `chain` line, and
each envelope names the one before. So the store and the spool together must be exactly the chain
that ends there.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from tests.e2e.stack import rows
from zaigang_collector import bootstrap
from zaigang_collector.ingest.sealing import envelope_context
from zaigang_shared import cbor, cose, envelope
from zaigang_shared.envelope import FIRST_PREV
from zaigang_shared.receipt import open_receipt


@dataclass(frozen=True, slots=True)
class Audit:
    """What was counted while nothing was found wrong."""

    sealed: int
    stored: int
    waiting: int
    receipts: int


def audit(collector: Path, state_dirs: list[Path]) -> Audit:
    """Hold every device against the collector's database. Raises AssertionError."""
    database = collector / "zaigang.db"
    key = load_pem_public_key((state_dirs[0] / "collector.pub").read_bytes())
    assert isinstance(key, Ed25519PublicKey)
    counts = [_device(database, state_dir) for state_dir in state_dirs]
    sealed, stored, waiting = (sum(column) for column in zip(*counts, strict=True))
    _ledger(database)
    return Audit(sealed, stored, waiting, _receipts(database, key))


def opened_envelopes(collector: Path, device_id: str) -> list[tuple[int, bytes, bytes]]:
    """Of a device's envelopes by seq: seq, digest, and the bytes out of the vault."""
    query = "SELECT seq, digest, data FROM ingest_envelope WHERE device_id = ? ORDER BY seq"
    found = rows(collector / "zaigang.db", query, device_id)
    with bootstrap.opened(collector) as opened, opened.reading() as conn:
        sealed = [(row["data"], envelope_context(row["digest"])) for row in found]
        plain = opened.vault.open_many(conn, sealed)
    return [
        (row["seq"], row["digest"], data)
        for row, data in zip(found, plain, strict=True)
        if data is not None
    ]


def _device(database: Path, state_dir: Path) -> tuple[int, int, int]:
    spool = state_dir / "spool.db"
    chain = rows(spool, "SELECT * FROM chain")[0]
    device_id = chain["device_id"]
    assert chain["broken"] is None, f"{device_id} believes that it was rolled back"
    waiting = {row["seq"]: row["data"] for row in rows(spool, "SELECT * FROM envelope")}
    stored: dict[int, bytes] = {}
    for seq, digest, data in opened_envelopes(database.parent, device_id):
        assert seq not in stored, f"{device_id}: {seq} is stored twice"
        assert hashlib.sha256(data).digest() == digest
        stored[seq] = data
    for seq in waiting.keys() & stored.keys():
        assert waiting[seq] == stored[seq], f"{device_id}: {seq} was altered on the way"
    history = waiting | stored
    assert sorted(history) == list(range(1, chain["last_seq"] + 1)), (
        f"{device_id}: sealed {chain['last_seq']}, stored {len(stored)}, waiting {len(waiting)}"
    )
    assert set(range(1, chain["through"] + 1)) <= stored.keys(), (
        f"{device_id}: a receipt covers what is not stored"
    )
    _whole(device_id, history, chain["last_digest"])
    return chain["last_seq"], len(stored), len(waiting)


def _whole(device_id: str, history: dict[int, bytes], last_digest: bytes) -> None:
    prev = FIRST_PREV
    for seq in sorted(history):
        payload = cbor.loads(cose.decode(history[seq]).payload, "payload")
        assert (payload["seq"], payload["prev"]) == (seq, prev), f"{device_id}: broken at {seq}"
        prev = envelope.digest(history[seq])
    assert prev == last_digest, f"{device_id}: the newest envelope is another one"


def _receipts(database: Path, key: Ed25519PublicKey) -> int:
    given = rows(database, "SELECT device_id, through, head, data FROM ingest_receipt")
    for row in given:
        receipt = open_receipt(row["data"], key)
        assert (receipt.device_id, receipt.through, receipt.head) == (
            row["device_id"],
            row["through"],
            row["head"],
        )
        heads = rows(
            database,
            "SELECT digest FROM ingest_envelope WHERE device_id = ? AND seq = ?",
            receipt.device_id,
            receipt.through,
        )
        assert [head["digest"] for head in heads] == [receipt.head], "a receipt that is not true"
    return len(given)


def _ledger(database: Path) -> None:
    doubtful = rows(
        database,
        "SELECT e.digest, count(l.queue_id) AS n FROM ingest_envelope e"
        " LEFT JOIN ledger_entry l ON l.type = 'envelope' AND l.body_hash = e.digest"
        " GROUP BY e.digest HAVING n <> 1",
    )
    assert not doubtful, f"{len(doubtful)} envelopes are not in the ledger exactly once"
