"""How DingTalk is asked, and how it says no.

Two hosts with two manners. The older (oapi) takes the token in the query and answers HTTP 200 with
`errcode`, 0 for good; 88 wraps another code in `sub_code`. The newer (api, /v1.0/) takes it in a
header and answers HTTP 4xx with `code`. Of both the code alone is looked at: sentences change.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any, Final

from zaigang_collector.connectors.errors import ConnectorError, Reason
from zaigang_collector.connectors.http import Answer, Http, Request
from zaigang_collector.connectors.tokens import Token, granted

NEWER: Final = "/v1.0/"

_REASONS: Final[Mapping[str, Reason]] = {
    "-1": Reason.BROKEN,  # 系统繁忙
    "40001": Reason.TOKEN,
    "40014": Reason.TOKEN,
    "42001": Reason.TOKEN,
    "33001": Reason.TOKEN,  # "invalid company id": the token is of another
    "88": Reason.THROTTLED,  # without a sub_code
    "90002": Reason.THROTTLED,
    "90018": Reason.THROTTLED,
    "90019": Reason.THROTTLED,
    "90020": Reason.QUOTA,
    "60011": Reason.PERMISSION,
    "60020": Reason.ADDRESS,  # our address is not on the application's list
    "50002": Reason.SCOPE,
    "33012": Reason.SCOPE,  # there is no such person
    "60121": Reason.SCOPE,
    "InvalidAuthentication": Reason.TOKEN,
    "Forbidden.AccessDenied.AccessTokenPermissionDenied": Reason.PERMISSION,
    "Forbidden.AccessDenied.ApiCountLimitForOrg": Reason.QUOTA,
    "ServiceUnavailable": Reason.BROKEN,
}
_THROTTLES: Final = ("Throttling", "Forbidden.AccessDenied.QpsLimit")
# What the page of a ban says in the place of an answer.
_BAN_STATUS: Final = 1111
# A permission as the console names it: qyapi_get_member, Contact.User.Read.
_PERMISSION: Final = re.compile(r"qyapi_[a-z0-9_]+|[A-Z][A-Za-z]+(?:\.[A-Z][A-Za-z]+)+")


class Wire:
    """The dialect."""

    def sign(self, request: Request, token: Token) -> Request:
        """The request with the token where this host wants it."""
        if request.path.startswith(NEWER):
            headers = {**request.headers, "x-acs-dingtalk-access-token": token.text}
            return dataclasses.replace(request, headers=headers)
        return dataclasses.replace(request, query={**request.query, "access_token": token.text})

    def read(self, answer: Answer) -> Mapping[str, Any]:
        """What a good answer says. Raises ConnectorError."""
        if answer.status == 429:
            raise ConnectorError(
                Reason.THROTTLED, answer.call, "http429", retry_after_s=answer.retry_after_s
            )
        if answer.is_page and answer.status < 500:
            raise ConnectorError(Reason.BANNED, answer.call, f"http{answer.status}")
        said = _object(answer)
        if "errcode" in said:
            return _older(said, answer)
        if said.get("status") == _BAN_STATUS or said.get("punish") == "deny":
            raise ConnectorError(Reason.BANNED, answer.call, str(_BAN_STATUS))
        if answer.status >= 400 or NEWER not in answer.call:
            raise _refusal(str(said.get("code", "")), said, answer)
        return said


def fetch_token(http: Http, base_url: str, app_key: str, app_secret: str) -> Token:
    """A new access token. Raises ConnectorError."""
    request = Request(
        "POST",
        base_url,
        "/v1.0/oauth2/accessToken",
        body={"appKey": app_key, "appSecret": app_secret},
    )
    return granted(lambda: Wire().read(http.send(request)), request.call, "accessToken", "expireIn")


def _object(answer: Answer) -> Mapping[str, Any]:
    try:
        said = answer.json()
    except ConnectorError:
        if answer.status >= 500:
            raise _broken(answer) from None
        raise
    if not isinstance(said, dict):
        raise ConnectorError(Reason.GARBLED, answer.call, "no_object")
    return said


def _older(said: Mapping[str, Any], answer: Answer) -> Mapping[str, Any]:
    code = str(said["errcode"])
    if code == "0":
        return said
    raise _refusal(str(said.get("sub_code") or code), said, answer)


def _refusal(code: str, said: Mapping[str, Any], answer: Answer) -> ConnectorError:
    reason = _REASONS.get(code)
    if reason is None and code.startswith(_THROTTLES):
        reason = Reason.THROTTLED
    if reason is None and answer.status >= 500:
        return _broken(answer)
    if reason is None:
        # Neither manner of refusing: something else answers in DingTalk's place.
        reason = Reason.REFUSED if code else Reason.GARBLED
    permission = _permission(said) if reason is Reason.PERMISSION else ""
    return ConnectorError(
        reason, answer.call, code, permission=permission, retry_after_s=answer.retry_after_s
    )


def _broken(answer: Answer) -> ConnectorError:
    return ConnectorError(
        Reason.BROKEN, answer.call, f"http{answer.status}", retry_after_s=answer.retry_after_s
    )


def _permission(said: Mapping[str, Any]) -> str:
    """The permission that a refusal names; "" where it names none."""
    detail = said.get("accessdenieddetail")
    scopes = detail.get("requiredScopes") if isinstance(detail, dict) else None
    told = [*scopes] if isinstance(scopes, list) else []
    told.append(said.get("sub_msg") or said.get("errmsg") or "")
    for text in told:
        if isinstance(text, str) and (found := _PERMISSION.search(text)):
            return found[0]
    return ""
