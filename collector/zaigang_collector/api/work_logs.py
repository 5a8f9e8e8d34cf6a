"""Work logs: handed in directly, listed for one person. The text is searched and dropped."""

from __future__ import annotations

import datetime as dt
import enum
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from zaigang_collector.access.model import Scope
from zaigang_collector.api import values
from zaigang_collector.api.assessments import TextOut
from zaigang_collector.api.business_events import Employee
from zaigang_collector.api.deps import AskedFirst, Given, Looks, Opens, Reads, Writes, needs
from zaigang_collector.api.problems import ProblemError, Wrong, not_found, responses
from zaigang_collector.attendance.model import BELIEVABLE, Outcome, believable
from zaigang_collector.directory import service as directory
from zaigang_collector.matching.model import Text
from zaigang_collector.worktraces import handing, service
from zaigang_collector.worktraces.handing import Handed
from zaigang_collector.worktraces.model import (
    SOURCE_ID_MAX,
    SOURCE_MAX,
    TEXT_MAX,
    Progress,
    day_is_believable,
)
from zaigang_collector.worktraces.service import WorkLog

router = APIRouter(prefix="/work-logs", tags=["work traces"], route_class=AskedFirst)

DAYS_MAX: Final = 366  # larger opens years of somebody's logs for one look; smaller splits a year


class TextFate(enum.StrEnum):
    """What became of the text."""

    NONE = "none"
    DROPPED = "dropped"
    KEPT = "kept"


_TOLD: Final = {
    TextFate.NONE: Text("没有正文。", "There was no text."),
    TextFate.DROPPED: Text(
        "正文只在内存里查过客户名称，已经丢掉，没有保存。",
        "The text was searched in memory for names of clients and dropped; it was not stored.",
    ),
    TextFate.KEPT: Text(
        "公司设定保留日志正文，已用本人的密钥加密保存。",
        "This company keeps the text of work logs; it was stored, sealed under the person's own key.",
    ),
}


class WorkLogIn(BaseModel):
    """What somebody did on a day."""

    model_config = ConfigDict(extra="forbid")
    employee: str = Field(min_length=1, max_length=64, pattern=values.WORD, examples=["E001"])
    day: dt.date = Field(description="By the person's own clock.", examples=["2026-09-21"])
    place: str | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        pattern=values.WORD,
        description="The id of a site; null: at none of ours.",
        examples=["lujiazui"],
    )
    work_done: str | None = Field(
        default=None,
        max_length=TEXT_MAX,
        description="In free words. Searched in memory for names of clients, and dropped unless the "
        "company keeps logs; the answer says which.",
    )
    client_contact_at: values.Time | None = Field(
        default=None, description="When the client was last met or spoken to."
    )
    task_progress: Progress | None = None
    handed_in_at: values.Time | None = Field(default=None, description="null: now.")
    source: str = Field(
        default=handing.SOURCE, min_length=1, max_length=SOURCE_MAX, pattern=values.WORD
    )
    source_id: str | None = Field(
        default=None,
        min_length=1,
        max_length=SOURCE_ID_MAX,
        pattern=values.WORD,
        description="The source's own id; null: this is the log of this person, day and place.",
    )

    def value(self) -> Handed:
        return Handed(
            source=self.source,
            source_id=self.source_id,
            employee_id=self.employee,
            day=self.day,
            site_id=self.place,
            text=self.work_done,
            handed_in_ms=values.to_ms_or_none(self.handed_in_at),
            client_contact_ms=values.to_ms_or_none(self.client_contact_at),
            task_progress=self.task_progress,
        )


class WorkLogOut(BaseModel):
    """A stored work log."""

    id: str = Field(examples=["wl-mfrggzdfmztwq2lk"])
    version: int = Field(description="1, and one more for every late edit.")
    source: str
    source_id: str
    employee: str
    day: dt.date
    place: str | None
    handed_in_at: dt.datetime
    names_client: bool | None = Field(
        description="Whether a client's name stood in it; null: no text, or no name to look for."
    )
    client_contact_at: dt.datetime | None
    task_progress: Progress | None
    work_done: str | None = Field(description="Only where the company keeps the text of logs.")
    stored_at: dt.datetime


