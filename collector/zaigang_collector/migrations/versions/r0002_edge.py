"""Badges and carried sensors, settings of single devices, when a token was last used."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "directory_carried",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("to_ms", sa.BigInteger(), nullable=True),
        sa.Column("employee_id", sa.String(length=64), nullable=False),
        sa.Column("format", sa.String(length=12), nullable=False),
        sa.Column("identifier", sa.String(length=64), nullable=False),
        sa.Column("key", sa.LargeBinary(length=16), nullable=True),
        sa.ForeignKeyConstraint(
            ["employee_id"],
            ["directory_employee.id"],
            name=op.f("fk_directory_carried_employee_id_directory_employee"),
        ),
        sa.PrimaryKeyConstraint("id", "from_ms", name=op.f("pk_directory_carried")),
    )
    op.create_index(op.f("ix_directory_carried_employee_id"), "directory_carried", ["employee_id"])
    op.create_index(op.f("ix_directory_carried_identifier"), "directory_carried", ["identifier"])
    op.create_table(
        "directory_learnt",
        sa.Column("employee_id", sa.String(length=64), nullable=False),
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Float(precision=53), nullable=False),
        sa.Column("sd", sa.Float(precision=53), nullable=True),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["employee_id"],
            ["directory_employee.id"],
            name=op.f("fk_directory_learnt_employee_id_directory_employee"),
        ),
        sa.ForeignKeyConstraint(
            ["site_id"],
            ["directory_site.id"],
            name=op.f("fk_directory_learnt_site_id_directory_site"),
        ),
        sa.PrimaryKeyConstraint("employee_id", "site_id", "name", name=op.f("pk_directory_learnt")),
    )
    op.create_table(
        "devices_setting",
        sa.Column("device_id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_id"],
            ["devices_device.id"],
            name=op.f("fk_devices_setting_device_id_devices_device"),
        ),
        sa.PrimaryKeyConstraint("device_id", "name", name=op.f("pk_devices_setting")),
    )
    op.add_column(
        "assessment_assessment",
        sa.Column("absent", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    # Before this revision nobody was spared because many seemed absent.
    assessment = sa.table(
        "assessment_assessment",
        sa.column("absent", sa.Boolean()),
        sa.column("presence", sa.String()),
    )
    op.execute(
        sa.update(assessment)
        .where(assessment.c.presence == "contradicted")
        .values(absent=sa.true())
    )
    op.create_index(
        "ix_assessment_assessment_site_start", "assessment_assessment", ["site_id", "start_ms"]
    )
    op.add_column("devices_token", sa.Column("last_used_ms", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("devices_token", "last_used_ms")
    op.drop_index("ix_assessment_assessment_site_start", table_name="assessment_assessment")
    op.drop_column("assessment_assessment", "absent")
    op.drop_table("devices_setting")
    op.drop_table("directory_learnt")
    op.drop_index(op.f("ix_directory_carried_identifier"), table_name="directory_carried")
    op.drop_index(op.f("ix_directory_carried_employee_id"), table_name="directory_carried")
    op.drop_table("directory_carried")
