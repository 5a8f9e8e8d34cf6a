"""Personal links: one person, one case, one use. No commits here.

Whoever has only the link has nothing: a code goes over the channel on which the company reaches this
person. The text of a link is given out once and kept as a hash; its secret belongs behind the `#` of
an address, where no server and no proxy logs it.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from zaigang_collector.access import secrets, sessions
from zaigang_collector.access.secrets import Secret
from zaigang_collector.access.tables import LINK
from zaigang_collector.db import Randomness

PREFIX: Final = "zglnk"
# A letter's deadline and a weekend. Larger lets old messages open something; smaller fails whoever
# was on leave (HR sends a new one).
LONGEST_MS: Final = 30 * 24 * 3_600_000
# Larger lets a code lie about; smaller fails where the channel is slow.
CODE_MS: Final = 10 * 60_000
# Larger is a way to pester somebody; smaller fails whoever deleted the first.
CODES_MOST: Final = 3
# Of one link, over all its codes. Larger: five of a million are guessed once in 200,000 stolen
# links; smaller fails whoever mistypes.
TRIES_MOST: Final = 5
_CODE_DIGITS: Final = 6
_CODE_BYTES: Final = 8  # so many that the remainder favours no code


@dataclass(frozen=True, slots=True)
class Leads:
    """Where a link leads."""

    employee_id: str
    case_id: str


@dataclass(frozen=True, slots=True, repr=False)
class Code:
    """What is to be sent, and to whom. Not kept."""

    employee_id: str
    code: str


def create(
    conn: Connection,
    leads: Leads,
    now_ms: int,
    expires_ms: int,
    randomness: Randomness,
) -> str:
    """A new link; the text is returned once and kept nowhere."""
    if not now_ms < expires_ms <= now_ms + LONGEST_MS:
        raise ValueError("a personal link ends within thirty days")
    made = secrets.new(PREFIX, randomness)
    conn.execute(
        sa.insert(LINK).values(
            id=made.id,
            secret_hash=made.hash,
            employee_id=leads.employee_id,
            case_id=leads.case_id,
            created_ms=now_ms,
            expires_ms=expires_ms,
            codes_sent=0,
            tries=0,
        )
    )
    return made.text


def send_code(conn: Connection, text: str, now_ms: int, randomness: Randomness) -> Code | None:
    """A code for who came by this link, to be sent over the channel; the one before ends. None: the
    link is unknown, used up, over, or had its three codes."""
    sent = secrets.read(PREFIX, text)
    row = None if sent is None else _open(conn, sent, now_ms)
    if sent is None or row is None or row.codes_sent >= CODES_MOST:
        return None
    number = int.from_bytes(randomness(_CODE_BYTES), "big") % 10**_CODE_DIGITS
    code = str(number).zfill(_CODE_DIGITS)
    values = {
        "code_hash": _code_hash(sent, code),
        "code_expires_ms": now_ms + CODE_MS,
        "codes_sent": row.codes_sent + 1,
    }
    conn.execute(sa.update(LINK).where(LINK.c.id == row.id).values(**values))
    return Code(row.employee_id, code)


def open_session(
    conn: Connection, text: str, code: str, now_ms: int, randomness: Randomness
) -> str | None:
    """The text of a session, for link and code; the link is used up. A wrong code counts against
    the link, and the fifth ends it. None: it does not fit, or is over."""
    sent = secrets.read(PREFIX, text)
    row = None if sent is None else _open(conn, sent, now_ms)
    if sent is None or row is None:
        return None
    fresh = row.code_hash is not None and now_ms < row.code_expires_ms
    if not fresh or not hmac.compare_digest(row.code_hash, _code_hash(sent, code.strip())):
        _count_try(conn, row, now_ms)
        return None
    _end(conn, LINK.c.id == row.id, now_ms)
    return sessions.start_by_link(conn, row.employee_id, row.case_id, now_ms, randomness)


def revoke_case(conn: Connection, case_id: str, now_ms: int) -> int:
    """End all links to a case and what was opened by them; returns how many links were open."""
    sessions.end_of_case(conn, case_id)
    return _end(conn, sa.and_(LINK.c.case_id == case_id, LINK.c.ended_ms.is_(None)), now_ms)


def forget(conn: Connection, employee_id: str) -> int:
    """Delete a person's links."""
    return conn.execute(sa.delete(LINK).where(LINK.c.employee_id == employee_id)).rowcount


def _open(conn: Connection, sent: Secret, now_ms: int) -> Row[Any] | None:
    query = sa.select(LINK).where(LINK.c.id == sent.id).with_for_update()
    row = conn.execute(query).one_or_none()
    if not sent.fits(None if row is None else row.secret_hash) or row is None:
        return None
    return row if row.ended_ms is None and now_ms < row.expires_ms else None


def _count_try(conn: Connection, row: Row[Any], now_ms: int) -> None:
    tries = row.tries + 1
    ended = now_ms if tries >= TRIES_MOST else None
    values = {"tries": tries, "ended_ms": ended}
    conn.execute(sa.update(LINK).where(LINK.c.id == row.id).values(**values))


def _end(conn: Connection, which: sa.ColumnElement[bool], now_ms: int) -> int:
    values = {"ended_ms": now_ms, "code_hash": None}
    return conn.execute(sa.update(LINK).where(which).values(**values)).rowcount


def _code_hash(link: Secret, code: str) -> bytes:
    # With the link's secret, which is not kept: six digits alone would be found by trying.
    return hmac.digest(link.secret.encode("ascii"), code.encode(), "sha256")
