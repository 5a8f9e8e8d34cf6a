"""Tables of cases."""

from __future__ import annotations

import sqlalchemy as sa

from zaigang_collector.db import metadata

# What a case's steps add up to, for whoever lists and for the deadlines: the audit holds it against
# the steps.
CASE = sa.Table(
    "cases_case",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("employee_id", sa.String(64), nullable=False, index=True),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("steps", sa.Integer, nullable=False),
    sa.Column("opened_ms", sa.BigInteger, nullable=False),
    sa.Column("opened_by", sa.String(64), nullable=False),
    sa.Column("due_ms", sa.BigInteger),
    sa.Column("closed_ms", sa.BigInteger),
    sa.Index("ix_cases_case_opened_ms_id", "opened_ms", "id"),
)

STEP = sa.Table(
    "cases_step",
    metadata,
    sa.Column("case_id", sa.ForeignKey(CASE.c.id), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    # Deterministic CBOR, hashed in the ledger and sealed under the person's key.
    sa.Column("body", sa.LargeBinary, nullable=False),
)

# In which case an alert, a clue or an assessment is looked into.
LINK = sa.Table(
    "cases_link",
    metadata,
    sa.Column("case_id", sa.ForeignKey(CASE.c.id), primary_key=True),
    sa.Column("kind", sa.String(12), primary_key=True),
    sa.Column("ref", sa.String(80), primary_key=True),
    sa.Index("ix_cases_link_kind_ref", "kind", "ref"),
)

CLUE = sa.Table(
    "cases_clue",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("employee_id", sa.String(64), nullable=False, index=True),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),  # as a step's
)

ATTACHMENT = sa.Table(
    "cases_attachment",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("case_id", sa.ForeignKey(CASE.c.id), nullable=False, index=True),
    sa.Column("employee_id", sa.String(64), nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.String(8), nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
    # By these the same file or picture is found again, in another case too.
    sa.Column("sha256", sa.LargeBinary(32), nullable=False, index=True),
    sa.Column("looks_like", sa.LargeBinary(8)),
    # Its name, and what it says of itself; the file. Both sealed under the person's key.
    sa.Column("about", sa.LargeBinary, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
)

# When the collector stood still, and nobody could hand anything in.
STANDSTILL = sa.Table(
    "cases_standstill",
    metadata,
    sa.Column("from_ms", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("to_ms", sa.BigInteger, nullable=False),
)

# Who looks after deadlines, and when that was last done.
LEASE = sa.Table(
    "cases_lease",
    metadata,
    sa.Column("name", sa.String(20), primary_key=True),
    sa.Column("holder", sa.String(64), nullable=False),
    sa.Column("until_ms", sa.BigInteger, nullable=False),
    sa.Column("passed_ms", sa.BigInteger),
)
