"""Sealing and opening bodies under their subject's key. No commits here.

Sealed: version 1 (1 byte) || key id (16) || nonce (12) || AES-256-GCM ciphertext and tag, with the
associated data b"zaigang/vault/1" || context.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection

from zaigang_collector import db
from zaigang_collector.db import Randomness
from zaigang_collector.errors import ConfigError, ForgottenError, VaultError
from zaigang_collector.vault.master import Master
from zaigang_collector.vault.model import Subject, SubjectKind, ToSeal
from zaigang_collector.vault.tables import KEY, MASTER

KEY_BYTES: Final = 32
KEY_ID_BYTES: Final = 16
# Random nonces of 96 bits: NIST SP 800-38D allows 2**32 under one key, a person's device seals some
# 10**5 a year.
_NONCE_BYTES: Final = 12
_VERSION: Final = b"\1"
_KEY_AT: Final = len(_VERSION)
_NONCE_AT: Final = _KEY_AT + KEY_ID_BYTES
_BODY_AT: Final = _NONCE_AT + _NONCE_BYTES
_LABEL: Final = b"zaigang/vault/1"
_SLOT: Final = 1
_PAGE: Final = 500  # ids in one question; SQLite takes some thousands


@dataclass(frozen=True, slots=True)
class _Wrapped:
    id: bytes
    wrapped: bytes
    master_id: str


class Vault:
    """Seals and opens. Unwrapped keys stay in memory, by key id; whether one still lives is asked of
    the database each time, so that a destroyed key is never used because somebody remembers it."""

    def __init__(self, masters: Sequence[Master], randomness: Randomness) -> None:
        """`masters`: all that are at hand, first the one to begin with in a new database."""
        self._first = masters[0].id
        self._masters = {master.id: master for master in masters}
        self._randomness = randomness
        self._ciphers: dict[bytes, AESGCM] = {}

    def __repr__(self) -> str:  # in a traceback it must not be usable
        return "Vault(…)"

    def check(self, conn: Connection) -> None:
        """Raise ConfigError when the master key in use is not among those at hand."""
        current = current_master(conn)
        if current is not None and current not in self._masters:
            raise _not_at_hand(current, self._masters)

    def seal(
        self, conn: Connection, subject: Subject, plaintext: bytes, context: bytes, now_ms: int
    ) -> bytes:
        """`plaintext` under the subject's key, which is made (at `now_ms`) when there is none."""
        (sealed,) = self.seal_many(conn, [ToSeal(subject, plaintext, context)], now_ms)
        return sealed

    def seal_many(self, conn: Connection, items: Sequence[ToSeal], now_ms: int) -> list[bytes]:
        """The same for many, with one look at the keys."""
        if not items:
            return []
        keys = self._living(conn, {item.subject for item in items}, now_ms)
        nonces = self._randomness(_NONCE_BYTES * len(items))
        sealed = []
        for index, item in enumerate(items):
            key = keys[item.subject]
            nonce = nonces[index * _NONCE_BYTES : (index + 1) * _NONCE_BYTES]
            body = self._cipher(key).encrypt(nonce, item.plaintext, _LABEL + item.context)
            sealed.append(b"".join((_VERSION, key.id, nonce, body)))
        return sealed

    def open(self, conn: Connection, sealed: bytes, context: bytes) -> bytes:
        """What was sealed for this place. Raises ForgottenError when its key was destroyed, and
        VaultError when it is damaged or belongs somewhere else."""
        (opened,) = self.open_many(conn, [(sealed, context)])
        if opened is None:
            raise ForgottenError("this was forgotten: its key was destroyed")
        return opened

    def open_many(
        self, conn: Connection, items: Sequence[tuple[bytes, bytes]]
    ) -> list[bytes | None]:
        """The same for many (sealed, context), with one look at the keys; None: forgotten."""
        keys = _by_id(conn, {key_id_of(sealed) for sealed, _ in items})
        opened: list[bytes | None] = []
        for sealed, context in items:
            key_id = key_id_of(sealed)
            if key_id not in keys:
                raise VaultError(
                    f"there is no key {key_id.hex()}: the database lost a row, or the body is "
                    "another collector's; restore it from a backup"
                )
            key = keys[key_id]
            if key is None:
                self._ciphers.pop(key_id, None)
                opened.append(None)
                continue
            try:
                plaintext = self._cipher(key).decrypt(
                    sealed[_NONCE_AT:_BODY_AT], sealed[_BODY_AT:], _LABEL + context
                )
            except InvalidTag:
                raise VaultError(
                    f"the body of {_told(context)} was changed or belongs somewhere else; restore "
                    "the database from a backup"
                ) from None
            opened.append(plaintext)
        return opened

    def destroy(self, conn: Connection, subject: Subject, now_ms: int) -> int:
        """Destroy the subject's living key: what is sealed under it is gone for good. Returns how
        many there were, 0 or 1. Should something come in later, it gets a new key."""
        gone = conn.scalars(
            sa.update(KEY)
            .where(_of(subject), KEY.c.destroyed_ms.is_(None))
            .values(wrapped=None, destroyed_ms=now_ms)
            .returning(KEY.c.id)
        ).all()
        for key_id in gone:
            self._ciphers.pop(key_id, None)
        return len(gone)

    def rewrap(self, conn: Connection, to: Master) -> int:
        """Wrap every living key with another master key from now on; bodies stay as they are.
        Returns how many. Raises VaultError when `to` does not give back what it wrapped."""
        self._current(conn, lock=True)
        rows = conn.execute(sa.select(KEY).where(KEY.c.wrapped.is_not(None)).with_for_update())
        changed = []
        for row in rows.all():
            key = self._unwrapped(_Wrapped(row.id, row.wrapped, row.master_id))
            wrapped = to.wrap(key)
            if to.unwrap(wrapped) != key:
                raise VaultError(
                    f"the master key {to.id} does not give back what it wrapped; nothing was changed"
                )
            changed.append({"key_id": row.id, "wrapped": wrapped, "master_id": to.id})
        if changed:
            conn.execute(sa.update(KEY).where(KEY.c.id == sa.bindparam("key_id")), changed)
        db.upsert(conn, MASTER, [{"slot": _SLOT, "master_id": to.id}])
        self._masters[to.id] = to
        return len(changed)

    def _living(
        self, conn: Connection, subjects: Collection[Subject], now_ms: int
    ) -> dict[Subject, _Wrapped]:
        found = _living(conn, subjects)
        missing = sorted(set(subjects) - found.keys(), key=lambda one: (one.kind, one.id))
        if missing:
            master = self._current(conn)
            db.insert_ignore(conn, KEY, [self._new(one, master, now_ms) for one in missing])
            # Somebody else may have been first: theirs holds, and ours was never used.
            found |= _living(conn, missing)
        return found

    def _new(self, subject: Subject, master: Master, now_ms: int) -> dict[str, Any]:
        return {
            "id": self._randomness(KEY_ID_BYTES),
            "subject_kind": subject.kind.value,
            "subject_id": subject.id,
            "wrapped": master.wrap(self._randomness(KEY_BYTES)),
            "master_id": master.id,
            "created_ms": now_ms,
        }

    def _current(self, conn: Connection, *, lock: bool = False) -> Master:
        query = sa.select(MASTER.c.master_id).where(MASTER.c.slot == _SLOT)
        query = query.with_for_update(read=not lock)
        current = conn.execute(query).scalar_one_or_none()
        if current is None:
            db.insert_ignore(conn, MASTER, [{"slot": _SLOT, "master_id": self._first}])
            current = conn.execute(query).scalar_one()
        if current not in self._masters:
            raise _not_at_hand(current, self._masters)
        return self._masters[current]

    def _cipher(self, key: _Wrapped) -> AESGCM:
        cipher = self._ciphers.get(key.id)
        if cipher is None:
            cipher = self._ciphers[key.id] = AESGCM(self._unwrapped(key))
        return cipher

    def _unwrapped(self, key: _Wrapped) -> bytes:
        master = self._masters.get(key.master_id)
        if master is None:
            raise _not_at_hand(key.master_id, self._masters)
        return master.unwrap(key.wrapped)


