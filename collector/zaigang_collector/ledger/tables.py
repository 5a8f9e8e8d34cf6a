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
    # Both are gone, and `leaf` is there instead, where somebody was forgotten.
    sa.Column("body_hash", sa.LargeBinary(32)),
    sa.Column("salt", sa.LargeBinary(16)),
    sa.Column("leaf", sa.LargeBinary(32)),
    sa.Column("ref", sa.String(200), nullable=False),
    sa.Index("ix_ledger_entry_type_ref", "type", "ref"),
)

# One row: the tree as it is. Whoever appends locks it, so that indices have no holes.
HEAD = sa.Table(
    "ledger_head",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("origin", sa.String(200), nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("edge", sa.LargeBinary, nullable=False),  # `merkle.Frontier.stack`, joined
)

# Full tiles only (C2SP tlog-tiles, 256 hashes): what is not full yet is made from entries and
# from the roots of the tiles below. Rewriting the right edge at each commit would cost a fifth.
TILE = sa.Table(
    "ledger_tile",
    metadata,
    sa.Column("level", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("idx", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("root", sa.LargeBinary(32), nullable=False),  # its entry in the tile above
    sa.Column("hashes", sa.LargeBinary, nullable=False),
)

# The newest of each hour, and those that somebody outside was shown. Any other can be computed.
CHECKPOINT = sa.Table(
    "ledger_checkpoint",
    metadata,
    sa.Column("size", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("root", sa.LargeBinary(32), nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("pinned", sa.Boolean, nullable=False),  # shown outside: anchored, in a bundle
)

# What happened to the ledger itself: that it was continued under another name, by whom and why.
EVENT = sa.Table(
    "ledger_event",
    metadata,
    sa.Column("id", COUNTER, primary_key=True, autoincrement=True),
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),  # deterministic CBOR; hashed in the ledger
)

# Who may do what only one may do at a time, and until when.
LEASE = sa.Table(
    "ledger_lease",
    metadata,
    sa.Column("name", sa.String(40), primary_key=True),
    sa.Column("holder", sa.String(40), nullable=False),
    sa.Column("until_ms", sa.BigInteger, nullable=False),
)
