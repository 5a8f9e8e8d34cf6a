"""What was said of rules and what happened to alerts, as the ledger has it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from zaigang_collector.ledger.audit import Body, Finding, known_ids, pages
from zaigang_collector.ledger.model import EntryType
from zaigang_collector.rules.model import Happened, State
from zaigang_collector.rules.store import OVERTURNED, UPHELD, context_of
from zaigang_collector.rules.tables import ALERT, ALERT_EVENT, RULE_EVENT
from zaigang_collector.vault.audit import opened
from zaigang_collector.vault.service import Vault

_STATES: Mapping[str, State] = {
    Happened.RAISED: State.RAISED,
    Happened.UPDATED: State.RAISED,
    Happened.WITHDRAWN: State.WITHDRAWN,
    Happened.DISMISSED: State.DISMISSED,
}


def rule_events(conn: Connection) -> Iterator[Body]:
    """Each as a body."""
    for row in conn.execute(sa.select(RULE_EVENT).order_by(RULE_EVENT.c.id)):
        digest = hashlib.sha256(row.body).digest()
        yield Body(EntryType.RULE_EVENT, str(row.id), row.at_ms, digest)


def known_rule_events(conn: Connection, refs: Sequence[str]) -> set[str]:
    """Which of these are stored."""
    return known_ids(conn, RULE_EVENT.c.id, refs)


def alert_events(conn: Connection, vault: Vault) -> Iterator[Body | Finding]:
    """Each as a body; and whether the alerts stand where their events say."""
    standing: dict[str, dict[str, Any]] = {}
    for rows in pages(conn, ALERT_EVENT):
        sealed = [
            (row.body if row.employee_id is not None else None, context_of(row.id)) for row in rows
        ]
        for row, body in zip(rows, opened(conn, vault, sealed), strict=True):
            yield from _event(row, row.body if row.employee_id is None else body, standing)
    yield from _alerts(conn, standing)


def _event(
    row: Row[*tuple[Any, ...]], body: bytes | str | None, standing: dict[str, dict[str, Any]]
) -> Iterator[Body | Finding]:
    record = f"alert_event {row.id}"
    if isinstance(body, str):
        yield Finding(record, body)
        return
    if body is None:  # its key was destroyed, and its row with it, but for a moment
        return
    yield Body(EntryType.ALERT_EVENT, str(row.id), row.at_ms, hashlib.sha256(body).digest())
    try:
        said = json.loads(body)
        told = said["alert"], said["event"], said["person"], said["at"]
    except (ValueError, KeyError, TypeError):
        yield Finding(record, "is not what was written there")
        return
    if told != (row.alert_id, row.kind, row.employee_id, row.at_ms):
        yield Finding(record, "says something else in its body than in its row")
    alert = standing.setdefault(row.alert_id, {"conclusion": None, "employee_id": row.employee_id})
    if row.kind in _STATES:
        alert["state"] = _STATES[row.kind].value
    if row.kind in (Happened.RAISED, Happened.UPDATED):
        alert["event_id"] = row.id
    if row.kind == Happened.DISMISSED:
        alert["conclusion"] = OVERTURNED
    if row.kind == Happened.CONCLUDED:
        alert["conclusion"] = UPHELD if said.get("upheld") else OVERTURNED


def _alerts(conn: Connection, standing: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    seen = set()
    for row in conn.execute(sa.select(ALERT).order_by(ALERT.c.id)):
        seen.add(row.id)
        said = standing.get(row.id)
        if said is None:
            yield Finding(f"alert {row.id}", "has no events")
            continue
        for name, value in said.items():
            if getattr(row, name) != value:
                yield Finding(
                    f"alert {row.id}",
                    f"stands as {name} = {getattr(row, name)!r}, its events say {value!r}",
                )
    for name in sorted(standing.keys() - seen):
        yield Finding(f"alert {name}", "is missing: there are events of it")


def known_alert_events(conn: Connection, refs: Sequence[str]) -> set[str]:
    """Which of these are stored."""
    return known_ids(conn, ALERT_EVENT.c.id, refs)
