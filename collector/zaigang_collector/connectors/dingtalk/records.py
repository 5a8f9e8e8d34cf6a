"""DingTalk's records, read by an allow-list. Pure.

Kept of a record are ids, times, words of enumerations and coordinates: what is listed in `_KEPT_*`,
as DingTalk wrote it, numbers as numbers. Never read are texts that people wrote or that name a
place: remarks, reasons, addresses of where somebody was, images. Network names are kept as hashes.

Without an id, a person and a time there is no record, and FieldError is raised. Any other field that
cannot be read is left out and told as odd.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from zaigang_collector.attendance.model import (
    EARLIEST_MS,
    Direction,
    ExemptionKind,
    Flag,
    Point,
)
from zaigang_collector.attendance.model import Kind as Word
from zaigang_collector.connectors import fields, networks, placing, written
from zaigang_collector.connectors.contract import Absence, Log, Person, Place, Punch, Standing
from zaigang_collector.connectors.fields import FieldError
from zaigang_collector.connectors.rows import Row, canonical, made_id
from zaigang_collector.directory import datum
from zaigang_collector.directory.datum import Datum
from zaigang_collector.matching.earth import is_position

_SOURCE: Final = "dingtalk"
_KEPT_INTEGERS: Final = (
    "id", "userCheckTime", "baseCheckTime", "planCheckTime", "workDate", "gmtCreate",
    "gmtModified", "planId", "groupId", "classId", "approveId",
)  # fmt: skip
_KEPT_NUMBERS: Final = ("userLatitude", "userLongitude", "userAccuracy")
_KEPT_WORDS: Final = (
    "checkType", "timeResult", "locationResult", "sourceType", "locationMethod", "isLegal",
    "invalidRecordType",
)  # fmt: skip
_KEPT_IDS: Final = ("bizId", "corpId", "userId", "deviceId", "deviceSN", "procInstId")

_DIRECTIONS: Final = {"OnDuty": Direction.IN, "OffDuty": Direction.OUT}
_WORDS: Final = {
    "USER": Word.OWN,
    "BEACON": Word.OWN,  # the person's phone, beside a beacon of DingTalk's
    "AUTO_CHECK": Word.OWN,  # 极速打卡: the person's phone, by itself
    "ATM": Word.TERMINAL,
    "DING_ATM": Word.TERMINAL,
    "BOSS": Word.CORRECTED_MANAGER,
    "APPROVE": Word.CORRECTED_APPROVAL,
}
_SYSTEM: Final = "SYSTEM"
_NOT_SIGNED: Final = "NotSigned"
_OUTSIDE: Final = "Outside"
_MOCKED: Final = "MockLocation"
_ACCURACY_MOST_M: Final = 100_000.0
_DAY: Final = timedelta(days=1)
_LEAVE_BY_DAYS: Final = "percent_day"
_LATEST_MS: Final = 4_102_444_800_000  # 2100-01-01


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading needs to know."""

    datum: Datum
    net_key: bytes
    zone: ZoneInfo


def punch(given: object, reading: Reading) -> Punch:
    """A row of listRecord. Raises FieldError."""
    row = Row(fields.mapping(given, "record"))
    vendor_id = fields.needed_identifier(row.fields, "id")
    who = fields.needed_identifier(row.fields, "userId")
    punched_ms = fields.needed_integer(row.fields, "userCheckTime")
    kept = _kept(row)
    source_type = row.get(fields.word, "sourceType")
    word = _WORDS.get(source_type or "", Word.UNKNOWN)
    if word is Word.UNKNOWN and source_type not in (None, _SYSTEM):
        row.odd.append(f"sourceType {source_type}")
    check_type = row.get(fields.word, "checkType")
    if check_type is not None and check_type not in _DIRECTIONS:
        row.odd.append(f"checkType {check_type}")
    point = _point(row, "userLatitude", "userLongitude", reading)
    network = _network(row, kept, reading)
    return Punch(
        vendor_id=vendor_id,
        person=who,
        direction=_DIRECTIONS.get(check_type or ""),
        punched_ms=punched_ms,
        received_ms=row.get(fields.integer, "gmtCreate"),
        word=word,
        standing=_standing(row, kept, source_type),
        place=Place(point, network, _names(row)),
        device=row.get(fields.identifier, "deviceId") or row.get(fields.identifier, "deviceSN"),
        flags=(Flag.MOCK_LOCATION,) if _mocked(row.fields) else (),
        record=canonical(kept),
        odd=tuple(row.odd),
    )


def check_in(given: object, reading: Reading) -> Punch:
    """A row of the check-in records (签到). It has no id: who and when make one. Raises FieldError."""
    row = Row(fields.mapping(given, "record"))
    who = fields.needed_identifier(row.fields, "userId")
    at_ms = fields.needed_integer(row.fields, "checkinTime")
    point = _point(row, "latitude", "longitude", reading)
    kept: dict[str, Any] = {"userId": who, "checkinTime": at_ms}
    for name in ("latitude", "longitude"):
        if (value := row.get(fields.number, name)) is not None:
            kept[name] = value
    return Punch(
        vendor_id=f"checkin-{made_id(_SOURCE, who, at_ms)}",
        person=who,
        # Arriving somewhere. Where nobody checks out, moving on or the end of the shift ends it.
        direction=Direction.IN,
        punched_ms=at_ms,
        word=Word.OWN,
        place=Place(point),
        record=canonical(kept),
        odd=tuple(row.odd),
    )


