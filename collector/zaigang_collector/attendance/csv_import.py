"""Clock-ins from a spreadsheet: all of the file or nothing, with every problem at its line."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from zaigang_collector.attendance import service
from zaigang_collector.attendance.model import (
    BELIEVABLE,
    Direction,
    Flag,
    Kind,
    NewClockIn,
    Outcome,
    Point,
    believable,
)
from zaigang_collector.db import Randomness
from zaigang_collector.directory import csv_reader, datum
from zaigang_collector.directory import service as directory
from zaigang_collector.directory.csv_reader import Column, Row
from zaigang_collector.vault.service import Vault
from zaigang_shared import cbor

SOURCE: Final = "csv"

COLUMNS: Final = (
    Column("employee", ("employee_id", "工号", "员工工号", "员工编号")),
    Column("site", ("site_id", "地点", "驻场地点", "地点编号")),
    Column("direction", ("type", "方向", "打卡类型", "考勤类型")),
    Column("punched_at", ("time", "打卡时间", "考勤打卡时间")),
    Column("received_at", ("接收时间", "平台接收时间"), required=False),
    Column("source", ("来源", "打卡来源"), required=False),
    Column("source_id", ("id", "记录编号", "流水号"), required=False),
    Column("kind", ("性质", "打卡方式"), required=False),
    Column("latitude", ("纬度",), required=False),
    Column("longitude", ("经度",), required=False),
    Column("datum", ("坐标系",), required=False),
    Column("accuracy_m", ("精度", "精度米"), required=False),
    Column("flags", ("标记", "异常标记"), required=False),
    Column("source_device", ("device", "打卡设备"), required=False),
)

_DIRECTIONS: Final = {
    "in": Direction.IN,
    "out": Direction.OUT,
    "上班": Direction.IN,
    "下班": Direction.OUT,
    "签到": Direction.IN,
    "签退": Direction.OUT,
    "onduty": Direction.IN,
    "offduty": Direction.OUT,
}
_KINDS: Final = {kind.value: kind for kind in Kind} | {
    "本人": Kind.OWN,
    "考勤机": Kind.TERMINAL,
    "主管补卡": Kind.CORRECTED_MANAGER,
    "审批补卡": Kind.CORRECTED_APPROVAL,
}
_TIME: Final = "a time as 2026-09-21 08:55:10 (of the site) or 2026-09-21T08:55:10+08:00"


@dataclass(slots=True)
class ImportResult:
    """What an import did."""

    added: int = 0
    new_versions: int = 0
    unchanged: int = 0
    employees: set[str] = field(default_factory=set)
    """Whose intervals may have changed."""


def import_clock_ins(
    conn: Connection, vault: Vault, data: bytes | str, now_ms: int, randomness: Randomness
) -> ImportResult:
    """Record every line of a CSV file. The same file again changes nothing.

    Raises CsvError with all problems; then nothing was recorded.
    """
    table = csv_reader.read(data, COLUMNS)
    zones = _Known(conn)
    read = [_read(row, zones, now_ms) for row in table.rows]
    _refuse_repeated(table.rows, read)
    table.finish()
    result = ImportResult()
    news = [new for new in read if new is not None]  # of others finish() told the problem
    for recorded in service.record_all(conn, vault, news, now_ms, randomness):
        result.employees.add(recorded.clock_in.content.employee_id)
        match recorded.outcome:
            case Outcome.ADDED:
                result.added += 1
            case Outcome.NEW_VERSION:
                result.new_versions += 1
            case Outcome.UNCHANGED:
                result.unchanged += 1
    return result


class _Known:
    """The directory, asked once for each id."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._zones: dict[str, ZoneInfo | None] = {}
        self._people: dict[str, bool] = {}

    def site_zone(self, site_id: str) -> ZoneInfo | None:
        """None for a site that there is not."""
        if site_id not in self._zones:
            site = directory.get_site(self._conn, site_id)
            self._zones[site_id] = None if site is None else ZoneInfo(site.time_zone)
        return self._zones[site_id]

    def person(self, employee_id: str) -> bool:
        if employee_id not in self._people:
            employee = directory.get_employee(self._conn, employee_id)
            self._people[employee_id] = employee is not None
        return self._people[employee_id]


