"""What headings mean, in Chinese and in English, and in which row they stand. Pure.

Every name here is one that an export or a hand-made table really uses. `DROPPED` names what is known
and never taken: who somebody is by name, and what people wrote.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import Final

from zaigang_collector.connectors.sheets import cells
from zaigang_collector.connectors.sheets.cells import Cell, Line

# So many known names make a header. Larger misses small tables; smaller takes a title for one.
KNOWN_LEAST: Final = 4


class Field(enum.StrEnum):
    """What can be taken from a column."""

    EMPLOYEE = "employee"
    PUNCHED = "punched"
    DATE = "date"
    """The day, where the time stands by itself."""
    DAY = "day"
    """The attendance day: a punch after midnight belongs to the day before."""
    PLANNED = "planned"
    """When the shift wanted a punch."""
    DIRECTION = "direction"
    RESULT = "result"
    WORD = "word"
    """Whose word it is: own, terminal, corrected."""
    SITE = "site"
    ADDRESS = "address"
    LATITUDE = "latitude"
    LONGITUDE = "longitude"
    DATUM = "datum"
    ACCURACY_M = "accuracy_m"
    BSSID = "bssid"
    DEVICE = "device"
    RECEIVED = "received"


# The surest name first: of two columns that are both known the earlier one is taken.
NAMES: Final[Mapping[Field, tuple[str, ...]]] = {
    Field.EMPLOYEE: (
        "employee_no", "employee_id", "employee", "工号", "员工工号", "员工编号", "人员编号",
        "职工号", "staff_no", "staff_id", "考勤号码", "UserId", "用户ID",
    ),
    Field.PUNCHED: (
        "punch_time", "punched_at", "打卡时间", "实际打卡时间", "考勤打卡时间", "刷卡时间", "打卡时刻",
        "识别时间", "签到时间", "time", "时间",
    ),
    Field.DATE: ("date", "打卡日期", "签到日期", "日期"),
    Field.DAY: ("考勤日期", "attendance_date", "归属日期"),
    Field.PLANNED: ("考勤时间", "应打卡时间", "排班时间", "规定时间", "planned_time"),
    Field.DIRECTION: (
        "kind", "direction", "方向", "打卡类型", "考勤类型", "上下班", "签到签退", "进出", "type",
    ),
    Field.RESULT: ("打卡结果", "考勤结果", "打卡状态", "result"),
    Field.WORD: ("性质", "打卡来源", "打卡方式"),
    Field.SITE: ("site", "site_id", "驻场地点", "地点编号"),
    Field.ADDRESS: ("address", "打卡地址", "打卡地点", "签到地点", "地址", "地点"),
    Field.LATITUDE: ("lat", "latitude", "纬度"),
    Field.LONGITUDE: ("lng", "lon", "longitude", "经度"),
    Field.DATUM: ("coord_system", "datum", "坐标系"),
    Field.ACCURACY_M: ("accuracy_m", "accuracy", "定位精度", "精度米", "精度"),
    Field.BSSID: ("wifi_bssid", "bssid", "WiFi MAC", "无线MAC"),
    Field.DEVICE: ("device", "source_device", "打卡设备", "设备名称", "设备编号", "考勤机", "设备"),
    Field.RECEIVED: ("received_at", "接收时间", "平台接收时间"),
}  # fmt: skip

DROPPED: Final = (
    "name", "姓名", "员工姓名", "部门", "department", "职位", "岗位", "考勤组", "打卡备注", "备注",
    "remark", "note", "source_note", "异常打卡原因", "打卡图片", "打卡图片1", "打卡图片2", "图片",
    "管理员修改备注", "管理员修改备注图片", "管理员修改备注图片1", "管理员修改备注图片2",
    "管理员修改备注图片3", "手机号", "WiFi名称", "ssid", "关联的审批单", "班次", "序号",
)  # fmt: skip


def key(heading: str) -> str:
    """Headings are the same whatever their case, blanks, underscores and brackets."""
    return "".join(char for char in heading.lower() if char.isalnum())


_RANKS: Final = {
    key(name): (field, rank) for field, names in NAMES.items() for rank, name in enumerate(names)
}
_DROPPED_KEYS: Final = frozenset(key(name) for name in DROPPED)


def ranked(heading: str) -> tuple[Field, int] | None:
    """What a heading means, and how sure that is (0: surest); None: not known, or dropped."""
    return _RANKS.get(key(heading))


def is_dropped(heading: str) -> bool:
    """Whether it is known as one that is never taken."""
    return key(heading) in _DROPPED_KEYS


def known(row: Sequence[Cell]) -> int:
    """How many different known names a row has."""
    names = {key(cell) for cell in row if isinstance(cell, str)}
    return len(names & (_RANKS.keys() | _DROPPED_KEYS))


def find(lines: Sequence[Line], wanted: Sequence[str] = ()) -> Line | None:
    """The header: the first row with the most known names, `KNOWN_LEAST` or more; with `wanted`, the
    first that has all of these headings. None: there is none within the first rows."""
    head = lines[: cells.HEAD_LINES]
    if wanted:
        return next((one for one in head if set(wanted) <= set(texts(one))), None)
    best = max(head, key=lambda one: (known(one.cells), -one.number), default=None)
    return best if best is not None and known(best.cells) >= KNOWN_LEAST else None


def texts(header: Line) -> tuple[str, ...]:
    """The headings of a header, "" where a column has none."""
    return tuple(cells.text(cell) for cell in header.cells)
