"""The vault: what was sealed comes out in its place, under its key, while the key lives."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from tests.factories.vault import MASTER, a_vault
from tests.fakes import database
from zaigang_collector import db
from zaigang_collector.errors import ConfigError, ForgottenError, VaultError
from zaigang_collector.vault import service
from zaigang_collector.vault.master import FileMaster
from zaigang_collector.vault.model import Subject, SubjectKind, ToSeal, person
from zaigang_collector.vault.tables import KEY

database.all_tables()
NOW = 1_790_000_000_000
WANG, LI = person("E001"), person("E002")
OTHER_MASTER = FileMaster(bytes(32))
# One database for all examples: keys stay, and that is the usual case.
PROPERTY = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)


@pytest.fixture
def conn() -> Iterator[Connection]:
    with database.in_memory() as connection:
        yield connection


@PROPERTY
@given(st.binary(max_size=2000), st.binary(max_size=60), st.sampled_from(SubjectKind))
def test_what_was_sealed_comes_out_again(
    conn: Connection, plaintext: bytes, context: bytes, kind: SubjectKind
) -> None:
    sealed = a_vault().seal(conn, Subject(kind, "x"), plaintext, context, NOW)
    assert a_vault().open(conn, sealed, context) == plaintext
    assert len(sealed) == 1 + 16 + 12 + len(plaintext) + 16


@PROPERTY
@given(st.binary(min_size=1, max_size=80), st.data())
def test_a_changed_bit_anywhere_is_refused(
    conn: Connection, plaintext: bytes, data: st.DataObject
) -> None:
    vault = a_vault()
    sealed = bytearray(vault.seal(conn, WANG, plaintext, b"here", NOW))
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(VaultError) as caught:
        vault.open(conn, bytes(sealed), b"here")
    assert not isinstance(caught.value, ForgottenError)


@PROPERTY
@given(st.binary(max_size=200))
def test_any_bytes_that_were_not_sealed_are_refused(conn: Connection, garbage: bytes) -> None:
    with pytest.raises(VaultError):
        a_vault().open(conn, garbage, b"here")


@PROPERTY
@given(st.binary(max_size=40), st.binary(max_size=40))
def test_a_body_is_refused_in_any_other_place(
    conn: Connection, context: bytes, other: bytes
) -> None:
    vault = a_vault()
    sealed = vault.seal(conn, WANG, b"body", context, NOW)
    if context != other:
        with pytest.raises(VaultError, match="belongs somewhere else"):
            vault.open(conn, sealed, other)


def test_a_body_is_refused_under_another_persons_key(conn: Connection) -> None:
    vault = a_vault()
    mine, theirs = (vault.seal(conn, who, b"body", b"here", NOW) for who in (WANG, LI))
    assert service.key_id_of(mine) != service.key_id_of(theirs)
    with pytest.raises(VaultError):
        vault.open(conn, theirs[:17] + mine[17:], b"here")


def test_everybody_has_one_living_key_whoever_makes_it(conn: Connection) -> None:
    first, second = a_vault(), a_vault()
    ids = {
        service.key_id_of(vault.seal(conn, WANG, b"body", bytes([number]), NOW))
        for number, vault in enumerate((first, second, first))
    }
    assert len(ids) == 1
    assert service.key_ids_of(conn, [WANG]) == ids


def test_a_person_and_a_site_of_one_name_have_different_keys(conn: Connection) -> None:
    subjects = [Subject(kind, "hq") for kind in SubjectKind]
    sealed = a_vault().seal_many(conn, [ToSeal(one, b"body", b"here") for one in subjects], NOW)
    assert len({service.key_id_of(one) for one in sealed}) == len(SubjectKind)


def test_the_same_body_never_looks_the_same_twice(conn: Connection) -> None:
    vault = a_vault()
    items = [ToSeal(WANG, b"body", b"here")] * 50
    sealed = vault.seal_many(conn, items, NOW) + vault.seal_many(conn, items, NOW)
    assert len({one[17:29] for one in sealed}) == 100


def test_a_destroyed_key_is_not_used_from_anybodys_memory(conn: Connection) -> None:
    vault, running = a_vault(), a_vault()
    sealed = vault.seal(conn, WANG, b"body", b"here", NOW)
    assert running.open(conn, sealed, b"here") == b"body"  # and remembers the key
    assert vault.destroy(conn, WANG, NOW + 1) == 1
    for one in (vault, running, a_vault()):
        with pytest.raises(ForgottenError):
            one.open(conn, sealed, b"here")
    assert conn.execute(sa.select(KEY.c.wrapped)).scalar_one() is None
    assert vault.destroy(conn, WANG, NOW + 2) == 0


def test_what_comes_after_forgetting_is_under_a_new_key(conn: Connection) -> None:
    vault = a_vault()
    before = vault.seal(conn, WANG, b"before", b"here", NOW)
    vault.destroy(conn, WANG, NOW)
    after = vault.seal(conn, WANG, b"after", b"here", NOW)
    assert vault.open_many(conn, [(before, b"here"), (after, b"here")]) == [None, b"after"]
    assert service.key_ids_of(conn, [WANG]) == {
        service.key_id_of(before),
        service.key_id_of(after),
    }


def test_a_key_of_a_transaction_that_failed_is_never_used_again(tmp_path: Path) -> None:
    engine, vault = database.in_file(tmp_path), a_vault()
    with pytest.raises(ZeroDivisionError), db.writing(engine) as conn:
        lost = vault.seal(conn, WANG, b"body", b"here", NOW)
        raise ZeroDivisionError
    with db.writing(engine) as conn:
        kept = vault.seal(conn, WANG, b"body", b"here", NOW)
    assert service.key_id_of(kept) != service.key_id_of(lost)
    with db.reading(engine) as conn:
        assert a_vault().open(conn, kept, b"here") == b"body"
    engine.dispose()


def test_keys_are_wrapped_in_the_database(conn: Connection) -> None:
    a_vault().seal(conn, WANG, b"body", b"here", NOW)
    row = conn.execute(sa.select(KEY)).one()
    assert (row.master_id, len(row.wrapped)) == (MASTER.id, 40)  # RFC 3394 adds eight bytes
    assert MASTER.unwrap(row.wrapped) not in row.wrapped


def test_another_master_key_is_told_before_anything_is_read_or_written(conn: Connection) -> None:
    sealed = a_vault().seal(conn, WANG, b"body", b"here", NOW)
    stranger = a_vault(OTHER_MASTER)
    for act in (
        lambda: stranger.check(conn),
        lambda: stranger.open(conn, sealed, b"here"),
        lambda: stranger.seal(conn, LI, b"body", b"here", NOW),
    ):
        with pytest.raises(ConfigError, match=f"needs the master key {MASTER.id}.*backup"):
            act()


def test_rewrapping_leaves_bodies_as_they_are(conn: Connection) -> None:
    vault = a_vault()
    sealed = [vault.seal(conn, who, b"body", b"here", NOW) for who in (WANG, LI)]
    vault.destroy(conn, LI, NOW)
    assert vault.rewrap(conn, OTHER_MASTER) == 1
    with pytest.raises(ConfigError):
        a_vault().open(conn, sealed[0], b"here")
    opened = a_vault(OTHER_MASTER).open_many(conn, [(one, b"here") for one in sealed])
    assert opened == [b"body", None]
    # Whoever runs on with both in hand wraps what is new with the new one.
    vault.seal(conn, LI, b"body", b"here", NOW)
    assert service.masters_used(conn) == {OTHER_MASTER.id}


def test_a_master_key_that_does_not_give_back_changes_nothing(tmp_path: Path) -> None:
    class Forgetful(FileMaster):
        def unwrap(self, wrapped: bytes) -> bytes:
            return bytes(32)

    engine, vault = database.in_file(tmp_path), a_vault()
    with db.writing(engine) as conn:
        sealed = vault.seal(conn, WANG, b"body", b"here", NOW)
    with pytest.raises(VaultError, match="nothing was changed"), db.writing(engine) as conn:
        vault.rewrap(conn, Forgetful(bytes(32)))
    with db.reading(engine) as conn:
        assert a_vault().open(conn, sealed, b"here") == b"body"
    engine.dispose()


def test_nothing_secret_is_printed_by_accident() -> None:
    assert repr(a_vault()) == "Vault(…)"
    assert bytes(range(32)).hex() not in repr(MASTER)
