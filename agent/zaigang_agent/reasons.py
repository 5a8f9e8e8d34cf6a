"""Sentences for connections that fail: what it means, and what to do about it."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from typing import Final


def why_not_connected(error: Exception, where: str) -> str:
    """A sentence for somebody who wants to know what to do about a failed connection."""
    for kind, explain in _REASONS:
        if isinstance(error, kind):
            return explain(error, where)
    return f"{where} cannot be reached: {error}"


def _certificate_reason(error: Exception, where: str) -> str:
    message = str(getattr(error, "verify_message", "") or error)
    if "not yet valid" in message or "expired" in message:
        return (
            f"the certificate of {where} does not hold at the time that this machine's clock shows "
            f"({message}): set the clock right, or tell IT that the certificate has run out"
        )
    if "mismatch" in message or "not valid for" in message:
        return (
            f"the certificate of {where} is for another name ({message}): use the name or address "
            "that the collector was set up with"
        )
    return f"{where} is not the collector that this device trusts ({message}); nothing was sent"


def _tls_reason(error: Exception, where: str) -> str:
    reason = getattr(error, "reason", None) or str(error)
    if "ALERT" in str(reason).upper():
        return (
            f"{where} does not accept this device's certificate ({reason}): ask IT whether the "
            "device was revoked or its certificate has run out"
        )
    return f"{where} answers, but does not speak TLS 1.3 as a collector does ({reason})"


_REASONS: Final[tuple[tuple[type[Exception], Callable[[Exception, str], str]], ...]] = (
    (ssl.SSLCertVerificationError, _certificate_reason),
    (ssl.SSLError, _tls_reason),
    (
        socket.gaierror,
        lambda _, where: f"the name in {where} is not known here: check it, and the network or VPN",
    ),
    (
        ConnectionRefusedError,
        lambda _, where: f"nothing listens at {where}: is the collector running, the port right?",
    ),
    (
        TimeoutError,
        lambda _, where: f"{where} does not answer: check network, VPN and firewall",
    ),
    (
        ConnectionError,
        lambda _, where: (
            f"{where} closed the connection before it answered: is this the address for devices?"
        ),
    ),
)
