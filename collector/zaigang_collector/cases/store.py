"""Cases in the database: steps are added and never changed. No commits here."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from zaigang_collector import db
from zaigang_collector.cases import bodies, replay
from zaigang_collector.cases.bodies import Clue, Written
from zaigang_collector.cases.model import CLOSED, Ref, RefKind, Standing, State, Step
from zaigang_collector.cases.policy import Policy, restored
from zaigang_collector.cases.tables import ATTACHMENT, CASE, CLUE, LINK, STEP
from zaigang_collector.db import Randomness
from zaigang_collector.errors import UnknownIdError
from zaigang_collector.ledger import service as ledger
from zaigang_collector.vault.model import person
from zaigang_collector.vault.service import Vault

_ID_BYTES: Final = 10


@dataclass(frozen=True, slots=True)
class Loaded:
    """A case with all its steps."""

    id: str
    standing: Standing
    steps: tuple[Written, ...]
    policy: Policy
    """Under which it was opened."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A case as lists show it."""

    id: str
    employee_id: str
    state: State
    opened_ms: int
    opened_by: str
    due_ms: int | None
    closed_ms: int | None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which cases to list; None: any."""

    employee_id: str | None = None
    state: State | None = None
    is_open: bool | None = None
    among: Collection[str] | None = None
    """Of nobody but these people."""


def new_id(prefix: str, randomness: Randomness) -> str:
    """An id that nobody can guess."""
    return prefix + base64.b32encode(randomness(_ID_BYTES)).decode("ascii").lower()


def create(conn: Connection, vault: Vault, first: Written, randomness: Randomness) -> None:
    """A new case with its first step."""
    step = first.step
    row = {
        "id": first.case_id,
        "employee_id": first.employee_id,
        "state": State.OPENED.value,
        "steps": 0,
        "opened_ms": step.at_ms,
        "opened_by": step.actor.id,
    }
    conn.execute(sa.insert(CASE).values(**row))
    add(conn, vault, replay.replayed(first.employee_id, [step]), first, randomness)


def add(
    conn: Connection, vault: Vault, standing: Standing, written: Written, randomness: Randomness
) -> None:
    """Keep one more step; `standing` is the case after it. Whoever comes second with the same
    number fails, by the primary key."""
    step, body, ref = written.step, bodies.encode(written), step_ref(written)
    sealed = vault.seal(conn, person(written.employee_id), body, step_context(ref), step.at_ms)
    conn.execute(
        sa.insert(STEP).values(
            case_id=written.case_id, number=step.number, at_ms=step.at_ms, body=sealed
        )
    )
    conn.execute(sa.update(CASE).where(CASE.c.id == written.case_id).values(**columns(standing)))
    if not step.refused:
        links = [
            {"case_id": written.case_id, "kind": one.kind.value, "ref": one.id}
            for one in step.given.refs
        ]
        db.insert_ignore(conn, LINK, links)
    _append(conn, body, ref, step.at_ms, randomness)
    if written.checkpoint is not None:
        ledger.pin(conn, written.checkpoint[0])  # somebody outside will hold it


def columns(standing: Standing) -> dict[str, Any]:
    """What a case's row says of its steps."""
    return {
        "state": standing.state.value,
        "steps": standing.steps,
        "due_ms": standing.due_ms,
        "closed_ms": standing.closed_ms,
    }


def load(conn: Connection, vault: Vault, case_id: str, *, lock: bool = False) -> Loaded:
    """A case; with `lock` nobody else adds a step meanwhile. Raises UnknownIdError, also for what
    was forgotten."""
    query = sa.select(CASE).where(CASE.c.id == case_id)
    row = conn.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise UnknownIdError("case", case_id)
    steps = _steps(conn, vault, case_id)
    if not steps or steps[0].policy is None:
        raise UnknownIdError("case", case_id)
    standing = replay.replayed(row.employee_id, (one.step for one in steps))
    return Loaded(case_id, standing, tuple(steps), restored(steps[0].policy))


def list_page(
    conn: Connection, wanted: Filter, after: tuple[int, str] | None, limit: int
) -> tuple[Listed, ...]:
    """The newest first, from after (opened_ms, id)."""
    query = sa.select(CASE)
    if wanted.employee_id is not None:
        query = query.where(CASE.c.employee_id == wanted.employee_id)
    if wanted.among is not None:
        query = query.where(CASE.c.employee_id.in_(sorted(wanted.among)))
    if wanted.state is not None:
        query = query.where(CASE.c.state == wanted.state.value)
    if wanted.is_open is not None:
        query = query.where(CASE.c.closed_ms.is_(None) == wanted.is_open)
    if after is not None:
        place = sa.tuple_(CASE.c.opened_ms, CASE.c.id)
        query = query.where(place < sa.tuple_(sa.literal(after[0]), sa.literal(after[1])))
    query = query.order_by(CASE.c.opened_ms.desc(), CASE.c.id.desc()).limit(limit)
    return tuple(_row(row) for row in conn.execute(query))


def open_ids(conn: Connection, among: Collection[State]) -> tuple[str, ...]:
    """Cases in one of these states, the oldest first."""
    query = (
        sa.select(CASE.c.id)
        .where(CASE.c.state.in_(sorted(one.value for one in among)))
        .order_by(CASE.c.opened_ms, CASE.c.id)
    )
    return tuple(conn.scalars(query))


