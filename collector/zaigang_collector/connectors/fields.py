"""Reading fields of a vendor's record, whatever stands there. Pure.

Numbers come as strings and identifiers as numbers; a field that is absent, null or "" is absent.
What does not fit raises FieldError, which names the field and never its value.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Final

_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,19}")
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
_ID_MAX: Final = 200
_SAFE: Final = 2**63


class FieldError(ValueError):
    """A field of a record that cannot be read: which, and what was expected."""

    def __init__(self, name: str, expected: str) -> None:
        super().__init__(f"{name}: expected {expected}")


def mapping(value: object, name: str) -> Mapping[str, Any]:
    """A JSON object. Raises FieldError."""
    if not isinstance(value, dict):
        raise FieldError(name, "an object")
    return value


def sequence(value: object, name: str) -> list[Any]:
    """A JSON array; null is an empty one, as vendors write it. Raises FieldError."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise FieldError(name, "a list")
    return value


def integer(row: Mapping[str, Any], name: str) -> int | None:
    """A whole number, or its digits; None: absent. Raises FieldError."""
    value = row.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is not int or not -_SAFE <= value < _SAFE:
        raise FieldError(name, "a whole number")
    return value


def number(row: Mapping[str, Any], name: str) -> float | None:
    """A number, or its digits; None: absent. Raises FieldError."""
    value = row.get(name)
    if value is None or value == "":
        return None
    try:
        if type(value) in (int, float, str):
            found = float(value)
            if math.isfinite(found):
                return found
    except (ValueError, OverflowError):
        pass
    raise FieldError(name, "a number")


def identifier(row: Mapping[str, Any], name: str) -> str | None:
    """An id, also where it is written as a number; None: absent. Raises FieldError."""
    value = row.get(name)
    if value is None or value == "":
        return None
    if type(value) is int:
        value = str(value)
    if not isinstance(value, str) or len(value) > _ID_MAX or not value.isprintable():
        raise FieldError(name, f"an id of {_ID_MAX} characters at most")
    return value


def word(row: Mapping[str, Any], name: str) -> str | None:
    """A word of an enumeration; None: absent. A sentence where a word belongs is a FieldError."""
    value = row.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        raise FieldError(name, "one word of Latin letters")
    return value


def needed_integer(row: Mapping[str, Any], name: str) -> int:
    """The same, and it must be there."""
    value = integer(row, name)
    if value is None:
        raise FieldError(name, "a whole number")
    return value


def needed_identifier(row: Mapping[str, Any], name: str) -> str:
    """The same, and it must be there."""
    value = identifier(row, name)
    if value is None:
        raise FieldError(name, "an id")
    return value


def truth(row: Mapping[str, Any], name: str) -> bool:
    """true, "true", 1, "1" and "Y"; all else is false, as vendors leave it out then."""
    return str(row.get(name)).lower() in ("true", "1", "y")
