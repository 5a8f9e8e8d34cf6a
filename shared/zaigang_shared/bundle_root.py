"""The root of trust of a bundle as one fingerprint that people compare on paper."""

from __future__ import annotations

import hashlib
import re
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding

from zaigang_shared.errors import BundleError
from zaigang_shared.note import VerifierKey

_LABEL: Final = b"zaigang/root/1\0"
_HEX: Final = re.compile(r"[0-9a-f]{64}")
_GROUP: Final = 8


def fingerprint(ca: x509.Certificate, log: VerifierKey, collector_key: Ed25519PublicKey) -> str:
    """Eight groups of eight hex digits over all three keys that the collector answers for.

    SHA-256 of a label, the SHA-256 of the CA's certificate (DER), the log's verifier key as its
    line of text, and the raw receipt key. What is before and after the text has a fixed length.
    """
    ca_hash = hashlib.sha256(ca.public_bytes(Encoding.DER)).digest()
    parts = (_LABEL, ca_hash, f"{log}\n".encode(), collector_key.public_bytes_raw())
    return _grouped(hashlib.sha256(b"".join(parts)).hexdigest())


def parse(text: str) -> str:
    """A fingerprint as somebody typed it: spaces, hyphens, colons and capitals do not matter.

    Raises BundleError.
    """
    digits = re.sub(r"[\s:-]", "", text).lower()
    if not _HEX.fullmatch(digits):
        raise BundleError(
            f"a root fingerprint has 64 hex digits (0-9, a-f) in eight groups, this has {len(digits)}"
            " characters: mistyped?"
        )
    return _grouped(digits)


def _grouped(digits: str) -> str:
    return " ".join(digits[at : at + _GROUP] for at in range(0, len(digits), _GROUP))
