"""Sites, people and assignments: what was put comes back, and each change is on record."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator

import cbor2
import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from tests.factories.directory import NOW_MS, a_site, an_employee, stored_employee, stored_site
from tests.factories.vault import VAULT
from tests.fakes import database
from tests.fakes.randomness import Repeatable
from zaigang_collector.directory import service
from zaigang_collector.directory.model import (
    Assignment,
    Change,
    KnownNetworks,
    Network,
    NetworkKind,
)
from zaigang_collector.directory.tables import EVENT
from zaigang_collector.errors import UnknownIdError
from zaigang_collector.ledger import service as ledger

GATEWAY = Network(NetworkKind.GATEWAY, hash=b"12345678")
EGRESS = Network(NetworkKind.EGRESS, cidr="203.0.113.0/24")
MONDAY = dt.date(2026, 9, 21)
RANDOM = Repeatable()


@pytest.fixture
def conn() -> Iterator[Connection]:
    with database.in_memory() as connection:
        yield connection


def test_a_site_and_a_person_come_back_as_they_were_put(conn: Connection) -> None:
    assert service.put_site(conn, a_site(), NOW_MS, RANDOM) is Change.ADDED
    assert service.put_employee(conn, VAULT, an_employee(), NOW_MS, RANDOM) is Change.ADDED
    assert service.get_site(conn, "lujiazui") == a_site()
    assert service.get_employee(conn, "e001") == an_employee()


def test_nobody_is_none(conn: Connection) -> None:
    assert service.get_site(conn, "x") is None
    assert service.get_employee(conn, "x") is None
    assert service.networks_of_site(conn, "x") == KnownNetworks()
    assert service.home_places(conn, "x") == KnownNetworks()


def test_the_same_again_changes_nothing_and_leaves_no_entry(conn: Connection) -> None:
    service.put_site(conn, a_site(), NOW_MS, RANDOM)
    assert service.put_site(conn, a_site(), NOW_MS + 1, RANDOM) is Change.UNCHANGED
    assert service.put_site(conn, a_site(radius_m=200.0), NOW_MS + 2, RANDOM) is Change.CHANGED
    assert [entry.at_ms for entry in ledger.entries(conn)] == [NOW_MS, NOW_MS + 2]


def test_every_ledger_entry_is_the_hash_of_a_kept_event(conn: Connection) -> None:
    stored_site(conn)
    stored_employee(conn)
    service.add_site_network(conn, "lujiazui", GATEWAY, NOW_MS, RANDOM)
    service.put_assignment(conn, VAULT, Assignment("e001", "lujiazui", MONDAY), NOW_MS, RANDOM)
    ids = conn.scalars(sa.select(EVENT.c.id)).all()
    bodies = {str(one): service.event_body(conn, VAULT, one) or b"" for one in ids}
    entries = ledger.entries(conn)
    assert len(entries) == len(bodies) == 4
    for entry in entries:
        assert entry.type is ledger.EntryType.DIRECTORY_EVENT
        assert entry.body_hash == hashlib.sha256(bodies[entry.ref]).digest()
    assert cbor2.loads(bodies["1"])["fields"]["time_zone"] == "Asia/Shanghai"


def test_lists_are_in_order_and_in_pieces(conn: Connection) -> None:
    for name in ("b", "a", "c"):
        stored_site(conn, id=name)
        stored_employee(conn, id=name)
    assert [site.id for site in service.list_sites(conn)] == ["a", "b", "c"]
    assert [site.id for site in service.list_sites(conn, "a", 1)] == ["b"]
    assert [person.id for person in service.list_employees(conn, "b")] == ["c"]


def test_networks_are_added_once_and_can_be_taken_back(conn: Connection) -> None:
    stored_site(conn)
    for network in (GATEWAY, EGRESS):
        assert service.add_site_network(conn, "lujiazui", network, NOW_MS, RANDOM) is Change.ADDED
        assert (
            service.add_site_network(conn, "lujiazui", network, NOW_MS, RANDOM) is Change.UNCHANGED
        )
    known = service.networks_of_site(conn, "lujiazui")
    assert known == KnownNetworks(frozenset({b"12345678"}), ("203.0.113.0/24",))
    assert service.remove_site_network(conn, "lujiazui", EGRESS, NOW_MS, RANDOM) is Change.CHANGED
    assert service.remove_site_network(conn, "lujiazui", EGRESS, NOW_MS, RANDOM) is Change.UNCHANGED
    assert service.networks_of_site(conn, "lujiazui").egress == ()


def test_a_home_belongs_to_its_person_alone(conn: Connection) -> None:
    stored_employee(conn)
    stored_employee(conn, id="e002")
    service.add_home_place(conn, VAULT, "e001", GATEWAY, NOW_MS, RANDOM)
    assert service.home_places(conn, "e001").networks == {b"12345678"}
    assert service.home_places(conn, "e002") == KnownNetworks()
    service.remove_home_place(conn, VAULT, "e001", GATEWAY, NOW_MS, RANDOM)
    assert service.home_places(conn, "e001") == KnownNetworks()


def test_an_assignment_holds_on_its_days_both_included(conn: Connection) -> None:
    stored_site(conn)
    stored_employee(conn)
    end = MONDAY + dt.timedelta(days=4)
    service.put_assignment(conn, VAULT, Assignment("e001", "lujiazui", MONDAY, end), NOW_MS, RANDOM)
    days = [MONDAY + dt.timedelta(days=n) for n in range(-1, 6)]
    assert [bool(service.sites_of(conn, "e001", day)) for day in days] == [
        False, True, True, True, True, True, False,
    ]  # fmt: skip
    assert service.employees_at(conn, "lujiazui", end) == ("e001",)
    assert service.employees_at(conn, "lujiazui", days[-1]) == ()


def test_an_assignment_can_be_ended_later(conn: Connection) -> None:
    stored_site(conn)
    stored_employee(conn)
    open_end = Assignment("e001", "lujiazui", MONDAY)
    assert service.put_assignment(conn, VAULT, open_end, NOW_MS, RANDOM) is Change.ADDED
    assert service.sites_of(conn, "e001", dt.date(2030, 1, 1)) == ("lujiazui",)
    ended = Assignment("e001", "lujiazui", MONDAY, MONDAY)
    assert service.put_assignment(conn, VAULT, ended, NOW_MS, RANDOM) is Change.CHANGED
    assert service.put_assignment(conn, VAULT, ended, NOW_MS, RANDOM) is Change.UNCHANGED
    assert service.assignments_of(conn, "e001") == (ended,)


def test_what_is_about_nobody_is_refused(conn: Connection) -> None:
    stored_site(conn)
    with pytest.raises(UnknownIdError, match="employee 'e001'"):
        service.put_assignment(conn, VAULT, Assignment("e001", "lujiazui", MONDAY), NOW_MS, RANDOM)
    stored_employee(conn)
    with pytest.raises(UnknownIdError, match="site 'x'"):
        service.put_assignment(conn, VAULT, Assignment("e001", "x", MONDAY), NOW_MS, RANDOM)
    with pytest.raises(UnknownIdError, match="site 'x'"):
        service.add_site_network(conn, "x", GATEWAY, NOW_MS, RANDOM)
    with pytest.raises(UnknownIdError, match="employee 'x'"):
        service.add_home_place(conn, VAULT, "x", GATEWAY, NOW_MS, RANDOM)
