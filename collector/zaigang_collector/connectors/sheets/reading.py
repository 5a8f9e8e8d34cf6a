"""Bytes of a file to tables: CSV in the encodings of Chinese offices, and XLSX. Pure.

Any bytes give tables or a SheetError.
"""

from __future__ import annotations

from typing import Final

from zaigang_collector.connectors.sheets import delimited, workbook
from zaigang_collector.connectors.sheets.cells import Sheet
from zaigang_collector.connectors.sheets.errors import SheetError
from zaigang_collector.matching.model import Text

# Larger fills the memory of whoever reads it; smaller refuses a month of a company of a thousand.
MAX_BYTES: Final = 32 * 1024 * 1024
_ZIP: Final = b"PK\x03\x04"
_OLD_EXCEL: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def heads(data: bytes) -> tuple[Sheet, ...]:
    """The first rows of each visible table, in order. Raises SheetError."""
    if _is_workbook(data):
        return workbook.heads(data)
    return (delimited.head(data),)


def whole(data: bytes, name: str) -> Sheet:
    """All rows of one table by its name. Raises SheetError."""
    return workbook.whole(data, name) if _is_workbook(data) else delimited.whole(data)


def _is_workbook(data: bytes) -> bool:
    if not data.strip():
        raise SheetError(Text("文件是空的。请重新导出。", "The file is empty: export it again."))
    if len(data) > MAX_BYTES:
        most, has = MAX_BYTES // 1024**2, len(data) / 1024**2
        raise SheetError(
            Text(
                f"文件有 {has:.0f} MB，最大 {most} MB。请按周或按部门分几次导出。",
                f"The file has {has:.0f} MB, {most} MB are the most: export it by week or by "
                "department.",
            )
        )
    if data.startswith(_OLD_EXCEL):
        raise SheetError(
            Text(
                "这是旧版 Excel（.xls）或加了密码的文件，读不了。请在 Excel 或 WPS 里去掉密码，"
                "另存为 .xlsx 或 CSV 再导入。",
                "This is a file of old Excel (.xls), or one with a password: save it as .xlsx or "
                "CSV, without a password.",
            )
        )
    return data.startswith(_ZIP)
