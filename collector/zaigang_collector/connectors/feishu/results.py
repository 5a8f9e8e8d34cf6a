"""What Feishu made of days: which punches it counts, and as what. Pure.

A punch (打卡流水) does not say whether it was in or out. The day's result (打卡结果) names the two that
count for each shift by their ids; all others of that day are not counted, as the first of two
clock-outs.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from zaigang_collector.attendance.model import Direction
from zaigang_collector.connectors import fields
from zaigang_collector.connectors.fields import FieldError

_SIDES: Final = {"check_in": Direction.IN, "check_out": Direction.OUT}
_NO_RECORD: Final = ("", "0")
_NO_GROUP: Final = "1"
_DAY: Final = dt.timedelta(days=1)
# So long after its planned end a shift of the day before may still be punched out of. Larger calls the
# next day's punches not counted, where nothing is known of that day; smaller misses that a punch after
# a long night does not count.
_AFTER_S: Final = 4 * 3600


@dataclass(frozen=True, slots=True)
class Counted:
    """As what a punch counts."""

    direction: Direction
    day: int
    """Of the shift, as 20260921: not always the day on which it was."""
    group_id: str | None
    """The attendance group; None: none."""
    result: str | None
    """`Normal`, `Late`, …"""
    supplement: str | None
    """`ManagerModification`, `FieldPunch`, …"""

    def kept(self) -> dict[str, Any]:
        """What is kept of it beside the punch."""
        told = {
            "counts_as": self.direction.value,
            "day": self.day,
            "group_id": self.group_id,
            "result": self.result,
            "result_supplement": self.supplement,
        }
        return {name: value for name, value in told.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Results:
    """All that was asked for."""

    counted: Mapping[str, Counted] = field(default_factory=dict)
    """By id of the punch."""
    ends_s: Mapping[tuple[str, int], int] = field(default_factory=dict)
    """By person and day, as 20260921, of which a punch counts: when its last shift was to end, as a
    Unix time; 0: not told."""

    def judged(self, person: str, at: dt.datetime) -> bool:
        """Whether a punch at that time, in the local clock, would be named if it counted."""
        if (person, number(at.date())) in self.ends_s:
            return True
        night_s = self.ends_s.get((person, number(at.date() - _DAY)), 0)
        return at.timestamp() <= night_s + _AFTER_S


def number(day: dt.date) -> int:
    """A day as Feishu writes it."""
    return day.year * 10_000 + day.month * 100 + day.day


@dataclass(frozen=True, slots=True)
class Row:
    """One day of one person."""

    person: str
    day: int
    named: tuple[tuple[str, Counted], ...]
    """Ids of punches, those of shifts before those of overtime, which may name the same."""
    ends_s: int
    """When the last shift was to end; 0: not told."""


def read(given: object) -> Row:
    """A row of user_tasks. Raises FieldError."""
    row = fields.mapping(given, "result")
    person = fields.needed_identifier(row, "user_id")
    day = fields.needed_integer(row, "day")
    group_id = fields.identifier(row, "group_id")
    found, ends_s = [], 0
    for one in fields.sequence(row.get("records"), "records"):
        record = fields.mapping(one, "records")
        overtime = fields.integer(record, "task_shift_type") or 0
        group = None if group_id == _NO_GROUP else group_id
        found += [(overtime, name, counted) for name, counted in _sides(record, day, group)]
        ends_s = max(ends_s, fields.integer(record, "check_out_shift_time") or 0)
    found.sort(key=lambda each: each[:2])
    return Row(person, day, tuple((name, counted) for _, name, counted in found), ends_s)


def gathered(rows: list[Row]) -> Results:
    """All rows together."""
    counted: dict[str, Counted] = {}
    ends_s: dict[tuple[str, int], int] = {}
    for row in sorted(rows, key=lambda one: (one.day, one.person)):
        for name, one in row.named:
            counted.setdefault(name, one)
        if row.named:
            key = row.person, row.day
            ends_s[key] = max(ends_s.get(key, 0), row.ends_s)
    return Results(counted, ends_s)


def _sides(
    record: Mapping[str, Any], day: int, group_id: str | None
) -> Iterator[tuple[str, Counted]]:
    for side, direction in _SIDES.items():
        name = fields.identifier(record, f"{side}_record_id") or ""
        if name not in _NO_RECORD:
            result, supplement = (
                _word(record, f"{side}_{what}") for what in ("result", "result_supplement")
            )
            yield name, Counted(direction, day, group_id, result, supplement)


def _word(record: Mapping[str, Any], name: str) -> str | None:
    try:
        return fields.word(record, name)
    except FieldError:
        return None  # nothing hangs on it, and it may be a sentence
