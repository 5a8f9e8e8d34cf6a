"""What rules have raised: each a question with its list of anomalous data, never a decision."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from zaigang_collector.access.model import Principal, Scope
from zaigang_collector.api import values
from zaigang_collector.api.assessments import TextOut
from zaigang_collector.api.deps import AskedFirst, Given, Looks, Opens, Reads, Writes, needs
from zaigang_collector.api.problems import ProblemError, Wrong, not_found, responses
from zaigang_collector.assessment.service import Judge
from zaigang_collector.errors import ConflictError, UnknownIdError
from zaigang_collector.matching.model import Text
from zaigang_collector.rules import service, store
from zaigang_collector.rules.model import Alert, Happened, Severity, State
from zaigang_collector.rules.store import Event, Filter

router = APIRouter(prefix="/alerts", tags=["alerts"], route_class=AskedFirst)


class ItemOut(BaseModel):
    """One line of the list of anomalous data (异常数据清单)."""

    name: str = Field(examples=["absence_min"])
    value: bool | float | str
    unit: str = Field(examples=["min"])
    text: TextOut


class AlertOut(BaseModel):
    """A rule that held. It asks somebody to look; it concludes nothing."""

    id: str = Field(examples=["al-mfrggzdfmztwq2lk"])
    rule: str = Field(examples=["presence_contradicted@1"])
    severity: Severity
    state: State
    employee: str | None = Field(description="null: about the infrastructure, for IT.")
    site: str
    day: dt.date
    start: dt.datetime | None
    end: dt.datetime | None
    raised_at: dt.datetime
    changed_at: dt.datetime
    title: TextOut
    text: TextOut


class EventOut(BaseModel):
    """One thing that happened to it; its ledger entry has the type `alert_event` and this id."""

    id: int
    at: dt.datetime
    happened: Happened
    by: str
    why: TextOut


class AlertDetail(AlertOut):
    """With its evidence and its history."""

    items: list[ItemOut]
    references: list[str] = Field(
        description="Assessments and clock-ins with their versions: exactly what it rests on."
    )
    look_alikes: list[TextOut] = Field(
        description="Innocent causes that were looked at first, and are not the case."
    )
    events: list[EventOut]


class DismissalIn(BaseModel):
    model_config = ConfigDict(extra="forbid")
    reason: str = Field(
        min_length=1,
        max_length=500,
        pattern=values.WORD,
        description="The person concerned can read it.",
    )


Employee = Annotated[str | None, Query(min_length=1, max_length=64)]
Site = Annotated[str | None, Query(min_length=1, max_length=64)]
RuleId = Annotated[str | None, Query(min_length=1, max_length=40)]


@router.get(
    "",
    dependencies=[Depends(needs(Scope.READ_ALERTS))],
    responses=responses(401, 403, 422),
)
def listed(
    conn: Reads,
    vault: Opens,
    looks: Looks,
    employee: Employee = None,
    site: Site = None,
    rule: RuleId = None,
    state: State | None = None,
    limit: values.Limit = values.LIMIT_DEFAULT,
    cursor: values.Cursor = None,
) -> values.Page[AlertOut]:
    """Alerts about people and about the infrastructure, by the time they were raised."""
    wanted = Filter(employee_id=employee, site_id=site, rule_id=rule, state=state)
    after = values.time_cursor(cursor)
    found = store.list_page(conn, vault, wanted, after, limit + 1)
    page = values.page(found, limit, lambda one: (one.raised_ms, one.id))
    looks.at("a list of alerts", [one.employee_id for one in page.items if one.employee_id])
    return values.Page(items=[_shown(one) for one in page.items], next=page.next)


@router.get(
    "/infrastructure",
    dependencies=[Depends(needs(Scope.READ_HEALTH))],
    responses=responses(401, 403, 422),
)
def infrastructure(
    conn: Reads,
    vault: Opens,
    state: State | None = None,
    limit: values.Limit = values.LIMIT_DEFAULT,
    cursor: values.Cursor = None,
) -> values.Page[AlertOut]:
    """What many shared at once, for IT: how many, where and when; nobody is named."""
    wanted = Filter(state=state, infrastructure=True)
    after = values.time_cursor(cursor)
    found = store.list_page(conn, vault, wanted, after, limit + 1)
    page = values.page(found, limit, lambda one: (one.raised_ms, one.id))
    return values.Page(items=[_shown(one) for one in page.items], next=page.next)


@router.get(
    "/{alert_id}",
    dependencies=[Depends(needs(Scope.READ_ALERTS))],
    responses=responses(401, 403, 404, 422),
)
def get(alert_id: str, conn: Reads, vault: Opens, looks: Looks) -> AlertDetail:
    """One alert, with its list, what it rests on, and all that happened to it."""
    try:
        found = store.get(conn, vault, alert_id)
    except UnknownIdError as error:
        raise not_found("alert", "/api/v1/alerts") from error
    looks.at(f"alert {alert_id}", [found.employee_id] if found.employee_id else [])
    return _detail(found, store.history(conn, vault, alert_id))


@router.post(
    "/{alert_id}/dismissal",
    dependencies=[Depends(needs(Scope.WRITE_ALERTS))],
    responses=responses(401, 403, 404, 409, 422),
)
def dismiss(
    alert_id: str, body: DismissalIn, given: Given, conn: Writes, request: Request
) -> AlertOut:
    """There is nothing in it: it is not raised again, and counts against its rule."""
    principal = request.state.principal
    assert isinstance(principal, Principal)  # noqa: S101  # `needs` has set it
    by, now_ms = f"API token {principal.name} ({principal.token_id})", given.clock.utc_ms()
    try:
        found = store.dismiss(
            conn, given.vault, alert_id, by, body.reason, now_ms, given.randomness
        )
    except UnknownIdError as error:
        raise not_found("alert", "/api/v1/alerts") from error
    except ConflictError as error:
        wrong = Wrong(where="path.alert_id", expected="a raised alert")
        raise ProblemError(409, f"Nothing was changed: {error}.", [wrong]) from error
    judge = Judge(given.policy, given.collector_key, given.randomness, given.vault)
    service.suspend_overturned(conn, found.rule_id, judge, now_ms)
    return _shown(found)


def _shown(one: Alert) -> AlertOut:
    return AlertOut(**_fields(one))


def _detail(one: Alert, happened: tuple[Event, ...]) -> AlertDetail:
    content = one.content
    return AlertDetail(
        **_fields(one),
        items=[
            ItemOut(name=item.name, value=item.value, unit=item.unit, text=_text(item.text))
            for item in content.items
        ],
        references=list(content.references),
        look_alikes=[_text(text) for text in content.look_alikes],
        events=[
            EventOut(
                id=event.id,
                at=values.utc(event.at_ms),
                happened=event.happened,
                by=event.by,
                why=_text(event.why),
            )
            for event in happened
        ],
    )


def _fields(one: Alert) -> dict[str, Any]:
    return {
        "id": one.id,
        "rule": one.content.rule,
        "severity": one.severity,
        "state": one.state,
        "employee": one.employee_id,
        "site": one.site_id,
        "day": dt.date.fromisoformat(one.day),
        "start": values.utc(one.start_ms) if one.end_ms else None,
        "end": values.utc(one.end_ms) if one.end_ms else None,
        "raised_at": values.utc(one.raised_ms),
        "changed_at": values.utc(one.changed_ms),
        "title": _text(one.content.title),
        "text": _text(one.content.text),
    }


def _text(text: Text) -> TextOut:
    return TextOut(zh=text.zh, en=text.en)
