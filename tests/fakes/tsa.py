"""A time stamp authority on the loop-back interface: OpenSSL behind HTTP, and switches that make it
fail. Keys are made anew for each folder."""

from __future__ import annotations

import socket
import struct
import subprocess
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

from cryptography import x509

POLICY: Final = "1.2.3.4.1"
OTHER_POLICY: Final = "1.2.3.4.5"
# Without `certs`: OpenSSL would write several certificates in an order that is no DER.
_CONFIG: Final = f"""
[ tsa ]
default_tsa = t
[ t ]
serial = {{folder}}/serial
signer_cert = {{folder}}/tsa.pem
signer_key = {{folder}}/tsa.key
signer_digest = {{digest}}
default_policy = {{policy}}
other_policies = {OTHER_POLICY}
digests = sha256, sha384, sha512
accuracy = secs:1
clock_precision_digits = 3
ordering = yes
tsa_name = yes
ess_cert_id_chain = yes
ess_cert_id_alg = sha256
[ tsa_ext ]
basicConstraints = critical,CA:false
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
"""
KEYS: Final = {
    "p256": ("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"),
    "p384": ("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"),
    "rsa": ("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"),
}


@dataclass(frozen=True)
class LocalAuthority:
    """Signs time stamps with OpenSSL."""

    folder: Path

    @classmethod
    def create(cls, folder: Path, key: str = "p256", digest: str = "sha256") -> LocalAuthority:
        """A root, and an authority under it."""
        folder.mkdir(parents=True, exist_ok=True)
        made = cls(folder)
        for policy, name in ((POLICY, "tsa.cnf"), (OTHER_POLICY, "other.cnf")):
            text = _CONFIG.format(folder=folder, digest=digest, policy=policy)
            (folder / name).write_text(text)
        (folder / "serial").write_text("01\n")
        for name in ("ca", "tsa"):
            openssl(folder, *KEYS[key], "-out", f"{name}.key")
        openssl(
            *(folder, "req", "-x509", "-new", "-key", "ca.key", "-subj", "/CN=Test Root"),
            *("-days", "30", "-out", "ca.pem"),
        )
        openssl(
            folder, "req", "-new", "-key", "tsa.key", "-subj", "/CN=Test TSA", "-out", "tsa.csr"
        )
        openssl(
            *(folder, "x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key"),
            *("-CAcreateserial", "-days", "30", "-extfile", "tsa.cnf", "-extensions", "tsa_ext"),
            *("-out", "tsa.pem"),
        )
        return made

    @property
    def root_file(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def root(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self.root_file.read_bytes())

    def reply(self, query: bytes, config: str = "tsa.cnf") -> bytes:
        """The answer to a request, both DER."""
        (self.folder / "q.tsq").write_bytes(query)
        openssl(
            *(self.folder, "ts", "-reply", "-config", config, "-queryfile", "q.tsq"),
            *("-out", "r.tsr"),
        )
        return (self.folder / "r.tsr").read_bytes()

    def stamp(self, data: bytes, digest: str = "sha256") -> bytes:
        """A response over `data`."""
        (self.folder / "data").write_bytes(data)
        openssl(
            self.folder, "ts", "-query", "-data", "data", f"-{digest}", "-cert", "-out", "own.tsq"
        )
        return self.reply((self.folder / "own.tsq").read_bytes())


def openssl(folder: Path, *arguments: str) -> str:
    """Run the command line tool in a folder."""
    run = subprocess.run(
        ["openssl", *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return run.stdout


def openssl_accepts(folder: Path, response: bytes, data: bytes, root_file: Path) -> bool:
    """What `openssl ts -verify` thinks of a response."""
    (folder / "seen.tsr").write_bytes(response)
    (folder / "seen.data").write_bytes(data)
    run = subprocess.run(
        [
            *("openssl", "ts", "-verify", "-data", "seen.data", "-in", "seen.tsr"),
            *("-CAfile", str(root_file)),
        ],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
    )
    return run.returncode == 0


@dataclass
class Tsa:
    """The authority over HTTP. `fault`: what it does instead of its work."""

    authority: LocalAuthority
    fault: str = ""
    """"", 500, silent, imprint, policy, garbage, hangs_up, redirect, huge, type, replay."""
    requests: list[bytes] = field(default_factory=list)
    answers: list[bytes] = field(default_factory=list)
    """Good ones that were given."""
    _released: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Tsa:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # http.server's name
                outer._answer(self)

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]  # cut connections are what is tested
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/tsr"

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        query = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        self.requests.append(query)
        if self.fault == "silent":
            self._released.wait()
            return
        if self.fault == "hangs_up":
            reset = struct.pack("ii", 1, 0)
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
            handler.connection.close()
            return
        status = {"500": 500, "redirect": 302}.get(self.fault, 200)
        body = self._body(query)
        handler.send_response(status)
        kind = "text/html" if self.fault == "type" else "application/timestamp-reply"
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(body)))
        if self.fault == "redirect":
            handler.send_header("Location", self.url)
        handler.end_headers()
        handler.wfile.write(body)

    def _body(self, query: bytes) -> bytes:
        with self._lock:
            if self.fault == "garbage":
                return b"<html>please pay</html>"
            if self.fault == "huge":
                return bytes(10_000_000)
            if self.fault == "imprint":
                return self.authority.stamp(b"something else")
            if self.fault == "policy":
                return self.authority.reply(query, "other.cnf")
            if self.fault == "replay":
                return self.answers[0]
            answer = self.authority.reply(query)
            self.answers.append(answer)
            return answer
