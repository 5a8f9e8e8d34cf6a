"""Assessments and policies, as the ledger has them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from zaigang_collector.assessment.model import assessment_id
from zaigang_collector.assessment.store import context_of
from zaigang_collector.assessment.tables import ASSESSMENT, POLICY
from zaigang_collector.ledger.audit import Body, Finding, newest_marked, pages
from zaigang_collector.ledger.model import EntryType
from zaigang_collector.matching import codec
from zaigang_collector.matching.errors import CodecError
from zaigang_collector.vault.audit import opened
from zaigang_collector.vault.service import Vault


def assessments(conn: Connection, vault: Vault) -> Iterator[Body | Finding]:
    """Each version of each assessment, and whether its row says what its body says."""
    for rows in pages(conn, ASSESSMENT):
        sealed = [(row.body, context_of(row.id, row.version)) for row in rows]
        for row, body in zip(rows, opened(conn, vault, sealed), strict=True):
            reference = f"{row.id}@{row.version}"
            if isinstance(body, str):
                yield Finding(f"assessment {reference}", body)
            elif body is not None:
                digest = hashlib.sha256(body).digest()
                yield Body(EntryType.ASSESSMENT, reference, row.created_ms, digest)
                yield from _columns(row, body)
    yield from newest_marked(conn, ASSESSMENT, "assessment")


def known_assessments(conn: Connection, refs: Sequence[str]) -> set[str]:
    """Which of these are stored."""
    names = sorted({ref.partition("@")[0] for ref in refs})
    query = sa.select(ASSESSMENT.c.id, ASSESSMENT.c.version).where(ASSESSMENT.c.id.in_(names))
    return {f"{row.id}@{row.version}" for row in conn.execute(query)}


def policies(conn: Connection) -> Iterator[Body | Finding]:
    """Each policy as a body."""
    for row in conn.execute(sa.select(POLICY).order_by(POLICY.c.policy_hash)):
        yield Body(
            EntryType.POLICY, row.policy_hash, row.created_ms, hashlib.sha256(row.body).digest()
        )


def known_policies(conn: Connection, refs: Sequence[str]) -> set[str]:
    """Which of these are stored."""
    return set(conn.scalars(sa.select(POLICY.c.policy_hash).where(POLICY.c.policy_hash.in_(refs))))


def _columns(row: Row[*tuple[Any, ...]], body: bytes) -> Iterator[Finding]:
    record = f"assessment {row.id}@{row.version}"
    try:
        said = codec.decode(json.loads(body))
    except (CodecError, ValueError):
        yield Finding(record, "is not an assessment any more")
        return
    claim = said.claim
    told = {
        "id": assessment_id(claim.clock_in_ids[0].partition("@")[0]) if claim.clock_in_ids else "",
        "employee_id": claim.employee_id,
        "site_id": claim.site_id,
        "start_ms": claim.start_ms,
        "end_ms": claim.end_ms,
        "presence": said.presence.value,
        "work": said.work.value,
        "coverage": said.coverage,
        "provisional": said.provisional,
        "absent": said.seems_absent,
        "policy_hash": said.policy_hash,
        "body_hash": hashlib.sha256(body).digest(),
    }
    for name, value in told.items():
        if getattr(row, name) != value:
            yield Finding(record, f"says {name} = {value!r} in its body, the column is another")
