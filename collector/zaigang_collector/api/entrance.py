"""Signing in and out: password and second factor, a provider, a personal link; and who one is.

A session is a cookie that no script reads and that no other site's page can use for a change: what
changes something wants the header `Zaigang-Csrf` as well.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict, Field

from zaigang_collector import db
from zaigang_collector.access import accounts, links, login, oidc, passwords, sessions
from zaigang_collector.access.journal import By
from zaigang_collector.access.login import Came, Refused
from zaigang_collector.access.oidc import Back, NotVouchedError, Provider, ProviderError
from zaigang_collector.access.passwords import TooBusyError
from zaigang_collector.access.people import How, SignedIn
from zaigang_collector.access.roles import Grant, Role
from zaigang_collector.api import values
from zaigang_collector.api.deps import COOKIE, AskedFirst, Given, Services, needs
from zaigang_collector.api.problems import ProblemError, Wrong, responses
from zaigang_collector.matching.model import Text

router: Final = APIRouter(tags=["signing in"], route_class=AskedFirst)
doors: Final = APIRouter(tags=["signing in"])
"""For who is not signed in yet."""
_LOG: Final = logging.getLogger(__name__)

_FLOW_COOKIE: Final = "__Host-zaigang-flow"
_LONG: Final = 400  # what people type: more is no password and no code
_Me = Annotated[SignedIn, Depends(needs(None))]
_NO_STORE: Final = {"cache-control": "no-store"}


class LoginIn(BaseModel):
    """Name, password, and the code of the authenticator or a recovery code."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    name: str = Field(max_length=_LONG, examples=["zhang.hr"])
    password: str = Field(max_length=_LONG)
    code: str = Field(default="", max_length=_LONG, examples=["492039"])


