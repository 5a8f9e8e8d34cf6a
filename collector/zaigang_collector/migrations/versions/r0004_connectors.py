"""Other systems where people clock in: how far they were read, whom they know, what is aside."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "connectors_state",
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("through_ms", sa.BigInteger(), nullable=True),
        sa.Column("last_success_ms", sa.BigInteger(), nullable=True),
        sa.Column("last_try_ms", sa.BigInteger(), nullable=False),
        sa.Column("next_ms", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since_ms", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(length=20), nullable=True),
        sa.Column("code", sa.String(length=80), nullable=False),
        sa.Column("permission", sa.String(length=80), nullable=False),
        sa.PrimaryKeyConstraint("source", "kind", name=op.f("pk_connectors_state")),
    )
    op.create_table(
        "connectors_person",
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("vendor_id", sa.String(length=200), nullable=False),
        sa.Column("employee_id", sa.String(length=64), nullable=True),
        sa.Column("seen_ms", sa.BigInteger(), nullable=False),
        sa.Column("answered", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("source", "vendor_id", name=op.f("pk_connectors_person")),
    )
    op.create_index(op.f("ix_connectors_person_employee_id"), "connectors_person", ["employee_id"])
    op.create_table(
        "connectors_read",
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("vendor_id", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("through_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "vendor_id", "kind", name=op.f("pk_connectors_read")),
    )
    op.create_table(
        "connectors_aside",
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("vendor_id", sa.String(length=200), nullable=False),
        sa.Column("employee_id", sa.String(length=64), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("why", sa.String(length=20), nullable=False),
        sa.Column("record_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("stored_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "vendor_id", name=op.f("pk_connectors_aside")),
    )
    op.create_index(op.f("ix_connectors_aside_employee_id"), "connectors_aside", ["employee_id"])
    op.create_table(
        "connectors_oddity",
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("what", sa.String(length=120), nullable=False),
        sa.Column("first_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "what", name=op.f("pk_connectors_oddity")),
    )


def downgrade() -> None:
    op.drop_table("connectors_oddity")
    op.drop_table("connectors_aside")
    op.drop_table("connectors_read")
    op.drop_table("connectors_person")
    op.drop_table("connectors_state")
