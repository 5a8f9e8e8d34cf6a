"""CSV: UTF-8 with and without a mark, GB18030, UTF-16; comma, semicolon or tab. Pure."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterator
from typing import Final

from zaigang_collector.connectors.sheets import headings
from zaigang_collector.connectors.sheets.cells import (
    HEAD_LINES,
    MAX_COLUMNS,
    MAX_LINES,
    Line,
    Sheet,
    line,
)
from zaigang_collector.connectors.sheets.errors import SheetError
from zaigang_collector.directory import csv_reader
from zaigang_collector.errors import CsvError
from zaigang_collector.matching.model import Text

_SEPARATORS: Final = (",", "\t", ";")


def head(data: bytes) -> Sheet:
    """The first rows. Raises SheetError."""
    written = _decoded(data)
    return Sheet("", tuple(itertools.islice(_lines(written, _separator(written)), HEAD_LINES)))


def whole(data: bytes) -> Sheet:
    """All rows. Raises SheetError."""
    written = _decoded(data)
    lines = tuple(itertools.islice(_lines(written, _separator(written)), MAX_LINES + 1))
    if len(lines) > MAX_LINES:
        raise too_long()
    return Sheet("", lines)


def too_long() -> SheetError:
    """More rows than are taken."""
    return SheetError(
        Text(
            f"超过 {MAX_LINES} 行。请按周或按部门分几次导出。",
            f"There are more than {MAX_LINES} rows: export it by week or by department.",
        )
    )


def too_wide() -> SheetError:
    """More columns than are taken."""
    return SheetError(
        Text(
            f"超过 {MAX_COLUMNS} 列。请只保留要导入的列，再试一次。",
            f"There are more than {MAX_COLUMNS} columns: keep those that are needed.",
        )
    )


def _decoded(data: bytes) -> str:
    try:
        written = csv_reader.decode(data).removeprefix("\ufeff")
    except CsvError:
        written = "\0"
    if "\0" in written:
        raise SheetError(
            Text(
                "这不是表格：既不是 .xlsx，也不是 UTF-8 或 GBK 编码的 CSV。请从考勤系统重新导出。",
                "This is no table: neither .xlsx nor CSV in UTF-8 or GBK. Export it again from the "
                "attendance system.",
            )
        )
    return written


def _separator(written: str) -> str:
    """The one under which a header shows; else the one that makes the widest rows."""
    best, found = (0, 0), None
    for separator in _SEPARATORS:
        try:
            first = list(itertools.islice(_lines(written, separator), HEAD_LINES))
        except SheetError:
            continue
        known = max((headings.known(one.cells) for one in first), default=0)
        width = max((len(one.cells) for one in first), default=0)
        if found is None or (known, width) > best:
            best, found = (known, width), separator
    return found or ","


def _lines(written: str, separator: str) -> Iterator[Line]:
    reader = csv.reader(io.StringIO(written, newline=""), delimiter=separator, strict=True)
    try:
        for number, row in enumerate(reader, 1):
            if len(row) > MAX_COLUMNS and any(row[MAX_COLUMNS:]):
                raise too_wide()
            made = line(number, [one or None for one in row])
            if made is not None:
                yield made
    except csv.Error:
        near = reader.line_num
        raise SheetError(
            Text(
                f"文件第 {near} 行附近引号不成对或内容太长，不知道哪里是一格。请重新导出，"
                "或在 Excel 里另存为 .xlsx。",
                f"Near line {near} of the file a quote is not closed, or a cell is too long: export "
                "it again, or save it as .xlsx.",
            )
        ) from None
