"""Papers: a case's letter and report as PDF/A, and the worklist of person-days as a file."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Response
from sqlalchemy import Connection

from zaigang_collector import db
from zaigang_collector.access.model import Scope
from zaigang_collector.api.cases import CaseId, PersonId, loaded, own
from zaigang_collector.api.deps import AskedFirst, Given, Looks, Reads, Seen, Services, needs
from zaigang_collector.api.languages import Spoken
from zaigang_collector.api.problems import ProblemError, responses
from zaigang_collector.cases.store import Loaded
from zaigang_collector.errors import ConflictError
from zaigang_collector.reports import listing, of_case
from zaigang_collector.reports.typesetting import TypesettingError
from zaigang_collector.reports.worklist import Format, written

router = APIRouter(tags=["papers"], route_class=AskedFirst)

_PDF: Final = "application/pdf"
_MEDIA: Final[Mapping[Format, str]] = {
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Format.CSV: "text/csv; charset=utf-8",
    Format.JSON: "application/json",
}
FirstDay = Annotated[dt.date, Query(description="The first day.")]
LastDay = Annotated[dt.date, Query(description="The last day, included.")]
_AS_PDF: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {_PDF: {}}, "description": "PDF/A-2a"}
}


@router.get(
    "/worklist",
    response_class=Response,
    dependencies=[Depends(needs(Scope.READ_ASSESSMENTS))],
    responses={
        200: {"content": {one: {} for one in _MEDIA.values()}, "description": "The file"},
        **responses(401, 403, 422),
    },
)
def worklist(
    given: Given,
    conn: Reads,
    looks: Looks,
    seen: Seen,
    language: Spoken,
    from_day: FirstDay,
    to_day: LastDay,
    format: Format = Format.JSON,  # noqa: A002  # the word of the interface
    department: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """Every day of everybody on which work was expected or claimed, those with a question first.
    62 days at most."""
    now_ms = given.clock.utc_ms()
    try:
        rows = list(listing.rows_of(conn, given.vault, from_day, to_day, now_ms, department, seen))
    except ConflictError as error:
        raise ProblemError(422, str(error)) from None
    looks.at("the worklist", {row.employee_id for row in rows})
    name = f"worklist-{from_day}-{to_day}.{format.value}"
    return _download(written(rows, format, language), _MEDIA[format], name)


@router.get(
    "/cases/{case_id}/letter",
    response_class=Response,
    dependencies=[Depends(needs(Scope.READ_CASES))],
    responses={**_AS_PDF, **responses(401, 403, 404, 409, 503)},
)
def letter(case_id: CaseId, given: Given, looks: Looks) -> Response:
    """The confirmation letter (考勤异常确认函), in the language of whom it is about."""
    return _paper(given, looks, case_id, "letter", _set_letter, None)


@router.get(
    "/cases/{case_id}/report",
    response_class=Response,
    dependencies=[Depends(needs(Scope.READ_CASES))],
    responses={**_AS_PDF, **responses(401, 403, 404, 409, 503)},
)
def report(case_id: CaseId, given: Given, looks: Looks) -> Response:
    """The report (考勤异常报告) of a case that somebody has concluded."""
    return _paper(given, looks, case_id, "report", _set_report, None)


@router.get(
    "/cases/{case_id}/own-letter",
    response_class=Response,
    dependencies=[Depends(needs(Scope.REPLY_CASES))],
    responses={**_AS_PDF, **responses(401, 403, 404, 409, 503)},
)
def own_letter(case_id: CaseId, employee: PersonId, given: Given, looks: Looks) -> Response:
    """The letter for the employee concerned; anybody else's case is not found."""
    return _paper(given, looks, case_id, "letter", _set_letter, employee)


@router.get(
    "/cases/{case_id}/own-report",
    response_class=Response,
    dependencies=[Depends(needs(Scope.REPLY_CASES))],
    responses={**_AS_PDF, **responses(401, 403, 404, 409, 503)},
)
def own_report(case_id: CaseId, employee: PersonId, given: Given, looks: Looks) -> Response:
    """The report for the employee concerned."""
    return _paper(given, looks, case_id, "report", _set_report, employee)


def _set_letter(conn: Connection, given: Services, case: Loaded) -> bytes:
    return given.press.letter(of_case.letter_of(conn, _desk(given), case))


def _set_report(conn: Connection, given: Services, case: Loaded) -> bytes:
    return given.press.report(of_case.report_of(conn, _desk(given), case))


def _desk(given: Services) -> of_case.Desk:
    return of_case.Desk(given.vault, given.paper_settings, given.clock.utc_ms())


def _paper(
    given: Services,
    looks: Looks,
    case_id: str,
    what: str,
    make: Callable[[Connection, Services, Loaded], bytes],
    employee: str | None,
) -> Response:
    with db.reading(given.engine) as conn:
        if employee is None:
            case = loaded(conn, given, case_id)
        else:
            case = own(conn, given, case_id, employee)
    where = "" if employee is None else ", on their own page"
    looks.at(f"{what} of case {case_id}{where}", [case.standing.employee_id])
    try:
        with db.writing(given.engine) as conn:  # the checkpoint on it is kept from now on
            pdf = make(conn, given, case)
    except ConflictError as error:
        raise ProblemError(409, str(error)) from None
    except TypesettingError as error:
        raise ProblemError(503, str(error)) from None
    return _download(pdf, _PDF, f"{what}-{case_id}.pdf")


def _download(data: bytes, media_type: str, name: str) -> Response:
    """To be saved; a browser opens none of it by itself."""
    more = {
        "content-disposition": f'attachment; filename="{name}"',
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
    }
    return Response(data, media_type=media_type, headers=more)
