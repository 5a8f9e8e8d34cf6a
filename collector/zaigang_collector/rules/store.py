"""Alerts in the database: where each stands, and all that happened to it. No commits here.

Each event is an entry of the ledger; what it says about a person is sealed under their key.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection, Row

from zaigang_collector import db
from zaigang_collector.assessment.body import canonical
from zaigang_collector.db import Randomness
from zaigang_collector.errors import ConflictError, UnknownIdError
from zaigang_collector.ledger import service as ledger
from zaigang_collector.matching.model import Text
from zaigang_collector.rules.deciding import Move, together_key
from zaigang_collector.rules.model import Alert, Content, Happened, Severity, State
from zaigang_collector.rules.tables import ALERT, ALERT_EVENT
from zaigang_collector.vault.model import person
from zaigang_collector.vault.service import Vault
from zaigang_shared.prime import prime

PROGRAM: Final = "zaigang"
"""Who raises and withdraws."""
UPHELD: Final = "upheld"
OVERTURNED: Final = "overturned"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which alerts to list; None: any."""

    employee_id: str | None = None
    site_id: str | None = None
    rule_id: str | None = None
    state: State | None = None
    infrastructure: bool | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to an alert."""

    id: int
    at_ms: int
    happened: Happened
    by: str
    why: Text
    content: Content | None


prime(Content)


def apply(conn: Connection, vault: Vault, move: Move, now_ms: int, randomness: Randomness) -> None:
    """Do what was decided."""
    pen = _Pen(conn, vault, now_ms, randomness)
    row = _row(conn, move.alert_id)
    if move.content is None:
        assert row is not None  # noqa: S101  # only what stands is withdrawn
        _happen(pen, row.id, row.employee_id, _Said(move.happened, PROGRAM, move.why))
        _set(conn, row.id, State.WITHDRAWN, now_ms)
        return
    fields = _fields(move)
    said = _Said(move.happened, PROGRAM, move.why, move.content)
    event_id = _happen(pen, move.alert_id, fields["employee_id"], said)
    raised_ms = now_ms if move.happened is Happened.RAISED or row is None else row.raised_ms
    values = fields | {
        "id": move.alert_id,
        "state": State.RAISED.value,
        "raised_ms": raised_ms,
        "changed_ms": now_ms,
        "event_id": event_id,
    }
    db.upsert(conn, ALERT, [values])


def dismiss(
    conn: Connection,
    vault: Vault,
    alert_id: str,
    by: str,
    why: str,
    now_ms: int,
    randomness: Randomness,
) -> Alert:
    """A person looked and sees nothing in it: it is not raised again. Raises UnknownIdError, and
    ConflictError for one that is not raised, or without a reason."""
    row = _known(conn, alert_id)
    if not why.strip():
        raise ConflictError("a reason is needed: the person concerned can read it")
    if row.state != State.RAISED:
        raise ConflictError(f"{alert_id} is {row.state}; only a raised alert can be dismissed")
    said = Text(why.strip(), why.strip())
    pen = _Pen(conn, vault, now_ms, randomness)
    _happen(pen, alert_id, row.employee_id, _Said(Happened.DISMISSED, by, said))
    conn.execute(
        sa.update(ALERT)
        .where(ALERT.c.id == alert_id)
        .values(state=State.DISMISSED.value, changed_ms=now_ms, conclusion=OVERTURNED)
    )
    return get(conn, vault, alert_id)


def conclude(
    conn: Connection,
    vault: Vault,
    alert_id: str,
    by: str,
    why: str,
    now_ms: int,
    randomness: Randomness,
    *,
    upheld: bool,
) -> None:
    """What the case that it led to came to: for the rule's overturn rate. Raises UnknownIdError."""
    row = _known(conn, alert_id)
    said = Text(why, why)
    pen = _Pen(conn, vault, now_ms, randomness)
    _happen(pen, alert_id, row.employee_id, _Said(Happened.CONCLUDED, by, said, upheld=upheld))
    conclusion = UPHELD if upheld else OVERTURNED
    which = sa.update(ALERT).where(ALERT.c.id == alert_id)
    conn.execute(which.values(conclusion=conclusion, changed_ms=now_ms))


