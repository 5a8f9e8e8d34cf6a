"""Time stamps of RFC 3161: that an authority saw some data at a time, checked offline.

A token is CMS SignedData (RFC 5652) over a TSTInfo. What is checked here, and nothing less: the
answer was granted; the stamped hash is that of the data; the signed attributes name the content and
the signer's certificate (RFC 5816); the signature holds; the certificate is for time stamps only
and leads to a root that the reader trusts, all valid at the time of the stamp. Not checked, because
it needs the network: whether a certificate was revoked since.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cryptography import x509

from zaigang_shared import certpath, cms, der
from zaigang_shared.der import Element, Fields
from zaigang_shared.errors import TimestampError

_TST_INFO: Final = "1.2.840.113549.1.9.16.1.4"
# RFC 3161 section 2.4.2: with these two there is a token. What an authority may have changed on its
# own (1) is in the token and checked there.
_GRANTED: Final = (0, 1)
_STATUS: Final = {
    2: "rejected",
    3: "not stamped yet",
    4: "a revocation is near",
    5: "the authority's certificate was revoked",
}
_FAILURES: Final = {
    0: "it does not know the hash algorithm",
    2: "it does not understand the request",
    5: "the data have the wrong form",
    14: "it has no time source at the moment",
    15: "it does not stamp under this policy",
    16: "it does not know an extension",
    17: "it cannot give what was asked",
    25: "it failed",
}
_MAX_WORDS: Final = 120


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a time stamp says."""

    at_ms: int
    """UTC as the authority says; the data existed then."""
    accuracy_ms: int | None
    """How far off that may be, rounded up; None: the authority does not say."""
    policy: str
    """Under which the authority works: an object identifier."""
    serial: int
    authority: str
    """The signer's common name, or its whole name where it has none."""


@dataclass(frozen=True, slots=True)
class _Info:
    """A TSTInfo."""

    policy: str
    hash_name: str
    imprint: bytes
    serial: int
    at_ms: int
    accuracy_ms: int | None
    nonce: int | None


def verify(
    token_der: bytes,
    data: bytes,
    roots: Sequence[x509.Certificate],
    intermediates: Sequence[x509.Certificate] = (),
    policy: str | None = None,
    nonce: int | None = None,
) -> Stamp:
    """Raise TimestampError unless `token_der` (a TimeStampResp or its token) stamps `data`.

    `intermediates` help to reach one of `roots` and are not trusted. `policy` is demanded when
    given, and so is `nonce`, which whoever asked has chosen: without it an old answer may come back.
    """
    signed = cms.read(_token(der.read(token_der)), _TST_INFO)
    info = _info(der.read(signed.content))
    if hashlib.new(info.hash_name, data).digest() != info.imprint:
        raise TimestampError("the time stamp is of other data")
    if policy is not None and info.policy != policy:
        raise TimestampError(f"stamped under policy {info.policy}, expected {policy}")
    if nonce is not None and info.nonce != nonce:
        raise TimestampError("the time stamp answers another request: its nonce is not ours")
    signer = cms.verify(signed, intermediates)
    at = datetime.fromtimestamp(info.at_ms / 1000, UTC)
    certpath.check(signer, (*signed.certificates, *intermediates), roots, at)
    return Stamp(info.at_ms, info.accuracy_ms, info.policy, info.serial, certpath.name(signer))


def _token(element: Element) -> Element:
    """The ContentInfo of an answer, or of a token that came without one."""
    children = element.children()
    if not children or children[0].tag != der.SEQUENCE:
        return element
    fields = Fields(element, "a time stamp response")
    _check_status(fields.take(der.SEQUENCE))
    token = fields.take(der.SEQUENCE)
    fields.end()
    return token


def _check_status(element: Element) -> None:
    fields = Fields(element, "the status")
    status = der.integer(fields.take(der.INTEGER))
    said = fields.maybe(der.SEQUENCE)
    failure = fields.maybe(der.BIT_STRING)
    fields.end()
    if status not in _GRANTED:
        raise TimestampError(
            f"the authority did not stamp: {_STATUS.get(status, f'status {status}')}"
            f"{_failures(failure)}{_words(said)}"
        )


def _failures(element: Element | None) -> str:
    """PKIFailureInfo: bit n of the string, counted from the highest of its first byte."""
    bits = b"" if element is None else element.content[1:]
    found = (
        text
        for number, text in _FAILURES.items()
        if number // 8 < len(bits) and bits[number // 8] & (0x80 >> number % 8)
    )
    return "".join(f", {text}" for text in found)


def _words(element: Element | None) -> str:
    if element is None:
        return ""
    text = " ".join(one.content.decode("utf-8", "replace") for one in element.children())
    return f" ({text[:_MAX_WORDS]})"


def _info(element: Element) -> _Info:
    fields = Fields(element, "TSTInfo")
    if der.integer(fields.take(der.INTEGER)) != 1:
        raise TimestampError("TSTInfo has version 1")
    policy = der.oid(fields.take(der.OID))
    imprint = Fields(fields.take(der.SEQUENCE), "the imprint")
    hash_name = cms.hash_named(cms.algorithm(imprint.take(der.SEQUENCE)))
    digest = der.octets(imprint.take(der.OCTET_STRING))
    imprint.end()
    serial = der.integer(fields.take(der.INTEGER))
    at_ms = der.utc_ms(fields.take(der.GENERALIZED_TIME))
    accuracy = fields.maybe(der.SEQUENCE)
    if (ordering := fields.maybe(der.BOOLEAN)) is not None:
        der.boolean(ordering)
    nonce = fields.maybe(der.INTEGER)
    fields.maybe(der.context(0))  # the authority's name: the certificate is bound by its hash
    if (extensions := fields.maybe(der.context(1))) is not None:
        _refuse_critical(extensions)
    fields.end()
    return _Info(
        policy,
        hash_name,
        digest,
        serial,
        at_ms,
        None if accuracy is None else _accuracy_ms(accuracy),
        None if nonce is None else der.integer(nonce),
    )


def _accuracy_ms(element: Element) -> int:
    fields = Fields(element, "the accuracy")
    seconds = fields.maybe(der.INTEGER)
    millis = fields.maybe(der.context(0, constructed=False))
    micros = fields.maybe(der.context(1, constructed=False))
    fields.end()
    whole = 0 if seconds is None else der.integer(seconds)
    parts = [0 if one is None else der.implicit_integer(one) for one in (millis, micros)]
    # A day is no accuracy. Larger would print absurd numbers; smaller refuses a sloppy authority.
    if not 0 <= whole <= 86_400 or not all(0 <= part <= 999 for part in parts):
        raise TimestampError("the accuracy is not in its range")
    return whole * 1000 + parts[0] + (parts[1] > 0)


def _refuse_critical(element: Element) -> None:
    """RFC 3161 section 2.4.2: an extension that is critical and not known refuses the stamp."""
    for one in element.children():
        fields = Fields(one, "an extension")
        name = der.oid(fields.take(der.OID))
        critical = fields.maybe(der.BOOLEAN)
        if critical is not None and der.boolean(critical):
            raise TimestampError(f"the stamp has the critical extension {name}, which is not known")
