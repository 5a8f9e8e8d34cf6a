"""The month of `dingtalk_month` as somebody exports it: 原始记录 of some of its days."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Final

from tests.factories import sheets
from tests.fakes.dingtalk import ZONE, Row

_WEEKDAYS: Final = "一二三四五六日"
_PLANNED: Final = {"OnDuty": "09:00", "OffDuty": "18:00"}


def export(history: Mapping[int, Sequence[Row]], first: dt.date, last: dt.date) -> bytes:
    """A workbook with all that is told of the days from `first` to `last`, both included."""
    rows = []
    there: dict[tuple[str, dt.date], set[str]] = {}
    for versions in history.values():
        at = _local(versions[-1])
        if first <= at.date() <= last:
            rows.append(_record(versions, at))
            wanted = versions[-1].get("checkType", "OnDuty")
            there.setdefault((versions[-1]["userId"], at.date()), set()).add(wanted)
    for (who, day), wanted_there in there.items():  # each time that the shift wants has its row
        rows += [_row(who, day, one, "", "缺卡") for one in _PLANNED.keys() - wanted_there]
    return sheets.xlsx(sheets.raw_records(rows))


def employee(user_id: str) -> str:
    """The job number of one of `dingtalk_month`."""
    return f"E{1001 + int(user_id.removeprefix('user'))}"


def _record(versions: Sequence[Row], at: dt.datetime) -> dict[str, str]:
    row = versions[-1]
    punched, result = f"{at:%Y-%m-%d %H:%M:%S}", "正常"
    if "invalidRecordType" in row:
        result = "打卡无效"
    elif row["sourceType"] == "SYSTEM":
        # What was there before and is no punch any more stands there as not valid.
        result, punched = ("打卡无效", punched) if len(versions) > 1 else ("缺卡", "")
    elif row["sourceType"] == "BOSS":
        result = "管理员改为正常"
    device = "前台考勤机" if row.get("deviceSN") else "手机"
    wanted = row.get("checkType", "OnDuty")
    return _row(row["userId"], at.date(), wanted, punched, result, device)


def _row(
    who: str, day: dt.date, wanted: str, punched: str, result: str, device: str = "手机"
) -> dict[str, str]:
    named = {"工号": employee(who), "UserId": who, "打卡设备": device}
    date = f"{day:%y-%m-%d} 星期{_WEEKDAYS[day.weekday()]}"
    return sheets.record(date, f"{day} {_PLANNED[wanted]}", punched, result, **named)


def _local(row: Row) -> dt.datetime:
    return dt.datetime.fromtimestamp(row["userCheckTime"] / 1000, ZONE)
