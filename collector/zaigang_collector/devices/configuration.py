"""What each device is told: when it may look, and by which keys. No commits here."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection

from zaigang_collector.devices import service
from zaigang_collector.devices.model import Device, DeviceKind, DeviceStatus
from zaigang_collector.devices.tables import DEVICE
from zaigang_collector.directory import service as directory
from zaigang_shared import cbor
from zaigang_shared.device_config import DeviceConfig, Hours, SignedConfig, sign_config


@dataclass(frozen=True, slots=True)
class ConfigGrounds:
    """What all configurations of one collector have in common."""

    receipt_key: Ed25519PrivateKey
    """Signs them."""
    net_key: bytes = field(repr=False)
    margin_min: int
    """Minutes by which sampling hours are wider than the shift."""
    intervals_s: Mapping[str, int] = field(default_factory=dict)
    """Seconds by the names in `INTERVALS`; the defaults of DeviceConfig for the rest."""


INTERVALS: Final = (
    "usage_s", "network_s", "environment_s", "beacon_s", "health_s", "vantage_s", "seal_s"
)  # fmt: skip
"""Settings that are handed to every device as they are."""


def signed_config(conn: Connection, device: Device, grounds: ConfigGrounds, now_ms: int) -> bytes:
    """The device's configuration as the directory has it now, signed.

    Its version rises when its content differs from what was handed out last, and only then.
    """
    config = wanted_config(conn, device, grounds)
    content = cbor.dumps(msgspec.to_builtins(config, builtin_types=(bytes,)))
    digest = hashlib.sha256(content).digest()
    row = conn.execute(
        sa.select(DEVICE.c.config_version, DEVICE.c.config_hash)
        .where(DEVICE.c.id == device.id)
        .with_for_update()
    ).one()
    version = row.config_version
    if row.config_hash != digest:
        version += 1
        conn.execute(
            sa.update(DEVICE)
            .where(DEVICE.c.id == device.id)
            .values(config_version=version, config_hash=digest)
        )
    return sign_config(grounds.receipt_key, SignedConfig(device.id, version, now_ms, config))


def changed_configs(
    conn: Connection, grounds: ConfigGrounds, now_ms: int
) -> tuple[tuple[str, bytes], ...]:
    """(device id, signed configuration) of each active device for which the directory says
    something else than what was handed out last. Called after the directory changed, to be
    published on `topics.down`; a device that missed it gets the same by `signed_config`."""
    query = (
        sa.select(DEVICE.c.id, DEVICE.c.config_version)
        .where(DEVICE.c.status == DeviceStatus.ACTIVE.value)
        .order_by(DEVICE.c.id)
    )
    found = []
    for device_id, before in conn.execute(query).all():
        device = service.get(conn, device_id)
        if device is None:
            continue
        signed = signed_config(conn, device, grounds, now_ms)
        after = sa.select(DEVICE.c.config_version).where(DEVICE.c.id == device_id)
        if conn.execute(after).scalar_one() != before:
            found.append((device_id, signed))
    return tuple(found)


def wanted_config(conn: Connection, device: Device, grounds: ConfigGrounds) -> DeviceConfig:
    """What the device should be doing."""
    if device.kind is DeviceKind.NODE:
        config = DeviceConfig(hours=None, net_key=grounds.net_key, rid_key=device.rid_key)
    else:
        config = DeviceConfig(hours=_hours(conn, device, grounds), net_key=grounds.net_key)
    return msgspec.structs.replace(config, **grounds.intervals_s)


def _hours(conn: Connection, device: Device, grounds: ConfigGrounds) -> Hours:
    employee = None
    if device.employee_id is not None:
        employee = directory.get_employee(conn, device.employee_id)
    if employee is None:  # nobody's laptop observes nobody: no shift, no sampling
        return Hours(tz="UTC", shifts=(), margin_min=0)
    return Hours(tz=employee.time_zone, shifts=employee.shift, margin_min=grounds.margin_min)
