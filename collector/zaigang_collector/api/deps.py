"""What every route needs: the database, the time, and who is asking.

Who may do what is one table, `access.matrix`, and `needs` is the one place that asks it.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass, field
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
from zaigang_collector.access import matrix, sessions
from zaigang_collector.access import service as access
from zaigang_collector.access.login import Doors
from zaigang_collector.access.matrix import Rule, Whose
from zaigang_collector.access.model import Denied, Principal, Scope
from zaigang_collector.access.oidc import Provider
from zaigang_collector.access.passwords import Hasher
from zaigang_collector.access.people import SignedIn
from zaigang_collector.access.roles import Audience
from zaigang_collector.api.problems import ProblemError, Wrong, unseen
from zaigang_collector.cases.grounds import Alerts
from zaigang_collector.cases.policy import Policy as CasePolicy
from zaigang_collector.cases.policy import default_policy as default_case_policy
from zaigang_collector.cases.telling import Messenger
from zaigang_collector.connectors.hooks.receiving import Hooks
from zaigang_collector.directory import service as directory
from zaigang_collector.ledger.witness import Cosigner
from zaigang_collector.matching.model import Text
from zaigang_collector.matching.policy import Policy
from zaigang_collector.reports.settings import PaperSettings
from zaigang_collector.reports.typesetting import Press
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
    case_policy: CasePolicy = field(default_factory=default_case_policy)
    """Under which new cases are opened."""
    messenger: Messenger | None = None
    """Brings messages of cases; None: nothing goes out by itself."""
    alerts: Alerts | None = None
    """Knows alerts; None: cases take them by their id."""
    scan_command: tuple[str, ...] = ()
    """Virus scanner of files that are handed in; empty: none."""
    press: Press = field(default_factory=lambda: Press(None))
    """Sets letters and reports."""
    paper_settings: PaperSettings = field(default_factory=PaperSettings)
    """What the company puts on them."""
    texts: Texts = field(default_factory=Texts)
    """What becomes of the text of work logs."""
    hooks: Hooks = field(default_factory=Hooks)
    """Webhooks that may come in."""
    hasher: Hasher = field(default_factory=Hasher)
    provider: Provider | None = None
    """Who else vouches for people; None: nobody."""
    send_code: Callable[[str, Text], bool] | None = None
    """(employee id, sentence) -> whether it was handed to the channel on which the company reaches
    them; None: there is no such channel."""

    @property
    def doors(self) -> Doors:
        """What signing in works with."""
        return Doors(self.engine, self.vault, self.hasher, self.randomness)


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


COOKIE: Final = "__Host-zaigang"
"""With this prefix a browser takes it from us over TLS only, and never from a neighbour's name."""
CSRF_HEADER: Final = "Zaigang-Csrf"
_SAFE: Final = frozenset({"GET", "HEAD"})


def needs(scope: Scope | None) -> Callable[..., Principal | SignedIn]:
    """A dependency that lets pass: a token with `scope` (None: no token), or somebody signed in
    whose roles reach by the matrix. 401 for nobody, 403 for somebody else; whoever may not see a
    person is told what they are told of nobody."""

    sent = Security(_BEARER, scopes=[] if scope is None else [scope.value])  # OpenAPI tells it

    def check(
        request: Request,
        given: Given,
        bearer: HTTPAuthorizationCredentials | None = sent,
    ) -> Principal | SignedIn:
        asking = identified(request, given, None if bearer is None else bearer.credentials)
        request.state.principal = asking
        if isinstance(asking, SignedIn):
            _let_person(request, given, asking)
        else:
            _let_token(given, asking, scope)
        return asking

    return check


def identified(request: Request, given: Services, token: str | None) -> Principal | SignedIn:
    """Who is asking: by a token, or else by a session. Raises ProblemError(401, 403)."""
    cookie = request.cookies.get(COOKIE)
    if token is not None or not cookie:
        return authenticated(given, token)
    with db.reading(given.engine) as conn:
        asking = sessions.check(conn, cookie, given.clock.utc_ms())
    if asking is None:
        raise _unauthorised("This session is over: sign in again, POST /api/v1/login.")
    if request.method not in _SAFE:
        _refuse_forged(request, asking)
    return asking


def _refuse_forged(request: Request, asking: SignedIn) -> None:
    """A browser sends the cookie along wherever a page of somebody else tells it to; what that page
    cannot know is the token."""
    sent = request.headers.get(CSRF_HEADER, "")
    if not hmac.compare_digest(sent.encode(), asking.csrf.encode()):
        raise ProblemError(
            403,
            f"Send the header {CSRF_HEADER} with `csrf` of POST /api/v1/login or GET /api/v1/me.",
        )


