"""CMS SignedData (RFC 5652) with one signer, as time stamps use it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from zaigang_shared import certpath, der
from zaigang_shared.der import Element, Fields
from zaigang_shared.errors import TimestampError

_SIGNED_DATA: Final = "1.2.840.113549.1.7.2"
_CONTENT_TYPE: Final = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST: Final = "1.2.840.113549.1.9.4"
_SIGNING_CERTIFICATE: Final = "1.2.840.113549.1.9.16.2.12"
_SIGNING_CERTIFICATE_V2: Final = "1.2.840.113549.1.9.16.2.47"
_RSA: Final = "1.2.840.113549.1.1.1"
_RSA_PSS: Final = "1.2.840.113549.1.1.10"
_MGF1: Final = "1.2.840.113549.1.1.8"
_ED25519: Final = "1.3.101.112"
# SHA-1 is broken for signatures. SM3 comes with SM2 signatures, which cryptography cannot check: who
# needs it asks the authority for a second stamp.
_HASHES: Final = {
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}
_RSA_WITH: Final = {
    "1.2.840.113549.1.1.11": "sha256",
    "1.2.840.113549.1.1.12": "sha384",
    "1.2.840.113549.1.1.13": "sha512",
}
_ECDSA_WITH: Final = {
    "1.2.840.10045.4.3.2": "sha256",
    "1.2.840.10045.4.3.3": "sha384",
    "1.2.840.10045.4.3.4": "sha512",
}
_ALGORITHMS: Final = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
# Smaller is breakable today; larger refuses authorities in use.
_MIN_RSA_BITS: Final = 2048


@dataclass(frozen=True, slots=True)
class Algorithm:
    """An AlgorithmIdentifier."""

    oid: str
    parameters: Element | None


@dataclass(frozen=True, slots=True)
class Signed:
    """SignedData as it was written; nothing is checked yet."""

    content_type: str
    content: bytes
    certificates: tuple[x509.Certificate, ...]
    """Those that came along. Whoever wrote them may not be the signer."""
    signer_id: Element
    digest: str
    attributes: Element
    signature_algorithm: Algorithm
    signature: bytes


def algorithm(element: Element) -> Algorithm:
    """Read an AlgorithmIdentifier. Raises TimestampError."""
    fields = Fields(element, "an algorithm")
    oid = der.oid(fields.take(der.OID))
    parameters = element.children()[1:]
    if len(parameters) > 1:
        raise TimestampError("an algorithm has one field of parameters")
    return Algorithm(oid, parameters[0] if parameters else None)


def hash_named(given: Algorithm) -> str:
    """The name that hashlib has for it. Raises TimestampError."""
    name = _HASHES.get(given.oid)
    if name is None:
        raise TimestampError(f"hash {given.oid}: expected SHA-256, SHA-384 or SHA-512")
    if given.parameters is not None and given.parameters.encoded != b"\x05\x00":
        raise TimestampError("a hash has no parameters")
    return name


def read(element: Element, content_type: str) -> Signed:
    """A ContentInfo that holds SignedData over `content_type`. Raises TimestampError."""
    outer = Fields(element, "ContentInfo")
    if (found := der.oid(outer.take(der.OID))) != _SIGNED_DATA:
        raise TimestampError(f"content of type {found}, expected signed data")
    fields = Fields(outer.take(der.context(0)).only(), "SignedData")
    outer.end()
    # RFC 5652 section 5.1: 3 where the content is not plain data.
    if der.integer(fields.take(der.INTEGER)) != 3:
        raise TimestampError("SignedData of a time stamp has version 3")
    digests = fields.take(der.SET).children()
    inner = Fields(fields.take(der.SEQUENCE), "the content")
    if (found := der.oid(inner.take(der.OID))) != content_type:
        raise TimestampError(f"signed content of type {found}, expected {content_type}")
    content = der.octets(inner.take(der.context(0)).only())
    inner.end()
    certificates = fields.maybe(der.context(0))
    fields.maybe(der.context(1))  # revocation lists: of no use without their own freshness
    signers = fields.take(der.SET).children()
    fields.end()
    if len(signers) != 1:
        raise TimestampError(f"{len(signers)} signers, a time stamp has one")
    known = () if certificates is None else _certificates(certificates)
    signed = _with_signer(signers[0], content_type, content, known)
    if signed.digest not in {hash_named(algorithm(one)) for one in digests}:
        raise TimestampError("the signer's hash is not among those that SignedData announces")
    return signed


def verify(signed: Signed, more: Sequence[x509.Certificate]) -> x509.Certificate:
    """The certificate whose key signed, from among those that came along and `more`. Its own worth
    is not judged. Raises TimestampError."""
    attributes = _attributes(signed.attributes)
    if der.oid(_one(attributes, _CONTENT_TYPE, "content type")) != signed.content_type:
        raise TimestampError("the signed attributes are of another content")
    digest = der.octets(_one(attributes, _MESSAGE_DIGEST, "message digest"))
    if digest != hashlib.new(signed.digest, signed.content).digest():
        raise TimestampError("the signed digest is not that of the content")
    signer = _signer(signed, more)
    _check_bound(attributes, signer)
    # RFC 5652 section 5.4: signed is the set itself, not the implicit tag that it travels under.
    _check_signature(signed, signer, b"\x31" + signed.attributes.encoded[1:])
    return signer


def _with_signer(
    element: Element, content_type: str, content: bytes, certificates: tuple[x509.Certificate, ...]
) -> Signed:
    fields = Fields(element, "SignerInfo")
    version = der.integer(fields.take(der.INTEGER))
    signer_id = fields.any()
    if (version, signer_id.tag) not in ((1, der.SEQUENCE), (3, der.context(0, constructed=False))):
        raise TimestampError(f"SignerInfo version {version} does not fit how it names its signer")
    digest = hash_named(algorithm(fields.take(der.SEQUENCE)))
    attributes = fields.take(der.context(0))
    signature_algorithm = algorithm(fields.take(der.SEQUENCE))
    signature = der.octets(fields.take(der.OCTET_STRING))
    fields.maybe(der.context(1))  # unsigned attributes prove nothing
    fields.end()
    return Signed(
        content_type,
        content,
        certificates,
        signer_id,
        digest,
        attributes,
        signature_algorithm,
        signature,
    )


def _certificates(element: Element) -> tuple[x509.Certificate, ...]:
    """Those that can be read; attribute certificates and the like are passed over."""
    found = []
    for one in element.children():
        if one.tag == der.SEQUENCE:
            certificate = certpath.loaded(one.encoded)
            if certificate is not None:
                found.append(certificate)
    return tuple(found)


def _attributes(element: Element) -> dict[str, Element]:
    """The signed attributes with their one value each."""
    found: dict[str, Element] = {}
    for one in element.children():
        fields = Fields(one, "an attribute")
        name = der.oid(fields.take(der.OID))
        values = fields.take(der.SET).children()
        fields.end()
        if name in found or len(values) != 1:
            raise TimestampError(f"attribute {name} is there more than once")
        found[name] = values[0]
    return found


def _one(attributes: dict[str, Element], oid: str, what: str) -> Element:
    if oid not in attributes:
        raise TimestampError(f"the signed attributes lack the {what}")
    return attributes[oid]


def _signer(signed: Signed, more: Sequence[x509.Certificate]) -> x509.Certificate:
    for certificate in (*signed.certificates, *more):
        if _is_named(certificate, signed.signer_id):
            return certificate
    raise TimestampError(
        "the signer's certificate is not in the time stamp; give it with the intermediate ones"
    )


def _is_named(certificate: x509.Certificate, signer_id: Element) -> bool:
    if signer_id.tag != der.SEQUENCE:
        return certpath.key_id(certificate) == signer_id.content
    fields = Fields(signer_id, "the signer's name")
    issuer = fields.take(der.SEQUENCE).encoded
    serial = der.integer(fields.take(der.INTEGER))
    fields.end()
    return certificate.serial_number == serial and certpath.issuer_der(certificate) == issuer


def _check_bound(attributes: dict[str, Element], signer: x509.Certificate) -> None:
    """ESSCertID (RFC 2634, SHA-1) and ESSCertIDv2 (RFC 5816): without one of them the signature
    could be shown under another certificate of the same key. The hash covers issuer and serial too.
    """
    encoded = signer.public_bytes(certpath.DER)
    bound = False
    for oid in (_SIGNING_CERTIFICATE, _SIGNING_CERTIFICATE_V2):
        if oid not in attributes:
            continue
        ids = Fields(attributes[oid], "the signing certificate").take(der.SEQUENCE).children()
        if not ids:
            raise TimestampError("the signing certificate attribute is empty")
        fields = Fields(ids[0], "a certificate id")
        name = "sha1" if oid == _SIGNING_CERTIFICATE else "sha256"
        if oid == _SIGNING_CERTIFICATE_V2 and (given := fields.maybe(der.SEQUENCE)) is not None:
            name = hash_named(algorithm(given))
        expected = der.octets(fields.take(der.OCTET_STRING))
        # SHA-1 is a matter of form here: finding another certificate for a given hash is not its weakness.
        if hashlib.new(name, encoded, usedforsecurity=False).digest() != expected:
            raise TimestampError("the signed attributes name another certificate than the signer's")
        bound = True
    if not bound:
        raise TimestampError("the signed attributes do not name the signer's certificate")


def _check_signature(signed: Signed, signer: x509.Certificate, over: bytes) -> None:
    key = certpath.public_key(signer)
    oid = signed.signature_algorithm.oid
    try:
        if isinstance(key, rsa.RSAPublicKey) and key.key_size >= _MIN_RSA_BITS:
            scheme, name = _rsa_scheme(signed)
            key.verify(signed.signature, over, scheme, _ALGORITHMS[name])
        elif isinstance(key, ec.EllipticCurvePublicKey) and oid in _ECDSA_WITH:
            if not isinstance(key.curve, ec.SECP256R1 | ec.SECP384R1):
                raise TimestampError(f"curve {key.curve.name}: expected P-256 or P-384")
            key.verify(signed.signature, over, ec.ECDSA(_ALGORITHMS[_ECDSA_WITH[oid]]))
        elif isinstance(key, Ed25519PublicKey) and oid == _ED25519:
            key.verify(signed.signature, over)
        else:
            raise TimestampError(f"signature algorithm {oid} does not fit the signer's key")
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        raise TimestampError("the authority's signature does not hold") from None


def _rsa_scheme(signed: Signed) -> tuple[padding.AsymmetricPadding, str]:
    given = signed.signature_algorithm
    if given.oid == _RSA:
        return padding.PKCS1v15(), signed.digest
    if given.oid in _RSA_WITH:
        return padding.PKCS1v15(), _RSA_WITH[given.oid]
    if given.oid != _RSA_PSS or given.parameters is None:
        raise TimestampError(f"signature algorithm {given.oid} does not fit the signer's key")
    # RFC 4055 section 3.1. The defaults are SHA-1, so that everything has to be written.
    fields = Fields(given.parameters, "RSA-PSS")
    name = hash_named(algorithm(fields.take(der.context(0)).only()))
    mask = algorithm(fields.take(der.context(1)).only())
    salt = der.integer(fields.take(der.context(2)).only())
    fields.end()
    if mask.oid != _MGF1 or mask.parameters is None:
        raise TimestampError("RSA-PSS is used with MGF1")
    mask_hash = hash_named(algorithm(mask.parameters))
    if not 0 <= salt <= 64:
        raise TimestampError("RSA-PSS with an odd salt length")
    return padding.PSS(padding.MGF1(_ALGORITHMS[mask_hash]), salt), name
