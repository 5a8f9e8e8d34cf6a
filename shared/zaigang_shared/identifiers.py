"""Device ids and enrolment tokens as people and machines write them."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from zaigang_shared.errors import Refusal, TokenError, WireError

_DEVICE_ID: Final = re.compile(r"[a-z0-9-]{3,40}")
_TOKEN: Final = re.compile(r"zg1-([a-z0-9]{8})-([a-z2-7]{26})-([0-9a-f]{32})")
_FINGERPRINT_BYTES: Final = 16


def is_device_id(text: str) -> bool:
    """Whether `text` is ASCII `[a-z0-9-]{3,40}`."""
    return _DEVICE_ID.fullmatch(text) is not None


def device_id_from_kid(kid: bytes) -> str:
    """The device id that a key id names. Raises WireError(HEADER)."""
    try:
        text = kid.decode("ascii")
    except UnicodeDecodeError:
        text = ""
    if not is_device_id(text):
        raise WireError(Refusal.HEADER, "the key id is not a device id ([a-z0-9-]{3,40})")
    return text


@dataclass(frozen=True, slots=True)
class EnrolmentToken:
    """What IT hands out: who may enrol, and by which authority the agent knows the collector."""

    id: str
    secret: str
    ca_fingerprint: bytes  # first 16 bytes of the SHA-256 of the CA certificate's DER

    def __str__(self) -> str:
        return f"zg1-{self.id}-{self.secret}-{self.ca_fingerprint.hex()}"

    def __repr__(self) -> str:  # a token in a traceback must not be usable
        return f"EnrolmentToken(id={self.id!r}, secret=…)"


def ca_fingerprint(ca_der: bytes) -> bytes:
    """The 16 bytes by which a token pins the collector's CA."""
    return hashlib.sha256(ca_der).digest()[:_FINGERPRINT_BYTES]


def parse_token(text: str) -> EnrolmentToken:
    """Read a token as typed or pasted. Raises TokenError, which never repeats the secret."""
    cleaned = text.strip()
    match = _TOKEN.fullmatch(cleaned)
    if match is None:
        raise TokenError(_what_is_wrong(cleaned))
    token_id, secret, fingerprint = match.groups()
    return EnrolmentToken(token_id, secret, bytes.fromhex(fingerprint))


def _what_is_wrong(text: str) -> str:
    shape = "zg1-<8 characters>-<26 characters>-<32 hex digits>"
    if not text.startswith("zg1-"):
        return f"an enrolment token begins with zg1- and has the form {shape}"
    parts = [len(part) for part in text.split("-")[1:]]
    if len(parts) != 3:
        return f"expected {shape}, got {len(parts) + 1} parts: was it cut off when copying?"
    return (
        f"expected {shape}, got parts of {parts[0]}, {parts[1]} and {parts[2]} characters, "
        "or characters that a token never has (capitals, 0, 1, 8, 9 in the middle part)"
    )
