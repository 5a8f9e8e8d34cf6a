"""The register of devices. No commits here; each change is an event and a ledger entry.

How devices come in is in `devices.enrolment`, what they are told in `devices.configuration`.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from zaigang_collector.db import Randomness
from zaigang_collector.devices import ca
from zaigang_collector.devices.model import (
    BeaconKey,
    Device,
    DeviceKey,
    DeviceKind,
    DeviceStatus,
    Holding,
    Replacement,
)
from zaigang_collector.devices.tables import CERTIFICATE, DEVICE, EVENT, HOLDING
from zaigang_collector.directory import service as directory
from zaigang_collector.errors import ConflictError, UnknownIdError
from zaigang_collector.ledger import service as ledger
from zaigang_shared import cbor, rid

_PAGE: Final = 1000
_REPLACES: Final = "replaces"
_REPLACED_BY: Final = "replaced_by"
BEACON_KEY: Final = "beacon_key"
"""Kind of the event; field `beacon`: SHA-256 of the key."""


# Reading.


def get(conn: Connection, device_id: str) -> Device | None:
    """One device."""
    row = conn.execute(sa.select(DEVICE).where(DEVICE.c.id == device_id)).one_or_none()
    return None if row is None else _device(row)


def list_all(conn: Connection, after_id: str = "", limit: int = _PAGE) -> tuple[Device, ...]:
    """Devices by id, from after `after_id`."""
    query = sa.select(DEVICE).where(DEVICE.c.id > after_id).order_by(DEVICE.c.id).limit(limit)
    return tuple(_device(row) for row in conn.execute(query))


def active_among(conn: Connection, device_ids: Collection[str]) -> tuple[Device, ...]:
    """Those of these devices that are listened to, by id."""
    query = (
        sa.select(DEVICE)
        .where(DEVICE.c.id.in_(sorted(device_ids)), DEVICE.c.status == DeviceStatus.ACTIVE.value)
        .order_by(DEVICE.c.id)
    )
    return tuple(_device(row) for row in conn.execute(query))


def last_event_id(conn: Connection) -> int:
    """Rises with every change of the register."""
    return int(conn.execute(sa.select(sa.func.coalesce(sa.func.max(EVENT.c.id), 0))).scalar_one())


def changed_since(conn: Connection, event_id: int) -> frozenset[str]:
    """Ids of the devices to which something has happened after that event."""
    return frozenset(conn.scalars(sa.select(EVENT.c.device_id).where(EVENT.c.id > event_id)))


def of_events(conn: Connection, event_ids: Sequence[int]) -> frozenset[str]:
    """Ids of the devices to which these happened."""
    found: set[str] = set()
    for start in range(0, len(event_ids), _PAGE):
        some = event_ids[start : start + _PAGE]
        found.update(conn.scalars(sa.select(EVENT.c.device_id).where(EVENT.c.id.in_(some))))
    return frozenset(found)


def named(conn: Connection, name: str) -> tuple[Device, ...]:
    """Devices that call themselves so and are not revoked, by id."""
    query = (
        sa.select(DEVICE)
        .where(DEVICE.c.name == name, DEVICE.c.status != DeviceStatus.REVOKED.value)
        .order_by(DEVICE.c.id)
    )
    return tuple(_device(row) for row in conn.execute(query))


def public_keys(
    conn: Connection, device_ids: Collection[str] | None = None
) -> dict[str, DeviceKey]:
    """What judging envelopes needs, by device id; of all devices when none are named."""
    query = sa.select(DEVICE.c.id, DEVICE.c.status, DEVICE.c.revoked_ms, DEVICE.c.public_key)
    if device_ids is not None:
        query = query.where(DEVICE.c.id.in_(sorted(device_ids)))
    return {
        row.id: DeviceKey(DeviceStatus(row.status), row.revoked_ms, row.public_key)
        for row in conn.execute(query)
    }


def replacement(conn: Connection, device_id: str) -> Replacement:
    """Which device this one replaces, and which replaced it."""
    query = (
        sa.select(EVENT.c.kind, EVENT.c.body)
        .where(EVENT.c.device_id == device_id, EVENT.c.kind.in_((_REPLACES, _REPLACED_BY)))
        .order_by(EVENT.c.id)
    )
    found: dict[str, str] = {}
    for row in conn.execute(query):
        found[row.kind] = cbor.loads(row.body, "device event")["fields"]["device"]
    return Replacement(found.get(_REPLACES), found.get(_REPLACED_BY))


def beacon_keys(conn: Connection, device_ids: Collection[str]) -> dict[str, BeaconKey]:
    """The beacon keys of those of these devices that have one."""
    query = sa.select(DEVICE.c.id, DEVICE.c.rid_key, DEVICE.c.revoked_ms).where(
        DEVICE.c.id.in_(sorted(device_ids)), DEVICE.c.rid_key.is_not(None)
    )
    return {row.id: BeaconKey(row.rid_key, row.revoked_ms) for row in conn.execute(query)}


def revoked_ms(conn: Connection, device_ids: Collection[str]) -> dict[str, int]:
    """Since when the keys of those of these devices that are revoked are not trusted, UTC ms."""
    query = sa.select(DEVICE.c.id, DEVICE.c.revoked_ms).where(
        DEVICE.c.id.in_(sorted(device_ids)), DEVICE.c.revoked_ms.is_not(None)
    )
    return {row.id: row.revoked_ms for row in conn.execute(query)}


def revoked_certificates(conn: Connection, now_ms: int) -> tuple[ca.Revoked, ...]:
    """Certificates of revoked devices that would otherwise still be good, by serial number."""
    query = (
        sa.select(CERTIFICATE.c.serial, DEVICE.c.revoked_ms)
        .join(DEVICE, DEVICE.c.id == CERTIFICATE.c.device_id)
        .where(DEVICE.c.revoked_ms.is_not(None), CERTIFICATE.c.not_after_ms > now_ms)
        .order_by(CERTIFICATE.c.serial)
    )
    return tuple(ca.Revoked(int(row.serial, 16), row.revoked_ms) for row in conn.execute(query))


def holdings_of_employee(
    conn: Connection, employee_id: str, from_ms: int, to_ms: int
) -> tuple[Holding, ...]:
    """Which devices were this person's at any moment of [from_ms, to_ms), and when."""
    return _holdings(conn, HOLDING.c.employee_id == employee_id, from_ms, to_ms)


