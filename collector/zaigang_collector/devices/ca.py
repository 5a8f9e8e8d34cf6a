"""The collector's own certificate authority (X.509, RFC 5280). No files here, see `keyring`.

A device's certificate carries the Ed25519 key that signs its envelopes; the authority and the
server have P-256 keys, which every TLS library speaks.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import (
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from zaigang_collector.errors import CertificateError
from zaigang_shared import cose, identifiers
from zaigang_shared.errors import WireError

DEVICE_URI: Final = "zaigang:device:"
COLLECTOR_URI: Final = "zaigang:collector:"
CSR_MAX_BYTES: Final = 8 * 1024  # one with an Ed25519 key has about 400

_CA_DAYS: Final = 20 * 365  # outlives every device: a new authority means enrolling all anew
_OWN_DAYS: Final = 398  # the collector's own certificates; renewed at its start
# Certificates begin a little before they are made. Larger would pass for older than they are;
# smaller refuses the collector to a device whose clock is slow.
_BACKDATE: Final = dt.timedelta(hours=1)

# A broker that reads a list which has run out lets nobody in at all. Larger trusts an old list for
# longer; smaller locks a fleet out when the collector has been away for as long.
_CRL_DAYS: Final = 30

_LeafKey: TypeAlias = Ed25519PublicKey | EllipticCurvePublicKey


@dataclass(frozen=True, slots=True)
class Authority:
    """The key and the certificate that vouch for all others."""

    key: EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> str:
        return pem(self.certificate)

    @property
    def fingerprint(self) -> bytes:
        """The 16 bytes in an enrolment token."""
        return identifiers.ca_fingerprint(self.der)


@dataclass(frozen=True, slots=True)
class Peer:
    """Who presented a certificate that TLS has already checked against the authority."""

    id: str
    is_device: bool
    """Otherwise a collector."""
    public_key: bytes | None
    """Raw Ed25519 key; None where it is of another type."""
    not_after_ms: int


@dataclass(frozen=True, slots=True)
class Revoked:
    """A certificate whose key is not its device's alone any more."""

    serial: int
    since_ms: int


def pem(certificate: x509.Certificate) -> str:
    """As it travels in JSON and lies in files."""
    return certificate.public_bytes(Encoding.PEM).decode("ascii")


def make_ca(key: EllipticCurvePrivateKey, name: str, now_ms: int) -> Authority:
    """A new authority over `key`."""
    subject = _name(name)
    public_key = key.public_key()
    begin = _moment(now_ms) - _BACKDATE
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + dt.timedelta(days=_CA_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(authority=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Authority(key, certificate)


def read_csr(text: str) -> bytes:
    """The raw Ed25519 key of a PKCS#10 request (PEM) that proves to hold it.

    Subject and extensions are ignored: the collector says who the device is. Raises
    CertificateError.
    """
    if len(text) > CSR_MAX_BYTES:
        raise CertificateError(f"a signing request of {len(text)} bytes; {CSR_MAX_BYTES} at most")
    try:
        csr = x509.load_pem_x509_csr(text.encode("ascii"))
        public_key = csr.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise CertificateError("not a PKCS#10 signing request in PEM") from error
    if not isinstance(public_key, Ed25519PublicKey):
        raise CertificateError("the signing request must be for an Ed25519 key")
    raw = public_key.public_bytes_raw()
    try:
        cose.load_public_key(raw)  # before its signature: a small-order key signs everything
        valid = csr.is_signature_valid
    except WireError as error:
        raise CertificateError(error.detail) from error
    except (ValueError, InvalidSignature, UnsupportedAlgorithm) as error:
        raise CertificateError("the signing request's signature cannot be read") from error
    if not valid:
        raise CertificateError("the signing request is not signed by the key that it names")
    return raw


def issue_device(
    authority: Authority, device_id: str, public_key: bytes, now_ms: int, days: int
) -> x509.Certificate:
    """A device's certificate over its raw Ed25519 key."""
    if not identifiers.is_device_id(device_id):
        raise ValueError(f"{device_id!r} is not a device id")
    key = Ed25519PublicKey.from_public_bytes(public_key)
    names = [x509.UniformResourceIdentifier(DEVICE_URI + device_id)]
    usage = ExtendedKeyUsageOID.CLIENT_AUTH
    return _issue(authority, device_id, key, names, usage, now_ms, days)


def issue_collector(
    authority: Authority, public_key: EllipticCurvePublicKey, now_ms: int
) -> x509.Certificate:
    """The certificate by which the collector is a client of its own broker."""
    names = [x509.UniformResourceIdentifier(COLLECTOR_URI + "main")]
    usage = ExtendedKeyUsageOID.CLIENT_AUTH
    return _issue(authority, "collector", public_key, names, usage, now_ms, _OWN_DAYS)


def issue_server(
    authority: Authority, public_key: EllipticCurvePublicKey, hosts: Iterable[str], now_ms: int
) -> x509.Certificate:
    """The certificate of MQTT and of the device endpoint, for these names and addresses."""
    names = [_general_name(host) for host in dict.fromkeys(hosts)]
    usage = ExtendedKeyUsageOID.SERVER_AUTH
    return _issue(authority, "zaigang collector", public_key, names, usage, now_ms, _OWN_DAYS)


def issue_crl(authority: Authority, revoked: Iterable[Revoked], now_ms: int) -> bytes:
    """The list of certificates that are not trusted any more (RFC 5280 section 5), PEM, for a broker
    that does not ask us. Good for 30 days."""
    begin = _moment(now_ms) - _BACKDATE
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.certificate.subject)
        .last_update(begin)
        .next_update(begin + dt.timedelta(days=_CRL_DAYS))
        .add_extension(x509.CRLNumber(now_ms // 1000), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()),
            critical=False,
        )
    )
    for one in revoked:
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder()
            .serial_number(one.serial)
            .revocation_date(_moment(one.since_ms))
            .build()
        )
    return builder.sign(authority.key, hashes.SHA256()).public_bytes(Encoding.PEM)


