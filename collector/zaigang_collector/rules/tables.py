"""Tables of rules and alerts."""

from __future__ import annotations

import sqlalchemy as sa

from zaigang_collector.db import COUNTER, metadata

# What was said of rules, in order: made, switched on or off, suspended. The newest of a kind counts.
RULE_EVENT = sa.Table(
    "rules_event",
    metadata,
    sa.Column("id", COUNTER, primary_key=True, autoincrement=True),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("rule_id", sa.String(40), nullable=False),
    sa.Column("kind", sa.String(12), nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),  # deterministic CBOR, hashed in the ledger
    sa.Index("ix_rules_event_rule_id", "rule_id"),
)

# Facts that rest on readings, of one version of an assessment. Can be dropped and computed again, as
# long as the readings are kept.
FACT = sa.Table(
    "rules_fact",
    metadata,
    sa.Column("assessment_id", sa.String(40), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("employee_id", sa.String(64), nullable=False, index=True),
    sa.Column("start_ms", sa.BigInteger, nullable=False, index=True),
    sa.Column("body", sa.LargeBinary, nullable=False),  # sealed under the person's key
)

# Where each alert stands: what its events add up to.
ALERT = sa.Table(
    "rules_alert",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("rule_id", sa.String(40), nullable=False),
    sa.Column("severity", sa.String(12), nullable=False),
    sa.Column("state", sa.String(12), nullable=False),
    sa.Column("conclusion", sa.String(16)),  # upheld or overturned, once somebody has said
    sa.Column("employee_id", sa.String(64)),  # null: about the infrastructure
    sa.Column("site_id", sa.String(64), nullable=False),
    sa.Column("day", sa.String(10), nullable=False),
    sa.Column("subject", sa.String(200), nullable=False),
    sa.Column("start_ms", sa.BigInteger, nullable=False),
    sa.Column("end_ms", sa.BigInteger, nullable=False),
    sa.Column("raised_ms", sa.BigInteger, nullable=False),
    sa.Column("changed_ms", sa.BigInteger, nullable=False),
    sa.Column("event_id", sa.BigInteger, nullable=False),  # the event that holds its content
    sa.Index("ix_rules_alert_employee_id_day", "employee_id", "day"),
    sa.Index("ix_rules_alert_state_day", "state", "day"),
    sa.Index("ix_rules_alert_raised_ms_id", "raised_ms", "id"),
)

ALERT_EVENT = sa.Table(
    "rules_alert_event",
    metadata,
    sa.Column("id", COUNTER, primary_key=True, autoincrement=True),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("alert_id", sa.String(40), nullable=False),
    sa.Column("kind", sa.String(12), nullable=False),
    sa.Column("employee_id", sa.String(64), index=True),
    # Deterministic CBOR, hashed in the ledger; of a person: sealed under their key; null only until
    # the row has its number, which is its place.
    sa.Column("body", sa.LargeBinary),
    sa.Index("ix_rules_alert_event_alert_id", "alert_id"),
)
