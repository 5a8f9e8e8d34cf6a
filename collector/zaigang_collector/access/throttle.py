"""How long to wait between tries at a door. No commits here.

Counted by what was typed, whether or not there is such an account: an unknown name waits as a known
one does. A try is counted before it is judged, so that a hundred at once are a hundred.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy import Connection

from zaigang_collector import db
from zaigang_collector.access.tables import ATTEMPT

# Tries without a wait. Larger is a gift to guessers; smaller makes people wait for a typing error.
FREE: Final = 5
# The wait after those; doubles with each try.
FIRST_WAIT_MS: Final = 30_000
# No wait is longer. Larger lets anybody who knows a name shut its owner out for a day; smaller gives
# guessers more: at this bound they have some hundred tries a day at one name.
LONGEST_WAIT_MS: Final = 15 * 60_000
# Tries after which it is told in the ledger and the log. Larger tells of an attack later; smaller of
# every Monday morning.
TOLD_AT: Final = 10
# Without a try, after which all is forgotten. Larger keeps typing errors of last week against
# somebody; smaller lets a patient guesser begin anew.
FORGET_MS: Final = 24 * 3_600_000
# Names that are remembered. Larger lets a stranger fill the disk; smaller lets them push a name out
# that they are guessing at (those with the fewest tries go first).
_NAMES_MAX: Final = 20_000


@dataclass(frozen=True, slots=True)
class Tried:
    """A try that was counted."""

    number: int
    wait_ms: int
    """Above 0: it was too early, and is not judged."""


def wait_after(tries: int) -> int:
    """Milliseconds from a try to the next, when it was the `tries`th that did not succeed."""
    if tries < FREE:
        return 0
    return int(min(FIRST_WAIT_MS * 2 ** min(tries - FREE, 20), LONGEST_WAIT_MS))


def count(conn: Connection, what: str, now_ms: int) -> Tried:
    """Count a try at `what`. One that comes too early is not counted: it changes nothing."""
    key = key_of(what)
    row = conn.execute(sa.select(ATTEMPT).where(ATTEMPT.c.key == key)).one_or_none()
    tries = 0 if row is None or row.at_ms + FORGET_MS <= now_ms else row.tries
    if tries and row is not None:
        wait_ms = row.at_ms + wait_after(tries) - now_ms
        if wait_ms > 0:
            return Tried(tries, wait_ms)
    if row is None:
        _make_room(conn, now_ms)
    db.upsert(conn, ATTEMPT, [{"key": key, "tries": tries + 1, "at_ms": now_ms}])
    return Tried(tries + 1, 0)


def forget(conn: Connection, what: str) -> None:
    """Somebody got in, or an administrator let them."""
    conn.execute(sa.delete(ATTEMPT).where(ATTEMPT.c.key == key_of(what)))


def key_of(what: str) -> bytes:
    """What people type at a door may be a password in the wrong field: only its hash is kept."""
    return hashlib.sha256(b"zaigang/attempt/1\0" + what.encode()).digest()


def _make_room(conn: Connection, now_ms: int) -> None:
    conn.execute(sa.delete(ATTEMPT).where(ATTEMPT.c.at_ms <= now_ms - FORGET_MS))
    number = conn.execute(sa.select(sa.func.count()).select_from(ATTEMPT)).scalar_one()
    if number >= _NAMES_MAX:
        first = sa.select(ATTEMPT.c.key).order_by(ATTEMPT.c.tries, ATTEMPT.c.at_ms)
        conn.execute(sa.delete(ATTEMPT).where(ATTEMPT.c.key.in_(first.limit(_NAMES_MAX // 10))))
