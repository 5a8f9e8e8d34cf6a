"""The keyed hash under which a network is known: a home network is never named."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

HASH_BYTES: Final = 8
MAC_BYTES: Final = 6


def network_hash(net_key: bytes, mac: bytes) -> bytes:
    """Eight bytes that stand for a gateway: HMAC-SHA256(net_key, "zaigang/net/1" || MAC)[:8].

    Who has the company's key can test whether a known gateway was meant; nobody can read a
    network's address out of it without trying the addresses, for which the key is needed.
    Raises ValueError when `mac` is not six bytes.
    """
    if len(mac) != MAC_BYTES:
        raise ValueError(f"a MAC address has {MAC_BYTES} bytes, this has {len(mac)}")
    return hmac.digest(net_key, b"zaigang/net/1" + mac, hashlib.sha256)[:HASH_BYTES]
