"""Cases: their steps, clues, attachments, and when nobody could hand anything in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cases_case",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("employee_id", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.Column("opened_ms", sa.BigInteger(), nullable=False),
        sa.Column("opened_by", sa.String(length=64), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=True),
        sa.Column("closed_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cases_case")),
    )
    op.create_index(op.f("ix_cases_case_employee_id"), "cases_case", ["employee_id"])
    op.create_index("ix_cases_case_opened_ms_id", "cases_case", ["opened_ms", "id"])
    op.create_table(
        "cases_step",
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["cases_case.id"], name=op.f("fk_cases_step_case_id_cases_case")
        ),
        sa.PrimaryKeyConstraint("case_id", "number", name=op.f("pk_cases_step")),
    )
    op.create_table(
        "cases_link",
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("ref", sa.String(length=80), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["cases_case.id"], name=op.f("fk_cases_link_case_id_cases_case")
        ),
        sa.PrimaryKeyConstraint("case_id", "kind", "ref", name=op.f("pk_cases_link")),
    )
    op.create_index("ix_cases_link_kind_ref", "cases_link", ["kind", "ref"])
    op.create_table(
        "cases_clue",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("employee_id", sa.String(length=64), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cases_clue")),
    )
    op.create_index(op.f("ix_cases_clue_employee_id"), "cases_clue", ["employee_id"])
    op.create_table(
        "cases_attachment",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("employee_id", sa.String(length=64), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("looks_like", sa.LargeBinary(length=8), nullable=True),
        sa.Column("about", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["cases_case.id"], name=op.f("fk_cases_attachment_case_id_cases_case")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cases_attachment")),
    )
    op.create_index(op.f("ix_cases_attachment_case_id"), "cases_attachment", ["case_id"])
    op.create_index(op.f("ix_cases_attachment_sha256"), "cases_attachment", ["sha256"])
    op.create_table(
        "cases_standstill",
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("to_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("from_ms", name=op.f("pk_cases_standstill")),
    )
    op.create_table(
        "cases_lease",
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("holder", sa.String(length=64), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.Column("passed_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_cases_lease")),
    )


def downgrade() -> None:
    op.drop_table("cases_lease")
    op.drop_table("cases_standstill")
    op.drop_table("cases_attachment")
    op.drop_table("cases_clue")
    op.drop_table("cases_link")
    op.drop_table("cases_step")
    op.drop_table("cases_case")
