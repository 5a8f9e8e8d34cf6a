"""Certificates on disk for tests that really connect, good at the time of the test."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.factories.devices import ed25519_key, p256_key
from zaigang_collector.devices import ca
from zaigang_shared.clock import SystemClock


@dataclass(frozen=True)
class Pki:
    """An authority, its files in `folder`, and contexts for those who connect."""

    folder: Path
    authority: ca.Authority

    @classmethod
    def create(cls, folder: Path, name: str = "test CA") -> Pki:
        """A new authority and the server's certificate for loopback."""
        folder.mkdir(parents=True, exist_ok=True)
        authority = ca.make_ca(p256_key(name), name, SystemClock().utc_ms())
        pki = cls(folder, authority)
        pki.ca_file.write_text(authority.pem)
        key = p256_key(f"{name}/server")
        hosts = ("localhost", "127.0.0.1")
        certificate = ca.issue_server(authority, key.public_key(), hosts, SystemClock().utc_ms())
        pki._write("server", certificate, key)
        return pki

    @property
    def ca_file(self) -> Path:
        return self.folder / "ca.crt"

    @property
    def server_certificate(self) -> Path:
        return self.folder / "server.crt"

    @property
    def server_key(self) -> Path:
        return self.folder / "server.key"

    def device(self, device_id: str, key: Ed25519PrivateKey | None = None) -> ssl.SSLContext:
        """The context of a device that is enrolled under this authority."""
        key = key or ed25519_key(device_id)
        raw = key.public_key().public_bytes_raw()
        now_ms = SystemClock().utc_ms()
        self._write(device_id, ca.issue_device(self.authority, device_id, raw, now_ms, 30), key)
        return self.client(device_id)

    def collector(self) -> ssl.SSLContext:
        """The context of the collector."""
        key = p256_key("collector")
        certificate = ca.issue_collector(self.authority, key.public_key(), SystemClock().utc_ms())
        self._write("collector-mqtt", certificate, key)
        return self.client("collector-mqtt")

    def client(self, name: str | None) -> ssl.SSLContext:
        """A context that trusts this authority and shows the certificate `name`, or none."""
        context = ssl.create_default_context(cafile=str(self.ca_file))
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        if name is not None:
            context.load_cert_chain(self.folder / f"{name}.crt", self.folder / f"{name}.key")
        return context

    def _write(
        self,
        name: str,
        certificate: x509.Certificate,
        key: Ed25519PrivateKey | EllipticCurvePrivateKey,
    ) -> None:
        pem = certificate.public_bytes(Encoding.PEM)
        (self.folder / f"{name}.crt").write_bytes(pem + self.authority.pem.encode())
        (self.folder / f"{name}.key").write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
