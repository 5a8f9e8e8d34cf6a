"""Bluetooth identifiers as people write them. Pure.

    ibeacon     UUID/major/minor    8ec76ea3-6668-48da-9866-75be8bc86f4d/1/17
    altbeacon   id                  40 hex digits
    eddystone   namespace/instance  0011223344556677889a/000000000001
    bthome, ruuvi, atc              a Bluetooth address, 54:48:E6:8F:80:A5

Hex digits without any separator are taken for each of them. What a badge is called over the air is
what stands on its box or in its maker's app.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

BADGES: Final[Mapping[str, int]] = {"ibeacon": 20, "altbeacon": 20, "eddystone": 16}
"""Bytes of a whole identifier, by format."""
SENSORS: Final = ("bthome", "ruuvi", "atc")
FORMATS: Final = (*BADGES, *SENSORS)
KEY_BYTES: Final = 16
_ADDRESS_BYTES: Final = 6
# A prefix of fewer bytes would be many companies' (wire format: 4 at least).
PREFIX_MIN: Final = 4
# A device is told 100 at most, and these are told to all.
PREFIXES_MOST: Final = 20
_MAJOR: Final = re.compile(r"[0-9]{1,5}")


def expected(format_: str) -> str:
    """What an identifier of this format looks like, for an error."""
    return {
        "ibeacon": "UUID/major/minor, as 8ec76ea3-6668-48da-9866-75be8bc86f4d/1/17",
        "altbeacon": "40 hex digits",
        "eddystone": "namespace/instance, as 0011223344556677889a/000000000001",
    }.get(format_, "a Bluetooth address, as 54:48:E6:8F:80:A5")


def parse(format_: str, text: str) -> bytes:
    """A whole identifier. Raises ValueError with what was expected."""
    found = _bytes(format_, text)
    if len(found) != BADGES.get(format_, _ADDRESS_BYTES) or not any(found):
        raise ValueError(f"expected {expected(format_)}")
    return found


def parse_prefix(format_: str, text: str) -> bytes:
    """An identifier of a beacon, or its beginning. Raises ValueError with what was expected."""
    found = _bytes(format_, text)
    if format_ not in BADGES or not PREFIX_MIN <= len(found) <= BADGES[format_]:
        raise ValueError(f"expected {expected(format_)}, or the beginning of one")
    return found


def parse_key(text: str) -> bytes:
    """A bind key: 32 hex digits. Raises ValueError, which does not repeat it."""
    digits = "".join(text.split())
    if not re.fullmatch(r"[0-9a-fA-F]{32}", digits):
        raise ValueError("expected a bind key of 32 hex digits")
    return bytes.fromhex(digits)


def written(format_: str, identifier: bytes) -> str:
    """As `parse` takes it."""
    text = identifier.hex()
    if format_ == "ibeacon":
        uuid = "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:32]))
        numbers = (int.from_bytes(identifier[place : place + 2], "big") for place in (16, 18))
        return "/".join((uuid, *map(str, numbers)))
    if format_ == "eddystone":
        return f"{text[:20]}/{text[20:]}"
    if format_ in SENSORS:
        return identifier.hex(":").upper()
    return text


def prefixes(text: str) -> tuple[tuple[str, bytes], ...]:
    """`ibeacon:UUID, eddystone:NAMESPACE` as formats and beginnings, each once. Raises ValueError."""
    found: dict[tuple[str, bytes], None] = {}
    for part in filter(None, (one.strip() for one in text.replace("，", ",").split(","))):
        format_, _, begins = part.partition(":")
        found[format_.strip(), parse_prefix(format_.strip(), begins.strip())] = None
    if len(found) > PREFIXES_MOST:
        raise ValueError(f"expected {PREFIXES_MOST} at most")
    return tuple(found)


def _bytes(format_: str, text: str) -> bytes:
    if format_ not in FORMATS:
        raise ValueError(f"expected one of {', '.join(FORMATS)}")
    if format_ == "ibeacon" and "/" in text:
        uuid, *numbers = text.split("/")
        if len(numbers) <= 2 and all(_MAJOR.fullmatch(one) for one in numbers):
            words = [int(one) for one in numbers]
            if all(one <= 0xFFFF for one in words) and len(_hex(uuid, "-")) == 16:
                return _hex(uuid, "-") + b"".join(one.to_bytes(2, "big") for one in words)
        raise ValueError(f"expected {expected(format_)}")
    return _hex(text, {"ibeacon": "-", "eddystone": "/"}.get(format_, ":-"))


def _hex(text: str, separators: str) -> bytes:
    digits = "".join(one for one in text.strip() if one not in separators)
    if not re.fullmatch(r"(?:[0-9a-fA-F]{2})*", digits):
        raise ValueError("expected hex digits, two a byte")
    return bytes.fromhex(digits)
