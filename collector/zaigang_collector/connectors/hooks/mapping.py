"""From the JSON of a company's own system to events: by an allow-list of fields. Pure.

What is not on the list is never looked at and not kept; a problem names the field and never what
stood there.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from zaigang_collector.connectors.contract import Event
from zaigang_collector.connectors.hooks.settings import FieldSettings, SignedSettings
from zaigang_collector.connectors.hooks.signing import RefusedError
from zaigang_collector.worktraces.model import SOURCE_ID_MAX, TEXT_MAX, EventKind

ITEMS_MAX: Final = 500  # larger holds the one writer of SQLite for seconds; smaller: more requests
_PERSON_MAX: Final = 64
_FAR: Final = 2**45  # ms of the year 3084; what is between it and now is refused where it is stored
_TIMES: Final = {
    "iso": "a time with its offset, as 2026-09-21T09:00:00+08:00",
    "s": "UTC seconds since 1970",
    "ms": "UTC milliseconds since 1970",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One event that cannot be read."""

    item: int
    """From 0."""
    where: str
    """As the settings name it."""
    expected: str


@dataclass(slots=True)
class Read:
    """What a body holds."""

    events: list[Event] = field(default_factory=list)
    items: list[int] = field(default_factory=list)
    """Which of the body's each is."""
    problems: list[Problem] = field(default_factory=list)


class _BadFieldError(Exception):
    def __init__(self, where: str, expected: str) -> None:
        super().__init__()
        self.where = where
        self.expected = expected


def read(body: bytes, settings: SignedSettings) -> Read:
    """The events in a body. Raises RefusedError where it holds none at all."""
    found = Read()
    for number, item in enumerate(_items(body, settings.fields)):
        try:
            found.events.append(_event(item, settings))
            found.items.append(number)
        except _BadFieldError as error:
            found.problems.append(Problem(number, error.where, error.expected))
    return found


def _items(body: bytes, fields: FieldSettings) -> list[Any]:
    try:
        whole = json.loads(body)
    except (ValueError, RecursionError):
        raise RefusedError("expected JSON in UTF-8") from None
    if fields.items is None:
        return [whole]
    items = _at(whole, fields.items)
    if not isinstance(items, list) or len(items) > ITEMS_MAX:
        raise RefusedError(f"expected a list of at most {ITEMS_MAX} events at {fields.items}")
    return items


def _event(item: object, settings: SignedSettings) -> Event:
    fields = settings.fields
    vendor_id = _name(item, fields.id, SOURCE_ID_MAX)
    person = _name(item, fields.person, _PERSON_MAX)
    word = None if fields.kind is None else _at(item, fields.kind)
    received = None if fields.received is None else _at(item, fields.received)
    text = None if fields.client_text is None else _at(item, fields.client_text)
    kind = settings.kinds.get(word, settings.kind) if isinstance(word, str) else settings.kind
    happened_ms = _time(_at(item, fields.happened), fields.happened, settings.times)
    return Event(
        vendor_id=vendor_id,
        person=person,
        kind=kind,
        happened_ms=happened_ms,
        received_ms=None
        if received is None
        else _time(received, str(fields.received), settings.times),
        text=text[:TEXT_MAX] if isinstance(text, str) else None,
        record=_record(vendor_id, person, happened_ms, kind),
    )


def _record(vendor_id: str, person: str, happened_ms: int, kind: EventKind) -> bytes:
    """What was understood: of an unknown word for a kind not even the word, which may be a title."""
    kept = {"id": vendor_id, "person": person, "happened_ms": happened_ms, "kind": kind.value}
    return json.dumps(kept, ensure_ascii=False, sort_keys=True).encode()


def _at(value: object, path: str) -> object:
    """What stands at a path; None: nothing."""
    for name in _names(path):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _names(path: str) -> Iterator[str]:
    yield from path.split(".")


def _name(item: object, path: str, most: int) -> str:
    value = _at(item, path)
    if type(value) is int:
        value = str(value) if abs(value) < 2**63 else ""
    if not isinstance(value, str) or not 0 < len(value) <= most or not value.isprintable():
        raise _BadFieldError(path, f"an id of 1 to {most} printable characters")
    return value


def _time(value: object, path: str, form: str) -> int:
    """UTC ms."""
    try:
        at_ms = _iso_ms(value) if form == "iso" else _count(value) * (1000 if form == "s" else 1)
    except (ValueError, OverflowError):
        raise _BadFieldError(path, _TIMES[form]) from None
    return at_ms


def _iso_ms(value: object) -> int:
    moment = dt.datetime.fromisoformat(value if isinstance(value, str) else "")
    if moment.tzinfo is None:
        raise ValueError("a wall clock of we do not know where")
    return round(moment.timestamp() * 1000)


def _count(value: object) -> int:
    number = value if type(value) is int else int(value if isinstance(value, str) else "")
    if not 0 <= number < _FAR:
        raise ValueError("not a time")
    return number
