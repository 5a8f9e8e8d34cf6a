"""Everybody in a system, department by department."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from zaigang_collector.connectors.asking import readable
from zaigang_collector.connectors.contract import Batch, Kind, Person, Window

D = TypeVar("D", int, str)


def everybody(
    roots: Iterable[D],
    users: Callable[[D], Iterator[Sequence[Any]]],
    under: Callable[[D], Iterable[D]],
    read: Callable[[object], Person],
) -> Iterator[Batch]:
    """A batch for each page of `users`, of the departments `roots` and all below them."""
    seen: set[D] = set()
    waiting = list(roots)
    while waiting:
        department = waiting.pop()
        if department in seen:  # departments in a circle, or named twice in the settings
            continue
        seen.add(department)
        for rows in users(department):
            persons, unreadable = readable(rows, read, "user")
            yield Batch(
                kind=Kind.PEOPLE,
                window=Window(0, 0),
                people=(),
                persons=persons,
                unreadable=unreadable,
            )
        waiting += under(department)
