"""What was expected of a person on a day, before anybody looks at punches. Pure.

A roster says it by itself; otherwise the hours that hold for the person, and the calendar of the
place. Wall-clock hours are those of the place, and a day is the one on which its stretch begins.
"""

from __future__ import annotations

import datetime as dt
import enum
import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final
from zoneinfo import ZoneInfo

from zaigang_collector.attendance.calendars import CalendarDay, Meaning
from zaigang_collector.attendance.patterns import Flexible, Pattern
from zaigang_shared.device_config import Shift

_DAY_MIN: Final = 1440
_MIN_MS: Final = 60_000


class Expected(enum.StrEnum):
    """Whether work was expected."""

    WORKDAY = "workday"
    DAY_OFF = "day_off"
    UNKNOWN = "unknown"


class Because(enum.StrEnum):
    """Why. `words` has the sentences."""

    ROSTER = "roster"
    ROSTER_OFF = "roster_off"
    CALENDAR = "calendar"
    """A make-up day, a holiday, or what the company said."""
    WEEK = "week"
    NO_HOURS = "no_hours"
    """No shift holds for the person."""
    WHOSE_DAY = "whose_day"
    """A make-up day, and the person does not work Monday to Friday."""
    NO_CALENDAR = "no_calendar"
    """Nobody knows the holidays of this year or place."""
    SITES_DISAGREE = "sites_disagree"
    """The person has several sites on this day, and it is not the same day at each."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Working hours at one time (UTC ms)."""

    day: dt.date
    """The day to which it belongs: on which it begins."""
    from_ms: int
    to_ms: int
    core: tuple[int, int] | None = None
    minimum_ms: int | None = None
    """Of flexible hours: when to be there, and for how long."""
    site_id: str | None = None
    """Holds for punches at this site only; None: at any."""

    def end_for(self, start_ms: int) -> int:
        """When it is over for somebody who came at `start_ms` and never punched out. Of flexible
        hours no more is taken to be claimed than was owed."""
        if self.core is None or self.minimum_ms is None:
            return self.to_ms
        owed_ms = max(start_ms, self.from_ms) + self.minimum_ms
        return min(self.to_ms, max(self.core[1], owed_ms))


@dataclass(frozen=True, slots=True)
class PlannedDay:
    """What was expected on a day, and why."""

    day: dt.date
    zone: str
    """IANA name: whose midnight and whose wall clock."""
    expected: Expected
    because: Because
    calendar: CalendarDay
    shift_id: str
    """"": the weekly hours in the directory."""
    stretches: tuple[Stretch, ...] = ()
    """Also where it is not known whether they hold: somebody who punched in tells by that that they
    worked, and these tell until when."""


@dataclass(frozen=True, slots=True)
class Rostered:
    """What a roster says of one day; `pattern` None: off."""

    shift_id: str
    pattern: Pattern | None


def planned_day(
    day: dt.date,
    zone: ZoneInfo,
    calendar: CalendarDay,
    pattern: Pattern | None,
    shift_id: str = "",
    rostered: Rostered | None = None,
) -> PlannedDay:
    """Put roster, hours and calendar together. `pattern` None, or without hours: none hold."""
    if rostered is not None:
        shift_id, pattern = rostered.shift_id, rostered.pattern
    expected, because, hours = _decide(day, calendar, pattern, rostered)
    flexible = None if pattern is None else pattern.flexible
    stretches = tuple(stretches_on(day, hours, zone, flexible))
    return PlannedDay(day, zone.key, expected, because, calendar, shift_id, stretches)


