"""A table as it stands in a file: cells under the numbers that a spreadsheet program shows. Pure."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final, TypeAlias

Cell: TypeAlias = str | int | float | dt.datetime | None
"""Text as it is written, a number, a time without zone, or nothing; a formula is its text."""

# So many rows at most. Larger takes hundreds of megabytes to read; smaller refuses a month of a
# company of a thousand.
MAX_LINES: Final = 200_000
# So many columns at most. Larger lets one wild cell widen every row; smaller cuts off a real export.
MAX_COLUMNS: Final = 200
HEAD_LINES: Final = 10
"""Within so many rows the header is looked for. Larger takes data for a header; smaller misses one
under a long title."""
# Excel serial numbers of 2000-01-01 and 2100-01-01. Wider takes amounts of money for days; narrower
# loses real ones.
_SERIAL_LEAST: Final = 36_526
_SERIAL_MOST: Final = 73_051
_EPOCH: Final = dt.datetime(1899, 12, 30)  # noqa: DTZ001  # cells have no zone
_DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Line:
    """One row that is not blank; trailing blanks are cut off."""

    number: int
    cells: tuple[Cell, ...]

    def cell(self, index: int) -> Cell:
        """The cell of a column, from 0; None beyond the end."""
        return self.cells[index] if index < len(self.cells) else None


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table. A CSV file is one without a name."""

    name: str
    lines: tuple[Line, ...]


def line(number: int, cells: list[Cell]) -> Line | None:
    """A row; None: it is blank."""
    while cells and cells[-1] is None:
        cells.pop()
    return Line(number, tuple(cells)) if cells else None


def text(cell: Cell) -> str:
    """A cell as somebody reads it, trimmed; a whole number without its ".0"."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell.strip()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def from_serial(number: float) -> dt.datetime | None:
    """The time that a bare Excel number means, to the second; None: it is none of this century."""
    if not _SERIAL_LEAST <= number < _SERIAL_MOST:  # also of what is no number
        return None
    return _EPOCH + dt.timedelta(seconds=round(number * _DAY_S))
