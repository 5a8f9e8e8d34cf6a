"""Traces of work: pushed by other systems, listed for one person."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from zaigang_collector.access.model import Scope
from zaigang_collector.api import values
from zaigang_collector.api.deps import AskedFirst, Given, Looks, Opens, Reads, Writes, needs
from zaigang_collector.api.problems import ProblemError, Wrong, not_found, responses
from zaigang_collector.attendance.model import BELIEVABLE, Outcome, believable
from zaigang_collector.directory import service as directory
from zaigang_collector.worktraces import service
from zaigang_collector.worktraces.model import SOURCE_ID_MAX, SOURCE_MAX, EventKind, NewEvent
from zaigang_collector.worktraces.service import Event

router = APIRouter(prefix="/business-events", tags=["work traces"], route_class=AskedFirst)

BATCH_MAX = 500  # larger holds the one writer of SQLite for seconds; smaller makes many trips

Employee = Annotated[str, Query(min_length=1, max_length=64, examples=["E001"])]


class EventIn(BaseModel):
    """That somebody did something, and when. There is no field for what it said."""

    model_config = ConfigDict(extra="forbid")
    source: str = Field(min_length=1, max_length=SOURCE_MAX, pattern=values.WORD, examples=["erp"])
    source_id: str = Field(
        min_length=1,
        max_length=SOURCE_ID_MAX,
        pattern=values.WORD,
        description="The source's own id: the same again changes nothing, another content is a new "
        "version.",
        examples=["login-88123456"],
    )
    employee: str = Field(min_length=1, max_length=64, pattern=values.WORD, examples=["E001"])
    kind: EventKind
    happened_at: values.Time
    received_at: values.Time | None = None
    client: bool | None = Field(
        default=None, description="Whether it has to do with a client; null: not known."
    )
    site: str | None = Field(default=None, min_length=1, max_length=64, pattern=values.WORD)

    def value(self) -> NewEvent:
        return NewEvent(
            source=self.source,
            source_id=self.source_id,
            employee_id=self.employee,
            kind=self.kind,
            happened_ms=values.to_ms(self.happened_at),
            received_ms=values.to_ms_or_none(self.received_at),
            client=self.client,
            site_id=self.site,
        )


class EventsIn(BaseModel):
    """Many at once, all or nothing."""

    model_config = ConfigDict(extra="forbid")
    items: list[EventIn] = Field(min_length=1, max_length=BATCH_MAX)


class EventOut(BaseModel):
    """A stored event."""

    id: str = Field(examples=["be-mfrggzdfmztwq2lk"])
    version: int = Field(description="1, and one more for every late edit by the source.")
    source: str
    source_id: str
    employee: str
    kind: EventKind
    happened_at: datetime
    received_at: datetime | None
    client: bool | None = Field(description="null: the source cannot tell.")
    site: str | None
    stored_at: datetime


class EventRecorded(BaseModel):
    outcome: Outcome
    event: EventOut


class EventsRecorded(BaseModel):
    items: list[EventRecorded]


@router.post(
    "",
    dependencies=[Depends(needs(Scope.WRITE_BUSINESS_EVENTS))],
    responses=responses(401, 403, 422),
)
def push(body: EventsIn, given: Given, conn: Writes) -> EventsRecorded:
    """Record up to 500 events, all or nothing; idempotent by source and id."""
    now_ms = given.clock.utc_ms()
    _refuse_wrong(conn, body.items, now_ms)
    news = [item.value() for item in body.items]
    recorded = service.record_events(conn, given.vault, news, now_ms, given.randomness)
    return EventsRecorded(
        items=[EventRecorded(outcome=one.outcome, event=shown(one.trace)) for one in recorded]
    )


@router.get(
    "",
    dependencies=[Depends(needs(Scope.READ_BUSINESS_EVENTS))],
    responses=responses(401, 403, 404, 422),
)
def of_person(
    employee: Employee,
    from_: Annotated[AwareDatetime, Query(alias="from")],
    to: Annotated[AwareDatetime, Query(description="Before this moment.")],
    conn: Reads,
    vault: Opens,
    looks: Looks,
    limit: values.Limit = values.LIMIT_DEFAULT,
    cursor: values.Cursor = None,
) -> values.Page[EventOut]:
    """Newest versions of one person's events, by time. That there is none says nothing by itself:
    only connected systems tell."""
    if directory.get_employee(conn, employee) is None:
        raise not_found("person", "/api/v1/people")
    after, span = values.time_cursor(cursor), (values.to_ms(from_), values.to_ms(to))
    found = service.events_of(conn, vault, employee, *span, after, limit + 1)
    listed = values.page(found, limit, lambda one: (one.content.happened_ms, one.id))
    looks.at("a list of business events", [employee])
    return values.Page(items=[shown(one) for one in listed.items], next=listed.next)


def shown(event: Event) -> EventOut:
    """As the interface writes it."""
    new = event.content
    return EventOut(
        id=event.id,
        version=event.version,
        source=new.source,
        source_id=new.source_id,
        employee=new.employee_id,
        kind=new.kind,
        happened_at=values.utc(new.happened_ms),
        received_at=values.utc_or_none(new.received_ms),
        client=new.client,
        site=new.site_id,
        stored_at=values.utc(event.stored_ms),
    )


def _refuse_wrong(conn: Connection, items: list[EventIn], now_ms: int) -> None:
    """An event of nobody, or at no place or time, would be stored and never looked at."""
    wrong = []
    for index, item in enumerate(items):
        here = f"body.items[{index}]"
        if directory.get_employee(conn, item.employee) is None:
            wrong.append(Wrong(where=f"{here}.employee", expected="the id of a known employee"))
        if item.site is not None and directory.get_site(conn, item.site) is None:
            wrong.append(Wrong(where=f"{here}.site", expected="the id of a known site, or null"))
        for name, moment in (("happened_at", item.happened_at), ("received_at", item.received_at)):
            if moment is not None and not believable(values.to_ms(moment), now_ms):
                wrong.append(Wrong(where=f"{here}.{name}", expected=BELIEVABLE))
    if wrong:
        raise ProblemError(422, "Unknown people, places or times; nothing was stored.", wrong)
