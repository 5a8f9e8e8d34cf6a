"""API tokens: `zgapi-<id>-<secret>`. No commits here."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from zaigang_collector.access.model import ApiToken, DenialReason, Denied, Principal, Scope
from zaigang_collector.access.tables import TOKEN
from zaigang_collector.db import Randomness
from zaigang_collector.errors import UnknownIdError

_SHAPE: Final = re.compile(r"zgapi-([a-z2-7]{8})-([a-z2-7]{32})")
_ID_BYTES: Final = 5
_SECRET_BYTES: Final = 20
# Larger leaves an operator guessing whether a token is in use; smaller turns reads into writes.
_TOUCH_EVERY_MS: Final = 60_000
# Compared with when the id is unknown, so that both ways do the same work.
_NO_HASH: Final = bytes(32)


def create(
    conn: Connection,
    name: str,
    scopes: Iterable[Scope],
    now_ms: int,
    expires_ms: int | None,
    randomness: Randomness,
) -> str:
    """A new token. The text is returned once and kept nowhere; `expires_ms` UTC, None: never."""
    granted = frozenset(scopes)
    if not granted:
        raise ValueError("a token needs at least one scope")
    token_id, secret = _base32(randomness(_ID_BYTES)), _base32(randomness(_SECRET_BYTES))
    conn.execute(
        sa.insert(TOKEN).values(
            id=token_id,
            name=name,
            secret_hash=_hash(secret),
            scopes=" ".join(sorted(granted)),
            created_ms=now_ms,
            expires_ms=expires_ms,
        )
    )
    return f"zgapi-{token_id}-{secret}"


def check(conn: Connection, text: str, now_ms: int) -> Principal | Denied:
    """Who holds this token. Says expired or revoked only to who knows the secret."""
    match = _SHAPE.fullmatch(text.strip())
    if match is None:
        return Denied(DenialReason.MALFORMED, "an API token has the form zgapi-<id>-<secret>")
    token_id, secret = match.groups()
    row = conn.execute(sa.select(TOKEN).where(TOKEN.c.id == token_id)).one_or_none()
    known = _NO_HASH if row is None else row.secret_hash
    if not hmac.compare_digest(known, _hash(secret)) or row is None:
        return Denied(DenialReason.WRONG, "this API token is not known here")
    if row.revoked_ms is not None and row.revoked_ms <= now_ms:
        return Denied(DenialReason.REVOKED, "this API token was revoked; ask for a new one")
    if row.expires_ms is not None and row.expires_ms <= now_ms:
        return Denied(DenialReason.EXPIRED, "this API token has expired; ask for a new one")
    touch_due = row.last_used_ms is None or row.last_used_ms + _TOUCH_EVERY_MS <= now_ms
    return Principal(row.id, row.name, _scopes(row.scopes), touch_due)


def touch(conn: Connection, token_id: str, now_ms: int) -> None:
    """Note that the token was used."""
    conn.execute(sa.update(TOKEN).where(TOKEN.c.id == token_id).values(last_used_ms=now_ms))


def revoke(conn: Connection, token_id: str, now_ms: int) -> None:
    """End a token now. Revoking again keeps the first time. Raises UnknownIdError."""
    known = conn.execute(sa.select(TOKEN.c.id).where(TOKEN.c.id == token_id)).one_or_none()
    if known is None:
        raise UnknownIdError("API token", token_id)
    conn.execute(
        sa.update(TOKEN)
        .where(TOKEN.c.id == token_id, TOKEN.c.revoked_ms.is_(None))
        .values(revoked_ms=now_ms)
    )


def list_all(conn: Connection) -> tuple[ApiToken, ...]:
    """All tokens ever made, the oldest first."""
    query = sa.select(TOKEN).order_by(TOKEN.c.created_ms, TOKEN.c.id)
    return tuple(_token(row) for row in conn.execute(query))


def _token(row: Row[Any]) -> ApiToken:
    return ApiToken(
        id=row.id,
        name=row.name,
        scopes=_scopes(row.scopes),
        created_ms=row.created_ms,
        expires_ms=row.expires_ms,
        revoked_ms=row.revoked_ms,
        last_used_ms=row.last_used_ms,
    )


def _scopes(text: str) -> frozenset[Scope]:
    return frozenset(Scope(word) for word in text.split())


def _hash(secret: str) -> bytes:
    # 160 random bits cannot be searched for: a slow password hash would only slow us down.
    return hashlib.sha256(secret.encode("ascii")).digest()


def _base32(data: bytes) -> str:
    return base64.b32encode(data).decode("ascii").lower()
