"""Files of clock-ins as other programs write them."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any, Final

import openpyxl

SENTINEL: Final = "哨兵病假条"
"""Stands in every cell that must never be kept."""

HEADER: Final = (
    "姓名", "考勤组", "部门", "工号", "职位", "UserId", "考勤日期", "考勤时间", "打卡时间", "打卡结果",
    "打卡地址", "打卡备注", "异常打卡原因", "打卡图片1", "打卡图片2", "打卡设备", "管理员修改备注",
    "管理员修改备注图片1", "管理员修改备注图片2", "管理员修改备注图片3",
)  # fmt: skip
OLD_HEADER: Final = (
    "姓名", "部门", "工号", "UserId", "职位", "考勤日期", "考勤时间", "打卡时间", "打卡结果", "打卡地址",
    "打卡备注", "异常打卡原因",
)  # fmt: skip
"""Without groups, pictures and devices, and in another order."""
TEMPLATE: Final = (
    "employee_no", "name", "punch_time", "kind", "address", "lat", "lng", "coord_system",
    "wifi_bssid", "device", "source_note",
)  # fmt: skip
_FREE: Final = frozenset(
    {"姓名", "考勤组", "部门", "职位", "打卡地址", "打卡备注", "异常打卡原因", "管理员修改备注"}
    | {one for one in HEADER if "图片" in one}
)

Rows = Sequence[Sequence[Any]]


def record(
    day: str, planned: str, punched: str, result: str = "正常", **more: str
) -> dict[str, str]:
    """A row of 原始记录, with the sentinel wherever somebody may have written something."""
    named = {"工号": "E001", "UserId": "0123456789", "打卡设备": "手机"}
    times = {"考勤日期": day, "考勤时间": planned, "打卡时间": punched, "打卡结果": result}
    return dict.fromkeys(_FREE, SENTINEL) | named | times | more


def raw_records(
    records: Sequence[Mapping[str, str]], header: Sequence[str] = HEADER
) -> dict[str, Rows]:
    """The four sheets of a 考勤统计 export, the punches in 原始记录."""
    monthly = [["姓名", "部门", "工号", "职位", "UserId", "出勤天数"], [SENTINEL] * 6]
    title = ["原始记录 统计日期：2026-09-01 至 2026-09-30"]
    raw = [title, ["报表生成时间：2026-10-01 09:00"], list(header)]
    raw += [[one.get(name, "") for name in header] for one in records]
    return {"月度汇总": monthly, "每日统计": monthly, "打卡时间": monthly, "原始记录": raw}


def xlsx(sheets: Mapping[str, Rows], merged: Mapping[str, Sequence[str]] | None = None) -> bytes:
    """A workbook; `merged`: ranges by sheet, as `A2:A5`."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append([None if value == "" else value for value in row])
        for area in (merged or {}).get(name, ()):
            sheet.merge_cells(area)
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def delimited(rows: Rows, encoding: str = "utf-8", separator: str = ",") -> bytes:
    """A CSV file."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator)
    writer.writerows([["" if value is None else value for value in row] for row in rows])
    return text.getvalue().encode(encoding)


def repacked(data: bytes, changes: Mapping[str, bytes]) -> bytes:
    """The same zip with some of its parts exchanged."""
    made = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as old,
        zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in dict.fromkeys([*old.namelist(), *changes]):
            new.writestr(name, changes[name] if name in changes else old.read(name))
    return made.getvalue()
