"""Tables of the assessment area. All of them can be dropped and computed again."""

from __future__ import annotations

import sqlalchemy as sa

from zaigang_collector.db import metadata

ASSESSMENT = sa.Table(
    "assessment_assessment",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("newest", sa.Boolean, nullable=False),
    sa.Column("employee_id", sa.String(64), nullable=False),
    sa.Column("site_id", sa.String(64), nullable=False),
    sa.Column("start_ms", sa.BigInteger, nullable=False),
    sa.Column("end_ms", sa.BigInteger, nullable=False),
    sa.Column("presence", sa.String(20), nullable=False),
    sa.Column("work", sa.String(20), nullable=False),
    sa.Column("coverage", sa.Float(53), nullable=False),
    sa.Column("provisional", sa.Boolean, nullable=False),
    # Contradicted, or only not because many at the site seemed absent at once.
    sa.Column("absent", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("body", sa.LargeBinary, nullable=False),  # sealed under the person's key
    sa.Column("body_hash", sa.LargeBinary(32), nullable=False),
    sa.Column("evidence_hash", sa.LargeBinary(32), nullable=False),
    sa.Column("policy_hash", sa.String(64), nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("withdrawn_ms", sa.BigInteger),
    sa.Index("ix_assessment_assessment_employee_start", "employee_id", "start_ms"),
    sa.Index("ix_assessment_assessment_start_id", "start_ms", "id"),
    sa.Index("ix_assessment_assessment_site_start", "site_id", "start_ms"),
)

# What an interval's last judging looked at, so that nothing is gathered when nothing has come.
CHECKED = sa.Table(
    "assessment_checked",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("inputs_hash", sa.LargeBinary(32), nullable=False),
    sa.Column("checked_ms", sa.BigInteger, nullable=False),
)

POLICY = sa.Table(
    "assessment_policy",
    metadata,
    sa.Column("policy_hash", sa.String(64), primary_key=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
)
