"""One-time codes by time (RFC 6238 over RFC 4226, SHA-1, six digits). Pure.

SHA-1 because the apps that people have compute nothing else; HMAC does not rest on the collisions
that SHA-1 is weak in.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import urllib.parse
from typing import Final

SECRET_BYTES: Final = 20  # as long as the hash: RFC 4226, 4 R6
STEP_S: Final = 30
DIGITS: Final = 6
# Steps before and after now that are taken. Larger gives guesses more to hit (three of a million
# hit now); smaller refuses phones whose clock is half a minute off.
_WINDOW: Final = 1


def code(secret: bytes, step: int, digits: int = DIGITS) -> str:
    """The code of a step of time."""
    mac = hmac.digest(secret, step.to_bytes(8, "big"), hashlib.sha1)
    offset = mac[-1] & 0x0F
    number = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFF_FFFF
    return str(number % 10**digits).zfill(digits)


def matching_step(secret: bytes, given: str, now_ms: int, after_step: int) -> int | None:
    """The step whose code this is, or None. Only steps after `after_step`, the last one that was
    used: a code that somebody looked over a shoulder for is worth nothing a second time."""
    now = now_ms // 1000 // STEP_S
    found = None
    for step in range(now - _WINDOW, now + _WINDOW + 1):
        # All are compared, whichever fits.
        if hmac.compare_digest(code(secret, step).encode(), given.encode()) and step > after_step:
            found = step
    return found


def uri(secret: bytes, name: str) -> str:
    """What an authenticator app reads, as a QR code or typed in."""
    text = base64.b32encode(secret).decode("ascii").rstrip("=")
    return f"otpauth://totp/zaigang:{urllib.parse.quote(name)}?secret={text}&issuer=zaigang"
