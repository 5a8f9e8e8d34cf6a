"""Traces of work: business events and work logs, with their versions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "worktraces_event",
        *_head(),
        sa.Column("happened_ms", sa.BigInteger(), nullable=False),
        *_foot("worktraces_event"),
    )
    op.create_index(
        "ix_worktraces_event_employee_happened", "worktraces_event", ["employee_id", "happened_ms"]
    )
    op.create_table(
        "worktraces_log",
        *_head(),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("handed_in_ms", sa.BigInteger(), nullable=False),
        *_foot("worktraces_log"),
    )
    op.create_index("ix_worktraces_log_employee_day", "worktraces_log", ["employee_id", "day"])


def _head() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("newest", sa.Boolean(), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("source_id", sa.String(length=200), nullable=False),
        sa.Column("employee_id", sa.String(length=64), nullable=False),
    )


def _foot(table: str) -> tuple[sa.schema.SchemaItem, ...]:
    return (
        sa.Column("stored_ms", sa.BigInteger(), nullable=False),
        sa.Column("record_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", "version", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint(
            "source", "source_id", "version", name=op.f(f"uq_{table}_source_source_id_version")
        ),
    )


def downgrade() -> None:
    op.drop_index("ix_worktraces_log_employee_day", table_name="worktraces_log")
    op.drop_table("worktraces_log")
    op.drop_index("ix_worktraces_event_employee_happened", table_name="worktraces_event")
    op.drop_table("worktraces_event")
