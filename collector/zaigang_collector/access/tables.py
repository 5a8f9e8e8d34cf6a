"""Tables of the access area."""

from __future__ import annotations

import sqlalchemy as sa

from zaigang_collector.db import metadata

TOKEN = sa.Table(
    "access_token",
    metadata,
    sa.Column("id", sa.String(8), primary_key=True),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("secret_hash", sa.LargeBinary(32), nullable=False),
    sa.Column("scopes", sa.Text, nullable=False),  # separated by blanks, sorted
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("expires_ms", sa.BigInteger),
    sa.Column("revoked_ms", sa.BigInteger),
    sa.Column("last_used_ms", sa.BigInteger),
)
