"""Tokens, enrolment and renewal, without the network."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import Connection

from tests.factories.devices import (
    DAY_MS,
    NET_KEY,
    a_csr,
    a_request,
    a_token,
    an_authority,
    an_issuer,
    ed25519_key,
    stored_laptop,
    stored_node,
)
from tests.factories.directory import NOW_MS, stored_employee, stored_site
from tests.fakes import database
from tests.fakes.randomness import Repeatable
from zaigang_collector import db
from zaigang_collector.devices import ca, configuration, enrolment, service
from zaigang_collector.devices.model import DeviceKind, DeviceStatus, TokenScope
from zaigang_collector.devices.tables import DEVICE, TOKEN
from zaigang_collector.directory import service as directory
from zaigang_collector.directory import shifts
from zaigang_collector.errors import EnrolmentError, Rejection, UnknownIdError
from zaigang_shared.device_config import Hours, open_config
from zaigang_shared.identifiers import EnrolmentToken, is_device_id, parse_token

ISSUER = an_issuer(seed="test")


@pytest.fixture
def conn() -> Iterator[Connection]:
    with database.in_memory() as connection:
        stored_employee(connection)
        stored_site(connection)
        yield connection


def rejected(
    conn: Connection,
    token: EnrolmentToken,
    now_ms: int = NOW_MS,
    **changes: object,
) -> EnrolmentError:
    """Enrolling desk-7, with changes to its request, is refused and changes nothing."""
    devices = service.list_all(conn)
    used = [info.used for info in enrolment.list_tokens(conn)]
    request = dataclasses.replace(a_request(), **changes)  # type: ignore[arg-type]  # one field
    with pytest.raises(EnrolmentError) as caught:
        enrolment.enrol(conn, token, request, now_ms, ISSUER)
    assert service.list_all(conn) == devices
    assert [info.used for info in enrolment.list_tokens(conn)] == used
    return caught.value


def test_a_laptop_enrols_with_what_it_needs_for_life(conn: Connection) -> None:
    enrolled = enrolment.enrol(conn, a_token(conn, ISSUER), a_request(), NOW_MS, ISSUER)
    device = service.get(conn, enrolled.device.id)
    assert device is not None
    assert is_device_id(device.id)
    assert device.id.startswith("lap-")
    assert (device.employee_id, device.site_id) == ("e001", None)
    certificate = x509.load_pem_x509_certificate(enrolled.certificate.encode())
    certificate.verify_directly_issued_by(ISSUER.authority.certificate)
    peer = ca.read_peer(certificate.public_bytes(Encoding.DER))
    assert (peer.id, peer.public_key) == (device.id, device.public_key)
    assert enrolment.certificates_of(conn, device.id) == (certificate,)


def test_a_laptop_is_told_its_owners_hours_and_its_beacon_key(conn: Connection) -> None:
    enrolled = stored_laptop(conn).enrolled
    signed = open_config(enrolled.config, ISSUER.grounds.receipt_key.public_key())
    assert (signed.device_id, signed.version) == (enrolled.device.id, 1)
    expected = Hours(tz="Asia/Shanghai", shifts=shifts.parse("1-5 09:00-18:00"), margin_min=30)
    assert signed.config.hours == expected
    device = service.get(conn, enrolled.device.id)
    assert device is not None
    assert signed.config.net_key == NET_KEY
    assert signed.config.rid_key == device.rid_key is not None


def test_a_node_is_told_its_beacon_key_and_no_hours(conn: Connection) -> None:
    node = stored_node(conn)
    signed = open_config(node.enrolled.config, ISSUER.grounds.receipt_key.public_key())
    device = service.get(conn, node.id)
    assert device is not None
    assert node.id.startswith("node-")
    assert signed.config.hours is None
    assert signed.config.rid_key == device.rid_key is not None


def test_work_applications_and_intervals_of_the_settings_reach_laptops(conn: Connection) -> None:
    grounds = dataclasses.replace(
        ISSUER.grounds, intervals_s={"usage_s": 30}, work_apps={"CAD": ["acad"]}
    )
    laptop = service.get(conn, stored_laptop(conn).id)
    node = service.get(conn, stored_node(conn).id)
    assert laptop is not None
    assert node is not None
    told = configuration.wanted_config(conn, laptop, grounds, NOW_MS)
    assert (told.usage_s, told.apps) == (30, {"CAD": ["acad"]})
    assert configuration.wanted_config(conn, node, grounds, NOW_MS).apps == {}


def test_no_key_is_in_what_a_traceback_would_show(conn: Connection) -> None:
    device = service.get(conn, stored_node(conn).id)
    assert device is not None
    assert "rid_key" not in repr(device)
    assert "net_key" not in repr(ISSUER)


def test_nobodys_laptop_never_samples(conn: Connection) -> None:
    laptop = stored_laptop(conn)
    device = service.hand_over(conn, laptop.id, NOW_MS + 1, Repeatable("x"))
    config = configuration.wanted_config(conn, device, ISSUER.grounds, NOW_MS)
    assert config.hours is not None
    assert config.hours.shifts == ()
    assert (config.rid_key, config.kept, config.carried) == (None, (), ())


def test_the_version_rises_when_the_content_changes_and_only_then(conn: Connection) -> None:
    laptop = stored_laptop(conn)

    def version() -> int:
        device = service.get(conn, laptop.id)
        assert device is not None
        data = configuration.signed_config(conn, device, ISSUER.grounds, NOW_MS + 5)
        return open_config(data, ISSUER.grounds.receipt_key.public_key()).version

    assert (version(), version()) == (1, 1)
    stored_employee(conn, shift=shifts.parse("Mon 10:00-12:00"))
    assert (version(), version()) == (2, 2)


def test_who_has_to_be_told_is_found_after_the_directory_changed(conn: Connection) -> None:
    laptop, node = stored_laptop(conn), stored_node(conn)
    gone = stored_laptop(conn, "lost")
    service.set_status(conn, gone.id, DeviceStatus.LOST, "x", NOW_MS, Repeatable("y"))
    has = {laptop.id: 1, node.id: 1, gone.id: 1, "lap-nobody": 1}
    assert configuration.behind(conn, ISSUER.grounds, has, NOW_MS) == ()
    before = directory.last_event_id(conn)
    stored_employee(conn, shift=shifts.parse("Mon 10:00-12:00"))
    assert directory.last_event_id(conn) > before
    assert configuration.behind(conn, ISSUER.grounds, has, NOW_MS) == (laptop.id,)
    (handout,) = configuration.handouts(conn, ISSUER.grounds, [laptop.id, gone.id], NOW_MS)
    signed = open_config(handout.data, ISSUER.grounds.receipt_key.public_key())
    assert (signed.device_id, signed.version) == (handout.device_id, handout.version)
    assert (handout.device_id, handout.version) == (laptop.id, 2)
    assert configuration.behind(conn, ISSUER.grounds, has, NOW_MS) == (laptop.id,)  # it still has 1
    assert configuration.behind(conn, ISSUER.grounds, has | {laptop.id: 2}, NOW_MS) == ()


def test_a_laptop_of_before_gets_its_beacon_key_with_its_next_configuration(
    conn: Connection,
) -> None:
    laptop = stored_laptop(conn)
    conn.execute(sa.update(DEVICE).values(rid_key=None))
    grounds = dataclasses.replace(ISSUER.grounds, randomness=Repeatable("beacons"))
    assert configuration.behind(conn, grounds, {laptop.id: 1}, NOW_MS) == (laptop.id,)
    keys = []
    for _ in range(2):
        (handout,) = configuration.handouts(conn, grounds, [laptop.id], NOW_MS)
        signed = open_config(handout.data, grounds.receipt_key.public_key())
        keys.append((signed.version, signed.config.rid_key))
    device = service.get(conn, laptop.id)
    assert device is not None
    assert keys == [(2, device.rid_key), (2, device.rid_key)]
    assert device.rid_key is not None
    assert configuration.behind(conn, grounds, {laptop.id: 2}, NOW_MS) == ()


def test_what_happened_to_devices_is_told_by_id(conn: Connection) -> None:
    laptop, node = stored_laptop(conn), stored_node(conn)
    before = service.last_event_id(conn)
    assert service.changed_since(conn, before) == frozenset()
    service.hand_over(conn, laptop.id, NOW_MS + 1, Repeatable("x"))
    assert service.changed_since(conn, before) == {laptop.id}
    assert service.changed_since(conn, 0) == {laptop.id, node.id}


def test_a_token_pins_the_authority_and_survives_being_typed(conn: Connection) -> None:
    token = a_token(conn, ISSUER)
    assert token.ca_fingerprint == an_authority().fingerprint
    assert parse_token(f" {token}\n") == token


def test_the_secret_of_a_token_is_nowhere_in_the_database(conn: Connection) -> None:
    token = a_token(conn, ISSUER)
    row = conn.execute(sa.select(TOKEN)).one()
    assert token.secret not in repr(tuple(row))


def test_a_wrong_secret_and_an_unknown_token_are_told_the_same(conn: Connection) -> None:
    token = a_token(conn, ISSUER)
    wrong = rejected(conn, dataclasses.replace(token, secret=token.secret[::-1]))
    unknown = rejected(conn, dataclasses.replace(token, id="zzzzzzzz"))
    assert (wrong.reason, wrong.detail, wrong.field) == (
        unknown.reason, unknown.detail, unknown.field,
    )  # fmt: skip
    assert wrong.reason is Rejection.WRONG_TOKEN


def test_a_wrong_secret_of_a_spent_token_learns_nothing_about_it(conn: Connection) -> None:
    token = a_token(conn, ISSUER)
    enrolment.enrol(conn, token, a_request(), NOW_MS, ISSUER)
    wrong = dataclasses.replace(token, secret=token.secret[::-1])
    for now_ms in (NOW_MS, NOW_MS + 2 * DAY_MS):
        assert rejected(conn, wrong, now_ms).reason is Rejection.WRONG_TOKEN


def test_a_used_token_is_spent(conn: Connection) -> None:
    token = a_token(conn, ISSUER)
    enrolment.enrol(conn, token, a_request(), NOW_MS, ISSUER)
    other = a_request("another")
    assert rejected(conn, token, csr=other.csr).reason is Rejection.SPENT_TOKEN


def test_an_answer_that_was_lost_is_given_again(conn: Connection) -> None:
    token = a_token(conn, ISSUER)
    first = enrolment.enrol(conn, token, a_request(), NOW_MS, ISSUER)
    again = enrolment.enrol(conn, token, a_request(), NOW_MS + 60_000, ISSUER)
    assert again.device.id == first.device.id
    assert len(service.list_all(conn)) == 1
    assert enrolment.list_tokens(conn)[0].used == 1


def test_an_expired_or_cancelled_token_is_told_so(conn: Connection) -> None:
    token = a_token(conn, ISSUER)
    assert rejected(conn, token, NOW_MS + DAY_MS).reason is Rejection.EXPIRED_TOKEN
    enrolment.cancel_token(conn, token.id, NOW_MS)
    assert rejected(conn, token).reason is Rejection.EXPIRED_TOKEN
    with pytest.raises(UnknownIdError):
        enrolment.cancel_token(conn, "zzzzzzzz", NOW_MS)


def test_a_token_is_good_for_as_many_devices_as_it_says(conn: Connection) -> None:
    scope = TokenScope(DeviceKind.NODE, site_id="lujiazui", uses=2)
    token = a_token(conn, ISSUER, scope)
    for name in ("door-1", "door-2"):
        enrolment.enrol(conn, token, a_request(name, DeviceKind.NODE), NOW_MS, ISSUER)
    third = a_request("door-3", DeviceKind.NODE)
    assert rejected(conn, token, csr=third.csr).reason is Rejection.SPENT_TOKEN
    assert len(service.nodes_of_site(conn, "lujiazui")) == 2


def test_a_nodes_token_enrols_no_laptop(conn: Connection) -> None:
    token = a_token(conn, ISSUER, TokenScope(DeviceKind.NODE, site_id="lujiazui"))
    error = rejected(conn, token)
    assert (error.reason, error.field) == (Rejection.BAD_REQUEST, "kind")


def test_a_request_that_does_not_hold_names_the_field_and_uses_nothing_up(
    conn: Connection,
) -> None:
    token = a_token(conn, ISSUER)
    error = rejected(conn, token, csr="garbage")
    assert (error.reason, error.field) == (Rejection.BAD_REQUEST, "csr")
    enrolment.enrol(conn, token, a_request(), NOW_MS, ISSUER)


def test_a_key_that_was_enrolled_before_is_refused(conn: Connection) -> None:
    laptop = stored_laptop(conn)
    error = rejected(conn, a_token(conn, ISSUER))
    assert (error.reason, error.field) == (Rejection.BAD_REQUEST, "csr")
    service.revoke(conn, laptop.id, "x", NOW_MS, Repeatable("y"))
    assert rejected(conn, a_token(conn, ISSUER)).field == "csr"


def test_a_revoked_device_gets_no_second_answer(conn: Connection) -> None:
    token = a_token(conn, ISSUER)
    enrolled = enrolment.enrol(conn, token, a_request(), NOW_MS, ISSUER)
    service.revoke(conn, enrolled.device.id, "x", NOW_MS, Repeatable("y"))
    assert rejected(conn, token).reason is Rejection.BAD_REQUEST


@pytest.mark.parametrize(
    ("scope", "message"),
    [
        (TokenScope(DeviceKind.LAPTOP, "e001", "lujiazui"), "no site"),
        (TokenScope(DeviceKind.LAPTOP, site_id="lujiazui"), "no site"),
        (TokenScope(DeviceKind.NODE), "names a site"),
        (TokenScope(DeviceKind.NODE, employee_id="e001"), "names a site"),
        (TokenScope(DeviceKind.NODE, "e001", "lujiazui"), "no employee"),
        (TokenScope(DeviceKind.LAPTOP, "e001", uses=0), "1 to 1000"),
        (TokenScope(DeviceKind.LAPTOP, "e001", uses=1001), "1 to 1000"),
        (TokenScope(DeviceKind.LAPTOP, "nobody"), "employee 'nobody'"),
        (TokenScope(DeviceKind.NODE, site_id="nowhere"), "site 'nowhere'"),
    ],
)
def test_a_token_without_a_sensible_scope_is_not_made(
    conn: Connection, scope: TokenScope, message: str
) -> None:
    with pytest.raises((ValueError, UnknownIdError), match=message):
        a_token(conn, ISSUER, scope)


def test_laptops_of_a_token_for_nobody_look_at_nobody_until_they_are_assigned(
    conn: Connection,
) -> None:
    token = a_token(conn, ISSUER, TokenScope(DeviceKind.LAPTOP, uses=2))
    enrolled = [
        enrolment.enrol(conn, token, a_request(name), NOW_MS, ISSUER) for name in ("one", "two")
    ]
    rejected(conn, token)
    for one in enrolled:
        told = open_config(one.config, ISSUER.grounds.receipt_key.public_key()).config
        assert told.hours == Hours(tz="UTC", shifts=(), margin_min=0)
    assert service.holdings_of_devices(conn, [one.device.id for one in enrolled]) == ()
    device = service.hand_over(conn, enrolled[0].device.id, NOW_MS + 1, Repeatable("x"), "e001")
    hours = configuration.wanted_config(conn, device, ISSUER.grounds, NOW_MS + 1).hours
    assert hours is not None
    assert hours.shifts != ()


def test_the_list_says_when_a_token_was_used_last(conn: Connection) -> None:
    token = a_token(conn, ISSUER, TokenScope(DeviceKind.LAPTOP, "e001", uses=2))

    def last() -> int | None:
        (info,) = enrolment.list_tokens(conn)
        return info.last_used_ms

    assert last() is None
    rejected(conn, token, kind=DeviceKind.NODE)
    assert last() is None
    enrolment.enrol(conn, token, a_request(), NOW_MS + 5, ISSUER)
    assert last() == NOW_MS + 5
    enrolment.enrol(conn, token, a_request(), NOW_MS + 7, ISSUER)  # its answer was lost
    assert last() == NOW_MS + 7


def test_a_token_that_never_was_good_is_not_made(conn: Connection) -> None:
    with pytest.raises(ValueError, match="future"):
        a_token(conn, ISSUER, expires_ms=NOW_MS)


def test_two_devices_at_once_cannot_both_have_the_last_use(tmp_path: Path) -> None:
    engine = database.in_file(tmp_path)
    with db.writing(engine) as conn:
        stored_employee(conn)
        token = a_token(conn, ISSUER)
    outcomes: list[str] = []
    ready = threading.Barrier(4)

    def come(name: str) -> None:
        ready.wait()
        try:
            with db.writing(engine) as conn:
                enrolment.enrol(conn, token, a_request(name), NOW_MS, an_issuer(seed=name))
            outcomes.append("enrolled")
        except EnrolmentError as error:
            outcomes.append(error.reason.value)

    threads = [threading.Thread(target=come, args=(f"d{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    engine.dispose()
    assert sorted(outcomes) == ["enrolled", "spent_token", "spent_token", "spent_token"]


# Renewal.


def peer_of(conn: Connection, device_id: str) -> ca.Peer:
    newest = enrolment.certificates_of(conn, device_id)[-1]
    return ca.read_peer(newest.public_bytes(Encoding.DER))


def test_a_device_renews_over_the_same_key(conn: Connection) -> None:
    laptop = stored_laptop(conn)
    later_ms = NOW_MS + 270 * DAY_MS
    renewed = enrolment.renew(conn, peer_of(conn, laptop.id), a_csr(laptop.key), later_ms, ISSUER)
    certificate = x509.load_pem_x509_certificate(renewed.certificate.encode())
    certificate.verify_directly_issued_by(ISSUER.authority.certificate)
    assert len(enrolment.certificates_of(conn, laptop.id)) == 2
    assert peer_of(conn, laptop.id).not_after_ms > later_ms


def test_a_device_does_not_change_its_key_by_renewing(conn: Connection) -> None:
    laptop = stored_laptop(conn)
    with pytest.raises(EnrolmentError) as caught:
        enrolment.renew(conn, peer_of(conn, laptop.id), a_csr(ed25519_key("new")), NOW_MS, ISSUER)
    assert (caught.value.reason, caught.value.field) == (Rejection.BAD_REQUEST, "csr")


@pytest.mark.parametrize(
    "status", [DeviceStatus.LOST, DeviceStatus.REVOKED, DeviceStatus.QUARANTINED]
)
def test_a_device_that_is_not_active_is_not_admitted(
    conn: Connection, status: DeviceStatus
) -> None:
    laptop = stored_laptop(conn)
    peer = peer_of(conn, laptop.id)
    service.set_status(conn, laptop.id, status, "x", NOW_MS, Repeatable("y"))
    with pytest.raises(EnrolmentError) as caught:
        enrolment.admit(conn, peer)
    assert caught.value.reason is Rejection.INACTIVE_DEVICE


def test_a_certificate_over_another_key_or_of_a_collector_is_nobodys(conn: Connection) -> None:
    laptop = stored_laptop(conn)
    peer = peer_of(conn, laptop.id)
    for other in (
        dataclasses.replace(peer, public_key=bytes(32)),
        dataclasses.replace(peer, public_key=None),
        dataclasses.replace(peer, id="lap-nobody"),
        dataclasses.replace(peer, is_device=False),
    ):
        with pytest.raises(EnrolmentError) as caught:
            enrolment.admit(conn, other)
        assert caught.value.reason is Rejection.NO_CERTIFICATE
