"""What one device is told beside what holds for all."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field

from zaigang_collector.access.model import Scope
from zaigang_collector.api import values
from zaigang_collector.api.deps import AskedFirst, Given, Reads, Writes, needs
from zaigang_collector.api.problems import ProblemError, Wrong, not_found, responses
from zaigang_collector.devices import service, settings
from zaigang_collector.devices.model import Device
from zaigang_collector.errors import SettingError

router = APIRouter(prefix="/devices/{device_id}/settings", tags=["devices"], route_class=AskedFirst)

_Name = Annotated[str, Path(description=f"One of {', '.join(settings.NAMES)}.", max_length=40)]


class SettingOut(BaseModel):
    """One setting of one device."""

    name: str = Field(examples=["environment_s"])
    value: str = Field(examples=["30", "sht4x@0x44,scd4x"])
    changed_at: datetime


class SettingsOut(BaseModel):
    items: list[SettingOut]


class ValueIn(BaseModel):
    """A value as it is written on the command line."""

    model_config = ConfigDict(extra="forbid")
    value: str = Field(min_length=1, max_length=400, examples=["30", "sht4x@0x44,scd4x", "none"])


@router.get(
    "",
    dependencies=[Depends(needs(Scope.READ_DEVICES))],
    responses=responses(401, 403, 404, 422),
)
def list_(device_id: str, conn: Reads) -> SettingsOut:
    """What is set for this device alone."""
    _device(conn, device_id)
    return SettingsOut(items=[_shown(one) for one in settings.listed(conn, device_id)])


@router.put(
    "/{name}",
    dependencies=[Depends(needs(Scope.WRITE_DEVICES))],
    responses=responses(401, 403, 404, 422),
)
def put(device_id: str, name: _Name, body: ValueIn, given: Given, conn: Writes) -> SettingsOut:
    """Tell this device something else. It goes out within seconds, signed; a device that cannot live
    with it goes back and says so in its health readings (`config_rolled_back`)."""
    device = _device(conn, device_id)
    try:
        value = settings.parse(device, name, body.value, given.margin_min)
        settings.change(conn, device_id, {name: value}, given.clock.utc_ms(), given.randomness)
    except SettingError as error:
        raise _refused(error) from error
    return list_(device_id, conn)


@router.delete(
    "/{name}",
    dependencies=[Depends(needs(Scope.WRITE_DEVICES))],
    responses=responses(401, 403, 404, 422),
)
def delete(device_id: str, name: _Name, given: Given, conn: Writes) -> SettingsOut:
    """What holds for all holds for this device again."""
    _device(conn, device_id)
    try:
        settings.take_back(conn, device_id, [name], given.clock.utc_ms(), given.randomness)
    except SettingError as error:
        raise _refused(error) from error
    return list_(device_id, conn)


def _device(conn: Reads, device_id: str) -> Device:
    device = service.get(conn, device_id)
    if device is None:
        raise not_found("device", "/api/v1/devices")
    return device


def _refused(error: SettingError) -> ProblemError:
    return ProblemError(422, "Nothing was changed.", [Wrong(where="value", expected=str(error))])


def _shown(one: settings.DeviceSetting) -> SettingOut:
    return SettingOut(
        name=one.name, value=settings.written(one.value), changed_at=values.utc(one.changed_ms)
    )
