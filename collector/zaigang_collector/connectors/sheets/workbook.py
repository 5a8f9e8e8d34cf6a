"""XLSX by openpyxl, row by row. Formulas are text, what is merged downwards is filled in. Pure.

A workbook is a zip that says itself how large it is: that is looked at first, and openpyxl is told
where to stop, since a file may claim any row and any column.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import itertools
import re
import threading
import warnings
import zipfile
from collections.abc import Iterator
from typing import Any, Final

import openpyxl
from openpyxl.utils import column_index_from_string

from zaigang_collector.connectors.sheets.cells import (
    HEAD_LINES,
    MAX_COLUMNS,
    MAX_LINES,
    Cell,
    Line,
    Sheet,
    line,
)
from zaigang_collector.connectors.sheets.delimited import too_long, too_wide
from zaigang_collector.connectors.sheets.errors import SheetError
from zaigang_collector.matching.model import Text

# Unpacked so large at most. Larger is how a small file fills a server; smaller refuses 200,000 rows.
MAX_UNPACKED_BYTES: Final = 256 * 1024 * 1024
_MAX_PARTS: Final = 2_000
_MAX_ROW: Final = 1_048_576  # Excel's last; a file may claim any
_CHUNK: Final = 1024 * 1024
_MERGES: Final = b"mergeCells"
# Larger lets a file of nothing but merges be read for minutes; smaller leaves cells of a real one empty.
_MAX_MERGES_BYTES: Final = 8 * 1024 * 1024
_MERGE: Final = re.compile(
    rb'mergeCell\s[^>]*?ref="([A-Z]{1,3})([0-9]{1,7}):([A-Z]{1,3})([0-9]{1,7})"'
)
# Silencing openpyxl's warnings, which quote cells, is for the whole process: one at a time.
_ALONE: Final = threading.Lock()


def heads(data: bytes) -> tuple[Sheet, ...]:
    """The first rows of each visible sheet. Raises SheetError."""
    with _opened(data) as book:
        return tuple(
            Sheet(one.title, tuple(itertools.islice(_lines(one), HEAD_LINES)))
            for one in book.worksheets
            if one.sheet_state == "visible"
        )


def whole(data: bytes, name: str) -> Sheet:
    """All rows of a sheet by its name. Raises SheetError."""
    with _opened(data) as book:
        one = next(sheet for sheet in book.worksheets if sheet.title == name)
        lines = list(itertools.islice(_lines(one), MAX_LINES + 1))
        if len(lines) > MAX_LINES:
            raise too_long()
        if any(len(one.cells) > MAX_COLUMNS for one in lines):
            raise too_wide()
        # openpyxl keeps the path to itself, and reads merges only where it reads everything.
        merges = _merges(data, str(one._worksheet_path))
    return Sheet(name, tuple(_filled(lines, merges)))


@contextlib.contextmanager
def _opened(data: bytes) -> Iterator[Any]:
    """The workbook. Whatever openpyxl raises becomes a SheetError."""
    _refuse_large(data)
    with _ALONE, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, keep_links=False)
            try:
                yield book
            finally:
                book.close()
        except SheetError:
            raise
        except Exception:  # noqa: BLE001  # a broken part raises anything, with its contents in it
            raise _broken() from None


def _refuse_large(data: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            parts = packed.infolist()
    except Exception:  # noqa: BLE001  # a broken directory raises more than BadZipFile
        raise _broken() from None
    # What a part says of itself holds: zipfile reads no more than that.
    if len(parts) > _MAX_PARTS or sum(one.file_size for one in parts) > MAX_UNPACKED_BYTES:
        most = MAX_UNPACKED_BYTES // 1024**2
        raise SheetError(
            Text(
                f"文件解压后超过 {most} MB，或内容过于零碎，没有读取。请只保留要导入的工作表，"
                "或按周分几次导出。",
                f"Unpacked the file has more than {most} MB or too many parts; it was not read. "
                "Keep the one sheet that is needed, or export it by week.",
            )
        )


def _broken() -> SheetError:
    return SheetError(
        Text(
            "文件损坏，或不是真正的 .xlsx。请重新导出，或在 Excel、WPS 里打开后另存为 .xlsx。",
            "The file is damaged, or no real .xlsx: export it again, or open it and save it as "
            ".xlsx.",
        )
    )


def _lines(sheet: Any) -> Iterator[Line]:
    sheet.reset_dimensions()  # what the file says of its own size is often wrong
    rows = sheet.iter_rows(max_row=_MAX_ROW, max_col=MAX_COLUMNS + 1, values_only=True)
    for number, row in enumerate(rows, 1):
        if row.count(None) == len(row):  # a file may leave out a million rows, which come as blanks
            continue
        width = len(row)
        while width and row[width - 1] is None:  # each row comes as wide as the widest may be
            width -= 1
        made = line(number, [_cell(value) for value in row[:width]])
        if made is not None:
            yield made


def _cell(value: object) -> Cell:
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, (str, int, float, dt.datetime)):
        return value
    if isinstance(value, dt.date):
        return dt.datetime.combine(value, dt.time())
    if isinstance(value, (dt.time, dt.timedelta)):
        return str(value)
    return "="  # a formula over several cells, or of a table: text that is none of ours


def _merges(data: bytes, path: str) -> list[tuple[int, int, int]]:
    """(column from 0, first row, last row) of what is merged downwards."""
    with zipfile.ZipFile(io.BytesIO(data)) as packed, packed.open(path) as part:
        tail = b""
        while chunk := part.read(_CHUNK):
            tail += chunk
            begins = tail.find(_MERGES)
            if begins >= 0:
                tail = tail[begins:] + part.read(_MAX_MERGES_BYTES)
                break
            tail = tail[-len(_MERGES) :]
    return [
        (column_index_from_string(left.decode()) - 1, int(top), int(bottom))
        for left, top, _, bottom in _MERGE.findall(tail)
        if int(bottom) > int(top)
    ]


def _filled(lines: list[Line], merges: list[tuple[int, int, int]]) -> Iterator[Line]:
    """A cell that is merged downwards says the same for each of its rows."""
    opens: dict[int, list[tuple[int, int]]] = {}
    for column, top, bottom in merges:
        opens.setdefault(top, []).append((column, bottom))
    held: dict[int, tuple[int, Cell]] = {}
    for one in lines:
        cells = list(one.cells)
        for column, (bottom, value) in list(held.items()):
            if one.number > bottom:
                del held[column]
            elif one.cell(column) is None:
                cells += [None] * (column + 1 - len(cells))
                cells[column] = value
        for column, bottom in opens.get(one.number, ()):
            if column < MAX_COLUMNS and one.cell(column) is not None:
                held[column] = bottom, one.cell(column)
        yield Line(one.number, tuple(cells))