def current_master(conn: Connection) -> str | None:
    """The id of the master key that wraps; None: nothing was ever sealed."""
    return conn.execute(
        sa.select(MASTER.c.master_id).where(MASTER.c.slot == _SLOT)
    ).scalar_one_or_none()


def masters_used(conn: Connection) -> frozenset[str]:
    """Ids of the master keys that are needed to open what is held."""
    query = sa.select(KEY.c.master_id).where(KEY.c.wrapped.is_not(None)).distinct()
    current = current_master(conn)
    return frozenset(conn.scalars(query)) | (frozenset() if current is None else {current})


def key_ids_of(conn: Connection, subjects: Iterable[Subject]) -> frozenset[bytes]:
    """Ids of all keys, living and destroyed, that these ever had: `key_id_of` a sealed body."""
    found: set[bytes] = set()
    for subject in subjects:
        found |= set(conn.scalars(sa.select(KEY.c.id).where(_of(subject))))
    return frozenset(found)


def key_id_of(sealed: bytes) -> bytes:
    """Under which key a body is. Raises VaultError when it is no sealed body."""
    if not sealed.startswith(_VERSION) or len(sealed) < _BODY_AT:
        raise VaultError("a body in the database is not sealed; restore it from a backup")
    return bytes(sealed[_KEY_AT:_NONCE_AT])


