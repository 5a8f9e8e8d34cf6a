"""What was done to accounts: by whom, when. Each is an entry of the ledger. No commits here.

An event names accounts and people by their ids, never by a name, and nothing that opens anything.
"""

from __future__ import annotations

import enum
import hashlib
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection

from zaigang_collector.access.roles import Grant, Role
from zaigang_collector.access.tables import EVENT
from zaigang_collector.db import Randomness
from zaigang_collector.ledger import service as ledger
from zaigang_shared import cbor

_LOG: Final = logging.getLogger(__name__)


class Kind(enum.StrEnum):
    """What happened."""

    CREATED = "created"
    ROLES = "roles"
    PASSWORD_RESET = "password_reset"  # noqa: S105  # a word, not a password
    PASSWORD_CHANGED = "password_changed"  # noqa: S105
    SECOND_FACTOR = "second_factor"
    RECOVERY_USED = "recovery_used"
    LINKED = "linked"
    """From now on a provider's subject signs in as this account."""
    LOCKED = "locked"
    UNLOCKED = "unlocked"
    MANY_TRIES = "many_tries"
    """Somebody goes on trying; nobody got in by that."""
    SESSIONS_ENDED = "sessions_ended"
    FORGOTTEN = "forgotten"


@dataclass(frozen=True, slots=True)
class By:
    """Who does something, when."""

    who: str
    """`account <id>`, `command line, <user>`, or `the collector`."""
    now_ms: int
    randomness: Randomness


def note(
    conn: Connection, kind: Kind, account_id: str, by: By, fields: Mapping[str, Any] | None = None
) -> None:
    """Keep an event, and queue it for the ledger."""
    body = cbor.dumps(
        {
            "v": 1,
            "event": kind.value,
            "at": by.now_ms,
            "account": account_id,
            "by": by.who,
            "fields": dict(fields or {}),
        }
    )
    row = {"at_ms": by.now_ms, "account_id": account_id, "body": body}
    event_id = conn.execute(sa.insert(EVENT).values(**row).returning(EVENT.c.id)).scalar_one()
    ledger.append(
        conn,
        ledger.EntryType.ACCOUNT_EVENT,
        by.now_ms,
        hashlib.sha256(body).digest(),
        by.randomness(ledger.SALT_BYTES),
        str(event_id),
    )
    _LOG.info("account %s: %s", account_id, kind.value)


def written(grants: Iterable[Grant]) -> list[dict[str, Any]]:
    """Grants as events and rows have them, in one order."""
    return [
        {
            "role": one.role.value,
            "everyone": one.everyone,
            "departments": sorted(one.departments),
            "people": sorted(one.people),
        }
        for one in sorted(grants, key=lambda one: one.role)
    ]


def read(grants: Iterable[Mapping[str, Any]]) -> tuple[Grant, ...]:
    """What `written` made."""
    return tuple(
        Grant(
            Role(one["role"]),
            one["everyone"],
            frozenset(one["departments"]),
            frozenset(one["people"]),
        )
        for one in grants
    )