def _read(row: Row, known: _Known, now_ms: int) -> NewClockIn | None:
    employee_id = row.take("employee", str, "the id of an employee")
    if employee_id is not None and not known.person(employee_id):
        row.wrong("employee", "the id of a known employee (`people list` shows them)")
        employee_id = None
    site_id = row.take("site", str, "the id of a site")
    zone = None if site_id is None else known.site_zone(site_id)
    if site_id is not None and zone is None:
        row.wrong("site", "the id of a known site (`sites list` shows them)")
    direction = row.take("direction", _direction, "in or out (上班 or 下班)")
    kind = row.maybe("kind", _kind, "one of " + ", ".join(_KINDS))
    flags = row.maybe("flags", _flags, "any of " + ", ".join(Flag) + ", separated by |")
    point = _point(row)
    if zone is None:  # a local time cannot be read without knowing where
        return None
    punched_ms = row.take("punched_at", lambda text: _time_ms(text, zone), _TIME)
    if punched_ms is not None and not believable(punched_ms, now_ms):
        row.wrong("punched_at", BELIEVABLE)
        return None
    received_ms = row.maybe("received_at", lambda text: _time_ms(text, zone), _TIME)
    if received_ms is not None and not believable(received_ms, now_ms):
        row.wrong("received_at", BELIEVABLE)
        return None
    if employee_id is None or site_id is None or direction is None or punched_ms is None:
        return None
    return NewClockIn(
        source=row.text("source") or SOURCE,
        source_id=row.text("source_id") or _made_id(employee_id, direction, punched_ms),
        employee_id=employee_id,
        site_id=site_id,
        direction=direction,
        punched_ms=punched_ms,
        received_ms=received_ms,
        kind=kind or Kind.OWN,
        point=point,
        flags=flags or (),
        source_device=row.text("source_device") or None,
        vendor_record=cbor.dumps({one.name: row.text(one.name) for one in COLUMNS}),
    )


def _refuse_repeated(rows: Sequence[Row], read: Sequence[NewClockIn | None]) -> None:
    seen: dict[tuple[str, str], int] = {}
    for row, new in zip(rows, read, strict=True):
        if new is None:
            continue
        first = seen.setdefault((new.source, new.source_id), row.line)
        if first != row.line:
            row.wrong("source_id", f"each punch once; line {first} has this one already")


def _made_id(employee_id: str, direction: Direction, punched_ms: int) -> str:
    """Spreadsheets often have no ids: the same person, direction and time is the same punch."""
    name = f"{employee_id}\0{direction.value}\0{punched_ms}".encode()
    return "made-" + hashlib.sha256(name).hexdigest()[:24]


def _direction(text: str) -> Direction:
    return _DIRECTIONS[text.replace(" ", "").lower()]


def _kind(text: str) -> Kind:
    return _KINDS[text.lower()]


def _flags(text: str) -> tuple[Flag, ...]:
    return tuple(sorted({Flag(word.strip()) for word in text.split("|")}))


def _time_ms(text: str, zone: ZoneInfo) -> int:
    """A time with its own offset, or a wall-clock time of the site."""
    moment = csv_reader.moment(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return round(moment.timestamp() * 1000)


def _point(row: Row) -> Point | None:
    latitude = row.maybe("latitude", float, "degrees, as 31.2397")
    longitude = row.maybe("longitude", float, "degrees, as 121.4998")
    accuracy_m = row.maybe("accuracy_m", _accuracy, "metres, 0 to 100000")
    system = row.maybe("datum", datum.parse, "WGS-84, GCJ-02 or BD-09")
    if latitude is None and longitude is None:
        return None
    if latitude is None or longitude is None:
        row.wrong("longitude" if longitude is None else "latitude", "both coordinates or neither")
        return None
    if system is None:
        if not row.text("datum"):
            row.wrong("datum", "WGS-84, GCJ-02 or BD-09: a coordinate without one is refused")
        return None
    try:
        latitude, longitude = datum.to_wgs84(latitude, longitude, system)
    except ValueError as error:
        row.wrong("latitude", str(error))
        return None
    return Point(latitude, longitude, system.value, accuracy_m)


def _accuracy(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 100_000:
        raise ValueError("out of range")
    return value
