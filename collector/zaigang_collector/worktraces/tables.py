"""Tables of traces of work."""

from __future__ import annotations

import sqlalchemy as sa

from zaigang_collector.db import metadata

EVENT = sa.Table(
    "worktraces_event",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("newest", sa.Boolean, nullable=False),
    sa.Column("source", sa.String(40), nullable=False),
    sa.Column("source_id", sa.String(200), nullable=False),
    sa.Column("employee_id", sa.String(64), nullable=False),
    sa.Column("happened_ms", sa.BigInteger, nullable=False),
    sa.Column("stored_ms", sa.BigInteger, nullable=False),
    sa.Column("record_hash", sa.LargeBinary(32), nullable=False),  # of the body as it was sealed
    # What was done, where, whether for a client, and all of the above: sealed under the person's key.
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.UniqueConstraint("source", "source_id", "version"),
    sa.Index("ix_worktraces_event_employee_happened", "employee_id", "happened_ms"),
)

LOG = sa.Table(
    "worktraces_log",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("newest", sa.Boolean, nullable=False),
    sa.Column("source", sa.String(40), nullable=False),
    sa.Column("source_id", sa.String(200), nullable=False),
    sa.Column("employee_id", sa.String(64), nullable=False),
    sa.Column("day", sa.String(10), nullable=False),  # ISO 8601, so that text order is time
    sa.Column("handed_in_ms", sa.BigInteger, nullable=False),
    sa.Column("stored_ms", sa.BigInteger, nullable=False),
    sa.Column("record_hash", sa.LargeBinary(32), nullable=False),  # of the body as it was sealed
    # Everything else that a log says, and all of the above again: sealed under the person's key.
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.UniqueConstraint("source", "source_id", "version"),
    sa.Index("ix_worktraces_log_employee_day", "employee_id", "day"),
)
