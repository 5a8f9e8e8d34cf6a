"""Cases: opened, conducted, concluded and appealed against, by named people.

`/cases/...` is for HR; what ends in `own-...` is for a page on which the employee concerned acts,
and they see there what HR sees.
"""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Body, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from zaigang_collector import db
from zaigang_collector.access.model import Scope
from zaigang_collector.api import values
from zaigang_collector.api.case_values import (
    CaseDetail,
    CaseOut,
    FileTaken,
    detail,
    listed,
)
from zaigang_collector.api.deps import (
    AskedFirst,
    Given,
    Looks,
    Opens,
    Reads,
    Seen,
    Services,
    acting,
    audience_of,
    needs,
    refuse_uncovered,
)
from zaigang_collector.api.problems import ProblemError, Wrong, not_found, responses
from zaigang_collector.cases import attachments, inspecting, service, store
from zaigang_collector.cases.errors import AttachmentError
from zaigang_collector.cases.filetypes import MEDIA_TYPES
from zaigang_collector.cases.model import (
    Action,
    Actor,
    Finding,
    Proposal,
    Ref,
    RefKind,
    Role,
    State,
)
from zaigang_collector.cases.model import Given as Brought
from zaigang_collector.cases.service import Acted, Desk
from zaigang_collector.cases.store import Loaded
from zaigang_collector.errors import ConflictError, ForgottenError, UnknownIdError

router = APIRouter(prefix="/cases", tags=["cases"], route_class=AskedFirst)

_LISTING: Final = "/api/v1/cases"
_HR: Final = "Id of the person of HR who does it: a known employee, and not the one concerned."

CaseId = Annotated[str, Path(max_length=40, examples=["ca-mfrggzdfmztwq2lk"])]
FileId = Annotated[str, Path(max_length=40, examples=["at-mfrggzdfmztwq2lk"])]
PersonId = Annotated[str, Query(min_length=1, max_length=64, examples=["E001"])]
Bytes = Annotated[
    bytes,
    Body(
        media_type="application/octet-stream",
        description="The file itself: PDF, PNG, JPEG, HEIC or XLSX, 10 MiB at most.",
    ),
]
Name = Annotated[str, Query(max_length=255, description="What the file is called.")]


