"""The values of people who sign in."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from zaigang_collector.access.roles import Grant, Role


class How(enum.StrEnum):
    """How somebody signed in."""

    PASSWORD = "password"  # noqa: S105  # a way in, not a password
    PROVIDER = "provider"
    """Somebody else vouches for them (OpenID Connect)."""
    LINK = "link"
    """A personal link to one case."""


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who may sign in. Passwords and secrets are never part of it."""

    id: str
    name: str
    employee_id: str | None
    grants: tuple[Grant, ...]
    has_password: bool
    has_second_factor: bool
    must_change: bool
    issuer: str | None
    subject: str | None
    created_ms: int
    locked_ms: int | None
    last_login_ms: int | None

    @property
    def roles(self) -> frozenset[Role]:
        """Without for whom."""
        return frozenset(one.role for one in self.grants)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who is asking, in a session."""

    session_id: str
    account_id: str | None
    """None: by a personal link."""
    name: str
    employee_id: str | None
    grants: tuple[Grant, ...]
    case_id: str | None
    """The one case that a personal link leads to."""
    how: How
    must_change: bool
    """Nothing but a new password, until there is one."""
    csrf: str
    expires_ms: int
    touch_due: bool

    @property
    def told(self) -> str:
        """How a look of theirs is told."""
        if self.account_id is None:
            return "personal link"
        return f"account {self.name} ({self.account_id})"


@dataclass(frozen=True, slots=True)
class Session:
    """A session as its owner sees it."""

    id: str
    how: How
    created_ms: int
    seen_ms: int
    expires_ms: int
