"""The whole store, walked once: every entry, every body, every chain, every receipt.

Trusts the keys and certificates in the data directory, and what it is shown from outside; nothing
that is written in the database.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Connection

from zaigang_collector.access import audit as access
from zaigang_collector.access.audit import Register
from zaigang_collector.assessment import audit as assessment
from zaigang_collector.attendance import audit as attendance
from zaigang_collector.attendance.replay import Schedule
from zaigang_collector.cases import audit as cases
from zaigang_collector.devices import audit as devices
from zaigang_collector.directory import audit as directory
from zaigang_collector.directory.replay import Replay
from zaigang_collector.errors import LedgerError
from zaigang_collector.ingest import audit as ingest
from zaigang_collector.ledger import audit as ledger
from zaigang_collector.ledger import service as log
from zaigang_collector.ledger.audit import Finding
from zaigang_collector.ledger.model import EntryType
from zaigang_collector.rules import audit as rules
from zaigang_collector.vault import audit as vaults
from zaigang_collector.vault import record
from zaigang_collector.vault.service import Vault
from zaigang_collector.worktraces import audit as worktraces
from zaigang_shared.note import VerifierKey

# What may be forgotten, and by which word a tombstone counts it.
_FORGETTABLE: Final = {
    EntryType.CLOCK_IN: "clock_ins",
    EntryType.ASSESSMENT: "assessments",
    EntryType.DIRECTORY_EVENT: "directory_events",
    EntryType.ATTENDANCE_EVENT: "attendance_events",
    EntryType.ACCESS: "looks",
    EntryType.CASE_EVENT: "case_events",
    EntryType.BUSINESS_EVENT: "business_events",
    EntryType.WORK_LOG: "work_logs",
    EntryType.ALERT_EVENT: "alert_events",
}


@dataclass(frozen=True, slots=True)
class Trusted:
    """What the audit believes."""

    log: VerifierKey
    collector_key: Ed25519PublicKey
    """Signs receipts."""
    authority: x509.Certificate


@dataclass(frozen=True, slots=True)
class Shown:
    """What the ledger was, as somebody outside holds it: a checkpoint, or a device's receipt."""

    where: str
    """How it is told which one it was."""
    size: int
    root: bytes


@dataclass(slots=True)
class Report:
    """What was walked, and what was found."""

    ledger: ledger.Walked = field(default_factory=ledger.Walked)
    arrivals: ingest.Counted = field(default_factory=ingest.Counted)
    findings: list[Finding] = field(default_factory=list)


def audit(conn: Connection, vault: Vault, trusted: Trusted, shown: Sequence[Shown] = ()) -> Report:
    """Walk everything, in one consistent view. As many findings as there are."""
    report = Report()
    report.findings += ledger.tree(conn, names_of(conn, trusted.log), report.ledger)
    histories: dict[str, devices.History] = {}
    report.findings += ledger.held_against(
        conn, EntryType.DEVICE_EVENT, devices.events(conn, histories)
    )
    report.findings += devices.register(conn, histories, trusted.authority)
    report.findings += _bodies(conn, vault, report, histories)
    report.findings += ingest.chains(conn)
    report.findings += ingest.given_receipts(conn, trusted.collector_key, report.arrivals)
    report.findings += _against(conn, report, shown)
    return report


def names_of(conn: Connection, log_key: VerifierKey) -> dict[str, VerifierKey]:
    """The key under each name that this ledger has had: after a restored backup it has another, and
    whoever kept an older checkpoint has it under the older name."""
    names = {log_key.name}
    for one in log.continuations(conn):
        names |= {one.origin, one.as_origin}
    return {name: VerifierKey(name, log_key.type, log_key.public_key) for name in names}


