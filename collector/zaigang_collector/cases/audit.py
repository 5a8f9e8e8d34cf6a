"""Steps, clues and files of cases, as the ledger has them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from zaigang_collector.cases import bodies, replay, store
from zaigang_collector.cases.attachments import body_context
from zaigang_collector.cases.bodies import Written
from zaigang_collector.cases.tables import ATTACHMENT, CASE, CLUE, LINK, STEP
from zaigang_collector.ledger.audit import Body, Finding, pages
from zaigang_collector.ledger.model import EntryType
from zaigang_collector.vault.audit import opened
from zaigang_collector.vault.service import Vault
from zaigang_shared.errors import WireError


def steps(conn: Connection, vault: Vault) -> Iterator[Body | Finding]:
    """Each step as a body; each case as its steps have it; its files as the steps say; clues."""
    for row in conn.execute(sa.select(CASE).order_by(CASE.c.id)).all():
        yield from _case(conn, vault, row)
    for rows in pages(conn, CLUE):
        sealed = [(row.body, store.clue_context(row.id)) for row in rows]
        for row, body in zip(rows, opened(conn, vault, sealed), strict=True):
            yield from _clue(row, body)


def known_steps(conn: Connection, refs: Sequence[str]) -> set[str]:
    """Which of these are stored."""
    cases = sorted({ref.partition("/")[0] for ref in refs})
    found = {
        f"{row.case_id}/{row.number}"
        for row in conn.execute(
            sa.select(STEP.c.case_id, STEP.c.number).where(STEP.c.case_id.in_(cases))
        )
    }
    return found | set(conn.scalars(sa.select(CLUE.c.id).where(CLUE.c.id.in_(sorted(refs)))))


def _case(conn: Connection, vault: Vault, case: Row[*tuple[Any, ...]]) -> Iterator[Body | Finding]:
    rows = conn.execute(
        sa.select(STEP).where(STEP.c.case_id == case.id).order_by(STEP.c.number)
    ).all()
    sealed = [(row.body, store.step_context(f"{case.id}/{row.number}")) for row in rows]
    said: list[Written] = []
    for row, body in zip(rows, opened(conn, vault, sealed), strict=True):
        ref = f"{case.id}/{row.number}"
        if isinstance(body, str):
            yield Finding(f"case_event {ref}", body)
            return
        if body is None:  # its key was destroyed, and its row with it, but for a moment
            return
        yield Body(EntryType.CASE_EVENT, ref, row.at_ms, hashlib.sha256(body).digest())
        try:
            said.append(bodies.decode(body))
        except (WireError, KeyError, TypeError, ValueError):
            yield Finding(f"case_event {ref}", "is not a step of a case any more")
            return
    yield from _against_row(case, said)
    yield from _links(conn, case.id, said)
    yield from _files(conn, vault, case, said)


def _against_row(case: Row[*tuple[Any, ...]], said: Sequence[Written]) -> Iterator[Finding]:
    record = f"case {case.id}"
    if [one.step.number for one in said] != list(range(1, len(said) + 1)) or not said:
        yield Finding(record, "has steps missing")
        return
    try:
        standing = replay.replayed(case.employee_id, (one.step for one in said))
    except KeyError:
        yield Finding(record, "has a step that its state does not allow")
        return
    told: dict[str, Any] = store.columns(standing)
    told |= {"opened_ms": standing.opened_ms, "opened_by": standing.opened_by}
    told["employee_id"] = said[0].employee_id
    for name, value in told.items():
        if getattr(case, name) != value:
            yield Finding(record, f"{name} is {value!r} by its steps, the column is another")


def _links(conn: Connection, case_id: str, said: Sequence[Written]) -> Iterator[Finding]:
    query = sa.select(LINK.c.kind, LINK.c.ref).where(LINK.c.case_id == case_id)
    held = {(row.kind, row.ref) for row in conn.execute(query)}
    told = {
        (ref.kind.value, ref.id)
        for one in said
        if not one.step.refused
        for ref in one.step.given.refs
    }
    for kind, ref in sorted(held ^ told):
        what = "was unlinked" if (kind, ref) in told else "was linked"
        yield Finding(f"case {case_id}", f"{kind} {ref} {what} off the record")


def _files(
    conn: Connection, vault: Vault, case: Row[*tuple[Any, ...]], said: Sequence[Written]
) -> Iterator[Finding]:
    told: dict[str, bytes] = {}
    for one in said:
        told |= _named(one.files)
    query = sa.select(ATTACHMENT).where(ATTACHMENT.c.case_id == case.id)
    rows = conn.execute(query.order_by(ATTACHMENT.c.id)).all()
    for row in rows:
        (body,) = opened(conn, vault, [(row.body, body_context(row.id))])
        record = f"attachment {row.id}"
        if isinstance(body, str):
            yield Finding(record, body)
        elif body is not None and hashlib.sha256(body).digest() != told.get(row.id):
            yield Finding(record, f"is not the file that was handed in with case {case.id}")
        elif row.sha256 != told.get(row.id) or row.employee_id != case.employee_id:
            yield Finding(record, "was changed: its row is not what its case's steps say")
    for name in sorted(told.keys() - {row.id for row in rows}):
        yield Finding(f"attachment {name}", f"was deleted from case {case.id}")


def _named(files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {name: bytes(digest) for name, digest in files.items() if digest}


def _clue(row: Row[*tuple[Any, ...]], body: bytes | str | None) -> Iterator[Body | Finding]:
    record = f"clue {row.id}"
    if isinstance(body, str):
        yield Finding(record, body)
        return
    if body is None:
        return
    yield Body(EntryType.CASE_EVENT, row.id, row.at_ms, hashlib.sha256(body).digest())
    try:
        said = bodies.decode_clue(body)
    except (WireError, KeyError, TypeError, ValueError):
        yield Finding(record, "is not a clue any more")
        return
    if (said.id, said.employee_id, said.at_ms) != (row.id, row.employee_id, row.at_ms):
        yield Finding(record, "is not what its row says")
