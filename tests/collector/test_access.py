"""API tokens: what they allow, and how little a wrong one is told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection

from tests.fakes import database
from tests.fakes.randomness import Repeatable
from zaigang_collector.access import service as access
from zaigang_collector.access.model import DenialReason, Denied, Principal, Scope
from zaigang_collector.access.tables import TOKEN
from zaigang_collector.errors import UnknownIdError

NOW = 1_790_000_000_000
DAY = 86_400_000


@pytest.fixture
def conn() -> Iterator[Connection]:
    with database.in_memory() as connection:
        yield connection


def make(conn: Connection, *scopes: Scope, expires_ms: int | None = None) -> str:
    granted = scopes or (Scope.READ_DIRECTORY,)
    return access.create(conn, "payroll", granted, NOW, expires_ms, Repeatable("token"))


def reason(answer: Principal | Denied) -> DenialReason:
    assert isinstance(answer, Denied)
    return answer.reason


def test_a_token_tells_who_asks_and_what_they_may(conn: Connection) -> None:
    text = make(conn, Scope.READ_DIRECTORY, Scope.WRITE_CLOCK_INS)
    answer = access.check(conn, f" {text}\n", NOW)
    assert isinstance(answer, Principal)
    assert answer.name == "payroll"
    assert answer.scopes == {Scope.READ_DIRECTORY, Scope.WRITE_CLOCK_INS}
    assert text.startswith(f"zgapi-{answer.token_id}-")


def test_the_secret_is_nowhere_in_the_database(conn: Connection) -> None:
    secret = make(conn).rsplit("-", 1)[1]
    row = conn.execute(sa.select(TOKEN)).one()
    assert secret not in repr(tuple(row))


def test_an_unknown_id_and_a_wrong_secret_get_the_same_answer(conn: Connection) -> None:
    text = make(conn)
    head, secret = text.rsplit("-", 1)
    wrong_secret = access.check(conn, f"{head}-{secret[::-1]}", NOW)
    unknown = access.check(conn, f"zgapi-aaaaaaaa-{secret}", NOW)
    assert wrong_secret == unknown
    assert reason(unknown) is DenialReason.WRONG


def test_a_revoked_and_an_expired_token_say_so_to_who_knows_the_secret(conn: Connection) -> None:
    text = make(conn, expires_ms=NOW + DAY)
    assert isinstance(access.check(conn, text, NOW + DAY - 1), Principal)
    assert reason(access.check(conn, text, NOW + DAY)) is DenialReason.EXPIRED
    access.revoke(conn, text.split("-")[1], NOW)
    assert reason(access.check(conn, text, NOW)) is DenialReason.REVOKED
    head, secret = text.rsplit("-", 1)
    assert reason(access.check(conn, f"{head}-{secret[::-1]}", NOW)) is DenialReason.WRONG


def test_revoking_again_keeps_the_first_time(conn: Connection) -> None:
    token_id = make(conn).split("-")[1]
    access.revoke(conn, token_id, NOW)
    access.revoke(conn, token_id, NOW + DAY)
    assert access.list_all(conn)[0].revoked_ms == NOW


def test_a_token_that_is_not_there_cannot_be_revoked(conn: Connection) -> None:
    with pytest.raises(UnknownIdError, match="API token"):
        access.revoke(conn, "aaaaaaaa", NOW)


def test_use_is_noted_once_a_minute(conn: Connection) -> None:
    text = make(conn)
    first = access.check(conn, text, NOW)
    assert isinstance(first, Principal)
    assert first.touch_due
    access.touch(conn, first.token_id, NOW)
    soon, later = (access.check(conn, text, NOW + ms) for ms in (59_999, 60_000))
    assert isinstance(soon, Principal)
    assert isinstance(later, Principal)
    assert (soon.touch_due, later.touch_due) == (False, True)
    assert access.list_all(conn)[0].last_used_ms == NOW


def test_a_token_without_scope_is_not_made(conn: Connection) -> None:
    with pytest.raises(ValueError, match="at least one scope"):
        access.create(conn, "x", [], NOW, None, Repeatable())


@given(st.one_of(st.text(max_size=80), st.from_regex(r"zgapi-[a-z2-7]{8}-[a-z2-7]{32}")))
def test_whatever_is_sent_is_denied(text: str) -> None:
    with database.in_memory() as conn:
        make(conn)
        assert reason(access.check(conn, text, NOW)) in (DenialReason.MALFORMED, DenialReason.WRONG)
