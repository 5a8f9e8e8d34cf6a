"""How Feishu is asked, and how it says no.

The token goes in a header. Every answer is `{code, msg, data}`, 0 for good, whatever the HTTP status;
of a refusal the code alone is looked at, since sentences change, and the permission that it names.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any, Final

from zaigang_collector.connectors.errors import ConnectorError, Reason
from zaigang_collector.connectors.http import Answer, Http, Request
from zaigang_collector.connectors.tokens import Token, granted

_REASONS: Final[Mapping[str, Reason]] = {
    "99991400": Reason.THROTTLED,  # with HTTP 429, and with 400 where a call is old
    "99991661": Reason.TOKEN,  # there is none
    "99991663": Reason.TOKEN,
    "99991664": Reason.TOKEN,
    "99991665": Reason.TOKEN,
    "99991671": Reason.TOKEN,
    "42008": Reason.TOKEN,  # of another company
    "1220002": Reason.TOKEN,  # the same, said by attendance
    "99991672": Reason.PERMISSION,
    "99991401": Reason.ADDRESS,  # our address is not on the application's list
    "40004": Reason.PERMISSION,  # a department outside of the application's contacts
    "40014": Reason.PERMISSION,
    "1220005": Reason.PERMISSION,  # attendance has a list of its own of who may see what
    "1220004": Reason.SCOPE,  # somebody who is not there, or not for us
}
# A permission as the console names it: attendance:task:readonly.
_PERMISSION: Final = re.compile(r"[a-z_]+:[a-z0-9_.:]+")


class Wire:
    """The dialect."""

    def sign(self, request: Request, token: Token) -> Request:
        """The request with its token."""
        headers = {**request.headers, "authorization": f"Bearer {token.text}"}
        return dataclasses.replace(request, headers=headers)

    def read(self, answer: Answer) -> Mapping[str, Any]:
        """What a good answer says. Raises ConnectorError."""
        if answer.status == 429:
            raise _refusal(Reason.THROTTLED, answer, "http429")
        try:
            said = answer.json()
        except ConnectorError:
            if answer.status >= 500:
                raise _refusal(Reason.BROKEN, answer, f"http{answer.status}") from None
            raise
        if not isinstance(said, dict) or "code" not in said:
            raise ConnectorError(Reason.GARBLED, answer.call, "no_code")
        code = str(said["code"])
        if code == "0" and answer.status < 400:
            return said
        reason = _REASONS.get(code)
        if reason is None:
            reason = Reason.BROKEN if answer.status >= 500 else Reason.REFUSED
        permission = _permission(said) if reason is Reason.PERMISSION else ""
        raise _refusal(reason, answer, code, permission)


def fetch_token(http: Http, url: str, app_id: str, app_secret: str) -> Token:
    """A new access token of the company. Raises ConnectorError."""
    body = {"app_id": app_id, "app_secret": app_secret}
    request = Request("POST", url, "/open-apis/auth/v3/tenant_access_token/internal", body=body)
    return granted(
        lambda: Wire().read(http.send(request)), request.call, "tenant_access_token", "expire"
    )


def _refusal(reason: Reason, answer: Answer, code: str, permission: str = "") -> ConnectorError:
    after_s = answer.retry_after_s
    return ConnectorError(reason, answer.call, code, permission=permission, retry_after_s=after_s)


def _permission(said: Mapping[str, Any]) -> str:
    """The permission that a refusal names; "" where it names none."""
    detail = said.get("error")
    violations = detail.get("permission_violations") if isinstance(detail, dict) else None
    for one in violations if isinstance(violations, list) else ():
        name = one.get("subject") if isinstance(one, dict) else None
        if isinstance(name, str) and _PERMISSION.fullmatch(name):
            return name
    return ""
