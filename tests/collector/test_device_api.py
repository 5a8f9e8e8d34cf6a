"""The device endpoint over real TLS: enrolment, renewal, vantage, and everybody who may not."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import logging
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_public_key,
)
from sqlalchemy import Connection, Engine

from tests.factories.devices import DAY_MS, a_csr, ed25519_key
from tests.factories.directory import stored_employee, stored_site
from tests.fakes import database, device_server
from tests.fakes.device_server import Answer, Endpoint
from zaigang_collector import db
from zaigang_collector.config import DataDirectory, Settings
from zaigang_collector.devices import ca, enrolment, keyring, service, tls_server
from zaigang_collector.devices.configuration import ConfigGrounds
from zaigang_collector.devices.device_api import MAX_BODY_BYTES, DeviceServices
from zaigang_collector.devices.enrolment import Issuer
from zaigang_collector.devices.model import DeviceKind, DeviceStatus, TokenScope
from zaigang_shared.clock import SystemClock
from zaigang_shared.device_config import open_config
from zaigang_shared.identifiers import EnrolmentToken, ca_fingerprint
from zaigang_shared.receipt import open_vantage

CLOCK = SystemClock()  # OpenSSL reads the system's time, so the certificates have to fit it
LAPTOP = TokenScope(DeviceKind.LAPTOP, employee_id="e001")
NODE = TokenScope(DeviceKind.NODE, site_id="lujiazui")


@dataclass
class World:
    """A collector as far as devices see it before they speak MQTT."""

    endpoint: Endpoint
    engine: Engine
    issuer: Issuer

    def token(self, scope: TokenScope = LAPTOP, life_ms: int = DAY_MS) -> EnrolmentToken:
        with db.writing(self.engine) as conn:
            now_ms = CLOCK.utc_ms()
            return enrolment.issue_token(
                conn, scope, now_ms, now_ms + life_ms, self.issuer.authority, os.urandom
            )

    def enrol(
        self, good: EnrolmentToken | str, key: Ed25519PrivateKey | None = None, **changes: object
    ) -> Answer:
        body = {
            "token": str(good),
            "csr": a_csr(key or Ed25519PrivateKey.generate()),
            "kind": "laptop",
            "name": "desk-7",
            "platform": "linux",
            "agent": "0.1.0",
        }
        kept = {name: value for name, value in (body | changes).items() if value is not ...}
        return self.endpoint.request("POST", "/device/v1/enrol", kept)

    def enrolled(self) -> tuple[str, Ed25519PrivateKey, tuple[str, str]]:
        """(device id, key, what it shows in TLS)"""
        key = Ed25519PrivateKey.generate()
        answer = self.enrol(self.token(), key)
        assert answer.status == 201, answer.body
        return answer.json()["device_id"], key, (answer.json()["certificate"], key_pem(key))

    def set_status(self, device_id: str, status: DeviceStatus) -> None:
        with db.writing(self.engine) as conn:
            service.set_status(conn, device_id, status, "test", CLOCK.utc_ms(), os.urandom)

    def device_count(self) -> int:
        with db.reading(self.engine) as conn:
            return len(service.list_all(conn))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("device-api")
    directory = DataDirectory(folder / "zg")
    keys = keyring.create(directory, Settings(), CLOCK.utc_ms(), os.urandom)
    engine = database.in_file(folder)
    with db.writing(engine) as conn:
        stored_employee(conn)
        stored_site(conn)
    grounds = ConfigGrounds(keys.receipt_key, keys.net_key, margin_min=30)
    issuer = Issuer(keys.authority, grounds, 398, os.urandom)
    services = DeviceServices(engine, issuer, CLOCK, lambda: ("zg.example.com", 8883))
    with device_server.running(services, directory, folder) as endpoint:
        yield World(endpoint, engine, issuer)
    engine.dispose()


def key_pem(key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def problem(answer: Answer, status: int, where: str = "") -> str:
    """The detail of a problem document, after checking its shape."""
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document.keys() == {"type", "title", "status", "detail", "errors"}
    assert document["status"] == status
    if where:
        assert where in [error["where"] for error in document["errors"]]
    return str(document["detail"])


def test_laptops_that_enrol_at_once_take_turns_instead_of_fighting_for_the_database(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, asking, fights = db.writing, threading.Semaphore(1), []

    @contextlib.contextmanager
    def watched(engine: Engine) -> Iterator[Connection]:
        fights.append(not asking.acquire(blocking=False))
        try:
            with real(engine) as conn:
                yield conn
        finally:
            asking.release()

    token = world.token(dataclasses.replace(LAPTOP, uses=12))
    monkeypatch.setattr(db, "writing", watched)
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: world.enrol(token).status, range(12)))
    assert answers == [201] * 12
    assert fights == [False] * 12


def test_enrolment_gives_a_device_all_that_it_needs(world: World) -> None:
    key = Ed25519PrivateKey.generate()
    answer = world.enrol(world.token(), key)
    assert answer.status == 201
    given = answer.json()
    assert given.keys() == {"device_id", "certificate", "ca", "mqtt", "collector_key", "config"}
    certificate = x509.load_pem_x509_certificate(given["certificate"].encode())
    authority = x509.load_pem_x509_certificate(given["ca"].encode())
    certificate.verify_directly_issued_by(authority)
    peer = ca.read_peer(certificate.public_bytes(Encoding.DER))
    assert (peer.id, peer.public_key) == (given["device_id"], key.public_key().public_bytes_raw())
    assert given["mqtt"] == {"host": "zg.example.com", "port": 8883}
    collector_key = load_pem_public_key(given["collector_key"].encode())
    assert isinstance(collector_key, Ed25519PublicKey)
    signed = open_config(base64.b64decode(given["config"]), collector_key)
    assert (signed.device_id, signed.version) == (given["device_id"], 1)


def test_a_node_enrols_for_its_site(world: World) -> None:
    answer = world.enrol(world.token(NODE), kind="node", name="door-1")
    assert answer.status == 201
    with db.reading(world.engine) as conn:
        device = service.get(conn, answer.json()["device_id"])
    assert device is not None
    assert (device.kind, device.site_id) == (DeviceKind.NODE, "lujiazui")


# First contact.


def test_the_authority_is_handed_to_anyone_and_fits_the_token(world: World) -> None:
    answer = world.endpoint.request("GET", "/device/v1/ca")
    certificate = x509.load_pem_x509_certificate(answer.body)
    assert ca_fingerprint(certificate.public_bytes(Encoding.DER)) == world.token().ca_fingerprint


def test_who_expects_another_authority_sends_nothing(world: World) -> None:
    other = ca.make_ca(ec.generate_private_key(ec.SECP256R1()), "zaigang CA", CLOCK.utc_ms())
    with pytest.raises(ssl.SSLCertVerificationError):
        world.endpoint.request("GET", "/device/v1/ca", trust=other.pem)


def test_tls_below_1_3_is_refused(world: World) -> None:
    with pytest.raises(ssl.SSLError):
        world.endpoint.request("GET", "/device/v1/ca", maximum=ssl.TLSVersion.TLSv1_2)


# Tokens.


def test_a_wrong_and_an_unknown_token_get_the_same_401(world: World) -> None:
    token = world.token()
    wrong = world.enrol(dataclasses.replace(token, secret="a" * 26))
    unknown = world.enrol(dataclasses.replace(token, id="zzzzzzzz"))
    assert problem(wrong, 401) == problem(unknown, 401)
    assert wrong.body == unknown.body


def test_a_used_token_is_gone(world: World) -> None:
    token = world.token()
    assert world.enrol(token).status == 201
    assert "has been used" in problem(world.enrol(token), 410)


def test_an_expired_token_is_gone(world: World) -> None:
    with db.writing(world.engine) as conn:
        then_ms = CLOCK.utc_ms() - 2 * DAY_MS
        token = enrolment.issue_token(
            conn, LAPTOP, then_ms, then_ms + DAY_MS, world.issuer.authority, os.urandom
        )
    assert "expired" in problem(world.enrol(token), 410)


def test_a_token_for_two_enrols_two(world: World) -> None:
    token = world.token(dataclasses.replace(LAPTOP, uses=2))
    statuses = [world.enrol(token).status for _ in range(3)]
    assert statuses == [201, 201, 410]


def test_a_laptops_token_enrols_no_node(world: World) -> None:
    assert "for a laptop" in problem(world.enrol(world.token(), kind="node"), 422, "body.kind")


# Requests that do not hold: 422, the field, and the token is still good.


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("csr", "garbage"),
        ("csr", ""),
        ("csr", "x" * 9000),
        ("csr", 5),
        ("csr", ...),
        ("token", "zg1-cut-off"),
        ("token", ...),
        ("token", None),
        ("kind", "phone"),
        ("kind", ...),
        ("name", ""),
        ("name", "x" * 101),
        ("name", "a\nb"),
        ("platform", {"nested": 1}),
        ("agent", ...),
        ("extra", "unknown field"),
    ],
)
def test_a_bad_field_is_named_and_nothing_is_used_up(
    world: World, field: str, value: object
) -> None:
    token, before = world.token(), world.device_count()
    changed: Any = {field: value}
    problem(world.enrol(token, **changed), 422, f"body.{field}")
    assert world.device_count() == before
    assert world.enrol(token).status == 201


def test_keys_of_other_kinds_are_refused(world: World) -> None:
    for key in (
        rsa.generate_private_key(65537, 2048),
        ec.generate_private_key(ec.SECP256R1()),
    ):
        answer = world.enrol(world.token(), csr=a_csr(key))
        assert "Ed25519" in problem(answer, 422, "body.csr")


def test_a_key_of_small_order_is_refused(world: World) -> None:
    key = ed25519_key("x")
    der = x509.load_pem_x509_csr(a_csr(key).encode()).public_bytes(Encoding.DER)
    forged = der.replace(key.public_key().public_bytes_raw(), b"\x01" + bytes(31))
    body = base64.encodebytes(forged).decode()
    csr = f"-----BEGIN CERTIFICATE REQUEST-----\n{body}-----END CERTIFICATE REQUEST-----\n"
    assert "small order" in problem(world.enrol(world.token(), csr=csr), 422, "body.csr")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"[" * 9000])
def test_a_body_that_is_no_request_is_a_problem_document(world: World, body: bytes) -> None:
    assert problem(world.endpoint.request("POST", "/device/v1/enrol", body), 422)


def test_a_large_body_is_refused_before_it_is_read(world: World) -> None:
    answer = world.endpoint.request("POST", "/device/v1/enrol", b"x" * (MAX_BODY_BYTES + 1))
    problem(answer, 413)


def test_a_problem_never_repeats_the_token(world: World) -> None:
    token = world.token()
    for answer in (
        world.enrol(token, csr="garbage"),
        world.enrol(token, name=""),
        world.enrol(str(token) + "x"),
        world.enrol(dataclasses.replace(token, id="zzzzzzzz")),
    ):
        assert token.secret.encode() not in answer.body


def test_the_log_has_no_secret_and_no_name(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token = world.token()
    assert world.enrol(token, csr="garbage").status == 422
    assert world.enrol(token).status == 201
    assert token.id in caplog.text
    assert token.secret not in caplog.text
    assert "desk-7" not in caplog.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/", 404), ("GET", "/docs", 404), ("GET", "/openapi.json", 404),
     ("GET", "/device/v1/enrol", 405)],
)  # fmt: skip
def test_there_is_nothing_else_here(world: World, method: str, path: str, status: int) -> None:
    problem(world.endpoint.request(method, path), status)


# With a certificate.


def test_a_device_renews_its_certificate(world: World) -> None:
    device_id, key, identity = world.enrolled()
    body = {"csr": a_csr(key)}
    answer = world.endpoint.request("POST", "/device/v1/renew", body, identity=identity)
    assert answer.status == 200
    renewed = x509.load_pem_x509_certificate(answer.json()["certificate"].encode())
    assert ca.read_peer(renewed.public_bytes(Encoding.DER)).id == device_id
    assert answer.json()["mqtt"] == {"host": "zg.example.com", "port": 8883}
    fresh = (answer.json()["certificate"], identity[1])
    assert world.endpoint.request("GET", "/device/v1/vantage", identity=fresh).status == 200
    collector_key = world.issuer.grounds.receipt_key.public_key()
    signed = open_config(base64.b64decode(answer.json()["config"]), collector_key)
    assert signed.device_id == device_id


def test_vantage_is_the_collectors_word_on_the_address_it_saw(world: World) -> None:
    device_id, _, identity = world.enrolled()
    forged = {"x-forwarded-for": "203.0.113.9", "forwarded": "for=203.0.113.9"}
    answer = world.endpoint.request("GET", "/device/v1/vantage", identity=identity, headers=forged)
    assert answer.headers["content-type"] == "application/cose"
    token = open_vantage(answer.body, world.issuer.grounds.receipt_key.public_key())
    assert (token.device_id, token.address) == (device_id, "127.0.0.1")
    assert abs(token.at_ms - CLOCK.utc_ms()) < 60_000


@pytest.mark.parametrize(("method", "path"), [("POST", "renew"), ("GET", "vantage")])
def test_without_a_certificate_nothing_is_renewed_or_vouched_for(
    world: World, method: str, path: str
) -> None:
    body = {"csr": a_csr(ed25519_key("x"))} if method == "POST" else None
    answer = world.endpoint.request(method, f"/device/v1/{path}", body)
    assert "certificate" in problem(answer, 401)


def test_a_certificate_of_another_authority_ends_the_connection(world: World) -> None:
    device_id, key, _ = world.enrolled()
    other = ca.make_ca(ec.generate_private_key(ec.SECP256R1()), "zaigang CA", CLOCK.utc_ms())
    raw = key.public_key().public_bytes_raw()
    stolen = ca.pem(ca.issue_device(other, device_id, raw, CLOCK.utc_ms(), 30))
    with pytest.raises((ssl.SSLError, ConnectionError)):
        world.endpoint.request("GET", "/device/v1/vantage", identity=(stolen, key_pem(key)))


def test_an_expired_certificate_ends_the_connection(world: World) -> None:
    device_id, key, _ = world.enrolled()
    raw = key.public_key().public_bytes_raw()
    then_ms = CLOCK.utc_ms() - 30 * DAY_MS
    old = ca.pem(ca.issue_device(world.issuer.authority, device_id, raw, then_ms, 1))
    with pytest.raises((ssl.SSLError, ConnectionError)):
        world.endpoint.request("GET", "/device/v1/vantage", identity=(old, key_pem(key)))


def test_the_servers_own_certificate_is_no_clients(world: World) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    authority = world.issuer.authority
    issued = ca.issue_server(authority, key.public_key(), ["localhost"], CLOCK.utc_ms())
    with pytest.raises((ssl.SSLError, ConnectionError)):
        world.endpoint.request("GET", "/device/v1/vantage", identity=(ca.pem(issued), key_pem(key)))


def test_the_collectors_mqtt_certificate_is_no_device(world: World) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    issued = ca.issue_collector(world.issuer.authority, key.public_key(), CLOCK.utc_ms())
    identity = (ca.pem(issued), key_pem(key))
    problem(world.endpoint.request("GET", "/device/v1/vantage", identity=identity), 401)


@pytest.mark.parametrize(
    "status", [DeviceStatus.REVOKED, DeviceStatus.LOST, DeviceStatus.QUARANTINED]
)
def test_a_device_that_is_not_active_gets_nothing(world: World, status: DeviceStatus) -> None:
    device_id, key, identity = world.enrolled()
    world.set_status(device_id, status)
    renewal = world.endpoint.request(
        "POST", "/device/v1/renew", {"csr": a_csr(key)}, identity=identity
    )
    vantage = world.endpoint.request("GET", "/device/v1/vantage", identity=identity)
    for answer in (renewal, vantage):
        assert status.value in problem(answer, 403)


def test_a_device_does_not_renew_for_another_key(world: World) -> None:
    _, _, identity = world.enrolled()
    body = {"csr": a_csr(ed25519_key("somebody else's"))}
    answer = world.endpoint.request("POST", "/device/v1/renew", body, identity=identity)
    problem(answer, 422, "body.csr")


def test_two_connections_do_not_mix_up_their_certificates(world: World, tmp_path: Path) -> None:
    first, second = world.enrolled(), world.enrolled()
    key = world.issuer.grounds.receipt_key.public_key()
    for device_id, _, identity in (first, second, first):
        answer = world.endpoint.request("GET", "/device/v1/vantage", identity=identity)
        assert open_vantage(answer.body, key).device_id == device_id
    problem(world.endpoint.request("GET", "/device/v1/vantage"), 401)


def test_a_request_that_does_not_come_to_an_end_is_cut_off(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls_server, "REQUEST_S", 0.2)
    context = ssl.create_default_context(cadata=world.endpoint.ca_pem)
    for begun in (b"", b"POST /device/v1/enrol HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{"):
        with (
            socket.create_connection(("127.0.0.1", world.endpoint.port), timeout=20) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as connection,
            contextlib.suppress(ConnectionResetError, ssl.SSLEOFError),
        ):
            connection.sendall(begun)
            assert connection.recv(1) == b""


@pytest.mark.parametrize("name", ["a\x9b31m", "a\u202eb", "a\u2028b", "a\nb"])
def test_a_name_that_steers_a_terminal_is_refused(world: World, name: str) -> None:
    answer = world.enrol(world.token(LAPTOP), name=name)
    assert (answer.status, answer.json()["errors"][0]["where"]) == (422, "body.name")
