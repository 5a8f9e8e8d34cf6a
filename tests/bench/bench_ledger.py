"""What the ledger costs: appending, and proving out of a large one.

    python -m tests.bench.bench_ledger [--leaves 10000000] [--batch 100] [--appended 20000]

Beside it the rates of SHA-256 and Ed25519 in the same run: the ratios travel, the numbers do not.
The large ledger is written straight into the tables, as appending would have left them, and checked
against its root before anything is measured.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy import Engine

from tests.factories import ledger as made
from tests.factories.ledger import NOW_MS, SIGNER
from tests.fakes import database
from zaigang_collector import db
from zaigang_collector.ledger import sequencer
from zaigang_collector.ledger import service as ledger
from zaigang_collector.ledger.tables import CHECKPOINT, ENTRY, HEAD, TILE
from zaigang_collector.ledger.tree import WIDTH
from zaigang_shared import merkle
from zaigang_shared.checkpoint import Checkpoint
from zaigang_shared.merkle import Frontier

BAR_LEAVES_PER_S: Final = 20_000
BAR_PROOF_MS: Final = 5.0
_PROOFS: Final = 200
_CHUNK: Final = 50_000


@dataclass(frozen=True)
class Measured:
    """Of one run on one machine."""

    leaves_per_s: float
    batch: int
    leaves: int
    inclusion_ms: float
    inclusion_p95_ms: float
    consistency_ms: float
    sha256_per_s: float
    ed25519_sign_per_s: float


def measure(leaves: int = 1_000_000, batch: int = 100, appended: int = 20_000) -> Measured:
    """Append, then prove out of a ledger of `leaves` entries."""
    with tempfile.TemporaryDirectory() as name:
        engine = database.in_file(Path(name))
        rate = _append(engine, batch, appended)
        engine.dispose()
    with tempfile.TemporaryDirectory() as name:
        engine = database.in_file(Path(name))
        _large(engine, leaves)
        inclusion, consistency = _prove(engine, leaves)
        engine.dispose()
    block = bytes(64)
    return Measured(
        leaves_per_s=rate,
        batch=batch,
        leaves=leaves,
        inclusion_ms=statistics.median(inclusion),
        inclusion_p95_ms=statistics.quantiles(inclusion, n=20)[-1],
        consistency_ms=statistics.median(consistency),
        sha256_per_s=_rate(lambda: hashlib.sha256(block).digest()),
        ed25519_sign_per_s=_rate(lambda: SIGNER.key.sign(block)),
    )


def report(measured: Measured) -> str:
    """A table, with what it is measured against."""
    rows = [
        (f"leaves/s, batches of {measured.batch}", measured.leaves_per_s, ""),
        ("  bar", BAR_LEAVES_PER_S, ""),
        ("  SHA-256 of 64 bytes/s", measured.sha256_per_s, _ratio(measured, "sha256_per_s")),
        ("  Ed25519 signatures/s", measured.ed25519_sign_per_s, _ratio(measured, "ed25519_sign_per_s")),
        (f"inclusion proof of {measured.leaves:,}, ms, median", measured.inclusion_ms, ""),
        ("  p95", measured.inclusion_p95_ms, ""),
        ("  bar", BAR_PROOF_MS, ""),
        ("consistency proof, ms, median", measured.consistency_ms, ""),
    ]  # fmt: skip
    return "\n".join(f"{name:<46}{value:>14,.2f}  {ratio}" for name, value, ratio in rows)


def _append(engine: Engine, batch: int, count: int) -> float:
    made.prepared(engine)
    made.queue(engine, 0, count)
    began, done = time.perf_counter(), 0
    while taken := sequencer.sequence(engine, SIGNER, NOW_MS, batch):
        done += taken
    took_s = time.perf_counter() - began
    assert done == count
    with db.reading(engine) as conn:
        newest = ledger.newest_checkpoint(conn)
    assert newest is not None
    assert newest.root == made.root(count)
    return count / took_s


def _large(engine: Engine, count: int) -> None:
    """`count` entries, each its leaf only, with all tiles and the head."""
    whole = Frontier()
    open_tiles: list[list[bytes]] = []
    full: list[int] = []
    for start in range(0, count, _CHUNK):
        rows, tiles = [], []
        for index in range(start, min(start + _CHUNK, count)):
            leaf = hashlib.sha256(index.to_bytes(8, "big")).digest()
            rows.append(
                {"idx": index, "type": "envelope", "at_ms": NOW_MS, "leaf": leaf, "ref": ""}
            )
            whole.append(leaf)
            tiles += _tiles(open_tiles, full, leaf)
        with db.writing(engine) as conn:
            conn.execute(sa.insert(ENTRY), rows)
            if tiles:
                conn.execute(sa.insert(TILE), tiles)
    signed = Checkpoint(SIGNER.origin, count, whole.root()).sign(SIGNER.key)
    with db.writing(engine) as conn:
        edge = b"".join(whole.stack)
        conn.execute(sa.insert(HEAD).values(id=1, origin=SIGNER.origin, size=count, edge=edge))
        conn.execute(
            sa.insert(CHECKPOINT).values(
                size=count, root=whole.root(), at_ms=NOW_MS, note=str(signed), pinned=False
            )
        )
    with db.reading(engine) as conn:
        assert ledger.root_at(conn, count) == whole.root()


def _tiles(open_tiles: list[list[bytes]], full: list[int], leaf: bytes) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    level, found = 0, leaf
    while True:
        if level == len(open_tiles):
            open_tiles.append([])
            full.append(0)
        open_tiles[level].append(found)
        if len(open_tiles[level]) < WIDTH:
            return rows
        hashes, open_tiles[level] = open_tiles[level], []
        found = merkle.root_of(hashes)
        rows.append({"level": level, "idx": full[level], "root": found, "hashes": b"".join(hashes)})
        full[level] += 1
        level += 1


def _prove(engine: Engine, size: int) -> tuple[list[float], list[float]]:
    chance = random.Random(1)
    inclusion, consistency = [], []
    with db.reading(engine) as conn:
        newest = ledger.newest_checkpoint(conn)
    assert newest is not None
    for _ in range(_PROOFS):
        index, old = chance.randrange(size), chance.randrange(1, size)
        began = time.perf_counter()
        with db.reading(engine) as conn:
            proof = ledger.inclusion_proof(conn, index, size)
        inclusion.append((time.perf_counter() - began) * 1000)
        leaf = hashlib.sha256(index.to_bytes(8, "big")).digest()
        merkle.verify_inclusion(leaf, index, size, proof, newest.root)
        began = time.perf_counter()
        with db.reading(engine) as conn:
            ledger.consistency_proof(conn, old, size)
        consistency.append((time.perf_counter() - began) * 1000)
    return inclusion, consistency


def _rate(work: Callable[[], object], seconds: float = 0.5) -> float:
    began, done = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        for _ in range(100):
            work()
        done += 100
    return done / (time.perf_counter() - began)


def _ratio(measured: Measured, name: str) -> str:
    rate: float = getattr(measured, name)
    return f"{measured.leaves_per_s / rate:.3f} of it"


def main() -> int:
    """Print the table; 1 when a bar is broken."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--leaves", type=int, default=10_000_000)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--appended", type=int, default=20_000)
    options = parser.parse_args()
    measured = measure(options.leaves, options.batch, options.appended)
    print(report(measured))
    fast = measured.leaves_per_s >= BAR_LEAVES_PER_S and measured.inclusion_p95_ms < BAR_PROOF_MS
    return int(not fast)


if __name__ == "__main__":
    sys.exit(main())
