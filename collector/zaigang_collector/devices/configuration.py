"""What each device is told: when it may look, and by which keys. No commits here."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection

from zaigang_collector.db import Randomness
from zaigang_collector.devices import listening, service, settings
from zaigang_collector.devices.model import Device, DeviceKind
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
    work_apps: Mapping[str, list[str]] = field(default_factory=dict)
    """Process names by label; laptops only."""
    kept_beacons: tuple[tuple[str, bytes], ...] = ()
    """Formats and beginnings of the company's own beacons beside the rotating ones."""
    randomness: Randomness = field(default=os.urandom, repr=False)
    """For the beacon keys of laptops that were enrolled before laptops had any."""


INTERVALS: Final = (
    "usage_s", "network_s", "environment_s", "beacon_s", "health_s", "vantage_s", "seal_s"
)  # fmt: skip
"""Settings that are handed to every device as they are."""


@dataclass(frozen=True, slots=True)
class Handout:
    """A configuration on its way to a device."""

    device_id: str
    version: int
    data: bytes = field(repr=False)
    """COSE_Sign1."""


def signed_config(conn: Connection, device: Device, grounds: ConfigGrounds, now_ms: int) -> bytes:
    """The device's configuration as the directory has it now, signed.

    Its version rises when its content differs from what was handed out last, and only then.
    """
    return _handout(conn, device, grounds, now_ms).data


def behind(
    conn: Connection, grounds: ConfigGrounds, has: Mapping[str, int], now_ms: int
) -> tuple[str, ...]:
    """Which of these devices, each with the version that it has, are active and have to be told
    something newer. Changes nothing; a few thousand at once at most."""
    query = sa.select(DEVICE.c.id, DEVICE.c.config_version, DEVICE.c.config_hash)
    kept = {row.id: row for row in conn.execute(query.where(DEVICE.c.id.in_(sorted(has))))}
    return tuple(
        device.id
        for device in service.active_among(conn, has)
        if has[device.id] < kept[device.id].config_version
        or _wants_beacon_key(device)
        or kept[device.id].config_hash != _digest(wanted_config(conn, device, grounds, now_ms))
    )


def handouts(
    conn: Connection, grounds: ConfigGrounds, device_ids: Collection[str], now_ms: int
) -> tuple[Handout, ...]:
    """The present configuration of each of these devices that is active, signed."""
    return tuple(
        _handout(conn, device, grounds, now_ms) for device in service.active_among(conn, device_ids)
    )


def _handout(conn: Connection, device: Device, grounds: ConfigGrounds, now_ms: int) -> Handout:
    if _wants_beacon_key(device):
        device = service.give_beacon_key(conn, device, now_ms, grounds.randomness)
    config = wanted_config(conn, device, grounds, now_ms)
    digest = _digest(config)
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
    signed = SignedConfig(device.id, version, now_ms, config)
    return Handout(device.id, version, sign_config(grounds.receipt_key, signed))


def _digest(config: DeviceConfig) -> bytes:
    return hashlib.sha256(cbor.dumps(msgspec.to_builtins(config, builtin_types=(bytes,)))).digest()


def wanted_config(
    conn: Connection, device: Device, grounds: ConfigGrounds, now_ms: int
) -> DeviceConfig:
    """What the device should be doing. Who is assigned to a node's site is asked of `now_ms` (UTC)."""
    own = settings.of(conn, device.id)
    margin = own.pop(settings.MARGIN, None)
    if isinstance(margin, int):  # the company's may have become smaller since
        grounds = dataclasses.replace(grounds, margin_min=min(margin, grounds.margin_min))
    if device.kind is DeviceKind.NODE:
        config = DeviceConfig(
            hours=None,
            net_key=grounds.net_key,
            rid_key=device.rid_key,
            kept=listening.at_site(conn, device.site_id or "", grounds.kept_beacons, now_ms),
        )
    else:
        owner = device.employee_id
        config = DeviceConfig(
            hours=_hours(conn, device, grounds),
            net_key=grounds.net_key,
            # Nobody's laptop is in nobody's pocket: it tells nobody that it is near.
            rid_key=None if owner is None else device.rid_key,
            apps=dict(grounds.work_apps),
            kept=() if owner is None else listening.of_owner(conn, owner, grounds.kept_beacons),
            carried=() if owner is None else listening.sensors_of(conn, owner),
        )
    return msgspec.structs.replace(config, **{**grounds.intervals_s, **own})


def _wants_beacon_key(device: Device) -> bool:
    """A laptop of before laptops had a beacon of their own."""
    return device.rid_key is None and device.employee_id is not None


def _hours(conn: Connection, device: Device, grounds: ConfigGrounds) -> Hours:
    employee = None
    if device.employee_id is not None:
        employee = directory.get_employee(conn, device.employee_id)
    if employee is None:  # nobody's laptop observes nobody: no shift, no sampling
        return Hours(tz="UTC", shifts=(), margin_min=0)
    return Hours(tz=employee.time_zone, shifts=employee.shift, margin_min=grounds.margin_min)
