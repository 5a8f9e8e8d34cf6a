"""When a device may look at a person: the shifts, widened by the margin. Pure.

A shift is told in minutes of wall time after local midnight, so on the two days a year when clocks
change it is as long as the wall clock says, an hour shorter or longer than on other days. A time
that comes twice that day means its first coming; one that does not come means the instant at which
clocks that were not put forward would show it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from zaigang_agent.errors import ConfigError
from zaigang_shared.device_config import Hours

_MINUTE_MS: Final = 60_000
_A_DAY_MS: Final = 86_400_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# A shift begins on its own day and ends at most two midnights later; with the margin (at most 4 h)
# and the offsets of the world (-12 to +14 h) what holds now began at most three days ago.
_DAYS_BACK: Final = 3
# A weekly pattern repeats: who finds no beginning in the next eight days has no shifts.
_DAYS_AHEAD: Final = 8
# The years that `datetime` can hold, less a margin for what is added.
_FIRST_MS: Final = -62_000_000_000_000
_LAST_MS: Final = 253_300_000_000_000


def check(hours: Hours) -> None:
    """Raise ConfigError when the zone of `hours` is not known on this machine."""
    _zone(hours.tz)


def allowed(hours: Hours | None, utc_ms: int) -> bool:
    """Whether looking is allowed at `utc_ms`. None: always. Raises ConfigError (zone unknown)."""
    if hours is None:
        return True
    return any(begin <= utc_ms < end for begin, end in _windows(hours, utc_ms))


def next_change_ms(hours: Hours | None, utc_ms: int) -> int | None:
    """The next UTC ms at which `allowed` changes; None when it never does (in eight days).

    Raises ConfigError (zone unknown).
    """
    if hours is None:
        return None
    windows = _merged(hours, utc_ms)
    edges = [edge for window in windows for edge in window if edge > utc_ms]
    last = max((end for _, end in windows), default=0)
    # Shifts around the clock touch each other; where they cease to be looked up is no change.
    if (
        edges
        and min(edges) == last
        and len(windows) == 1
        and last - utc_ms > _DAYS_BACK * _A_DAY_MS
    ):
        return None
    return min(edges, default=None)


class Remembered:
    """`allowed` for who asks again and again: worked out anew when the answer can have changed."""

    def __init__(self) -> None:
        self._hours: Hours | None = None
        self._from_ms = self._until_ms = 0
        self._allowed = False

    def allowed(self, hours: Hours | None, utc_ms: int) -> bool:
        """As the function. Raises ConfigError (zone unknown)."""
        if hours is not self._hours or not self._from_ms <= utc_ms < self._until_ms:
            self._allowed = allowed(hours, utc_ms)
            change_ms = next_change_ms(hours, utc_ms)
            self._until_ms = utc_ms + _A_DAY_MS if change_ms is None else change_ms
            self._hours, self._from_ms = hours, utc_ms
        return self._allowed


def _merged(hours: Hours, utc_ms: int) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for begin, end in sorted(_windows(hours, utc_ms)):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return merged


def _windows(hours: Hours, utc_ms: int) -> Iterator[tuple[int, int]]:
    """UTC ms from and to of every window that could hold or come next, in no order."""
    zone = _zone(hours.tz)
    if not _FIRST_MS < utc_ms < _LAST_MS:
        return  # a clock that far out says nothing about working hours: nothing is allowed
    today = (_EPOCH + timedelta(milliseconds=utc_ms)).astimezone(zone).date()
    margin_ms = hours.margin_min * _MINUTE_MS
    for ahead in range(-_DAYS_BACK, _DAYS_AHEAD + 1):
        day = today + timedelta(days=ahead)
        for shift in hours.shifts:
            if shift.weekday == day.weekday():
                begin_ms = _utc_ms(day, shift.from_min, zone)
                end_ms = _utc_ms(day, shift.to_min, zone)
                if begin_ms < end_ms:
                    yield begin_ms - margin_ms, end_ms + margin_ms


def _utc_ms(day: date, minute: int, zone: ZoneInfo) -> int:
    wall = datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(minutes=minute)
    return (wall - _EPOCH) // timedelta(milliseconds=1)


@functools.lru_cache(maxsize=4)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigError(
            f"the time zone {name!r} of the working hours is not known on this machine: "
            "install the package tzdata; until then nothing personal is read"
        ) from error
