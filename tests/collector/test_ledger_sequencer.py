"""The tree grows from the queue, whoever dies when, and what it says of itself is proved."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from tests.factories import ledger as made
from tests.factories.ledger import NOW_MS, SIGNER
from tests.fakes import database
from zaigang_collector import db
from zaigang_collector.errors import LedgerError
from zaigang_collector.ledger import sequencer
from zaigang_collector.ledger import service as ledger
from zaigang_collector.ledger.sequencer import Signer
from zaigang_collector.ledger.tables import CHECKPOINT, ENTRY, HEAD, TILE
from zaigang_shared import checkpoint, merkle
from zaigang_shared.errors import ProofError


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = database.in_file(tmp_path)
    yield engine
    engine.dispose()


def newest(engine: Engine) -> ledger.StoredCheckpoint:
    with db.reading(engine) as conn:
        found = ledger.newest_checkpoint(conn)
    assert found is not None
    return found


def test_an_empty_ledger_is_signed_too(engine: Engine) -> None:
    made.prepared(engine)
    found = newest(engine)
    assert (found.size, found.root) == (0, merkle.EMPTY_ROOT)
    with db.reading(engine) as conn:
        assert sequencer.check(conn, SIGNER) == found


def test_preparing_again_changes_nothing(engine: Engine) -> None:
    made.fill(engine, 3)
    made.prepared(engine)
    assert newest(engine).size == 3


@pytest.mark.parametrize("count", [1, 2, 255, 256, 257, 511, 512, 1000])
@pytest.mark.parametrize("batch", [1000, 97])
def test_the_root_is_that_over_the_entries_in_order_of_arrival(
    engine: Engine, count: int, batch: int
) -> None:
    made.fill(engine, count, batch)
    found = newest(engine)
    assert (found.size, found.root) == (count, made.root(count))
    signed, _ = checkpoint.open_note(found.note, SIGNER.verifier)
    assert (signed.size, signed.root) == (count, found.root)
    with db.reading(engine) as conn:
        assert ledger.waiting(conn) == 0
        assert [one.index for one in ledger.sequenced(conn, 0, 2000)] == list(range(count))


def test_full_tiles_of_all_levels_are_kept_and_lead_to_the_root(engine: Engine) -> None:
    count = 256 * 257 + 3
    made.fill(engine, count, 5000)
    with db.reading(engine) as conn:
        tiles = [tuple(row) for row in conn.execute(sa.select(TILE.c.level, TILE.c.idx))]
        assert len(tiles) == 257 + 1
        assert (1, 0) in tiles
        assert ledger.root_at(conn, count) == made.root(count) == newest(engine).root
        assert ledger.tile(conn, 1, 1, 1) == merkle.root_of(made.leaf_hashes(count)[65536:65792])
        assert ledger.tile(conn, 0, 257, 3) == b"".join(made.leaf_hashes(count)[-3:])
        assert ledger.tile(conn, 0, 257, 4) is None


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes=st.lists(st.integers(1, 300), min_size=1, max_size=5), data=st.data())
def test_any_entry_and_any_earlier_size_is_proved(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], data: st.DataObject
) -> None:
    engine = database.in_file(tmp_path_factory.mktemp("ledger"))
    made.prepared(engine)
    total = 0
    for size in sizes:
        made.queue(engine, total, size)
        total += sequencer.sequence(engine, SIGNER, NOW_MS)
    index = data.draw(st.integers(0, total - 1))
    old = data.draw(st.integers(1, total))
    with db.reading(engine) as conn:
        proof = ledger.inclusion_proof(conn, index, total)
        merkle.verify_inclusion(made.leaf_data(index).hash(), index, total, proof, made.root(total))
        consistency = ledger.consistency_proof(conn, old, total)
        merkle.verify_consistency(old, made.root(old), total, made.root(total), consistency)
        assert ledger.root_at(conn, old) == made.root(old)
        with pytest.raises(ProofError):
            ledger.inclusion_proof(conn, total, total)
    engine.dispose()


def test_many_proofs_at_once_are_those_of_one_at_a_time(engine: Engine) -> None:
    made.fill(engine, 600)
    with db.reading(engine) as conn:
        many = ledger.inclusion_proofs(conn, [0, 7, 599], 600)
        assert many == [ledger.inclusion_proof(conn, at, 600) for at in (0, 7, 599)]


def test_a_size_that_the_tree_never_had_has_no_root(engine: Engine) -> None:
    made.fill(engine, 5)
    with db.reading(engine) as conn, pytest.raises(LedgerError, match="incomplete"):
        ledger.root_at(conn, 6)


@pytest.mark.parametrize("effect", ["_waiting", "_place", "_keep_full_tiles", "_sign"])
def test_a_crash_at_any_effect_leaves_the_queue_as_it_was(
    engine: Engine, effect: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.fill(engine, 250)
    made.queue(engine, 250, 20)
    before = newest(engine)
    real = getattr(sequencer, effect)

    def dies(*args: object) -> None:
        real(*args)
        raise KeyboardInterrupt

    monkeypatch.setattr(sequencer, effect, dies)
    with pytest.raises(KeyboardInterrupt):
        sequencer.sequence(engine, SIGNER, NOW_MS)
    monkeypatch.undo()
    assert newest(engine) == before
    with db.reading(engine) as conn:
        assert ledger.waiting(conn) == 20
        sequencer.check(conn, SIGNER)
    assert sequencer.sequence(engine, SIGNER, NOW_MS) == 20
    assert newest(engine).root == made.root(270)


def test_two_sequencers_that_do_not_know_of_each_other_leave_one_tree(engine: Engine) -> None:
    made.prepared(engine)
    made.queue(engine, 0, 40)
    others = db.open_engine(str(engine.url))
    done = 0
    while done < 40:
        done += sequencer.sequence(engine, SIGNER, NOW_MS, 7)
        done += sequencer.sequence(others, SIGNER, NOW_MS, 5)
    others.dispose()
    assert newest(engine).root == made.root(40)


def test_one_holds_the_lease_until_it_is_over_or_given_back(engine: Engine) -> None:
    assert sequencer.take_lease(engine, "a", 1000, 500)
    assert not sequencer.take_lease(engine, "b", 1400, 500)
    assert sequencer.take_lease(engine, "a", 1400, 500)  # goes on
    assert not sequencer.take_lease(engine, "b", 1900, 500)
    assert sequencer.take_lease(engine, "b", 1901, 500)  # a is dead
    assert not sequencer.take_lease(engine, "a", 2000, 500)
    sequencer.give_back_lease(engine, "a")  # not its own any more: changes nothing
    assert not sequencer.take_lease(engine, "a", 2000, 500)
    sequencer.give_back_lease(engine, "b")
    assert sequencer.take_lease(engine, "a", 2000, 500)


def test_the_time_of_checkpoints_never_goes_back(engine: Engine) -> None:
    made.prepared(engine)
    made.queue(engine, 0, 2)
    sequencer.sequence(engine, SIGNER, NOW_MS + 5000, 1)
    sequencer.sequence(engine, SIGNER, NOW_MS - 5000, 1)
    assert newest(engine).at_ms == NOW_MS + 5000


def test_the_newest_checkpoint_of_each_hour_and_those_shown_outside_stay(engine: Engine) -> None:
    made.prepared(engine)
    made.queue(engine, 0, 6)
    hour = 3_600_000
    for size, at_ms in ((1, 0), (2, 1), (3, hour), (4, hour + 1), (5, 2 * hour), (6, 2 * hour + 1)):
        sequencer.sequence(engine, SIGNER, NOW_MS - NOW_MS % hour + hour + at_ms, 1)
        if size == 3:
            with db.writing(engine) as conn:
                ledger.pin(conn, 3)
    with db.reading(engine) as conn:
        kept = list(
            conn.execute(sa.select(CHECKPOINT.c.size).order_by(CHECKPOINT.c.size)).scalars()
        )
        assert ledger.checkpoint_at(conn, 3) is not None
        assert ledger.checkpoint_at(conn, 1) is None
    assert kept == [0, 2, 3, 4, 6]


OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        (sa.update(HEAD).values(size=299, edge=bytes(32 * (299).bit_count())), "altered"),
        (sa.delete(ENTRY).where(ENTRY.c.idx == 299), "number 298"),
        (sa.update(CHECKPOINT).values(note="x"), "ledger.key"),
        (sa.delete(CHECKPOINT), "no ledger"),
        (sa.delete(HEAD), "no ledger"),
    ],
)
def test_a_start_compares_and_refuses(engine: Engine, statement: sa.Executable, why: str) -> None:
    made.fill(engine, 300)
    with db.writing(engine) as conn:
        conn.execute(statement)
    with db.reading(engine) as conn, pytest.raises(LedgerError, match=why):
        sequencer.check(conn, SIGNER)


@pytest.mark.parametrize(
    ("signer", "why"),
    [(Signer(SIGNER.origin, OTHER), "ledger.key"), (Signer("other", SIGNER.key), "other")],
)
def test_another_key_or_name_is_refused_at_the_start(
    engine: Engine, signer: Signer, why: str
) -> None:
    made.fill(engine, 3)
    with db.reading(engine) as conn, pytest.raises(LedgerError, match=why):
        sequencer.check(conn, signer)