def _bodies(
    conn: Connection, vault: Vault, report: Report, histories: dict[str, devices.History]
) -> Iterator[Finding]:
    # By the keys that they enrolled with, not by those that the register has now.
    keys = {name: one.key for name, one in histories.items() if one.key is not None}
    replay, schedule, register = Replay(), Schedule(), Register()
    held = {
        EntryType.ENVELOPE: ingest.envelopes(conn, vault, keys, report.arrivals),
        EntryType.CLOCK_IN: attendance.clock_ins(conn, vault),
        EntryType.DIRECTORY_EVENT: directory.events(conn, vault, replay),
        EntryType.ATTENDANCE_EVENT: attendance.events(conn, vault, schedule),
        EntryType.POLICY: assessment.policies(conn),
        EntryType.ASSESSMENT: assessment.assessments(conn, vault),
        EntryType.CASE_EVENT: cases.steps(conn, vault),
        EntryType.ERASURE: vaults.tombstones(conn),
        EntryType.LEDGER_EVENT: ledger.events(conn),
        EntryType.ACCESS: vaults.looks(conn, vault),
        EntryType.ACCOUNT_EVENT: access.events(conn, register),
        EntryType.BUSINESS_EVENT: worktraces.events(conn, vault),
        EntryType.WORK_LOG: worktraces.work_logs(conn, vault),
        EntryType.RULE_EVENT: rules.rule_events(conn),
        EntryType.ALERT_EVENT: rules.alert_events(conn, vault),
    }
    for entry_type, bodies in held.items():
        yield from ledger.held_against(conn, entry_type, bodies)
    yield from replay.compare(conn)
    yield from schedule.compare(conn)
    yield from access.accounts(conn, register)
    known = {
        EntryType.ENVELOPE: ingest.known_envelopes,
        EntryType.CLOCK_IN: attendance.known_clock_ins,
        EntryType.DEVICE_EVENT: devices.known_events,
        EntryType.DIRECTORY_EVENT: directory.known_events,
        EntryType.ATTENDANCE_EVENT: attendance.known_events,
        EntryType.POLICY: assessment.known_policies,
        EntryType.ASSESSMENT: assessment.known_assessments,
        EntryType.CASE_EVENT: cases.known_steps,
        EntryType.ERASURE: vaults.known_tombstones,
        EntryType.LEDGER_EVENT: ledger.known_events,
        EntryType.ACCESS: vaults.known_looks,
        EntryType.ACCOUNT_EVENT: access.known_events,
        EntryType.BUSINESS_EVENT: worktraces.known_events,
        EntryType.WORK_LOG: worktraces.known_work_logs,
        EntryType.RULE_EVENT: rules.known_rule_events,
        EntryType.ALERT_EVENT: rules.known_alert_events,
    }
    for entry_type, there in known.items():
        yield from ledger.without_body(conn, entry_type, there)
    yield from vaults.holds(conn)
    yield from _forgotten(conn, report)


def _forgotten(conn: Connection, report: Report) -> Iterator[Finding]:
    """What is gone is gone on record: no more than tombstones say."""
    told = record.totals(conn)
    blinded = ledger.blinded(conn)
    for entry_type, what in _FORGETTABLE.items():
        number = blinded.pop(entry_type.value, 0)
        if number > told[what]:
            yield Finding(
                f"{what} of the ledger",
                f"{number} are without a body, and tombstones tell of {told[what]}: deleted off the "
                "record",
            )
    for name, number in blinded.items():
        yield Finding(f"{number} {name} entries", "are without a body; these are never forgotten")
    if report.arrivals.without_content > told["envelopes"]:
        yield Finding(
            "envelopes without content",
            f"are {report.arrivals.without_content}, and tombstones tell of {told['envelopes']}: "
            "deleted off the record",
        )


def _against(conn: Connection, report: Report, shown: Sequence[Shown]) -> Iterator[Finding]:
    for one in shown:
        if one.size > report.ledger.size:
            yield Finding(
                one.where,
                f"was made when the ledger had {one.size} entries; there are {report.ledger.size}: "
                "an older copy was put back, or the end was cut off",
            )
            continue
        try:
            root = log.root_at(conn, one.size)
        except LedgerError as error:
            yield Finding(one.where, f"cannot be compared: {error}")
            continue
        if root != one.root:
            yield Finding(
                one.where,
                f"shows a ledger of {one.size} entries with root {one.root.hex()}, here those have "
                f"{root.hex()}: its holder was shown another history",
            )