class RefIn(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kind: RefKind
    id: str = Field(min_length=1, max_length=80, pattern=values.WORD, examples=["al-0017"])


class OpenIn(BaseModel):
    """A case about one person, from alerts, a clue or assessments."""

    model_config = ConfigDict(extra="forbid")
    employee: str = Field(min_length=1, max_length=64, pattern=values.WORD, examples=["E001"])
    by: str = Field(min_length=1, max_length=64, pattern=values.WORD, description=_HR)
    refs: list[RefIn] = Field(min_length=1, max_length=service.REFS_MAX)
    reason: str = Field(default="", max_length=service.WORDS_MAX)


class StepIn(BaseModel):
    """What HR does. Which actions are possible, and what each needs: docs/cases.md."""

    model_config = ConfigDict(extra="forbid")
    action: Action
    by: str = Field(min_length=1, max_length=64, pattern=values.WORD, description=_HR)
    reason: str = Field(default="", max_length=service.WORDS_MAX)
    files: list[str] = Field(default=[], max_length=attachments.MOST)
    refs: list[RefIn] = Field(default=[], max_length=service.REFS_MAX)
    finding: Finding | None = Field(default=None, description="For decide_appeal.")
    proposal: Proposal = Field(default=Proposal.NONE, description="Never an act.")
    until: values.Time | None = Field(default=None, description="For give_time.")


class OwnStepIn(BaseModel):
    """What the employee concerned does: reply, ask_time, appeal."""

    model_config = ConfigDict(extra="forbid")
    action: Action
    employee: str = Field(min_length=1, max_length=64, pattern=values.WORD)
    reason: str = Field(default="", max_length=service.WORDS_MAX)
    files: list[str] = Field(default=[], max_length=attachments.MOST)


@router.get("", dependencies=[Depends(needs(Scope.READ_CASES))], responses=responses(401, 403, 422))
def list_cases(
    conn: Reads,
    looks: Looks,
    seen: Seen,
    employee: Annotated[str | None, Query(max_length=64)] = None,
    state: State | None = None,
    open: bool | None = None,  # noqa: A002  # the word of the interface
    limit: values.Limit = values.LIMIT_DEFAULT,
    cursor: values.Cursor = None,
) -> values.Page[CaseOut]:
    """The newest first."""
    wanted = store.Filter(employee, state, open, seen)
    found = store.list_page(conn, wanted, values.time_cursor(cursor), limit + 1)
    page = values.page(found, limit, lambda one: (one.opened_ms, one.id))
    looks.at("cases, listed", (one.employee_id for one in page.items))
    return values.Page(items=[listed(one) for one in page.items], next=page.next)


@router.post(
    "",
    status_code=201,
    dependencies=[Depends(needs(Scope.WRITE_CASES))],
    responses=responses(401, 403, 422),
)
def open_case(body: OpenIn, given: Given, request: Request) -> CaseDetail:
    """Open a case about a person."""
    refuse_uncovered(request, given, [body.employee])
    with db.writing(given.engine) as conn:
        try:
            case = service.open_case(
                conn,
                desk(given),
                body.employee,
                _refs(body.refs),
                body.reason,
                _actor(request, Role.HR, body.by),
                given.clock.utc_ms(),
            )
        except (UnknownIdError, ConflictError) as error:
            raise _unfit(error) from error
        return detail(conn, given, case, is_own=False)


@router.get(
    "/{case_id}",
    dependencies=[Depends(needs(Scope.READ_CASES))],
    responses=responses(401, 403, 404),
)
def get_case(case_id: CaseId, given: Given, conn: Reads, looks: Looks) -> CaseDetail:
    """A case with every step, also those that were refused."""
    case = loaded(conn, given, case_id)
    looks.at(f"case {case_id}", [case.standing.employee_id])
    return detail(conn, given, case, is_own=False)


@router.post(
    "/{case_id}/steps",
    dependencies=[Depends(needs(Scope.WRITE_CASES))],
    responses=responses(401, 403, 404, 409, 422),
)
def act(case_id: CaseId, body: StepIn, given: Given, request: Request) -> CaseDetail:
    """Do something as HR. What may not be done answers 409, says why, and is on record."""
    _refuse_others(request, given, case_id)
    brought = Brought(
        reason=body.reason,
        attachments=tuple(body.files),
        refs=_refs(body.refs),
        finding=body.finding,
        proposal=body.proposal,
        until_ms=values.to_ms_or_none(body.until),
    )
    actor = _actor(request, Role.HR, body.by)
    return _acted(given, case_id, body.action, actor, brought, is_own=False)


@router.get(
    "/{case_id}/own",
    dependencies=[Depends(needs(Scope.REPLY_CASES))],
    responses=responses(401, 403, 404),
)
def get_own(
    case_id: CaseId, employee: PersonId, given: Given, conn: Reads, looks: Looks
) -> CaseDetail:
    """A case as the employee concerned sees it; anybody else's is not found."""
    case = own(conn, given, case_id, employee)
    looks.at(f"case {case_id}, on their own page", [employee])
    return detail(conn, given, case, is_own=True)


@router.post(
    "/{case_id}/own-steps",
    dependencies=[Depends(needs(Scope.REPLY_CASES))],
    responses=responses(401, 403, 404, 409, 422),
)
def act_own(case_id: CaseId, body: OwnStepIn, given: Given, request: Request) -> CaseDetail:
    """Reply, ask for more time or appeal, as the employee concerned."""
    actor = _actor(request, Role.EMPLOYEE, body.employee)
    with db.reading(given.engine) as conn:
        own(conn, given, case_id, body.employee)
    brought = Brought(reason=body.reason, attachments=tuple(body.files))
    return _acted(given, case_id, body.action, actor, brought, is_own=True)


@router.post(
    "/{case_id}/files",
    status_code=201,
    dependencies=[Depends(needs(Scope.WRITE_CASES))],
    responses=responses(401, 403, 404, 409, 413, 422),
)
def attach(
    case_id: CaseId, body: Bytes, by: PersonId, name: Name, given: Given, request: Request
) -> FileTaken:
    """Add a file as HR: a signed receipt, a reading. The same again is the same."""
    _refuse_others(request, given, case_id)
    return _attached(given, case_id, body, name, _actor(request, Role.HR, by), is_own=False)


@router.post(
    "/{case_id}/own-files",
    status_code=201,
    dependencies=[Depends(needs(Scope.REPLY_CASES))],
    responses=responses(401, 403, 404, 409, 413, 422),
)
def attach_own(
    case_id: CaseId, body: Bytes, employee: PersonId, name: Name, given: Given, request: Request
) -> FileTaken:
    """Hand in proof, as the employee concerned."""
    actor = _actor(request, Role.EMPLOYEE, employee)
    with db.reading(given.engine) as conn:
        own(conn, given, case_id, employee)
    return _attached(given, case_id, body, name, actor, is_own=True)


@router.get(
    "/{case_id}/files/{file_id}",
    dependencies=[Depends(needs(Scope.READ_CASES))],
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}}, **responses(401, 403, 404)},
)
def get_file(case_id: CaseId, file_id: FileId, given: Given, conn: Reads, looks: Looks) -> Response:
    """The bytes of a file, to be saved; a browser opens none of it by itself."""
    case = loaded(conn, given, case_id)
    looks.at(f"case {case_id}, file {file_id}", [case.standing.employee_id])
    return _file(conn, given.vault, case_id, file_id)


