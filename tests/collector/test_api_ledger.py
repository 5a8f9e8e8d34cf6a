"""The ledger over HTTP: whoever follows it needs nothing from us but this."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.factories import ledger as made
from tests.factories.api_world import ApiWorld, api_world
from tests.factories.ledger import NOW_MS, SIGNER
from zaigang_collector import db
from zaigang_collector.access.model import Scope
from zaigang_collector.ledger import sequencer
from zaigang_collector.ledger import service as ledger
from zaigang_shared import checkpoint, ledger_entry, merkle

COUNT = 256 * 2 + 70


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiWorld]:
    folder: Path = tmp_path_factory.mktemp("log")
    with api_world(folder) as made_world:
        made.queue(made_world.engine, 0, COUNT)
        while sequencer.sequence(made_world.engine, SIGNER, NOW_MS):
            pass
        yield made_world


def followed(world: ApiWorld, path: str) -> bytes:
    answer = world.client.get(f"/log/{path}")
    assert answer.status_code == 200, answer.text
    return answer.content


def test_a_client_that_knows_only_the_key_follows_the_log(world: ApiWorld) -> None:
    found, _ = checkpoint.open_note(followed(world, "checkpoint"), SIGNER.verifier)
    hashes: list[bytes] = []
    for n in range(found.size // 256 + 1):
        width = min(256, found.size - 256 * n)
        joined = followed(world, f"tile/0/{n:03}" + ("" if width == 256 else f".p/{width}"))
        hashes += [joined[at : at + 32] for at in range(0, len(joined), 32)]
    assert merkle.root_of(hashes) == found.root
    upper = followed(world, "tile/1/000.p/2")
    assert upper == merkle.root_of(hashes[:256]) + merkle.root_of(hashes[256:512])


def test_full_tiles_may_be_kept_and_the_checkpoint_may_not(world: ApiWorld) -> None:
    assert "immutable" in world.client.get("/log/tile/0/000").headers["cache-control"]
    assert world.client.get("/log/checkpoint").headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "path",
    ["0/003", "0/002.p/255", "0/002", "0/2", "0/000.p/256", "0/000.p/0", "0/x000/001", "8/000",
     "1/001", "0/000.p/257", "0/" + "x999/" * 7 + "999", "0/000/", "0/../000"],
)  # fmt: skip
def test_what_is_no_tile_is_not_found(world: ApiWorld, path: str) -> None:
    answer = world.client.get(f"/log/tile/{path}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_entries_are_for_auditors_and_hash_to_the_tiles(world: ApiWorld) -> None:
    assert world.client.get("/log/tile/entries/000").status_code == 401
    other = world.token(Scope.READ_HEALTH)
    assert world.client.get("/log/tile/entries/000", headers=other).status_code == 403
    auditor = world.token(Scope.READ_LEDGER)
    data = world.client.get("/log/tile/entries/002.p/70", headers=auditor).content
    hashes = []
    while data:
        size = int.from_bytes(data[:2], "big")
        hashes.append(ledger_entry.decode(data[2 : 2 + size]).hash())
        data = data[2 + size :]
    assert b"".join(hashes) == followed(world, "tile/0/002.p/70")


def test_the_status_names_key_size_and_what_waits(world: ApiWorld) -> None:
    auditor = world.token(Scope.READ_LEDGER)
    answer = world.client.get("/api/v1/ledger", headers=auditor).json()
    assert answer["verifier_key"] == str(SIGNER.verifier)
    with db.reading(world.engine) as conn:
        newest = ledger.newest_checkpoint(conn)
        assert newest is not None
        assert answer["waiting"] == ledger.waiting(conn)
    assert (answer["size"], answer["root"]) == (newest.size, newest.root.hex())
