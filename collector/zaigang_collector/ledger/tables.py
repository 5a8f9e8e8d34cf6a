"""Tables of the ledger area."""

from __future__ import annotations

import sqlalchemy as sa

from zaigang_collector.db import COUNTER, metadata

ENTRY = sa.Table(
    "ledger_entry",
    metadata,
    sa.Column("queue_id", COUNTER, primary_key=True, autoincrement=True),
    # The leaf's index; null: not sequenced yet. A sequencer goes by this and not by queue_id: in
    # PostgreSQL a lower queue_id can become visible after a higher one.
    sa.Column("idx", sa.BigInteger, unique=True),
    sa.Column("type", sa.String(20), nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("body_hash", sa.LargeBinary(32)),  # null: destroyed, with the salt; see leaf
    sa.Column("salt", sa.LargeBinary(16)),
    sa.Column("leaf", sa.LargeBinary(32)),  # the leaf's hash, where it cannot be made again
    sa.Column("ref", sa.String(200), nullable=False),
    sa.Index("ix_ledger_entry_type_ref", "type", "ref"),
)
