"""Devices: the register, and how each of them is doing."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from zaigang_collector.access.model import Scope
from zaigang_collector.api import values
from zaigang_collector.api.deps import AskedFirst, Given, Reads, Writes, needs
from zaigang_collector.api.problems import ProblemError, not_found, responses
from zaigang_collector.devices import service
from zaigang_collector.devices.model import Device, DeviceKind, DeviceStatus
from zaigang_collector.errors import ConflictError

router = APIRouter(prefix="/devices", tags=["devices"], route_class=AskedFirst)


class DeviceOut(BaseModel):
    """Something that signs."""

    id: str = Field(examples=["lap-mfrggzdfmz"])
    kind: DeviceKind
    name: str
    platform: str = Field(examples=["linux"])
    employee: str | None = Field(description="Whose laptop it is now.", examples=["E001"])
    site: str | None = Field(description="Where the node is now.")
    status: DeviceStatus
    created_at: datetime
    revoked_at: datetime | None
    public_key: str = Field(description="Raw Ed25519 key, hex: verifies its envelopes.")
    config_version: int


class StatusIn(BaseModel):
    """What to change a device's status to, and why."""

    model_config = ConfigDict(extra="forbid")
    status: DeviceStatus
    why: str = Field(
        min_length=3,
        max_length=500,
        pattern=values.WORD,
        examples=["left in a taxi on 21 September"],
    )
    revoked_from: values.Time | None = Field(
        default=None,
        description="With `revoked` only: since when the key was out of its owner's hands. What it "
        "can have signed since is no evidence. Now, if not given; it can only become earlier.",
        examples=["2026-09-21T14:00:00+08:00"],
    )


@router.get(
    "",
    dependencies=[Depends(needs(Scope.READ_DEVICES))],
    responses=responses(401, 403, 422),
)
def list_(
    conn: Reads,
    limit: values.Limit = values.LIMIT_DEFAULT,
    cursor: values.Cursor = None,
) -> values.Page[DeviceOut]:
    """Devices by id."""
    found = service.list_all(conn, values.id_cursor(cursor) or "", limit + 1)
    listed = values.page(found, limit, lambda one: (one.id,))
    return values.Page(items=[shown(one) for one in listed.items], next=listed.next)


@router.get(
    "/{device_id}",
    response_model=DeviceOut,
    dependencies=[Depends(needs(Scope.READ_DEVICES))],
    responses=responses(401, 403, 404),
)
def get(device_id: str, conn: Reads, request: Request) -> Response:
    """One device."""
    device = service.get(conn, device_id)
    if device is None:
        raise not_found("device", "/api/v1/devices")
    return values.tagged(request, shown(device))


@router.put(
    "/{device_id}/status",
    dependencies=[Depends(needs(Scope.WRITE_DEVICES))],
    responses=responses(401, 403, 404, 409, 422),
)
def set_status(device_id: str, body: StatusIn, given: Given, conn: Writes) -> DeviceOut:
    """Declare a device lost, quarantined, active again, or revoked for good."""
    if service.get(conn, device_id) is None:
        raise not_found("device", "/api/v1/devices")
    try:
        device = service.set_status(
            conn,
            device_id,
            body.status,
            body.why,
            given.clock.utc_ms(),
            given.randomness,
            None if body.revoked_from is None else values.to_ms(body.revoked_from),
        )
    except ConflictError as error:
        raise ProblemError(409, str(error)) from error
    return shown(device)


def shown(device: Device) -> DeviceOut:
    """As the interface writes it."""
    return DeviceOut(
        id=device.id,
        kind=device.kind,
        name=device.name,
        platform=device.platform,
        employee=device.employee_id,
        site=device.site_id,
        status=device.status,
        created_at=values.utc(device.created_ms),
        revoked_at=values.utc_or_none(device.revoked_ms),
        public_key=device.public_key.hex(),
        config_version=device.config_version,
    )
