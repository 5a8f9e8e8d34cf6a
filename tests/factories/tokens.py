"""Time stamps put together by hand, so that one thing at a time can be wrong in them."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AT: Final = datetime(2026, 9, 21, 9, 30, 15, 250_000, UTC)
AT_MS: Final = int(AT.timestamp() * 1000)
POLICY: Final = "1.2.3.4.1"
SHA256: Final = "2.16.840.1.101.3.4.2.1"
SHA512: Final = "2.16.840.1.101.3.4.2.3"
TST_INFO: Final = "1.2.840.113549.1.9.16.1.4"
EKU: Final = (ExtendedKeyUsageOID.TIME_STAMPING,)


def tlv(tag: int, *parts: bytes) -> bytes:
    """One element of DER."""
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def integer(value: int) -> bytes:
    return tlv(0x02, value.to_bytes(max(value, ~value).bit_length() // 8 + 1, "big", signed=True))


def oid(dotted: str) -> bytes:
    first, second, *rest = map(int, dotted.split("."))
    out = b""
    for arc in (first * 40 + second, *rest):
        part = bytes([arc & 0x7F])
        while arc := arc >> 7:
            part = bytes([0x80 | arc & 0x7F]) + part
        out += part
    return tlv(0x06, out)


def set_of(*parts: bytes) -> bytes:
    return tlv(0x31, *sorted(parts))


def sequence(*parts: bytes) -> bytes:
    return tlv(0x30, *parts)


def algorithm(dotted: str, parameters: bytes = b"") -> bytes:
    return sequence(oid(dotted), parameters)


def attribute(dotted: str, *values: bytes) -> bytes:
    return sequence(oid(dotted), set_of(*values))


@dataclass(frozen=True)
class Party:
    """A certificate with its key."""

    key: Any
    certificate: x509.Certificate

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)


@functools.cache
def key(kind: str, name: str = "") -> Any:
    """A key, made once for the session."""
    if kind == "rsa":
        return rsa.generate_private_key(65537, 2048)
    if kind == "rsa1024":
        return rsa.generate_private_key(65537, 1024)  # noqa: S505  # to be refused
    if kind == "ed25519":
        return Ed25519PrivateKey.generate()
    curves = {"p256": ec.SECP256R1(), "p384": ec.SECP384R1(), "k256": ec.SECP256K1()}
    return ec.generate_private_key(curves[kind])


def party(
    name: str,
    issuer: Party | None = None,
    kind: str = "p256",
    *,
    ca: bool = False,
    usages: tuple[x509.ObjectIdentifier, ...] = (),
    critical: bool = True,
    began: datetime = AT - timedelta(days=30),
    ends: datetime = AT + timedelta(days=30),
    path_length: int | None = None,
    more: tuple[tuple[x509.ExtensionType, bool], ...] = (),
) -> Party:
    """A certificate by `issuer`, or by itself."""
    own = key(kind, name)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.certificate.subject)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(began)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=path_length), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False)
    )
    if usages:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=critical)
    for extension, is_critical in more:
        builder = builder.add_extension(extension, critical=is_critical)
    signer = own if issuer is None else issuer.key
    signs_itself = isinstance(signer, Ed25519PrivateKey)
    return Party(own, builder.sign(signer, None if signs_itself else hashes.SHA256()))


def _sign(own: Any, over: bytes) -> tuple[bytes, bytes]:
    """(algorithm, signature), as the kind of key does it."""
    if isinstance(own, rsa.RSAPrivateKey):
        signature = own.sign(over, padding.PKCS1v15(), hashes.SHA256())
        return algorithm("1.2.840.113549.1.1.1", b"\x05\x00"), signature
    if isinstance(own, Ed25519PrivateKey):
        return algorithm("1.3.101.112"), own.sign(over)
    return algorithm("1.2.840.10045.4.3.2"), own.sign(over, ec.ECDSA(hashes.SHA256()))


def sign_pss(own: Any, over: bytes) -> tuple[bytes, bytes]:
    """RSA-PSS with SHA-256."""
    scheme = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    parameters = sequence(
        tlv(0xA0, algorithm(SHA256)),
        tlv(0xA1, algorithm("1.2.840.113549.1.1.8", algorithm(SHA256))),
        tlv(0xA2, integer(32)),
    )
    signature = own.sign(over, scheme, hashes.SHA256())
    return algorithm("1.2.840.113549.1.1.10", parameters), signature


@dataclass
class Token:
    """A good one, until a field is changed."""

    signer: Party
    data: bytes = b"the ledger"
    time: bytes = b"20260921093015.25Z"
    policy: str = POLICY
    version: int = 1
    imprint_hash: str = SHA256
    imprint: bytes | None = None
    accuracy: bytes = field(default_factory=lambda: sequence(integer(1), tlv(0x81, b"\x05")))
    nonce: int | None = 7
    extensions: bytes = b""
    content_type: str = TST_INFO
    attribute_type: str = TST_INFO
    digest: str = SHA256
    message_digest: bytes | None = None
    certificates: tuple[bytes, ...] | None = None
    more_attributes: tuple[bytes, ...] = ()
    ess: bytes | None = None
    by_key_id: bool = False
    key: Any = None
    sign: Callable[[Any, bytes], tuple[bytes, bytes]] = _sign
    signed_version: int = 3
    announced: tuple[str, ...] | None = None
    signers: int = 1
    status: int = 0
    flip: bool = False
    """Sign something else."""

    def info(self) -> bytes:
        imprint = self.imprint or hashlib.sha256(self.data).digest()
        return sequence(
            integer(self.version),
            oid(self.policy),
            sequence(algorithm(self.imprint_hash, b"\x05\x00"), tlv(0x04, imprint)),
            integer(77),
            tlv(0x18, self.time),
            self.accuracy,
            b"" if self.nonce is None else integer(self.nonce),
            self.extensions,
        )

    def attributes(self) -> bytes:
        name = "sha512" if self.digest == SHA512 else "sha256"
        found = self.message_digest or hashlib.new(name, self.info()).digest()
        ess = attribute(
            "1.2.840.113549.1.9.16.2.47",
            sequence(sequence(sequence(tlv(0x04, hashlib.sha256(self.signer.der).digest())))),
        )
        return set_of(
            attribute("1.2.840.113549.1.9.3", oid(self.attribute_type)),
            attribute("1.2.840.113549.1.9.4", tlv(0x04, found)),
            *([ess if self.ess is None else self.ess] if self.ess != b"" else []),
            *self.more_attributes,
        )

    def signer_info(self) -> bytes:
        attributes = self.attributes()
        over = attributes + b"!" if self.flip else attributes
        signature_algorithm, signature = self.sign(self.key or self.signer.key, over)
        certificate = self.signer.certificate
        if self.by_key_id:
            found = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
            signer_id = tlv(0x80, found.value.digest)
        else:
            signer_id = sequence(
                certificate.issuer.public_bytes(), integer(certificate.serial_number)
            )
        return sequence(
            integer(3 if self.by_key_id else 1),
            signer_id,
            algorithm(self.digest),
            b"\xa0" + attributes[1:],
            signature_algorithm,
            tlv(0x04, signature),
        )

    def token(self) -> bytes:
        certificates = (self.signer.der,) if self.certificates is None else self.certificates
        signed = sequence(
            integer(self.signed_version),
            set_of(*map(algorithm, (self.digest,) if self.announced is None else self.announced)),
            sequence(oid(self.content_type), tlv(0xA0, tlv(0x04, self.info()))),
            tlv(0xA0, *sorted(certificates)) if certificates else b"",
            set_of(*[self.signer_info() for _ in range(self.signers)]),
        )
        return sequence(oid("1.2.840.113549.1.7.2"), tlv(0xA0, signed))

    def response(self) -> bytes:
        return sequence(sequence(integer(self.status)), self.token())
