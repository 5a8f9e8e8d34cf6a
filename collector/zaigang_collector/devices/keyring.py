"""The keys and certificates in a data directory: made once by `init`, read at each start."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from zaigang_collector import config
from zaigang_collector.config import DataDirectory, Settings
from zaigang_collector.db import Randomness
from zaigang_collector.devices import ca
from zaigang_collector.errors import ConfigError
from zaigang_collector.vault.master import MASTER_BYTES

NET_KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Keyring:
    """All secrets of one collector. Never logged, never sent."""

    authority: ca.Authority
    receipt_key: Ed25519PrivateKey
    """Signs receipts, vantage tokens and device configurations."""
    ledger_key: Ed25519PrivateKey
    """Signs checkpoints of the ledger."""
    net_key: bytes
    """Key of the network hash."""
    witness_key: Ed25519PrivateKey
    """Cosigns checkpoints of others' ledgers."""

    @property
    def witness_name(self) -> str:
        """What this collector is called as a witness."""
        return f"zaigang-witness/{self.authority.fingerprint[:8].hex()}"

    @property
    def ledger_name(self) -> str:
        """What this collector's ledger is called."""
        return f"zaigang/{self.authority.fingerprint[:8].hex()}"

    def __repr__(self) -> str:  # a keyring in a traceback must not be usable
        return "Keyring(…)"


def create(
    directory: DataDirectory, settings: Settings, now_ms: int, randomness: Randomness
) -> Keyring:
    """Make all keys and certificates (0600) in a directory (0700) that has none yet.

    Raises ConfigError when there is something already: keys are never overwritten.
    """
    _make_private(directory.root)
    _make_private(directory.run)
    authority = ca.make_ca(ec.generate_private_key(ec.SECP256R1()), "zaigang CA", now_ms)
    receipt_key = Ed25519PrivateKey.generate()
    ledger_key = Ed25519PrivateKey.generate()
    net_key = randomness(NET_KEY_BYTES)
    witness_key = Ed25519PrivateKey.generate()
    write_new(directory.ca_key, _key_pem(authority.key))
    write_new(directory.ca_certificate, authority.pem.encode("ascii"))
    write_new(directory.receipt_key, _key_pem(receipt_key))
    write_new(directory.ledger_key, _key_pem(ledger_key))
    write_new(directory.net_key, net_key)
    write_new(config.master_key_path(settings, directory), randomness(MASTER_BYTES))
    write_new(directory.witness_key, _key_pem(witness_key))
    keyring = Keyring(authority, receipt_key, ledger_key, net_key, witness_key)
    renew_own(directory, settings, keyring, now_ms)
    return keyring


def load(directory: DataDirectory) -> Keyring:
    """Read the keys. Raises ConfigError that names the file and what to do."""
    ca_key = _load_key(directory.ca_key)
    receipt_key = _load_ed25519(directory.receipt_key)
    ledger_key = _load_ed25519(directory.ledger_key)
    net_key = _read_private(directory.net_key)
    witness_key = _load_ed25519(directory.witness_key)
    certificate = _load_certificate(directory.ca_certificate)
    if not isinstance(ca_key, ec.EllipticCurvePrivateKey):
        raise ConfigError(f"{directory.ca_key} must hold an elliptic curve key")
    if ca_key.public_key() != certificate.public_key():
        raise ConfigError(f"{directory.ca_key} is not the key of {directory.ca_certificate}")
    if len(net_key) != NET_KEY_BYTES:
        raise ConfigError(
            f"{directory.net_key} must hold {NET_KEY_BYTES} bytes; restore it from a backup: with "
            "another one no known network is recognised any more"
        )
    authority = ca.Authority(ca_key, certificate)
    return Keyring(authority, receipt_key, ledger_key, net_key, witness_key)


