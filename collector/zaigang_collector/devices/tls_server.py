"""TLS for the device endpoint: 1.3 only, client certificates asked for but not demanded.

Uvicorn does not tell applications who the peer is; `PeerCertificateProtocol` does.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Final

import uvicorn
from starlette.requests import Request
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from zaigang_collector.config import DataDirectory

_STATE: Final = "peer_certificate"

# For a whole request, from the connection or the answer before it. Larger lets a stranger hold
# connections with a byte now and then; smaller cuts off a laptop on a bad train.
REQUEST_S: Final = 20.0


def tls_context(directory: DataDirectory) -> ssl.SSLContext:
    """For clients that may show a device certificate of our authority, and no other.

    A certificate of another authority, an expired one, or one that is not for clients ends the
    handshake.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(directory.server_certificate, directory.server_key)
    context.load_verify_locations(directory.ca_certificate)
    context.verify_mode = ssl.CERT_OPTIONAL  # enrolment has no certificate yet
    context.num_tickets = 0  # a resumed session would not look at the certificate again
    return context


def server_config(app: ASGIApp, directory: DataDirectory) -> uvicorn.Config:
    """How Uvicorn has to serve the device endpoint."""
    return uvicorn.Config(
        app,
        http=PeerCertificateProtocol,
        ws="none",
        lifespan="off",
        ssl_context_factory=lambda _config, _default: tls_context(directory),
        # A vantage token is our word on an address: no header of the client may choose it.
        proxy_headers=False,
        forwarded_allow_ips="",
        server_header=False,
        access_log=False,
        log_config=None,
        # Larger lets idle connections of a fleet pile up; smaller breaks a renewal over slow links.
        timeout_keep_alive=15,
        # Larger lets strangers hold memory; smaller turns away a fleet that starts at nine o'clock,
        # or everybody as soon as one stranger holds so many connections.
        limit_concurrency=2000,
    )


class PeerCertificateProtocol(H11Protocol):
    """Puts the peer's certificate (DER) where `peer_certificate` finds it, and ends a connection
    whose next request is not here in time: Uvicorn would wait for ever."""

    _deadline: asyncio.TimerHandle

    def connection_made(  # type: ignore[override]  # as the class that is overridden
        self, transport: asyncio.Transport
    ) -> None:
        super().connection_made(transport)
        connection = transport.get_extra_info("ssl_object")
        der = None if connection is None else connection.getpeercert(binary_form=True)
        self.app_state = self.app_state | {_STATE: der}  # a dictionary of this connection only
        self._expect_request()

    def handle_events(self) -> None:
        super().handle_events()
        cycle: RequestResponseCycle | None = self.cycle  # None until the first request has come
        if cycle is not None and not (cycle.more_body or cycle.response_complete):
            self._deadline.cancel()  # the request is here; how long we take is not the peer's fault

    def on_response_complete(self) -> None:
        self._deadline.cancel()
        self._expect_request()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._deadline.cancel()
        super().connection_lost(exc)

    def _expect_request(self) -> None:
        self._deadline = self.loop.call_later(REQUEST_S, self.transport.abort)


def peer_certificate(request: Request) -> bytes | None:
    """The DER of the certificate that this request's connection was made with."""
    der = request.scope.get("state", {}).get(_STATE)
    return der if isinstance(der, bytes) else None
