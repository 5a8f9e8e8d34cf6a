"""Many ids in few questions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

_PAGE: Final = 500  # ids in one question; SQLite takes some thousands


def db_pages(names: Sequence[str]) -> Iterator[Sequence[str]]:
    """The same in portions."""
    for start in range(0, len(names), _PAGE):
        yield names[start : start + _PAGE]
