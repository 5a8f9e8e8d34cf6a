"""The ledger's queue: an entry exists exactly when what it is about does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from tests.fakes import database
from zaigang_collector import db
from zaigang_collector.ledger import service as ledger
from zaigang_collector.ledger.service import EntryType
from zaigang_shared.ledger_entry import LeafData

HASH = b"h" * 32
SALT = b"s" * 16


@pytest.fixture
def conn() -> Iterator[Connection]:
    with database.in_memory() as connection:
        yield connection


def test_entries_come_out_in_the_order_in_which_they_went_in(conn: Connection) -> None:
    first = ledger.append(conn, EntryType.CLOCK_IN, 5, HASH, SALT, "c1")
    ledger.append_all(conn, [(EntryType.ENVELOPE, 4, HASH, SALT, f"d/{n}") for n in range(3)])
    last = ledger.append(conn, EntryType.POLICY, 3, HASH, SALT, "p")
    found = ledger.entries(conn)
    assert [entry.ref for entry in found] == ["c1", "d/0", "d/1", "d/2", "p"]
    assert (found[0].queue_id, found[-1].queue_id) == (first, last)
    leaf = LeafData(EntryType.CLOCK_IN, 5, HASH, SALT).hash()
    assert found[0] == ledger.Entry(first, None, EntryType.CLOCK_IN, 5, HASH, SALT, leaf, "c1")


def test_the_queue_is_read_in_pieces(conn: Connection) -> None:
    ledger.append_all(conn, [(EntryType.ENVELOPE, 4, HASH, SALT, str(n)) for n in range(5)])
    first = ledger.entries(conn, limit=2)
    rest = ledger.entries(conn, after_queue_id=first[-1].queue_id)
    assert [entry.ref for entry in first + rest] == ["0", "1", "2", "3", "4"]


def test_all_entries_about_one_thing_are_found(conn: Connection) -> None:
    for at_ms in (1, 2):
        ledger.append(conn, EntryType.ASSESSMENT, at_ms, HASH, SALT, "a")
    ledger.append(conn, EntryType.CLOCK_IN, 3, HASH, SALT, "a")
    assert [e.at_ms for e in ledger.entries_of(conn, EntryType.ASSESSMENT, "a")] == [1, 2]


@pytest.mark.parametrize(("body_hash", "salt"), [(b"h" * 31, SALT), (HASH, b""), (b"", SALT)])
def test_a_short_hash_or_salt_is_a_mistake_in_our_code(
    conn: Connection, body_hash: bytes, salt: bytes
) -> None:
    with pytest.raises(ValueError, match="bytes, this has"):
        ledger.append(conn, EntryType.POLICY, 1, body_hash, salt, "p")


def test_no_entry_stays_when_its_transaction_fails(tmp_path: Path) -> None:
    engine = database.in_file(tmp_path)
    with pytest.raises(ZeroDivisionError), db.writing(engine) as conn:
        ledger.append(conn, EntryType.POLICY, 1, HASH, SALT, "p")
        raise ZeroDivisionError
    with db.reading(engine) as conn:
        assert ledger.entries(conn) == ()
    engine.dispose()


def test_a_blinded_entry_keeps_its_leaf_and_nothing_to_guess_from(conn: Connection) -> None:
    for ref in ("a", "b"):
        ledger.append(conn, EntryType.CLOCK_IN, 5, HASH, SALT, ref)
    ledger.append(conn, EntryType.POLICY, 5, HASH, SALT, "a")
    assert ledger.blind(conn, EntryType.CLOCK_IN, ["a", "none"]) == 1
    leaf = LeafData(EntryType.CLOCK_IN, 5, HASH, SALT).hash()
    blind, *others = ledger.entries(conn)
    assert (blind.body_hash, blind.salt, blind.leaf) == (None, None, leaf)
    assert all((one.salt, one.body_hash) == (SALT, HASH) for one in others)
    assert ledger.blind(conn, EntryType.CLOCK_IN, ["a"]) == 0  # once, and for good
    assert ledger.entries_of(conn, EntryType.CLOCK_IN, "a") == (blind,)


def test_many_entries_are_blinded_at_once(conn: Connection) -> None:
    refs = [str(number) for number in range(1_200)]
    ledger.append_all(conn, [(EntryType.CLOCK_IN, 5, HASH, SALT, ref) for ref in refs])
    assert ledger.blind(conn, EntryType.CLOCK_IN, refs) == 1_200
