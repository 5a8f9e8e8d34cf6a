"""How far each source was read, and how it is. No commits here. Times are UTC ms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from zaigang_collector import db
from zaigang_collector.connectors.contract import Kind, Plan
from zaigang_collector.connectors.errors import ConnectorError, Reason
from zaigang_collector.connectors.tables import ODDITY, STATE

_MINUTE_MS: Final = 60_000
_HOUR_MS: Final = 60 * _MINUTE_MS
# After a failure that may pass: 2 minutes, 4, 8, … up to the kind's own turn. Larger finds a source
# that is well again later; smaller uses up the month's calls on one that is not.
_RETRY_MS: Final = 2 * _MINUTE_MS
# Some refusals end by the clock or by somebody's hand. A ban lasts 5 minutes: asking within it
# begins it anew. A month's calls come back at midnight of its first day, and somebody may buy more.
_WAIT_MS: Final = {
    Reason.BANNED: 6 * _MINUTE_MS,
    Reason.QUOTA: 6 * _HOUR_MS,
    Reason.CREDENTIALS: 15 * _MINUTE_MS,
    Reason.SECRET: 15 * _MINUTE_MS,
    Reason.ADDRESS: 15 * _MINUTE_MS,
    Reason.PERMISSION: 15 * _MINUTE_MS,
}
# A pass may be late by this much before a source is called silent. Larger tells it later; smaller
# calls a source silent whose pass is long.
LATE_MS: Final = 30 * _MINUTE_MS
# Between two questions for a kind when its system calls all the time, as at nine in the morning.
# Larger shows a punch later; smaller uses up the month's calls (DingTalk's free ones are 10,000).
WAKE_MS: Final = 10 * _MINUTE_MS


@dataclass(frozen=True, slots=True)
class State:
    """One kind of one source."""

    source: str
    kind: Kind
    through_ms: int | None
    last_success_ms: int | None
    next_ms: int
    failures: int
    failing_since_ms: int | None
    reason: Reason | None
    code: str
    permission: str


@dataclass(frozen=True, slots=True)
class Silence:
    """That nothing has come of a source, where something was due."""

    source: str
    kind: Kind
    since_ms: int | None
    """When it was last read without a fault; None: never."""
    reason: Reason | None
    """None: nobody asked it."""
    code: str = ""
    permission: str = ""


def get(conn: Connection, source: str, kind: Kind) -> State | None:
    """None: it was never asked."""
    query = sa.select(STATE).where(STATE.c.source == source, STATE.c.kind == kind.value)
    row = conn.execute(query).one_or_none()
    return None if row is None else _state(row)


def list_all(conn: Connection) -> tuple[State, ...]:
    """All that was ever asked, by source and kind."""
    query = sa.select(STATE).order_by(STATE.c.source, STATE.c.kind)
    return tuple(_state(row) for row in conn.execute(query))


def is_due(state: State | None, now_ms: int) -> bool:
    """Whether it is to be asked now."""
    return state is None or now_ms >= state.next_ms


def succeeded(
    conn: Connection, source: str, kind: Kind, through_ms: int, plan: Plan, now_ms: int
) -> None:
    """Everything before `through_ms` was read."""
    _put(
        conn,
        source,
        kind,
        {
            "through_ms": through_ms,
            "last_success_ms": now_ms,
            "last_try_ms": now_ms,
            "next_ms": now_ms + plan.every_ms,
            "failures": 0,
            "failing_since_ms": None,
            "reason": None,
            "code": "",
            "permission": "",
        },
    )


def wake(conn: Connection, source: str, kind: Kind, now_ms: int) -> bool:
    """Let a kind be asked for soon, because something happened there; returns whether it will be
    asked earlier than it would have been. One that fails keeps its pause."""
    found = get(conn, source, kind)
    if found is None or found.reason is not None or found.last_success_ms is None:
        return False
    next_ms = max(now_ms, found.last_success_ms + WAKE_MS)
    if next_ms >= found.next_ms:
        return False
    which = sa.and_(STATE.c.source == source, STATE.c.kind == kind.value)
    conn.execute(sa.update(STATE).where(which).values(next_ms=next_ms))
    return True


def failed(
    conn: Connection, source: str, kind: Kind, error: ConnectorError, plan: Plan, now_ms: int
) -> None:
    """It was asked and did not answer, or not to the end. Nothing that was read is read for good."""
    before = get(conn, source, kind)
    failures = 1 if before is None else before.failures + 1
    since_ms = now_ms if before is None else before.failing_since_ms or now_ms
    _put(
        conn,
        source,
        kind,
        {
            "through_ms": None if before is None else before.through_ms,
            "last_success_ms": None if before is None else before.last_success_ms,
            "last_try_ms": now_ms,
            "next_ms": now_ms + wait_ms(error.reason, failures, plan),
            "failures": failures,
            "failing_since_ms": since_ms,
            "reason": error.reason.value,
            "code": error.code,
            "permission": error.permission,
        },
    )


def wait_ms(reason: Reason, failures: int, plan: Plan) -> int:
    """How long to leave a source alone after so many failures in a row."""
    if reason in _WAIT_MS:
        return _WAIT_MS[reason]
    doubled = _RETRY_MS * 2 ** min(failures - 1, 12)
    return int(min(doubled, max(plan.every_ms, _RETRY_MS)))


def silent_since(
    conn: Connection, source: str, at_ms: int, kind: Kind = Kind.PUNCHES
) -> Silence | None:
    """Since when nothing comes of a source at `at_ms`; None: it is heard, or is none of ours.

    What is punched in a silence is read when it ends. Until then that no clock-in is here says
    nothing of anybody.
    """
    state = get(conn, source, kind)
    return None if state is None else silence_of(state, at_ms)


def silence_of(state: State, at_ms: int) -> Silence | None:
    """The same of a state that was read already."""
    since = state.last_success_ms
    if state.reason is not None:
        return Silence(state.source, state.kind, since, state.reason, state.code, state.permission)
    if at_ms > state.next_ms + LATE_MS:
        return Silence(state.source, state.kind, since, None)
    return None


def note_oddity(conn: Connection, source: str, what: str, now_ms: int) -> bool:
    """Note something odd; True: it is new."""
    what = what[:120]
    key = sa.and_(ODDITY.c.source == source, ODDITY.c.what == what)
    if conn.execute(sa.update(ODDITY).where(key).values(last_ms=now_ms)).rowcount:
        return False
    fresh = {"source": source, "what": what, "first_ms": now_ms, "last_ms": now_ms}
    conn.execute(sa.insert(ODDITY).values(**fresh))
    return True


def oddities(conn: Connection, source: str) -> tuple[tuple[str, int], ...]:
    """What was odd, and when last; the newest first."""
    query = (
        sa.select(ODDITY.c.what, ODDITY.c.last_ms)
        .where(ODDITY.c.source == source)
        .order_by(ODDITY.c.last_ms.desc(), ODDITY.c.what)
    )
    return tuple((row.what, row.last_ms) for row in conn.execute(query))


def _put(conn: Connection, source: str, kind: Kind, values: dict[str, Any]) -> None:
    db.upsert(conn, STATE, [{"source": source, "kind": kind.value, **values}])


def _state(row: Row[Any]) -> State:
    return State(
        source=row.source,
        kind=Kind(row.kind),
        through_ms=row.through_ms,
        last_success_ms=row.last_success_ms,
        next_ms=row.next_ms,
        failures=row.failures,
        failing_since_ms=row.failing_since_ms,
        reason=None if row.reason is None else Reason(row.reason),
        code=row.code,
        permission=row.permission,
    )