def renew_own(directory: DataDirectory, settings: Settings, keyring: Keyring, now_ms: int) -> bool:
    """Make the collector's own certificates anew where they are missing, two thirds through their
    life, from another authority, or for other names than the settings say. Called at each start;
    returns whether any was made."""
    hosts = server_names(settings)
    made = False
    server = _own_certificate(directory.server_certificate, directory.server_key)
    if (
        server is None
        or _unfit(server, keyring, now_ms)
        or ca.server_hosts(server) != frozenset(hosts)
    ):
        key = ec.generate_private_key(ec.SECP256R1())
        issued = ca.issue_server(keyring.authority, key.public_key(), hosts, now_ms)
        _write_pair(directory.server_key, directory.server_certificate, key, issued)
        made = True
    client = _own_certificate(directory.mqtt_certificate, directory.mqtt_key)
    if client is None or _unfit(client, keyring, now_ms):
        key = ec.generate_private_key(ec.SECP256R1())
        issued = ca.issue_collector(keyring.authority, key.public_key(), now_ms)
        _write_pair(directory.mqtt_key, directory.mqtt_certificate, key, issued)
        made = True
    return made


def server_names(settings: Settings) -> tuple[str, ...]:
    """The names that the server certificate is for: as devices call it, and this machine itself."""
    names = (settings.public_host, settings.mqtt_public_host, "localhost", "127.0.0.1", "::1")
    return tuple(dict.fromkeys(ca.normal_host(name) for name in names if name))


def write_new(path: Path, data: bytes) -> None:
    """Write a file (0600) that must not exist yet, durably. Raises ConfigError."""
    try:
        _write(path, data, os.O_EXCL)
    except FileExistsError:
        raise ConfigError(
            f"{path} exists already and is not overwritten; choose another directory, or remove "
            "this one if its first start was interrupted"
        ) from None


def _write(path: Path, data: bytes, flag: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | flag, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _write_pair(
    key_path: Path,
    certificate_path: Path,
    key: ec.EllipticCurvePrivateKey,
    certificate: x509.Certificate,
) -> None:
    # A crash between the two leaves a pair that does not fit: noticed at the next start, and made
    # anew there.
    for path, data in (
        (key_path, _key_pem(key)),
        (certificate_path, ca.pem(certificate).encode("ascii")),
    ):
        fresh = path.with_name(path.name + ".new")
        _write(fresh, data, os.O_TRUNC)
        fresh.replace(path)


def _own_certificate(certificate_path: Path, key_path: Path) -> x509.Certificate | None:
    """The certificate, or None when it or its key is missing or the two do not fit."""
    if not (certificate_path.exists() and key_path.exists()):
        return None
    certificate = _load_certificate(certificate_path)
    fits = _load_key(key_path).public_key() == certificate.public_key()
    return certificate if fits else None


def _unfit(certificate: x509.Certificate, keyring: Keyring, now_ms: int) -> bool:
    try:
        certificate.verify_directly_issued_by(keyring.authority.certificate)
    except (ValueError, TypeError, InvalidSignature):
        return True
    return ca.renewal_due(certificate, now_ms)


def _make_private(path: Path) -> None:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.chmod(0o700)
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be made ({error.strerror}); choose another directory with --data"
        ) from error


def _load_certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(_read(path))
    except ValueError as error:
        raise ConfigError(f"{path} is not a certificate in PEM: {error}") from error


def _load_key(path: Path) -> PrivateKeyTypes:
    try:
        return load_pem_private_key(_read_private(path), password=None)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{path} is not an unencrypted private key in PEM: {error}") from error


def _load_ed25519(path: Path) -> Ed25519PrivateKey:
    key = _load_key(path)
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError(f"{path} must hold an Ed25519 key")
    return key


def _read_private(path: Path) -> bytes:
    data = _read(path)
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise ConfigError(f"{path} can be read by others; run: chmod 600 {path}")
    return data


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read ({error.strerror}); `zaigang-collector init` makes a data "
            "directory, a backup restores one"
        ) from error


def _key_pem(key: ec.EllipticCurvePrivateKey | Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
