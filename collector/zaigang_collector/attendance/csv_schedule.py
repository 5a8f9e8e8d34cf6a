"""Exemptions, rosters and calendars from spreadsheets: all of the file or nothing, every problem at its line."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from zaigang_collector.attendance import calendar_store, exemptions, schedules
from zaigang_collector.attendance.calendars import Rule, SetDay
from zaigang_collector.attendance.days import noon
from zaigang_collector.attendance.model import ExemptionKind, Outcome
from zaigang_collector.attendance.planning import at_ms
from zaigang_collector.attendance.plans import plan_of
from zaigang_collector.attendance.service import StoredExemption
from zaigang_collector.db import Randomness
from zaigang_collector.directory import csv_reader
from zaigang_collector.directory import service as directory
from zaigang_collector.directory.csv_reader import Column, Row
from zaigang_collector.directory.model import Change
from zaigang_collector.errors import ConflictError
from zaigang_collector.vault.service import Vault

SOURCE: Final = "csv"
EXEMPTION_COLUMNS: Final = (
    Column("employee", ("employee_id", "工号", "员工工号", "员工编号")),
    Column("kind", ("类型", "性质", "豁免类型")),
    Column("from", ("开始", "开始时间", "起")),
    Column("to", ("结束", "结束时间", "止")),
    Column("source", ("来源",), required=False),
    Column("source_id", ("id", "审批编号", "编号"), required=False),
    Column("withdrawn", ("撤销", "已撤销"), required=False),
)
ROSTER_COLUMNS: Final = (
    Column("employee", ("employee_id", "工号", "员工工号", "员工编号")),
    Column("day", ("date", "日期")),
    Column("shift", ("班次",)),
)
CALENDAR_COLUMNS: Final = (
    Column("day", ("date", "日期")),
    Column("rule", ("type", "类型", "安排")),
    Column("reason", ("name", "原因", "名称", "说明"), required=False),
)
RULES: Final = {rule.value: rule for rule in Rule} | {
    "工作日": Rule.WORKDAY,
    "补班": Rule.WORKDAY,
    "班": Rule.WORKDAY,
    "休息日": Rule.DAY_OFF,
    "放假": Rule.DAY_OFF,
    "休": Rule.DAY_OFF,
    "照常": Rule.USUAL,
}
KINDS: Final = {kind.value: kind for kind in ExemptionKind} | {
    "请假": ExemptionKind.LEAVE,
    "休假": ExemptionKind.LEAVE,
    "出差": ExemptionKind.BUSINESS_TRIP,
    "居家办公": ExemptionKind.HOME_WORKING,
    "客户会议": ExemptionKind.CLIENT_MEETING,
    "设备送修": ExemptionKind.DEVICE_REPAIR,
}
OFF: Final = frozenset({"off", "休", "休息"})
CLEAR: Final = frozenset({"clear", "清除"})
"""The roster says nothing of that day any more."""
EDGE_EXPECTED: Final = (
    "a day as 2026-10-12, half a day as 2026-10-12 am (上午, 下午), or a time as 2026-10-12 14:00 (of "
    "the person's site) or with its offset"
)
_HALVES: Final = {"am": False, "上午": False, "pm": True, "下午": True}
_FLAGS: Final = {"yes": True, "no": False, "是": True, "否": False}
_DAY_MIN: Final = 1440


@dataclass(slots=True)
class ScheduleResult:
    """What an import did."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    employees: set[str] = field(default_factory=set)


def import_exemptions(
    conn: Connection, vault: Vault, data: bytes | str, now_ms: int, randomness: Randomness
) -> ScheduleResult:
    """Record or withdraw what each line says. The same file again changes nothing.

    Raises CsvError with all problems; then nothing was recorded.
    """
    table = csv_reader.read(data, EXEMPTION_COLUMNS)
    result = ScheduleResult()
    lines: dict[tuple[str, str], int] = {}
    for row in table.rows:
        new = _exemption(conn, row)
        is_withdrawn = row.maybe("withdrawn", lambda text: _FLAGS[text.lower()], "yes or no")
        if new is None:
            continue
        if not _is_first(row, lines, (new.source, new.source_id), "source_id"):
            continue
        with _fitting(row, ""):
            outcome = _say(conn, vault, new, bool(is_withdrawn), now_ms, randomness)
            _count(result, outcome, new.employee_id)
    table.finish()
    return result


