"""People who sign in: accounts, sessions, personal links, and what was done to accounts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "access_account",
        sa.Column("id", sa.String(length=8), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("employee_id", sa.String(length=64), nullable=True),
        sa.Column("grants", sa.LargeBinary(), nullable=False),
        sa.Column("password", sa.String(length=200), nullable=True),
        sa.Column("must_change", sa.Boolean(), nullable=False),
        sa.Column("totp", sa.LargeBinary(), nullable=True),
        sa.Column("totp_step", sa.BigInteger(), nullable=False),
        sa.Column("issuer", sa.String(length=200), nullable=True),
        sa.Column("subject", sa.String(length=255), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("locked_ms", sa.BigInteger(), nullable=True),
        sa.Column("last_login_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_account")),
        sa.UniqueConstraint("name", name=op.f("uq_access_account_name")),
        sa.UniqueConstraint("employee_id", name=op.f("uq_access_account_employee_id")),
    )
    op.create_index(
        "uq_access_account_issuer_subject", "access_account", ["issuer", "subject"], unique=True
    )
    op.create_table(
        "access_recovery",
        sa.Column("account_id", sa.String(length=8), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["access_account.id"],
            name=op.f("fk_access_recovery_account_id_access_account"),
        ),
        sa.PrimaryKeyConstraint("account_id", "code_hash", name=op.f("pk_access_recovery")),
    )
    _sessions()
    op.create_table(
        "access_attempt",
        sa.Column("key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_access_attempt")),
    )
    op.create_table(
        "access_flow",
        sa.Column("secret_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("secret_hash", name=op.f("pk_access_flow")),
    )
    _links()
    op.create_table(
        "access_event",
        sa.Column("id", _COUNTER, autoincrement=True, nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.String(length=8), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_event")),
    )
    op.create_index(op.f("ix_access_event_account_id"), "access_event", ["account_id"])


def _sessions() -> None:
    op.create_table(
        "access_session",
        sa.Column("id", sa.String(length=8), nullable=False),
        sa.Column("account_id", sa.String(length=8), nullable=True),
        sa.Column("employee_id", sa.String(length=64), nullable=True),
        sa.Column("case_id", sa.String(length=64), nullable=True),
        sa.Column("secret_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("how", sa.String(length=16), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("seen_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["access_account.id"],
            name=op.f("fk_access_session_account_id_access_account"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_session")),
    )
    for column in ("account_id", "employee_id", "expires_ms"):
        op.create_index(op.f(f"ix_access_session_{column}"), "access_session", [column])


def _links() -> None:
    op.create_table(
        "access_link",
        sa.Column("id", sa.String(length=8), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("employee_id", sa.String(length=64), nullable=False),
        sa.Column("case_id", sa.String(length=64), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.Column("code_hash", sa.LargeBinary(length=32), nullable=True),
        sa.Column("code_expires_ms", sa.BigInteger(), nullable=True),
        sa.Column("codes_sent", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_link")),
    )
    op.create_index(op.f("ix_access_link_employee_id"), "access_link", ["employee_id"])


def downgrade() -> None:
    for table in ("event", "link", "flow", "attempt", "session", "recovery", "account"):
        op.drop_table(f"access_{table}")
