"""Tables of the vault."""

from __future__ import annotations

import sqlalchemy as sa

from zaigang_collector.db import COUNTER, metadata

KEY = sa.Table(
    "vault_key",
    metadata,
    sa.Column("id", sa.LargeBinary(16), primary_key=True),
    sa.Column("subject_kind", sa.String(10), nullable=False),
    sa.Column("subject_id", sa.String(64), nullable=False),
    sa.Column("wrapped", sa.LargeBinary),  # by the master key; null: destroyed
    sa.Column("master_id", sa.String(100), nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("destroyed_ms", sa.BigInteger),
    sa.Index("ix_vault_key_subject", "subject_kind", "subject_id"),
    # One living key a subject.
    sa.Index(
        "uq_vault_key_living",
        "subject_kind",
        "subject_id",
        unique=True,
        sqlite_where=sa.text("destroyed_ms IS NULL"),
        postgresql_where=sa.text("destroyed_ms IS NULL"),
    ),
)

# Which master key wraps. One row: whoever makes a key reads it in the same transaction, so that
# nothing is wrapped by a master key that was rotated away meanwhile.
MASTER = sa.Table(
    "vault_master",
    metadata,
    sa.Column("slot", sa.Integer, primary_key=True, autoincrement=False),  # always 1
    sa.Column("master_id", sa.String(100), nullable=False),
)

HOLD = sa.Table(
    "vault_hold",
    metadata,
    sa.Column("employee_id", sa.String(64), primary_key=True),
    sa.Column("from_ms", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("why", sa.String(500), nullable=False),
    sa.Column("by", sa.String(200), nullable=False),
    sa.Column("lifted_ms", sa.BigInteger),
)

TOMBSTONE = sa.Table(
    "vault_tombstone",
    metadata,
    sa.Column("id", COUNTER, primary_key=True, autoincrement=True),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.String(20), nullable=False, index=True),
    sa.Column("body", sa.LargeBinary, nullable=False),  # deterministic CBOR; hashed in the ledger
)

# Who looked at a person's data.
LOOK = sa.Table(
    "vault_look",
    metadata,
    sa.Column("id", COUNTER, primary_key=True, autoincrement=True),
    sa.Column("employee_id", sa.String(64), nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("body", sa.LargeBinary),  # deterministic CBOR, sealed; null: forgotten
    sa.Index("ix_vault_look_employee_id_id", "employee_id", "id"),
)

# Deleted by a retention run that has not told of it yet: it works in many transactions, and one
# that was killed is told of by the next.
PENDING = sa.Table(
    "vault_pending",
    metadata,
    sa.Column("what", sa.String(40), primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False),
)
