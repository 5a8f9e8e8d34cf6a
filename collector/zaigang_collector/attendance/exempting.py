"""Exemptions as another system tells them: what it does not tell any more has ended."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from zaigang_collector.attendance import exemptions, service
from zaigang_collector.attendance.model import Outcome
from zaigang_collector.attendance.service import StoredExemption
from zaigang_collector.db import Randomness
from zaigang_collector.errors import ConflictError, UnknownIdError
from zaigang_collector.vault.service import Vault


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of it."""

    changed: int
    """Added, changed or withdrawn."""
    refused: int
    """That cannot be an exemption: they end before they begin, or last for years."""


def take(
    conn: Connection,
    vault: Vault,
    source: str,
    told: Sequence[StoredExemption],
    whole: Sequence[str],
    span: tuple[int, int],
    now_ms: int,
    randomness: Randomness,
) -> Taken:
    """Store what `source` tells. Of the people `whole` it is all that lies within the span (UTC ms):
    leave that was taken back is withdrawn. What reaches out of the span stays, as a source may not
    count it as of the span."""
    changed = refused = 0
    wanted = {one.source_id: dataclasses.replace(one, source=source) for one in told}
    for ended in sorted(_of(conn, source, whole, span) - wanted.keys()):
        exemptions.withdraw(conn, vault, source, ended, now_ms, randomness)
        changed += 1
    for one in wanted.values():
        try:
            outcome = exemptions.record(conn, vault, one, now_ms, randomness)
        except (ConflictError, UnknownIdError):
            refused += 1
        else:
            changed += outcome is not Outcome.UNCHANGED
    return Taken(changed, refused)


def end(
    conn: Connection,
    vault: Vault,
    source: str,
    source_ids: Sequence[str],
    now_ms: int,
    randomness: Randomness,
) -> int:
    """Withdraw those which `source` says are taken back; one that it never told before is nothing.
    Returns how many held until now."""
    known = [one for one in source_ids if exemptions.is_known(conn, source, one)]
    outcomes = [exemptions.withdraw(conn, vault, source, one, now_ms, randomness) for one in known]
    return sum(outcome is not Outcome.UNCHANGED for outcome in outcomes)


def _of(
    conn: Connection, source: str, employee_ids: Sequence[str], span: tuple[int, int]
) -> set[str]:
    """What `source` said of these people that lies within the span and holds, by its id."""
    return {
        one.source_id
        for employee_id in employee_ids
        for one in service.exemptions_of(conn, employee_id, *span)
        if one.source == source and span[0] <= one.from_ms and one.to_ms <= span[1]
    }
