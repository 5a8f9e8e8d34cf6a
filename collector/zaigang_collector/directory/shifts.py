"""Shifts as people write them: `Mon-Fri 09:00-18:00; Sat 09:00-12:00`, `周一至周五 09:00-18:00`."""

from __future__ import annotations

import re
from typing import Final

from zaigang_shared.device_config import Shift

EXPECTED: Final = (
    "weekdays and hours, as Mon-Fri 09:00-18:00; Sat 09:00-12:00 (22:00-06:00 ends on the next day)"
)
MAX_STRETCHES: Final = 50  # device_config.Hours allows no more
_DAY_MIN: Final = 24 * 60
_ENGLISH: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CHINESE: Final = ("一", "二", "三", "四", "五", "六", "日")
_WEEKDAYS: Final = (
    {name: index for index, name in enumerate(_ENGLISH)}
    | {f"周{name}": index for index, name in enumerate(_CHINESE)}
    | {f"星期{name}": index for index, name in enumerate(_CHINESE)}
    | {"周天": 6, "星期天": 6}
    | {str(index + 1): index for index in range(7)}
)
_HOURS: Final = re.compile(r"(\d{1,2})[:：](\d{2})\s*[-–~至到]\s*(\d{1,2})[:：](\d{2})", re.ASCII)


def parse(text: str) -> tuple[Shift, ...]:
    """The working stretches of a week, ordered. Raises ValueError.

    `none` (无) stands for no shift at all: nothing is ever sampled.
    """
    if text.strip().lower() in ("none", "无"):
        return ()
    parts = [part.strip() for part in re.split("[;；]", text) if part.strip()]
    found = [shift for part in parts for shift in _part(part)]
    found.sort(key=lambda shift: (shift.weekday, shift.from_min))
    if not found or len(found) > MAX_STRETCHES:
        raise ValueError(EXPECTED)
    _check_overlap(found)
    return tuple(found)


def render(shift: tuple[Shift, ...]) -> str:
    """The shortest text that `parse` reads back."""
    if not shift:
        return "none"
    return "; ".join(
        f"{_ENGLISH[one.weekday].capitalize()} {_clock(one.from_min)}-{_clock(one.to_min)}"
        for one in shift
    )


def _part(text: str) -> list[Shift]:
    """`Mon-Wed,Fri 09:00-12:00 13:00-18:00`."""
    hours = list(_HOURS.finditer(text))
    if not hours:
        raise ValueError(EXPECTED)
    days = _days(text[: hours[0].start()])
    between = _HOURS.sub("", text[hours[0].start() :])
    if between.strip(" ,，、和"):
        raise ValueError(EXPECTED)
    return [
        Shift(day, *_stretch(*(int(part) for part in match.groups())))
        for day in days
        for match in hours
    ]


def _days(text: str) -> list[int]:
    found: set[int] = set()
    for item in re.split("[,，、]", text):
        first, *rest = [word.strip().lower() for word in re.split("[-–~至到]", item)]
        if len(rest) > 1:
            raise ValueError(EXPECTED)
        begin = _weekday(first)
        end = _weekday(rest[0]) if rest else begin
        found.update((begin + step) % 7 for step in range((end - begin) % 7 + 1))
    return sorted(found)


def _weekday(word: str) -> int:
    if word not in _WEEKDAYS:
        raise ValueError(EXPECTED)
    return _WEEKDAYS[word]


def _stretch(from_h: int, from_min: int, to_h: int, to_min: int) -> tuple[int, int]:
    begin, end = from_h * 60 + from_min, to_h * 60 + to_min
    if from_min > 59 or to_min > 59 or begin >= _DAY_MIN or end > _DAY_MIN or begin == end:
        raise ValueError(EXPECTED)
    return begin, end if end > begin else end + _DAY_MIN


def _check_overlap(shifts: list[Shift]) -> None:
    """Also across midnight, and from Sunday night into Monday."""
    week = 7 * _DAY_MIN
    times = [
        (one.weekday * _DAY_MIN + one.from_min, one.weekday * _DAY_MIN + one.to_min)
        for one in shifts
    ]
    following = [*times[1:], (times[0][0] + week, times[0][1] + week)]
    for (_, end), (begin, _) in zip(times, following, strict=True):
        if begin < end:
            raise ValueError("stretches that do not overlap")


def _clock(minute: int) -> str:
    minute = minute if minute <= _DAY_MIN else minute - _DAY_MIN
    return f"{minute // 60:02}:{minute % 60:02}"
