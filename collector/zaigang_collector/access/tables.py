"""Tables of the access area."""

from __future__ import annotations

import sqlalchemy as sa

from zaigang_collector.db import COUNTER, metadata

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

ACCOUNT = sa.Table(
    "access_account",
    metadata,
    sa.Column("id", sa.String(8), primary_key=True),
    sa.Column("name", sa.String(64), nullable=False, unique=True),  # folded
    sa.Column("employee_id", sa.String(64), unique=True),
    sa.Column("grants", sa.LargeBinary, nullable=False),  # deterministic CBOR
    sa.Column("password", sa.String(200)),  # Argon2id with its numbers; null: none
    sa.Column("must_change", sa.Boolean, nullable=False),
    sa.Column("totp", sa.LargeBinary),  # sealed under the account's key; null: no second factor
    sa.Column("totp_step", sa.BigInteger, nullable=False),  # the newest that was used
    sa.Column("issuer", sa.String(200)),  # who vouches for this person, and under which name
    sa.Column("subject", sa.String(255)),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("locked_ms", sa.BigInteger),  # by an administrator, until unlocked
    sa.Column("last_login_ms", sa.BigInteger),
    sa.Index("uq_access_account_issuer_subject", "issuer", "subject", unique=True),
)

RECOVERY = sa.Table(
    "access_recovery",
    metadata,
    sa.Column("account_id", sa.ForeignKey(ACCOUNT.c.id), primary_key=True),
    sa.Column("code_hash", sa.LargeBinary(32), primary_key=True),  # deleted when it is used
)

SESSION = sa.Table(
    "access_session",
    metadata,
    sa.Column("id", sa.String(8), primary_key=True),
    sa.Column("account_id", sa.ForeignKey(ACCOUNT.c.id), index=True),  # null: by a personal link
    sa.Column("employee_id", sa.String(64), index=True),  # of a personal link
    sa.Column("case_id", sa.String(64)),  # of a personal link
    sa.Column("secret_hash", sa.LargeBinary(32), nullable=False),
    sa.Column("how", sa.String(16), nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("seen_ms", sa.BigInteger, nullable=False),
    sa.Column("expires_ms", sa.BigInteger, nullable=False, index=True),
)

# Tries that did not succeed, by the hash of what was typed.
ATTEMPT = sa.Table(
    "access_attempt",
    metadata,
    sa.Column("key", sa.LargeBinary(32), primary_key=True),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
)

# A sign-in that was begun at a provider and has not come back.
FLOW = sa.Table(
    "access_flow",
    metadata,
    sa.Column("secret_hash", sa.LargeBinary(32), primary_key=True),
    sa.Column("expires_ms", sa.BigInteger, nullable=False),
)

# Personal links to one case.
LINK = sa.Table(
    "access_link",
    metadata,
    sa.Column("id", sa.String(8), primary_key=True),
    sa.Column("secret_hash", sa.LargeBinary(32), nullable=False),
    sa.Column("employee_id", sa.String(64), nullable=False, index=True),
    sa.Column("case_id", sa.String(64), nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("expires_ms", sa.BigInteger, nullable=False),
    sa.Column("ended_ms", sa.BigInteger),  # used, revoked, or tried too often
    sa.Column("code_hash", sa.LargeBinary(32)),  # with the link's secret, which is not here
    sa.Column("code_expires_ms", sa.BigInteger),
    sa.Column("codes_sent", sa.Integer, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
)

EVENT = sa.Table(
    "access_event",
    metadata,
    sa.Column("id", COUNTER, primary_key=True, autoincrement=True),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("account_id", sa.String(8), nullable=False, index=True),
    sa.Column("body", sa.LargeBinary, nullable=False),  # deterministic CBOR; hashed in the ledger
)
