"""Tables of the attendance area."""

from __future__ import annotations

import sqlalchemy as sa

from zaigang_collector.db import metadata

CLOCK_IN = sa.Table(
    "attendance_clock_in",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("newest", sa.Boolean, nullable=False),
    sa.Column("source", sa.String(40), nullable=False),
    sa.Column("source_id", sa.String(200), nullable=False),
    sa.Column("employee_id", sa.String(64), nullable=False),
    sa.Column("site_id", sa.String(64), nullable=False),
    sa.Column("direction", sa.String(3), nullable=False),
    sa.Column("punched_ms", sa.BigInteger, nullable=False),
    sa.Column("stored_ms", sa.BigInteger, nullable=False),
    sa.Column("record_hash", sa.LargeBinary(32), nullable=False),  # of the body as it was sealed
    # Everything else that a punch says, and all of the above again: sealed under the person's key.
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.UniqueConstraint("source", "source_id", "version"),
    sa.Index("ix_attendance_clock_in_employee_punched", "employee_id", "punched_ms"),
    sa.Index("ix_attendance_clock_in_punched_id", "punched_ms", "id"),
)

EXEMPTION = sa.Table(
    "attendance_exemption",
    metadata,
    sa.Column("source", sa.String(40), primary_key=True),
    sa.Column("source_id", sa.String(200), primary_key=True),
    sa.Column("employee_id", sa.String(64), nullable=False),
    sa.Column("from_ms", sa.BigInteger, nullable=False),
    sa.Column("to_ms", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("stored_ms", sa.BigInteger, nullable=False),
    sa.Index("ix_attendance_exemption_employee_from", "employee_id", "from_ms"),
)