class PasswordIn(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    password: str = Field(max_length=_LONG, description="The one until now.")
    code: str = Field(default="", max_length=_LONG)
    new: str = Field(
        max_length=_LONG, description="At least twelve characters; a sentence is best."
    )


class LinkIn(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    link: str = Field(max_length=_LONG, description="What stands behind the # of the address.")


class LinkCodeIn(LinkIn):
    code: str = Field(max_length=_LONG, description="As it was sent.")


class RoleOut(BaseModel):
    """A role, and for whom it holds."""

    role: Role
    everyone: bool
    departments: list[str]
    people: list[str]


class MeOut(BaseModel):
    """Who is signed in, as what, and until when."""

    name: str = Field(description="Empty: by a personal link.")
    employee: str | None
    roles: list[RoleOut]
    case: str | None = Field(description="The one case that a personal link opens.")
    how: How
    must_change_password: bool
    csrf: str = Field(description="For the header Zaigang-Csrf of every request that changes.")
    ends_at: datetime = Field(description="Unless something is asked before; at night in any case.")


class SessionOut(BaseModel):
    id: str
    how: How
    since: datetime
    last_used: datetime
    ends_at: datetime
    this: bool = Field(description="Whether it is the one that asks.")


class EndedOut(BaseModel):
    ended: int


@doors.post("/login", responses=responses(401, 422, 429, 503))
def sign_in(body: LoginIn, request: Request, response: Response, given: Given) -> MeOut:
    """Begin a session. A wrong name, a wrong password and a wrong code are one answer."""
    came = Came(body.name, body.password, body.code)
    text = _let_in(login.sign_in, given, came)
    return _begun(request, response, given, text)


@router.post("/password", responses=responses(401, 403, 422, 429, 503))
def change_password(
    body: PasswordIn, me: _Me, request: Request, response: Response, given: Given
) -> MeOut:
    """Set another password; ends all sessions but a new one for who asks."""
    wrong = passwords.objection(body.new, me.name)
    if wrong is None and passwords.folded(body.new) == passwords.folded(body.password):
        wrong = "it is the one until now"
    if wrong is not None:
        raise ProblemError(
            422,
            "This password is not taken.",
            [Wrong(where="body.new", expected=f"another: {wrong}")],
        )
    came = Came(me.name, body.password, body.code)

    def change(doors: login.Doors, came: Came, now_ms: int) -> str | Refused:
        return login.change_password(doors, me.name, came, body.new, now_ms)

    return _begun(request, response, given, _let_in(change, given, came))


@router.post("/logout", status_code=204, responses=responses(401, 403))
def sign_out(me: _Me, given: Given) -> Response:
    """End this session."""
    with db.writing(given.engine) as conn:
        sessions.end(conn, me.session_id)
    return _without_cookie(Response(status_code=204))


@router.get("/me", responses=responses(401, 403))
def who_am_i(me: _Me, response: Response) -> MeOut:
    """Who is signed in, and as what."""
    response.headers.update(_NO_STORE)
    return _me(me)


@router.get("/sessions", responses=responses(401, 403))
def my_sessions(me: _Me, response: Response, given: Given) -> list[SessionOut]:
    """Where one is signed in."""
    response.headers.update(_NO_STORE)
    if me.account_id is None:
        return []
    with db.reading(given.engine) as conn:
        found = sessions.of_account(conn, me.account_id, given.clock.utc_ms())
    return [
        SessionOut(
            id=one.id,
            how=one.how,
            since=values.utc(one.created_ms),
            last_used=values.utc(one.seen_ms),
            ends_at=values.utc(one.expires_ms),
            this=one.id == me.session_id,
        )
        for one in found
    ]


@router.delete("/sessions", responses=responses(401, 403))
def sign_out_everywhere(me: _Me, response: Response, given: Given) -> EndedOut:
    """End all sessions, this one as well."""
    with db.writing(given.engine) as conn:
        if me.account_id is None:
            sessions.end(conn, me.session_id)
            ended = 1
        else:
            by = By(f"account {me.account_id}", given.clock.utc_ms(), given.randomness)
            ended = accounts.end_sessions(conn, me.account_id, by)
    _without_cookie(response)
    return EndedOut(ended=ended)


@doors.post("/links/code", status_code=202, responses=responses(403, 422, 503))
def send_code(body: LinkIn, given: Given) -> Response:
    """Have a code sent to the person whose link this is, over the company's channel."""
    if given.send_code is None:
        raise ProblemError(503, "No channel is set up over which a code could be sent; ask HR.")
    with db.writing(given.engine) as conn:
        made = links.send_code(conn, body.link, given.clock.utc_ms(), given.randomness)
    if made is None:
        raise ProblemError(403, _LINK_OVER)
    minutes = links.CODE_MS // 60_000
    told = Text(
        f"查看考勤事项的验证码：{made.code}，{minutes} 分钟内有效。请勿告诉任何人，人事也不会向您索要。",
        f"Your code to open the attendance matter: {made.code}, good for {minutes} minutes. Tell it "
        "to nobody; HR never asks for it.",
    )
    if not given.send_code(made.employee_id, told):
        raise ProblemError(503, "The code could not be sent; try again later or ask HR.")
    return Response(status_code=202)


@doors.post("/links/session", responses=responses(403, 422))
def open_link(body: LinkCodeIn, request: Request, response: Response, given: Given) -> MeOut:
    """Begin a session by a personal link and its code; the link is used up by that."""
    with db.writing(given.engine) as conn:
        text = links.open_session(
            conn, body.link, body.code, given.clock.utc_ms(), given.randomness
        )
    if text is None:
        raise ProblemError(403, _LINK_OVER)
    return _begun(request, response, given, text)


@doors.get(
    "/provider/login",
    status_code=303,
    response_class=RedirectResponse,
    responses=responses(404, 502),
)
def to_provider(given: Given) -> Response:
    """Go and sign in at the company's provider (OpenID Connect)."""
    provider, now_ms = _provider(given), given.clock.utc_ms()
    try:
        cookie, address = oidc.begin(given.engine, provider, now_ms, given.randomness)
    except ProviderError as error:
        raise _no_answer(error) from error
    answer = RedirectResponse(address, 303, headers=_NO_STORE)
    _set_cookie(answer, _FLOW_COOKIE, cookie, oidc.FLOW_MS)
    return answer


@doors.get(
    "/provider/back",
    status_code=303,
    response_class=RedirectResponse,
    responses=responses(403, 404, 422, 502),
)
def from_provider(
    request: Request,
    given: Given,
    code: Annotated[str, Query(max_length=4000)] = "",
    state: Annotated[str, Query(max_length=_LONG)] = "",
    iss: Annotated[str | None, Query(max_length=_LONG)] = None,
) -> Response:
    """Come back from the provider; begins a session."""
    provider, now_ms = _provider(given), given.clock.utc_ms()
    cookie, back = request.cookies.get(_FLOW_COOKIE, ""), Back(code, state, iss)
    try:
        text = oidc.finish(given.engine, provider, cookie, back, now_ms, given.randomness)
    except ProviderError as error:
        raise _no_answer(error) from error
    except NotVouchedError as error:
        _LOG.warning("nobody was signed in by the provider: %s", error)
        raise ProblemError(
            403,
            "You were not signed in: begin again at /api/v1/provider/login, in this browser. If it "
            "happens again, ask an administrator whether your account is bound to the provider.",
        ) from error
    answer = RedirectResponse("/api/v1/me", 303, headers=_NO_STORE)
    answer.delete_cookie(_FLOW_COOKIE, secure=True, httponly=True, samesite="lax")
    _end_old(request, given)
    _set_cookie(answer, COOKIE, text, sessions.LONGEST_MS)
    return answer


_LINK_OVER: Final = (
    "This link and code do not open anything: used, over, or mistyped too often. Ask HR for a new "
    "link."
)


def _let_in(how: login.Door, given: Services, came: Came) -> str:
    """Raises ProblemError(401, 429, 503)."""
    try:
        answer = how(given.doors, came, given.clock.utc_ms())
    except TooBusyError as error:
        raise ProblemError(503, f"{error}.", headers={"retry-after": "2"}) from error
    if isinstance(answer, str):
        return answer
    if answer.wait_ms:
        wait_s = -(-answer.wait_ms // 1000)
        raise ProblemError(
            429,
            f"Too many tries at this name: wait {wait_s} s. If it was not you, tell an administrator.",
            headers={"retry-after": str(wait_s)},
        )
    raise ProblemError(
        401,
        "Name, password or code do not fit. Whoever has an authenticator sends its code as well, and "
        "each code once.",
    )


def _begun(request: Request, response: Response, given: Services, text: str) -> MeOut:
    _end_old(request, given)
    _set_cookie(response, COOKIE, text, sessions.LONGEST_MS)
    response.headers.update(_NO_STORE)
    with db.reading(given.engine) as conn:
        me = sessions.check(conn, text, given.clock.utc_ms())
    if me is None:
        raise ProblemError(401, "This account was locked a moment ago.")
    return _me(me)


def _end_old(request: Request, given: Services) -> None:
    """What was in the browser before is over: nobody goes on in a session that was planted there."""
    with db.writing(given.engine) as conn:
        old = sessions.check(conn, request.cookies.get(COOKIE, ""), given.clock.utc_ms())
        if old is not None:
            sessions.end(conn, old.session_id)


def _set_cookie(response: Response, name: str, text: str, for_ms: int) -> None:
    # Lax, not Strict: who follows a link in a message is to arrive signed in. Nothing is changed by
    # a GET, and what changes wants the CSRF header.
    response.set_cookie(
        name, text, max_age=for_ms // 1000, path="/", secure=True, httponly=True, samesite="lax"
    )


def _without_cookie(response: Response) -> Response:
    response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="lax")
    return response


def _provider(given: Services) -> Provider:
    if given.provider is None:
        raise ProblemError(404, "No provider is set up here: sign in with POST /api/v1/login.")
    return given.provider


def _no_answer(error: ProviderError) -> ProblemError:
    _LOG.warning("signing in by the provider: %s", error)
    return ProblemError(
        502, "The provider that signs people in does not answer as it should; try again later."
    )


def roles_out(grants: tuple[Grant, ...]) -> list[RoleOut]:
    """As the interface writes them."""
    return [
        RoleOut(
            role=one.role,
            everyone=one.everyone,
            departments=sorted(one.departments),
            people=sorted(one.people),
        )
        for one in grants
    ]


def _me(me: SignedIn) -> MeOut:
    return MeOut(
        name=me.name,
        employee=me.employee_id,
        roles=roles_out(me.grants),
        case=me.case_id,
        how=me.how,
        must_change_password=me.must_change,
        csrf=me.csrf,
        ends_at=values.utc(me.expires_ms),
    )