@router.get(
    "/{case_id}/own-files/{file_id}",
    dependencies=[Depends(needs(Scope.REPLY_CASES))],
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}}, **responses(401, 403, 404)},
)
def get_own_file(
    case_id: CaseId,
    file_id: FileId,
    employee: PersonId,
    given: Given,
    conn: Reads,
    looks: Looks,
) -> Response:
    """The same for the employee concerned, who sees what HR sees."""
    own(conn, given, case_id, employee)
    looks.at(f"case {case_id}, file {file_id}, on their own page", [employee])
    return _file(conn, given.vault, case_id, file_id)


def desk(given: Services) -> Desk:
    """What work on cases needs, from the services of the collector."""
    return Desk(given.vault, given.case_policy, given.randomness, given.messenger, given.alerts)


def _acted(
    given: Services, case_id: str, action: Action, actor: Actor, brought: Brought, *, is_own: bool
) -> CaseDetail:
    with db.writing(given.engine) as conn:
        try:
            acted = service.act(
                conn, desk(given), case_id, action, actor, brought, given.clock.utc_ms()
            )
        except (UnknownIdError, ConflictError) as error:
            raise _unfit(error) from error
        told = detail(conn, given, acted.case, is_own=is_own)
    _refuse(acted)  # after the commit: that it was tried stays
    return told


def _attached(
    given: Services, case_id: str, body: bytes, name: str, actor: Actor, *, is_own: bool
) -> FileTaken:
    with db.reading(given.engine) as conn:
        loaded(conn, given, case_id)  # before anything is looked into
    try:
        file = inspecting.inspect(body, given.scan_command)
        with db.writing(given.engine) as conn:
            done = attachments.attach(
                conn, desk(given), case_id, file, name, actor, given.clock.utc_ms()
            )
            told = detail(conn, given, done.acted.case, is_own=is_own)
    except AttachmentError as error:
        raise ProblemError(422, str(error)) from None
    except (UnknownIdError, ConflictError) as error:
        raise _unfit(error) from error
    _refuse(done.acted)
    assert done.attachment_id is not None  # noqa: S101  # it was not refused
    return FileTaken(id=done.attachment_id, case=told)


def _refuse(acted: Acted) -> None:
    if acted.refused is not None:
        raise ProblemError(409, f"{acted.refused.zh} {acted.refused.en}")


def _unfit(error: UnknownIdError | ConflictError) -> ProblemError:
    if isinstance(error, UnknownIdError) and error.what == "case":
        return not_found("case", _LISTING)
    where = f"body.{error.what}" if isinstance(error, UnknownIdError) else "body"
    return ProblemError(
        422, f"Nothing was changed: {error}.", [Wrong(where=where, expected="one that fits")]
    )


def loaded(conn: Connection, given: Services, case_id: str) -> Loaded:
    """A case, or that there is none."""
    try:
        return store.load(conn, given.vault, case_id)
    except UnknownIdError as error:
        raise not_found("case", _LISTING) from error


def own(conn: Connection, given: Services, case_id: str, employee: str) -> Loaded:
    """Whoever it does not concern does not learn that there is such a case."""
    case = loaded(conn, given, case_id)
    if case.standing.employee_id != employee:
        raise not_found("case", _LISTING)
    return case


def _refuse_others(request: Request, given: Services, case_id: str) -> None:
    """Whoever has some departments does nothing in the cases of others."""
    if audience_of(request) is None:
        return
    with db.reading(given.engine) as conn:
        employee_id = loaded(conn, given, case_id).standing.employee_id
    refuse_uncovered(request, given, [employee_id])


def _actor(request: Request, role: Role, person: str) -> Actor:
    return Actor(role, person, acting(request, person))


def _refs(refs: list[RefIn]) -> tuple[Ref, ...]:
    return tuple(Ref(one.kind, one.id) for one in refs)


def _file(conn: Connection, vault: Opens, case_id: str, file_id: str) -> Response:
    try:
        about, data = attachments.content(conn, vault, case_id, file_id)
    except (UnknownIdError, ForgottenError) as error:
        raise not_found("file", f"{_LISTING}/{{case_id}}") from error
    return Response(
        data,
        media_type=MEDIA_TYPES[about.kind],
        headers={
            "content-disposition": f'attachment; filename="{about.id}.{about.kind.value}"',
            "x-content-type-options": "nosniff",
            "content-security-policy": "sandbox; default-src 'none'",
            "cache-control": "private, no-store",
        },
    )
