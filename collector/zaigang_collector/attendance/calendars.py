"""What a day is: whether people work, by whose word. Pure.

the site's own day      what HR set or imported for this site
the company's day       the same for all sites
a whole year            said to be all of the days off and make-up days that there are
the State Council's     statutory holidays with make-up workdays, for sites in mainland China
otherwise               nobody knows: told loudly, never guessed, never held against anybody
"""

from __future__ import annotations

import datetime as dt
import enum
import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import chinese_calendar

MAINLAND: Final = frozenset(
    {
        "Asia/Shanghai",
        "Asia/Urumqi",
        "Asia/Chongqing",
        "Asia/Chungking",
        "Asia/Harbin",
        "Asia/Kashgar",
        "PRC",
    }
)
"""Zones in which the State Council says what a holiday is. Hong Kong, Macau and Taiwan have their own."""
YEARS: Final = range(2000, 2101)
"""Of which days can be asked for and set: any other is a slip of the pen."""
REASON_MAX: Final = 200
_CHINESE_NAMES: Final = {one.value: one.chinese for one in chinese_calendar.Holiday}


class Rule(enum.StrEnum):
    """What a company can say of a day."""

    WORKDAY = "workday"
    DAY_OFF = "day_off"
    USUAL = "usual"
    """As the week has it, whatever the State Council says."""


class Meaning(enum.StrEnum):
    """What a day is to somebody with a shift."""

    WORKDAY = "workday"
    """Also where the week has none: a make-up day."""
    DAY_OFF = "day_off"
    USUAL = "usual"
    """The week of the shift decides."""
    UNKNOWN = "unknown"
    """Nobody said, and nobody may guess."""


class Origin(enum.StrEnum):
    """By whose word."""

    SITE = "site"
    COMPANY = "company"
    STATUTORY = "statutory"
    NO_DATA_FOR_YEAR = "no_data_for_year"
    NO_CALENDAR = "no_calendar"


@dataclass(frozen=True, slots=True)
class SetDay:
    """What was said of one day."""

    rule: Rule
    reason: str


@dataclass(frozen=True, slots=True)
class OwnCalendar:
    """What one site, or the company as a whole, said itself."""

    days: Mapping[dt.date, SetDay] = field(default_factory=dict)
    whole_years: frozenset[int] = frozenset()
    """Of these there are no days off and make-up days but those that were said."""


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """What a day is, and who says so."""

    meaning: Meaning
    origin: Origin
    reason_zh: str = ""
    reason_en: str = ""
    """The holiday's name, or the company's words (in whichever language they are)."""


def look_up(day: dt.date, zone: str, site: OwnCalendar, company: OwnCalendar) -> CalendarDay:
    """What `day` is at a site in the IANA zone `zone`."""
    for own, origin in ((site, Origin.SITE), (company, Origin.COMPANY)):
        said = own.days.get(day)
        if said is not None:
            return CalendarDay(Meaning(said.rule.value), origin, said.reason, said.reason)
        if day.year in own.whole_years:
            # A site that gave its whole year has it alone; days of the company do not count there.
            return CalendarDay(Meaning.USUAL, origin)
    if zone not in MAINLAND:
        return CalendarDay(Meaning.UNKNOWN, Origin.NO_CALENDAR, zone, zone)
    return _statutory(day)


@functools.lru_cache(maxsize=4096)  # everybody's days are the same ones
def _statutory(day: dt.date) -> CalendarDay:
    try:
        is_off, name = chinese_calendar.get_holiday_detail(day)
    except NotImplementedError:
        year = str(day.year)
        return CalendarDay(Meaning.UNKNOWN, Origin.NO_DATA_FOR_YEAR, year, year)
    if name is None:  # an ordinary day: also a Saturday, on which a shop's people may work
        return CalendarDay(Meaning.USUAL, Origin.STATUTORY)
    meaning = Meaning.DAY_OFF if is_off else Meaning.WORKDAY
    return CalendarDay(meaning, Origin.STATUTORY, _CHINESE_NAMES.get(name, name), name)