def under(column: sa.ColumnElement[Any], key_ids: Collection[bytes]) -> sa.ColumnElement[bool]:
    """Whether a column's sealed body is under one of these keys, for a WHERE."""
    key_id = sa.func.substr(column, _KEY_AT + 1, KEY_ID_BYTES, type_=sa.LargeBinary)
    return key_id.in_(sorted(key_ids))


def _living(conn: Connection, subjects: Collection[Subject]) -> dict[Subject, _Wrapped]:
    by_kind: dict[SubjectKind, list[str]] = {}
    for subject in subjects:
        by_kind.setdefault(subject.kind, []).append(subject.id)
    found = {}
    for kind, ids in by_kind.items():
        query = sa.select(KEY.c.id, KEY.c.subject_id, KEY.c.wrapped, KEY.c.master_id).where(
            KEY.c.subject_kind == kind.value,
            KEY.c.subject_id.in_(ids),
            KEY.c.destroyed_ms.is_(None),
        )
        # Shared: whoever destroys one waits until what is being sealed under it is committed, and
        # so finds it.
        for row in conn.execute(query.with_for_update(read=True)):
            found[Subject(kind, row.subject_id)] = _Wrapped(row.id, row.wrapped, row.master_id)
    return found


def _by_id(conn: Connection, key_ids: Collection[bytes]) -> Mapping[bytes, _Wrapped | None]:
    wanted = sorted(key_ids)
    found: dict[bytes, _Wrapped | None] = {}
    for start in range(0, len(wanted), _PAGE):
        query = sa.select(KEY.c.id, KEY.c.wrapped, KEY.c.master_id).where(
            KEY.c.id.in_(wanted[start : start + _PAGE])
        )
        for row in conn.execute(query):
            alive = row.wrapped is not None
            found[row.id] = _Wrapped(row.id, row.wrapped, row.master_id) if alive else None
    return found


def _of(subject: Subject) -> sa.ColumnElement[bool]:
    return sa.and_(KEY.c.subject_kind == subject.kind.value, KEY.c.subject_id == subject.id)


def _not_at_hand(needed: str, at_hand: Iterable[str]) -> ConfigError:
    return ConfigError(
        f"the database needs the master key {needed}, and there is {', '.join(sorted(at_hand))}; "
        "put the right master key file back from the backup (or set master_key_command and "
        "master_key_id again)"
    )


def _told(context: bytes) -> str:
    """A context as a sentence names it: what stands before the first byte that is no text."""
    return context.partition(b"/")[0].decode("ascii", "replace")