def standing(conn: Connection, vault: Vault, names: Collection[str]) -> dict[str, Alert]:
    """All that are raised, and of `names` those that ever were."""
    found = {
        one.id: one
        for one in _opened(conn, vault, sa.select(ALERT).where(ALERT.c.state == State.RAISED))
    }
    for some in db.portions(sorted(names)):
        query = sa.select(ALERT).where(ALERT.c.id.in_(some), ALERT.c.state != State.RAISED)
        found |= {one.id: one for one in _opened(conn, vault, query)}
    return found


def raised_spans(conn: Connection) -> tuple[tuple[str, int, int], ...]:
    """(person, from, to) of all raised alerts about somebody (UTC ms)."""
    query = sa.select(ALERT.c.employee_id, ALERT.c.start_ms, ALERT.c.end_ms).where(
        ALERT.c.state == State.RAISED, ALERT.c.employee_id.is_not(None)
    )
    return tuple(sorted({(row[0], row[1], row[2]) for row in conn.execute(query)}))


def get(conn: Connection, vault: Vault, alert_id: str) -> Alert:
    """Raises UnknownIdError."""
    found = _opened(conn, vault, sa.select(ALERT).where(ALERT.c.id == alert_id))
    if not found:
        raise UnknownIdError("alert", alert_id)
    return found[0]


def is_known(conn: Connection, alert_id: str) -> bool:
    """Whether there is, or was, such an alert that is still held."""
    return _row(conn, alert_id) is not None


def list_page(
    conn: Connection, vault: Vault, wanted: Filter, after: tuple[int, str] | None, limit: int
) -> tuple[Alert, ...]:
    """In order of (raised_ms, id), after that pair."""
    query = sa.select(ALERT)
    for column, value in (
        (ALERT.c.employee_id, wanted.employee_id),
        (ALERT.c.site_id, wanted.site_id),
        (ALERT.c.rule_id, wanted.rule_id),
        (ALERT.c.state, wanted.state),
    ):
        if value is not None:
            query = query.where(column == value)
    if wanted.infrastructure is not None:
        is_null = ALERT.c.employee_id.is_(None)
        query = query.where(is_null if wanted.infrastructure else sa.not_(is_null))
    if after is not None:
        at = sa.and_(ALERT.c.raised_ms == after[0], ALERT.c.id > after[1])
        query = query.where(sa.or_(ALERT.c.raised_ms > after[0], at))
    return _opened(conn, vault, query.order_by(ALERT.c.raised_ms, ALERT.c.id).limit(limit))


def history(conn: Connection, vault: Vault, alert_id: str) -> tuple[Event, ...]:
    """All that happened to it, the earliest first."""
    query = sa.select(ALERT_EVENT).where(ALERT_EVENT.c.alert_id == alert_id)
    rows = conn.execute(query.order_by(ALERT_EVENT.c.id)).all()
    return tuple(
        event_of(row.id, body) for row, body in _bodies(conn, vault, rows) if body is not None
    )


def event_of(event_id: int, body: bytes) -> Event:
    """What a body says."""
    said = json.loads(body)
    content = said["content"]
    return Event(
        event_id,
        said["at"],
        Happened(said["event"]),
        said["by"],
        Text(**said["why"]),
        None if content is None else msgspec.convert(content, Content),
    )


@dataclass(frozen=True, slots=True)
class Counts:
    """How a rule's alerts ended since it was last switched."""

    raised: int
    withdrawn: int
    upheld: int
    overturned: int

    @property
    def concluded(self) -> int:
        return self.upheld + self.overturned

    @property
    def overturned_share(self) -> float | None:
        return self.overturned / self.concluded if self.concluded else None


def counts(conn: Connection, rule_id: str, since_ms: int) -> Counts:
    """Of alerts about somebody that were raised since (UTC ms)."""
    query = (
        sa.select(ALERT.c.state, ALERT.c.conclusion, sa.func.count())
        .where(
            ALERT.c.rule_id == rule_id,
            ALERT.c.employee_id.is_not(None),
            ALERT.c.raised_ms >= since_ms,
        )
        .group_by(ALERT.c.state, ALERT.c.conclusion)
    )
    found = [(row[0], row[1], int(row[2])) for row in conn.execute(query)]
    return Counts(
        raised=sum(number for _, _, number in found),
        withdrawn=sum(number for state, _, number in found if state == State.WITHDRAWN),
        upheld=sum(number for _, said, number in found if said == UPHELD),
        overturned=sum(number for _, said, number in found if said == OVERTURNED),
    )


