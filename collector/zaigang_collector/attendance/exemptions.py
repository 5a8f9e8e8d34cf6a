"""Leave, trips, home working, declared meetings, devices in repair: recorded with every version.

An exemption that its source changes gets a new version; one that is withdrawn stays as withdrawn.
No commits here.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from zaigang_collector import db
from zaigang_collector.attendance import events
from zaigang_collector.attendance.events import EventKind
from zaigang_collector.attendance.model import EARLIEST_MS, ExemptionKind, Outcome
from zaigang_collector.attendance.service import StoredExemption, exemption_of
from zaigang_collector.attendance.tables import EXEMPTION
from zaigang_collector.db import Randomness
from zaigang_collector.directory import service as directory
from zaigang_collector.errors import ConflictError, UnknownIdError
from zaigang_collector.vault.service import Vault

# A sabbatical. Larger lets a mistyped year exempt somebody for good; smaller refuses a parental leave.
LONGEST_MS: Final = 366 * 24 * 3_600_000
LATEST_MS: Final = 4_133_980_800_000  # 2101-01-01: a leave beyond it is a slip of the pen
SOURCE_MAX: Final = 40
SOURCE_ID_MAX: Final = 200
_ID_BYTES: Final = 10


@dataclass(frozen=True, slots=True)
class ExemptionVersion:
    """What was said of an exemption at one time."""

    version: int
    stored_ms: int
    said: StoredExemption
    withdrawn: bool


def exemption_id(source: str, source_id: str) -> str:
    """The same exemption always gets the same id, on any collector."""
    digest = hashlib.sha256(b"zaigang/exemption/1\0" + f"{source}\0{source_id}".encode()).digest()
    return "ex-" + base64.b32encode(digest[:_ID_BYTES]).decode("ascii").lower()


def record(
    conn: Connection, vault: Vault, new: StoredExemption, now_ms: int, randomness: Randomness
) -> Outcome:
    """Store an exemption, or a new version of it. The same again changes nothing; one that was
    withdrawn and comes again holds again.

    Raises UnknownIdError, and ConflictError for times that cannot be one, and for a source's id
    that is somebody else's already.
    """
    _refuse_wrong(conn, new)
    stored = _row(conn, new.source, new.source_id)
    if stored is not None:
        if stored.employee_id != new.employee_id:
            raise ConflictError(
                f"exemption {new.source_id} of {new.source} is another person's already; withdraw "
                "it and send this one with an id of its own"
            )
        if exemption_of(stored) == new and not stored.withdrawn:
            return Outcome.UNCHANGED
    version = 1 if stored is None else stored.version + 1
    _put(conn, vault, new, version, now_ms, randomness, withdrawn=False)
    return Outcome.ADDED if stored is None else Outcome.NEW_VERSION


def withdraw(
    conn: Connection,
    vault: Vault,
    source: str,
    source_id: str,
    now_ms: int,
    randomness: Randomness,
) -> Outcome:
    """Let an exemption hold no longer. Raises UnknownIdError."""
    stored = _row(conn, source, source_id)
    if stored is None:
        raise UnknownIdError("exemption", f"{source} {source_id}")
    if stored.withdrawn:
        return Outcome.UNCHANGED
    _put(
        conn,
        vault,
        exemption_of(stored),
        stored.version + 1,
        now_ms,
        randomness,
        withdrawn=True,
    )
    return Outcome.NEW_VERSION


def versions(
    conn: Connection, vault: Vault, source: str, source_id: str
) -> tuple[ExemptionVersion, ...]:
    """All that was ever said of an exemption, the oldest first; empty: there is none."""
    ref = exemption_id(source, source_id)
    said = events.of(conn, vault, EventKind.EXEMPTION, ref)
    return tuple(_version(at_ms, fields) for at_ms, fields in said)


def is_known(conn: Connection, source: str, source_id: str) -> bool:
    """Whether anything was ever said of it."""
    return _row(conn, source, source_id) is not None


def list_of(
    conn: Connection, employee_id: str, from_ms: int, to_ms: int
) -> tuple[tuple[StoredExemption, int, bool], ...]:
    """(exemption, version, withdrawn) of all that overlap the stretch, those that were withdrawn
    among them, by time."""
    query = (
        sa.select(EXEMPTION)
        .where(
            EXEMPTION.c.employee_id == employee_id,
            EXEMPTION.c.from_ms < to_ms,
            EXEMPTION.c.to_ms > from_ms,
        )
        .order_by(EXEMPTION.c.from_ms, EXEMPTION.c.source, EXEMPTION.c.source_id)
    )
    return tuple((exemption_of(row), row.version, row.withdrawn) for row in conn.execute(query))


def _put(
    conn: Connection,
    vault: Vault,
    said: StoredExemption,
    version: int,
    now_ms: int,
    randomness: Randomness,
    *,
    withdrawn: bool,
) -> None:
    fields = {
        "source": said.source,
        "source_id": said.source_id,
        "employee_id": said.employee_id,
        "from_ms": said.from_ms,
        "to_ms": said.to_ms,
        "kind": said.kind.value,
        "version": version,
        "withdrawn": withdrawn,
    }
    db.upsert(conn, EXEMPTION, [fields | {"stored_ms": now_ms}])
    ref = exemption_id(said.source, said.source_id)
    events.record_personal(
        conn, vault, EventKind.EXEMPTION, ref, said.employee_id, fields, now_ms, randomness
    )


def _refuse_wrong(conn: Connection, new: StoredExemption) -> None:
    if directory.get_employee(conn, new.employee_id) is None:
        raise UnknownIdError("employee", new.employee_id)
    for text, most in ((new.source, SOURCE_MAX), (new.source_id, SOURCE_ID_MAX)):
        if not text or len(text) > most or not text.isprintable():
            raise ConflictError(
                f"the source or id {text[:most]!r} was refused: expected one line of 1 to {most} "
                "characters"
            )
    is_in_time = new.from_ms >= EARLIEST_MS and new.to_ms <= LATEST_MS
    if not is_in_time or not 0 < new.to_ms - new.from_ms <= LONGEST_MS:
        raise ConflictError(
            f"exemption {new.source_id} was refused: expected an end after its beginning, at most "
            f"{LONGEST_MS // 86_400_000} days later, in the years 2000 to 2100"
        )


def _row(conn: Connection, source: str, source_id: str) -> Row[Any] | None:
    query = sa.select(EXEMPTION).where(
        EXEMPTION.c.source == source, EXEMPTION.c.source_id == source_id
    )
    return conn.execute(query).one_or_none()


def _version(at_ms: int, fields: Mapping[str, Any]) -> ExemptionVersion:
    said = StoredExemption(
        fields["employee_id"],
        fields["from_ms"],
        fields["to_ms"],
        ExemptionKind(fields["kind"]),
        fields["source"],
        fields["source_id"],
    )
    return ExemptionVersion(fields["version"], at_ms, said, fields["withdrawn"])
