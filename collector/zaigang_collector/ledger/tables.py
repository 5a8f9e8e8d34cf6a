"""Tables of the ledger area."""

from __future__ import annotations

import sqlalchemy as sa

from zaigang_collector.db import COUNTER, metadata

# What others outside said about a checkpoint, and how asking them goes.
ANCHOR = sa.Table(
    "ledger_anchor",
    metadata,
    sa.Column("size", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.String(10), primary_key=True),
    sa.Column("authority", sa.String(200), primary_key=True),
    sa.Column("at_ms", sa.BigInteger, nullable=False),  # as they say
    sa.Column("data", sa.LargeBinary, nullable=False),
    sa.Column("obtained_ms", sa.BigInteger, nullable=False),
)
ANCHOR_STATE = sa.Table(
    "ledger_anchor_state",
    metadata,
    sa.Column("kind", sa.String(10), primary_key=True),
    sa.Column("authority", sa.String(200), primary_key=True),
    sa.Column("last_try_ms", sa.BigInteger, nullable=False),
    sa.Column("last_error", sa.Text),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("failing_since_ms", sa.BigInteger),
    sa.Column("next_ms", sa.BigInteger, nullable=False),
)

# The other side: the newest checkpoint of each ledger of others that was cosigned here.
WITNESSED = sa.Table(
    "ledger_witnessed",
    metadata,
    sa.Column("origin", sa.String(200), primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("root", sa.LargeBinary(32), nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
)

ENTRY = sa.Table(
    "ledger_entry",
    metadata,
    sa.Column("queue_id", COUNTER, primary_key=True, autoincrement=True),
    # The leaf's index; null: not sequenced yet. A sequencer goes by this and not by queue_id: in
    # PostgreSQL a lower queue_id can become visible after a higher one.
    sa.Column("idx", sa.BigInteger, unique=True),
    sa.Column("type", sa.String(20), nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("body_hash", sa.LargeBinary(32), nullable=False),
    sa.Column("salt", sa.LargeBinary(16), nullable=False),
    sa.Column("ref", sa.String(200), nullable=False),
    sa.Index("ix_ledger_entry_type_ref", "type", "ref"),
)
