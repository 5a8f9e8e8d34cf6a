"""A company's calendar from an iCalendar file (RFC 5545): whole days, each said once.

Understood: events of whole days with a summary that says what the day is: 补班, 上班, （班）, workday;
or 休, 放假, holiday, day off. Whoever knows that the other events are days off, or workdays, says so
as `others`. A file with anything that would have to be guessed at (a solar term, times of day,
repetitions, broken lines, a day that is both) is refused as a whole, with every problem.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from typing import Final

from icalendar import Calendar, Component

from zaigang_collector.attendance.calendars import REASON_MAX, YEARS, Rule, SetDay
from zaigang_collector.errors import CsvError, LineProblem

MAX_BYTES: Final = 4 * 1024 * 1024  # a century of holidays is far below this
# The longest that an event can be. Larger lets a wrong year shut a company; smaller refuses a
# factory's summer.
MAX_DAYS: Final = 62
_WORKDAY: Final = re.compile(
    r"补班|(?<!不)上班|^班$|[（(]班[)）]|(?<!non-)\bwork(?:ing )?day\b", re.IGNORECASE
)
_DAY_OFF: Final = re.compile(
    r"休|放假|不上班|\bholiday\b|\bdays? off\b|\bnon-working day\b", re.IGNORECASE
)
_DAY: Final = dt.timedelta(days=1)
_REPEATING: Final = ("RRULE", "RDATE", "EXDATE", "RECURRENCE-ID")


class _ProblemError(Exception):
    """What is not understood of one event."""

    def __init__(self, expected: str, found: str = "") -> None:
        super().__init__(expected)
        self.expected = expected
        self.found = found


def read(data: bytes, others: Rule | None = None) -> Mapping[dt.date, SetDay]:
    """Days by date. `others`: what a day is whose summary does not say it; None: refused.

    Raises CsvError with all problems, each at the line on which its event begins.
    """
    days: dict[dt.date, SetDay] = {}
    problems: list[LineProblem] = []
    for line, event in zip(_lines(data), _events(data), strict=False):
        try:
            for day, said in _days(event, others):
                if days.setdefault(day, said).rule is not said.rule:
                    raise _ProblemError("each day once, or the same each time", day.isoformat())
        except _ProblemError as problem:
            problems.append(LineProblem(line, "VEVENT", problem.expected, problem.found[:40]))
    if not days and not problems:
        problems.append(LineProblem(1, "", "at least one VEVENT with a whole day"))
    if problems:
        raise CsvError(problems)
    return dict(sorted(days.items()))


def _lines(data: bytes) -> list[int]:
    """On which lines events begin."""
    lines = data.splitlines()
    return [at for at, one in enumerate(lines, start=1) if one.upper().strip() == b"BEGIN:VEVENT"]


def _events(data: bytes) -> list[Component]:
    if len(data) > MAX_BYTES:
        raise CsvError([LineProblem(1, "", f"a file of at most {MAX_BYTES} bytes")])
    try:
        found = Calendar.from_ical(data)
    except (ValueError, KeyError, IndexError, AttributeError, TypeError, RecursionError) as error:
        # What the library says of hostile bytes is not always a ValueError.
        expected = "an iCalendar file: BEGIN:VCALENDAR … END:VCALENDAR, in UTF-8"
        raise CsvError([LineProblem(1, "", expected)]) from error
    if found.errors:
        raise CsvError([LineProblem(1, "", f"lines that can be read ({found.errors[0][1]})")])
    return found.walk("VEVENT")


def _days(event: Component, others: Rule | None) -> Iterator[tuple[dt.date, SetDay]]:
    if event.errors:
        raise _ProblemError("lines that can be read", str(event.errors[0][1]))
    for name in _REPEATING:
        if name in event:
            raise _ProblemError("no repetition: export each day by itself", name)
    if str(event.get("STATUS", "")).upper() == "CANCELLED":
        return
    first = _date(event, "DTSTART")
    last = _last(event, first)
    reason = _summary(event)
    rule = _rule(reason) or others
    if rule is None:
        raise _ProblemError(
            "a SUMMARY that says 补班, 上班, workday, or 休, 放假, holiday, day off; where all others "
            "are of one kind, say which with --others",
            reason,
        )
    for offset in range((last - first).days + 1):
        yield first + dt.timedelta(days=offset), SetDay(rule, reason)


def _rule(reason: str) -> Rule | None:
    """What a summary says; 调休补班 has the words of both, and is a workday."""
    if _WORKDAY.search(reason):
        return Rule.WORKDAY
    return Rule.DAY_OFF if _DAY_OFF.search(reason) else None


def _last(event: Component, first: dt.date) -> dt.date:
    """DTEND of whole days is the day after the last one (RFC 5545, 3.6.1)."""
    length = _DAY
    if "DTEND" in event:
        length = _date(event, "DTEND") - first
    elif "DURATION" in event:
        said = getattr(event["DURATION"], "dt", None)
        if not isinstance(said, dt.timedelta) or said % _DAY:
            raise _ProblemError("a duration of whole days", str(said))
        length = said
    if length < _DAY:
        raise _ProblemError("an end after the beginning", f"{length.days} days")
    if length > MAX_DAYS * _DAY:
        raise _ProblemError(f"at most {MAX_DAYS} days", f"{length.days} days")
    return first + length - _DAY


def _date(event: Component, name: str) -> dt.date:
    value = getattr(event.get(name), "dt", None)
    if isinstance(value, dt.datetime) or not isinstance(value, dt.date):
        raise _ProblemError(f"{name} as a whole day, VALUE=DATE:20261001", str(value))
    if value.year not in YEARS:
        raise _ProblemError(f"{name} from {YEARS[0]} to {YEARS[-1]}", str(value))
    return value


def _summary(event: Component) -> str:
    text = " ".join(str(event.get("SUMMARY", "")).split())
    if not text or not text.isprintable() or len(text) > REASON_MAX:
        raise _ProblemError(f"SUMMARY with the reason, up to {REASON_MAX} characters", text)
    return text
