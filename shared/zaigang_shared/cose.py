"""COSE_Sign1 (RFC 9052 section 4.2) with Ed25519 (RFC 9864, algorithm -19), and nothing else.

Tagged 18, protected header {1: -19, 4: kid}, empty unprotected header, attached payload. Reading
happens in two steps, so that nobody parses a payload whose signature has not been checked:

    signed = decode(data)          # shape only
    signed.verify(public_key)      # raises WireError(SIGNATURE)
    signed.payload                 # now worth reading

The outside of a message has so little freedom that it is read and written by hand here: what is
not the one deterministic encoding has no way through, whatever a general decoder would make of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from zaigang_shared.errors import Refusal, WireError

ALGORITHM: Final = -19  # Ed25519, fully specified (RFC 9864 section 2.2); -8 is deprecated there
MAX_BYTES: Final = 64 * 1024  # protocol.md: an envelope has at most 64 KiB
_TAG_AND_ARRAY: Final = b"\xd2\x84"  # tag 18, array of four
_NO_UNPROTECTED: Final = b"\xa0"  # the empty map
_HEADER_TO_KID: Final = b"\xa2\x01\x32\x04"  # {1: -19, 4: ...
_SIG_STRUCTURE: Final = b"\x84\x6aSignature1"  # array of four, its context string
_NO_EXTERNAL_DATA: Final = b"\x40"  # the empty byte string
_SIGNATURE_BYTES: Final = 64
_KID_BYTES: Final = range(1, 65)
_BYTES_TYPE: Final = 0x40  # major type 2
_MAP_TYPE: Final = 0xA0  # major type 5

# The y coordinates of the points of order 1, 2, 4 and 8, with both signs of x, and the
# non-canonical encodings of 0 and 1. OpenSSL accepts signatures under them that hold for
# many messages at once, so the owner of such a key could later repudiate everything.
_SMALL_ORDER_Y: Final = (
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
)
_SMALL_ORDER: Final = frozenset(
    bytes.fromhex(y)[:31] + bytes([bytes.fromhex(y)[31] | sign])
    for y in _SMALL_ORDER_Y
    for sign in (0, 0x80)
)
_FIELD_PRIME: Final = 2**255 - 19
_CURVE_D: Final = -121665 * pow(121666, -1, _FIELD_PRIME) % _FIELD_PRIME


@dataclass(frozen=True, slots=True)
class Sign1:
    """A well-formed COSE_Sign1 whose signature has not been checked yet."""

    kid: bytes
    protected: bytes
    payload: bytes
    signature: bytes

    def verify(self, public_key: Ed25519PublicKey) -> None:
        """Raise WireError(SIGNATURE) unless `public_key` signed exactly this."""
        try:
            public_key.verify(self.signature, _to_be_signed(self.protected, self.payload))
        except InvalidSignature:
            raise WireError(
                Refusal.SIGNATURE, "the signature does not fit the content and the registered key"
            ) from None


def sign1(key: Ed25519PrivateKey, payload: bytes, kid: bytes) -> bytes:
    """Sign `payload`; returns the tagged COSE_Sign1. Raises WireError(HEADER) for a bad kid."""
    if len(kid) not in _KID_BYTES:
        raise WireError(Refusal.HEADER, "kid must be 1 to 64 bytes")
    protected = _HEADER_TO_KID + _byte_string(kid)
    signature = key.sign(_to_be_signed(protected, payload))
    return b"".join(
        (
            _TAG_AND_ARRAY,
            _byte_string(protected),
            _NO_UNPROTECTED,
            _byte_string(payload),
            _byte_string(signature),
        )
    )


def decode(data: bytes, max_bytes: int = MAX_BYTES) -> Sign1:
    """Read the outside of a COSE_Sign1. Refuses every laxity that RFC 9052 would allow.

    Raises WireError with OVERSIZE, NOT_COSE, NOT_CANONICAL, HEADER or ALGORITHM.
    """
    if len(data) > max_bytes:  # before any decoding
        raise WireError(Refusal.OVERSIZE, f"{len(data)} bytes, at most {max_bytes} are allowed")
    if data[:2] != _TAG_AND_ARRAY:
        raise WireError(Refusal.NOT_COSE, "does not begin with a tagged COSE_Sign1 (d2 84)")
    protected, at = _read_byte_string(data, len(_TAG_AND_ARRAY), "the protected header")
    payload, at = _read_byte_string(data, _after_unprotected(data, at), "the payload")
    signature, at = _read_byte_string(data, at, "the signature")
    if at != len(data):
        raise WireError(Refusal.NOT_CANONICAL, f"{len(data) - at} bytes after the end")
    if len(signature) != _SIGNATURE_BYTES:
        raise WireError(Refusal.NOT_COSE, f"the signature has {len(signature)} bytes, not 64")
    return Sign1(_kid(protected), protected, payload, signature)


def load_public_key(raw: bytes) -> Ed25519PublicKey:
    """A device's raw 32-byte key. Raises WireError(HEADER) when malformed or of small order."""
    if len(raw) != 32:
        raise WireError(Refusal.HEADER, f"an Ed25519 public key has 32 bytes, this has {len(raw)}")
    if raw in _SMALL_ORDER:
        raise WireError(Refusal.HEADER, "an Ed25519 key of small order signs everything")
    y = int.from_bytes(raw, "little") % 2**255  # the highest bit is the sign of x
    if y >= _FIELD_PRIME:
        raise WireError(Refusal.HEADER, "an Ed25519 key in a non-canonical encoding")
    if not _on_curve(y):
        raise WireError(Refusal.HEADER, "not an Ed25519 public key: no such point on the curve")
    try:
        return Ed25519PublicKey.from_public_bytes(raw)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise WireError(Refusal.HEADER, f"not an Ed25519 public key: {error}") from error


