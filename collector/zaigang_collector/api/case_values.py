"""What the interface shows of a case."""

from __future__ import annotations

import datetime as dt
import hashlib

from pydantic import BaseModel, Field
from sqlalchemy import Connection

from zaigang_collector.api import values
from zaigang_collector.api.assessments import TextOut
from zaigang_collector.api.deps import Services
from zaigang_collector.cases import attachments, bodies, table, words
from zaigang_collector.cases.attachments import Attachment, Seen
from zaigang_collector.cases.bodies import Written
from zaigang_collector.cases.filetypes import FileKind
from zaigang_collector.cases.model import Action, Finding, Proposal, RefKind, Role, State
from zaigang_collector.cases.store import Listed, Loaded
from zaigang_collector.ledger import service as ledger
from zaigang_collector.matching.model import Text


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


def listed(one: Listed) -> CaseOut:
    """As lists show it."""
    return CaseOut(
        id=one.id,
        employee=one.employee_id,
        state=one.state,
        opened_at=values.utc(one.opened_ms),
        opened_by=one.opened_by,
        due=values.utc_or_none(one.due_ms),
        closed_at=values.utc_or_none(one.closed_ms),
    )


def detail(conn: Connection, given: Services, case: Loaded, *, is_own: bool) -> CaseDetail:
    """With all its steps; `is_own`: for the employee concerned, without what is about others."""
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
        possible_for_hr=list(table.possible(standing.state, Role.HR)),
        possible_for_employee=list(table.possible(standing.state, Role.EMPLOYEE)),
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
        finding=table.FINDINGS.get(step.action, step.given.finding),
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