def _let_token(given: Services, asking: Principal, scope: Scope | None) -> None:
    if asking.touch_due:
        _touch(given, lambda conn: access.touch(conn, asking.token_id, given.clock.utc_ms()))
    if scope is None:
        raise ProblemError(403, "This is for people who signed in, not for API tokens.")
    if scope not in asking.scopes:
        raise ProblemError(403, f"This token may not do this: it needs the scope {scope.value}.")


def _let_person(request: Request, given: Services, asking: SignedIn) -> None:
    if asking.touch_due:
        _touch(given, lambda conn: sessions.touch(conn, asking.session_id, given.clock.utc_ms()))
    rule = rule_of(request)
    found = None if rule is None else matrix.audience(rule, asking)
    if rule is None or found is None:
        raise ProblemError(403, _may_not(asking))
    request.state.audience = found
    if rule.whose is Whose.CASES and asking.case_id is not None:
        if request.path_params.get("case_id") != asking.case_id:
            raise unseen()
    elif rule.whose is Whose.PERSONS:
        refuse_uncovered(request, given, [request.path_params["person_id"]])


def rule_of(request: Request) -> Rule | None:
    """The row of the matrix for the route that is being asked."""
    return matrix.rule_of(request.method, request.scope["route"].path)


def _may_not(asking: SignedIn) -> str:
    if asking.must_change:
        return "First set a password of your own: POST /api/v1/password."
    if asking.case_id is not None:
        return "This link opens its own case and nothing else."
    return "Your roles do not allow this. GET /api/v1/me lists them; an administrator gives others."


def audience_of(request: Request) -> Audience | None:
    """Whose data may be shown; None: everybody's, as the scopes of a token know no departments."""
    found: Audience | None = getattr(request.state, "audience", None)
    return None if found is None or found.everyone else found


def refuse_uncovered(request: Request, given: Services, employee_ids: Iterable[str]) -> None:
    """Raises ProblemError(404), the same as for somebody whom nobody knows, where one of these
    people may not be seen."""
    audience = audience_of(request)
    if audience is None:
        return
    people = set(employee_ids)
    with db.reading(given.engine) as conn:
        departments = directory.departments_of(conn, people)
    if not all(audience.covers(one, departments.get(one)) for one in people):
        raise unseen()


def acting(request: Request, person: str) -> str:
    """How whoever is asking is told of as somebody who does something, as `person`. A program says
    for whom it acts; somebody signed in acts as themselves: their employee id, or the name of an
    account of nobody in the directory. Raises ProblemError(403)."""
    asking = request.state.principal
    if isinstance(asking, SignedIn) and person != (asking.employee_id or asking.name):
        raise ProblemError(403, "Whoever is signed in acts as themselves: name yourself.")
    told: str = asking.told
    return told


def _seen(request: Request, given: Given) -> frozenset[str] | None:
    audience = audience_of(request)
    if audience is None:
        return None
    with db.reading(given.engine) as conn:
        return audience.people | directory.ids_in_departments(conn, audience.departments)


Seen = Annotated[frozenset[str] | None, Depends(_seen)]
"""Whom a list may name; None: everybody."""


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
            self._refuse_nobodys()
            return
        given, principal = self._given, self._request.state.principal
        assert isinstance(principal, Principal | SignedIn)  # noqa: S101  # `needs` has set it
        # Here, too: a route that forgot to cut its list answers nothing rather than too much.
        refuse_uncovered(self._request, given, people)
        looker = access_log.Looker(principal.told, self.why)
        with db.writing(given.engine) as conn:
            access_log.record(
                conn, given.vault, looker, what, people, given.clock.utc_ms(), given.randomness
            )

    def _refuse_nobodys(self) -> None:
        """A record that is of nobody whom they may see: a site's node, a laptop that others had."""
        rule = rule_of(self._request)
        bounded = audience_of(self._request) is not None
        if bounded and rule is not None and rule.whose in (Whose.RECORDS, Whose.CASES):
            raise unseen()


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
        raise _unauthorised(
            "Send an API token, Authorization: Bearer zgapi-..., or sign in: POST /api/v1/login."
        )
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
            await run_in_threadpool(identified, request, services(request), token)
            return await handle(request)

        return asked_first


def _touch(given: Services, note: Callable[[Connection], None]) -> None:
    """Note the use, unless somebody else is writing: who only reads does not wait for an import."""
    try:
        with db.writing(given.engine, wait=False) as conn:
            note(conn)
    except OperationalError:
        _LOG.debug("a use was not noted: the database is busy")


def _unauthorised(detail: str) -> ProblemError:
    return ProblemError(401, detail, headers={"www-authenticate": "Bearer"})
