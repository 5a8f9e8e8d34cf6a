"""Tables of the attendance area."""

from __future__ import annotations

import sqlalchemy as sa

from zaigang_collector.db import COUNTER, metadata

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
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("withdrawn", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Index("ix_attendance_exemption_employee_from", "employee_id", "from_ms"),
)

# What was said of calendars, shifts, rosters and exemptions, in order: the tables below are what it
# adds up to.
EVENT = sa.Table(
    "attendance_event",
    metadata,
    sa.Column("id", COUNTER, primary_key=True, autoincrement=True),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("employee_id", sa.String(64)),  # null: of nobody in particular
    sa.Column("ref", sa.String(200), nullable=False),  # what it is about, within its kind
    # Deterministic CBOR, hashed in the ledger; of a person: sealed under their key; null only until
    # the row has its number, which is its place.
    sa.Column("body", sa.LargeBinary),
    sa.Index("ix_attendance_event_employee_id_kind", "employee_id", "kind"),
    sa.Index("ix_attendance_event_kind_ref", "kind", "ref"),
)

# The company's own calendar. No site: "", as a primary key holds no null.
CALENDAR_DAY = sa.Table(
    "attendance_calendar_day",
    metadata,
    sa.Column("site_id", sa.String(64), primary_key=True),
    sa.Column("day", sa.String(10), primary_key=True),  # ISO 8601, so that text order is time
    sa.Column("rule", sa.String(10), nullable=False),
    sa.Column("reason", sa.String(200), nullable=False),
)

CALENDAR_YEAR = sa.Table(
    "attendance_calendar_year",
    metadata,
    sa.Column("site_id", sa.String(64), primary_key=True),
    sa.Column("year", sa.Integer, primary_key=True, autoincrement=False),
)

SHIFT = sa.Table(
    "attendance_shift",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("hours", sa.Text, nullable=False),  # as attendance.patterns renders it
)

SHIFT_ASSIGNMENT = sa.Table(
    "attendance_shift_assignment",
    metadata,
    sa.Column("scope", sa.String(12), primary_key=True),
    sa.Column("subject", sa.String(200), primary_key=True),  # a person, a department or a site
    sa.Column("from_day", sa.String(10), primary_key=True),
    sa.Column("to_day", sa.String(10)),
    sa.Column("shift_id", sa.ForeignKey(SHIFT.c.id), nullable=False),
)

ROSTER = sa.Table(
    "attendance_roster",
    metadata,
    sa.Column("employee_id", sa.String(64), primary_key=True),
    sa.Column("day", sa.String(10), primary_key=True),
    sa.Column("shift_id", sa.ForeignKey(SHIFT.c.id)),  # null: off
)