def holdings_of_site(
    conn: Connection, site_id: str, from_ms: int, to_ms: int
) -> tuple[Holding, ...]:
    """Which nodes stood at this site at any moment of [from_ms, to_ms), and when."""
    return _holdings(conn, HOLDING.c.site_id == site_id, from_ms, to_ms)


def holdings_of_devices(conn: Connection, device_ids: Collection[str]) -> tuple[Holding, ...]:
    """Whose these devices were or where they stood, at any time."""
    query = (
        sa.select(HOLDING)
        .where(HOLDING.c.device_id.in_(sorted(device_ids)))
        .order_by(HOLDING.c.device_id, HOLDING.c.from_ms)
    )
    return tuple(_holding(row) for row in conn.execute(query))


def ever_held(conn: Connection, employee_id: str) -> tuple[str, ...]:
    """Ids of the devices that were ever this person's, sorted."""
    query = sa.select(HOLDING.c.device_id).where(HOLDING.c.employee_id == employee_id).distinct()
    return tuple(sorted(conn.scalars(query)))


def changes_around(conn: Connection, employee_id: str, site_id: str) -> tuple[int, ...]:
    """When a laptop of this person or a node of this site came or went, UTC ms in order."""
    query = sa.select(HOLDING.c.from_ms, HOLDING.c.to_ms).where(
        sa.or_(HOLDING.c.employee_id == employee_id, HOLDING.c.site_id == site_id)
    )
    return tuple(sorted({ms for row in conn.execute(query) for ms in row if ms is not None}))


def holdings_of_nodes(conn: Connection, from_ms: int, to_ms: int) -> tuple[Holding, ...]:
    """Which nodes stood at any site at any moment of [from_ms, to_ms), where and when."""
    return _holdings(conn, HOLDING.c.site_id.is_not(None), from_ms, to_ms)


def holdings_between(conn: Connection, from_ms: int, to_ms: int) -> tuple[Holding, ...]:
    """Whose all devices were or where they stood at any moment of [from_ms, to_ms), and when."""
    return _holdings(conn, sa.true(), from_ms, to_ms)


def devices_of_employee(
    conn: Connection, employee_id: str, from_ms: int, to_ms: int
) -> tuple[Device, ...]:
    """Devices that were this person's at any moment of [from_ms, to_ms), by id.

    A device may have been someone else's for part of it: `holdings_of_employee` tells.
    """
    return _held(conn, holdings_of_employee(conn, employee_id, from_ms, to_ms))


