"""Accounts of people: made, given roles, locked, forgotten. No commits here.

Each change is an entry of the ledger, and each that takes something away ends all sessions.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection, Row
from sqlalchemy.exc import IntegrityError

from zaigang_collector.access import journal, roles, secrets, sessions, throttle, totp
from zaigang_collector.access.journal import By, Kind
from zaigang_collector.access.people import Account
from zaigang_collector.access.roles import Grant, Role
from zaigang_collector.access.tables import ACCOUNT, RECOVERY
from zaigang_collector.errors import ConflictError, UnknownIdError
from zaigang_collector.vault.model import Subject, SubjectKind
from zaigang_collector.vault.service import Vault
from zaigang_shared import cbor

# Letters of any language: people are called 王晓梅. No blanks: nobody sees those at the end.
_NAME: Final = re.compile(r"[\w][\w.@+-]{0,63}")
_ID_BYTES: Final = 5
RECOVERY_CODES: Final = 10
_RECOVERY_BYTES: Final = 10  # 80 bits: not to be searched for in a stolen database either
_FIRST_BYTES: Final = 10


@dataclass(frozen=True, slots=True, repr=False)
class SecondFactor:
    """Shown once."""

    uri: str
    recovery: tuple[str, ...]


def folded(name: str) -> str:
    """A name as it is kept and compared: people write it in capitals on Mondays."""
    return unicodedata.normalize("NFKC", name).strip().casefold()


def create(
    conn: Connection, name: str, employee_id: str | None, grants: Iterable[Grant], by: By
) -> Account:
    """A new account, which nobody can sign in to yet. Raises ConflictError."""
    kept = folded(name)
    if not _NAME.fullmatch(kept):
        raise ConflictError(
            f"{name!r} is no name of an account; letters, digits and . _ @ + - are, 64 at most"
        )
    given = roles.check(grants, employee_id)
    account_id = secrets.base32(by.randomness(_ID_BYTES))
    row = {
        "id": account_id,
        "name": kept,
        "employee_id": employee_id,
        "grants": cbor.dumps(journal.written(given)),
        "must_change": False,
        "totp_step": 0,
        "created_ms": by.now_ms,
    }
    taken = ACCOUNT.c.name == kept
    if employee_id is not None:
        taken = sa.or_(taken, ACCOUNT.c.employee_id == employee_id)
    if conn.execute(sa.select(ACCOUNT.c.id).where(taken)).first() is not None:
        raise ConflictError("there is an account of this name, or of this person, already")
    conn.execute(sa.insert(ACCOUNT).values(**row))
    fields = {"employee": employee_id, "grants": journal.written(given)}
    journal.note(conn, Kind.CREATED, account_id, by, fields)
    return by_id(conn, account_id)


def first_password(by: By) -> str:
    """What an administrator hands over, to be changed when it is first used."""
    text = secrets.base32(by.randomness(_FIRST_BYTES))
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def set_password(conn: Connection, account_id: str, hashed: str, by: By, *, first: bool) -> None:
    """A new password, hashed before; ends all sessions. `first`: somebody else has seen it."""
    values = {"password": hashed, "must_change": first}
    conn.execute(sa.update(ACCOUNT).where(ACCOUNT.c.id == account_id).values(**values))
    sessions.end_all(conn, account_id)
    journal.note(conn, Kind.PASSWORD_RESET if first else Kind.PASSWORD_CHANGED, account_id, by)


def set_second_factor(conn: Connection, vault: Vault, account_id: str, by: By) -> SecondFactor:
    """A new second factor with new recovery codes; the old ones end, and all sessions."""
    account = by_id(conn, account_id)
    secret = by.randomness(totp.SECRET_BYTES)
    subject = Subject(SubjectKind.ACCOUNT, account_id)
    sealed = vault.seal(conn, subject, secret, totp_context(account_id), by.now_ms)
    values = {"totp": sealed, "totp_step": 0}
    conn.execute(sa.update(ACCOUNT).where(ACCOUNT.c.id == account_id).values(**values))
    conn.execute(sa.delete(RECOVERY).where(RECOVERY.c.account_id == account_id))
    codes = [secrets.base32(by.randomness(_RECOVERY_BYTES)) for _ in range(RECOVERY_CODES)]
    hashes = [{"account_id": account_id, "code_hash": recovery_hash(code)} for code in codes]
    conn.execute(sa.insert(RECOVERY), hashes)
    sessions.end_all(conn, account_id)
    journal.note(conn, Kind.SECOND_FACTOR, account_id, by)
    shown = ("-".join(one[at : at + 4] for at in range(0, len(one), 4)) for one in codes)
    return SecondFactor(totp.uri(secret, account.name), tuple(shown))


def set_roles(conn: Connection, account_id: str, grants: Iterable[Grant], by: By) -> Account:
    """Other roles from now on; ends all sessions. Raises UnknownIdError, ConflictError."""
    account = by_id(conn, account_id)
    given = roles.check(grants, account.employee_id)
    strong = account.has_second_factor or account.issuer is not None
    if not strong and {one.role for one in given} - {Role.EMPLOYEE}:
        raise ConflictError(
            "this account has no second factor, and a role over others needs one: run "
            "`zaigang-collector users reset NAME --second-factor` first"
        )
    if given == account.grants:
        return account
    kept = cbor.dumps(journal.written(given))
    conn.execute(sa.update(ACCOUNT).where(ACCOUNT.c.id == account_id).values(grants=kept))
    sessions.end_all(conn, account_id)
    fields = {"employee": account.employee_id, "grants": journal.written(given)}
    journal.note(conn, Kind.ROLES, account_id, by, fields)
    return by_id(conn, account_id)


def link(conn: Connection, account_id: str, issuer: str, subject: str | None, by: By) -> None:
    """Let a provider vouch for this account; `subject` None: whoever it first names with the
    account's employee id. Ends all sessions. Raises ConflictError."""
    by_id(conn, account_id)
    values = {"issuer": issuer, "subject": subject}
    try:
        with conn.begin_nested():
            conn.execute(sa.update(ACCOUNT).where(ACCOUNT.c.id == account_id).values(**values))
    except IntegrityError:
        raise ConflictError("this subject of the provider signs in as another account") from None
    sessions.end_all(conn, account_id)
    fields = {"issuer": issuer, "bound": subject is not None}
    journal.note(conn, Kind.LINKED, account_id, by, fields)