def person(given: object) -> Person:
    """A row of user/list. Raises FieldError."""
    row = fields.mapping(given, "user")
    vendor_id = fields.needed_identifier(row, "userid")
    number = fields.identifier(row, "job_number")
    return Person(vendor_id, None if number is None else number.strip() or None)


def leave(given: object, reading: Reading) -> Absence:
    """A row of getleavestatus. It has no id: who, from and to make one. Raises FieldError."""
    row = fields.mapping(given, "leave")
    who = fields.needed_identifier(row, "userid")
    from_ms = fields.needed_integer(row, "start_time")
    to_ms = fields.needed_integer(row, "end_time")
    if not EARLIEST_MS <= from_ms <= to_ms <= _LATEST_MS:
        raise FieldError("end_time", "a time after start_time, both from 2000 to 2099")
    hundredths = fields.integer(row, "duration_percent")
    if row.get("duration_unit") == _LEAVE_BY_DAYS and hundredths:
        to_ms = _end_of_days(from_ms, to_ms, hundredths / 100, reading.zone)
    if from_ms == to_ms:
        raise FieldError("end_time", "a time after start_time")
    return Absence(
        vendor_id=made_id(_SOURCE, who, from_ms, to_ms),
        person=who,
        from_ms=from_ms,
        to_ms=to_ms,
        why=ExemptionKind.LEAVE,
    )


def _end_of_days(from_ms: int, to_ms: int, days: float, zone: ZoneInfo) -> int:
    """Leave by days may name the midnight with which its last day begins: it lasts as long as it says,
    so that nobody is looked at on a day of leave."""
    end = datetime.fromtimestamp(to_ms / 1000, zone)
    told_ms = days * _DAY.total_seconds() * 1000
    if (end.hour, end.minute) == (0, 0) and to_ms - from_ms < told_ms:
        return round((end + _DAY).timestamp() * 1000)
    return to_ms


def _kept(row: Row) -> dict[str, Any]:
    readers: tuple[tuple[tuple[str, ...], Callable[[Mapping[str, Any], str], Any]], ...] = (
        (_KEPT_INTEGERS, fields.integer),
        (_KEPT_NUMBERS, fields.number),
        (_KEPT_WORDS, fields.word),
        (_KEPT_IDS, fields.identifier),
    )
    kept = {name: row.get(reader, name) for names, reader in readers for name in names}
    return {name: value for name, value in kept.items() if value is not None}


def _standing(row: Row, kept: Mapping[str, Any], source_type: str | None) -> Standing:
    if source_type == _SYSTEM or kept.get("timeResult") == _NOT_SIGNED:
        return Standing.NO_PUNCH  # its time is the one that was planned: nobody punched then
    # Either field alone says so, also with a value that we do not read.
    told = row.fields.get("invalidRecordType"), row.fields.get("invalidRecordMsg")
    return Standing.DISCOUNTED if any(told) else Standing.COUNTS


def work_log(row: object) -> Log:
    """A work log (日志): who handed it in and when. Its text is searched in memory. Raises FieldError."""
    given = fields.mapping(row, "work log")
    kept: dict[str, Any] = {
        "report_id": fields.needed_identifier(given, "report_id"),
        "creator_id": fields.needed_identifier(given, "creator_id"),
        "create_time": fields.needed_integer(given, "create_time"),
        "modified_time": fields.integer(given, "modified_time"),
    }
    contents = fields.sequence(given.get("contents"), "contents")
    return Log(
        vendor_id=kept["report_id"],
        person=kept["creator_id"],
        handed_in_ms=kept["create_time"],
        text=written.joined(one.get("value") for one in contents if isinstance(one, dict)),
        record=canonical(kept),
    )


def _mocked(row: Mapping[str, Any]) -> bool:
    return _MOCKED in (row.get("invalidRecordType"), row.get("invalidRecordMsg"))


def _names(row: Row) -> tuple[tuple[str, str], ...]:
    """By which the site may be known. The rule's own place is not where somebody was outside."""
    found = [(placing.TERMINAL, row.get(fields.identifier, "deviceSN"))]
    if row.fields.get("locationResult") != _OUTSIDE:
        found.append((placing.ADDRESS, row.get(fields.identifier, "baseAddress")))
        found.append((placing.GROUP, row.get(fields.identifier, "groupId")))
    return tuple((what, value) for what, value in found if value is not None)


def _network(row: Row, kept: dict[str, Any], reading: Reading) -> bytes | None:
    """The access point's hash; it and the name's are noted in what is kept."""
    bssid, ssid = row.fields.get("userMacAddr"), row.fields.get("userSsid")
    found = networks.access_point(reading.net_key, bssid) if isinstance(bssid, str) else None
    if found is not None:
        kept["userMacAddrHash"] = found.hex()
    if isinstance(ssid, str) and ssid:
        kept["userSsidHash"] = networks.name(reading.net_key, ssid).hex()
    return found


def _point(row: Row, north: str, east: str, reading: Reading) -> Point | None:
    latitude, longitude = row.get(fields.number, north), row.get(fields.number, east)
    if latitude is None or longitude is None or not is_position(latitude, longitude):
        return None
    accuracy_m = row.get(fields.number, "userAccuracy")
    if accuracy_m is not None and not 0 <= accuracy_m <= _ACCURACY_MOST_M:
        accuracy_m = None
    try:
        wgs84 = datum.to_wgs84(latitude, longitude, reading.datum)
    except ValueError:
        return None
    return Point(*wgs84, reading.datum.value, accuracy_m)
