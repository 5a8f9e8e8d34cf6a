"""Hours as companies write them, with a name in `attendance_shift`. Pure.

    Mon-Fri 09:00-18:00                                       fixed
    Mon-Fri 09:00-12:00 13:00-18:00                           split
    Mon-Sun 22:00-06:00                                       overnight
    22:00-06:00                                               on whichever day a roster names it
    flexible Mon-Fri 07:00-21:00 core 10:00-16:00 min 8h      flexible
    弹性 周一至周五 07:00-21:00 核心 10:00-16:00 至少 8 小时

Weekdays and hours are those of `directory.shifts`.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Final

from zaigang_collector.directory import shifts
from zaigang_shared.device_config import Shift

EXPECTED: Final = (
    "hours as Mon-Fri 09:00-18:00, as 22:00-06:00 (any day, for rosters), or as "
    "flexible Mon-Fri 07:00-21:00 core 10:00-16:00 min 8h"
)
_EVERY_DAY: Final = "Mon-Sun "
_NO_WEEKDAYS: Final = re.compile(r"\d{1,2}[:：]\d{2}", re.ASCII)
_FLEXIBLE: Final = re.compile(
    r"(?:flexible|弹性)\s*(?P<span>.+?)\s*(?:core|核心)\s*(?P<core>.+?)"
    r"\s*(?:min|至少)\s*(?P<hours>\d{1,2}(?:\.\d{1,2})?)\s*(?:h|小时)",
    re.ASCII | re.IGNORECASE,
)
_WEEKDAYS: Final = 5
_DAY_MIN: Final = 1440


@dataclass(frozen=True, slots=True)
class Flexible:
    """Come and go as you like within the day's span, be there in the core, stay the minimum."""

    core_from_min: int
    core_to_min: int
    """Minutes after the midnight with which the day began; after 1440 on the next day."""
    minimum_min: int


@dataclass(frozen=True, slots=True)
class Pattern:
    """The hours of a week."""

    weekly: tuple[Shift, ...]
    """Ordered. Of flexible hours: the span in which somebody may come and go."""
    flexible: Flexible | None = None

    def on(self, weekday: int) -> tuple[Shift, ...]:
        """Stretches of a weekday, 0 Monday; empty: none."""
        return tuple(one for one in self.weekly if one.weekday == weekday)

    def usual(self) -> tuple[Shift, ...] | None:
        """Those of an ordinary day, for a make-up workday; None where Monday to Friday are not all
        worked, as then nobody but the company knows whose day is made up for."""
        week = [self.on(weekday) for weekday in range(_WEEKDAYS)]
        if not all(week):
            return None
        hours = Counter(_hours(day) for day in week)
        most = max(hours.values())
        return next(day for day in week if hours[_hours(day)] == most)


def parse(text: str) -> Pattern:
    """Read hours. Raises ValueError."""
    flexible = _FLEXIBLE.fullmatch(text.strip())
    if flexible is not None:
        return _flexible(flexible["span"], flexible["core"], float(flexible["hours"]))
    parts = [part.strip() for part in re.split("[;；]", text) if part.strip()]
    return Pattern(shifts.parse("; ".join(_with_days(part) for part in parts)))


def render(pattern: Pattern) -> str:
    """A text that `parse` reads back."""
    weekly = shifts.render(pattern.weekly)
    flexible = pattern.flexible
    if flexible is None:
        return weekly
    core = f"{_clock(flexible.core_from_min)}-{_clock(flexible.core_to_min)}"
    return f"flexible {weekly} core {core} min {flexible.minimum_min / 60:g}h"


def _with_days(part: str) -> str:
    return _EVERY_DAY + part if _NO_WEEKDAYS.match(part) else part


def _flexible(span: str, core_text: str, hours: float) -> Pattern:
    parts = [part.strip() for part in re.split("[;；]", span) if part.strip()]
    weekly = shifts.parse("; ".join(_with_days(part) for part in parts))
    core = shifts.parse("Mon " + core_text)
    if len(core) != 1 or not weekly:
        raise ValueError(EXPECTED)
    if len({one.weekday for one in weekly}) != len(weekly):
        raise ValueError("flexible hours with one span a day")
    minimum_min = round(hours * 60)
    for one in weekly:
        if not (one.from_min <= core[0].from_min and core[0].to_min <= one.to_min):
            raise ValueError("a core within the span of every day")
        if not 0 < minimum_min <= one.to_min - one.from_min:
            raise ValueError("a minimum that fits into the span of every day")
    return Pattern(weekly, Flexible(core[0].from_min, core[0].to_min, minimum_min))


def _hours(day: tuple[Shift, ...]) -> tuple[tuple[int, int], ...]:
    return tuple((one.from_min, one.to_min) for one in day)


def _clock(minute: int) -> str:
    minute = minute if minute <= _DAY_MIN else minute - _DAY_MIN
    return f"{minute // 60:02}:{minute % 60:02}"
