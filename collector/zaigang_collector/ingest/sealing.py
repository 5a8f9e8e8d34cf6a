"""Under whose key an envelope is kept, and where its bytes may stand."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection

from zaigang_collector.devices import service as devices
from zaigang_collector.devices.model import Holding
from zaigang_collector.vault.model import Subject, SubjectKind, person


def envelope_context(digest: bytes) -> bytes:
    """The place of an envelope's bytes."""
    return b"envelope/" + digest


def aside_context(digest: bytes) -> bytes:
    """The place of bytes that are kept aside."""
    return b"aside/" + digest


def subjects(conn: Connection, moments: Sequence[tuple[str, int]]) -> list[Subject]:
    """Whose readings these are, each (device, UTC ms): of the person who held the device then, of
    the site at which the node stood, or of the device itself where that is nobody."""
    holdings = _by_device(conn, {device_id for device_id, _ in moments})
    return [_subject(device_id, at_ms, holdings.get(device_id, ())) for device_id, at_ms in moments]


def _by_device(conn: Connection, device_ids: Collection[str]) -> dict[str, list[Holding]]:
    found: dict[str, list[Holding]] = {}
    for one in devices.holdings_of_devices(conn, device_ids):
        found.setdefault(one.device_id, []).append(one)
    return found


def _subject(device_id: str, at_ms: int, holdings: Sequence[Holding]) -> Subject:
    for one in holdings:
        if one.from_ms <= at_ms and (one.to_ms is None or at_ms < one.to_ms):
            if one.employee_id is not None:
                return person(one.employee_id)
            if one.site_id is not None:
                return Subject(SubjectKind.SITE, one.site_id)
    return Subject(SubjectKind.DEVICE, device_id)