def _say(
    conn: Connection,
    vault: Vault,
    new: StoredExemption,
    is_withdrawn: bool,
    now_ms: int,
    randomness: Randomness,
) -> Outcome:
    """What is withdrawn was there: of something unknown that is on record as well."""
    if not is_withdrawn:
        return exemptions.record(conn, vault, new, now_ms, randomness)
    if not exemptions.is_known(conn, new.source, new.source_id):
        exemptions.record(conn, vault, new, now_ms, randomness)
    return exemptions.withdraw(conn, vault, new.source, new.source_id, now_ms, randomness)


def import_roster(
    conn: Connection, vault: Vault, data: bytes | str, now_ms: int, randomness: Randomness
) -> ScheduleResult:
    """Say whose shift it is on which day. Raises CsvError with all problems."""
    table = csv_reader.read(data, ROSTER_COLUMNS)
    known_shifts = dict(schedules.list_shifts(conn))
    known = _known(conn)
    result = ScheduleResult()
    lines: dict[tuple[str, str], int] = {}
    for row in table.rows:
        employee_id = row.take("employee", known, "the id of a person imported before")
        day = row.take("day", _day, "a day as 2026-10-12")
        shift = row.take(
            "shift", lambda text: _shift(text, known_shifts), _shifts_told(known_shifts)
        )
        if employee_id is None or day is None or shift is None:
            continue
        if not _is_first(row, lines, (employee_id, day.isoformat()), "day"):
            continue
        about = conn, vault, employee_id, day
        with _fitting(row, "shift"):
            if shift in CLEAR:
                change = schedules.clear_roster_day(*about, now_ms, randomness)
            else:
                shift_id = None if shift in OFF else shift
                change = schedules.put_roster_day(*about, shift_id, now_ms, randomness)
            _count(result, _OUTCOMES[change], employee_id)
    table.finish()
    return result


def import_calendar(
    conn: Connection, site_id: str, data: bytes | str, now_ms: int, randomness: Randomness
) -> ScheduleResult:
    """Say what days are, for a site or the company. Raises CsvError with all problems, and
    UnknownIdError for the site."""
    table = csv_reader.read(data, CALENDAR_COLUMNS)
    result = ScheduleResult()
    lines: dict[tuple[str, str], int] = {}
    for row in table.rows:
        day = row.take("day", _day, "a day as 2026-10-12")
        rule = row.take("rule", lambda text: RULES[text.lower()], "one of " + ", ".join(RULES))
        if day is None or rule is None:
            continue
        if not _is_first(row, lines, ("", day.isoformat()), "day"):
            continue
        with _fitting(row, "reason"):
            said = SetDay(rule, row.text("reason"))
            change = calendar_store.set_day(conn, site_id, day, said, now_ms, randomness)
            _count(result, _OUTCOMES[change], None)
    table.finish()
    return result


_OUTCOMES: Final = {
    Change.ADDED: Outcome.ADDED,
    Change.CHANGED: Outcome.NEW_VERSION,
    Change.UNCHANGED: Outcome.UNCHANGED,
}


def _is_first(
    row: Row, lines: dict[tuple[str, str], int], name: tuple[str, str], column: str
) -> bool:
    """Whether no line before says something of the same; else which of them holds is not known."""
    first = lines.setdefault(name, row.line)
    if first != row.line:
        row.wrong(column, f"each of them once; line {first} has this one already")
    return first == row.line


@contextlib.contextmanager
def _fitting(row: Row, column: str) -> Iterator[None]:
    """What contradicts what is there already is a problem of this line."""
    try:
        yield
    except ConflictError as error:
        row.wrong(column, f"something that fits: {error}")


