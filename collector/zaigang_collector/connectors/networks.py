"""Network names as other systems send them, hashed before anything else is done with them."""

from __future__ import annotations

import hashlib
import hmac

from zaigang_collector.directory.mac import parse_mac
from zaigang_shared.network_hash import HASH_BYTES, network_hash


def access_point(net_key: bytes, text: str) -> bytes | None:
    """The keyed hash of an access point (BSSID), as sites and homes have theirs; None: it is no
    address, as where a system writes the name in its place."""
    try:
        return network_hash(net_key, parse_mac(text))
    except ValueError:
        return None


def name(net_key: bytes, ssid: str) -> bytes:
    """Eight bytes that stand for a network's name: HMAC-SHA256(net_key, "zaigang/ssid/1" || SSID)[:8].

    Tells whether two records name the same network, and nothing else."""
    return hmac.digest(net_key, b"zaigang/ssid/1" + _bytes(ssid), hashlib.sha256)[:HASH_BYTES]


def _bytes(ssid: str) -> bytes:
    """Also of what is no text: JSON lets half of a character through."""
    return ssid.encode("utf-8", "surrogatepass")
