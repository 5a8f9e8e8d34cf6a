"""Tables of the directory area."""

from __future__ import annotations

import sqlalchemy as sa

from zaigang_collector.db import COUNTER, metadata

SITE = sa.Table(
    "directory_site",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("time_zone", sa.String(64), nullable=False),
    sa.Column("latitude", sa.Float(53)),
    sa.Column("longitude", sa.Float(53)),
    sa.Column("radius_m", sa.Float(53)),
    sa.Column("indoors", sa.Boolean, nullable=False),
    sa.Column("air_conditioned", sa.Boolean, nullable=False),
    sa.Column("changed_ms", sa.BigInteger, nullable=False),
)

SITE_NETWORK = sa.Table(
    "directory_site_network",
    metadata,
    sa.Column("site_id", sa.ForeignKey(SITE.c.id), primary_key=True),
    sa.Column("kind", sa.String(20), primary_key=True),
    sa.Column("value", sa.String(64), primary_key=True),  # hex digits of the hash, or the range
)

EMPLOYEE = sa.Table(
    "directory_employee",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("department", sa.String(200), nullable=False),
    sa.Column("language", sa.String(8), nullable=False),
    sa.Column("time_zone", sa.String(64), nullable=False),
    sa.Column("shift", sa.Text, nullable=False),  # JSON [[weekday, from_min, to_min], ...]
    sa.Column("changed_ms", sa.BigInteger, nullable=False),
)

PERSON_PLACE = sa.Table(
    "directory_person_place",
    metadata,
    sa.Column("employee_id", sa.ForeignKey(EMPLOYEE.c.id), primary_key=True),
    sa.Column("kind", sa.String(20), primary_key=True),
    sa.Column("value", sa.String(64), primary_key=True),
)

# Bluetooth badges and thermometers: whose they are. By `format` an identifier is that of a beacon
# (ibeacon, altbeacon, eddystone: a badge) or the address of a thermometer (bthome, ruuvi, atc). What
# was taken back stays: evidence of last month belongs to who carried it then.
CARRIED = sa.Table(
    "directory_carried",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),  # what it is called in readings
    sa.Column("from_ms", sa.BigInteger, primary_key=True),
    sa.Column("to_ms", sa.BigInteger),
    sa.Column("employee_id", sa.ForeignKey(EMPLOYEE.c.id), nullable=False, index=True),
    sa.Column("format", sa.String(12), nullable=False),
    sa.Column("identifier", sa.String(64), nullable=False, index=True),  # hex digits
    sa.Column("key", sa.LargeBinary(16)),  # BTHome bind key, while it is registered
)

# What confirmed days taught of a person at a site, once somebody has accepted it.
LEARNT = sa.Table(
    "directory_learnt",
    metadata,
    sa.Column("employee_id", sa.ForeignKey(EMPLOYEE.c.id), primary_key=True),
    sa.Column("site_id", sa.ForeignKey(SITE.c.id), primary_key=True),
    sa.Column("name", sa.String(64), primary_key=True),  # coverage, or a carried sensor
    sa.Column("value", sa.Float(53), nullable=False),
    sa.Column("sd", sa.Float(53)),
    sa.Column("days", sa.Integer, nullable=False),
    sa.Column("since_ms", sa.BigInteger, nullable=False),
)

ASSIGNMENT = sa.Table(
    "directory_assignment",
    metadata,
    sa.Column("employee_id", sa.ForeignKey(EMPLOYEE.c.id), primary_key=True),
    sa.Column("site_id", sa.ForeignKey(SITE.c.id), primary_key=True),
    sa.Column("from_day", sa.String(10), primary_key=True),  # ISO 8601, so that text order is time
    sa.Column("to_day", sa.String(10)),
    sa.Index("ix_directory_assignment_site_id", "site_id"),
)

EVENT = sa.Table(
    "directory_event",
    metadata,
    sa.Column("id", COUNTER, primary_key=True, autoincrement=True),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("subject_id", sa.String(64), nullable=False),
    # Deterministic CBOR, hashed in the ledger; of a person: sealed under their key; null: forgotten.
    sa.Column("body", sa.LargeBinary),
    sa.Index("ix_directory_event_kind_subject_id", "kind", "subject_id"),
)
