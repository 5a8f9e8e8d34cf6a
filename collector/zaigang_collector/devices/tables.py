"""Tables of the devices area."""

from __future__ import annotations

import sqlalchemy as sa

from zaigang_collector.db import COUNTER, metadata

DEVICE = sa.Table(
    "devices_device",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("kind", sa.String(10), nullable=False),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("platform", sa.String(100), nullable=False),
    sa.Column("employee_id", sa.String(64)),
    sa.Column("site_id", sa.String(64)),
    sa.Column("status", sa.String(12), nullable=False),
    sa.Column("public_key", sa.LargeBinary(32), nullable=False, unique=True),
    sa.Column("rid_key", sa.LargeBinary(32)),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("revoked_ms", sa.BigInteger),
    sa.Column("config_version", sa.Integer, nullable=False),
    sa.Column("config_hash", sa.LargeBinary(32)),  # of the content last handed out
    sa.Column("token_id", sa.String(8), nullable=False),  # under which it enrolled
)

# Whose a laptop was, or where a node was, at any time: evidence of last month belongs to who held
# the device then.
HOLDING = sa.Table(
    "devices_holding",
    metadata,
    sa.Column("device_id", sa.ForeignKey(DEVICE.c.id), primary_key=True),
    sa.Column("from_ms", sa.BigInteger, primary_key=True),
    sa.Column("to_ms", sa.BigInteger),
    sa.Column("employee_id", sa.String(64)),
    sa.Column("site_id", sa.String(64)),
    sa.Index("ix_devices_holding_employee_id", "employee_id"),
    sa.Index("ix_devices_holding_site_id", "site_id"),
)

# What IT has set for one device beside what holds for all: a sensor profile, other intervals.
SETTING = sa.Table(
    "devices_setting",
    metadata,
    sa.Column("device_id", sa.ForeignKey(DEVICE.c.id), primary_key=True),
    sa.Column("name", sa.String(40), primary_key=True),  # as in `device_config.DeviceConfig`
    sa.Column("value", sa.Text, nullable=False),  # JSON
    sa.Column("changed_ms", sa.BigInteger, nullable=False),
)

CERTIFICATE = sa.Table(
    "devices_certificate",
    metadata,
    sa.Column("fingerprint", sa.LargeBinary(32), primary_key=True),  # SHA-256 of the DER
    sa.Column("device_id", sa.ForeignKey(DEVICE.c.id), nullable=False, index=True),
    sa.Column("serial", sa.String(40), nullable=False),  # hex: up to 159 bits
    sa.Column("not_before_ms", sa.BigInteger, nullable=False),
    sa.Column("not_after_ms", sa.BigInteger, nullable=False),
    sa.Column("der", sa.LargeBinary, nullable=False),
)

TOKEN = sa.Table(
    "devices_token",
    metadata,
    sa.Column("id", sa.String(8), primary_key=True),
    sa.Column("secret_hash", sa.LargeBinary(32), nullable=False),
    sa.Column("kind", sa.String(10), nullable=False),
    sa.Column("employee_id", sa.String(64)),
    sa.Column("site_id", sa.String(64)),
    sa.Column("uses", sa.Integer, nullable=False),
    sa.Column("used", sa.Integer, nullable=False),
    sa.Column("replaces", sa.String(40)),  # the device whose key this enrolment ends
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("expires_ms", sa.BigInteger, nullable=False),
    sa.Column("last_used_ms", sa.BigInteger),
)

EVENT = sa.Table(
    "devices_event",
    metadata,
    sa.Column("id", COUNTER, primary_key=True, autoincrement=True),
    sa.Column("device_id", sa.ForeignKey(DEVICE.c.id), nullable=False, index=True),
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),  # deterministic CBOR; hashed in the ledger
)