def people_with_open_cases(conn: Connection) -> frozenset[str]:
    """About whom there is a case that is not closed, by employee id."""
    return frozenset(conn.scalars(sa.select(CASE.c.employee_id).where(CASE.c.closed_ms.is_(None))))


def cases_of(conn: Connection, ref: Ref, *, open_only: bool = False) -> tuple[str, ...]:
    """In which cases something is looked into."""
    query = (
        sa.select(LINK.c.case_id)
        .join(CASE, CASE.c.id == LINK.c.case_id)
        .where(LINK.c.kind == ref.kind.value, LINK.c.ref == ref.id)
        .order_by(CASE.c.opened_ms, CASE.c.id)
    )
    if open_only:
        query = query.where(CASE.c.state.not_in(sorted(one.value for one in CLOSED)))
    return tuple(conn.scalars(query))


def open_alerts(conn: Connection) -> tuple[Ref, ...]:
    """All that are looked into in a case that is not closed."""
    query = (
        sa.select(LINK.c.ref)
        .join(CASE, CASE.c.id == LINK.c.case_id)
        .where(LINK.c.kind == RefKind.ALERT.value, CASE.c.closed_ms.is_(None))
        .distinct()
        .order_by(LINK.c.ref)
    )
    return tuple(Ref(RefKind.ALERT, one) for one in conn.scalars(query))


def attachment_hashes(conn: Connection, case_id: str, ids: Iterable[str]) -> dict[str, bytes]:
    """SHA-256 by id. Raises UnknownIdError for one that is not this case's."""
    wanted = list(ids)
    query = sa.select(ATTACHMENT.c.id, ATTACHMENT.c.sha256).where(
        ATTACHMENT.c.case_id == case_id, ATTACHMENT.c.id.in_(wanted)
    )
    found = {row.id: bytes(row.sha256) for row in conn.execute(query)}
    for one in wanted:
        if one not in found:
            raise UnknownIdError("attachment", one)
    return found


def put_clue(conn: Connection, vault: Vault, clue: Clue, randomness: Randomness) -> None:
    """Keep a clue, sealed under the key of the person whom it is about."""
    body = clue.encode()
    sealed = vault.seal(conn, person(clue.employee_id), body, clue_context(clue.id), clue.at_ms)
    conn.execute(
        sa.insert(CLUE).values(
            id=clue.id, employee_id=clue.employee_id, at_ms=clue.at_ms, body=sealed
        )
    )
    _append(conn, body, clue.id, clue.at_ms, randomness)


def get_clue(conn: Connection, vault: Vault, clue_id: str) -> Clue:
    """Raises UnknownIdError, also for what was forgotten."""
    row = conn.execute(sa.select(CLUE).where(CLUE.c.id == clue_id)).one_or_none()
    if row is None:
        raise UnknownIdError("clue", clue_id)
    (body,) = vault.open_many(conn, [(row.body, clue_context(clue_id))])
    if body is None:
        raise UnknownIdError("clue", clue_id)
    return bodies.decode_clue(body)


def clues(
    conn: Connection, employee_id: str | None, limit: int
) -> tuple[tuple[str, str, int], ...]:
    """(id, employee id, UTC ms) of clues, the newest first."""
    query = sa.select(CLUE.c.id, CLUE.c.employee_id, CLUE.c.at_ms)
    if employee_id is not None:
        query = query.where(CLUE.c.employee_id == employee_id)
    query = query.order_by(CLUE.c.at_ms.desc(), CLUE.c.id.desc()).limit(limit)
    return tuple((row.id, row.employee_id, row.at_ms) for row in conn.execute(query))


def step_ref(written: Written) -> str:
    """How the ledger refers to a step."""
    return f"{written.case_id}/{written.step.number}"


def step_context(ref: str) -> bytes:
    """The place for which a step is sealed."""
    return f"case-step/{ref}".encode()


def clue_context(clue_id: str) -> bytes:
    """The place for which a clue is sealed."""
    return f"case-clue/{clue_id}".encode()


def _steps(conn: Connection, vault: Vault, case_id: str) -> list[Written]:
    rows = conn.execute(
        sa.select(STEP).where(STEP.c.case_id == case_id).order_by(STEP.c.number)
    ).all()
    places = [(row.body, step_context(f"{case_id}/{row.number}")) for row in rows]
    opened = vault.open_many(conn, places)
    return [bodies.decode(body) for body in opened if body is not None]


def _append(conn: Connection, body: bytes, ref: str, at_ms: int, randomness: Randomness) -> None:
    ledger.append(
        conn,
        ledger.EntryType.CASE_EVENT,
        at_ms,
        hashlib.sha256(body).digest(),
        randomness(ledger.SALT_BYTES),
        ref,
    )


def _row(row: Row[Any]) -> Listed:
    return Listed(
        row.id,
        row.employee_id,
        State(row.state),
        row.opened_ms,
        row.opened_by,
        row.due_ms,
        row.closed_ms,
    )


def steps_of(loaded: Loaded) -> tuple[Step, ...]:
    """The steps alone."""
    return tuple(one.step for one in loaded.steps)
