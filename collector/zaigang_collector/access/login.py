"""Signing in with name, password and second factor.

In three steps, as hashing takes a tenth of a second and nobody's writing waits for it:

1. The try is counted and written down, whatever comes of it.
2. The password is hashed and compared, also where there is nobody of this name.
3. The second factor is spent and the session made, if the account is still what it was.

Whoever does not get in learns one thing: that it did not fit. Not which of the three.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, Row

from zaigang_collector import db
from zaigang_collector.access import accounts, journal, passwords, sessions, throttle, totp
from zaigang_collector.access.journal import By, Kind
from zaigang_collector.access.passwords import Hasher
from zaigang_collector.access.people import How
from zaigang_collector.access.tables import ACCOUNT, RECOVERY
from zaigang_collector.db import Randomness
from zaigang_collector.vault.service import Vault

_TOTP: Final = re.compile(r"[0-9]{6}")
COLLECTOR: Final = "the collector"


@dataclass(frozen=True, slots=True)
class Came:
    """What somebody typed. Never logged, never kept."""

    name: str
    password: str
    code: str = ""
    """Of the authenticator, or a recovery code; empty: none."""

    def __repr__(self) -> str:
        return "Came(…)"


@dataclass(frozen=True, slots=True)
class Refused:
    """Nobody was let in. `wait_ms` above 0: too early, and not even judged."""

    wait_ms: int = 0


@dataclass(frozen=True, slots=True)
class Doors:
    """What signing in works with."""

    engine: Engine
    vault: Vault
    hasher: Hasher
    randomness: Randomness


Door = Callable[[Doors, Came, int], "str | Refused"]
"""A way in with a password: (doors, what was typed, now) -> a session's text. Raises TooBusyError."""


def sign_in(doors: Doors, came: Came, now_ms: int) -> str | Refused:
    """A new session's text. Raises TooBusyError."""
    name = accounts.folded(came.name)
    found = _prove(doors, name, came, now_ms)
    if isinstance(found, Refused):
        return found
    old = doors.hasher.is_old(found.password)
    again = doors.hasher.hash(came.password) if old else found.password
    with db.writing(doors.engine) as conn:
        if not _let_in(conn, doors, found, came, now_ms):
            return Refused()
        if old:
            values = {"password": again}
            conn.execute(sa.update(ACCOUNT).where(ACCOUNT.c.id == found.id).values(**values))
        return sessions.start(conn, found.id, How.PASSWORD, now_ms, doors.randomness)


def change_password(
    doors: Doors, account_name: str, came: Came, new: str, now_ms: int
) -> str | Refused:
    """Another password, for who knows the old one and has the second factor: a session that somebody
    else sits at is not enough. All sessions end; returns the text of a new one. Raises TooBusyError.
    Whether the new one is good enough is asked before: `passwords.objection`."""
    found = _prove(doors, account_name, came, now_ms)
    if isinstance(found, Refused):
        return found
    hashed = doors.hasher.hash(new)
    with db.writing(doors.engine) as conn:
        if not _let_in(conn, doors, found, came, now_ms):
            return Refused()
        by = By(f"account {found.id}", now_ms, doors.randomness)
        accounts.set_password(conn, found.id, hashed, by, first=False)
        return sessions.start(conn, found.id, How.PASSWORD, now_ms, doors.randomness)


def _prove(doors: Doors, name: str, came: Came, now_ms: int) -> Row[Any] | Refused:
    """Steps 1 and 2."""
    with db.writing(doors.engine) as conn:
        tried = throttle.count(conn, name, now_ms)
        if tried.wait_ms:
            return Refused(tried.wait_ms)
        row = conn.execute(sa.select(ACCOUNT).where(ACCOUNT.c.name == name)).one_or_none()
        if row is not None and tried.number == throttle.TOLD_AT:
            by = By(COLLECTOR, now_ms, doors.randomness)
            journal.note(conn, Kind.MANY_TRIES, row.id, by, {"tries": tried.number})
    typed = came.password[: passwords.LENGTH_MAX + 1]
    fits = doors.hasher.fits(None if row is None else row.password, typed)
    return Refused() if row is None or not fits else row


def _let_in(conn: Connection, doors: Doors, before: Row[Any], came: Came, now_ms: int) -> bool:
    """Step 3. The account may have been locked, or given another password, in between."""
    query = sa.select(ACCOUNT).where(ACCOUNT.c.id == before.id)
    row = conn.execute(query.with_for_update()).one_or_none()
    if row is None or row.locked_ms is not None or row.password != before.password:
        return False
    if row.totp is not None and not _spend(conn, doors, row, came.code.strip(), now_ms):
        return False
    throttle.forget(conn, row.name)
    seen = sa.update(ACCOUNT).where(ACCOUNT.c.id == row.id)
    conn.execute(seen.values(last_login_ms=now_ms))
    return True


def _spend(conn: Connection, doors: Doors, row: Row[Any], code: str, now_ms: int) -> bool:
    """Use up a code: each is good once."""
    if not _TOTP.fullmatch(code):
        return _spend_recovery(conn, doors, row.id, code, now_ms)
    secret = doors.vault.open(conn, row.totp, accounts.totp_context(row.id))
    step = totp.matching_step(secret, code, now_ms, row.totp_step)
    if step is None:
        return False
    newer = sa.update(ACCOUNT).where(ACCOUNT.c.id == row.id, ACCOUNT.c.totp_step < step)
    return conn.execute(newer.values(totp_step=step)).rowcount == 1


def _spend_recovery(
    conn: Connection, doors: Doors, account_id: str, code: str, now_ms: int
) -> bool:
    this = sa.and_(
        RECOVERY.c.account_id == account_id, RECOVERY.c.code_hash == accounts.recovery_hash(code)
    )
    if conn.execute(sa.delete(RECOVERY).where(this)).rowcount != 1:
        return False
    left = conn.scalar(
        sa.select(sa.func.count()).select_from(RECOVERY).where(RECOVERY.c.account_id == account_id)
    )
    by = By(COLLECTOR, now_ms, doors.randomness)
    journal.note(conn, Kind.RECOVERY_USED, account_id, by, {"left": left})
    return True
