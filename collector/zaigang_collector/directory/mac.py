"""MAC addresses of gateways as people write them."""

from __future__ import annotations

from zaigang_shared.network_hash import MAC_BYTES


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
