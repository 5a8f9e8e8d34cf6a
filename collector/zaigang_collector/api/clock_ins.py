"""Clock-ins: pushed by other systems, listed for people."""

from __future__ import annotations

import base64
from datetime import datetime

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from zaigang_collector.access.model import Scope
from zaigang_collector.api import values
from zaigang_collector.api.deps import AskedFirst, Given, Looks, Opens, Reads, Seen, Writes, needs
from zaigang_collector.api.problems import ProblemError, Wrong, not_found, responses
from zaigang_collector.attendance import service
from zaigang_collector.attendance.model import (
    BELIEVABLE,
    ClockIn,
    Direction,
    Flag,
    Kind,
    NewClockIn,
    Outcome,
    Point,
    believable,
)
from zaigang_collector.directory import datum
from zaigang_collector.directory import service as directory
from zaigang_collector.directory.datum import Datum

router = APIRouter(prefix="/clock-ins", tags=["clock-ins"], route_class=AskedFirst)

BATCH_MAX = 500  # larger holds the one writer of SQLite for seconds; smaller makes many trips


class PointIn(BaseModel):
    """Where the punch was made, as the source says. An untagged coordinate is refused."""

    model_config = ConfigDict(extra="forbid")
    latitude: values.Number = Field(ge=-90, le=90, examples=[31.2377])
    longitude: values.Number = Field(ge=-180, le=180, examples=[121.5043])
    datum: Datum = Field(description="Which system the numbers are in.", examples=["GCJ-02"])
    accuracy_m: values.Number | None = Field(default=None, ge=0, le=100_000, examples=[15])


class ClockInIn(BaseModel):
    """A punch as a source reports it."""

    model_config = ConfigDict(extra="forbid")
    source: str = Field(min_length=1, max_length=40, pattern=values.WORD, examples=["dingtalk"])
    source_id: str = Field(
        min_length=1,
        max_length=200,
        pattern=values.WORD,
        description="The source's own id: sending the same one again changes nothing.",
        examples=["88123456"],
    )
    employee: str = Field(min_length=1, max_length=64, pattern=values.WORD, examples=["E001"])
    site: str = Field(min_length=1, max_length=64, pattern=values.WORD, examples=["lujiazui"])
    direction: Direction
    punched_at: values.Time
    received_at: values.Time | None = None
    kind: Kind = Kind.OWN
    point: PointIn | None = None
    flags: list[Flag] = Field(default=[], max_length=8)
    source_device: str | None = Field(default=None, max_length=200, pattern=values.WORD)
    vendor_record: str = Field(
        default="", max_length=20_000, description="The source's record, verbatim."
    )

    def value(self) -> NewClockIn:
        """The punch with its point in WGS-84."""
        return NewClockIn(
            source=self.source,
            source_id=self.source_id,
            employee_id=self.employee,
            site_id=self.site,
            direction=self.direction,
            punched_ms=values.to_ms(self.punched_at),
            received_ms=values.to_ms_or_none(self.received_at),
            kind=self.kind,
            point=None if self.point is None else _to_wgs84(self.point),
            flags=tuple(sorted(set(self.flags))),
            source_device=self.source_device,
            vendor_record=self.vendor_record.encode(),
        )


class BatchIn(BaseModel):
    """Many punches at once, all or nothing."""

    model_config = ConfigDict(extra="forbid")
    items: list[ClockInIn] = Field(min_length=1, max_length=BATCH_MAX)


class PointOut(BaseModel):
    latitude: float = Field(description="WGS-84 degrees.")
    longitude: float = Field(description="WGS-84 degrees.")
    source_datum: str
    accuracy_m: float | None


class ClockInOut(BaseModel):
    """A stored punch."""

    id: str = Field(examples=["ci-mfrggzdfmztwq2lk"])
    version: int = Field(description="1, and one more for every late edit by the source.")
    source: str
    source_id: str
    employee: str
    site: str
    direction: Direction
    punched_at: datetime
    received_at: datetime | None
    stored_at: datetime
    kind: Kind
    point: PointOut | None
    flags: list[Flag]
    source_device: str | None
    record_sha256: str = Field(description="What the ledger commits to.")


class ClockInVersions(BaseModel):
    """A punch with all that it ever was."""

    newest: ClockInOut
    versions: list[ClockInOut]
    vendor_record_base64: str = Field(description="The newest version's, verbatim.")


class RecordedOut(BaseModel):
    outcome: Outcome
    clock_in: ClockInOut


class BatchOut(BaseModel):
    items: list[RecordedOut]


@router.post(
    "",
    status_code=200,
    dependencies=[Depends(needs(Scope.WRITE_CLOCK_INS))],
    responses={201: {"model": RecordedOut}, **responses(401, 403, 422)},
)
def push(body: ClockInIn, given: Given, conn: Writes, response: Response) -> RecordedOut:
    """Record one punch: 201 when it is new, 200 when it is known (idempotent by source and id)."""
    (recorded,) = _record(conn, given, [body], "body")
    response.status_code = 201 if recorded.outcome is Outcome.ADDED else 200
    response.headers["location"] = f"/api/v1/clock-ins/{recorded.clock_in.id}"
    return recorded