def _fields(move: Move) -> dict[str, Any]:
    assert move.rule is not None  # noqa: S101  # what has a content has a rule
    shared = {"rule_id": move.rule.id, "severity": move.rule.severity.value}
    if move.subject is not None:
        one = move.subject
        return shared | {
            "employee_id": one.employee_id,
            "site_id": one.site_id,
            "day": one.day,
            "subject": one.key,
            "start_ms": one.start_ms,
            "end_ms": one.end_ms,
        }
    assert move.together is not None  # noqa: S101  # a content is about somebody, or about many
    many = move.together
    return shared | {
        "employee_id": None,
        "site_id": many.site_id,
        "day": many.day,
        "subject": together_key(many),
        "start_ms": 0,
        "end_ms": 0,
    }


@dataclass(frozen=True, slots=True)
class _Pen:
    """With what is written."""

    conn: Connection
    vault: Vault
    now_ms: int
    randomness: Randomness


@dataclass(frozen=True, slots=True)
class _Said:
    """What is written."""

    happened: Happened
    by: str
    why: Text
    content: Content | None = None
    upheld: bool | None = None


def _happen(pen: _Pen, alert_id: str, employee_id: str | None, said: _Said) -> int:
    fields = {
        "v": 1,
        "event": said.happened.value,
        "alert": alert_id,
        "person": employee_id,
        "at": pen.now_ms,
        "by": said.by,
        "why": msgspec.to_builtins(said.why),
        "upheld": said.upheld,
        "content": None if said.content is None else msgspec.to_builtins(said.content),
    }
    body, conn = canonical(fields), pen.conn
    statement = sa.insert(ALERT_EVENT).values(
        at_ms=pen.now_ms,
        alert_id=alert_id,
        kind=said.happened.value,
        employee_id=employee_id,
        body=body if employee_id is None else None,
    )
    event_id = int(conn.execute(statement.returning(ALERT_EVENT.c.id)).scalar_one())
    if employee_id is not None:  # only now it has the number that is its place
        context = context_of(event_id)
        sealed = pen.vault.seal(conn, person(employee_id), body, context, pen.now_ms)
        conn.execute(sa.update(ALERT_EVENT).where(ALERT_EVENT.c.id == event_id).values(body=sealed))
    ledger.append(
        conn,
        ledger.EntryType.ALERT_EVENT,
        pen.now_ms,
        hashlib.sha256(body).digest(),
        pen.randomness(ledger.SALT_BYTES),
        str(event_id),
    )
    return event_id


def _set(conn: Connection, alert_id: str, state: State, now_ms: int) -> None:
    which = sa.update(ALERT).where(ALERT.c.id == alert_id)
    conn.execute(which.values(state=state.value, changed_ms=now_ms))


def _row(conn: Connection, alert_id: str) -> Row[Any] | None:
    return conn.execute(sa.select(ALERT).where(ALERT.c.id == alert_id)).one_or_none()


def _known(conn: Connection, alert_id: str) -> Row[Any]:
    row = _row(conn, alert_id)
    if row is None:
        raise UnknownIdError("alert", alert_id)
    return row


def _opened(conn: Connection, vault: Vault, query: sa.Select[Any]) -> tuple[Alert, ...]:
    rows = conn.execute(query).all()
    contents: dict[int, Content] = {}
    for some in db.portions([str(row.event_id) for row in rows]):
        which = sa.select(ALERT_EVENT).where(ALERT_EVENT.c.id.in_([int(one) for one in some]))
        for row, body in _bodies(conn, vault, conn.execute(which).all()):
            if body is not None and (content := event_of(row.id, body).content) is not None:
                contents[row.id] = content
    return tuple(_alert(row, contents[row.event_id]) for row in rows if row.event_id in contents)


def _bodies(
    conn: Connection, vault: Vault, rows: Sequence[Row[Any]]
) -> Iterator[tuple[Row[Any], bytes | None]]:
    sealed = [(row.body, context_of(row.id)) for row in rows if row.employee_id is not None]
    opened = iter(vault.open_many(conn, sealed))
    for row in rows:
        yield row, (row.body if row.employee_id is None else next(opened))


def context_of(event_id: int) -> bytes:
    """Where the body of a person's event stands, for the vault."""
    return f"alert-event/{event_id}".encode()


def _alert(row: Row[Any], content: Content) -> Alert:
    values: Mapping[str, Any] = dict(row._mapping)
    kept = {name: values[name] for name in values if name not in ("conclusion", "event_id")}
    kept |= {"severity": Severity(row.severity), "state": State(row.state), "content": content}
    return Alert(**kept)
