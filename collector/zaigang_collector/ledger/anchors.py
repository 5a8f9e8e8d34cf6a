"""Anchors of the ledger: what others outside said about its checkpoints, and how asking goes. No
commits here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from zaigang_collector import db
from zaigang_collector.ledger.outside import Anchored, AnchorKind
from zaigang_collector.ledger.tables import ANCHOR, ANCHOR_STATE

# The first try after a failure. Larger loses an hour to a lost packet; smaller knocks at a door that
# has just been shut.
FIRST_RETRY_MS: Final = 60_000
# The longest pause. Larger leaves an authority that is back unused; smaller bothers one that is
# gone, and fills the log.
LAST_RETRY_MS: Final = 3_600_000
# When failing becomes something to act on. Larger leaves a day without an anchor before anybody
# looks; smaller calls somebody for an authority's nightly maintenance.
OVERDUE_MS: Final = 3 * 3_600_000
_MAX_ERROR: Final = 500


@dataclass(frozen=True, slots=True)
class Anchor:
    """Somebody outside saw the checkpoint of this size."""

    size: int
    kind: AnchorKind
    authority: str
    """Host of a time stamp authority, or name of a witness's key."""
    at_ms: int
    """When, UTC, as they say."""
    data: bytes
    """A TimeStampResp (DER) over the checkpoint's text, or a signature line for its note (UTF-8)."""
    obtained_ms: int
    """Collector UTC."""


@dataclass(frozen=True, slots=True)
class State:
    """How asking somebody outside goes. Times are collector UTC."""

    kind: AnchorKind
    authority: str
    last_try_ms: int
    last_error: str | None
    """Why the last try failed; None: it did not."""
    failures: int
    """In a row."""
    failing_since_ms: int | None
    next_ms: int


def anchors_of(conn: Connection, size: int) -> tuple[Anchor, ...]:
    """What is known of the checkpoint of this size."""
    query = (
        sa.select(ANCHOR).where(ANCHOR.c.size == size).order_by(ANCHOR.c.kind, ANCHOR.c.authority)
    )
    return tuple(_anchor(row) for row in conn.execute(query))


def newest(conn: Connection) -> Anchor | None:
    """The anchor of the largest size, time stamps first; None: nobody outside has seen anything."""
    query = sa.select(ANCHOR).order_by(ANCHOR.c.size.desc(), ANCHOR.c.kind, ANCHOR.c.authority)
    row = conn.execute(query.limit(1)).one_or_none()
    return None if row is None else _anchor(row)


def first_from(conn: Connection, size: int) -> Anchor | None:
    """The anchor of the smallest checkpoint that holds the first `size` entries: the earliest time
    at which somebody outside vouches for them."""
    query = (
        sa.select(ANCHOR)
        .where(ANCHOR.c.size >= size)
        .order_by(ANCHOR.c.size, ANCHOR.c.kind, ANCHOR.c.authority)
        .limit(1)
    )
    row = conn.execute(query).one_or_none()
    return None if row is None else _anchor(row)


def newest_size(conn: Connection, kind: AnchorKind, authority: str) -> int:
    """The largest size that somebody outside has seen; 0: none."""
    query = sa.select(sa.func.max(ANCHOR.c.size)).where(_is(ANCHOR, kind, authority))
    return int(conn.execute(query).scalar_one() or 0)


def states(conn: Connection) -> tuple[State, ...]:
    """How asking goes, for everybody who was ever asked."""
    query = sa.select(ANCHOR_STATE).order_by(ANCHOR_STATE.c.kind, ANCHOR_STATE.c.authority)
    return tuple(_state(row) for row in conn.execute(query))


def state_of(conn: Connection, kind: AnchorKind, authority: str) -> State | None:
    """How asking one of them goes; None: it was never asked."""
    query = sa.select(ANCHOR_STATE).where(_is(ANCHOR_STATE, kind, authority))
    row = conn.execute(query).one_or_none()
    return None if row is None else _state(row)


def overdue(conn: Connection, now_ms: int) -> tuple[State, ...]:
    """Those who have been failing for so long that somebody has to look."""
    return tuple(
        one
        for one in states(conn)
        if one.failing_since_ms is not None and now_ms - one.failing_since_ms >= OVERDUE_MS
    )


def record(
    conn: Connection,
    size: int,
    kind: AnchorKind,
    authority: str,
    anchored: Anchored,
    now_ms: int,
    next_ms: int,
) -> None:
    """Keep an anchor; the first one of a size stays."""
    row = {
        "size": size,
        "kind": kind.value,
        "authority": authority,
        "at_ms": anchored.at_ms,
        "data": anchored.data,
        "obtained_ms": now_ms,
    }
    db.insert_ignore(conn, ANCHOR, [row])
    _put(conn, State(kind, authority, now_ms, None, 0, None, next_ms))


def record_failure(
    conn: Connection, kind: AnchorKind, authority: str, error: str, now_ms: int
) -> State:
    """Note that asking failed, and when to try again."""
    before = state_of(conn, kind, authority)
    failures = 1 if before is None else before.failures + 1
    since = None if before is None else before.failing_since_ms
    after = State(
        kind,
        authority,
        now_ms,
        error[:_MAX_ERROR],
        failures,
        now_ms if since is None else since,
        now_ms + pause_ms(failures),
    )
    _put(conn, after)
    return after


def pause_ms(failures: int) -> int:
    """How long to wait after so many failures in a row."""
    # The exponent is bounded first: after a month of failures 2 ** n would fill the memory.
    return min(FIRST_RETRY_MS << min(failures - 1, 16), LAST_RETRY_MS)


def _is(table: sa.Table, kind: AnchorKind, authority: str) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.kind == kind.value, table.c.authority == authority)


def _put(conn: Connection, state: State) -> None:
    row = {
        "kind": state.kind.value,
        "authority": state.authority,
        "last_try_ms": state.last_try_ms,
        "last_error": state.last_error,
        "failures": state.failures,
        "failing_since_ms": state.failing_since_ms,
        "next_ms": state.next_ms,
    }
    db.upsert(conn, ANCHOR_STATE, [row])


def _anchor(row: Row[Any]) -> Anchor:
    return Anchor(
        row.size, AnchorKind(row.kind), row.authority, row.at_ms, row.data, row.obtained_ms
    )


def _state(row: Row[Any]) -> State:
    return State(
        AnchorKind(row.kind),
        row.authority,
        row.last_try_ms,
        row.last_error,
        row.failures,
        row.failing_since_ms,
        row.next_ms,
    )
