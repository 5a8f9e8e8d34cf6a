"""Asks an authority of RFC 3161 for a time stamp over a checkpoint."""

from __future__ import annotations

import urllib.parse
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from cryptography import x509

from zaigang_collector.errors import AnchorError, ConfigError
from zaigang_collector.ledger.outside import Anchored, AnchorKind, Prove, SignedCheckpoint
from zaigang_collector.ledger.posting import Post
from zaigang_shared import note, timestamp
from zaigang_shared.errors import EvidenceError

QUERY: Final = "application/timestamp-query"
REPLY: Final = "application/timestamp-reply"


@dataclass(frozen=True, slots=True)
class Trusted:
    """Certificates that lead from an authority to a root."""

    roots: tuple[x509.Certificate, ...]
    intermediates: tuple[x509.Certificate, ...]


def trusted(pem: bytes, source: str) -> Trusted:
    """Certificates in PEM: those that issued themselves are roots, the others help to reach them.
    Raises ConfigError naming `source`."""
    try:
        found = x509.load_pem_x509_certificates(pem)
        roots = tuple(one for one in found if one.subject == one.issuer)
    except ValueError as error:
        raise ConfigError(f"{source} does not hold certificates in PEM: {error}") from error
    if not roots:
        raise ConfigError(
            f"{source} holds no root certificate, one that issued itself; ask the authority for it"
        )
    return Trusted(roots, tuple(one for one in found if one not in roots))


@dataclass(frozen=True, slots=True)
class StampAuthority:
    """An authority, asked over HTTP."""

    url: str
    trust: Trusted
    policy: str | None
    """An object identifier under which it has to stamp; None: any."""
    post: Post

    @property
    def kind(self) -> AnchorKind:
        return AnchorKind.STAMP

    @property
    def name(self) -> str:
        """Host and port: the path may hold what the authority knows a customer by."""
        return urllib.parse.urlsplit(self.url).netloc

    def anchor(
        self, checkpoint: SignedCheckpoint, last: int, prove: Prove, now_ms: int
    ) -> Anchored:
        """A stamp over the checkpoint's text. Raises AnchorError.

        What comes back counts only when it is verified as any reader would do, and answers this
        request: an older stamp played back has another nonce.
        """
        from rfc3161_client import (  # 20 MiB, for those who have an authority
            HashAlgorithm,
            TimestampRequestBuilder,
        )

        text = note.parse(checkpoint.note).text.encode()
        request = (
            TimestampRequestBuilder()
            .data(text)
            .hash_algorithm(HashAlgorithm.SHA256)
            .nonce(nonce=True)
            .cert_request(cert_request=True)
            .build()
        )
        answer = self.post(self.url, request.as_bytes(), QUERY)
        if answer.status != HTTPStatus.OK or answer.media_type != REPLY:
            raise AnchorError(
                f"it answered {answer.status} with {answer.media_type}, expected 200 with {REPLY}; "
                "is stamp_url right?"
            )
        try:
            stamp = timestamp.verify(
                answer.body,
                text,
                self.trust.roots,
                self.trust.intermediates,
                self.policy,
                request.nonce,
            )
        except EvidenceError as error:
            raise AnchorError(f"its time stamp does not hold: {error}") from error
        return Anchored(stamp.at_ms, answer.body)
