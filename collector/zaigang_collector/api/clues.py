"""Clues: what a manager was told, and the evidence of exactly those dates beside it."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, ConfigDict, Field

from zaigang_collector.access.model import Scope
from zaigang_collector.api import values
from zaigang_collector.api.attendance import WordsOut
from zaigang_collector.api.cases import desk
from zaigang_collector.api.deps import (
    AskedFirst,
    Given,
    Looks,
    Opens,
    Reads,
    Writes,
    acting,
    needs,
    refuse_uncovered,
)
from zaigang_collector.api.problems import ProblemError, Wrong, not_found, responses
from zaigang_collector.attendance import words
from zaigang_collector.attendance.days import DayStatus, Standing
from zaigang_collector.cases import clues
from zaigang_collector.cases.clues import Beside
from zaigang_collector.errors import ConflictError, UnknownIdError
from zaigang_collector.matching.model import Presence, Work
from zaigang_collector.worktraces.model import EventKind, NewEvent, NewWorkLog

router = APIRouter(prefix="/clues", tags=["cases"], route_class=AskedFirst)

ClueId = Annotated[str, Path(max_length=40, examples=["cl-mfrggzdfmztwq2lk"])]


class ClueIn(BaseModel):
    """What somebody saw or was told, with its dates. Never evidence by itself."""

    model_config = ConfigDict(extra="forbid")
    employee: str = Field(min_length=1, max_length=64, pattern=values.WORD, examples=["E001"])
    site: str = Field(min_length=1, max_length=64, pattern=values.WORD, examples=["hq"])
    first_day: dt.date
    last_day: dt.date
    words: str = Field(min_length=1, max_length=clues.WORDS_MAX, examples=["客户说十月很少见到人"])
    by: str = Field(
        min_length=1,
        max_length=64,
        pattern=values.WORD,
        description="Id of whoever writes it down.",
    )


class ClueTaken(BaseModel):
    id: str


class DayBeside(BaseModel):
    """What was expected and claimed on a day."""

    day: dt.date
    standing: Standing
    told: WordsOut
    exemptions: list[str]


class VerdictBeside(BaseModel):
    """What was found of an interval of these days at the site."""

    assessment: str
    start: dt.datetime
    end: dt.datetime
    presence: Presence
    work: Work
    provisional: bool


class EventBeside(BaseModel):
    """A trace of work of these days; that there is none says nothing."""

    at: dt.datetime
    source: str
    kind: EventKind
    names_client: bool | None


class WorkLogBeside(BaseModel):
    day: dt.date
    handed_in_at: dt.datetime
    names_client: bool | None


class ClueOut(BaseModel):
    """A clue with what is on record of exactly its dates. Nothing is computed from its words."""

    id: str
    employee: str
    site: str
    first_day: dt.date
    last_day: dt.date
    words: str
    by: str
    via: str
    written_at: dt.datetime
    days: list[DayBeside]
    assessments: list[VerdictBeside]
    business_events: list[EventBeside]
    work_logs: list[WorkLogBeside]


@router.post(
    "",
    status_code=201,
    dependencies=[Depends(needs(Scope.WRITE_CLUES))],
    responses=responses(401, 403, 422),
)
def write(body: ClueIn, given: Given, conn: Writes, request: Request) -> ClueTaken:
    """Write down a clue. Whoever writes it is shown nothing about the person for it."""
    refuse_uncovered(request, given, [body.employee])
    try:
        clue = clues.write(
            conn,
            desk(given),
            body.employee,
            body.site,
            (body.first_day, body.last_day),
            body.words,
            body.by,
            acting(request, body.by),
            given.clock.utc_ms(),
        )
    except (UnknownIdError, ConflictError) as error:
        wrong = Wrong(where="body", expected="a clue about a known person, site and days")
        raise ProblemError(422, f"Nothing was stored: {error}.", [wrong]) from error
    return ClueTaken(id=clue.id)


@router.get(
    "/{clue_id}",
    dependencies=[Depends(needs(Scope.READ_CASES))],
    responses=responses(401, 403, 404),
)
def get(clue_id: ClueId, given: Given, conn: Reads, vault: Opens, looks: Looks) -> ClueOut:
    """A clue, and beside it what is on record of exactly its dates."""
    try:
        found = clues.beside(conn, vault, clue_id, given.clock.utc_ms())
    except UnknownIdError as error:
        raise not_found("clue", "/api/v1/cases") from error
    looks.at(f"clue {clue_id} and its days", [found.clue.employee_id])
    return _shown(found)


def _shown(found: Beside) -> ClueOut:
    clue = found.clue
    return ClueOut(
        id=clue.id,
        employee=clue.employee_id,
        site=clue.site_id,
        first_day=dt.date.fromisoformat(clue.first_day),
        last_day=dt.date.fromisoformat(clue.last_day),
        words=clue.words,
        by=clue.by,
        via=clue.via,
        written_at=values.utc(clue.at_ms),
        days=[_day(one) for one in found.days],
        assessments=[
            VerdictBeside(
                assessment=one.id,
                start=values.utc(one.start_ms),
                end=values.utc(one.end_ms),
                presence=one.presence,
                work=one.work,
                provisional=one.provisional,
            )
            for one in found.assessments
        ],
        business_events=[_event(one.content) for one in found.events],
        work_logs=[_log(one.content) for one in found.work_logs],
    )


def _event(one: NewEvent) -> EventBeside:
    return EventBeside(
        at=values.utc(one.happened_ms), source=one.source, kind=one.kind, names_client=one.client
    )


def _log(one: NewWorkLog) -> WorkLogBeside:
    handed_in_at = values.utc(one.handed_in_ms)
    return WorkLogBeside(day=one.day, handed_in_at=handed_in_at, names_client=one.names_client)


def _day(status: DayStatus) -> DayBeside:
    told = words.STANDINGS[status.standing]
    return DayBeside(
        day=status.planned.day,
        standing=status.standing,
        told=WordsOut(zh=told.zh, en=told.en),
        exemptions=[one.kind.value for one in status.exemptions],
    )
