"""How WeCom is asked, and how it says no.

One host; the token is in the query, and belongs to one secret: what the one may ask, another may
not. It answers HTTP 200 with `errcode`, 0 for good. The code alone is looked at: sentences change,
and name people and addresses.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from zaigang_collector.connectors.errors import ConnectorError, Reason
from zaigang_collector.connectors.fields import FieldError, needed_integer
from zaigang_collector.connectors.http import Answer, Http, Request
from zaigang_collector.connectors.tokens import Token

_TOKEN_PATH: Final = "/cgi-bin/gettoken"  # noqa: S105  # a path
# What is asked too often within a minute is refused for as long. Larger has a pass wait for nothing;
# smaller asks again while it is still refused.
_BLOCK_S: Final = 60.0

_REASONS: Final[Mapping[str, Reason]] = {
    "-1": Reason.BROKEN,  # 系统繁忙
    "40013": Reason.CREDENTIALS,  # there is no such company
    "40014": Reason.TOKEN,
    "41001": Reason.TOKEN,
    "42001": Reason.TOKEN,
    "45009": Reason.THROTTLED,
    "45033": Reason.THROTTLED,  # too many at once
    "48002": Reason.PERMISSION,
    "301002": Reason.PERMISSION,
    "301055": Reason.PERMISSION,  # approvals are not open to this application
    "60020": Reason.ADDRESS,  # 企业可信IP
    "60011": Reason.SCOPE,
    "60111": Reason.SCOPE,  # there is no such person
    "301021": Reason.SCOPE,
}
_SECRETS: Final = ("40001", "40091", "41004")
"""Refusals of a secret; the company's id may be good, and another secret as well."""


class Wire:
    """The dialect."""

    def sign(self, request: Request, token: Token) -> Request:
        """The request with the token in the query."""
        return dataclasses.replace(request, query={**request.query, "access_token": token.text})

    def read(self, answer: Answer) -> Mapping[str, Any]:
        """What a good answer says. Raises ConnectorError."""
        if answer.status == 429 or answer.status >= 500:
            reason = Reason.THROTTLED if answer.status == 429 else Reason.BROKEN
            raise ConnectorError(
                reason, answer.call, f"http{answer.status}", retry_after_s=answer.retry_after_s
            )
        said = answer.json()
        if not isinstance(said, dict) or "errcode" not in said:
            # Something else answers in WeCom's place.
            raise ConnectorError(Reason.GARBLED, answer.call, "no_errcode")
        code = str(said["errcode"])
        if code == "0":
            return said
        raise _refusal(code, answer)


def fetch_token(http: Http, base_url: str, corp_id: str, secret: str) -> Token:
    """A new access token for one secret. Raises ConnectorError."""
    request = Request("GET", base_url, _TOKEN_PATH, {"corpid": corp_id, "corpsecret": secret})
    try:
        said = Wire().read(http.send(request))
    except ConnectorError as error:
        if error.code in _SECRETS or error.reason is Reason.TOKEN:
            raise ConnectorError(Reason.SECRET, error.call, error.code) from None
        raise
    text = said.get("access_token")
    try:
        lives_s = needed_integer(said, "expires_in")
    except FieldError:
        lives_s = 0
    if not isinstance(text, str) or not text or lives_s <= 0:
        raise ConnectorError(Reason.GARBLED, request.call, "no_token")
    return Token(text, lives_s * 1000)


def _refusal(code: str, answer: Answer) -> ConnectorError:
    reason = _REASONS.get(code, Reason.REFUSED)
    after_s = answer.retry_after_s
    if reason is Reason.THROTTLED and after_s is None:
        after_s = _BLOCK_S
    return ConnectorError(reason, answer.call, code, retry_after_s=after_s)