def _on_curve(y: int) -> bool:
    """Whether some x has -x² + y² = 1 + d·x²·y² (RFC 8032 section 5.1.3).

    OpenSSL takes any 32 bytes for a key; no signature ever fits one that is not a point, so such
    a device would enrol and then be refused for ever.
    """
    x_squared_up_to_squares = (y * y - 1) * (_CURVE_D * y * y + 1)
    return pow(x_squared_up_to_squares, (_FIELD_PRIME - 1) // 2, _FIELD_PRIME) in (0, 1)


def _to_be_signed(protected: bytes, payload: bytes) -> bytes:
    """Sig_structure, RFC 9052 section 4.4, without external data."""
    return b"".join(
        (_SIG_STRUCTURE, _byte_string(protected), _NO_EXTERNAL_DATA, _byte_string(payload))
    )


def _byte_string(content: bytes) -> bytes:
    """CBOR byte string with the shortest head."""
    size = len(content)
    if size < 24:
        return bytes((_BYTES_TYPE | size,)) + content
    if size < 2**8:
        return bytes((_BYTES_TYPE | 24, size)) + content
    if size < 2**16:
        return b"\x59" + size.to_bytes(2, "big") + content
    return b"\x5a" + size.to_bytes(4, "big") + content


def _read_byte_string(data: bytes, at: int, what: str) -> tuple[bytes, int]:
    """The byte string at `at` and where it ends. Refuses any head but the shortest."""
    head = data[at] if at < len(data) else -1
    if head & 0xE0 != _BYTES_TYPE or head < 0:
        raise WireError(Refusal.NOT_COSE, f"{what} must be a byte string")
    size, start = head & 0x1F, at + 1
    if size >= 24:
        size, start = _read_long_size(data, start, size, what)
    end = start + size
    if end > len(data):
        raise WireError(Refusal.NOT_COSE, f"{what} is cut off")
    return data[start:end], end


def _read_long_size(data: bytes, at: int, code: int, what: str) -> tuple[int, int]:
    """A size of 1, 2, 4 or 8 bytes at `at` (RFC 8949 section 3), and where it ends."""
    if code == 31:
        raise WireError(Refusal.NOT_CANONICAL, f"{what} has an indefinite length")
    if code > 27:
        raise WireError(Refusal.NOT_COSE, f"{what} has a length that CBOR does not define")
    width = 1 << (code - 24)
    size = int.from_bytes(data[at : at + width], "big")
    if len(data) < at + width:
        raise WireError(Refusal.NOT_COSE, f"{what} is cut off")
    if size < (24 if width == 1 else 1 << (4 * width)):
        raise WireError(Refusal.NOT_CANONICAL, f"{what} has a length in long form")
    return size, at + width


def _after_unprotected(data: bytes, at: int) -> int:
    unprotected = data[at : at + 1]
    if unprotected == _NO_UNPROTECTED:
        return at + 1
    if unprotected and unprotected[0] & 0xE0 == _MAP_TYPE:
        raise WireError(
            Refusal.NOT_CANONICAL, "the unprotected header must be the empty map (a0): unsigned"
        )
    raise WireError(Refusal.NOT_COSE, "the unprotected header must be the empty map (a0)")


def _kid(protected: bytes) -> bytes:
    if protected[:4] != _HEADER_TO_KID:
        raise _wrong_header(protected)
    try:
        kid, end = _read_byte_string(protected, len(_HEADER_TO_KID), "kid")
    except WireError as error:
        raise WireError(Refusal.HEADER, error.detail) from error
    if end != len(protected) or len(kid) not in _KID_BYTES:
        raise _wrong_header(protected)
    return kid


def _wrong_header(protected: bytes) -> WireError:
    """What to say of a header that is not ours: another algorithm, or another shape."""
    # Each algorithm that anybody uses has a number in one to three bytes after `a? 01`.
    is_map_from_1 = protected[:1] in (b"\xa1", b"\xa2", b"\xa3") and protected[1:2] == b"\x01"
    if is_map_from_1 and protected[2:3] != _HEADER_TO_KID[2:3]:
        return WireError(
            Refusal.ALGORITHM, f"algorithm {protected[2:5].hex()}…, only 32 (-19, Ed25519) is used"
        )
    return WireError(
        Refusal.HEADER, "the protected header must be {1: -19, 4: kid of 1 to 64 bytes}"
    )
