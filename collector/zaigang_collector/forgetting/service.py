"""Forgetting a person. No commits here: all of it happens, or nothing."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from zaigang_collector.access import accounts, links
from zaigang_collector.access.journal import By
from zaigang_collector.assessment import erasing as assessment
from zaigang_collector.attendance import erasing as attendance
from zaigang_collector.cases import erasing as cases
from zaigang_collector.connectors import erasing as connectors
from zaigang_collector.db import Randomness
from zaigang_collector.devices import service as devices
from zaigang_collector.directory import erasing as directory_erasing
from zaigang_collector.directory import service as directory
from zaigang_collector.errors import UnknownIdError
from zaigang_collector.ingest import erasing as ingest
from zaigang_collector.rules import erasing as rules
from zaigang_collector.vault import access_log, record
from zaigang_collector.vault import service as keys
from zaigang_collector.vault.model import Tombstone, TombstoneKind, person
from zaigang_collector.vault.service import Vault
from zaigang_collector.worktraces import erasing as worktraces

# In the event of the account; who decided stands in the tombstone.
ACCOUNT_BY: Final = "forgetting"


def forget(
    conn: Connection,
    vault: Vault,
    employee_id: str,
    ground: str,
    by: str,
    now_ms: int,
    randomness: Randomness,
) -> Tombstone:
    """Destroy the person's key and delete what was sealed under it, what is asked for by query, and
    their words in the directory. `ground` and `by` stand in the tombstone, for good.

    Chains and ledger go on verifying: digests stay, and of entries whose body could be guessed from
    its hash, the leaf. Raises UnknownIdError, and ConflictError for somebody under legal hold
    or about whom a case is open.
    """
    _refuse_unknown(conn, employee_id)
    record.refuse_held(conn, employee_id)
    cases.refuse_open(conn, employee_id)
    subject = person(employee_id)
    # First: it waits for whoever is sealing under the key, and what they sealed is found below.
    counts = {"keys": vault.destroy(conn, subject, now_ms)}
    key_ids = keys.key_ids_of(conn, [subject])
    counts |= ingest.forget(conn, devices.ever_held(conn, employee_id), key_ids)
    counts |= rules.forget(conn, employee_id)
    counts |= assessment.forget(conn, employee_id, attendance.clock_in_ids(conn, employee_id))
    counts |= attendance.forget(conn, employee_id)
    counts |= connectors.forget(conn, employee_id)
    counts |= cases.forget(conn, employee_id)
    counts |= worktraces.forget(conn, employee_id)
    counts |= access_log.forget(conn, employee_id)
    counts |= accounts.forget(conn, vault, employee_id, By(ACCOUNT_BY, now_ms, randomness))
    counts |= {"links": links.forget(conn, employee_id)}
    counts |= directory_erasing.forget(conn, employee_id, now_ms, randomness)
    return record.bury(
        conn, TombstoneKind.FORGOTTEN, employee_id, by, ground, counts, now_ms, randomness
    )


def hold(
    conn: Connection, employee_id: str, why: str, by: str, now_ms: int, randomness: Randomness
) -> Tombstone:
    """Put a person under legal hold. Raises UnknownIdError, and ConflictError when they are."""
    _refuse_unknown(conn, employee_id)
    return record.hold(conn, employee_id, why, by, now_ms, randomness)


def _refuse_unknown(conn: Connection, employee_id: str) -> None:
    if directory.get_employee(conn, employee_id) is None:
        raise UnknownIdError("employee", employee_id)