def merged(by_site: Mapping[str, PlannedDay]) -> PlannedDay:
    """One day of somebody with several sites, at least one. Where the sites differ, hours hold for
    punches at their own site, and whether work was expected is known if they agree."""
    first, *others = (by_site[site_id] for site_id in sorted(by_site))
    if all(one == first for one in others):
        return first
    stretches = [
        replace(stretch, site_id=site_id)
        for site_id, planned in sorted(by_site.items())
        for stretch in planned.stretches
    ]
    stretches.sort(key=lambda one: (one.from_ms, one.to_ms, one.site_id))
    told = replace(first, stretches=tuple(stretches))
    if all(one.expected is first.expected for one in others):
        return told
    return replace(told, expected=Expected.UNKNOWN, because=Because.SITES_DISAGREE)


def _decide(
    day: dt.date, calendar: CalendarDay, pattern: Pattern | None, rostered: Rostered | None
) -> tuple[Expected, Because, tuple[Shift, ...]]:
    hours = () if pattern is None else pattern.on(day.weekday())
    if rostered is not None:
        if rostered.pattern is None:
            return Expected.DAY_OFF, Because.ROSTER_OFF, ()
        return Expected.WORKDAY, Because.ROSTER, hours
    if pattern is None or not pattern.weekly:
        return Expected.UNKNOWN, Because.NO_HOURS, ()
    match calendar.meaning:
        case Meaning.DAY_OFF:
            return Expected.DAY_OFF, Because.CALENDAR, ()
        case Meaning.WORKDAY:
            return _made_up(pattern, hours, is_weekend=day.weekday() >= 5)
        case Meaning.UNKNOWN:
            return Expected.UNKNOWN, Because.NO_CALENDAR, hours
        case Meaning.USUAL:
            return (Expected.WORKDAY if hours else Expected.DAY_OFF), Because.WEEK, hours


def _made_up(
    pattern: Pattern, hours: tuple[Shift, ...], *, is_weekend: bool
) -> tuple[Expected, Because, tuple[Shift, ...]]:
    """A make-up Saturday stands for a day of the week: its hours are those, not Saturday's."""
    if hours and not is_weekend:
        return Expected.WORKDAY, Because.CALENDAR, hours
    usual = pattern.usual()
    if usual is not None:
        return Expected.WORKDAY, Because.CALENDAR, usual
    return Expected.UNKNOWN, Because.WHOSE_DAY, hours


def stretches_on(
    day: dt.date, hours: Iterable[Shift], zone: ZoneInfo, flexible: Flexible | None = None
) -> Iterable[Stretch]:
    """Wall-clock hours of a day as moments, whatever weekday they are of."""
    for one in hours:
        from_ms, to_ms = at_ms(day, one.from_min, zone), at_ms(day, one.to_min, zone)
        if to_ms <= from_ms:  # within the hour that a change to daylight saving leaves out
            continue
        if flexible is None:
            yield Stretch(day, from_ms, to_ms)
        else:
            core = (
                at_ms(day, flexible.core_from_min, zone),
                at_ms(day, flexible.core_to_min, zone),
            )
            yield Stretch(day, from_ms, to_ms, core, flexible.minimum_min * _MIN_MS)


@functools.lru_cache(maxsize=8192)  # everybody's days begin and end at the same few times
def at_ms(day: dt.date, minute: int, zone: ZoneInfo) -> int:
    """What the wall clock calls `minute` after midnight of `day`: on a day with a change of
    daylight saving a shift to 18:00 ends at 18:00, an hour earlier or later than usual. An hour
    that comes twice is meant the first time."""
    later_day = day + dt.timedelta(days=minute // _DAY_MIN)
    hour, minute = divmod(minute % _DAY_MIN, 60)
    local = dt.datetime(later_day.year, later_day.month, later_day.day, hour, minute, tzinfo=zone)
    return int(local.astimezone(dt.UTC).timestamp() * 1000)


def day_of(moment_ms: int, zone: ZoneInfo) -> dt.date:
    """The day that a moment is in, in a zone."""
    return dt.datetime.fromtimestamp(moment_ms / 1000, zone).date()


def days_between(first: dt.date, last: dt.date) -> list[dt.date]:
    """Both included."""
    return [first + dt.timedelta(days=offset) for offset in range((last - first).days + 1)]
