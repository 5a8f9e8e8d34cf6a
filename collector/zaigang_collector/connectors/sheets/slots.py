"""In or out, where a file does not say so. Pure.

DingTalk's 原始记录 has no such column. It has when the shift wanted a punch (考勤时间), also for those
that were missed: of an even number of such times on one day the first is in, the second out, and so
on. Of an odd number one is missing, and nothing is guessed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from zaigang_collector.attendance.model import Direction

Day: TypeAlias = tuple[str, dt.date]
"""Whose, and which attendance day."""


def by_schedule(
    planned: Iterable[tuple[Day, dt.datetime]],
) -> Mapping[tuple[Day, dt.datetime], Direction]:
    """What each planned time of a day is for."""
    times: dict[Day, set[dt.datetime]] = {}
    for day, at in planned:
        times.setdefault(day, set()).add(at)
    return {
        (day, at): Direction.IN if rank % 2 == 0 else Direction.OUT
        for day, known in times.items()
        if len(known) % 2 == 0
        for rank, at in enumerate(sorted(known))
    }


def first_and_last(
    punched: Iterable[tuple[Day, dt.datetime]],
) -> Mapping[tuple[Day, dt.datetime], Direction]:
    """A day's first punch is in, its last one out; one alone is neither. The newest day in the file
    may have been exported before it was over: it waits for the next file."""
    times: dict[Day, set[dt.datetime]] = {}
    for day, at in punched:
        times.setdefault(day, set()).add(at)
    newest = max((day for _, day in times), default=None)
    found = {}
    for day, known in times.items():
        if day[1] != newest and len(known) > 1:
            found[day, min(known)] = Direction.IN
            found[day, max(known)] = Direction.OUT
    return found
