"""A work log handed in directly, by the person or for them. No commits here."""

from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection

from zaigang_collector.db import Randomness
from zaigang_collector.vault.service import Vault
from zaigang_collector.worktraces import service
from zaigang_collector.worktraces.clients import Texts
from zaigang_collector.worktraces.model import NewWorkLog, Progress
from zaigang_collector.worktraces.shelf import Recorded

SOURCE: Final = "api"


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """What is handed in."""

    source: str = SOURCE
    source_id: str | None = None
    """None: the one log of this person, day and place; handed in again it is a late edit."""
    employee_id: str
    day: dt.date
    site_id: str | None
    text: str | None = field(repr=False)
    handed_in_ms: int | None
    """None: now."""
    client_contact_ms: int | None = None
    task_progress: Progress | None = None


def hand_in(
    conn: Connection,
    vault: Vault,
    handed: Handed,
    texts: Texts,
    now_ms: int,
    randomness: Randomness,
) -> Recorded[NewWorkLog]:
    """Search the text, drop it unless it is to be kept, and store the rest. The same again changes
    nothing, not even the hour."""
    found = texts.searched(handed.text, handed.site_id)
    new = NewWorkLog(
        source=handed.source,
        source_id=handed.source_id or _made_id(handed),
        employee_id=handed.employee_id,
        day=handed.day,
        site_id=handed.site_id,
        handed_in_ms=now_ms if handed.handed_in_ms is None else handed.handed_in_ms,
        names_client=found.names_client,
        client_contact_ms=handed.client_contact_ms,
        task_progress=handed.task_progress,
        text=found.kept,
    )
    if handed.handed_in_ms is None:
        new = _at_its_hour(conn, vault, new)
    (recorded,) = service.record_work_logs(conn, vault, [new], now_ms, randomness)
    return recorded


def _made_id(handed: Handed) -> str:
    return f"{handed.employee_id}/{handed.day.isoformat()}/{handed.site_id or ''}"


def _at_its_hour(conn: Connection, vault: Vault, new: NewWorkLog) -> NewWorkLog:
    """With the hour of the newest version where nothing else is different."""
    versions = service.versions_of_work_log(conn, vault, new.trace_id())
    if not versions:
        return new
    before = versions[-1].content
    same = dataclasses.replace(new, handed_in_ms=before.handed_in_ms)
    return same if same == before else new
