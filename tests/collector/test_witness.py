"""This collector as a witness of others' ledgers: it never cosigns two histories of one."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine
from starlette.testclient import TestClient

from tests.factories.api_world import ApiWorld, api_world
from tests.factories.logs import VKEY, Log
from tests.fakes import database, postgres
from zaigang_collector import db
from zaigang_collector.ledger import witness, witnessed
from zaigang_collector.ledger.witness import Asked, Reply, Seen
from zaigang_collector.ledger.witnessing import request
from zaigang_shared import note as notes
from zaigang_shared.note import Note

NEEDS_POSTGRES = (
    pytest.mark.postgresql,
    pytest.mark.skipif(bool(postgres.missing()), reason=postgres.missing()),
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[ApiWorld]:
    with api_world(tmp_path, logs=(VKEY,)) as made:
        yield made


def add(client: TestClient, log: Log, old: int, size: int | None = None) -> tuple[int, str]:
    size = len(log.leaves) if size is None else size
    proof = log.proof(old, size) if 0 < old < size else []
    answer = client.post("/add-checkpoint", content=request(old, proof, log.checkpoint(size).note))
    return answer.status_code, answer.text


def seen_at_s(world: ApiWorld, log: Log, line: str) -> int:
    text = notes.parse(log.checkpoint().note).text
    signed = Note(text, (notes.parse_signature(line.rstrip("\n")),))
    key = notes.parse_verifier_key(world.client.get("/witness-key").text)
    return notes.verify_cosignature(signed, key)


def test_a_ledger_that_grows_is_cosigned_at_each_size(world: ApiWorld) -> None:
    log = Log()
    old = 0
    for more in (1, 1, 5, 300):
        log.grow(more)
        world.clock.advance(61_000)
        status, line = add(world.client, log, old)
        assert status == 200
        assert seen_at_s(world, log, line) == world.clock.utc // 1000
        old = len(log.leaves)
    with db.reading(world.engine) as conn:
        assert witnessed.seen(conn, log.origin) == Seen(307, log.root())


def test_the_same_checkpoint_again_is_cosigned_again(world: ApiWorld) -> None:
    log = Log.of(4)
    assert add(world.client, log, 0)[0] == 200
    world.clock.advance(60_000)
    status, line = add(world.client, log, 4)
    assert (status, seen_at_s(world, log, line)) == (200, world.clock.utc // 1000)


def test_a_fork_is_not_cosigned_from_any_size(world: ApiWorld) -> None:
    assert add(world.client, Log.of(8), 0)[0] == 200
    assert add(world.client, Log.of(8, "fork"), 8) == (409, "8\n")
    assert add(world.client, Log.of(12, "fork"), 8)[0] == 422
    assert add(world.client, Log.of(12, "fork"), 0) == (409, "8\n")
    late = Log.of(7)
    late.grow(5, "fork")
    assert add(world.client, late, 8)[0] == 422
    with db.reading(world.engine) as conn:
        assert witnessed.seen(conn, VKEY.name) == Seen(8, Log.of(8).root())


def test_a_smaller_or_skipped_size_is_told_the_size_that_was_seen(world: ApiWorld) -> None:
    log = Log.of(20)
    assert add(world.client, log, 0, 10)[0] == 200
    for old, size in ((0, 20), (9, 20), (5, 9), (9, 9), (11, 20)):
        answer = world.client.post(
            "/add-checkpoint",
            content=request(old, log.proof(old, size) if old else [], log.checkpoint(size).note),
        )
        assert (answer.status_code, answer.text) == (409, "10\n")
        assert answer.headers["content-type"].startswith("text/x.tlog.size")
    assert add(world.client, log, 10)[0] == 200


def test_a_ledger_that_is_not_watched_is_unknown(world: ApiWorld) -> None:
    stranger = Log("somebody/else", Ed25519PrivateKey.generate(), Log.of(3).leaves)
    assert add(world.client, stranger, 0)[0] == 404


def test_a_checkpoint_signed_by_somebody_else_is_forbidden(world: ApiWorld) -> None:
    impostor = Log(key=Ed25519PrivateKey.generate(), leaves=Log.of(3).leaves)
    assert add(world.client, impostor, 0)[0] == 403
    good = Log.of(3).checkpoint().note
    # The right name and key id over another text.
    forged = good.replace("\n3\n", "\n4\n")
    answer = world.client.post("/add-checkpoint", content=request(0, [], forged))
    assert answer.status_code == 403
    with db.reading(world.engine) as conn:
        assert witnessed.seen(conn, VKEY.name) == witness.NOTHING


def test_a_wrong_proof_is_unprocessable(world: ApiWorld) -> None:
    log = Log.of(9)
    assert add(world.client, log, 0, 5)[0] == 200
    proof = log.proof(5)
    for wrong in ([], proof[:-1], [*proof, bytes(32)], [bytes(32)] * len(proof)):
        answer = world.client.post(
            "/add-checkpoint", content=request(5, wrong, log.checkpoint().note)
        )
        assert answer.status_code == 422
    superfluous = request(5, [bytes(32)], log.checkpoint(5).note)
    assert world.client.post("/add-checkpoint", content=superfluous).status_code == 422
    assert add(world.client, log, 5)[0] == 200


def test_from_nothing_no_proof_is_taken(world: ApiWorld) -> None:
    body = request(0, [bytes(32)], Log.of(3).checkpoint().note)
    assert world.client.post("/add-checkpoint", content=body).status_code == 422


NOTE = Log.of(3).checkpoint().note


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"old 0",
        b"old 0\n\n",
        b"old 00\n\n" + NOTE.encode(),
        b"old -1\n\n" + NOTE.encode(),
        b"\n\n" + NOTE.encode(),
        b"old 4\n\n" + NOTE.encode(),
        b"old 1\nnot base64\n\n" + NOTE.encode(),
        b"old 1\n" + base64.b64encode(b"short") + b"\n\n" + NOTE.encode(),
        b"old 1\n\xff\n\n" + NOTE.encode(),
        b"old 1\n" + (base64.b64encode(bytes(32)) + b"\n") * 64 + b"\n" + NOTE.encode(),
        b"old 0\n\n" + NOTE.encode()[:-1],
    ],
)
def test_what_is_no_request_is_refused_with_a_sentence(world: ApiWorld, body: bytes) -> None:
    answer = world.client.post("/add-checkpoint", content=body)
    assert answer.status_code == 400
    assert answer.json()["detail"]


def test_a_large_body_is_refused_before_it_is_in_memory(world: ApiWorld) -> None:
    answer = world.client.post("/add-checkpoint", content=bytes(witness.MAX_BYTES + 1))
    assert answer.status_code == 413


@given(st.binary(max_size=300))
def test_any_bytes_are_answered(body: bytes) -> None:
    reply = witness.asked(body, [VKEY])
    assert isinstance(reply, Reply)
    assert reply.status in (400, 403, 404)


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40), st.booleans())
def test_what_is_cosigned_always_continues_what_was_seen(
    seen: int, old: int, size: int, fork: bool
) -> None:
    log = Log.of(40, "fork" if fork else "")
    proof = log.proof(old, size) if 0 < old < size else []
    asked = witness.asked(request(old, proof, log.checkpoint(size).note), [VKEY])
    if isinstance(asked, Reply):
        assert old > size
        return
    before = Seen(seen, Log.of(40).root(seen))
    refused = witness.refusal(asked, before)
    continues = old == seen <= size and (not fork or seen == 0)
    assert (refused is None) == continues


def test_lines_of_others_are_neither_checked_nor_kept(world: ApiWorld) -> None:
    log = Log.of(3)
    text = notes.parse(log.checkpoint().note).text
    other = notes.cosigned(text, "other", Ed25519PrivateKey.generate(), 5)
    noted = notes.with_signatures(notes.parse(log.checkpoint().note), [other])
    asked = witness.asked(request(0, [], str(noted)), [VKEY])
    assert isinstance(asked, Asked)
    assert str(asked.note) == log.checkpoint().note
    answer = world.client.post("/add-checkpoint", content=request(0, [], str(noted)))
    assert answer.status_code == 200


def test_it_is_kept_before_it_is_answered_and_two_who_ask_at_once_get_one_history(
    world: ApiWorld,
) -> None:
    """Both looked when nothing had been seen; the second meets what the first left."""
    one = witness.asked(request(0, [], Log.of(5).checkpoint().note), [VKEY])
    two = witness.asked(request(0, [], Log.of(5, "fork").checkpoint().note), [VKEY])
    assert isinstance(one, Asked)
    assert isinstance(two, Asked)
    with db.writing(world.engine) as conn:
        assert witnessed.keep(conn, one, world.clock.utc) is None
    with db.writing(world.engine) as conn:
        refused = witnessed.keep(conn, two, world.clock.utc)
    assert refused is not None
    assert (refused.status, refused.body) == (409, "5\n")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=NEEDS_POSTGRES)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "sqlite":
        made = database.in_file(tmp_path)
        yield made
        made.dispose()
        return
    with postgres.server() as url:
        made = db.open_engine(url)
        db.metadata.create_all(made)
        yield made
        made.dispose()


def test_of_two_histories_that_come_together_one_is_kept(engine: Engine) -> None:
    together = threading.Barrier(2)

    def ask(variant: str) -> bool:
        asked = witness.asked(request(0, [], Log.of(5, variant).checkpoint().note), [VKEY])
        assert isinstance(asked, Asked)
        together.wait()
        with db.writing(engine) as conn:
            return witnessed.keep(conn, asked, 1) is None

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(ask, ("", "fork"))) == [False, True]


def test_a_witness_does_not_show_its_key(world: ApiWorld) -> None:
    key = world.client.get("/witness-key").text
    assert notes.parse_verifier_key(key).type == notes.COSIGNATURE
    cosigner = witness.Cosigner("w", Ed25519PrivateKey.generate(), ())
    assert repr(cosigner) == "Cosigner(w)"
