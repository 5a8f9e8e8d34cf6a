"""Devices that are enrolled, with their keys; name only what matters to the test."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import Connection

from tests.factories.directory import NOW_MS, stored_employee, stored_site
from tests.fakes.randomness import Repeatable
from zaigang_collector.devices import ca, enrolment
from zaigang_collector.devices.configuration import ConfigGrounds
from zaigang_collector.devices.enrolment import Issuer
from zaigang_collector.devices.model import (
    Device,
    DeviceKind,
    Enrolled,
    EnrolRequest,
    TokenScope,
)
from zaigang_collector.directory import service as directory
from zaigang_shared.identifiers import EnrolmentToken

DAY_MS = 86_400_000
NET_KEY = bytes(range(32))


@dataclass(frozen=True)
class TestDevice:
    """An enrolled device and the key that only it has."""

    __test__ = False

    device: Device
    key: Ed25519PrivateKey
    enrolled: Enrolled

    @property
    def id(self) -> str:
        return self.device.id


def ed25519_key(name: str) -> Ed25519PrivateKey:
    """The key that always belongs to `name`."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())


def p256_key(name: str) -> ec.EllipticCurvePrivateKey:
    """The key that always belongs to `name`."""
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:31], "big")
    return ec.derive_private_key(number, ec.SECP256R1())


@functools.cache
def an_authority(name: str = "zaigang CA", now_ms: int = NOW_MS) -> ca.Authority:
    return ca.make_ca(p256_key(name), name, now_ms)


def an_issuer(
    authority: ca.Authority | None = None, seed: str = "", certificate_days: int = 398
) -> Issuer:
    """All that certificates and configurations are made with."""
    grounds = ConfigGrounds(ed25519_key("receipt"), NET_KEY, margin_min=30)
    return Issuer(authority or an_authority(), grounds, certificate_days, Repeatable(seed))


def a_csr(key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    """A signing request as a device makes it (PEM)."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "whatever the device says")])
    )
    algorithm = None if isinstance(key, Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, algorithm).public_bytes(Encoding.PEM).decode()


def a_request(name: str = "desk-7", kind: DeviceKind = DeviceKind.LAPTOP) -> EnrolRequest:
    """What the device called `name` sends."""
    return EnrolRequest(a_csr(ed25519_key(name)), kind, name, "linux", "0.1.0")


def a_token(
    conn: Connection,
    issuer: Issuer,
    scope: TokenScope | None = None,
    now_ms: int = NOW_MS,
    expires_ms: int | None = None,
) -> EnrolmentToken:
    """A token for one laptop of e001, if nothing else is said."""
    scope = scope or TokenScope(DeviceKind.LAPTOP, employee_id="e001")
    return enrolment.issue_token(
        conn, scope, now_ms, expires_ms or now_ms + DAY_MS, issuer.authority, issuer.randomness
    )


def stored_laptop(
    conn: Connection,
    name: str = "desk-7",
    employee_id: str = "e001",
    now_ms: int = NOW_MS,
    issuer: Issuer | None = None,
) -> TestDevice:
    """A laptop that is enrolled for a person, who is put into the directory when missing."""
    if directory.get_employee(conn, employee_id) is None:
        stored_employee(conn, id=employee_id)
    scope = TokenScope(DeviceKind.LAPTOP, employee_id=employee_id)
    return _stored(conn, name, scope, now_ms, issuer)


def stored_node(
    conn: Connection,
    name: str = "door-1",
    site_id: str = "lujiazui",
    now_ms: int = NOW_MS,
    issuer: Issuer | None = None,
) -> TestDevice:
    """A node that is enrolled for a site, which is put into the directory when missing."""
    if directory.get_site(conn, site_id) is None:
        stored_site(conn, id=site_id)
    scope = TokenScope(DeviceKind.NODE, site_id=site_id)
    return _stored(conn, name, scope, now_ms, issuer)


def _stored(
    conn: Connection, name: str, scope: TokenScope, now_ms: int, issuer: Issuer | None
) -> TestDevice:
    issuer = issuer or an_issuer(seed=name)
    token = a_token(conn, issuer, scope, now_ms)
    enrolled = enrolment.enrol(conn, token, a_request(name, scope.kind), now_ms, issuer)
    return TestDevice(enrolled.device, ed25519_key(name), enrolled)
