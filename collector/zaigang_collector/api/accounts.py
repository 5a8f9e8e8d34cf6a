"""Accounts, for whoever gives roles: no attendance data, and nothing about oneself.

Accounts are made, and this role is given, on the command line of the collector only: whoever has
taken over a browser can make neither a second account nor an accomplice.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from zaigang_collector.access import accounts
from zaigang_collector.access.journal import By
from zaigang_collector.access.people import Account, SignedIn
from zaigang_collector.access.roles import Grant, Role
from zaigang_collector.api import values
from zaigang_collector.api.deps import AskedFirst, Given, Reads, Services, Writes, needs
from zaigang_collector.api.entrance import EndedOut, RoleOut, roles_out
from zaigang_collector.api.problems import ProblemError, Wrong, not_found, responses
from zaigang_collector.errors import ConflictError, UnknownIdError

router = APIRouter(prefix="/accounts", tags=["accounts"], route_class=AskedFirst)
_Me = Annotated[SignedIn, Depends(needs(None))]


class AccountOut(BaseModel):
    """Somebody who may sign in."""

    id: str
    name: str
    employee: str | None
    roles: list[RoleOut]
    has_password: bool
    has_second_factor: bool
    provider: str | None
    created_at: datetime
    last_login: datetime | None
    locked_at: datetime | None


class RoleIn(BaseModel):
    model_config = ConfigDict(extra="forbid")
    role: Role
    everyone: bool = Field(default=False, description="Of hr: all departments.")
    departments: list[str] = Field(default=[], max_length=1000)
    people: list[str] = Field(default=[], max_length=1000, description="Of manager: employee ids.")


class RolesIn(BaseModel):
    model_config = ConfigDict(extra="forbid")
    roles: list[RoleIn] = Field(max_length=10)


@router.get("", dependencies=[Depends(needs(None))], responses=responses(401, 403))
def list_(conn: Reads) -> list[AccountOut]:
    """All accounts, by name."""
    return [_shown(one) for one in accounts.list_all(conn)]


@router.put("/{account_id}/roles", responses=responses(401, 403, 404, 409, 422))
def set_roles(account_id: str, body: RolesIn, me: _Me, conn: Writes, given: Given) -> AccountOut:
    """Give an account these roles and no others; signs it out everywhere."""
    before = _other(conn, account_id, me)
    wanted = {one.role for one in body.roles}
    if (Role.ACCOUNTS in wanted) != (Role.ACCOUNTS in before.roles):
        wrong = Wrong(where="body.roles", expected="any role but accounts")
        raise ProblemError(
            422, "The role accounts is given and taken by `zaigang-collector users roles`.", [wrong]
        )
    given_roles = [
        Grant(one.role, one.everyone, frozenset(one.departments), frozenset(one.people))
        for one in body.roles
    ]
    try:
        return _shown(accounts.set_roles(conn, account_id, given_roles, _by(me, given)))
    except ConflictError as error:
        raise ProblemError(409, f"Nothing was changed: {error}.") from error


@router.post("/{account_id}/lock", responses=responses(401, 403, 404))
def lock(account_id: str, me: _Me, conn: Writes, given: Given) -> AccountOut:
    """Let nobody sign in by this account; signs it out everywhere."""
    _other(conn, account_id, me)
    accounts.lock(conn, account_id, _by(me, given))
    return _shown(accounts.by_id(conn, account_id))


@router.post("/{account_id}/unlock", responses=responses(401, 403, 404))
def unlock(account_id: str, me: _Me, conn: Writes, given: Given) -> AccountOut:
    """Take a lock away, and the wait after wrong tries."""
    _other(conn, account_id, me)
    accounts.unlock(conn, account_id, _by(me, given))
    return _shown(accounts.by_id(conn, account_id))


@router.delete("/{account_id}/sessions", responses=responses(401, 403, 404))
def end_sessions(account_id: str, me: _Me, conn: Writes, given: Given) -> EndedOut:
    """Sign somebody out everywhere."""
    _other(conn, account_id, me)
    return EndedOut(ended=accounts.end_sessions(conn, account_id, _by(me, given)))


def _other(conn: Writes, account_id: str, me: SignedIn) -> Account:
    """The account of somebody else. Raises ProblemError(403, 404)."""
    if account_id == me.account_id:
        raise ProblemError(403, "Nobody changes their own account here; another administrator can.")
    try:
        return accounts.by_id(conn, account_id)
    except UnknownIdError as error:
        raise not_found("account", "/api/v1/accounts") from error


def _by(me: SignedIn, given: Services) -> By:
    return By(f"account {me.account_id}", given.clock.utc_ms(), given.randomness)


def _shown(one: Account) -> AccountOut:
    return AccountOut(
        id=one.id,
        name=one.name,
        employee=one.employee_id,
        roles=roles_out(one.grants),
        has_password=one.has_password,
        has_second_factor=one.has_second_factor,
        provider=one.issuer,
        created_at=values.utc(one.created_ms),
        last_login=values.utc_or_none(one.last_login_ms),
        locked_at=values.utc_or_none(one.locked_ms),
    )
