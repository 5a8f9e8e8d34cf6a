"""Cutting what is asked for to what a system answers at once. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from zaigang_collector.connectors.contract import Window


def slices(window: Window, longest_ms: int) -> Iterator[Window]:
    """The window in pieces of `longest_ms` at most, in order, without holes."""
    start_ms = window.from_ms
    while start_ms < window.to_ms:
        end_ms = min(start_ms + longest_ms, window.to_ms)
        yield Window(start_ms, end_ms)
        start_ms = end_ms


def groups(people: Sequence[str], most: int) -> Iterator[Sequence[str]]:
    """The people in groups of `most` at most."""
    for start in range(0, len(people), most):
        yield people[start : start + most]
