"""Ledgers with something in them."""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine

from zaigang_collector import db
from zaigang_collector.ledger import sequencer
from zaigang_collector.ledger import service as ledger
from zaigang_collector.ledger.sequencer import Signer
from zaigang_collector.ledger.service import EntryType
from zaigang_shared import merkle
from zaigang_shared.ledger_entry import LeafData

NOW_MS = 1_790_000_000_000
SIGNER = Signer(
    "collector.example/zaigang/test", Ed25519PrivateKey.from_private_bytes(b"ledger key of the tests.".ljust(32))
)  # fmt: skip


def leaf_data(number: int) -> LeafData:
    """What entry `number` of `fill` says."""
    body_hash = hashlib.sha256(f"body {number}".encode()).digest()
    salt = hashlib.sha256(f"salt {number}".encode()).digest()[: ledger.SALT_BYTES]
    return LeafData(EntryType.ENVELOPE, NOW_MS + number, body_hash, salt)


def leaf_hashes(count: int) -> list[bytes]:
    """The leaves of `fill`, without a database."""
    return [leaf_data(number).hash() for number in range(count)]


def root(count: int) -> bytes:
    """The root over the first `count` of them."""
    return merkle.root_of(leaf_hashes(count))


def queue(engine: Engine, first: int, count: int) -> None:
    """Put entries `first` and following in the queue."""
    found = [leaf_data(number) for number in range(first, first + count)]
    with db.writing(engine) as conn:
        ledger.append_all(
            conn,
            (
                (one.type, one.at_ms, one.body_hash, one.salt, f"dev/{first + at}")
                for at, one in enumerate(found)
            ),
        )


def prepared(engine: Engine) -> None:
    """An empty tree."""
    with db.writing(engine) as conn:
        sequencer.prepare(conn, SIGNER, NOW_MS)


def fill(engine: Engine, count: int, batch: int = 1000) -> None:
    """An empty ledger gets `count` entries, sequenced."""
    prepared(engine)
    queue(engine, 0, count)
    while sequencer.sequence(engine, SIGNER, NOW_MS, batch):
        pass
