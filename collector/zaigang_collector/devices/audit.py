"""The register of devices, derived anew from the events that the ledger commits to."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from sqlalchemy import Connection, Row

from zaigang_collector.devices import ca, service
from zaigang_collector.devices import settings as device_settings
from zaigang_collector.devices.tables import CERTIFICATE, DEVICE, EVENT, HOLDING, SETTING
from zaigang_collector.errors import CertificateError
from zaigang_collector.ledger.audit import Body, Finding, known_ids, pages
from zaigang_collector.ledger.model import EntryType
from zaigang_shared import cbor
from zaigang_shared.errors import WireError


@dataclass(slots=True)
class History:
    """What a device's events tell of it."""

    key: bytes | None = None
    status: str | None = None
    revoked_ms: int | None = None
    beacon: bytes | None = None
    """SHA-256 of its beacon key; None: from before events told it."""
    certificates: set[bytes] = field(default_factory=set)
    holdings: list[tuple[int, int | None, str | None, str | None]] = field(default_factory=list)
    """(from_ms, to_ms, employee, site)."""
    settings: dict[str, str] = field(default_factory=dict)
    """JSON by name."""

    def add(self, event: Mapping[str, Any]) -> None:
        """Take the next event. Raises KeyError, TypeError for one that is none."""
        kind, at_ms, fields = event["event"], event["at"], event["fields"]
        self.beacon = fields.get("beacon", self.beacon)
        if kind in ("enrolled", "enrolled_again", "renewed"):
            self.certificates.add(fields["certificate"])
        if kind == "enrolled":
            self.key, self.status = fields["key"], "active"
        elif kind == "status":
            self.status = fields["status"]
            self.revoked_ms = fields.get("from", self.revoked_ms)
        elif kind == device_settings.EVENT:
            if fields["value"] is None:
                self.settings.pop(fields["name"], None)
            else:
                self.settings[fields["name"]] = fields["value"]
        if kind in ("enrolled", "handed_over"):
            self._held_by(at_ms, fields["employee"], fields["site"])

    def _held_by(self, at_ms: int, employee: str | None, site: str | None) -> None:
        self.holdings = [one for one in self.holdings if one[0] < at_ms]
        if self.holdings and self.holdings[-1][1] is None:
            since_ms, _, *whose = self.holdings[-1]
            self.holdings[-1] = (since_ms, at_ms, whose[0], whose[1])
        if employee is not None or site is not None:
            self.holdings.append((at_ms, None, employee, site))


def events(conn: Connection, histories: dict[str, History]) -> Iterator[Body | Finding]:
    """Each event as a body; what they tell goes into `histories`."""
    for rows in pages(conn, EVENT):
        for row in rows:
            yield Body(
                EntryType.DEVICE_EVENT, str(row.id), row.at_ms, hashlib.sha256(row.body).digest()
            )
            try:
                histories.setdefault(row.device_id, History()).add(cbor.loads(row.body, "event"))
            except (WireError, KeyError, TypeError):
                yield Finding(f"device_event {row.id}", "is not what was written there")


def known_events(conn: Connection, refs: Sequence[str]) -> set[str]:
    """Which of these are stored."""
    return known_ids(conn, EVENT.c.id, refs)


def register(
    conn: Connection, histories: Mapping[str, History], authority: x509.Certificate
) -> Iterator[Finding]:
    """Devices, certificates and holdings, as the events have them."""
    devices = {row.id: row for row in conn.execute(sa.select(DEVICE))}
    for device_id in sorted(devices.keys() | histories.keys()):
        row, history = devices.get(device_id), histories.get(device_id, History())
        if row is None:
            yield Finding(f"device {device_id}", "was deleted; its events are here")
            continue
        if row.public_key != history.key:
            yield Finding(f"device {device_id}", "has another key than it enrolled with")
        if history.beacon not in (None, service.beacon_digest(row.rid_key)):
            yield Finding(f"device {device_id}", "has another beacon key than its events say")
        if row.status != history.status:
            yield Finding(
                f"device {device_id}", f"is {row.status}, its events say {history.status}"
            )
        last = history.holdings[-1] if history.holdings else None
        whose = (last[2], last[3]) if last is not None and last[1] is None else (None, None)
        if (row.employee_id, row.site_id) != whose:
            yield Finding(
                f"device {device_id}",
                f"belongs to {row.employee_id or row.site_id or 'nobody'}, its events say "
                f"{whose[0] or whose[1] or 'nobody'}",
            )
        if row.revoked_ms != history.revoked_ms:
            yield Finding(
                f"device {device_id}",
                f"is not trusted from {row.revoked_ms} (UTC ms), its events say "
                f"{history.revoked_ms}",
            )
        yield from _holdings(conn, device_id, history)
        yield from _settings(conn, device_id, history)
    for row in conn.execute(sa.select(CERTIFICATE).order_by(CERTIFICATE.c.fingerprint)):
        yield from _certificate(row, histories.get(row.device_id, History()), authority)


def _holdings(conn: Connection, device_id: str, history: History) -> Iterator[Finding]:
    query = sa.select(HOLDING).where(HOLDING.c.device_id == device_id).order_by(HOLDING.c.from_ms)
    stored = [(row.from_ms, row.to_ms, row.employee_id, row.site_id) for row in conn.execute(query)]
    if stored != history.holdings:
        told = ", ".join(str(one[2] or one[3]) for one in stored) or "nobody"
        true = ", ".join(str(one[2] or one[3]) for one in history.holdings) or "nobody"
        yield Finding(
            f"holdings of {device_id}", f"name {told}, its events name {true}, or other times"
        )


def _settings(conn: Connection, device_id: str, history: History) -> Iterator[Finding]:
    query = sa.select(SETTING.c.name, SETTING.c.value).where(SETTING.c.device_id == device_id)
    stored = {row.name: row.value for row in conn.execute(query)}
    for name in sorted(stored.keys() | history.settings.keys()):
        if stored.get(name) != history.settings.get(name):
            yield Finding(
                f"setting {name} of {device_id}",
                f"is {stored.get(name, 'not there')}, its events say "
                f"{history.settings.get(name, 'nothing')}",
            )


def _certificate(
    row: Row[*tuple[Any, ...]], history: History, authority: x509.Certificate
) -> Iterator[Finding]:
    record = f"certificate {row.fingerprint.hex()[:16]} of {row.device_id}"
    if hashlib.sha256(row.der).digest() != row.fingerprint:
        yield Finding(record, "hashes to something else than is written beside it")
    try:
        peer = ca.read_peer(row.der)
        certificate = x509.load_der_x509_certificate(row.der)
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature, CertificateError):
        yield Finding(record, "was not issued by this collector's authority")
        return
    if peer.public_key != history.key:
        yield Finding(record, "is for another key than the device enrolled with")
    if row.fingerprint not in history.certificates:
        yield Finding(record, "is in no event: put in behind the ledger's back")
