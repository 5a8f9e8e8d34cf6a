"""Reading the values that stand in cells: times, days, directions, results. Pure.

What does not fit is None; nobody's text leaves this module but for words of the lists below.
"""

from __future__ import annotations

import datetime as dt
import enum
import re
from dataclasses import dataclass
from typing import Final

from zaigang_collector.attendance.model import Direction, Kind
from zaigang_collector.connectors.sheets import cells
from zaigang_collector.connectors.sheets.cells import Cell

_DATE: Final = (
    r"(?:(?P<y>[0-9]{4})(?:[-/.](?P<m>[0-9]{1,2})[-/.](?P<d>[0-9]{1,2})"
    r"|年(?P<mz>[0-9]{1,2})月(?P<dz>[0-9]{1,2})日|(?P<mc>[0-9]{2})(?P<dc>[0-9]{2}))"
    # With two digits only as DingTalk writes it: 05/06/07 may be any of three days.
    r"|(?P<yy>[0-9]{2})-(?P<my>[0-9]{2})-(?P<dy>[0-9]{2}))"
    r"(?:\s*[(（]?(?:星期|周)[一二三四五六日天][)）]?)?"
)
_CLOCK: Final = r"(?P<h>[0-9]{1,2})[:：](?P<min>[0-9]{2})(?:[:：](?P<s>[0-9]{2})(?:\.[0-9]+)?)?"
_OFFSET: Final = r"\s*(?P<zone>Z|[+-][0-9]{2}:?[0-9]{2})?"
_MOMENT: Final = re.compile(rf"{_DATE}[T\s]*{_CLOCK}{_OFFSET}")
_DAY: Final = re.compile(rf"{_DATE}(?:[T\s]*0?0[:：]00(?:[:：]00)?)?")
_TIME: Final = re.compile(rf"(?P<next>次日)?\s*{_CLOCK}")
_MIDNIGHT: Final = dt.time()
_DAY_S: Final = 86_400

_IN: Final = ("in", "上班", "签到", "进", "进门", "入", "到岗", "onduty", "checkin", "clockin")
_OUT: Final = ("out", "下班", "签退", "出", "出门", "离岗", "offduty", "checkout", "clockout")
_FIELD: Final = ("field", "外勤", "外勤打卡", "外勤签到")
_DIRECTIONS: Final = dict.fromkeys(_IN, Direction.IN) | dict.fromkeys(_OUT, Direction.OUT)
_WORDS: Final = {kind.value: kind for kind in Kind} | {
    "本人": Kind.OWN,
    "手机": Kind.OWN,
    "考勤机": Kind.TERMINAL,
    "主管补卡": Kind.CORRECTED_MANAGER,
    "管理员补卡": Kind.CORRECTED_MANAGER,
    "审批补卡": Kind.CORRECTED_APPROVAL,
}


def moment(cell: Cell) -> dt.datetime | None:
    """A day with its time, to the second; with a zone where the text has an offset."""
    if isinstance(cell, dt.datetime):
        return _to_second(cell)
    if isinstance(cell, (int, float)):
        return cells.from_serial(cell)
    found = _MOMENT.fullmatch(cells.text(cell))
    if found is None:
        return None
    try:
        clock = dt.time(int(found["h"]), int(found["min"]), int(found["s"] or 0))
        return dt.datetime.combine(_date(found), clock, _zone(found["zone"]))
    except ValueError:
        return None


def day(cell: Cell) -> dt.date | None:
    """A day, also as DingTalk writes it: `24-05-06 星期一`."""
    if isinstance(cell, dt.datetime):
        return cell.date()
    if isinstance(cell, (int, float)) and 20_000_101 <= cell < 21_000_101:
        cell = cells.text(cell)  # 20240506, which a spreadsheet keeps as a number
    if isinstance(cell, (int, float)):
        found = cells.from_serial(cell)
        return None if found is None else found.date()
    matched = _DAY.fullmatch(cells.text(cell))
    try:
        return None if matched is None else _date(matched)
    except ValueError:
        return None


def time_of(date: dt.date, cell: Cell) -> dt.datetime | None:
    """A time that stands by itself, on its day; 次日 is the one after."""
    if isinstance(cell, (int, float)) and 0 <= cell < 1:
        seconds = dt.timedelta(seconds=round(cell * _DAY_S))
        return dt.datetime.combine(date, _MIDNIGHT) + seconds
    found = _TIME.fullmatch(cells.text(cell))
    if found is None:
        return None
    try:
        clock = dt.time(int(found["h"]), int(found["min"]), int(found["s"] or 0))
        return dt.datetime.combine(date, clock) + dt.timedelta(days=1 if found["next"] else 0)
    except (ValueError, OverflowError):
        return None


