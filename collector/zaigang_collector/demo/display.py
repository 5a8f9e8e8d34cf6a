"""What the demo shows: progress in one line, and the verdicts as a table."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Sequence
from typing import Final, TextIO

_BAR: Final = 24


def width(text: str) -> int:
    """Columns on a terminal: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def pad(text: str, columns: int) -> str:
    """`text` filled up with spaces to so many columns."""
    return text + " " * max(0, columns - width(text))


def wrap(text: str, columns: int) -> list[str]:
    """Lines of at most so many columns; Chinese breaks anywhere, English between words."""
    if width(text) == len(text):
        return textwrap.wrap(text, columns) or [""]
    lines, line = [], ""
    for char in text:
        if width(line + char) > columns:
            lines.append(line)
            line = char.lstrip()
        else:
            line += char
    return [*lines, line]


def table(header: Sequence[str], rows: Sequence[Sequence[Sequence[str]]]) -> str:
    """Columns as wide as their longest line; a cell is its lines."""
    columns = range(len(header))
    widths = [
        max([width(header[i]), *(width(line) for row in rows for line in row[i])]) for i in columns
    ]
    rule = "─" * (sum(widths) + 2 * (len(widths) - 1))
    lines = ["  ".join(pad(header[i], widths[i]) for i in columns).rstrip(), rule]
    for row in rows:
        for number in range(max(len(cell) for cell in row)):
            cells = [row[i][number] if number < len(row[i]) else "" for i in columns]
            lines.append("  ".join(pad(cells[i], widths[i]) for i in columns).rstrip())
        lines.append(rule)
    return "\n".join(lines)


class Progress:
    """Steps as lines; the running one as a bar where somebody watches, else a line now and then."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._live = out.isatty()
        self._open = False
        self._tenth = -1

    def step(self, text: str) -> None:
        """Something was done."""
        self._end_bar()
        self._out.write(f"  ✓ {text}\n")
        self._out.flush()

    def bar(self, share: float, text: str) -> None:
        """How far the running step is, 0 to 1."""
        share = min(max(share, 0.0), 1.0)
        if self._live:
            done = round(share * _BAR)
            self._out.write(f"\r  {'█' * done}{'░' * (_BAR - done)} {text}\033[K")
            self._open = True
        elif int(share * 5) != self._tenth:
            self._tenth = int(share * 5)
            self._out.write(f"    {share:4.0%} {text}\n")
        self._out.flush()

    def _end_bar(self) -> None:
        if self._open:
            self._out.write("\r\033[K")
            self._open = False
