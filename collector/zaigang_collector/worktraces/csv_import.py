"""Events and logs from a spreadsheet: all of the file or nothing, with every problem at its line.

Of a log the text is searched and dropped, unless the company keeps it; no problem repeats what
stands in a file of logs, since a line that is out of place would show a text.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from zaigang_collector.attendance.model import BELIEVABLE, Outcome, believable
from zaigang_collector.db import Randomness
from zaigang_collector.directory import csv_reader
from zaigang_collector.directory import service as directory
from zaigang_collector.directory.csv_reader import Column, Row, Table
from zaigang_collector.errors import CsvError, LineProblem
from zaigang_collector.vault.service import Vault
from zaigang_collector.worktraces import service
from zaigang_collector.worktraces.clients import Texts
from zaigang_collector.worktraces.model import (
    SOURCE_ID_MAX,
    SOURCE_MAX,
    TEXT_MAX,
    EventKind,
    NewEvent,
    NewWorkLog,
    Progress,
    day_is_believable,
    day_of_log,
)
from zaigang_shared import cbor

T = TypeVar("T")

SOURCE: Final = "csv"

_WHO: Final = Column("employee", ("employee_id", "工号", "员工工号", "员工编号"))
_SITE: Final = Column("site", ("site_id", "place", "地点", "驻场地点", "地点编号"), required=False)
_SOURCE: Final = Column("source", ("来源", "系统"), required=False)
_SOURCE_ID: Final = Column("source_id", ("id", "记录编号", "流水号"), required=False)
EVENT_COLUMNS: Final = (
    _WHO,
    Column("happened_at", ("time", "时间", "发生时间", "登录时间", "操作时间")),
    Column("kind", ("type", "类型", "行为类型", "操作类型"), required=False),
    Column("client", ("涉及客户", "是否涉及客户"), required=False),
    Column("received_at", ("接收时间", "平台接收时间"), required=False),
    _SITE,
    _SOURCE,
    _SOURCE_ID,
)
LOG_COLUMNS: Final = (
    _WHO,
    Column("handed_in_at", ("time", "提交时间", "日志时间", "填写时间")),
    Column("day", ("date", "日期", "日志日期"), required=False),
    _SITE,
    Column("text", ("work", "日志内容", "工作内容", "今日完成工作", "正文"), required=False),
    Column("client_contact_at", ("联系客户时间", "最近联系客户时间"), required=False),
    Column("task_progress", ("progress", "任务进展", "进展"), required=False),
    _SOURCE,
    _SOURCE_ID,
)

_KINDS: Final = {kind.value: kind for kind in EventKind} | {
    "审批": EventKind.APPROVAL,
    "日志": EventKind.WORK_LOG,
    "工作日志": EventKind.WORK_LOG,
    "任务": EventKind.TASK,
    "消息": EventKind.MESSAGE,
    "代码提交": EventKind.COMMIT,
    "登录": EventKind.LOGIN,
    "其他": EventKind.OTHER,
}
_PROGRESS: Final = {one.value: one for one in Progress} | {
    "未开始": Progress.NOT_STARTED,
    "进行中": Progress.IN_PROGRESS,
    "受阻": Progress.BLOCKED,
    "已完成": Progress.DONE,
    "完成": Progress.DONE,
}
_YES_NO: Final = {"yes": True, "no": False, "是": True, "否": False}
_TIME: Final = "a time as 2026-09-21 08:55:10 (of the person) or 2026-09-21T08:55:10+08:00"
_DAY: Final = "a day as 2026-09-21, from the year 2000 to tomorrow"


def import_events(
    conn: Connection,
    vault: Vault,
    data: bytes | str,
    kind: EventKind | None,
    now_ms: int,
    randomness: Randomness,
) -> Counter[Outcome]:
    """Record every line of a file of events. `kind`: of lines that name none. The same file again
    changes nothing. Raises CsvError with all problems; then nothing was recorded."""
    table = csv_reader.read(data, EVENT_COLUMNS)
    known = _Known(conn)
    read = [_event(row, known, kind, now_ms) for row in table.rows]
    _refuse_repeated(table, read)
    table.finish()
    news = [one for one in read if one is not None]
    recorded = service.record_events(conn, vault, news, now_ms, randomness)
    return Counter(one.outcome for one in recorded)


def import_work_logs(
    conn: Connection,
    vault: Vault,
    data: bytes | str,
    texts: Texts,
    now_ms: int,
    randomness: Randomness,
) -> Counter[Outcome]:
    """The same of a file of work logs."""
    try:
        table = csv_reader.read(data, LOG_COLUMNS)
        known = _Known(conn)
        read = [_log(row, known, texts, now_ms) for row in table.rows]
        _refuse_repeated(table, read)
        table.finish()
    except CsvError as error:
        raise CsvError([_without_words(one) for one in error.problems]) from None
    news = [one for one in read if one is not None]
    recorded = service.record_work_logs(conn, vault, news, now_ms, randomness)
    return Counter(one.outcome for one in recorded)


class _Known:
    """The directory, asked once for each id."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._zones: dict[str, ZoneInfo | None] = {}
        self._sites: dict[str, bool] = {}

    def zone(self, employee_id: str) -> ZoneInfo | None:
        """None for a person that there is not."""
        if employee_id not in self._zones:
            found = directory.get_employee(self._conn, employee_id)
            self._zones[employee_id] = None if found is None else ZoneInfo(found.time_zone)
        return self._zones[employee_id]

    def site(self, site_id: str) -> bool:
        if site_id not in self._sites:
            self._sites[site_id] = directory.get_site(self._conn, site_id) is not None
        return self._sites[site_id]