@router.post(
    "/batch",
    dependencies=[Depends(needs(Scope.WRITE_CLOCK_INS))],
    responses=responses(401, 403, 422),
)
def push_batch(body: BatchIn, given: Given, conn: Writes) -> BatchOut:
    """Record up to 500 punches, all or nothing."""
    return BatchOut(items=_record(conn, given, body.items, "body.items"))


@router.get(
    "",
    dependencies=[Depends(needs(Scope.READ_CLOCK_INS))],
    responses=responses(401, 403, 422),
)
def list_(
    conn: Reads,
    vault: Opens,
    looks: Looks,
    seen: Seen,
    employee: str | None = None,
    site: str | None = None,
    from_: values.From = None,
    to: values.To = None,
    limit: values.Limit = values.LIMIT_DEFAULT,
    cursor: values.Cursor = None,
) -> values.Page[ClockInOut]:
    """Newest versions, by time of the punch."""
    wanted = service.Filter(
        employee, site, values.to_ms_or_none(from_), values.to_ms_or_none(to), seen
    )
    found = service.list_page(conn, vault, wanted, values.time_cursor(cursor), limit + 1)
    listed = values.page(found, limit, lambda one: (one.content.punched_ms, one.id))
    looks.at("a list of clock-ins", [one.content.employee_id for one in listed.items])
    return values.Page(items=[shown(one) for one in listed.items], next=listed.next)


@router.get(
    "/{clock_in_id}",
    response_model=ClockInVersions,
    dependencies=[Depends(needs(Scope.READ_CLOCK_INS))],
    responses=responses(401, 403, 404),
)
def get(clock_in_id: str, conn: Reads, vault: Opens, looks: Looks, request: Request) -> Response:
    """One punch with all its versions and the vendor's record."""
    versions = service.versions(conn, vault, clock_in_id)
    if not versions:
        raise not_found("clock-in", "/api/v1/clock-ins")
    newest = versions[-1]
    looks.at(f"clock-in {clock_in_id}", [one.content.employee_id for one in versions])
    answer = ClockInVersions(
        newest=shown(newest),
        versions=[shown(version) for version in versions],
        vendor_record_base64=base64.b64encode(newest.content.vendor_record).decode("ascii"),
    )
    return values.tagged(request, answer)


def shown(clock_in: ClockIn) -> ClockInOut:
    """As the interface writes it."""
    new = clock_in.content
    point = new.point
    return ClockInOut(
        id=clock_in.id,
        version=clock_in.version,
        source=new.source,
        source_id=new.source_id,
        employee=new.employee_id,
        site=new.site_id,
        direction=new.direction,
        punched_at=values.utc(new.punched_ms),
        received_at=values.utc_or_none(new.received_ms),
        stored_at=values.utc(clock_in.stored_ms),
        kind=new.kind,
        point=None if point is None else _point(point),
        flags=list(new.flags),
        source_device=new.source_device,
        record_sha256=new.record_hash().hex(),
    )


def _point(point: Point) -> PointOut:
    return PointOut(
        latitude=point.latitude,
        longitude=point.longitude,
        source_datum=point.datum,
        accuracy_m=point.accuracy_m,
    )


def _record(
    conn: Connection, given: Given, items: list[ClockInIn], where: str
) -> list[RecordedOut]:
    now_ms = given.clock.utc_ms()
    _refuse_wrong(conn, items, where, now_ms)
    news = [item.value() for item in items]
    recorded = service.record_all(conn, given.vault, news, now_ms, given.randomness)
    return [RecordedOut(outcome=one.outcome, clock_in=shown(one.clock_in)) for one in recorded]


def _refuse_wrong(conn: Connection, items: list[ClockInIn], where: str, now_ms: int) -> None:
    """A punch of nobody, or at no place or time, would be stored and never looked at."""
    wrong = []
    for index, item in enumerate(items):
        here = where if len(items) == 1 and where == "body" else f"{where}[{index}]"
        if directory.get_employee(conn, item.employee) is None:
            wrong.append(Wrong(where=f"{here}.employee", expected="the id of a known employee"))
        if directory.get_site(conn, item.site) is None:
            wrong.append(Wrong(where=f"{here}.site", expected="the id of a known site"))
        for field in ("punched_at", "received_at"):
            moment = getattr(item, field)
            if moment is not None and not believable(values.to_ms(moment), now_ms):
                wrong.append(Wrong(where=f"{here}.{field}", expected=BELIEVABLE))
    if wrong:
        raise ProblemError(422, "Unknown people, places or times; nothing was stored.", wrong)


def _to_wgs84(point: PointIn) -> Point:
    latitude, longitude = datum.to_wgs84(point.latitude, point.longitude, point.datum)
    return Point(latitude, longitude, point.datum.value, point.accuracy_m)
