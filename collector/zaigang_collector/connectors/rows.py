"""One record as it is read: what is odd in it, and what is kept of it. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from zaigang_collector.connectors.fields import FieldError

T = TypeVar("T")

_ID_DIGITS: Final = 24  # 96 bits: two of 2**32 made ids are the same with a chance of 1 in 10**10


@dataclass(slots=True)
class Row:
    """One record, and what was odd in it."""

    fields: Mapping[str, Any]
    odd: list[str] = field(default_factory=list)

    def get(self, reader: Callable[[Mapping[str, Any], str], T | None], name: str) -> T | None:
        """A field that may be absent; one that cannot be read is told, and absent."""
        try:
            return reader(self.fields, name)
        except FieldError as error:
            self.tell(str(error))
            return None

    def tell(self, what: str) -> None:
        """Note something odd, once. Never a value that somebody may have written."""
        if what not in self.odd:
            self.odd.append(what)


def made_id(source: str, *parts: object) -> str:
    """An id for a record that has none: the same parts always make the same one."""
    name = "\0".join(map(str, parts)).encode("utf-8", "surrogatepass")
    return hashlib.sha256(f"zaigang/{source}/1\0".encode() + name).hexdigest()[:_ID_DIGITS]


def canonical(kept: Mapping[str, Any]) -> bytes:
    """The same record always gives the same bytes."""
    return json.dumps(kept, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
