"""Asking about many people at once, and reading rows of which some cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from zaigang_collector.connectors.errors import ConnectorError, Reason
from zaigang_collector.connectors.fields import FieldError

T = TypeVar("T")


def answered(
    people: Sequence[str], ask: Callable[[Sequence[str]], list[Any]]
) -> tuple[list[Any], list[str]]:
    """Rows for all of these who are answered for, and who is not: one person whom a system does not
    show us has a whole question refused, so it is halved until that one is alone."""
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


def readable(
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
