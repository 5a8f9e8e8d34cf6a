"""Tables of the ingest area."""

from __future__ import annotations

import sqlalchemy as sa

from zaigang_collector.db import COUNTER, metadata

# The only copy of readings; everything else in this area can be derived from it again, but for
# what is on no device: arrival times, receipts, refusals.
ENVELOPE = sa.Table(
    "ingest_envelope",
    metadata,
    sa.Column("device_id", sa.String(40), primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("digest", sa.LargeBinary(32), nullable=False, unique=True),
    sa.Column("prev", sa.LargeBinary(32), nullable=False),
    sa.Column("boot", sa.LargeBinary(16), nullable=False),
    sa.Column("up_ms", sa.BigInteger, nullable=False),
    sa.Column("wall_ms", sa.BigInteger, nullable=False),
    sa.Column("sync", sa.Boolean, nullable=False),
    sa.Column("rcpt", sa.LargeBinary(32)),
    sa.Column("arrived_ms", sa.BigInteger, nullable=False),
    # The signed bytes, sealed under the key of whose readings they are; null: forgotten, or older
    # than readings are kept. What stands before goes on telling of the chain and of the clock. Last,
    # so that none of that is behind a long value.
    sa.Column("data", sa.LargeBinary),
)

CHAIN = sa.Table(
    "ingest_chain",
    metadata,
    sa.Column("device_id", sa.String(40), primary_key=True),
    sa.Column("through", sa.BigInteger, nullable=False),
    sa.Column("head", sa.LargeBinary(32), nullable=False),
    sa.Column("max_seq", sa.BigInteger, nullable=False),
    sa.Column("stored", sa.BigInteger, nullable=False),
    sa.Column("broken_seq", sa.BigInteger),
    sa.Column("receipt", sa.LargeBinary),  # the newest, to be given again
    sa.Column("seen_ms", sa.BigInteger, nullable=False),
    # From the newest health reading.
    sa.Column("agent", sa.String(64)),
    sa.Column("spooled", sa.BigInteger),
)

# Well signed and not taken in, byte for byte: two histories under one key, or a bug of ours.
ASIDE = sa.Table(
    "ingest_aside",
    metadata,
    sa.Column("digest", sa.LargeBinary(32), primary_key=True),
    sa.Column("device_id", sa.String(40), nullable=False, index=True),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("seq", sa.BigInteger),
    sa.Column("stored_digest", sa.LargeBinary(32)),  # what is in its place
    sa.Column("data", sa.LargeBinary),  # sealed, as in an envelope; null as there
    sa.Column("arrived_ms", sa.BigInteger, nullable=False),
)

# Counted, not kept: whoever may publish could fill the disk with what we refuse.
REFUSAL = sa.Table(
    "ingest_refusal",
    metadata,
    sa.Column("reason", sa.String(30), primary_key=True),
    sa.Column("device_id", sa.String(40), primary_key=True),  # "" where no such device exists
    sa.Column("day", sa.String(10), primary_key=True),  # UTC
    sa.Column("count", sa.BigInteger, nullable=False),
    sa.Column("last_detail", sa.String(300), nullable=False),
    sa.Column("last_ms", sa.BigInteger, nullable=False),
)

RECEIPT = sa.Table(
    "ingest_receipt",
    metadata,
    sa.Column("digest", sa.LargeBinary(32), primary_key=True),
    sa.Column("device_id", sa.String(40), nullable=False),
    sa.Column("through", sa.BigInteger, nullable=False),
    sa.Column("head", sa.LargeBinary(32), nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
    sa.Index("ix_ingest_receipt_device_id_through", "device_id", "through"),
)

EVENT = sa.Table(
    "ingest_event",
    metadata,
    sa.Column("id", COUNTER, primary_key=True, autoincrement=True),
    sa.Column("device_id", sa.String(40), nullable=False),
    sa.Column("kind", sa.String(30), nullable=False),
    sa.Column("subject", sa.String(100), nullable=False),  # what it is about: told once
    sa.Column("seq", sa.BigInteger),  # of the envelope that it is about
    sa.Column("at_ms", sa.BigInteger, nullable=False),  # when it was noticed
    sa.Column("detail", sa.String(300), nullable=False),
    sa.Column("envelope", sa.LargeBinary(32)),
    sa.UniqueConstraint("device_id", "kind", "subject"),
)

# What the envelopes of one hour of a boot say of its clock (`clock_model.Window`), and where
# they are: by seq, which the primary key of the envelopes serves.
BOOT = sa.Table(
    "ingest_boot",
    metadata,
    sa.Column("device_id", sa.String(40), primary_key=True),
    sa.Column("boot", sa.LargeBinary(16), primary_key=True),
    sa.Column("hour", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("first_up_ms", sa.BigInteger, nullable=False),
    sa.Column("last_up_ms", sa.BigInteger, nullable=False),
    sa.Column("first_seq", sa.BigInteger, nullable=False),
    sa.Column("last_seq", sa.BigInteger, nullable=False),
    sa.Column("low_ms", sa.BigInteger),
    sa.Column("high_ms", sa.BigInteger, nullable=False),
    sa.Column("arrived_ms", sa.BigInteger, nullable=False),  # of the newest of them
    sa.Index("ix_ingest_boot_device_id_arrived_ms", "device_id", "arrived_ms"),
)

# For operators, never evidence.
STATE = sa.Table(
    "ingest_state",
    metadata,
    sa.Column("device_id", sa.String(40), primary_key=True),
    sa.Column("online", sa.Boolean, nullable=False),
    sa.Column("changed_ms", sa.BigInteger, nullable=False),
)
