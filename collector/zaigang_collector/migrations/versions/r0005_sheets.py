"""Files of clock-ins: how those of each source are read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "connectors_sheet",
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("form", sa.String(length=16), nullable=False),
        sa.Column("columns", sa.LargeBinary(), nullable=False),
        sa.Column("confirmed_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "form", name=op.f("pk_connectors_sheet")),
    )


def downgrade() -> None:
    op.drop_table("connectors_sheet")
