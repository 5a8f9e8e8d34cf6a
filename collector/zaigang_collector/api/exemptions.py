"""Leave, trips, home working, meetings, repairs: pushed by other systems, shown with every version."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from zaigang_collector.access.model import Scope
from zaigang_collector.api import values
from zaigang_collector.api.deps import AskedFirst, Given, Looks, Opens, Reads, Writes, needs
from zaigang_collector.api.problems import ProblemError, Wrong, not_found, responses
from zaigang_collector.attendance import exemptions
from zaigang_collector.attendance.exemptions import ExemptionVersion
from zaigang_collector.attendance.model import ExemptionKind, Outcome
from zaigang_collector.attendance.service import StoredExemption
from zaigang_collector.errors import ConflictError, UnknownIdError
from zaigang_collector.vault.service import Vault

router = APIRouter(prefix="/exemptions", tags=["attendance"], route_class=AskedFirst)

Source = Annotated[
    str, Query(min_length=1, max_length=exemptions.SOURCE_MAX, examples=["dingtalk"])
]
SourceId = Annotated[
    str, Query(min_length=1, max_length=exemptions.SOURCE_ID_MAX, examples=["88123456"])
]


class ExemptionIn(BaseModel):
    """A stretch of one person in which there is nothing to assess, as a source approved it."""

    model_config = ConfigDict(extra="forbid")
    source: str = Field(
        min_length=1, max_length=exemptions.SOURCE_MAX, pattern=values.WORD, examples=["dingtalk"]
    )
    source_id: str = Field(
        min_length=1,
        max_length=exemptions.SOURCE_ID_MAX,
        pattern=values.WORD,
        description="The source's own id: the same again changes nothing, another content is a new "
        "version.",
        examples=["88123456"],
    )
    employee: str = Field(min_length=1, max_length=64, pattern=values.WORD, examples=["E001"])
    kind: ExemptionKind
    start: values.Time
    end: values.Time


class ExemptionOut(BaseModel):
    """One version of an exemption."""

    source: str
    source_id: str
    employee: str
    kind: ExemptionKind
    start: dt.datetime
    end: dt.datetime
    version: int
    stored_at: dt.datetime
    withdrawn: bool


class ExemptionRecorded(BaseModel):
    outcome: Outcome
    exemption: ExemptionOut


class ExemptionVersions(BaseModel):
    """All that was ever said of one, the oldest first."""

    versions: list[ExemptionOut]


@router.post(
    "",
    status_code=200,
    dependencies=[Depends(needs(Scope.WRITE_EXEMPTIONS))],
    responses={201: {"model": ExemptionRecorded}, **responses(401, 403, 422)},
)
def push(body: ExemptionIn, given: Given, conn: Writes, response: Response) -> ExemptionRecorded:
    """Record an exemption: 201 when it is new, 200 when it is known or changed."""
    new = StoredExemption(
        body.employee,
        values.to_ms(body.start),
        values.to_ms(body.end),
        body.kind,
        body.source,
        body.source_id,
    )
    now_ms = given.clock.utc_ms()
    try:
        outcome = exemptions.record(conn, given.vault, new, now_ms, given.randomness)
    except UnknownIdError as error:
        wrong = Wrong(where="body.employee", expected="the id of a known employee")
        raise ProblemError(422, "Nobody has this id; nothing was stored.", [wrong]) from error
    except ConflictError as error:
        wrong = Wrong(where="body", expected="an exemption that fits")
        raise ProblemError(422, f"Nothing was stored: {error}.", [wrong]) from error
    response.status_code = 201 if outcome is Outcome.ADDED else 200
    return _recorded(conn, given.vault, outcome, body.source, body.source_id)


@router.delete(
    "",
    dependencies=[Depends(needs(Scope.WRITE_EXEMPTIONS))],
    responses=responses(401, 403, 404, 422),
)
def withdraw(source: Source, source_id: SourceId, given: Given, conn: Writes) -> ExemptionRecorded:
    """Let an exemption hold no longer. What it was stays on record."""
    now_ms = given.clock.utc_ms()
    try:
        outcome = exemptions.withdraw(
            conn, given.vault, source, source_id, now_ms, given.randomness
        )
    except UnknownIdError as error:
        raise not_found("exemption", "/api/v1/people/{person_id}/days") from error
    return _recorded(conn, given.vault, outcome, source, source_id)


@router.get(
    "",
    dependencies=[Depends(needs(Scope.READ_ATTENDANCE))],
    responses=responses(401, 403, 404, 422),
)
def versions(
    source: Source, source_id: SourceId, conn: Reads, vault: Opens, looks: Looks
) -> ExemptionVersions:
    """One exemption with all its versions."""
    found = exemptions.versions(conn, vault, source, source_id)
    if not found:
        raise not_found("exemption", "/api/v1/people/{person_id}/days")
    looks.at(f"exemption {source} {source_id}", [one.said.employee_id for one in found])
    return ExemptionVersions(versions=[_shown(one) for one in found])


def _recorded(
    conn: Connection, vault: Vault, outcome: Outcome, source: str, source_id: str
) -> ExemptionRecorded:
    newest = exemptions.versions(conn, vault, source, source_id)[-1]
    return ExemptionRecorded(outcome=outcome, exemption=_shown(newest))


def _shown(one: ExemptionVersion) -> ExemptionOut:
    said = one.said
    return ExemptionOut(
        source=said.source,
        source_id=said.source_id,
        employee=said.employee_id,
        kind=said.kind,
        start=values.utc(said.from_ms),
        end=values.utc(said.to_ms),
        version=one.version,
        stored_at=values.utc(one.stored_ms),
        withdrawn=one.withdrawn,
    )
