"""The device endpoint over real TLS on loopback, and a client that checks everything."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn

from zaigang_collector.config import DataDirectory
from zaigang_collector.devices import tls_server
from zaigang_collector.devices.device_api import DeviceServices, device_app


@dataclass
class Answer:
    """What came back."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Endpoint:
    """A running server."""

    port: int
    ca_pem: str
    folder: Path
    identities: int = field(default=0)

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        trust: str | None = None,
        identity: tuple[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        maximum: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED,
    ) -> Answer:
        """`trust`: PEM of the only authority believed in, the server's own by default; `identity`:
        (certificate, key) in PEM that the client shows; `body`: bytes, or anything for JSON."""
        context = ssl.create_default_context(cadata=trust or self.ca_pem)
        context.maximum_version = maximum
        if identity is not None:
            context.load_cert_chain(self._file("crt", identity[0]), self._file("key", identity[1]))
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.port, context=context, timeout=20
        )
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        given = {"content-type": "application/json", **(headers or {})}
        with contextlib.closing(connection):
            connection.request(method, path, data, given)
            response = connection.getresponse()
            return Answer(response.status, response.read(), dict(response.headers))

    def _file(self, kind: str, text: str) -> Path:
        self.identities += 1
        path = self.folder / f"client-{self.identities}.{kind}"
        path.write_text(text)
        return path


@contextlib.contextmanager
def running(services: DeviceServices, directory: DataDirectory, folder: Path) -> Iterator[Endpoint]:
    """Serve in a thread; the socket listens before the thread starts, so nobody has to wait."""
    config = tls_server.server_config(device_app(services), directory)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            port = listener.getsockname()[1]
            yield Endpoint(port, directory.ca_certificate.read_text(), folder)
        finally:
            server.should_exit = True
            thread.join()
