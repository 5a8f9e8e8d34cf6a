"""A new key is a new device in the place of the old: at no moment both, at no moment neither."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from tests.factories.devices import (
    DAY_MS,
    a_request,
    a_token,
    an_issuer,
    stored_laptop,
    stored_node,
)
from tests.factories.directory import NOW_MS, stored_employee
from tests.factories.vault import shares_the_master
from tests.fakes import database
from tests.fakes.randomness import Repeatable
from zaigang_collector import bootstrap
from zaigang_collector.cli import main
from zaigang_collector.cli.console import Exit
from zaigang_collector.config import Settings
from zaigang_collector.devices import enrolment, service
from zaigang_collector.devices.model import DeviceKind, DeviceStatus, Replacement, TokenScope
from zaigang_collector.errors import ConflictError, EnrolmentError, Rejection, UnknownIdError

LATER_MS = NOW_MS + DAY_MS // 2
RANDOM = Repeatable("replacing")
ISSUER = an_issuer(seed="replacing")

database.all_tables()


@pytest.fixture
def conn() -> Iterator[Connection]:
    with database.in_memory() as made:
        yield made


def scope(replaces: str, **changes: object) -> TokenScope:
    fields: dict[str, object] = {"kind": DeviceKind.LAPTOP, "employee_id": "e001"}
    return TokenScope(**{**fields, "replaces": replaces, **changes})  # type: ignore[arg-type]  # a test names fields


def test_the_old_device_ends_at_the_moment_at_which_the_new_one_begins(conn: Connection) -> None:
    old = stored_laptop(conn)
    token = a_token(conn, ISSUER, scope(old.id), LATER_MS - 5)
    before = service.get(conn, old.id)
    assert before is not None
    assert before.status is DeviceStatus.ACTIVE  # a token alone changes nothing
    new = enrolment.enrol(conn, token, a_request("new"), LATER_MS, ISSUER).device
    after = service.get(conn, old.id)
    assert after is not None
    assert (after.status, after.revoked_ms) == (DeviceStatus.REVOKED, LATER_MS)
    assert service.replacement(conn, old.id) == Replacement(None, new.id)
    assert service.replacement(conn, new.id) == Replacement(old.id, None)
    held = service.holdings_of_employee(conn, "e001", NOW_MS, LATER_MS + DAY_MS)
    assert {(one.device_id, one.from_ms, one.to_ms) for one in held} == {
        (old.id, NOW_MS, LATER_MS),
        (new.id, LATER_MS, None),
    }


def test_an_answer_that_was_lost_replaces_nothing_twice(conn: Connection) -> None:
    old = stored_laptop(conn)
    token = a_token(conn, ISSUER, scope(old.id))
    first = enrolment.enrol(conn, token, a_request("new"), LATER_MS, ISSUER).device
    again = enrolment.enrol(conn, token, a_request("new"), LATER_MS + 9, ISSUER).device
    assert first.id == again.id
    after = service.get(conn, old.id)
    assert after is not None
    assert after.revoked_ms == LATER_MS


def test_a_device_that_was_reported_stolen_meanwhile_stays_revoked_since_then(
    conn: Connection,
) -> None:
    old = stored_laptop(conn)
    token = a_token(conn, ISSUER, scope(old.id))
    service.revoke(conn, old.id, "stolen", NOW_MS + 9, RANDOM, from_ms=NOW_MS + 5)
    new = enrolment.enrol(conn, token, a_request("new"), LATER_MS, ISSUER).device
    after = service.get(conn, old.id)
    assert after is not None
    assert after.revoked_ms == NOW_MS + 5
    assert service.replacement(conn, new.id).replaces == old.id


def test_a_node_is_replaced_at_its_site(conn: Connection) -> None:
    old = stored_node(conn)
    wanted = scope(old.id, kind=DeviceKind.NODE, employee_id=None, site_id="lujiazui")
    token = a_token(conn, ISSUER, wanted)
    request = a_request("new", DeviceKind.NODE)
    new = enrolment.enrol(conn, token, request, LATER_MS, ISSUER).device
    assert [one.id for one in service.nodes_of_site(conn, "lujiazui")] == [new.id]


def test_only_the_owners_own_device_can_be_replaced_and_only_once(conn: Connection) -> None:
    old = stored_laptop(conn)
    stored_employee(conn, id="e002")
    with pytest.raises(ConflictError, match="same owner"):
        a_token(conn, ISSUER, scope(old.id, employee_id="e002"))
    with pytest.raises(UnknownIdError):
        a_token(conn, ISSUER, scope("lap-nobody"))
    with pytest.raises(ValueError, match="one device"):
        a_token(conn, ISSUER, scope(old.id, uses=2))
    service.revoke(conn, old.id, "gone", NOW_MS + 1, RANDOM)
    with pytest.raises(ConflictError, match="revoked already"):
        a_token(conn, ISSUER, scope(old.id))


def test_a_device_that_changed_hands_since_is_not_replaced(conn: Connection) -> None:
    old = stored_laptop(conn)
    stored_employee(conn, id="e002")
    token = a_token(conn, ISSUER, scope(old.id))
    service.hand_over(conn, old.id, NOW_MS + 5, RANDOM, employee_id="e002")
    with pytest.raises(EnrolmentError, match="changed hands") as refused:
        enrolment.enrol(conn, token, a_request("new"), LATER_MS, ISSUER)
    assert refused.value.reason is Rejection.BAD_REQUEST
    after = service.get(conn, old.id)
    assert after is not None
    assert after.status is DeviceStatus.ACTIVE


def test_the_commands_tell_who_replaced_whom_and_since_when_a_key_is_not_trusted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    bootstrap.init(data, Settings())
    shares_the_master(data)
    with bootstrap.opened(data) as collector, collector.writing() as conn:
        old = stored_laptop(conn, issuer=collector.issuer)

    def run(*arguments: str) -> int:
        return main([*arguments, "--data", str(data)])

    assert run("token", "enrol", "--employee", "e001", "--replaces", old.id) == Exit.OK
    assert "enrol --again " in capsys.readouterr().err
    assert run("token", "list") == Exit.OK
    assert f"replaces {old.id}" in capsys.readouterr().out
    with bootstrap.opened(data) as collector, collector.writing() as conn:
        token = a_token(conn, collector.issuer, scope(old.id))
        new = enrolment.enrol(conn, token, a_request("n"), LATER_MS, collector.issuer).device
    assert run("devices", "show", old.id) == Exit.OK
    assert f"replaced by: {new.id}" in capsys.readouterr().out
    assert run("devices", "show", new.id) == Exit.OK
    assert f"replaces: {old.id}" in capsys.readouterr().out
    status = ["devices", "status", new.id]
    since = ["--from", "2020-01-01T08:00:00+08:00", "--why", "stolen"]
    assert run(*status, "lost", *since) == Exit.FAILED
    assert run(*status, "revoked", *since) == Exit.OK
    assert "since 2020-01-01 08:00:00+0800 is no evidence" in capsys.readouterr().err
