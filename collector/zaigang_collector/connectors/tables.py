"""Tables of the connectors' area."""

from __future__ import annotations

import sqlalchemy as sa

from zaigang_collector.db import metadata

# How far each source was read, and how it is.
STATE = sa.Table(
    "connectors_state",
    metadata,
    sa.Column("source", sa.String(40), primary_key=True),
    sa.Column("kind", sa.String(20), primary_key=True),
    sa.Column("through_ms", sa.BigInteger),  # everything before this was read at least once
    sa.Column("last_success_ms", sa.BigInteger),
    sa.Column("last_try_ms", sa.BigInteger, nullable=False),
    sa.Column("next_ms", sa.BigInteger, nullable=False),
    sa.Column("failures", sa.Integer, nullable=False),  # in a row
    sa.Column("failing_since_ms", sa.BigInteger),
    sa.Column("reason", sa.String(20)),  # errors.Reason; NULL: the last try was a success
    sa.Column("code", sa.String(80), nullable=False),  # the vendor's
    sa.Column("permission", sa.String(80), nullable=False),
)

# Whom the source knows. Of people who are nobody of ours only the source's id is held, so that they
# can be listed; nothing that they did is asked for.
PERSON = sa.Table(
    "connectors_person",
    metadata,
    sa.Column("source", sa.String(40), primary_key=True),
    sa.Column("vendor_id", sa.String(200), primary_key=True),
    sa.Column("employee_id", sa.String(64), index=True),  # NULL: nobody of ours
    sa.Column("seen_ms", sa.BigInteger, nullable=False),  # when it was last listed
    sa.Column("answered", sa.Boolean, nullable=False),  # False: listed, and not answered for
)

# Until when each person was read of a kind; no row: never. Somebody who becomes ours later than
# others has a past of their own to be read.
READ = sa.Table(
    "connectors_read",
    metadata,
    sa.Column("source", sa.String(40), primary_key=True),
    sa.Column("vendor_id", sa.String(200), primary_key=True),
    sa.Column("kind", sa.String(20), primary_key=True),
    sa.Column("through_ms", sa.BigInteger, nullable=False),
)

# Records that are no clock-in, or not yet: kept with the reason, counted nowhere.
ASIDE = sa.Table(
    "connectors_aside",
    metadata,
    sa.Column("source", sa.String(40), primary_key=True),
    sa.Column("vendor_id", sa.String(200), primary_key=True),
    sa.Column("employee_id", sa.String(64), nullable=False, index=True),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("why", sa.String(20), nullable=False),
    sa.Column("record_hash", sa.LargeBinary(32), nullable=False),  # of the body as it was sealed
    sa.Column("body", sa.LargeBinary, nullable=False),  # sealed under the person's key
    sa.Column("stored_ms", sa.BigInteger, nullable=False),
)

# What was odd: a word of an enumeration that we do not know, a record that cannot be read.
ODDITY = sa.Table(
    "connectors_oddity",
    metadata,
    sa.Column("source", sa.String(40), primary_key=True),
    sa.Column("what", sa.String(120), primary_key=True),  # names fields and codes, never a value
    sa.Column("first_ms", sa.BigInteger, nullable=False),
    sa.Column("last_ms", sa.BigInteger, nullable=False),
)

# How the files of a source are read, as somebody confirmed it: headings of columns, never a value.
SHEET = sa.Table(
    "connectors_sheet",
    metadata,
    sa.Column("source", sa.String(40), primary_key=True),
    sa.Column("form", sa.String(16), primary_key=True),  # of the set of headings
    sa.Column("columns", sa.LargeBinary, nullable=False),  # mapping.ColumnMap as JSON
    sa.Column("confirmed_ms", sa.BigInteger, nullable=False),
)