def direction(text: str) -> Direction | None:
    """In or out. Field work is arriving somewhere: where nobody checks out, moving on or the end of
    the shift ends it."""
    word = _plain(text)
    return Direction.IN if word in _FIELD else _DIRECTIONS.get(word)


def is_field(text: str) -> bool:
    """Whether a direction is field work."""
    return _plain(text) in _FIELD


def word(text: str) -> Kind | None:
    """Whose word a punch is, where a column says so by itself."""
    return _WORDS.get(text.strip().lower())


class Standing(enum.StrEnum):
    """What a result says of the row."""

    PUNCH = "punch"
    MISSED = "missed"
    """Nobody punched: its time, if there is one, is the shift's."""
    DISCOUNTED = "discounted"


@dataclass(frozen=True, slots=True)
class Result:
    """What DingTalk's 打卡结果 says, an open list."""

    standing: Standing = Standing.PUNCH
    word: Kind | None = None
    """None: it does not say; UNKNOWN: it says something that we do not know."""
    direction: Direction | None = None
    """Only who arrives is late, only who leaves is early."""


_MISSED: Final = frozenset({"缺卡", "未打卡", "旷工"})
_ORDINARY: Final = frozenset(
    {
        "正常",
        "迟到",
        "严重迟到",
        "旷工迟到",
        "早退",
        "外勤",
        "加班",
        "休息",
        "休息并打卡",
        "请假",
        "出差",
        "外出",
    }
)
_LATE: Final = frozenset({"迟到", "严重迟到", "旷工迟到"})
_PARTS: Final = re.compile(r"[\s,，、;；/()（）]+")
_HOW_LONG: Final = re.compile(r"[0-9.]+(?:小时|分钟|分|秒)")


def result(text: str) -> Result:
    """A result in any of its forms: 正常, 迟到12分钟, 外勤, 下班缺卡, 补卡审批通过, 管理员改为正常…"""
    parts = [one for one in _PARTS.split(_HOW_LONG.sub("", text.strip())) if one]
    heads = [one.removeprefix("上班").removeprefix("下班") for one in parts]
    at = _result_direction(text, heads)
    if "无效" in text:
        return Result(Standing.DISCOUNTED, None, at)
    if "补卡" in text and "审批" in text and "通过" in text and "不通过" not in text:
        return Result(word=Kind.CORRECTED_APPROVAL, direction=at)
    if text.strip().startswith(("管理员", "主管")):
        return Result(word=Kind.CORRECTED_MANAGER, direction=at)
    if heads and set(heads) <= _MISSED:
        return Result(Standing.MISSED, None, at)
    known = all(one in _ORDINARY or not one for one in heads)
    return Result(word=None if known else Kind.UNKNOWN, direction=at)


def _result_direction(text: str, parts: list[str]) -> Direction | None:
    arrives = "上班" in text or not _LATE.isdisjoint(parts)
    leaves = "下班" in text or "早退" in parts
    if arrives == leaves:
        return None
    return Direction.IN if arrives else Direction.OUT


_TERMINALS: Final = re.compile("考勤机|门禁|指纹|人脸|闸机|打卡机|terminal", re.IGNORECASE)
_PHONES: Final = frozenset({"手机", "手机打卡", "电脑", "钉钉", "mobile", "phone", "app"})


def is_terminal(device: str) -> bool:
    """Whether a device is an attendance machine, by its name."""
    return _TERMINALS.search(device) is not None


def is_generic(device: str) -> bool:
    """Whether a device's name is that of a kind, and so the same for everybody."""
    return _plain(device) in _PHONES


def _plain(text: str) -> str:
    """上班1打卡 is 上班."""
    short = "".join(char for char in text.lower() if char.isalpha())
    return short.removesuffix("打卡") or short


def _date(found: re.Match[str]) -> dt.date:
    if found["yy"]:
        return dt.date(2000 + int(found["yy"]), int(found["my"]), int(found["dy"]))
    month = found["m"] or found["mz"] or found["mc"]
    return dt.date(int(found["y"]), int(month), int(found["d"] or found["dz"] or found["dc"]))


def _zone(offset: str | None) -> dt.timezone | None:
    if not offset:
        return None
    if offset == "Z":
        return dt.UTC
    digits = offset[1:].replace(":", "")
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    return dt.timezone(dt.timedelta(minutes=-minutes if offset[0] == "-" else minutes))


def _to_second(at: dt.datetime) -> dt.datetime:
    """Excel counts days in fractions: 08:55:10 comes as 08:55:09.999998."""
    half = dt.timedelta(microseconds=500_000)
    try:
        return (at + half).replace(microsecond=0)
    except OverflowError:
        return at.replace(microsecond=0)
