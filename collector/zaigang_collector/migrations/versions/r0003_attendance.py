"""Calendars, shifts, rosters, and exemptions with their versions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "attendance_event",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("employee_id", sa.String(length=64), nullable=True),
        sa.Column("ref", sa.String(length=200), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attendance_event")),
    )
    op.create_index(
        "ix_attendance_event_employee_id_kind", "attendance_event", ["employee_id", "kind"]
    )
    op.create_index("ix_attendance_event_kind_ref", "attendance_event", ["kind", "ref"])
    op.create_table(
        "attendance_calendar_day",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("rule", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("site_id", "day", name=op.f("pk_attendance_calendar_day")),
    )
    op.create_table(
        "attendance_calendar_year",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("site_id", "year", name=op.f("pk_attendance_calendar_year")),
    )
    op.create_table(
        "attendance_shift",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("hours", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attendance_shift")),
    )
    _people()
    op.add_column(
        "attendance_exemption",
        sa.Column("version", sa.Integer(), nullable=False, server_default="1"),
    )
    op.add_column(
        "attendance_exemption",
        sa.Column("withdrawn", sa.Boolean(), nullable=False, server_default=sa.false()),
    )


def _people() -> None:
    op.create_table(
        "attendance_shift_assignment",
        sa.Column("scope", sa.String(length=12), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("from_day", sa.String(length=10), nullable=False),
        sa.Column("to_day", sa.String(length=10), nullable=True),
        sa.Column("shift_id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["shift_id"],
            ["attendance_shift.id"],
            name=op.f("fk_attendance_shift_assignment_shift_id_attendance_shift"),
        ),
        sa.PrimaryKeyConstraint(
            "scope", "subject", "from_day", name=op.f("pk_attendance_shift_assignment")
        ),
    )
    op.create_table(
        "attendance_roster",
        sa.Column("employee_id", sa.String(length=64), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("shift_id", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["shift_id"],
            ["attendance_shift.id"],
            name=op.f("fk_attendance_roster_shift_id_attendance_shift"),
        ),
        sa.PrimaryKeyConstraint("employee_id", "day", name=op.f("pk_attendance_roster")),
    )


def downgrade() -> None:
    op.drop_column("attendance_exemption", "withdrawn")
    op.drop_column("attendance_exemption", "version")
    op.drop_table("attendance_roster")
    op.drop_table("attendance_shift_assignment")
    op.drop_table("attendance_shift")
    op.drop_table("attendance_calendar_year")
    op.drop_table("attendance_calendar_day")
    op.drop_index("ix_attendance_event_kind_ref", table_name="attendance_event")
    op.drop_index("ix_attendance_event_employee_id_kind", table_name="attendance_event")
    op.drop_table("attendance_event")