def bind(conn: Connection, account_id: str, subject: str, by: By) -> None:
    """The subject that a provider named first with this account's employee id: no other from now
    on."""
    values = {"subject": subject}
    conn.execute(sa.update(ACCOUNT).where(ACCOUNT.c.id == account_id).values(**values))
    journal.note(conn, Kind.LINKED, account_id, by, {"bound": True})


def lock(conn: Connection, account_id: str, by: By) -> None:
    """Nobody signs in until it is unlocked; ends all sessions. Raises UnknownIdError."""
    if by_id(conn, account_id).locked_ms is None:
        _set_locked(conn, account_id, by.now_ms)
        sessions.end_all(conn, account_id)
        journal.note(conn, Kind.LOCKED, account_id, by)


def unlock(conn: Connection, account_id: str, by: By) -> None:
    """Take a lock away, and the wait after wrong tries. Raises UnknownIdError."""
    account = by_id(conn, account_id)
    throttle.forget(conn, account.name)
    _set_locked(conn, account_id, None)
    journal.note(conn, Kind.UNLOCKED, account_id, by)


def end_sessions(conn: Connection, account_id: str, by: By) -> int:
    """Sign somebody out everywhere; returns of how many sessions."""
    number = sessions.end_all(conn, account_id)
    if number:
        journal.note(conn, Kind.SESSIONS_ENDED, account_id, by, {"sessions": number})
    return number


def forget(conn: Connection, vault: Vault, employee_id: str, by: By) -> dict[str, int]:
    """Delete what is known of a person's account: name, ways in, roles. Its id stays in events."""
    sessions.end_of_employee(conn, employee_id)
    query = sa.select(ACCOUNT.c.id).where(ACCOUNT.c.employee_id == employee_id)
    account_id = conn.execute(query).scalar_one_or_none()
    if account_id is None:
        return {"accounts": 0}
    vault.destroy(conn, Subject(SubjectKind.ACCOUNT, account_id), by.now_ms)
    sessions.end_all(conn, account_id)
    conn.execute(sa.delete(RECOVERY).where(RECOVERY.c.account_id == account_id))
    conn.execute(sa.delete(ACCOUNT).where(ACCOUNT.c.id == account_id))
    journal.note(conn, Kind.FORGOTTEN, account_id, by)
    return {"accounts": 1}


def by_id(conn: Connection, account_id: str) -> Account:
    """One account. Raises UnknownIdError."""
    row = conn.execute(sa.select(ACCOUNT).where(ACCOUNT.c.id == account_id)).one_or_none()
    if row is None:
        raise UnknownIdError("account", account_id)
    return account_of(row)


def by_name(conn: Connection, name: str) -> Account:
    """One account. Raises UnknownIdError."""
    row = conn.execute(sa.select(ACCOUNT).where(ACCOUNT.c.name == folded(name))).one_or_none()
    if row is None:
        raise UnknownIdError("account", name)
    return account_of(row)


def list_all(conn: Connection) -> tuple[Account, ...]:
    """All accounts, by name."""
    return tuple(
        account_of(row) for row in conn.execute(sa.select(ACCOUNT).order_by(ACCOUNT.c.name))
    )


def account_of(row: Row[Any]) -> Account:
    """A row as a value."""
    return Account(
        id=row.id,
        name=row.name,
        employee_id=row.employee_id,
        grants=journal.read(cbor.loads(row.grants, "roles")),
        has_password=row.password is not None,
        has_second_factor=row.totp is not None,
        must_change=row.must_change,
        issuer=row.issuer,
        subject=row.subject,
        created_ms=row.created_ms,
        locked_ms=row.locked_ms,
        last_login_ms=row.last_login_ms,
    )


def recovery_hash(code: str) -> bytes:
    """A recovery code as it is kept; however somebody groups it."""
    plain = re.sub(r"[\s-]", "", code).lower()
    return hashlib.sha256(b"zaigang/recovery/1\0" + plain.encode()).digest()


def totp_context(account_id: str) -> bytes:
    """Where the secret of a second factor stands, for the vault."""
    return f"totp/{account_id}".encode()


def _set_locked(conn: Connection, account_id: str, at_ms: int | None) -> None:
    conn.execute(sa.update(ACCOUNT).where(ACCOUNT.c.id == account_id).values(locked_ms=at_ms))
