"""Approved leave, trips and 外出, a row for each person and day. Pure."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from zaigang_collector.attendance.model import ExemptionKind
from zaigang_collector.connectors import fields
from zaigang_collector.connectors.contract import Absence
from zaigang_collector.connectors.fields import FieldError
from zaigang_collector.connectors.rows import made_id

_DATE: Final = re.compile(r"20[0-9]{6}")
_CENTURY: Final = re.compile(r"20[0-9]{2}-")
_DAY: Final = dt.timedelta(days=1)
_SECOND: Final = dt.timedelta(seconds=1)
_END_OF_DAY: Final = dt.time(23, 59, 59)


def absences(given: object, outs_are: ExemptionKind, zone: ZoneInfo) -> list[Absence]:
    """All stretches of a row. Overtime is none of them. Raises FieldError."""
    row = fields.mapping(given, "approval")
    who = fields.needed_identifier(row, "user_id")
    there, day = _zone(row, zone), _day(row)
    kinds = {
        "leaves": ExemptionKind.LEAVE,
        "trips": ExemptionKind.BUSINESS_TRIP,
        "outs": outs_are,
    }
    return [
        _absence(who, name, why, begin, end)
        for name, why in kinds.items()
        for one in fields.sequence(row.get(name), name)
        for begin, end in _stretches(fields.mapping(one, name), day, there)
    ]


def _stretches(
    one: Mapping[str, Any], day: dt.date, zone: ZoneInfo
) -> Iterator[tuple[dt.datetime, dt.datetime]]:
    """What one approval says, and the row's own day where it ends with the midnight before: by days,
    "to the 22nd" is all of the 22nd, so that nobody is looked at on a day of leave."""
    begin, end = (_moment(one, name, zone) for name in ("start_time", "end_time"))
    if end.time() == _END_OF_DAY:
        end += _SECOND
    if begin > end:
        raise FieldError("end_time", "a time after start_time")
    if begin < end:
        yield begin, end
    first = dt.datetime.combine(day, dt.time(), zone)
    if end == first:
        yield first, first + _DAY
    elif begin == end:
        raise FieldError("end_time", "a time after start_time")


def _absence(
    who: str, name: str, why: ExemptionKind, begin: dt.datetime, end: dt.datetime
) -> Absence:
    from_ms, to_ms = (round(one.timestamp() * 1000) for one in (begin, end))
    # An approval has an id, and may be of several stretches: the stretch itself makes one.
    vendor_id = made_id("feishu", who, name, from_ms, to_ms)
    return Absence(vendor_id=vendor_id, person=who, from_ms=from_ms, to_ms=to_ms, why=why)


def _moment(one: Mapping[str, Any], name: str, zone: ZoneInfo) -> dt.datetime:
    value = one.get(name)
    try:
        if isinstance(value, str) and _CENTURY.match(value):
            return dt.datetime.strptime(value, "%Y-%m-%d %H:%M:%S").replace(tzinfo=zone)
    except ValueError:
        pass
    raise FieldError(name, "a time like 2026-09-21 09:00:00")


def _day(row: Mapping[str, Any]) -> dt.date:
    value = str(row.get("date"))
    try:
        if _DATE.fullmatch(value):
            return dt.date(int(value[:4]), int(value[4:6]), int(value[6:]))
    except ValueError:
        pass
    raise FieldError("date", "a day like 20260921")


def _zone(row: Mapping[str, Any], zone: ZoneInfo) -> ZoneInfo:
    """In which the times are: the row says it; "" is UTC, as of people who left."""
    value = row.get("time_zone")
    if value is None:
        return zone
    try:
        if isinstance(value, str):
            return ZoneInfo(value or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        pass
    raise FieldError("time_zone", "a name like Asia/Shanghai")
