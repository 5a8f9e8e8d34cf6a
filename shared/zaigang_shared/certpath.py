"""Whether a certificate is a time stamp authority's, under a root that the reader trusts.

As much of RFC 5280 section 6 as that needs; what it does not know and is critical, it refuses.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import datetime
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from zaigang_shared import der
from zaigang_shared.errors import TimestampError

DER: Final = Encoding.DER
# From the signer to the root. Longer is nobody's; shorter refuses a cross-signed authority.
_MAX_LENGTH: Final = 6
# Signatures that one question may cost. Larger lets a heap of look-alike certificates keep a
# verifier busy; smaller refuses a stamp that encloses an authority's whole store.
_MAX_TRIES: Final = 100
# Critical ones that are read here. Policies narrow what a certificate is for, and nobody asks.
_KNOWN: Final = frozenset(
    (
        x509.BasicConstraints.oid,
        x509.KeyUsage.oid,
        x509.ExtendedKeyUsage.oid,
        x509.CertificatePolicies.oid,
    )
)
# What cryptography raises for certificates that it parsed and then does not understand. Its
# warnings are errors where somebody has made them so.
_ODD: Final = (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion, Warning)
_DUPLICATE: Final = x509.DuplicateExtension
_Extension = TypeVar("_Extension", bound=x509.ExtensionType)


def loaded(encoded: bytes) -> x509.Certificate | None:
    """A certificate; None for what is none."""
    with contextlib.suppress(*_ODD, TimestampError):
        certificate = x509.load_der_x509_certificate(encoded)
        _names(certificate)
        return certificate
    return None


def issuer_der(certificate: x509.Certificate) -> bytes:
    """The issuer's name, byte for byte. Raises TimestampError."""
    return _names(certificate)[0]


def _names(certificate: x509.Certificate) -> tuple[bytes, bytes]:
    """Issuer and subject, byte for byte. Raises TimestampError."""
    fields = der.Fields(der.read(certificate.tbs_certificate_bytes), "a certificate")
    fields.maybe(der.context(0))  # its version
    fields.take(der.INTEGER)
    fields.take(der.SEQUENCE)  # the signature's algorithm
    issuer = fields.take(der.SEQUENCE).encoded
    fields.take(der.SEQUENCE)  # its validity
    return issuer, fields.take(der.SEQUENCE).encoded


def key_id(certificate: x509.Certificate) -> bytes | None:
    """The subject key identifier."""
    found = _extension(certificate, x509.SubjectKeyIdentifier)
    return None if found is None else found[0].digest


def name(certificate: x509.Certificate) -> str:
    """The subject's common name, or its whole name where it has none. Raises TimestampError."""
    try:
        common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        text = common[0].value if common else certificate.subject.rfc4514_string()
    except _ODD:
        raise TimestampError("the authority's name cannot be read") from None
    text = text if isinstance(text, str) else text.hex()
    return "".join(char if char.isprintable() else "\ufffd" for char in text)


def public_key(certificate: x509.Certificate) -> CertificatePublicKeyTypes:
    """Raises TimestampError for a key that cryptography does not know."""
    try:
        return certificate.public_key()
    except _ODD:
        raise TimestampError("the signer's key is of a kind that cannot be read") from None


def check(
    signer: x509.Certificate,
    between: Sequence[x509.Certificate],
    roots: Sequence[x509.Certificate],
    at: datetime,
) -> None:
    """Raise TimestampError unless `signer` may stamp times and leads to one of `roots`, all of the
    chain valid at `at`."""
    _check_signer(signer)
    _check_sound(signer, at)
    tries = [_MAX_TRIES]
    usable = [one for one in dict.fromkeys(between) if _may_issue(one, at)]
    trusted = [one for one in roots if _is_sound(one, at)]
    if not _leads(signer, usable, trusted, _MAX_LENGTH, tries):
        raise TimestampError(
            f"the certificate of {name(signer)} does not lead to a trusted root that was valid at "
            "the time of the stamp"
        )


def _leads(
    certificate: x509.Certificate,
    between: Sequence[x509.Certificate],
    roots: Sequence[x509.Certificate],
    length: int,
    tries: list[int],
    below: int = 0,
) -> bool:
    """`below`: how many issuing certificates are under this one already."""
    if certificate in roots:
        return True
    if length == 0:
        return False
    for root in roots:
        if _issued(certificate, root, tries) and _allows(root, below):
            return True
    for one in between:
        issues = one != certificate and _allows(one, below) and _issued(certificate, one, tries)
        if issues and _leads(one, between, roots, length - 1, tries, below + 1):
            return True
    return False


def _issued(certificate: x509.Certificate, by: x509.Certificate, tries: list[int]) -> bool:
    with contextlib.suppress(*_ODD, InvalidSignature):
        if _names(certificate)[0] != _names(by)[1]:
            return False
        tries[0] -= 1
        if tries[0] < 0:
            raise TimestampError("too many certificates that might have issued each other")
        certificate.verify_directly_issued_by(by)
        return True
    return False


def _check_signer(signer: x509.Certificate) -> None:
    """RFC 3161 section 2.3: one purpose, and that critical."""
    usage = _extension(signer, x509.ExtendedKeyUsage)
    if usage is None or not usage[1] or list(usage[0]) != [ExtendedKeyUsageOID.TIME_STAMPING]:
        raise TimestampError(
            f"the certificate of {name(signer)} is not for time stamps alone (extended key usage "
            "timeStamping, critical)"
        )
    key = _extension(signer, x509.KeyUsage)
    if key is not None and not (key[0].digital_signature or key[0].content_commitment):
        raise TimestampError(f"the certificate of {name(signer)} may not sign")


def _check_sound(certificate: x509.Certificate, at: datetime) -> None:
    if not _is_sound(certificate, at):
        raise TimestampError(
            f"the certificate of {name(certificate)} was not valid at the time of the stamp, or has "
            "critical extensions that are not known"
        )


def _is_sound(certificate: x509.Certificate, at: datetime) -> bool:
    with contextlib.suppress(*_ODD, _DUPLICATE):
        known = all(one.oid in _KNOWN for one in certificate.extensions if one.critical)
        return known and certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc
    return False


def _may_issue(certificate: x509.Certificate, at: datetime) -> bool:
    """RFC 5280 section 6.1.4: (k) to (n) for a certificate between signer and root."""
    basic = _extension(certificate, x509.BasicConstraints)
    key = _extension(certificate, x509.KeyUsage)
    usage = _extension(certificate, x509.ExtendedKeyUsage)
    purposes = (ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)
    return (
        basic is not None
        and basic[0].ca
        and (key is None or key[0].key_cert_sign)
        and (usage is None or any(one in purposes for one in usage[0]))
        and _is_sound(certificate, at)
    )


def _allows(issuer: x509.Certificate, below: int) -> bool:
    """A root may be of a time before there were extensions; one that says it issues nothing does not."""
    basic = _extension(issuer, x509.BasicConstraints)
    if basic is None:
        return True
    limit = basic[0].path_length
    return basic[0].ca and (limit is None or limit >= below)


def _extension(
    certificate: x509.Certificate, kind: type[_Extension]
) -> tuple[_Extension, bool] | None:
    """The extension and whether it is critical; None: it is not there, or nothing can be read."""
    with contextlib.suppress(*_ODD, _DUPLICATE, x509.ExtensionNotFound):
        found = certificate.extensions.get_extension_for_class(kind)
        return found.value, found.critical
    return None
