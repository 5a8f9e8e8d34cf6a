"""What was done to accounts, as the ledger has it, and whether accounts are what that adds up to."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from zaigang_collector.access.tables import ACCOUNT, EVENT
from zaigang_collector.ledger.audit import Body, Finding, known_ids, pages
from zaigang_collector.ledger.model import EntryType
from zaigang_shared import cbor
from zaigang_shared.errors import WireError


@dataclass(slots=True)
class Register:
    """Accounts as their events tell them."""

    held: dict[str, tuple[object, object]] = field(default_factory=dict)
    """id -> (employee id, grants)."""
    locked: set[str] = field(default_factory=set)

    def add(self, account_id: str, event: str, fields: dict[str, Any]) -> None:
        """Take the next event in."""
        if event in ("created", "roles"):
            self.held[account_id] = fields["employee"], fields["grants"]
        elif event == "locked":
            self.locked.add(account_id)
        elif event in ("unlocked", "forgotten"):
            self.locked.discard(account_id)
        if event == "forgotten":
            self.held.pop(account_id, None)


def events(conn: Connection, register: Register) -> Iterator[Body | Finding]:
    """Each event as a body; what they add up to goes into `register`."""
    for rows in pages(conn, EVENT):
        for row in rows:
            digest = hashlib.sha256(row.body).digest()
            yield Body(EntryType.ACCOUNT_EVENT, str(row.id), row.at_ms, digest)
            try:
                said = cbor.loads(row.body, "event")
                register.add(row.account_id, said["event"], said["fields"])
                moved = said["account"] != row.account_id
            except (WireError, KeyError, TypeError):
                yield Finding(f"account_event {row.id}", "is not what was written there")
                continue
            if moved:
                yield Finding(
                    f"account_event {row.id}", "is about another account than its row says"
                )


def accounts(conn: Connection, register: Register) -> Iterator[Finding]:
    """Roles that nobody gave, accounts that nobody made, locks that nobody took away."""
    there = set()
    for row in conn.execute(sa.select(ACCOUNT).order_by(ACCOUNT.c.id)):
        there.add(row.id)
        if row.id not in register.held:
            yield Finding(f"account {row.id}", "was made off the record")
            continue
        employee_id, grants = register.held[row.id]
        if row.grants != cbor.dumps(grants):
            yield Finding(f"account {row.id}", "has roles that nobody gave it on record")
        if row.employee_id != employee_id:
            yield Finding(f"account {row.id}", "is somebody else's than the record says")
        if (row.locked_ms is not None) != (row.id in register.locked):
            yield Finding(f"account {row.id}", "was locked or unlocked off the record")
    for account_id in sorted(register.held.keys() - there):
        yield Finding(f"account {account_id}", "was deleted off the record")


def known_events(conn: Connection, refs: Sequence[str]) -> set[str]:
    """Which of these are stored."""
    return known_ids(conn, EVENT.c.id, refs)
