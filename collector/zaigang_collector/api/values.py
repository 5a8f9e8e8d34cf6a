"""Times, pages and entity tags, as every resource writes them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Final, Generic, TypeVar

from fastapi import Path, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, BeforeValidator, Field, Strict

from zaigang_collector.api.problems import ProblemError, Wrong

T = TypeVar("T")

LIMIT_DEFAULT: Final = 100
LIMIT_MAX: Final = 1000  # larger keeps a reader of SQLite busy for long; smaller makes many trips

_INT_MAX: Final = 2**53
# PostgreSQL stores no NUL, and nobody can read the other control characters, line separators and
# those that turn the direction of writing: they only make a text look like another.
WORD: Final = r"^[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]*$"

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX, description="How many items at most.")]
Cursor = Annotated[
    str | None,
    Query(min_length=1, description="`next` of the page before; leave out for the first page."),
]


def _written(value: object) -> object:
    """Refuse the bare numbers that pydantic takes for seconds or milliseconds, as it sees fit."""
    if not isinstance(value, str) or value.lstrip("+-").replace(".", "", 1).isdigit():
        raise ValueError("a time with its offset, as 2026-09-21T09:00:00+08:00")
    return value


Number = Annotated[float, Strict()]
"""Neither a text nor true or false."""
Time = Annotated[
    AwareDatetime,
    BeforeValidator(_written),
    Field(description="ISO 8601 with offset.", examples=["2026-09-21T09:00:00+08:00"]),
]
From = Annotated[
    AwareDatetime | None,
    Query(
        alias="from",
        description="ISO 8601 with offset; this moment and later.",
        examples=["2026-09-21T00:00:00+08:00"],
    ),
]
To = Annotated[
    AwareDatetime | None,
    Query(
        description="ISO 8601 with offset; before this moment.",
        examples=["2026-09-22T00:00:00+08:00"],
    ),
]


Sha256 = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="SHA-256, hex.")]


class Page(BaseModel, Generic[T]):
    """Some items and where the next ones are."""

    items: list[T]
    next: str | None = Field(description="Cursor of the next page; null: this was the last.")


def utc(at_ms: int) -> datetime:
    """UTC milliseconds as the interface writes them."""
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def utc_or_none(at_ms: int | None) -> datetime | None:
    return None if at_ms is None else utc(at_ms)


def to_ms(moment: datetime) -> int:
    """What came in over the interface, in UTC milliseconds."""
    return round(moment.timestamp() * 1000)


def to_ms_or_none(moment: datetime | None) -> int | None:
    return None if moment is None else to_ms(moment)


def page(items: Sequence[T], limit: int, key: Callable[[T], tuple[int | str, ...]]) -> Page[T]:
    """`items` were asked for with limit + 1, so that the last page is known to be the last."""
    shown = list(items[:limit])
    more = len(items) > limit
    return Page(items=shown, next=_write_cursor(key(shown[-1])) if more else None)


def read_cursor(text: str | None, shape: tuple[type, ...]) -> tuple[int | str, ...] | None:
    """The sort key after which the page begins. Raises ProblemError(422)."""
    if text is None:
        return None
    try:
        padded = text + "=" * (-len(text) % 4)
        value = json.loads(base64.urlsafe_b64decode(padded))
        if tuple(type(part) for part in value) != shape:
            raise ValueError("another listing's cursor")
        if not all(_storable(part) for part in value):
            raise ValueError("no key of ours")
    except (binascii.Error, ValueError, TypeError, RecursionError) as error:
        wrong = Wrong(where="query.cursor", expected="`next` of an earlier page of this listing")
        raise ProblemError(422, "This cursor did not come from this listing.", [wrong]) from error
    return tuple(value)


def time_cursor(text: str | None) -> tuple[int, str] | None:
    """The cursor of a listing in order of (UTC ms, id)."""
    key = read_cursor(text, (int, str))
    return None if key is None else (int(key[0]), str(key[1]))


def id_cursor(text: str | None) -> str | None:
    """The cursor of a listing in order of id."""
    key = read_cursor(text, (str,))
    return None if key is None else str(key[0])


def _storable(part: int | str) -> bool:
    """Whether every database can compare with it: no huge numbers, NULs or lone surrogates."""
    return abs(part) <= _INT_MAX if isinstance(part, int) else part.isprintable()


def _write_cursor(key: tuple[int | str, ...]) -> str:
    data = json.dumps(key, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


def tagged(request: Request, model: BaseModel) -> Response:
    """Answer with an ETag over the content, or 304 when the asker has exactly this."""
    return tagged_bytes(request, model.model_dump_json().encode(), "application/json")


def tagged_bytes(
    request: Request, content: bytes, media_type: str, more: Mapping[str, str] | None = None
) -> Response:
    """The same for what is no JSON; `more`: headers."""
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    given = ",".join(request.headers.getlist("if-none-match"))
    asked = {part.strip().removeprefix("W/") for part in given.split(",")}  # compared weakly
    headers = {"etag": tag, "cache-control": "private, no-cache", **(more or {})}
    if tag in asked or "*" in asked:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=media_type, headers=headers)