def nodes_of_site(
    conn: Connection, site_id: str, from_ms: int | None = None, to_ms: int | None = None
) -> tuple[Device, ...]:
    """Nodes of a site by id: now, or at any moment of [from_ms, to_ms)."""
    if from_ms is not None and to_ms is not None:
        return _held(conn, holdings_of_site(conn, site_id, from_ms, to_ms))
    query = (
        sa.select(DEVICE)
        .where(DEVICE.c.site_id == site_id, DEVICE.c.kind == DeviceKind.NODE.value)
        .order_by(DEVICE.c.id)
    )
    return tuple(_device(row) for row in conn.execute(query))


def event_bodies(conn: Connection, device_id: str) -> tuple[tuple[str, bytes], ...]:
    """What happened to a device: reference in the ledger and body, the oldest first."""
    query = sa.select(EVENT.c.id, EVENT.c.body).where(EVENT.c.device_id == device_id)
    return tuple((str(row.id), row.body) for row in conn.execute(query.order_by(EVENT.c.id)))


# Writing.


def set_status(
    conn: Connection,
    device_id: str,
    status: DeviceStatus,
    why: str,
    now_ms: int,
    randomness: Randomness,
    from_ms: int | None = None,
) -> Device:
    """Change whether a device is listened to. The same status again changes nothing. `from_ms`: as
    in `revoke`, which alone can be of a time that is over.

    Raises UnknownIdError, and ConflictError for a revoked device: a key that was given up may be
    in anyone's hands, so the device enrols anew under a new key.
    """
    device = _required(conn, device_id)
    if status is DeviceStatus.REVOKED:
        return revoke(conn, device_id, why, now_ms, randomness, from_ms)
    if from_ms is not None:
        raise ConflictError(f"only `revoked` has effect from a time, not `{status.value}`")
    if device.status is status:
        return device
    if device.status is DeviceStatus.REVOKED:
        raise ConflictError(f"device {device_id} is revoked for good; enrol it anew")
    _update(conn, device_id, status=status.value)
    record_event(
        conn, device_id, "status", {"status": status.value, "why": why}, now_ms, randomness
    )
    return _required(conn, device_id)


def replace(
    conn: Connection, old_id: str, new_id: str, now_ms: int, randomness: Randomness
) -> None:
    """The device `new_id`, just enrolled, takes the place of `old_id`, which is revoked from now
    on and held by nobody: what it signed before stays evidence of who held it then."""
    record_event(conn, old_id, _REPLACED_BY, {"device": new_id}, now_ms, randomness)
    record_event(conn, new_id, _REPLACES, {"device": old_id}, now_ms, randomness)
    revoke(conn, old_id, f"replaced by {new_id}", now_ms, randomness)
    hand_over(conn, old_id, now_ms, randomness)


def revoke(
    conn: Connection,
    device_id: str,
    why: str,
    now_ms: int,
    randomness: Randomness,
    from_ms: int | None = None,
) -> Device:
    """Listen to a device no longer, for good. `from_ms` (UTC): since when its key is not trusted;
    now unless it was lost earlier. Revoking again can only make it earlier: a report of theft comes
    after the first suspicion, and what was thrown out once does not come back. Raises
    UnknownIdError."""
    device = _required(conn, device_id)
    revoked_ms = now_ms if from_ms is None else min(from_ms, now_ms)
    if device.revoked_ms is not None and device.revoked_ms <= revoked_ms:
        return device
    _update(conn, device_id, status=DeviceStatus.REVOKED.value, revoked_ms=revoked_ms)
    fields = {"status": DeviceStatus.REVOKED.value, "from": revoked_ms, "why": why}
    record_event(conn, device_id, "status", fields, now_ms, randomness)
    return _required(conn, device_id)


def hand_over(
    conn: Connection,
    device_id: str,
    now_ms: int,
    randomness: Randomness,
    employee_id: str | None = None,
    site_id: str | None = None,
) -> Device:
    """From now on a laptop is this person's, or a node stands at this site; neither: in store.

    Raises UnknownIdError, and ConflictError for a laptop with a site or a node with a person.
    """
    device = _required(conn, device_id)
    if device.employee_id == employee_id and device.site_id == site_id:
        return device
    if (device.kind is DeviceKind.LAPTOP and site_id) or (
        device.kind is DeviceKind.NODE and employee_id
    ):
        raise ConflictError("a laptop belongs to a person and a node to a site")
    if employee_id is not None and directory.get_employee(conn, employee_id) is None:
        raise UnknownIdError("employee", employee_id)
    if site_id is not None and directory.get_site(conn, site_id) is None:
        raise UnknownIdError("site", site_id)
    _update(conn, device_id, employee_id=employee_id, site_id=site_id)
    start_holding(conn, device_id, employee_id, site_id, now_ms)
    fields = {"employee": employee_id, "site": site_id}
    record_event(conn, device_id, "handed_over", fields, now_ms, randomness)
    return _required(conn, device_id)


