"""The tables of version 0.1."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ledger_anchor",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("authority", sa.String(length=200), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("obtained_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("size", "kind", "authority", name=op.f("pk_ledger_anchor")),
    )
    op.create_table(
        "ledger_anchor_state",
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("authority", sa.String(length=200), nullable=False),
        sa.Column("last_try_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since_ms", sa.BigInteger(), nullable=True),
        sa.Column("next_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "authority", name=op.f("pk_ledger_anchor_state")),
    )
    op.create_table(
        "ledger_witnessed",
        sa.Column("origin", sa.String(length=200), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("origin", name=op.f("pk_ledger_witnessed")),
    )
    op.create_table(
        "access_token",
        sa.Column("id", sa.String(length=8), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=True),
        sa.Column("revoked_ms", sa.BigInteger(), nullable=True),
        sa.Column("last_used_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_token")),
    )
    op.create_table(
        "assessment_assessment",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("newest", sa.Boolean(), nullable=False),
        sa.Column("employee_id", sa.String(length=64), nullable=False),
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), nullable=False),
        sa.Column("end_ms", sa.BigInteger(), nullable=False),
        sa.Column("presence", sa.String(length=20), nullable=False),
        sa.Column("work", sa.String(length=20), nullable=False),
        sa.Column("coverage", sa.Float(precision=53), nullable=False),
        sa.Column("provisional", sa.Boolean(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("body_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("evidence_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("policy_hash", sa.String(length=64), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("withdrawn_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", "version", name=op.f("pk_assessment_assessment")),
    )
    op.create_index(
        "ix_assessment_assessment_employee_start",
        "assessment_assessment",
        ["employee_id", "start_ms"],
        unique=False,
    )
    op.create_index(
        "ix_assessment_assessment_start_id",
        "assessment_assessment",
        ["start_ms", "id"],
        unique=False,
    )
    op.create_table(
        "assessment_checked",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("inputs_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("checked_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assessment_checked")),
    )
    op.create_table(
        "assessment_policy",
        sa.Column("policy_hash", sa.String(length=64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("policy_hash", name=op.f("pk_assessment_policy")),
    )
    op.create_table(
        "attendance_clock_in",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("newest", sa.Boolean(), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("source_id", sa.String(length=200), nullable=False),
        sa.Column("employee_id", sa.String(length=64), nullable=False),
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("direction", sa.String(length=3), nullable=False),
        sa.Column("punched_ms", sa.BigInteger(), nullable=False),
        sa.Column("stored_ms", sa.BigInteger(), nullable=False),
        sa.Column("record_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", "version", name=op.f("pk_attendance_clock_in")),
        sa.UniqueConstraint(
            "source",
            "source_id",
            "version",
            name=op.f("uq_attendance_clock_in_source_source_id_version"),
        ),
    )
    op.create_index(
        "ix_attendance_clock_in_employee_punched",
        "attendance_clock_in",
        ["employee_id", "punched_ms"],
        unique=False,
    )
    op.create_index(
        "ix_attendance_clock_in_punched_id",
        "attendance_clock_in",
        ["punched_ms", "id"],
        unique=False,
    )
    op.create_table(
        "attendance_exemption",
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("source_id", sa.String(length=200), nullable=False),
        sa.Column("employee_id", sa.String(length=64), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("to_ms", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("stored_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "source_id", name=op.f("pk_attendance_exemption")),
    )
    op.create_index(
        "ix_attendance_exemption_employee_from",
        "attendance_exemption",
        ["employee_id", "from_ms"],
        unique=False,
    )
    op.create_table(
        "devices_device",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("platform", sa.String(length=100), nullable=False),
        sa.Column("employee_id", sa.String(length=64), nullable=True),
        sa.Column("site_id", sa.String(length=64), nullable=True),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("public_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("rid_key", sa.LargeBinary(length=32), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("revoked_ms", sa.BigInteger(), nullable=True),
        sa.Column("config_version", sa.Integer(), nullable=False),
        sa.Column("config_hash", sa.LargeBinary(length=32), nullable=True),
        sa.Column("token_id", sa.String(length=8), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_devices_device")),
        sa.UniqueConstraint("public_key", name=op.f("uq_devices_device_public_key")),
    )
    op.create_table(
        "devices_token",
        sa.Column("id", sa.String(length=8), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("employee_id", sa.String(length=64), nullable=True),
        sa.Column("site_id", sa.String(length=64), nullable=True),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("replaces", sa.String(length=40), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_devices_token")),
    )
    op.create_table(
        "directory_employee",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("department", sa.String(length=200), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("shift", sa.Text(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_employee")),
    )
    op.create_table(
        "directory_event",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("subject_id", sa.String(length=64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_event")),
    )
    op.create_index(
        "ix_directory_event_kind_subject_id",
        "directory_event",
        ["kind", "subject_id"],
        unique=False,
    )
    op.create_table(
        "directory_site",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("latitude", sa.Float(precision=53), nullable=True),
        sa.Column("longitude", sa.Float(precision=53), nullable=True),
        sa.Column("radius_m", sa.Float(precision=53), nullable=True),
        sa.Column("indoors", sa.Boolean(), nullable=False),
        sa.Column("air_conditioned", sa.Boolean(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_site")),
    )
    op.create_table(
        "ingest_aside",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("device_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("stored_digest", sa.LargeBinary(length=32), nullable=True),
        sa.Column("data", sa.LargeBinary(), nullable=True),
        sa.Column("arrived_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_ingest_aside")),
    )
    op.create_index(op.f("ix_ingest_aside_device_id"), "ingest_aside", ["device_id"], unique=False)
    op.create_table(
        "ingest_boot",
        sa.Column("device_id", sa.String(length=40), nullable=False),
        sa.Column("boot", sa.LargeBinary(length=16), nullable=False),
        sa.Column("hour", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("first_up_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_up_ms", sa.BigInteger(), nullable=False),
        sa.Column("first_seq", sa.BigInteger(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("low_ms", sa.BigInteger(), nullable=True),
        sa.Column("high_ms", sa.BigInteger(), nullable=False),
        sa.Column("arrived_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("device_id", "boot", "hour", name=op.f("pk_ingest_boot")),
    )
    op.create_index(
        "ix_ingest_boot_device_id_arrived_ms",
        "ingest_boot",
        ["device_id", "arrived_ms"],
        unique=False,
    )
    op.create_table(
        "ingest_chain",
        sa.Column("device_id", sa.String(length=40), nullable=False),
        sa.Column("through", sa.BigInteger(), nullable=False),
        sa.Column("head", sa.LargeBinary(length=32), nullable=False),
        sa.Column("max_seq", sa.BigInteger(), nullable=False),
        sa.Column("stored", sa.BigInteger(), nullable=False),
        sa.Column("broken_seq", sa.BigInteger(), nullable=True),
        sa.Column("receipt", sa.LargeBinary(), nullable=True),
        sa.Column("seen_ms", sa.BigInteger(), nullable=False),
        sa.Column("agent", sa.String(length=64), nullable=True),
        sa.Column("spooled", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("device_id", name=op.f("pk_ingest_chain")),
    )
    op.create_table(
        "ingest_envelope",
        sa.Column("device_id", sa.String(length=40), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("prev", sa.LargeBinary(length=32), nullable=False),
        sa.Column("boot", sa.LargeBinary(length=16), nullable=False),
        sa.Column("up_ms", sa.BigInteger(), nullable=False),
        sa.Column("wall_ms", sa.BigInteger(), nullable=False),
        sa.Column("sync", sa.Boolean(), nullable=False),
        sa.Column("rcpt", sa.LargeBinary(length=32), nullable=True),
        sa.Column("arrived_ms", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("device_id", "seq", name=op.f("pk_ingest_envelope")),
        sa.UniqueConstraint("digest", name=op.f("uq_ingest_envelope_digest")),
    )
    op.create_table(
        "ingest_event",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("device_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("subject", sa.String(length=100), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("detail", sa.String(length=300), nullable=False),
        sa.Column("envelope", sa.LargeBinary(length=32), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ingest_event")),
        sa.UniqueConstraint(
            "device_id", "kind", "subject", name=op.f("uq_ingest_event_device_id_kind_subject")
        ),
    )
    op.create_table(
        "ingest_receipt",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("device_id", sa.String(length=40), nullable=False),
        sa.Column("through", sa.BigInteger(), nullable=False),
        sa.Column("head", sa.LargeBinary(length=32), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_ingest_receipt")),
    )
    op.create_index(
        "ix_ingest_receipt_device_id_through",
        "ingest_receipt",
        ["device_id", "through"],
        unique=False,
    )
    op.create_table(
        "ingest_refusal",
        sa.Column("reason", sa.String(length=30), nullable=False),
        sa.Column("device_id", sa.String(length=40), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("last_detail", sa.String(length=300), nullable=False),
        sa.Column("last_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("reason", "device_id", "day", name=op.f("pk_ingest_refusal")),
    )
    op.create_table(
        "ingest_state",
        sa.Column("device_id", sa.String(length=40), nullable=False),
        sa.Column("online", sa.Boolean(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("device_id", name=op.f("pk_ingest_state")),
    )
    op.create_table(
        "ledger_entry",
        sa.Column(
            "queue_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("idx", sa.BigInteger(), nullable=True),
        sa.Column("type", sa.String(length=20), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("body_hash", sa.LargeBinary(length=32), nullable=True),
        sa.Column("salt", sa.LargeBinary(length=16), nullable=True),
        sa.Column("leaf", sa.LargeBinary(length=32), nullable=True),
        sa.Column("ref", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("queue_id", name=op.f("pk_ledger_entry")),
        sa.UniqueConstraint("idx", name=op.f("uq_ledger_entry_idx")),
    )
    op.create_index("ix_ledger_entry_type_ref", "ledger_entry", ["type", "ref"], unique=False)
    op.create_table(
        "ledger_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("origin", sa.String(length=200), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("edge", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_head")),
    )
    op.create_table(
        "ledger_tile",
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("idx", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "idx", name=op.f("pk_ledger_tile")),
    )
    op.create_table(
        "ledger_checkpoint",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("pinned", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_ledger_checkpoint")),
    )
    op.create_table(
        "ledger_event",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_event")),
    )
    op.create_table(
        "ledger_lease",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("holder", sa.String(length=40), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_ledger_lease")),
    )
    op.create_table(
        "vault_hold",
        sa.Column("employee_id", sa.String(length=64), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("why", sa.String(length=500), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.Column("lifted_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("employee_id", "from_ms", name=op.f("pk_vault_hold")),
    )
    op.create_table(
        "vault_key",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("subject_kind", sa.String(length=10), nullable=False),
        sa.Column("subject_id", sa.String(length=64), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=True),
        sa.Column("master_id", sa.String(length=100), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("destroyed_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vault_key")),
    )
    op.create_index(
        "ix_vault_key_subject", "vault_key", ["subject_kind", "subject_id"], unique=False
    )
    op.create_index(
        "uq_vault_key_living",
        "vault_key",
        ["subject_kind", "subject_id"],
        unique=True,
        sqlite_where=sa.text("destroyed_ms IS NULL"),
        postgresql_where=sa.text("destroyed_ms IS NULL"),
    )
    op.create_table(
        "vault_look",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("employee_id", sa.String(length=64), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vault_look")),
    )
    op.create_index("ix_vault_look_employee_id_id", "vault_look", ["employee_id", "id"])
    op.create_table(
        "vault_pending",
        sa.Column("what", sa.String(length=40), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("what", name=op.f("pk_vault_pending")),
    )
    op.create_table(
        "vault_master",
        sa.Column("slot", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("master_id", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("slot", name=op.f("pk_vault_master")),
    )
    op.create_table(
        "vault_tombstone",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vault_tombstone")),
    )
    op.create_index(op.f("ix_vault_tombstone_kind"), "vault_tombstone", ["kind"], unique=False)
    op.create_table(
        "devices_certificate",
        sa.Column("fingerprint", sa.LargeBinary(length=32), nullable=False),
        sa.Column("device_id", sa.String(length=40), nullable=False),
        sa.Column("serial", sa.String(length=40), nullable=False),
        sa.Column("not_before_ms", sa.BigInteger(), nullable=False),
        sa.Column("not_after_ms", sa.BigInteger(), nullable=False),
        sa.Column("der", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_id"],
            ["devices_device.id"],
            name=op.f("fk_devices_certificate_device_id_devices_device"),
        ),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_devices_certificate")),
    )
    op.create_index(
        op.f("ix_devices_certificate_device_id"), "devices_certificate", ["device_id"], unique=False
    )
    op.create_table(
        "devices_event",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("device_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_id"],
            ["devices_device.id"],
            name=op.f("fk_devices_event_device_id_devices_device"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_devices_event")),
    )
    op.create_index(
        op.f("ix_devices_event_device_id"), "devices_event", ["device_id"], unique=False
    )
    op.create_table(
        "devices_holding",
        sa.Column("device_id", sa.String(length=40), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), nullable=False),
        sa.Column("to_ms", sa.BigInteger(), nullable=True),
        sa.Column("employee_id", sa.String(length=64), nullable=True),
        sa.Column("site_id", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["device_id"],
            ["devices_device.id"],
            name=op.f("fk_devices_holding_device_id_devices_device"),
        ),
        sa.PrimaryKeyConstraint("device_id", "from_ms", name=op.f("pk_devices_holding")),
    )
    op.create_index(
        "ix_devices_holding_employee_id", "devices_holding", ["employee_id"], unique=False
    )
    op.create_index("ix_devices_holding_site_id", "devices_holding", ["site_id"], unique=False)
    op.create_table(
        "directory_assignment",
        sa.Column("employee_id", sa.String(length=64), nullable=False),
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("from_day", sa.String(length=10), nullable=False),
        sa.Column("to_day", sa.String(length=10), nullable=True),
        sa.ForeignKeyConstraint(
            ["employee_id"],
            ["directory_employee.id"],
            name=op.f("fk_directory_assignment_employee_id_directory_employee"),
        ),
        sa.ForeignKeyConstraint(
            ["site_id"],
            ["directory_site.id"],
            name=op.f("fk_directory_assignment_site_id_directory_site"),
        ),
        sa.PrimaryKeyConstraint(
            "employee_id", "site_id", "from_day", name=op.f("pk_directory_assignment")
        ),
    )
    op.create_index(
        "ix_directory_assignment_site_id", "directory_assignment", ["site_id"], unique=False
    )
    op.create_table(
        "directory_person_place",
        sa.Column("employee_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("value", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["employee_id"],
            ["directory_employee.id"],
            name=op.f("fk_directory_person_place_employee_id_directory_employee"),
        ),
        sa.PrimaryKeyConstraint(
            "employee_id", "kind", "value", name=op.f("pk_directory_person_place")
        ),
    )
    op.create_table(
        "directory_site_network",
        sa.Column("site_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("value", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["site_id"],
            ["directory_site.id"],
            name=op.f("fk_directory_site_network_site_id_directory_site"),
        ),
        sa.PrimaryKeyConstraint("site_id", "kind", "value", name=op.f("pk_directory_site_network")),
    )


def downgrade() -> None:
    op.drop_table("directory_site_network")
    op.drop_table("directory_person_place")
    op.drop_index("ix_directory_assignment_site_id", table_name="directory_assignment")
    op.drop_table("directory_assignment")
    op.drop_index("ix_devices_holding_site_id", table_name="devices_holding")
    op.drop_index("ix_devices_holding_employee_id", table_name="devices_holding")
    op.drop_table("devices_holding")
    op.drop_index(op.f("ix_devices_event_device_id"), table_name="devices_event")
    op.drop_table("devices_event")
    op.drop_index(op.f("ix_devices_certificate_device_id"), table_name="devices_certificate")
    op.drop_table("devices_certificate")
    op.drop_index(op.f("ix_vault_tombstone_kind"), table_name="vault_tombstone")
    op.drop_table("vault_tombstone")
    op.drop_table("vault_master")
    op.drop_table("vault_pending")
    op.drop_index("ix_vault_look_employee_id_id", table_name="vault_look")
    op.drop_table("vault_look")
    op.drop_index("uq_vault_key_living", table_name="vault_key")
    op.drop_index("ix_vault_key_subject", table_name="vault_key")
    op.drop_table("vault_key")
    op.drop_table("vault_hold")
    op.drop_index("ix_ledger_entry_type_ref", table_name="ledger_entry")
    op.drop_table("ledger_lease")
    op.drop_table("ledger_event")
    op.drop_table("ledger_checkpoint")
    op.drop_table("ledger_tile")
    op.drop_table("ledger_head")
    op.drop_table("ledger_entry")
    op.drop_table("ingest_state")
    op.drop_table("ingest_refusal")
    op.drop_index("ix_ingest_receipt_device_id_through", table_name="ingest_receipt")
    op.drop_table("ingest_receipt")
    op.drop_table("ingest_event")
    op.drop_table("ingest_envelope")
    op.drop_table("ingest_chain")
    op.drop_index("ix_ingest_boot_device_id_arrived_ms", table_name="ingest_boot")
    op.drop_table("ingest_boot")
    op.drop_index(op.f("ix_ingest_aside_device_id"), table_name="ingest_aside")
    op.drop_table("ingest_aside")
    op.drop_table("directory_site")
    op.drop_index("ix_directory_event_kind_subject_id", table_name="directory_event")
    op.drop_table("directory_event")
    op.drop_table("directory_employee")
    op.drop_table("devices_token")
    op.drop_table("devices_device")
    op.drop_index("ix_attendance_exemption_employee_from", table_name="attendance_exemption")
    op.drop_table("attendance_exemption")
    op.drop_index("ix_attendance_clock_in_punched_id", table_name="attendance_clock_in")
    op.drop_index("ix_attendance_clock_in_employee_punched", table_name="attendance_clock_in")
    op.drop_table("attendance_clock_in")
    op.drop_table("assessment_policy")
    op.drop_table("assessment_checked")
    op.drop_index("ix_assessment_assessment_start_id", table_name="assessment_assessment")
    op.drop_index("ix_assessment_assessment_employee_start", table_name="assessment_assessment")
    op.drop_table("assessment_assessment")
    op.drop_table("access_token")
    op.drop_table("ledger_witnessed")
    op.drop_table("ledger_anchor_state")
    op.drop_table("ledger_anchor")
