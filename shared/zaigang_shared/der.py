"""A strict reader of DER (ITU-T X.690), as much of it as time stamps need.

It hands out the bytes that were there, because signatures are over them, and looks no deeper than
it is asked: nesting costs nothing. What is not DER raises TimestampError.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from typing import Final

from zaigang_shared.errors import TimestampError

BOOLEAN: Final = 0x01
INTEGER: Final = 0x02
BIT_STRING: Final = 0x03
OCTET_STRING: Final = 0x04
NULL: Final = 0x05
OID: Final = 0x06
UTF8_STRING: Final = 0x0C
GENERALIZED_TIME: Final = 0x18
SEQUENCE: Final = 0x30
SET: Final = 0x31

# A time stamp with a long chain has under 10 KiB. Larger makes strangers' bytes costly; smaller
# refuses an authority with many certificates.
MAX_BYTES: Final = 64 * 1024
# In one sequence or set. Larger lets 64 KiB of empty elements be walked again and again; smaller
# refuses an authority that encloses its whole store.
_MAX_CHILDREN: Final = 256
# No object identifier in use is longer. Larger makes numbers of any size out of strangers' bytes.
_MAX_OID_BYTES: Final = 64
_HIGH_TAG: Final = 0x1F
_CONSTRUCTED: Final = 0x20
# RFC 3161 section 2.4.2: seconds are there, a fraction does not end with 0, the zone is Z.
_TIME: Final = re.compile(
    rb"([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})(?:\.([0-9]*[1-9]))?Z"
)


def context(number: int, *, constructed: bool = True) -> int:
    """The tag `[number]`."""
    return 0x80 | (_CONSTRUCTED if constructed else 0) | number


@dataclass(frozen=True, slots=True)
class Element:
    """One value with its tag."""

    tag: int
    content: bytes
    encoded: bytes
    """Tag, length and content, as they were."""

    def children(self) -> list[Element]:
        """What a sequence, a set or an explicit tag holds."""
        if not self.tag & _CONSTRUCTED:
            raise TimestampError(f"not DER: tag {self.tag:#04x} holds no other elements")
        found: list[Element] = []
        at = 0
        while at < len(self.content):
            one = _element(self.content, at)
            found.append(one)
            at += len(one.encoded)
            if len(found) > _MAX_CHILDREN:
                raise TimestampError(f"more than {_MAX_CHILDREN} elements in one")
        return found

    def only(self) -> Element:
        """The one element that an explicit tag holds."""
        children = self.children()
        if len(children) != 1:
            raise TimestampError(f"{len(children)} elements, expected one")
        return children[0]


class Fields:
    """The fields of a sequence, in order, some of them optional."""

    def __init__(self, element: Element, what: str) -> None:
        """`what` is what the sequence is called in messages."""
        if element.tag != SEQUENCE:
            raise TimestampError(f"{what} is a sequence, this has tag {element.tag:#04x}")
        self._left = element.children()
        self._what = what

    def take(self, tag: int) -> Element:
        """The next field, which is there and has this tag."""
        found = self.maybe(tag)
        if found is None:
            shown = f"{self._left[0].tag:#04x}" if self._left else "its end"
            raise TimestampError(f"{self._what}: expected tag {tag:#04x}, found {shown}")
        return found

    def maybe(self, tag: int) -> Element | None:
        """The next field if it has this tag."""
        return self._left.pop(0) if self._left and self._left[0].tag == tag else None

    def any(self) -> Element:
        """The next field, whatever its tag."""
        if not self._left:
            raise TimestampError(f"{self._what} is cut off")
        return self._left.pop(0)

    def end(self) -> None:
        """Nothing follows."""
        if self._left:
            raise TimestampError(f"{self._what}: unexpected tag {self._left[0].tag:#04x}")


def read(data: bytes) -> Element:
    """The one element that `data` is."""
    if len(data) > MAX_BYTES:
        raise TimestampError(f"{len(data)} bytes, at most {MAX_BYTES} are read")
    element = _element(data, 0)
    if len(element.encoded) != len(data):
        raise TimestampError(f"{len(data) - len(element.encoded)} bytes follow the end")
    return element


def integer(element: Element) -> int:
    """An INTEGER."""
    return _integer(_expect(element, INTEGER))


def implicit_integer(element: Element) -> int:
    """An INTEGER under an implicit tag."""
    return _integer(element.content)


def octets(element: Element) -> bytes:
    """An OCTET STRING."""
    return _expect(element, OCTET_STRING)


def boolean(element: Element) -> bool:
    """A BOOLEAN. A false one is left out in DER; some authorities write it all the same."""
    content = _expect(element, BOOLEAN)
    if content not in (b"\x00", b"\xff"):
        raise TimestampError("not DER: true is 0xff, false is 0x00")
    return content == b"\xff"


def oid(element: Element) -> str:
    """An OBJECT IDENTIFIER, dotted."""
    content = _expect(element, OID)
    if not content or content[-1] & 0x80 or len(content) > _MAX_OID_BYTES:
        raise TimestampError("an object identifier is cut off or too long")
    arcs: list[int] = []
    value, first = 0, True
    for byte in content:
        if first and byte == 0x80:
            raise TimestampError("not DER: an object identifier with leading zeros")
        value, first = value << 7 | byte & 0x7F, not byte & 0x80
        if first:
            arcs.append(value)
            value = 0
    root = min(arcs[0] // 40, 2)
    return ".".join(map(str, (root, arcs[0] - 40 * root, *arcs[1:])))


def utc_ms(element: Element) -> int:
    """A GeneralizedTime of RFC 3161 section 2.4.2, UTC in milliseconds, what is finer cut off."""
    content = _expect(element, GENERALIZED_TIME)
    match = _TIME.fullmatch(content)
    if match is None:
        raise TimestampError("a time is written YYYYMMDDhhmmss[.s]Z")
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    in_range = year >= 1970 and 1 <= month <= 12 and hour < 24 and minute < 60 and second < 60
    if not in_range or not 1 <= day <= calendar.monthrange(year, month)[1]:
        raise TimestampError("there is no such time as the stamp says")
    seconds = calendar.timegm((year, month, day, hour, minute, second))
    fraction = (match[7] or b"0")[:3].ljust(3, b"0")
    return seconds * 1000 + int(fraction)


def _element(data: bytes, at: int) -> Element:
    if len(data) - at < 2:
        raise TimestampError("not DER: cut off")
    tag, length, start = data[at], data[at + 1], at + 2
    if tag & _HIGH_TAG == _HIGH_TAG:
        raise TimestampError("not DER of a time stamp: a tag of more than one byte")
    if length & 0x80:
        count = length & 0x7F
        # Two bytes count up to 65,535; 0 is the indefinite length of BER.
        if not 1 <= count <= 2 or len(data) - start < count:
            raise TimestampError("not DER: an indefinite or oversized length")
        length = int.from_bytes(data[start : start + count], "big")
        if length < 0x80 or length >> 8 * (count - 1) == 0:
            raise TimestampError("not DER: a length in more bytes than it needs")
        start += count
    end = start + length
    if end > len(data):
        raise TimestampError("not DER: cut off")
    return Element(tag, data[start:end], data[at:end])


def _expect(element: Element, tag: int) -> bytes:
    if element.tag != tag:
        raise TimestampError(f"expected tag {tag:#04x}, found {element.tag:#04x}")
    return element.content


def _integer(content: bytes) -> int:
    padded = len(content) > 1 and (
        (content[0] == 0 and content[1] < 0x80) or (content[0] == 0xFF and content[1] >= 0x80)
    )
    if not content or padded:
        raise TimestampError("not DER: an integer in more bytes than it needs")
    return int.from_bytes(content, "big", signed=True)
