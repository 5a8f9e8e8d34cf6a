"""Certificates: what the authority signs, what it refuses, what it reads back."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from tests.factories.devices import a_csr, an_authority, ed25519_key, p256_key
from tests.factories.directory import NOW_MS
from tests.fakes.randomness import Repeatable
from zaigang_collector.config import DataDirectory, Settings
from zaigang_collector.devices import ca, keyring
from zaigang_collector.errors import CertificateError, ConfigError

DAY_MS = 86_400_000
KEY = ed25519_key("desk-7")
RAW = KEY.public_key().public_bytes_raw()


def a_certificate(days: int = 398) -> x509.Certificate:
    return ca.issue_device(an_authority(), "lap-aaaaaaaaaa", RAW, NOW_MS, days)


def test_a_device_certificate_names_the_device_and_is_for_clients_only() -> None:
    certificate = a_certificate()
    certificate.verify_directly_issued_by(an_authority().certificate)
    extensions = certificate.extensions
    usage = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert not extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert certificate.subject.rfc4514_string() == "CN=lap-aaaaaaaaaa"
    lifetime = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    assert lifetime == dt.timedelta(days=398)


def test_a_device_certificate_reads_back_as_its_device() -> None:
    peer = ca.read_peer(a_certificate().public_bytes(Encoding.DER))
    assert (peer.id, peer.is_device, peer.public_key) == ("lap-aaaaaaaaaa", True, RAW)
    assert NOW_MS + 397 * DAY_MS < peer.not_after_ms <= NOW_MS + 398 * DAY_MS


def test_the_collectors_own_certificate_is_no_device() -> None:
    certificate = ca.issue_collector(an_authority(), p256_key("mqtt").public_key(), NOW_MS)
    peer = ca.read_peer(certificate.public_bytes(Encoding.DER))
    assert (peer.id, peer.is_device, peer.public_key) == ("main", False, None)


def test_a_server_certificate_is_for_names_and_addresses_and_for_no_client() -> None:
    hosts = ["zg.example.com", "192.0.2.1", "2001:db8::1", "zg.example.com", "在岗.example"]
    certificate = ca.issue_server(an_authority(), p256_key("s").public_key(), hosts, NOW_MS)
    assert ca.server_hosts(certificate) == {ca.normal_host(host) for host in hosts}
    with pytest.raises(CertificateError, match="exactly one"):
        ca.read_peer(certificate.public_bytes(Encoding.DER))


@given(st.binary(max_size=300))
def test_any_bytes_are_a_peer_or_a_certificate_error(data: bytes) -> None:
    with pytest.raises(CertificateError):
        ca.read_peer(data)


def test_no_certificate_outlives_its_authority() -> None:
    late_ms = NOW_MS + 20 * 365 * DAY_MS - 10 * DAY_MS
    certificate = ca.issue_device(an_authority(), "lap-a", RAW, late_ms, 398)
    assert certificate.not_valid_after_utc == an_authority().certificate.not_valid_after_utc


def test_renewal_is_due_at_two_thirds_of_its_life() -> None:
    certificate = a_certificate(days=30)
    assert not ca.renewal_due(certificate, NOW_MS + 19 * DAY_MS)
    assert ca.renewal_due(certificate, NOW_MS + 20 * DAY_MS)


def test_a_request_gives_the_key_that_signed_it() -> None:
    assert ca.read_csr(a_csr(KEY)) == RAW


def test_a_request_for_another_kind_of_key_is_refused() -> None:
    for key in (p256_key("x"), rsa.generate_private_key(65537, 2048)):
        with pytest.raises(CertificateError, match="Ed25519"):
            ca.read_csr(a_csr(key))


def replaced_key(raw: bytes) -> str:
    """A request that names `raw` as its key, under a signature of another."""
    der = x509.load_pem_x509_csr(a_csr(KEY).encode()).public_bytes(Encoding.DER)
    return pem(der.replace(RAW, raw))


def pem(der: bytes) -> str:
    import base64

    body = base64.encodebytes(der).decode()
    return f"-----BEGIN CERTIFICATE REQUEST-----\n{body}-----END CERTIFICATE REQUEST-----\n"


def test_a_request_signed_by_another_key_is_refused() -> None:
    other = ed25519_key("other").public_key().public_bytes_raw()
    with pytest.raises(CertificateError, match="not signed by the key"):
        ca.read_csr(replaced_key(other))


@pytest.mark.parametrize(
    "raw",
    [
        bytes(32),
        b"\x01" + bytes(31),
        bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
        b"\xff" * 32,
    ],
)
def test_a_key_that_signs_everything_is_refused_before_its_signature_is_believed(
    raw: bytes,
) -> None:
    with pytest.raises(CertificateError, match=r"small order|non-canonical"):
        ca.read_csr(replaced_key(raw))


@pytest.mark.parametrize(
    "text", ["", "garbage", "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n", "证书", "x" * 9000]
)
def test_what_is_no_request_is_refused(text: str) -> None:
    with pytest.raises(CertificateError, match=r"PKCS#10|bytes"):
        ca.read_csr(text)


@given(st.integers(0, 400), st.binary(min_size=1, max_size=8))
def test_a_damaged_request_is_a_certificate_error(at: int, noise: bytes) -> None:
    der = x509.load_pem_x509_csr(a_csr(KEY).encode()).public_bytes(Encoding.DER)
    at = at % len(der)
    damaged = der[:at] + noise + der[at + len(noise) :]
    if damaged == der:
        return
    with pytest.raises(CertificateError):
        ca.read_csr(pem(damaged))


# Keys in the data directory.


@pytest.fixture
def directory(tmp_path: Path) -> DataDirectory:
    return DataDirectory(tmp_path / "zg")


def created(directory: DataDirectory, settings: Settings | None = None) -> keyring.Keyring:
    return keyring.create(directory, settings or Settings(), NOW_MS, Repeatable())


def test_keys_are_made_once_and_only_their_owner_can_read_them(directory: DataDirectory) -> None:
    made = created(directory)
    assert directory.root.stat().st_mode & 0o777 == 0o700
    files = [path for path in directory.root.iterdir() if path.is_file()]
    assert {path.name for path in files} == {
        "ca.key", "ca.crt", "server.key", "server.crt", "receipt.key", "net.key", "ledger.key", "master.key",
        "collector-mqtt.key", "collector-mqtt.crt", "witness.key",
    }  # fmt: skip
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    loaded = keyring.load(directory)
    assert loaded.authority.der == made.authority.der
    assert loaded.net_key == made.net_key
    assert loaded.receipt_key.private_bytes_raw() == made.receipt_key.private_bytes_raw()
    assert "key" not in repr(loaded).lower().removeprefix("keyring")


def test_a_place_where_nothing_can_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigError, match="cannot be made"):
        created(DataDirectory(tmp_path / "file"))


def test_keys_are_never_overwritten(directory: DataDirectory) -> None:
    made = created(directory)
    with pytest.raises(ConfigError, match="not overwritten"):
        created(directory)
    assert keyring.load(directory).authority.der == made.authority.der


def test_a_key_that_others_can_read_is_refused_with_the_cure(directory: DataDirectory) -> None:
    created(directory)
    directory.receipt_key.chmod(0o640)
    with pytest.raises(ConfigError, match=r"chmod 600 .*receipt\.key"):
        keyring.load(directory)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("ca.key", None),
        ("ca.crt", b"nothing"),
        ("net.key", b"short"),
        ("receipt.key", b"-----BEGIN PRIVATE KEY-----\n"),
        ("witness.key", None),
    ],
)
def test_a_broken_file_is_named(directory: DataDirectory, name: str, content: bytes | None) -> None:
    created(directory)
    path = directory.root / name
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=name):
        keyring.load(directory)


def test_keys_that_do_not_belong_together_are_refused(
    directory: DataDirectory, tmp_path: Path
) -> None:
    created(directory)
    other = DataDirectory(tmp_path / "other")
    created(other)
    directory.ca_key.write_bytes(other.ca_key.read_bytes())
    with pytest.raises(ConfigError, match="is not the key of"):
        keyring.load(directory)
    directory.receipt_key.write_bytes(other.ca_key.read_bytes())
    directory.ca_key.write_bytes(b"")
    with pytest.raises(ConfigError, match=r"ca\.key"):
        keyring.load(directory)


def test_own_certificates_are_made_anew_when_due_renamed_or_torn(directory: DataDirectory) -> None:
    keys = created(directory)
    settings = Settings()

    def renewed(now_ms: int = NOW_MS, settings: Settings = settings) -> bool:
        return keyring.renew_own(directory, settings, keys, now_ms)

    assert not renewed()
    assert renewed(now_ms=NOW_MS + 300 * DAY_MS)
    assert not renewed(now_ms=NOW_MS + 300 * DAY_MS)
    named = Settings(public_host="zg.example.com")
    assert renewed(now_ms=NOW_MS + 300 * DAY_MS, settings=named)
    server = x509.load_pem_x509_certificate(directory.server_certificate.read_bytes())
    assert ca.server_hosts(server) == {"zg.example.com", "localhost", "127.0.0.1", "::1"}
    directory.server_key.write_bytes(directory.mqtt_key.read_bytes())  # a crash between the two
    assert renewed(now_ms=NOW_MS + 300 * DAY_MS, settings=named)
    directory.mqtt_certificate.unlink()
    assert renewed(now_ms=NOW_MS + 300 * DAY_MS, settings=named)


def test_a_name_in_another_spelling_is_the_same_name(directory: DataDirectory) -> None:
    keys = created(directory, Settings(public_host="2001:DB8:0::1", mqtt_public_host="ZG.example"))
    same = Settings(public_host="2001:db8::1", mqtt_public_host="zg.example")
    assert not keyring.renew_own(directory, same, keys, NOW_MS)


def test_the_public_key_types_are_what_tls_needs() -> None:
    assert isinstance(a_certificate().public_key(), Ed25519PublicKey)
    assert isinstance(an_authority().certificate.public_key(), ec.EllipticCurvePublicKey)