def server_hosts(certificate: x509.Certificate) -> frozenset[str]:
    """The names and addresses that a server certificate is for."""
    names = _alternative_names(certificate)
    if names is None:
        return frozenset()
    addresses = (str(address) for address in names.get_values_for_type(x509.IPAddress))
    return frozenset([*names.get_values_for_type(x509.DNSName), *addresses])


def renewal_due(certificate: x509.Certificate, now_ms: int) -> bool:
    """Whether two thirds of its life are over."""
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return _moment(now_ms) >= begin + (end - begin) * 2 / 3


def read_peer(der: bytes) -> Peer:
    """Who a certificate of our authority names. Raises CertificateError.

    The chain, the validity and the purpose have been checked by TLS.
    """
    try:
        certificate = x509.load_der_x509_certificate(der)
        names = _alternative_names(certificate)
        public_key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CertificateError("not an X.509 certificate that can be read") from error
    uris = [] if names is None else names.get_values_for_type(x509.UniformResourceIdentifier)
    if len(uris) != 1:
        raise CertificateError("the certificate must name exactly one zaigang identity")
    raw = public_key.public_bytes_raw() if isinstance(public_key, Ed25519PublicKey) else None
    end_ms = int(certificate.not_valid_after_utc.timestamp() * 1000)
    for prefix, is_device in ((DEVICE_URI, True), (COLLECTOR_URI, False)):
        name = uris[0].removeprefix(prefix)
        if uris[0].startswith(prefix) and identifiers.is_device_id(name):
            return Peer(name, is_device, raw, end_ms)
    raise CertificateError("the certificate names neither a device nor a collector")


def _issue(
    authority: Authority,
    common_name: str,
    public_key: _LeafKey,
    names: list[x509.GeneralName] | list[x509.UniformResourceIdentifier],
    usage: ObjectIdentifier,
    now_ms: int,
    days: int,
) -> x509.Certificate:
    begin = _moment(now_ms) - _BACKDATE
    end = min(begin + dt.timedelta(days=days), authority.certificate.not_valid_after_utc)
    issuer_key = authority.key.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(_name(common_name))
        .issuer_name(authority.certificate.subject)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False
        )
        .sign(authority.key, hashes.SHA256())
    )


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _alternative_names(certificate: x509.Certificate) -> x509.SubjectAlternativeName | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None


def normal_host(host: str) -> str:
    """One spelling of a name or address: addresses compressed, names in lower case and IDNA."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return host.encode("idna").decode("ascii").lower()


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(normal_host(host))


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _moment(at_ms: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(at_ms // 1000, dt.UTC)
