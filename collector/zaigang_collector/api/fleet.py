"""How the fleet is: who delivers, what is missing, what was refused."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from zaigang_collector.access.model import Scope
from zaigang_collector.api import values
from zaigang_collector.api.deps import Reads, needs
from zaigang_collector.api.problems import not_found, responses
from zaigang_collector.devices import service as devices
from zaigang_collector.ingest import service
from zaigang_collector.ingest.model import DeviceHealth, EventKind

router = APIRouter(
    prefix="/fleet", tags=["fleet"], dependencies=[Depends(needs(Scope.READ_HEALTH))]
)

_FOR_EVER_MS: Final = 2**53


class DeviceHealthOut(BaseModel):
    """What is known of one device's delivery."""

    device: str
    seen_at: datetime | None = Field(description="When its last envelope arrived; null: never.")
    online: bool | None = Field(description="By its birth and last will; null: it never said.")
    through: int = Field(description="The last envelope before the first hole.")
    newest: int = Field(description="The highest envelope number stored.")
    missing: int = Field(description="Envelopes that are missing in between.")
    agent: str | None = Field(description="Version, from its newest health reading.")
    spooled: int | None = Field(description="Envelopes that waited on the device then.")
    set_aside: int = Field(description="Well signed envelopes that contradict the chain.")


class RefusalOut(BaseModel):
    """How often something was refused on one UTC day."""

    reason: str = Field(examples=["signature"])
    device: str | None
    day: str = Field(examples=["2026-09-21"])
    count: int
    last_detail: str
    last_at: datetime


class RefusalsOut(BaseModel):
    items: list[RefusalOut]


class EventOut(BaseModel):
    """One thing about a device that does not fit what it said before."""

    kind: EventKind
    at: datetime = Field(description="When it was true at the latest, by the device's chain.")
    detail: str = Field(examples=["envelope 12 arrived with other bytes than before"])
    envelope: str | None = Field(description="SHA-256 of the envelope concerned, hex.")


class EventsOut(BaseModel):
    items: list[EventOut]


@router.get("/health", responses=responses(401, 403, 422))
def health(
    conn: Reads,
    limit: values.Limit = values.LIMIT_DEFAULT,
    cursor: values.Cursor = None,
) -> values.Page[DeviceHealthOut]:
    """All devices by id, also those that never delivered."""
    found = devices.list_all(conn, values.id_cursor(cursor) or "", limit + 1)
    listed = values.page(found, limit, lambda one: (one.id,))
    delivery = service.health(conn, [one.id for one in listed.items])
    return values.Page(items=[_shown(one) for one in delivery], next=listed.next)


@router.get("/refusals", responses=responses(401, 403))
def refusals(conn: Reads) -> RefusalsOut:
    """What arrived and was not accepted, by reason, device and day."""
    return RefusalsOut(
        items=[
            RefusalOut(
                reason=one.reason,
                device=one.device_id,
                day=one.day,
                count=one.count,
                last_detail=one.last_detail,
                last_at=values.utc(one.last_ms),
            )
            for one in service.refusals(conn)
        ]
    )


@router.get("/devices/{device_id}/events", responses=responses(401, 403, 404, 422))
def events(
    device_id: str, conn: Reads, from_: values.From = None, to: values.To = None
) -> EventsOut:
    """What does not fit an honest device: a question to IT each, never an accusation."""
    if devices.get(conn, device_id) is None:
        raise not_found("device", "/api/v1/devices")
    from_ms = 0 if from_ is None else values.to_ms(from_)
    to_ms = _FOR_EVER_MS if to is None else values.to_ms(to)
    return EventsOut(
        items=[
            EventOut(
                kind=one.kind,
                at=values.utc(one.at_ms),
                detail=one.detail,
                envelope=None if one.envelope is None else one.envelope.hex(),
            )
            for one in service.events_between(conn, [device_id], from_ms, to_ms)
        ]
    )


def _shown(one: DeviceHealth) -> DeviceHealthOut:
    return DeviceHealthOut(
        device=one.device_id,
        seen_at=values.utc_or_none(one.seen_ms),
        online=one.online,
        through=one.chain.through,
        newest=one.chain.max_seq,
        missing=one.chain.missing,
        agent=one.agent,
        spooled=one.spooled,
        set_aside=one.aside,
    )
