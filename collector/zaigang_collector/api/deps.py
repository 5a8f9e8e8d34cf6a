"""What every route needs: the database, the time, and who is asking."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import Connection, Engine

from zaigang_collector import db
from zaigang_collector.access import service as access
from zaigang_collector.access.model import Denied, Principal, Scope
from zaigang_collector.api.problems import ProblemError
from zaigang_collector.matching.policy import Policy
from zaigang_shared.clock import Clock

_BEARER = HTTPBearer(
    auto_error=False, description="An API token: `zaigang-collector token api NAME SCOPE...`"
)


@dataclass(frozen=True)
class Services:
    """What `bootstrap` hands to the interface."""

    engine: Engine
    clock: Clock
    randomness: db.Randomness
    collector_key: Ed25519PublicKey
    policy: Policy
    ready: Callable[[], list[str]]
    """What is not working, in sentences; empty when everything is."""


def services(request: Request) -> Services:
    """The services of the running collector."""
    found = request.app.state.services
    assert isinstance(found, Services)  # noqa: S101  # set by app.py
    return found


def readable(request: Request) -> None:
    """Refuse a NUL anywhere in the address: PostgreSQL cannot even look for it."""
    if "\0" in request.url.path or "%00" in request.url.query:
        raise ProblemError(422, "There is a NUL character in the address.")


Given = Annotated[Services, Depends(services)]


def _reading(given: Given) -> Iterator[Connection]:
    with db.reading(given.engine) as conn:
        yield conn


def _writing(given: Given) -> Iterator[Connection]:
    with db.writing(given.engine) as conn:
        yield conn


Reads = Annotated[Connection, Depends(_reading)]
# scope="function": the commit happens before the answer is sent, not after it.
Writes = Annotated[Connection, Depends(_writing, scope="function")]


def needs(scope: Scope) -> Callable[..., Principal]:
    """A dependency that lets only tokens with `scope` pass: 401 without a good token, 403 without
    the scope."""

    def check(
        given: Given,
        bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)],
    ) -> Principal:
        if bearer is None:
            raise _unauthorised("Send an API token: Authorization: Bearer zgapi-...")
        now_ms = given.clock.utc_ms()
        with db.reading(given.engine) as conn:
            answer = access.check(conn, bearer.credentials, now_ms)
        if isinstance(answer, Denied):
            raise _unauthorised(answer.detail)
        if answer.touch_due:
            with db.writing(given.engine) as conn:
                access.touch(conn, answer.token_id, now_ms)
        if scope not in answer.scopes:
            raise ProblemError(
                403, f"This token may not do this: it needs the scope {scope.value}."
            )
        return answer

    return check


def _unauthorised(detail: str) -> ProblemError:
    return ProblemError(401, detail, headers={"www-authenticate": "Bearer"})
