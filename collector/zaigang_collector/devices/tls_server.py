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
from uvicorn.protocols.http.h11_impl import H11Protocol

from zaigang_collector.config import DataDirectory

_STATE: Final = "peer_certificate"


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
        # Larger lets strangers hold memory; smaller turns away a fleet that starts at nine o'clock.
        limit_concurrency=500,
    )


class PeerCertificateProtocol(H11Protocol):
    """Puts the peer's certificate (DER) where `peer_certificate` finds it."""

    def connection_made(  # type: ignore[override]  # as the class that is overridden
        self, transport: asyncio.Transport
    ) -> None:
        super().connection_made(transport)
        connection = transport.get_extra_info("ssl_object")
        der = None if connection is None else connection.getpeercert(binary_form=True)
        self.app_state = self.app_state | {_STATE: der}  # a dictionary of this connection only


def peer_certificate(request: Request) -> bytes | None:
    """The DER of the certificate that this request's connection was made with."""
    der = request.scope.get("state", {}).get(_STATE)
    return der if isinstance(der, bytes) else None