def _count(result: ScheduleResult, outcome: Outcome, employee_id: str | None) -> None:
    if employee_id is not None:
        result.employees.add(employee_id)
    match outcome:
        case Outcome.ADDED:
            result.added += 1
        case Outcome.NEW_VERSION:
            result.changed += 1
        case Outcome.UNCHANGED:
            result.unchanged += 1


def edge_ms(conn: Connection, employee_id: str, text: str, *, is_end: bool) -> int:
    """The moment (UTC ms) at which an exemption begins or ends. Raises ValueError."""
    words = text.split()
    if len(words) == 2 and words[1].lower() in _HALVES:
        day, is_afternoon = _day(words[0]), _HALVES[words[1].lower()]
        zone = _zone_on(conn, employee_id, day, halves=True)
        if is_afternoon is not is_end:  # the morning's end and the afternoon's beginning are noon
            return noon(day, zone)
        return at_ms(day, _DAY_MIN if is_end else 0, zone)
    moment = _moment(text)
    if moment is None:
        day = _day(text)
        return at_ms(day, _DAY_MIN if is_end else 0, _zone_on(conn, employee_id, day))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=_zone_on(conn, employee_id, moment.date()))
    return round(moment.timestamp() * 1000)


def _exemption(conn: Connection, row: Row) -> StoredExemption | None:
    employee_id = row.take("employee", _known(conn), "the id of a person imported before")
    kind = row.take("kind", lambda text: KINDS[text.lower()], "one of " + ", ".join(KINDS))
    if employee_id is None or kind is None:
        return None
    from_ms = row.take(
        "from", lambda text: edge_ms(conn, employee_id, text, is_end=False), EDGE_EXPECTED
    )
    to_ms = row.take(
        "to", lambda text: edge_ms(conn, employee_id, text, is_end=True), EDGE_EXPECTED
    )
    if from_ms is None or to_ms is None:
        return None
    source_id = row.text("source_id") or _made_id(employee_id, kind, from_ms, to_ms)
    return StoredExemption(
        employee_id, from_ms, to_ms, kind, row.text("source") or SOURCE, source_id
    )


def _made_id(employee_id: str, kind: ExemptionKind, from_ms: int, to_ms: int) -> str:
    """Spreadsheets often have no ids: the same person, kind and times is the same exemption."""
    name = f"{employee_id}\0{kind.value}\0{from_ms}\0{to_ms}".encode()
    return "made-" + hashlib.sha256(name).hexdigest()[:24]


def _zone_on(conn: Connection, employee_id: str, day: dt.date, *, halves: bool = False) -> ZoneInfo:
    planned = plan_of(conn, employee_id, day, day).days[day]
    midnight_ms = at_ms(day, _DAY_MIN, ZoneInfo(planned.zone))
    if halves and any(one.to_ms > midnight_ms for one in planned.stretches):
        raise ValueError("half a day of a shift that passes midnight has no noon")
    return ZoneInfo(planned.zone)


def _moment(text: str) -> dt.datetime | None:
    """A time of day; None: there is none in it."""
    return csv_reader.moment(text) if ":" in text else None


def _day(text: str) -> dt.date:
    return dt.date.fromisoformat(text.replace("/", "-"))


def _shift(text: str, known: Mapping[str, object]) -> str:
    words = OFF | CLEAR
    name = text.lower() if text.lower() in words else text
    if name not in words and name not in known:
        raise ValueError("not known")
    return name


def _shifts_told(known: Mapping[str, object]) -> str:
    return "off (休), clear (清除), or one of the shifts " + (
        ", ".join(known) or "(there are none yet)"
    )


def _known(conn: Connection) -> Callable[[str], str]:
    seen: set[str] = set()

    def parse(text: str) -> str:
        if text not in seen and directory.get_employee(conn, text) is None:
            raise ValueError("not known")
        seen.add(text)
        return text

    return parse
