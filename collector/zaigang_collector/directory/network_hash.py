"""The keyed hash under which a network is known. The agent computes the same (`privacy`)."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

HASH_BYTES: Final = 8
MAC_BYTES: Final = 6


def network_hash(net_key: bytes, mac: bytes) -> bytes:
    """Eight bytes that name the network of a gateway or access point with this MAC (6 bytes)."""
    if len(mac) != MAC_BYTES:
        raise ValueError(f"a MAC address has {MAC_BYTES} bytes, this has {len(mac)}")
    return hmac.digest(net_key, b"zaigang/net/1" + mac, hashlib.sha256)[:HASH_BYTES]


def parse_mac(text: str) -> bytes:
    """A MAC as 00:11:22:33:44:55, 00-11-22-33-44-55 or 0011.2233.4455. Raises ValueError."""
    digits = text.strip()
    for separator in ":-.":
        digits = digits.replace(separator, "")
    try:
        mac = bytes.fromhex(digits)
    except ValueError:
        mac = b""
    if len(mac) != MAC_BYTES or mac in (bytes(MAC_BYTES), b"\xff" * MAC_BYTES) or " " in digits:
        raise ValueError("a gateway's MAC address, as 00:11:22:33:44:55")
    return mac
