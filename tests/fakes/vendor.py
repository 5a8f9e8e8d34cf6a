"""What every imitated system has: a port, calls that are counted, faults in the place of answers."""

from __future__ import annotations

import abc
import contextlib
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Self

from fastapi import FastAPI, Response

from tests.fakes.clock import FakeClock
from tests.fakes.witness import listening

SENTINEL: Final = "哨兵sentinel"
"""Stands in every text that a connector must not keep."""
Row = dict[str, Any]


@dataclass
class Vendor(abc.ABC):
    """The vendor's side. Set what there is and what goes wrong; look at what was asked."""

    clock: FakeClock
    hidden: set[str] = field(default_factory=set)
    """User ids that are not in the application's scope."""
    refused: dict[str, Row] = field(default_factory=dict)
    """Path to what is said there, always: a permission that is missing."""
    faults: list[str] = field(default_factory=list)
    """What is answered in the place of the next calls; "": what there is."""
    numbers_as_strings: bool = False
    twice: bool = False
    """Every row of an answer comes twice."""
    token_lives_s: int = 7200
    asked: list[tuple[str, Row]] = field(default_factory=list)
    url: str = ""
    released: threading.Event = field(default_factory=threading.Event)
    """Set at the end: who was left without an answer is let go."""

    @contextlib.contextmanager
    def running(self) -> Iterator[Self]:
        """On a port of its own."""
        with listening(self.app()) as self.url:
            try:
                yield self
            finally:
                self.released.set()

    def calls(self) -> Counter[str]:
        """How often each path was asked."""
        return Counter(path for path, _ in self.asked)

    @abc.abstractmethod
    def app(self) -> FastAPI:
        """What answers."""

    def shaped(self, said: Row) -> Row:
        """An answer as it is sent: numbers may be strings."""
        if not self.numbers_as_strings:
            return said
        return {name: one if name == "errcode" else strung(one) for name, one in said.items()}

    def repeated(self, rows: list[Any]) -> list[Any]:
        return rows + rows if self.twice else rows

    def broken(self, fault: str) -> Response:
        """What anything between us may answer."""
        match fault:
            case "5xx":
                return Response(f"<html>{SENTINEL}</html>", status_code=502, media_type="text/html")
            case "page":
                return Response(f"<html>{SENTINEL}</html>", media_type="text/html")
            case "truncated":
                half = b'{"errcode": 0, "recordresult": [{"id": 9000'
                return Response(half, media_type="application/json")
            case "silent":
                self.released.wait()
        return Response(status_code=503)


def strung(value: Any) -> Any:
    """The same with every number as a string, however deep."""
    if isinstance(value, dict):
        return {name: strung(one) for name, one in value.items()}
    if isinstance(value, list):
        return [strung(one) for one in value]
    return str(value) if type(value) in (int, float) else value
