"""The list of person-days that HR works through: one row for each, those with a question first. Pure.

As XLSX, CSV or JSON. Names come from people: none of them is ever taken for a formula.
"""

from __future__ import annotations

import csv
import datetime as dt
import enum
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter

from zaigang_collector.directory.model import Language
from zaigang_collector.drawing.labels import say
from zaigang_collector.drawing.table import inert
from zaigang_collector.matching.model import Presence, Text, Work
from zaigang_collector.matching.words import VERDICTS

NO_VERDICT: Final = Text("无打卡", "no claim")
NOT_JUDGED: Final = Text("尚未核验", "not judged yet")
WORK: Final = {
    Work.ACTIVE: Text("有操作", "active"),
    Work.IDLE: Text("无操作", "idle"),
    Work.UNVERIFIED: Text("无法核实", "unverified"),
}


class Format(enum.StrEnum):
    """How it is written."""

    XLSX = "xlsx"
    CSV = "csv"
    JSON = "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One day of one person. A day with several intervals has the most questionable answer."""

    day: dt.date
    employee_id: str
    name: str
    department: str
    sites: tuple[str, ...]
    zone: str
    standing: Text
    """What was expected and claimed, of which nothing follows by itself."""
    claimed: str = ""
    """On the wall clock of `zone`, as `08:00–17:30`."""
    presence: Presence | None = None
    """None: nothing was judged, see `is_claimed`."""
    is_claimed: bool = False
    work: Work | None = None
    coverage: float | None = None
    """0 to 1."""
    present_share: float | None = None
    provisional: bool = False
    reasons: tuple[Text, ...] = ()
    assessments: tuple[str, ...] = ()
    """As `as-…@2`."""


_ORDER: Final = {
    Presence.CONTRADICTED: 0,
    Presence.UNVERIFIED: 1,
    Presence.CONFIRMED: 4,
    Presence.EXEMPT: 5,
}
_UNJUDGED, _UNCLAIMED = 2, 3


def most_questionable(presences: Iterable[Presence]) -> Presence | None:
    """Of a day's answers the one that HR has to look at first."""
    return min(presences, key=lambda one: _ORDER[one], default=None)


def in_order(rows: Iterable[Row]) -> list[Row]:
    """Days with a question first; within them by day and person."""
    return sorted(rows, key=lambda row: (_place(row), row.day, row.employee_id))


def _place(row: Row) -> int:
    if row.presence is not None:
        return _ORDER[row.presence]
    return _UNJUDGED if row.is_claimed else _UNCLAIMED


_HEADER: Final = (
    Text("日期", "day"),
    Text("工号", "employee"),
    Text("姓名", "name"),
    Text("部门", "department"),
    Text("驻场地点", "site"),
    Text("出勤情况", "attendance"),
    Text("打卡时段", "claimed"),
    Text("时区", "time zone"),
    Text("核验结论", "verdict"),
    Text("设备使用", "work"),
    Text("证据覆盖", "coverage"),
    Text("在岗占比", "share present"),
    Text("是否暂定", "provisional"),
    Text("理由", "reasons"),
    Text("核验编号", "assessments"),
)
_SHARES: Final = (10, 11)
_WIDTHS: Final = (11, 10, 12, 16, 22, 18, 16, 15, 14, 10, 10, 10, 9, 70, 28)
_YES: Final = Text("是", "yes")
_NOTE: Final = Text(
    "这是核验结果，不是对任何人的结论；“无法核实”不等于不在岗。",
    "These are findings and no conclusions about anybody; “unverified” does not mean absent.",
)


def written(rows: Iterable[Row], form: Format, language: Language) -> bytes:
    """The list in its order."""
    ordered = in_order(rows)
    match form:
        case Format.XLSX:
            return _xlsx(ordered, language)
        case Format.CSV:
            return _csv(ordered, language)
        case Format.JSON:
            return _json(ordered)


def _cells(row: Row, language: Language) -> tuple[str | float | None, ...]:
    verdict = NOT_JUDGED if row.is_claimed else NO_VERDICT
    if row.presence is not None:
        verdict = VERDICTS[row.presence]
    return (
        row.day.isoformat(),
        row.employee_id,
        row.name,
        row.department,
        ", ".join(row.sites),
        say(row.standing, language),
        row.claimed,
        row.zone,
        say(verdict, language),
        "" if row.work is None else say(WORK[row.work], language),
        row.coverage,
        row.present_share,
        say(_YES, language) if row.provisional else "",
        " ".join(say(one, language) for one in row.reasons),
        " ".join(row.assessments),
    )


def _xlsx(rows: Sequence[Row], language: Language) -> bytes:
    book = Workbook(write_only=True)
    sheet = book.create_sheet("考勤核验" if language is Language.CHINESE else "Attendance")
    for column, width in enumerate(_WIDTHS, 1):
        sheet.column_dimensions[get_column_letter(column)].width = width
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(_HEADER))}{len(rows) + 1}"

    def cell(
        value: str | float | None, *, bold: bool = False, share: bool = False
    ) -> WriteOnlyCell:
        made = WriteOnlyCell(sheet, value=value)
        if isinstance(value, str):
            made.data_type = "s"  # never a formula, whatever somebody is called
            made.alignment = Alignment(vertical="top", wrap_text=True)
        made.font = Font(bold=bold)
        if share:
            made.number_format = "0%"
        return made

    sheet.append([cell(say(text, language), bold=True) for text in _HEADER])
    for row in rows:
        values = enumerate(_cells(row, language))
        sheet.append([cell(value, share=place in _SHARES) for place, value in values])
    sheet.append([])
    sheet.append([cell(say(_NOTE, language))])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _csv(rows: Sequence[Row], language: Language) -> bytes:
    """UTF-8 with a byte order mark, without which Excel takes Chinese for something else."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([say(text, language) for text in _HEADER])
    for row in rows:
        writer.writerow(["" if value is None else inert(value) for value in _cells(row, language)])
    return out.getvalue().encode("utf-8-sig")


def _json(rows: Sequence[Row]) -> bytes:
    """Both languages, and the codes of the API."""
    items = [
        {
            "day": row.day.isoformat(),
            "employee": row.employee_id,
            "name": row.name,
            "department": row.department,
            "sites": list(row.sites),
            "zone": row.zone,
            "standing": {"zh": row.standing.zh, "en": row.standing.en},
            "claimed": row.claimed,
            "presence": row.presence and row.presence.value,
            "work": row.work and row.work.value,
            "coverage": row.coverage,
            "present_share": row.present_share,
            "provisional": row.provisional,
            "reasons": [{"zh": one.zh, "en": one.en} for one in row.reasons],
            "assessments": list(row.assessments),
        }
        for row in rows
    ]
    return json.dumps({"items": items}, ensure_ascii=False, indent=1).encode("utf-8")
