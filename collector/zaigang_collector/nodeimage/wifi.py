"""Wi-Fi as NetworkManager and as netplan want it. The passphrase itself is written nowhere."""

from __future__ import annotations

import hashlib
import re
import string
from typing import Final

from zaigang_collector.errors import NodeImageError
from zaigang_collector.nodeimage.recipe import Wifi

_PSK: Final = re.compile(r"[0-9a-fA-F]{64}")
# What a keyfile takes as it is; anything else is written as a list of bytes.
_PLAIN_SSID: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9 ._-]*[A-Za-z0-9._-])?")
_AS_IT_IS: Final = frozenset(string.ascii_letters + string.digits + " ._-")
_ONLY_NUMBERS: Final = re.compile(r"[0-9;]+")


def psk(ssid: str, passphrase: str) -> str:
    """The key of a WPA2 network as 64 hex digits (IEEE 802.11-2020 annex J.4: PBKDF2-HMAC-SHA1, 4096
    rounds). 64 hex digits are that key already. Raises NodeImageError."""
    name = check_ssid(ssid)
    if _PSK.fullmatch(passphrase):
        return passphrase.lower()
    if not 8 <= len(passphrase) <= 63 or any(not " " <= char <= "~" for char in passphrase):
        raise NodeImageError(
            "a WPA2 passphrase has 8 to 63 ASCII characters, or 64 hex digits; this one has "
            f"{len(passphrase)} characters or others in it"
        )
    # SHA-1 because the standard says so; an access point computes the same.
    return hashlib.pbkdf2_hmac("sha1", passphrase.encode("ascii"), name, 4096, 32).hex()


def check_ssid(ssid: str) -> bytes:
    """The name of a network as it is broadcast. Raises NodeImageError."""
    name = ssid.encode()
    if not 1 <= len(name) <= 32 or "\0" in ssid:
        raise NodeImageError(f"a Wi-Fi name has 1 to 32 bytes, {ssid!r} has {len(name)}")
    return name


def keyfile(wifi: Wifi) -> str:
    """A connection of NetworkManager (nm-settings-keyfile(5))."""
    plain = _PLAIN_SSID.fullmatch(wifi.ssid) and not _ONLY_NUMBERS.fullmatch(wifi.ssid)
    ssid = wifi.ssid if plain else "".join(f"{byte};" for byte in wifi.ssid.encode())
    return (
        "[connection]\nid=zaigang\ntype=wifi\nautoconnect=true\nautoconnect-retries=0\n\n"
        f"[wifi]\nmode=infrastructure\nssid={ssid}\n\n"
        f"[wifi-security]\nkey-mgmt=wpa-psk\npsk={wifi.psk}\n\n"
        "[ipv4]\nmethod=auto\n\n[ipv6]\nmethod=auto\n"
    )


def netplan(wifi: Wifi | None) -> str:
    """Version 2 of network configuration, for cloud-init. A cable works in any case."""
    lines = [
        "network:",
        "  version: 2",
        "  ethernets:",
        "    eth0:",
        "      dhcp4: true",
        "      optional: true",
    ]
    if wifi is not None:
        lines += [
            "  wifis:",
            "    wlan0:",
            "      dhcp4: true",
            "      optional: true",
            f'      regulatory-domain: "{wifi.country}"',
            "      access-points:",
            f"        {_quoted(wifi.ssid)}:",
            f'          password: "{wifi.psk}"',
        ]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """In double quotes, as YAML 1.2 (5.7) says every name. JSON's escapes are not enough: it writes
    what is beyond 16 bits, as an emoji, in two halves that YAML takes for two characters."""
    escaped = (c if c in _AS_IT_IS else f"\\U{ord(c):08X}" for c in text)
    return f'"{"".join(escaped)}"'
