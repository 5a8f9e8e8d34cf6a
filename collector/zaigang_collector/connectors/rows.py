"""A page of records, row by row: what can be read of it, what is odd in it, who is missing. Pure but
for the asking."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from zaigang_collector.connectors.errors import ConnectorError, Reason
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


def read_all(
    rows: Sequence[object], read: Callable[[object], T], what: str
) -> tuple[list[T], list[str]]:
    """What can be read of the rows, and what was wrong with the others."""
    found, unreadable = [], []
    for row in rows:
        try:
            found.append(read(row))
        except FieldError as error:
            unreadable.append(f"{what} {error}")
    return found, unreadable


def answered(
    people: Sequence[str], ask: Callable[[Sequence[str]], list[Any]]
) -> tuple[list[Any], list[str]]:
    """Rows for all of these who are answered for, and who is not: one person whom the system does
    not show us has a whole question refused, so it is halved until that one is alone."""
    try:
        return ask(people), []
    except ConnectorError as error:
        if error.reason is not Reason.SCOPE:
            raise
    if len(people) == 1:
        return [], list(people)
    half = len(people) // 2
    first, second = (answered(some, ask) for some in (people[:half], people[half:]))
    return first[0] + second[0], first[1] + second[1]


def made_id(source: str, *parts: object) -> str:
    """An id for a record that has none: the same parts always make the same one."""
    name = "\0".join(map(str, parts)).encode("utf-8", "surrogatepass")
    return hashlib.sha256(f"zaigang/{source}/1\0".encode() + name).hexdigest()[:_ID_DIGITS]


def canonical(kept: Mapping[str, Any]) -> bytes:
    """The same record always gives the same bytes."""
    return json.dumps(kept, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
