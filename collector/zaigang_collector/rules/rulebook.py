"""Which rules there are, which are on, and which are suspended: what was said of them, in order.

Each word is an entry of the ledger. No commits here.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection

from zaigang_collector.db import Randomness
from zaigang_collector.errors import ConflictError, UnknownIdError
from zaigang_collector.ledger import service as ledger
from zaigang_collector.rules import document
from zaigang_collector.rules.model import Rule
from zaigang_collector.rules.tables import RULE_EVENT
from zaigang_shared import cbor

BY_MAX: Final = 200
DOCUMENT_MAX: Final = 20_000


class Said(enum.StrEnum):
    """What was said of a rule."""

    MADE = "made"
    ON = "on"
    OFF = "off"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True)
class Standing:
    """How one rule stands."""

    rule: Rule
    on: bool
    suspended: bool
    since_ms: int | None
    """Since when; None: as it came with the program."""
    by: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Rulebook:
    """All rules, the built-in ones first."""

    standings: Mapping[str, Standing] = field(default_factory=dict)

    @property
    def rules(self) -> tuple[Rule, ...]:
        return tuple(one.rule for one in self.standings.values())

    @property
    def on(self) -> frozenset[str]:
        """Those that may raise."""
        return frozenset(
            name for name, one in self.standings.items() if one.on and not one.suspended
        )

    def get(self, rule_id: str) -> Standing:
        """Raises UnknownIdError."""
        if rule_id not in self.standings:
            raise UnknownIdError("rule", rule_id)
        return self.standings[rule_id]


def read(conn: Connection) -> Rulebook:
    """As it stands now."""
    found = {
        one.id: Standing(one, one.on_by_default, False, None) for one in document.built_in_rules()
    }
    for row in conn.execute(sa.select(RULE_EVENT).order_by(RULE_EVENT.c.id)):
        fields = cbor.loads(row.body, "rule event")
        by, why = fields["by"], fields["why"]
        before = found.get(row.rule_id)
        if row.kind == Said.MADE:
            (rule,) = document.read(fields["document"], version=fields["version"])
            on = before is not None and before.on
            suspended = before is not None and before.suspended
            found[row.rule_id] = Standing(rule, on, suspended, row.at_ms, by, why)
        elif before is not None:
            on = row.kind == Said.ON or (row.kind == Said.SUSPENDED and before.on)
            is_suspended = row.kind == Said.SUSPENDED
            found[row.rule_id] = Standing(before.rule, on, is_suspended, row.at_ms, by, why)
    return Rulebook(found)


def make(
    conn: Connection, text: str, by: str, why: str, now_ms: int, randomness: Randomness
) -> Standing:
    """Add a rule of the company's own, or a new version of one; it stays off until it is switched on.
    Raises RuleError, and ConflictError for the name of a built-in one."""
    if len(text) > DOCUMENT_MAX:
        raise ConflictError(f"a rule's document has at most {DOCUMENT_MAX} characters")
    made = document.read(text)
    if len(made) != 1:
        raise ConflictError(f"expected one rule in the document, not {len(made)}")
    (rule,) = made
    before = read(conn).standings.get(rule.id)
    if before is not None and before.rule.built_in:
        raise ConflictError(
            f"{rule.id} is built in and cannot be replaced; give this one another name, and switch the "
            "built-in one off"
        )
    if before is not None and before.rule.digest == rule.digest:
        return before
    version = 1 if before is None else before.rule.version + 1
    extra = {"document": text, "version": version}
    _say(conn, Said.MADE, rule.id, by, why, now_ms, randomness, extra)
    return read(conn).get(rule.id)


def switch(
    conn: Connection,
    rule_id: str,
    by: str,
    why: str,
    now_ms: int,
    randomness: Randomness,
    *,
    on: bool,
) -> Standing:
    """Switch a rule on or off; on also ends a suspension. Raises UnknownIdError."""
    before = read(conn).get(rule_id)
    if before.on is on and not before.suspended:
        return before
    _say(conn, Said.ON if on else Said.OFF, rule_id, by, why, now_ms, randomness, {})
    return read(conn).get(rule_id)


def suspend(
    conn: Connection, rule_id: str, by: str, why: str, now_ms: int, randomness: Randomness
) -> None:
    """It raises nothing until somebody switches it on again."""
    _say(conn, Said.SUSPENDED, rule_id, by, why, now_ms, randomness, {})


def _say(
    conn: Connection,
    kind: Said,
    rule_id: str,
    by: str,
    why: str,
    now_ms: int,
    randomness: Randomness,
    extra: Mapping[str, Any],
) -> None:
    body = cbor.dumps(
        {
            "v": 1,
            "said": kind.value,
            "rule": rule_id,
            "at": now_ms,
            "by": by[:BY_MAX],
            "why": why[:BY_MAX],
        }
        | dict(extra)
    )
    statement = sa.insert(RULE_EVENT).values(
        at_ms=now_ms, rule_id=rule_id, kind=kind.value, body=body
    )
    event_id = conn.execute(statement.returning(RULE_EVENT.c.id)).scalar_one()
    ledger.append(
        conn,
        ledger.EntryType.RULE_EVENT,
        now_ms,
        hashlib.sha256(body).digest(),
        randomness(ledger.SALT_BYTES),
        str(event_id),
    )
