"""The collector's device endpoint over real TLS on the loop-back interface; set attributes to make
it malicious or broken. Needs nothing of the collector's packages."""

from __future__ import annotations

import base64
import functools
import ipaddress
import json
import ssl
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.fakes.agent import COLLECTOR, DEVICE_ID, a_config
from zaigang_shared.device_config import DeviceConfig
from zaigang_shared.identifiers import EnrolmentToken, ca_fingerprint

BEGAN = datetime(2020, 1, 1, tzinfo=UTC)
ENDS = datetime(2099, 1, 1, tzinfo=UTC)


class Authority:
    """A CA."""

    def __init__(self, name: str = "test CA") -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = (
            _builder(subject, subject, self.key.public_key(), BEGAN, ENDS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False
            )
            .sign(self.key, hashes.SHA256())
        )

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def fingerprint(self) -> bytes:
        return ca_fingerprint(self.certificate.public_bytes(Encoding.DER))

    def issue(
        self,
        public_key: Any,
        sans: list[x509.GeneralName],
        *,
        server: bool = False,
        name: str = "leaf",
        began: datetime = BEGAN,
        ends: datetime = ENDS,
    ) -> bytes:
        """A leaf certificate (PEM)."""
        usage = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        return (
            _builder(subject, self.certificate.subject, public_key, began, ends)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.SubjectAlternativeName(sans), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()),
                critical=False,
            )
            .sign(self.key, hashes.SHA256())
            .public_bytes(Encoding.PEM)
        )

    def server_files(self, folder: Path, ends: datetime = ENDS) -> tuple[Path, Path]:
        """Certificate and key of a server, written down."""
        key = ec.generate_private_key(ec.SECP256R1())
        loopback = ipaddress.ip_address("127.0.0.1")
        sans = [x509.DNSName("localhost"), x509.IPAddress(loopback)]
        certificate, key_file = folder / "server.crt", folder / "server.key"
        certificate.write_bytes(self.issue(key.public_key(), list(sans), server=True, ends=ends))
        key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return certificate, key_file

    def device(self, key: Ed25519PrivateKey, device_id: str = DEVICE_ID) -> bytes:
        """A device's certificate (PEM)."""
        return self.issue(
            key.public_key(),
            [x509.UniformResourceIdentifier(f"zaigang:device:{device_id}")],
            name=device_id,
        )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: Any, began: datetime, ends: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(began)
        .not_valid_after(ends)
    )


@functools.cache
def the_authority() -> Authority:
    return Authority()


@dataclass
class FakeCollector:
    """Answers as the protocol says, unless told otherwise."""

    folder: Path
    authority: Authority = field(default_factory=the_authority)
    shown_ca: bytes | None = None
    """Instead of the CA that signed the server's certificate."""
    refuse: tuple[int, dict[str, Any]] | None = None
    change: dict[str, Any] = field(default_factory=dict)
    """Fields of the enrolment answer that are replaced."""
    silent_on: str = ""
    """A field that the renewal answer lacks."""
    config: DeviceConfig | None = None
    config_version: int = 1
    raw: bytes | None = None
    server_ends: datetime = ENDS
    mqtt: dict[str, Any] = field(default_factory=lambda: {"host": "127.0.0.1", "port": 8883})
    device_id: str = DEVICE_ID
    """The id that the next enrolment gets."""
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    token: EnrolmentToken = field(init=False)

    def __post_init__(self) -> None:
        self.token = EnrolmentToken("abcd1234", "a" * 26, self.authority.fingerprint)

    def __enter__(self) -> FakeCollector:
        certificate, key = self.authority.server_files(self.folder, self.server_ends)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(certificate, key)
        (self.folder / "clients.crt").write_bytes(self.authority.pem)
        context.load_verify_locations(self.folder / "clients.crt")
        context.verify_mode = ssl.CERT_OPTIONAL
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # http.server's name
                outer._answer(self)

            def do_POST(self) -> None:  # http.server's name
                outer._answer(self)

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("", 0), Handler)
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]  # refused handshakes are what is tested
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self._server.server_address[1]}"

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("Content-Length", 0))
        body = json.loads(handler.rfile.read(length) or b"{}")
        self.requests.append((handler.path, body))
        peer = handler.connection.getpeercert()
        status, data = self._decide(handler.path, body, bool(peer))
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    def _decide(self, path: str, body: dict[str, Any], known: bool) -> tuple[int, bytes]:
        if path == "/device/v1/ca":
            return 200, self.shown_ca or self.authority.pem
        if self.raw is not None:
            return 200, self.raw
        if self.refuse is not None:
            return self.refuse[0], json.dumps(self.refuse[1]).encode()
        if path == "/device/v1/enrol":
            return 201, json.dumps(self._enrolled(body["csr"]) | self.change).encode()
        if not known:
            return 401, b'{"detail": "a certificate is needed"}'
        if path == "/device/v1/renew":
            answer = {
                k: v
                for k, v in self._enrolled(body["csr"]).items()
                if k in ("certificate", "config", "mqtt") and k != self.silent_on
            }
            return 200, json.dumps(answer | self.change).encode()
        return 200, b"vantage token"

    def _enrolled(self, csr: str) -> dict[str, Any]:
        request = x509.load_pem_x509_csr(csr.encode())
        assert request.is_signature_valid
        key: Any = request.public_key()
        certificate = self.authority.issue(
            key,
            [x509.UniformResourceIdentifier(f"zaigang:device:{self.device_id}")],
            name=self.device_id,
        )
        pem = COLLECTOR.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return {
            "device_id": self.device_id,
            "certificate": certificate.decode(),
            "ca": self.authority.pem.decode(),
            "mqtt": self.mqtt,
            "collector_key": pem.decode(),
            "config": base64.b64encode(
                a_config(self.config, self.config_version, self.device_id)
            ).decode(),
        }
