"""The register: who held which device when, and that a revoked one stays revoked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from tests.factories.devices import DAY_MS, stored_laptop, stored_node
from tests.factories.directory import NOW_MS, stored_employee, stored_site
from tests.fakes import database
from tests.fakes.randomness import Repeatable
from zaigang_collector.devices import service
from zaigang_collector.devices.model import DeviceKey, DeviceKind, DeviceStatus, Holding
from zaigang_collector.devices.tables import EVENT
from zaigang_collector.errors import ConflictError, UnknownIdError
from zaigang_collector.ledger import service as ledger

RANDOM = Repeatable()


@pytest.fixture
def conn() -> Iterator[Connection]:
    with database.in_memory() as connection:
        yield connection


def test_an_enrolled_device_is_in_the_register(conn: Connection) -> None:
    laptop, node = stored_laptop(conn), stored_node(conn)
    registered = service.get(conn, laptop.id)
    assert registered is not None
    assert (registered.name, registered.employee_id) == ("desk-7", "e001")
    assert {device.id for device in service.list_all(conn)} == {laptop.id, node.id}
    assert service.get(conn, "lap-nobody") is None
    assert [device.kind for device in service.list_all(conn, after_id=laptop.id)] == [
        DeviceKind.NODE
    ]


def test_public_keys_are_what_judging_needs(conn: Connection) -> None:
    laptop, node = stored_laptop(conn), stored_node(conn)
    raw = laptop.key.public_key().public_bytes_raw()
    expected = DeviceKey(DeviceStatus.ACTIVE, None, raw)
    assert service.public_keys(conn)[laptop.id] == expected
    assert service.public_keys(conn).keys() == {laptop.id, node.id}
    assert service.public_keys(conn, [laptop.id, "lap-nobody"]) == {laptop.id: expected}
    assert service.public_keys(conn, []) == {}


def test_a_revoked_device_stays_revoked_since_the_first_time(conn: Connection) -> None:
    laptop = stored_laptop(conn)
    lost_ms = NOW_MS + DAY_MS
    service.revoke(conn, laptop.id, "left in a taxi", lost_ms + 5, RANDOM, from_ms=lost_ms)
    again = service.revoke(conn, laptop.id, "again", lost_ms + 9, RANDOM)
    assert (again.status, again.revoked_ms) == (DeviceStatus.REVOKED, lost_ms)
    for status in (DeviceStatus.ACTIVE, DeviceStatus.LOST, DeviceStatus.QUARANTINED):
        with pytest.raises(ConflictError, match="enrol it anew"):
            service.set_status(conn, laptop.id, status, "found", lost_ms + 9, RANDOM)


def test_a_device_cannot_be_revoked_from_a_time_to_come(conn: Connection) -> None:
    laptop = stored_laptop(conn)
    revoked = service.revoke(conn, laptop.id, "x", NOW_MS, RANDOM, from_ms=NOW_MS + DAY_MS)
    assert revoked.revoked_ms == NOW_MS


def test_a_quarantine_can_be_lifted_and_each_change_is_on_record(conn: Connection) -> None:
    laptop = stored_laptop(conn)
    for status in (DeviceStatus.QUARANTINED, DeviceStatus.QUARANTINED, DeviceStatus.ACTIVE):
        service.set_status(conn, laptop.id, status, "two hosts", NOW_MS + 1, RANDOM)
    kinds = conn.scalars(sa.select(EVENT.c.kind).order_by(EVENT.c.id)).all()
    assert kinds == ["enrolled", "status", "status"]
    bodies = {str(row.id): row.body for row in conn.execute(sa.select(EVENT))}
    entries = [
        entry for entry in ledger.entries(conn) if entry.type is ledger.EntryType.DEVICE_EVENT
    ]
    assert {entry.ref: entry.body_hash for entry in entries} == {
        ref: hashlib.sha256(body).digest() for ref, body in bodies.items()
    }


def test_revoking_is_also_a_status(conn: Connection) -> None:
    laptop = stored_laptop(conn)
    revoked = service.set_status(conn, laptop.id, DeviceStatus.REVOKED, "x", NOW_MS + 7, RANDOM)
    assert (revoked.status, revoked.revoked_ms) == (DeviceStatus.REVOKED, NOW_MS + 7)


def test_evidence_of_last_month_belongs_to_who_held_the_device_then(conn: Connection) -> None:
    laptop = stored_laptop(conn)
    stored_employee(conn, id="e002")
    moved_ms = NOW_MS + 10 * DAY_MS
    device = service.hand_over(conn, laptop.id, moved_ms, RANDOM, employee_id="e002")
    assert device.employee_id == "e002"
    before, after = (NOW_MS, NOW_MS + DAY_MS), (moved_ms, moved_ms + DAY_MS)

    def held(employee_id: str, span: tuple[int, int]) -> list[str]:
        return [one.id for one in service.devices_of_employee(conn, employee_id, *span)]

    assert (held("e001", before), held("e002", before)) == ([laptop.id], [])
    assert (held("e001", after), held("e002", after)) == ([], [laptop.id])
    both = (moved_ms - 1, moved_ms + 1)
    assert held("e001", both) == held("e002", both) == [laptop.id]
    assert service.holdings_of_employee(conn, "e001", *both) == (
        Holding(laptop.id, "e001", None, NOW_MS, moved_ms),
    )


def test_before_it_was_enrolled_a_device_was_nobodys(conn: Connection) -> None:
    stored_laptop(conn)
    assert service.devices_of_employee(conn, "e001", NOW_MS - DAY_MS, NOW_MS) == ()


def test_a_node_that_moved_belongs_to_the_site_of_the_time(conn: Connection) -> None:
    node = stored_node(conn)
    stored_site(conn, id="pier")
    moved_ms = NOW_MS + DAY_MS
    service.hand_over(conn, node.id, moved_ms, RANDOM, site_id="pier")
    assert [one.id for one in service.nodes_of_site(conn, "pier")] == [node.id]
    assert service.nodes_of_site(conn, "lujiazui") == ()
    past = service.nodes_of_site(conn, "lujiazui", NOW_MS, moved_ms)
    assert [one.id for one in past] == [node.id]
    assert service.nodes_of_site(conn, "pier", NOW_MS, moved_ms) == ()


def test_handing_over_to_the_same_or_twice_at_once_leaves_one_holding(conn: Connection) -> None:
    laptop = stored_laptop(conn)
    stored_employee(conn, id="e002")
    service.hand_over(conn, laptop.id, NOW_MS + 1, RANDOM, employee_id="e001")
    service.hand_over(conn, laptop.id, NOW_MS + 5, RANDOM, employee_id="e002")
    service.hand_over(conn, laptop.id, NOW_MS + 5, RANDOM)
    span = (NOW_MS, NOW_MS + DAY_MS)
    assert service.holdings_of_employee(conn, "e002", *span) == ()
    assert service.holdings_of_employee(conn, "e001", *span) == (
        Holding(laptop.id, "e001", None, NOW_MS, NOW_MS + 5),
    )


def test_a_laptop_has_no_site_and_a_node_no_owner(conn: Connection) -> None:
    laptop, node = stored_laptop(conn), stored_node(conn)
    with pytest.raises(ConflictError, match="laptop belongs to a person"):
        service.hand_over(conn, laptop.id, NOW_MS + 1, RANDOM, site_id="lujiazui")
    with pytest.raises(ConflictError, match="node to a site"):
        service.hand_over(conn, node.id, NOW_MS + 1, RANDOM, employee_id="e001")


def test_what_is_not_there_is_told(conn: Connection) -> None:
    with pytest.raises(UnknownIdError, match="device 'lap-x'"):
        service.revoke(conn, "lap-x", "x", NOW_MS, RANDOM)
    with pytest.raises(UnknownIdError):
        service.set_status(conn, "lap-x", DeviceStatus.LOST, "x", NOW_MS, RANDOM)
    with pytest.raises(UnknownIdError):
        service.hand_over(conn, "lap-x", NOW_MS, RANDOM)
    laptop, node = stored_laptop(conn), stored_node(conn)
    with pytest.raises(UnknownIdError, match="employee 'nobody'"):
        service.hand_over(conn, laptop.id, NOW_MS, RANDOM, employee_id="nobody")
    with pytest.raises(UnknownIdError, match="site 'nowhere'"):
        service.hand_over(conn, node.id, NOW_MS, RANDOM, site_id="nowhere")