def give_beacon_key(
    conn: Connection, device: Device, now_ms: int, randomness: Randomness
) -> Device:
    """Let a device that has none send a rotating beacon."""
    _update(conn, device.id, rid_key=randomness(rid.KEY_BYTES))
    given = _required(conn, device.id)
    fields = {"beacon": beacon_digest(given.rid_key)}
    record_event(conn, device.id, BEACON_KEY, fields, now_ms, randomness)
    return given


def beacon_digest(key: bytes | None) -> bytes | None:
    """What events say of a beacon key: which one it is, and nothing that could be sent."""
    return None if key is None else hashlib.sha256(key).digest()


def start_holding(
    conn: Connection, device_id: str, employee_id: str | None, site_id: str | None, now_ms: int
) -> None:
    """End the current holding, if any, and begin the next (none when both are None)."""
    of_device = HOLDING.c.device_id == device_id
    # One that began in this same millisecond never was.
    conn.execute(sa.delete(HOLDING).where(of_device, HOLDING.c.from_ms >= now_ms))
    conn.execute(
        sa.update(HOLDING).where(of_device, HOLDING.c.to_ms.is_(None)).values(to_ms=now_ms)
    )
    if employee_id is not None or site_id is not None:
        conn.execute(
            sa.insert(HOLDING).values(
                device_id=device_id, from_ms=now_ms, employee_id=employee_id, site_id=site_id
            )
        )


def record_event(
    conn: Connection,
    device_id: str,
    kind: str,
    fields: Mapping[str, Any],
    now_ms: int,
    randomness: Randomness,
) -> None:
    """Keep what happened to a device, and queue it for the ledger."""
    body = cbor.dumps({"event": kind, "device": device_id, "at": now_ms, "fields": dict(fields)})
    inserted = conn.execute(
        sa.insert(EVENT)
        .values(device_id=device_id, kind=kind, at_ms=now_ms, body=body)
        .returning(EVENT.c.id)
    )
    ledger.append(
        conn,
        ledger.EntryType.DEVICE_EVENT,
        now_ms,
        hashlib.sha256(body).digest(),
        randomness(ledger.SALT_BYTES),
        str(inserted.scalar_one()),
    )


def columns(device: Device) -> dict[str, object]:
    """The device as its row, for `devices.enrolment`."""
    fields = dataclasses.asdict(device)
    return fields | {"kind": device.kind.value, "status": device.status.value}


def _required(conn: Connection, device_id: str) -> Device:
    device = get(conn, device_id)
    if device is None:
        raise UnknownIdError("device", device_id)
    return device


def _update(conn: Connection, device_id: str, **values: object) -> None:
    conn.execute(sa.update(DEVICE).where(DEVICE.c.id == device_id).values(**values))


def _holdings(
    conn: Connection, whose: sa.ColumnElement[bool], from_ms: int, to_ms: int
) -> tuple[Holding, ...]:
    query = (
        sa.select(HOLDING)
        .where(whose, HOLDING.c.from_ms < to_ms)
        .where(sa.or_(HOLDING.c.to_ms.is_(None), HOLDING.c.to_ms > from_ms))
        .order_by(HOLDING.c.device_id, HOLDING.c.from_ms)
    )
    return tuple(_holding(row) for row in conn.execute(query))


def _holding(row: Row[Any]) -> Holding:
    return Holding(row.device_id, row.employee_id, row.site_id, row.from_ms, row.to_ms)


def _held(conn: Connection, holdings: Collection[Holding]) -> tuple[Device, ...]:
    ids = sorted({holding.device_id for holding in holdings})
    query = sa.select(DEVICE).where(DEVICE.c.id.in_(ids)).order_by(DEVICE.c.id)
    return tuple(_device(row) for row in conn.execute(query))


def _device(row: Row[Any]) -> Device:
    return Device(
        id=row.id,
        kind=DeviceKind(row.kind),
        name=row.name,
        platform=row.platform,
        employee_id=row.employee_id,
        site_id=row.site_id,
        status=DeviceStatus(row.status),
        public_key=row.public_key,
        rid_key=row.rid_key,
        created_ms=row.created_ms,
        revoked_ms=row.revoked_ms,
        config_version=row.config_version,
    )
