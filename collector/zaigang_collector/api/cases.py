"""Cases: opened, conducted, concluded and appealed against, by named people.

`/cases/...` is for HR; what ends in `own-...` is for a page on which the employee concerned acts,
and they see there what HR sees.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Annotated, Final

from fastapi import APIRouter, Body, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from zaigang_collector import db
from zaigang_collector.access.model import Principal, Scope
from zaigang_collector.api import values
from zaigang_collector.api.assessments import TextOut
from zaigang_collector.api.deps import AskedFirst, Given, Looks, Opens, Reads, Services, needs
from zaigang_collector.api.problems import ProblemError, Wrong, not_found, responses
from zaigang_collector.cases import attachments, bodies, inspecting, service, states, store, words
from zaigang_collector.cases.attachments import Attachment, Seen
from zaigang_collector.cases.bodies import Written
from zaigang_collector.cases.errors import AttachmentError
from zaigang_collector.cases.filetypes import MEDIA_TYPES, FileKind
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
from zaigang_collector.cases.store import Listed, Loaded
from zaigang_collector.errors import ConflictError, ForgottenError, UnknownIdError
from zaigang_collector.ledger import service as ledger
from zaigang_collector.matching.model import Text

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


class RefOut(BaseModel):
    kind: RefKind
    id: str


class CheckpointOut(BaseModel):
    """What the ledger was then; /log/checkpoint has what it is now."""

    size: int
    root_sha256: str


class StepOut(BaseModel):
    """One step; its entry in the ledger has the type `case_event` and commits to `body_sha256`."""

    number: int
    at: dt.datetime
    action: Action
    called: TextOut
    role: Role
    by: str
    via: str
    reason: str
    files: list[str]
    refs: list[RefOut]
    finding: Finding | None
    proposal: Proposal
    due: dt.datetime | None = Field(description="The deadline that holds from here on.")
    refused: str = Field(description="Why it was not done; empty: it was.")
    late: bool = Field(description="A reply after the deadline: read like any other.")
    checkpoint: CheckpointOut | None
    body_sha256: str


class SeenOut(BaseModel):
    """The same file, or one that looks like it, elsewhere. A question, never an answer."""

    case: str
    file: str
    same: bool


class FileOut(BaseModel):
    id: str
    name: str
    kind: FileKind
    bytes: int
    sha256: str
    at: dt.datetime
    by: str
    role: Role
    scanned: bool = Field(description="Whether a virus scanner looked at it.")
    measures: str = Field(description="Points of a picture, pages, or sheets.")
    says_taken: str | None = Field(description="As the file says itself; can have been edited.")
    says_place: list[float] | None = Field(description="Degrees; the same holds.")
    seen_before: list[SeenOut] | None = Field(
        description="For HR alone; null on a page of one's own."
    )


class CaseOut(BaseModel):
    """A case in a list."""

    id: str
    employee: str
    state: State
    opened_at: dt.datetime
    opened_by: str
    due: dt.datetime | None
    closed_at: dt.datetime | None


class CaseDetail(CaseOut):
    """A case with all its steps."""

    called: TextOut = Field(description="`state` as people call it.")
    finding: Finding | None
    proposal: TextOut
    refs: list[RefOut]
    more_time_asked: bool
    possible_for_hr: list[Action]
    possible_for_employee: list[Action]
    policy_sha256: str
    steps: list[StepOut]
    files: list[FileOut]
    checkpoint: str = Field(description="The newest signed checkpoint of the ledger, to be kept.")


class FileTaken(BaseModel):
    id: str
    case: CaseDetail


@router.get("", dependencies=[Depends(needs(Scope.READ_CASES))], responses=responses(401, 403, 422))
def list_cases(
    conn: Reads,
    looks: Looks,
    employee: Annotated[str | None, Query(max_length=64)] = None,
    state: State | None = None,
    open: bool | None = None,  # noqa: A002  # the word of the interface
    limit: values.Limit = values.LIMIT_DEFAULT,
    cursor: values.Cursor = None,
) -> values.Page[CaseOut]:
    """The newest first."""
    wanted = store.Filter(employee, state, open)
    found = store.list_page(conn, wanted, values.time_cursor(cursor), limit + 1)
    page = values.page(found, limit, lambda one: (one.opened_ms, one.id))
    looks.at("cases, listed", (one.employee_id for one in page.items))
    return values.Page(items=[_listed(one) for one in page.items], next=page.next)


@router.post(
    "",
    status_code=201,
    dependencies=[Depends(needs(Scope.WRITE_CASES))],
    responses=responses(401, 403, 422),
)
def open_case(body: OpenIn, given: Given, request: Request) -> CaseDetail:
    """Open a case about a person."""
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
        return _detail(conn, given, case, is_own=False)


@router.get(
    "/{case_id}",
    dependencies=[Depends(needs(Scope.READ_CASES))],
    responses=responses(401, 403, 404),
)
def get_case(case_id: CaseId, given: Given, conn: Reads, looks: Looks) -> CaseDetail:
    """A case with every step, also those that were refused."""
    case = _loaded(conn, given, case_id)
    looks.at(f"case {case_id}", [case.standing.employee_id])
    return _detail(conn, given, case, is_own=False)


@router.post(
    "/{case_id}/steps",
    dependencies=[Depends(needs(Scope.WRITE_CASES))],
    responses=responses(401, 403, 404, 409, 422),
)
def act(case_id: CaseId, body: StepIn, given: Given, request: Request) -> CaseDetail:
    """Do something as HR. What may not be done answers 409, says why, and is on record."""
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
    case = _own(conn, given, case_id, employee)
    looks.at(f"case {case_id}, on their own page", [employee])
    return _detail(conn, given, case, is_own=True)


@router.post(
    "/{case_id}/own-steps",
    dependencies=[Depends(needs(Scope.REPLY_CASES))],
    responses=responses(401, 403, 404, 409, 422),
)
def act_own(case_id: CaseId, body: OwnStepIn, given: Given, request: Request) -> CaseDetail:
    """Reply, ask for more time or appeal, as the employee concerned."""
    with db.reading(given.engine) as conn:
        _own(conn, given, case_id, body.employee)
    brought = Brought(reason=body.reason, attachments=tuple(body.files))
    actor = _actor(request, Role.EMPLOYEE, body.employee)
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
    with db.reading(given.engine) as conn:
        _own(conn, given, case_id, employee)
    actor = _actor(request, Role.EMPLOYEE, employee)
    return _attached(given, case_id, body, name, actor, is_own=True)


@router.get(
    "/{case_id}/files/{file_id}",
    dependencies=[Depends(needs(Scope.READ_CASES))],
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}}, **responses(401, 403, 404)},
)
def get_file(case_id: CaseId, file_id: FileId, given: Given, conn: Reads, looks: Looks) -> Response:
    """The bytes of a file, to be saved; a browser opens none of it by itself."""
    case = _loaded(conn, given, case_id)
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
    _own(conn, given, case_id, employee)
    looks.at(f"case {case_id}, file {file_id}, on their own page", [employee])
    return _file(conn, given.vault, case_id, file_id)


def desk(given: Services) -> Desk:
    """What work on cases needs, from the services of the collector."""
    return Desk(given.vault, given.case_policy, given.randomness, given.messenger)


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
        told = _detail(conn, given, acted.case, is_own=is_own)
    _refuse(acted)  # after the commit: that it was tried stays
    return told


def _attached(
    given: Services, case_id: str, body: bytes, name: str, actor: Actor, *, is_own: bool
) -> FileTaken:
    with db.reading(given.engine) as conn:
        _loaded(conn, given, case_id)  # before anything is looked into
    try:
        file = inspecting.inspect(body, given.scan_command)
        with db.writing(given.engine) as conn:
            done = attachments.attach(
                conn, desk(given), case_id, file, name, actor, given.clock.utc_ms()
            )
            told = _detail(conn, given, done.acted.case, is_own=is_own)
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


def _loaded(conn: Connection, given: Services, case_id: str) -> Loaded:
    try:
        return store.load(conn, given.vault, case_id)
    except UnknownIdError as error:
        raise not_found("case", _LISTING) from error


def _own(conn: Connection, given: Services, case_id: str, employee: str) -> Loaded:
    """Whoever it does not concern does not learn that there is such a case."""
    case = _loaded(conn, given, case_id)
    if case.standing.employee_id != employee:
        raise not_found("case", _LISTING)
    return case


def _actor(request: Request, role: Role, person: str) -> Actor:
    principal = request.state.principal
    assert isinstance(principal, Principal)  # noqa: S101  # `needs` has set it
    return Actor(role, person, f"API token {principal.name} ({principal.token_id})")


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


def _listed(one: Listed) -> CaseOut:
    return CaseOut(
        id=one.id,
        employee=one.employee_id,
        state=one.state,
        opened_at=values.utc(one.opened_ms),
        opened_by=one.opened_by,
        due=values.utc_or_none(one.due_ms),
        closed_at=values.utc_or_none(one.closed_ms),
    )


def _detail(conn: Connection, given: Services, case: Loaded, *, is_own: bool) -> CaseDetail:
    standing, newest = case.standing, ledger.newest_checkpoint(conn)
    files = attachments.list_of(conn, given.vault, case.id)
    return CaseDetail(
        id=case.id,
        employee=standing.employee_id,
        state=standing.state,
        opened_at=values.utc(standing.opened_ms),
        opened_by=standing.opened_by,
        due=values.utc_or_none(standing.due_ms),
        closed_at=values.utc_or_none(standing.closed_ms),
        called=_text(words.state(standing, case.policy)),
        finding=standing.finding,
        proposal=_text(words.proposal(standing.proposal, case.policy)),
        refs=[RefOut(kind=one.kind, id=one.id) for one in standing.refs],
        more_time_asked=standing.asked_time,
        possible_for_hr=list(states.possible(standing.state, Role.HR)),
        possible_for_employee=list(states.possible(standing.state, Role.EMPLOYEE)),
        policy_sha256=case.policy.hash(),
        steps=[_step(one) for one in case.steps],
        files=[
            _about(one, None if is_own else attachments.seen_before(conn, one.id)) for one in files
        ],
        checkpoint="" if newest is None else newest.note,
    )


def _step(written: Written) -> StepOut:
    step, held = written.step, written.checkpoint
    return StepOut(
        number=step.number,
        at=values.utc(step.at_ms),
        action=step.action,
        called=_text(words.ACTIONS[step.action]),
        role=step.actor.role,
        by=step.actor.id,
        via=step.actor.via,
        reason=step.given.reason,
        files=list(step.given.attachments),
        refs=[RefOut(kind=one.kind, id=one.id) for one in step.given.refs],
        finding=states.FINDINGS.get(step.action, step.given.finding),
        proposal=step.given.proposal,
        due=values.utc_or_none(step.due_ms),
        refused=step.refused,
        late=step.late,
        checkpoint=None if held is None else CheckpointOut(size=held[0], root_sha256=held[1].hex()),
        body_sha256=hashlib.sha256(bodies.encode(written)).hexdigest(),
    )


def _about(one: Attachment, seen: tuple[Seen, ...] | None) -> FileOut:
    return FileOut(
        id=one.id,
        name=one.name,
        kind=one.kind,
        bytes=one.size,
        sha256=one.sha256.hex(),
        at=values.utc(one.at_ms),
        by=one.by,
        role=Role(one.role),
        scanned=one.scanned,
        measures=one.size_told,
        says_taken=one.taken,
        says_place=None if one.place is None else list(one.place),
        seen_before=None
        if seen is None
        else [SeenOut(case=s.case_id, file=s.attachment_id, same=s.is_same) for s in seen],
    )


def _text(text: Text) -> TextOut:
    return TextOut(zh=text.zh, en=text.en)