class WorkLogRecorded(BaseModel):
    outcome: Outcome
    text: TextFate
    told: TextOut = Field(description="What became of the text, for whoever wrote it.")
    work_log: WorkLogOut


class WorkLogs(BaseModel):
    items: list[WorkLogOut]


@router.post(
    "",
    status_code=200,
    dependencies=[Depends(needs(Scope.WRITE_WORK_LOGS))],
    responses={201: {"model": WorkLogRecorded}, **responses(401, 403, 422)},
)
def hand_in(body: WorkLogIn, given: Given, conn: Writes, response: Response) -> WorkLogRecorded:
    """Hand a work log in: 201 when it is new, 200 when it is known or changed."""
    now_ms = given.clock.utc_ms()
    _refuse_wrong(conn, body, now_ms)
    recorded = handing.hand_in(
        conn, given.vault, body.value(), given.texts, now_ms, given.randomness
    )
    response.status_code = 201 if recorded.outcome is Outcome.ADDED else 200
    fate = TextFate.NONE
    if body.work_done and body.work_done.strip():
        fate = TextFate.KEPT if recorded.trace.content.text_kept else TextFate.DROPPED
    told = _TOLD[fate]
    return WorkLogRecorded(
        outcome=recorded.outcome,
        text=fate,
        told=TextOut(zh=told.zh, en=told.en),
        work_log=shown(recorded.trace),
    )


@router.get(
    "",
    dependencies=[Depends(needs(Scope.READ_WORK_LOGS))],
    responses=responses(401, 403, 404, 422),
)
def of_person(
    employee: Employee,
    from_day: Annotated[dt.date, Query(examples=["2026-09-21"])],
    to_day: Annotated[dt.date, Query(description="Included.", examples=["2026-09-30"])],
    conn: Reads,
    vault: Opens,
    looks: Looks,
) -> WorkLogs:
    """Newest versions of one person's logs about these days. That there is none says nothing by
    itself: only what was handed in here, or comes from connected systems, is known."""
    if not 0 <= (to_day - from_day).days < DAYS_MAX:
        expected = f"a day from from_day on, {DAYS_MAX} days in all at most"
        raise ProblemError(
            422,
            "These days are too many, or end before they begin.",
            [Wrong(where="query.to_day", expected=expected)],
        )
    if directory.get_employee(conn, employee) is None:
        raise not_found("person", "/api/v1/people")
    found = service.work_logs_of(conn, vault, employee, from_day, to_day)
    looks.at("a list of work logs", [employee])
    return WorkLogs(items=[shown(one) for one in found])


def shown(log: WorkLog) -> WorkLogOut:
    """As the interface writes it."""
    new = log.content
    return WorkLogOut(
        id=log.id,
        version=log.version,
        source=new.source,
        source_id=new.source_id,
        employee=new.employee_id,
        day=new.day,
        place=new.site_id,
        handed_in_at=values.utc(new.handed_in_ms),
        names_client=new.names_client,
        client_contact_at=values.utc_or_none(new.client_contact_ms),
        task_progress=new.task_progress,
        work_done=new.text,
        stored_at=values.utc(log.stored_ms),
    )


def _refuse_wrong(conn: Connection, body: WorkLogIn, now_ms: int) -> None:
    """A log of nobody, or of no day, would be stored and never looked at."""
    wrong = []
    if directory.get_employee(conn, body.employee) is None:
        wrong.append(Wrong(where="body.employee", expected="the id of a known employee"))
    if body.place is not None and directory.get_site(conn, body.place) is None:
        wrong.append(Wrong(where="body.place", expected="the id of a known site, or null"))
    if not day_is_believable(body.day, now_ms):
        wrong.append(Wrong(where="body.day", expected="a day from the year 2000 to tomorrow"))
    times = {"handed_in_at": body.handed_in_at, "client_contact_at": body.client_contact_at}
    for name, moment in times.items():
        if moment is not None and not believable(values.to_ms(moment), now_ms):
            wrong.append(Wrong(where=f"body.{name}", expected=BELIEVABLE))
    if wrong:
        raise ProblemError(422, "Unknown people, places or times; nothing was stored.", wrong)
