"""What every route needs: the database, the time, and who is asking."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Final
from urllib.parse import unquote

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from fastapi import Depends, Header, Request, Response, Security
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from zaigang_collector import db
from zaigang_collector.access import service as access
from zaigang_collector.access.model import Denied, Principal, Scope
from zaigang_collector.api.problems import ProblemError, Wrong
from zaigang_collector.cases.grounds import Alerts
from zaigang_collector.cases.policy import Policy as CasePolicy
from zaigang_collector.cases.policy import default_policy as default_case_policy
from zaigang_collector.cases.telling import Messenger
from zaigang_collector.connectors.hooks.receiving import Hooks
from zaigang_collector.ledger.witness import Cosigner
from zaigang_collector.matching.policy import Policy
from zaigang_collector.vault import access_log
from zaigang_collector.vault.service import Vault
from zaigang_collector.worktraces.clients import Texts
from zaigang_shared.clock import Clock
from zaigang_shared.note import VerifierKey

_LOG: Final = logging.getLogger(__name__)

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
    ledger_key: VerifierKey
    policy: Policy
    vault: Vault
    witness: Cosigner
    net_key: bytes
    """Under which network names are hashed."""
    bundle: Callable[[str, str], bytes]
    """(assessment, purpose) -> its evidence bundle; raises UnknownIdError, ConflictError."""
    ready: Callable[[], list[str]]
    """What is not working, in sentences; empty when everything is."""
    margin_min: int = 240
    """The company's margin, which no device's own goes beyond."""
    case_policy: CasePolicy = dataclasses.field(default_factory=default_case_policy)
    """Under which new cases are opened."""
    messenger: Messenger | None = None
    """Brings messages of cases; None: nothing goes out by itself."""
    alerts: Alerts | None = None
    """Knows alerts; None: cases take them by their id."""
    scan_command: tuple[str, ...] = ()
    """Virus scanner of files that are handed in; empty: none."""
    texts: Texts = dataclasses.field(default_factory=Texts)
    """What becomes of the text of work logs."""
    hooks: Hooks = dataclasses.field(default_factory=Hooks)
    """Webhooks that may come in."""


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


def _vault(given: Given) -> Vault:
    return given.vault


Opens = Annotated[Vault, Depends(_vault)]
"""Opens what is held about people."""


def needs(scope: Scope) -> Callable[..., Principal]:
    """A dependency that lets only tokens with `scope` pass: 401 without a good token, 403 without
    the scope."""

    sent = Security(_BEARER, scopes=[scope.value])  # OpenAPI tells the scope from here

    def check(
        request: Request,
        given: Given,
        bearer: HTTPAuthorizationCredentials | None = sent,
    ) -> Principal:
        answer = authenticated(given, None if bearer is None else bearer.credentials)
        if answer.touch_due:
            _touch(given, answer.token_id)
        if scope not in answer.scopes:
            raise ProblemError(
                403, f"This token may not do this: it needs the scope {scope.value}."
            )
        request.state.principal = answer
        return answer

    return check


class Looking:
    """Notes who looks at whose data, before they are shown it."""

    def __init__(self, given: Services, request: Request, why: str | None) -> None:
        self._given = given
        self._request = request
        self._why = unquote(why)[: access_log.WHY_MAX].strip() if why else ""
        if not self._why.isprintable():
            wrong = Wrong(where="header.zaigang-purpose", expected="one line of printable text")
            raise ProblemError(422, "This purpose cannot be kept.", [wrong])

    @property
    def why(self) -> str:
        """What for."""
        return self._why or access_log.NOT_STATED

    def at(self, what: str, employee_ids: Iterable[str]) -> None:
        """Whoever is asking is about to see `what` of these people."""
        people = set(employee_ids)
        if not people:
            return
        given, principal = self._given, self._request.state.principal
        assert isinstance(principal, Principal)  # noqa: S101  # `needs` has set it
        looker = access_log.Looker(
            f"API token {principal.name} ({principal.token_id})",
            self.why,
        )
        with db.writing(given.engine) as conn:
            access_log.record(
                conn, given.vault, looker, what, people, given.clock.utc_ms(), given.randomness
            )


def _looking(
    given: Given,
    request: Request,
    why: Annotated[
        str | None,
        Header(
            alias="Zaigang-Purpose",
            max_length=1000,
            description="What for; the person concerned sees it. Percent-encoded UTF-8.",
            examples=["case 17"],
        ),
    ] = None,
) -> Looking:
    return Looking(given, request, why)


Looks = Annotated[Looking, Depends(_looking)]


def authenticated(given: Services, token: str | None) -> Principal:
    """Who is asking. Raises ProblemError(401)."""
    if token is None:
        raise _unauthorised("Send an API token: Authorization: Bearer zgapi-...")
    with db.reading(given.engine) as conn:
        answer = access.check(conn, token, given.clock.utc_ms())
    if isinstance(answer, Denied):
        raise _unauthorised(answer.detail)
    return answer


class AskedFirst(APIRoute):
    """A route that looks at the token before it reads a body: FastAPI would read and decode 12 MiB
    for anybody, and tell them what is wrong with it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        if self.body_field is None:
            return handle

        async def asked_first(request: Request) -> Response:
            bearer = await _BEARER(request)
            token = None if bearer is None else bearer.credentials
            await run_in_threadpool(authenticated, services(request), token)
            return await handle(request)

        return asked_first


def _touch(given: Services, token_id: str) -> None:
    """Note the use, unless somebody else is writing: who only reads does not wait for an import."""
    try:
        with db.writing(given.engine, wait=False) as conn:
            access.touch(conn, token_id, given.clock.utc_ms())
    except OperationalError:
        _LOG.debug("the use of token %s was not noted: the database is busy", token_id)


def _unauthorised(detail: str) -> ProblemError:
    return ProblemError(401, detail, headers={"www-authenticate": "Bearer"})
