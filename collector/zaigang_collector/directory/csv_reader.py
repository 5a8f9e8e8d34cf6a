"""CSV as people save it: any of UTF-8, UTF-8 with a mark, GBK; header names in either language.

Reading collects every problem instead of stopping at the first one:

    table = read(data, COLUMNS)
    for row in table.rows:
        day = row.take("from_day", dt.date.fromisoformat, "a day as 2026-09-21")
    table.finish()               # raises CsvError with all that was wrong
"""

from __future__ import annotations

import csv
import datetime as dt
import difflib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar

from zaigang_collector.errors import CsvError, LineProblem

T = TypeVar("T")

MAX_BYTES: Final = 64 * 1024 * 1024  # a file beyond this was not written by a person
MAX_PROBLEMS: Final = 100  # who has more than this to correct reads the first hundred
_SHOWN_CHARS: Final = 40
_UTF16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")


_MOMENTS: Final = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M")


def moment(text: str) -> dt.datetime:
    """A time as people write it, on a wall clock of whose zone the caller knows, or ISO 8601, perhaps
    with its offset. Raises ValueError."""
    for form in _MOMENTS:
        try:
            return dt.datetime.strptime(text, form)  # noqa: DTZ007  # the zone is the caller's
        except ValueError:
            continue
    return dt.datetime.fromisoformat(text)


class CsvLines(Protocol):
    """What `csv.reader` gives: the standard library has no public name for it."""

    @property
    def line_num(self) -> int: ...
    def __iter__(self) -> Iterator[list[str]]: ...


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name in code, and what headers call it."""

    name: str
    also: tuple[str, ...] = ()
    required: bool = True


class Row:
    """One line of the file under its columns."""

    def __init__(self, table: Table, line: int, values: Mapping[str, str]) -> None:
        self._table = table
        self.line = line
        self._values = values

    def text(self, name: str) -> str:
        """What stands there, trimmed; "" when nothing does or the column is missing."""
        return self._values.get(name, "")

    def take(self, name: str, parse: Callable[[str], T], expected: str) -> T | None:
        """The value, or None after noting a problem. An empty field is a problem."""
        text = self.text(name)
        if not text:
            self.wrong(name, expected)
            return None
        return self._parse(name, text, parse, expected)

    def maybe(self, name: str, parse: Callable[[str], T], expected: str) -> T | None:
        """The value, None for an empty field, or None after noting a problem."""
        text = self.text(name)
        return self._parse(name, text, parse, expected) if text else None

    def wrong(self, name: str, expected: str) -> None:
        """Note a problem with a field, or with the whole line where `name` is ""."""
        column = self._table.heading(name)
        self._table.problem(LineProblem(self.line, column, expected, shorten(self.text(name))))

    def _parse(self, name: str, text: str, parse: Callable[[str], T], expected: str) -> T | None:
        try:
            return parse(text)
        except (ValueError, OverflowError, KeyError):
            self.wrong(name, expected)
            return None


@dataclass(slots=True)
class Table:
    """A file that has been split; its problems gather here."""

    headings: Mapping[str, str]
    """What the file calls each column."""
    rows: list[Row] = field(default_factory=list)
    problems: list[LineProblem] = field(default_factory=list)

    def heading(self, name: str) -> str:
        return self.headings.get(name, name)

    def has(self, name: str) -> bool:
        """Whether the file has this column at all."""
        return name in self.headings

    def problem(self, problem: LineProblem) -> None:
        self.problems.append(problem)

    def finish(self) -> None:
        """Raise CsvError with all problems in the order of lines, if there are any."""
        if self.problems:
            ordered = sorted(self.problems, key=lambda problem: problem.line)
            raise CsvError(ordered[:MAX_PROBLEMS])


def read(data: bytes | str, columns: Sequence[Column]) -> Table:
    """Split a file into rows. Raises CsvError when it is no table of these columns at all."""
    text = data if isinstance(data, str) else decode(data)
    text = text.removeprefix("\ufeff")
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise CsvError([LineProblem(line, "", "text; there is a NUL character")])
    reader = csv.reader(io.StringIO(text, newline=""), _dialect(text), strict=True)
    try:
        header = next((cells for cells in reader if any(cell.strip() for cell in cells)), None)
        if header is None:
            raise CsvError([LineProblem(1, "", "a header with the columns " + _names(columns))])
        table = Table(_headings(header, columns, reader.line_num))
        _read_rows(reader, header, table, columns)
    except csv.Error as error:
        problem = LineProblem(reader.line_num, "", f"quotes that are closed and doubled ({error})")
        raise CsvError([problem]) from error
    return table


def decode(data: bytes) -> str:
    """Text of a file in UTF-8 or, as Excel in China saves it, GBK. Raises CsvError."""
    if len(data) > MAX_BYTES:
        raise CsvError([LineProblem(1, "", f"a file of at most {MAX_BYTES} bytes")])
    line = 1
    # Bytes that could be both are UTF-8: GBK text hits its rules by accident only when very short.
    for encoding in ("utf-16",) if data[:2] in _UTF16_MARKS else ("utf-8", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError as error:
            line = data[: error.start].count(b"\n") + 1
    raise CsvError([LineProblem(line, "", "a text file in UTF-8 or GBK")])


def shorten(text: str) -> str:
    """A value as an error repeats it."""
    return text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "…"


def _dialect(text: str) -> type[csv.Dialect]:
    """Comma, or semicolon or tab where the header has these and no comma."""
    header = text.lstrip("\r\n ").split("\n", 1)[0]
    separator = next((mark for mark in ",\t;" if mark in header), ",")

    class Dialect(csv.excel):
        delimiter = separator

    return Dialect


def _headings(header: Sequence[str], columns: Sequence[Column], line: int) -> dict[str, str]:
    known = {_key(word): column.name for column in columns for word in (column.name, *column.also)}
    found: dict[str, str] = {}
    problems = []
    for cell in header:
        heading = cell.strip()
        name = known.get(_key(heading))
        if name is None and heading:
            near = difflib.get_close_matches(_key(heading), known, n=1)
            hint = f"; is it {known[near[0]]}?" if near else ""
            problems.append(
                LineProblem(line, heading, f"one of the columns {_names(columns)}{hint}")
            )
        elif name in found:
            problems.append(LineProblem(line, heading, f"one column for {name}, not two"))
        elif name is not None:
            found[name] = heading
    missing = [column.name for column in columns if column.required and column.name not in found]
    problems += [LineProblem(line, name, "this column in the header") for name in missing]
    if problems:
        raise CsvError(problems)
    return found


def _read_rows(
    reader: CsvLines, header: Sequence[str], table: Table, columns: Sequence[Column]
) -> None:
    name_of = {heading: name for name, heading in table.headings.items()}
    names = [name_of.get(cell.strip(), "") for cell in header]
    before = reader.line_num
    for cells in reader:
        line, before = before + 1, reader.line_num  # a quoted field may run over several lines
        if not any(cell.strip() for cell in cells):
            continue
        extra = [cell for cell in cells[len(names) :] if cell.strip()]
        if len(cells) < len(names) or extra:
            expected = f"{len(names)} fields as in the header, there are {len(cells)}"
            table.problem(LineProblem(line, "", expected))
            continue
        values = {name: cell.strip() for name, cell in zip(names, cells, strict=False) if name}
        table.rows.append(Row(table, line, values))


def _key(word: str) -> str:
    """Headings are the same whatever their case, blanks, underscores and brackets."""
    return "".join(char for char in word.lower() if char.isalnum())


def _names(columns: Sequence[Column]) -> str:
    return ", ".join(column.name for column in columns)
