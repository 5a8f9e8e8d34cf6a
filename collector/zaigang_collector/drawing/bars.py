"""The shapes that carry numbers: bars of a lane, and the curve of the posterior."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from zaigang_collector.drawing import svg
from zaigang_collector.drawing.layout import BAR, PLOT_RIGHT
from zaigang_collector.drawing.svg import number

# A slot's log-likelihood ratio (nat) that makes a bar of full height: odds of 20 to 1. Larger makes
# everyday evidence look like nothing; smaller makes all evidence look alike.
_FULL_LLR: Final = 3.0
# Anything said is seen, and is no speck: pixels.
_LEAST: Final = 2
HATCH: Final = 4

EdgeOf = Callable[[int], float]
"""Slot -> x of its left edge."""


def height(llr: float) -> int:
    """Pixels, up for support. By the root: what says a quarter is half as high."""
    if llr == 0.0:
        return 0
    size = max(_LEAST, round(BAR * math.sqrt(min(1.0, abs(llr) / _FULL_LLR))))
    return size if llr > 0.0 else -size


def outline(heights: Sequence[int], middle: float, x: EdgeOf) -> Iterator[str]:
    """Closed steps around bars of one sign, neighbours joined. Zero is no bar."""
    for runs in _groups(heights):
        first, last = x(runs[0][0]), _right(x, runs[0][0], runs[-1][1])
        yield f"M{number(first)} {number(middle)}"
        for at, (_, to_slot, size) in enumerate(runs):
            edge = last if at == len(runs) - 1 else x(to_slot)
            yield f"V{number(middle - size)}H{number(edge)}"
        yield f"V{number(middle)}z"


def hatching(heights: Sequence[int], middle: float, x: EdgeOf) -> Iterator[str]:
    """Diagonals inside the same bars."""
    for runs in _groups(heights):
        for from_slot, to_slot, size in runs:
            right = _right(x, from_slot, to_slot)
            low, high = sorted((middle, middle - size))
            yield svg.hatch(x(from_slot), low, right, high, HATCH)


def _groups(heights: Sequence[int]) -> Iterator[list[tuple[int, int, int]]]:
    """Runs (from slot, to slot, height) without a gap between them."""
    runs: list[tuple[int, int, int]] = []
    start = 0
    for size, same in itertools.groupby(heights):
        length = len(list(same))
        if size:
            runs.append((start, start + length, size))
        elif runs:
            yield runs
            runs = []
        start += length
    if runs:
        yield runs


def _right(x: EdgeOf, from_slot: int, to_slot: int) -> float:
    return max(x(to_slot), min(PLOT_RIGHT, x(from_slot) + _LEAST))


def curve(
    levels: Sequence[float], drawn: Sequence[bool], others: Sequence[bool], x: EdgeOf
) -> Iterator[str]:
    """A staircase through the `drawn` slots at their levels (y). Where one of the `others` follows,
    which another curve goes through, it leads up to that one's level."""
    pen_down = False
    at = ""
    for slot, (level, here, other) in enumerate(zip(levels, drawn, others, strict=True)):
        y = number(level)
        if here and not pen_down:
            yield f"M{number(x(slot))} {y}"
        elif here and y != at:
            yield f"H{number(x(slot))}V{y}"
        elif not here and pen_down:
            yield f"H{number(x(slot))}" + (f"V{y}" if other else "")
        pen_down, at = here, y
    if pen_down:
        yield f"H{number(x(len(levels)))}"
