"""Sessions: opaque, known here by a hash, and over at once when anything changes. No commits here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from zaigang_collector.access import journal, secrets
from zaigang_collector.access.people import How, Session, SignedIn
from zaigang_collector.access.roles import Grant, Role
from zaigang_collector.access.secrets import Secret
from zaigang_collector.access.tables import ACCOUNT, SESSION
from zaigang_collector.db import Randomness
from zaigang_shared import cbor

PREFIX: Final = "zgses"
# Without a question. Larger leaves an unattended screen open over lunch; smaller interrupts whoever
# reads a case.
IDLE_MS: Final = 30 * 60_000
# From signing in, whatever is done. Larger keeps yesterday's cookie alive; smaller makes people sign
# in twice a day.
LONGEST_MS: Final = 12 * 3_600_000
# The same by a personal link: one reading and one reply.
LINK_MS: Final = 2 * 3_600_000
# Larger lets an idle session end too late by so much; smaller turns reads into writes.
_TOUCH_EVERY_MS: Final = 60_000


def start(conn: Connection, account_id: str, how: How, now_ms: int, randomness: Randomness) -> str:
    """A new session of an account; the text is given out once. Never an old one: what somebody
    planted in a browser before is worth nothing after."""
    row = {"account_id": account_id, "how": how.value, "expires_ms": now_ms + LONGEST_MS}
    return _insert(conn, row, now_ms, randomness)


def start_by_link(
    conn: Connection, employee_id: str, case_id: str, now_ms: int, randomness: Randomness
) -> str:
    """The same for who came by a personal link."""
    row = {
        "employee_id": employee_id,
        "case_id": case_id,
        "how": How.LINK.value,
        "expires_ms": now_ms + LINK_MS,
    }
    return _insert(conn, row, now_ms, randomness)


def check(conn: Connection, text: str, now_ms: int) -> SignedIn | None:
    """Whose session this is. Roles, locks and all else are as they are now, not as they were."""
    sent = secrets.read(PREFIX, text)
    if sent is None:
        return None
    joined = SESSION.outerjoin(ACCOUNT, SESSION.c.account_id == ACCOUNT.c.id)
    query = sa.select(SESSION, ACCOUNT.c.name, ACCOUNT.c.grants, ACCOUNT.c.must_change,
                      ACCOUNT.c.locked_ms, ACCOUNT.c.employee_id.label("own_id"))  # fmt: skip
    row = conn.execute(query.select_from(joined).where(SESSION.c.id == sent.id)).one_or_none()
    if not sent.fits(None if row is None else row.secret_hash) or row is None:
        return None
    over = row.expires_ms <= now_ms or row.seen_ms + IDLE_MS <= now_ms
    if over or row.locked_ms is not None:
        return None
    return _signed_in(row, sent, now_ms)


def touch(conn: Connection, session_id: str, now_ms: int) -> None:
    """Note that the session is in use."""
    conn.execute(sa.update(SESSION).where(SESSION.c.id == session_id).values(seen_ms=now_ms))


def end(conn: Connection, session_id: str) -> None:
    """Sign out. Ending again is nothing."""
    conn.execute(sa.delete(SESSION).where(SESSION.c.id == session_id))


def end_all(conn: Connection, account_id: str) -> int:
    """Sign out everywhere; returns how many sessions there were."""
    return conn.execute(sa.delete(SESSION).where(SESSION.c.account_id == account_id)).rowcount


def end_of_employee(conn: Connection, employee_id: str) -> int:
    """End what was opened by personal links of this person."""
    return conn.execute(sa.delete(SESSION).where(SESSION.c.employee_id == employee_id)).rowcount


def end_of_case(conn: Connection, case_id: str) -> int:
    """End what was opened by personal links to this case."""
    return conn.execute(sa.delete(SESSION).where(SESSION.c.case_id == case_id)).rowcount


def of_account(conn: Connection, account_id: str, now_ms: int) -> tuple[Session, ...]:
    """What is open, the oldest first."""
    query = sa.select(SESSION).where(
        SESSION.c.account_id == account_id,
        SESSION.c.expires_ms > now_ms,
        SESSION.c.seen_ms > now_ms - IDLE_MS,
    )
    return tuple(
        Session(row.id, How(row.how), row.created_ms, row.seen_ms, row.expires_ms)
        for row in conn.execute(query.order_by(SESSION.c.created_ms, SESSION.c.id))
    )


def _insert(
    conn: Connection, begun: Mapping[str, object], now_ms: int, randomness: Randomness
) -> str:
    over = sa.or_(SESSION.c.expires_ms <= now_ms, SESSION.c.seen_ms <= now_ms - IDLE_MS)
    conn.execute(sa.delete(SESSION).where(over))
    made = secrets.new(PREFIX, randomness)
    row = {
        **begun,
        "id": made.id,
        "secret_hash": made.hash,
        "created_ms": now_ms,
        "seen_ms": now_ms,
    }
    conn.execute(sa.insert(SESSION).values(**row))
    return made.text


def _signed_in(row: Row[Any], sent: Secret, now_ms: int) -> SignedIn:
    by_link = row.account_id is None
    grants = journal.read(cbor.loads(row.grants, "roles")) if not by_link else ()
    return SignedIn(
        session_id=row.id,
        account_id=row.account_id,
        name=row.name or "",
        employee_id=row.employee_id if by_link else row.own_id,
        grants=(Grant(Role.EMPLOYEE),) if by_link else grants,
        case_id=row.case_id,
        how=How(row.how),
        must_change=bool(row.must_change),
        csrf=sent.derived("zaigang/csrf/1"),
        expires_ms=min(row.expires_ms, row.seen_ms + IDLE_MS),
        touch_due=row.seen_ms + _TOUCH_EVERY_MS <= now_ms,
    )
