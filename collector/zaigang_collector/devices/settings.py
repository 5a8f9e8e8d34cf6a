"""What IT has set for one device beside what holds for all. Each change is an event in the ledger, and
reaches the device as a new version of its configuration. No commits here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from zaigang_collector.db import Randomness
from zaigang_collector.devices import service
from zaigang_collector.devices.model import Device, DeviceKind
from zaigang_collector.devices.tables import SETTING
from zaigang_collector.errors import SettingError, UnknownIdError
from zaigang_shared.device_config import DeviceConfig
from zaigang_shared.prime import prime

Value: TypeAlias = int | tuple[str, ...]

SENSORS: Final = "sensors"
MARGIN: Final = "margin_min"
EVENT: Final = "setting"
"""Kind of the event; fields `name` and `value` (JSON, or null: taken back)."""

_BOTH: Final = frozenset(DeviceKind)
_KINDS: Final[Mapping[str, frozenset[DeviceKind]]] = {
    "usage_s": frozenset({DeviceKind.LAPTOP}),
    "vantage_s": frozenset({DeviceKind.LAPTOP}),
    "network_s": _BOTH,
    "beacon_s": _BOTH,
    "health_s": _BOTH,
    "seal_s": _BOTH,
    "environment_s": frozenset({DeviceKind.NODE}),
    SENSORS: frozenset({DeviceKind.NODE}),
    MARGIN: frozenset({DeviceKind.LAPTOP}),
}
NAMES: Final = tuple(_KINDS)
_NONE: Final = "none"
# As the agent reads it; which models there are depends on the agent's version, and it is the agent
# that goes back when it does not know one.
_SENSOR: Final = re.compile(r"[a-z0-9]{2,20}(@0x[0-7][0-9a-f])?")
_SENSORS_MAX: Final = 16


@dataclass(frozen=True, slots=True)
class DeviceSetting:
    """One setting of one device."""

    name: str
    value: Value
    changed_ms: int


def parse_sensors(text: str) -> tuple[str, ...]:
    """`sht4x@0x44,scd4x`, or `none`. Raises SettingError."""
    if text == _NONE:
        return ()
    listed = tuple(one.strip() for one in text.split(","))
    wrong = next((one for one in listed if _SENSOR.fullmatch(one) is None), None)
    if wrong is not None:
        raise SettingError(
            f"sensors: {wrong!r} is not a sensor; expected MODEL or MODEL@0xNN with a 7-bit I2C "
            f"address, as sht4x@0x44,scd4x, or {_NONE}"
        )
    if len(set(listed)) != len(listed) or len(listed) > _SENSORS_MAX:
        raise SettingError(f"sensors: each once, and {_SENSORS_MAX} at most")
    return listed


def parse(device: Device, name: str, text: str, margin_min: int) -> Value:
    """The value of a setting as people write it. `margin_min`: the company's. Raises SettingError."""
    _check_name(device, name)
    if name == SENSORS:
        return parse_sensors(text)
    if not re.fullmatch(r"[0-9]{1,6}", text):
        raise SettingError(f"{name} must be a whole number, not {text!r}")
    value = int(text)
    if name == MARGIN:
        if value > margin_min:
            raise SettingError(
                f"margin_min is {margin_min} for everybody (collector.toml), and no person's laptop "
                f"looks for longer than that: expected 0 to {margin_min}"
            )
        return value
    try:  # the bounds are those of the wire
        msgspec.convert({"hours": None, "net_key": bytes(32), name: value}, DeviceConfig)
    except msgspec.ValidationError as error:
        raise SettingError(f"{name} must be 1 to 86400 seconds, not {value}") from error
    return value


def change(
    conn: Connection,
    device_id: str,
    values: Mapping[str, Value],
    now_ms: int,
    randomness: Randomness,
) -> tuple[str, ...]:
    """Set these; returns which were not so before. Raises UnknownIdError, SettingError."""
    device = _required(conn, device_id)
    changed = []
    before = of(conn, device_id)
    for name, value in values.items():
        _check_name(device, name)
        if before.get(name) == value:
            continue
        _forget(conn, device_id, name)
        text = json.dumps(value)
        conn.execute(
            sa.insert(SETTING).values(device_id=device_id, name=name, value=text, changed_ms=now_ms)
        )
        _note(conn, device_id, name, text, now_ms, randomness)
        changed.append(name)
    return tuple(changed)


def take_back(
    conn: Connection, device_id: str, names: Sequence[str], now_ms: int, randomness: Randomness
) -> tuple[str, ...]:
    """What holds for all holds for this device again; returns what was set. Raises UnknownIdError,
    SettingError."""
    device = _required(conn, device_id)
    before = of(conn, device_id)
    for name in names:
        _check_name(device, name)
    gone = tuple(name for name in dict.fromkeys(names) if name in before)
    for name in gone:
        _forget(conn, device_id, name)
        _note(conn, device_id, name, None, now_ms, randomness)
    return gone


def listed(conn: Connection, device_id: str) -> tuple[DeviceSetting, ...]:
    """By name. Raises UnknownIdError."""
    _required(conn, device_id)
    query = sa.select(SETTING).where(SETTING.c.device_id == device_id).order_by(SETTING.c.name)
    return tuple(
        DeviceSetting(row.name, _value(row.value), row.changed_ms) for row in conn.execute(query)
    )


def of(conn: Connection, device_id: str) -> dict[str, Value]:
    """What is set for a device, by name."""
    query = sa.select(SETTING.c.name, SETTING.c.value).where(SETTING.c.device_id == device_id)
    return {row.name: _value(row.value) for row in conn.execute(query)}


def written(value: Value) -> str:
    """As `parse` reads it."""
    return str(value) if isinstance(value, int) else ",".join(value) or _NONE


def _value(text: str) -> Value:
    value: Any = json.loads(text)
    return tuple(value) if isinstance(value, list) else int(value)


def _check_name(device: Device, name: str) -> None:
    kinds = _KINDS.get(name)
    if kinds is None:
        raise SettingError(f"there is no setting {name!r}; there are {', '.join(NAMES)}")
    if device.kind not in kinds:
        other = next(iter(kinds)).value
        raise SettingError(f"{name} is for a {other}, and {device.id} is a {device.kind.value}")


def _required(conn: Connection, device_id: str) -> Device:
    device = service.get(conn, device_id)
    if device is None:
        raise UnknownIdError("device", device_id)
    return device


def _forget(conn: Connection, device_id: str, name: str) -> None:
    conn.execute(sa.delete(SETTING).where(SETTING.c.device_id == device_id, SETTING.c.name == name))


def _note(
    conn: Connection,
    device_id: str,
    name: str,
    value: str | None,
    now_ms: int,
    randomness: Randomness,
) -> None:
    fields = {"name": name, "value": value}
    service.record_event(conn, device_id, EVENT, fields, now_ms, randomness)


prime(DeviceConfig)
