"""Who looked at a person's data: for that person, and for auditors."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from zaigang_collector.access.model import Scope
from zaigang_collector.api import values
from zaigang_collector.api.deps import Opens, Reads, needs
from zaigang_collector.api.problems import not_found, responses
from zaigang_collector.directory import service as directory
from zaigang_collector.vault import access_log

router = APIRouter(
    prefix="/people", tags=["people"], dependencies=[Depends(needs(Scope.READ_LOOKS))]
)

_FIRST = 2**62  # before all ids


class LookOut(BaseModel):
    """One look; its ledger entry has the type `access` and this id."""

    id: int
    at: datetime
    who: str = Field(examples=["API token payroll (k3v9)"])
    what: str = Field(examples=["assessment as-abc"])
    why: str = Field(examples=["case 17"], description="As it was stated in Zaigang-Purpose.")


@router.get("/{person_id}/looks", responses=responses(401, 403, 404, 422))
def of_person(
    person_id: str,
    conn: Reads,
    vault: Opens,
    limit: values.Limit = values.LIMIT_DEFAULT,
    cursor: values.Cursor = None,
) -> values.Page[LookOut]:
    """Every look at this person's data, the newest first."""
    if directory.get_employee(conn, person_id) is None:
        raise not_found("person", "/api/v1/people")
    place = values.read_cursor(cursor, (int,))
    before = _FIRST if place is None else int(place[0])
    found = access_log.of_person(conn, vault, person_id, before, limit + 1)
    listed = values.page(found, limit, lambda one: (one.id,))
    items = [
        LookOut(id=one.id, at=values.utc(one.at_ms), who=one.who, what=one.what, why=one.why)
        for one in listed.items
    ]
    return values.Page(items=items, next=listed.next)