def _event(row: Row, known: _Known, kind: EventKind | None, now_ms: int) -> NewEvent | None:
    employee_id, zone = _who(row, known)
    site_id = _site(row, known)
    named = row.maybe("kind", _word(_KINDS), "one of " + ", ".join(_KINDS)) or kind
    if named is None and not row.text("kind"):
        row.wrong("kind", "a kind here, or --kind for the whole file: " + ", ".join(EventKind))
    client = row.maybe("client", _word(_YES_NO), "yes or no (是 or 否), or nothing")
    source, source_id = _name(row)
    if employee_id is None or zone is None:  # a local time cannot be read without knowing whose
        return None
    happened_ms = _at(row, "happened_at", zone, now_ms)
    received_ms = _at(row, "received_at", zone, now_ms, required=False)
    if named is None or happened_ms is None:
        return None
    return NewEvent(
        source=source,
        source_id=source_id or _made_id(employee_id, named.value, str(happened_ms)),
        employee_id=employee_id,
        kind=named,
        happened_ms=happened_ms,
        received_ms=received_ms,
        client=client,
        site_id=site_id,
        vendor_record=cbor.dumps({one.name: row.text(one.name) for one in EVENT_COLUMNS}),
    )


def _log(row: Row, known: _Known, texts: Texts, now_ms: int) -> NewWorkLog | None:
    employee_id, zone = _who(row, known)
    site_id = _site(row, known)
    said = _word(_PROGRESS)
    progress = row.maybe("task_progress", said, "one of " + ", ".join(_PROGRESS))
    day = row.maybe("day", lambda text: _day(text, now_ms), _DAY)
    source, source_id = _name(row)
    text = row.text("text")
    if len(text) > TEXT_MAX:
        row.wrong("text", f"{TEXT_MAX} characters at most")
    if employee_id is None or zone is None:
        return None
    handed_in_ms = _at(row, "handed_in_at", zone, now_ms)
    contact_ms = _at(row, "client_contact_at", zone, now_ms, required=False)
    if handed_in_ms is None:
        return None
    if day is None:
        day = day_of_log(handed_in_ms, zone)
    found = texts.searched(text, site_id)
    kept = [one.name for one in LOG_COLUMNS if one.name != "text"]
    return NewWorkLog(
        source=source,
        source_id=source_id or _made_id(employee_id, day.isoformat(), str(handed_in_ms)),
        employee_id=employee_id,
        day=day,
        site_id=site_id,
        handed_in_ms=handed_in_ms,
        names_client=found.names_client,
        client_contact_ms=contact_ms,
        task_progress=progress,
        text=found.kept,
        vendor_record=cbor.dumps({name: row.text(name) for name in kept}),
    )


def _who(row: Row, known: _Known) -> tuple[str | None, ZoneInfo | None]:
    employee_id = row.take("employee", str, "the id of an employee")
    zone = None if employee_id is None else known.zone(employee_id)
    if employee_id is not None and zone is None:
        row.wrong("employee", "the id of a known employee (`people list` shows them)")
    return employee_id, zone


def _site(row: Row, known: _Known) -> str | None:
    site_id = row.text("site") or None
    if site_id is not None and not known.site(site_id):
        row.wrong("site", "the id of a known site (`sites list` shows them), or nothing")
    return site_id


def _name(row: Row) -> tuple[str, str]:
    source, source_id = row.text("source") or SOURCE, row.text("source_id")
    for name, text, most in (
        ("source", source, SOURCE_MAX),
        ("source_id", source_id, SOURCE_ID_MAX),
    ):
        if len(text) > most or not text.isprintable():
            row.wrong(name, f"{most} printable characters at most")
    return source, source_id


def _at(row: Row, name: str, zone: ZoneInfo, now_ms: int, *, required: bool = True) -> int | None:
    """A time with its own offset, or one of the person's wall clock."""
    take = row.take if required else row.maybe
    at_ms = take(name, lambda text: _time_ms(text, zone), _TIME)
    if at_ms is not None and not believable(at_ms, now_ms):
        row.wrong(name, BELIEVABLE)
        return None
    return at_ms


def _time_ms(text: str, zone: ZoneInfo) -> int:
    moment = csv_reader.moment(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return round(moment.timestamp() * 1000)


def _day(text: str, now_ms: int) -> dt.date:
    day = dt.date.fromisoformat(text.replace("/", "-"))
    if not day_is_believable(day, now_ms):
        raise ValueError("nobody can have worked then")
    return day


def _word(words: Mapping[str, T]) -> Callable[[str], T]:
    return lambda text: words[text.lower()]


def _made_id(*parts: str) -> str:
    """Spreadsheets often have no ids: the same person, time and kind is the same trace."""
    return "made-" + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]


def _refuse_repeated(
    table: Table, read: Sequence[NewEvent | None] | Sequence[NewWorkLog | None]
) -> None:
    seen: dict[tuple[str, str], int] = {}
    for row, new in zip(table.rows, read, strict=True):
        if new is None:
            continue
        first = seen.setdefault((new.source, new.source_id), row.line)
        if first != row.line:
            row.wrong("source_id", f"each one once; line {first} has this one already")


def _without_words(problem: LineProblem) -> LineProblem:
    """As it may be shown of a file of logs: neither what stands there nor a heading that is none of
    ours, which may be a text in a file without a header."""
    ours = {word for one in LOG_COLUMNS for word in (one.name, *one.also)}
    column = problem.column if problem.column in ours else ""
    return dataclasses.replace(problem, value="", column=column)
