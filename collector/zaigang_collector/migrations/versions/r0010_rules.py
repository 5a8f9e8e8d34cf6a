"""Rules, the facts that they speak of, and alerts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0006"
branch_labels = None
depends_on = None

_COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "rules_event",
        sa.Column("id", _COUNTER, autoincrement=True, nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("rule_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rules_event")),
    )
    op.create_index(op.f("ix_rules_event_rule_id"), "rules_event", ["rule_id"])
    op.create_table(
        "rules_fact",
        sa.Column("assessment_id", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("employee_id", sa.String(length=64), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("assessment_id", "version", name=op.f("pk_rules_fact")),
    )
    op.create_index(op.f("ix_rules_fact_employee_id"), "rules_fact", ["employee_id"])
    op.create_index(op.f("ix_rules_fact_start_ms"), "rules_fact", ["start_ms"])
    op.create_table(
        "rules_alert",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("rule_id", sa.String(length=40), nullable=False),
        sa.Column("severity", sa.String(length=12), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("conclusion", sa.String(length=16), nullable=True),
        sa.Column("employee_id", sa.String(length=64), nullable=True),
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), nullable=False),
        sa.Column("end_ms", sa.BigInteger(), nullable=False),
        sa.Column("raised_ms", sa.BigInteger(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rules_alert")),
    )
    for columns in (["employee_id", "day"], ["state", "day"], ["raised_ms", "id"]):
        name = "ix_rules_alert_" + "_".join(columns)
        op.create_index(op.f(name), "rules_alert", columns)
    op.create_table(
        "rules_alert_event",
        sa.Column("id", _COUNTER, autoincrement=True, nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("alert_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("employee_id", sa.String(length=64), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rules_alert_event")),
    )
    op.create_index(op.f("ix_rules_alert_event_alert_id"), "rules_alert_event", ["alert_id"])
    op.create_index(op.f("ix_rules_alert_event_employee_id"), "rules_alert_event", ["employee_id"])


def downgrade() -> None:
    op.drop_table("rules_alert_event")
    op.drop_table("rules_alert")
    op.drop_table("rules_fact")
    op.drop_table("rules_event")
