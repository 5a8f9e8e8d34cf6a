"""Clock-ins as a file: looked at without storing anything, confirmed, stored."""

from __future__ import annotations

from typing import Annotated, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Body, Depends, Query
from pydantic import BaseModel, Field

from zaigang_collector import db
from zaigang_collector.access.model import Scope
from zaigang_collector.api.assessments import TextOut
from zaigang_collector.api.deps import AskedFirst, Given, needs
from zaigang_collector.api.problems import ProblemError, Wrong, responses
from zaigang_collector.connectors.sheets import headings, service
from zaigang_collector.connectors.sheets.errors import RowProblem, SheetError
from zaigang_collector.connectors.sheets.service import Ground, Looked, Options, Report
from zaigang_collector.connectors.sheets.told import LISTED_MOST
from zaigang_collector.directory.datum import Datum

router = APIRouter(prefix="/clock-in-files", tags=["clock-ins"], route_class=AskedFirst)

_PAIRS_MAX: Final = 200
_NOT_CONFIRMED: Final = (
    "Nobody has confirmed how files of this form are read; nothing was stored. Look at it with "
    "dry_run=true, correct it with mapping=FIELD=HEADING, then send it with confirm=true."
)


class ColumnOut(BaseModel):
    """One column that is taken."""

    field: headings.Field
    heading: str = Field(examples=["打卡时间"])
    examples: list[str] = Field(description="What stands in its first three rows.")


class RowOut(BaseModel):
    """One row that was not taken."""

    row: int = Field(description="As the spreadsheet program counts, from 1.")
    column: str
    expected: TextOut


class UnknownOut(BaseModel):
    """An employee id that is nobody's."""

    employee: str
    rows: int


class FileOut(BaseModel):
    """How the file is read, and what became of it."""

    stored: bool = Field(description="False: a dry run.")
    confirmed: bool = Field(description="Whether it may be sent without confirm=true.")
    sheet: str
    header_row: int
    columns: list[ColumnOut]
    dropped: list[str] = Field(description="Known, and never taken: names, remarks, pictures.")
    ignored: list[str] = Field(description="Not known, or twice in the header.")
    added: int
    new_versions: int
    unchanged: int
    people: int = Field(description="Whose intervals may have changed: they are judged next.")
    no_punch: int = Field(description="Rows that say that somebody did not punch.")
    totals: int = Field(description="Rows of nobody at no time.")
    between: int = Field(description="With first_last: neither a day's first punch nor its last.")
    odd_results: int = Field(description="Rows with a result that we do not know.")
    problem_rows: int
    problems: list[RowOut] = Field(description=f"The first {LISTED_MOST}.")
    unknown_rows: int = Field(description="Rows of ids that are nobody's.")
    unknown_employees: list[UnknownOut] = Field(
        description=f"The first {LISTED_MOST} of these ids that look like ids."
    )


Pairs = Annotated[list[str], Query(max_length=_PAIRS_MAX, examples=[["前台=hq"]])]


class _Told:
    """What is told beside the file."""

    def __init__(
        self,
        source: Annotated[str, Query(max_length=40, pattern=r"^[\w.-]+$")] = service.SOURCE,
        sheet: Annotated[str | None, Query(max_length=100)] = None,
        mapping: Annotated[
            list[str], Query(max_length=_PAIRS_MAX, examples=[["employee=人员编码"]])
        ] = [],  # noqa: B006  # FastAPI copies it
        zone: Annotated[str | None, Query(max_length=64, examples=["Asia/Shanghai"])] = None,
        datum: Datum | None = None,
        site: Annotated[str | None, Query(max_length=64)] = None,
        first_last: bool | None = None,
        address: Pairs = [],  # noqa: B006
        terminal: Pairs = [],  # noqa: B006
    ) -> None:
        self.options = Options(
            source=source,
            sheet=sheet,
            columns=tuple(mapping),
            zone=None if zone is None else _zone(zone),
            datum=datum,
            site=site,
            first_last=first_last,
            addresses=tuple(_pair(one, "address") for one in address),
            terminals=tuple(_pair(one, "terminal") for one in terminal),
        )


@router.post(
    "",
    dependencies=[Depends(needs(Scope.WRITE_CLOCK_INS))],
    responses=responses(401, 403, 409, 413, 422),
)
def upload(
    body: Annotated[
        bytes,
        Body(media_type="application/octet-stream", description="The file itself: CSV or XLSX."),
    ],
    given: Given,
    told: Annotated[_Told, Depends()],
    dry_run: bool = False,
    confirm: bool = False,
) -> FileOut:
    """Import a file. Good rows are stored, the others listed; the same file again changes nothing.
    A form that nobody has confirmed yet is refused with 409: `dry_run=true` shows how it would be
    read, `confirm=true` says yes to that and remembers it for the source."""
    try:
        with db.reading(given.engine) as conn:
            looked = service.look(conn, body, told.options)
        if not (looked.agreed or confirm or dry_run):
            raise ProblemError(409, _NOT_CONFIRMED)
        ground = Ground(given.vault, given.net_key, given.clock.utc_ms(), given.randomness)
        report = service.take(given.engine, looked, ground, dry_run=dry_run)
    except SheetError as error:
        raise ProblemError(422, f"{error.said.zh} {error.said.en}") from None
    return _shown(looked, report, stored=not dry_run)


def _shown(looked: Looked, report: Report, *, stored: bool) -> FileOut:
    return FileOut(
        stored=stored,
        confirmed=looked.agreed,
        sheet=looked.sheet.name,
        header_row=looked.header.number,
        columns=[
            ColumnOut(field=one.field, heading=one.heading, examples=list(one.examples))
            for one in looked.shown.taken
        ],
        dropped=list(looked.shown.dropped),
        ignored=list(looked.shown.ignored),
        added=report.added,
        new_versions=report.new_versions,
        unchanged=report.unchanged,
        people=len(report.employees),
        no_punch=report.no_punch,
        totals=report.totals,
        between=report.between,
        odd_results=report.odd_results,
        problem_rows=len(report.problems),
        problems=[_row(one) for one in report.problems[:LISTED_MOST]],
        unknown_rows=report.unknown.total(),
        unknown_employees=[
            UnknownOut(employee=one, rows=report.unknown[one])
            for one in report.unknown_ids[:LISTED_MOST]
        ],
    )


def _row(one: RowProblem) -> RowOut:
    expected = TextOut(zh=one.said.zh, en=one.said.en)
    return RowOut(row=one.row, column=one.column, expected=expected)


def _zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ValueError, OSError, KeyError):
        raise ProblemError(
            422,
            "This time zone is not known.",
            [Wrong(where="query.zone", expected="an IANA time zone, as Asia/Shanghai")],
        ) from None


def _pair(text: str, name: str) -> tuple[str, str]:
    what, mark, site_id = text.rpartition("=")
    if not mark or not what.strip() or not site_id.strip():
        raise ProblemError(
            422,
            f"The {name} is not TEXT=SITE.",
            [Wrong(where=f"query.{name}", expected="TEXT=SITE, as 前台=hq")],
        )
    return what.strip(), site_id.strip()
