"""How DingTalk says no, in both of its manners, and what answers in its place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories.connecting import Canned
from tests.fakes import dingtalk
from tests.fakes.dingtalk import SENTINEL
from zaigang_collector.connectors.contract import Window
from zaigang_collector.connectors.dingtalk.api import Api
from zaigang_collector.connectors.dingtalk.wire import Wire, fetch_token
from zaigang_collector.connectors.errors import ConnectorError, Reason
from zaigang_collector.connectors.http import Answer, Request
from zaigang_collector.connectors.tokens import Token

OLDER, NEWER = "POST /attendance/listRecord", "POST /v1.0/workflow/x"


def refused(call: str, status: int, body: object) -> ConnectorError:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(ConnectorError) as caught:
        Wire().read(Answer(call, status, data))
    return caught.value


@pytest.mark.parametrize(
    ("said", "reason", "code"),
    [
        (dingtalk.answer("err_token"), Reason.TOKEN, "40014"),
        (dingtalk.answer("err_quota"), Reason.QUOTA, "90020"),
        (dingtalk.answer("ban_page"), Reason.BANNED, "1111"),
        ({"errcode": "90002"}, Reason.THROTTLED, "90002"),
        ({"errcode": 88}, Reason.THROTTLED, "88"),
        ({"errcode": 88, "sub_code": "60011"}, Reason.PERMISSION, "60011"),
        ({"errcode": 88, "sub_code": "40014"}, Reason.TOKEN, "40014"),
        ({"errcode": -1}, Reason.BROKEN, "-1"),
        ({"errcode": 50002}, Reason.SCOPE, "50002"),
        ({"errcode": 40035}, Reason.REFUSED, "40035"),
        ({"errcode": f"{SENTINEL} 写的话"}, Reason.REFUSED, ""),
        ({"hello": 1}, Reason.GARBLED, ""),
        ([], Reason.GARBLED, "no_object"),
    ],
)
def test_the_older_host_refuses_with_http_200(said: Any, reason: Reason, code: str) -> None:
    error = refused(OLDER, 200, said)
    assert (error.reason, error.code) == (reason, code)
    assert SENTINEL not in str(error)


@pytest.mark.parametrize(
    ("status", "said", "reason"),
    [
        (403, dingtalk.answer("v1_err"), Reason.QUOTA),
        (401, {"code": "InvalidAuthentication"}, Reason.TOKEN),
        (403, {"code": "Forbidden.AccessDenied.QpsLimitForApi"}, Reason.THROTTLED),
        (400, {"code": "Throttling.Api"}, Reason.THROTTLED),
        (400, {"code": "invalidParameter"}, Reason.REFUSED),
        (500, {"code": "unknownError"}, Reason.BROKEN),
        (503, {"code": "ServiceUnavailable"}, Reason.BROKEN),
        (404, {"a": 1}, Reason.GARBLED),
    ],
)
def test_the_newer_host_refuses_with_a_status(status: int, said: Any, reason: Reason) -> None:
    assert refused(NEWER, status, said).reason is reason


@pytest.mark.parametrize(
    ("said", "permission"),
    [
        ({"accessdenieddetail": {"requiredScopes": ["Contact.User.Read"]}}, "Contact.User.Read"),
        ({"accessdenieddetail": {"requiredScopes": [SENTINEL]}}, ""),
        ({"accessdenieddetail": {"requiredScopes": "Contact.User.Read"}}, ""),
        ({"accessdenieddetail": None}, ""),
    ],
)
def test_the_permission_that_is_missing_is_named_and_nothing_else(
    said: Any, permission: str
) -> None:
    code = {"code": "Forbidden.AccessDenied.AccessTokenPermissionDenied"}
    error = refused(NEWER, 403, code | said)
    assert (error.reason, error.permission) == (Reason.PERMISSION, permission)


def test_a_page_for_people_is_a_ban_and_a_broken_gateways_page_is_not() -> None:
    page = f"\n<!DOCTYPE html><html>{SENTINEL}</html>".encode()
    assert refused(OLDER, 200, page).reason is Reason.BANNED
    assert refused(OLDER, 403, page).reason is Reason.BANNED
    assert refused(OLDER, 502, page).reason is Reason.BROKEN


def test_an_answer_that_is_cut_off_is_garbled() -> None:
    assert refused(OLDER, 200, b'{"errcode": 0, "recordresult": [{').reason is Reason.GARBLED


def test_the_token_goes_where_each_host_wants_it() -> None:
    token = Token("secret", 1)
    older = Wire().sign(Request("POST", "https://x", "/attendance/listRecord"), token)
    newer = Wire().sign(Request("POST", "https://x", "/v1.0/x", {"a": "b"}), token)
    assert (older.query, older.headers) == ({"access_token": "secret"}, {})
    assert newer.query == {"a": "b"}
    assert newer.headers == {"x-acs-dingtalk-access-token": "secret"}


@pytest.fixture
def vendor() -> Iterator[tuple[Api, list[Any], list[httpx2.Request]]]:
    """Calls that are answered with what is put into the list, and what was asked."""
    made = Canned(dingtalk.answer("v1_token"))
    caller = made.caller(Wire(), lambda: fetch_token(made.http, "https://api", "k", "s"))
    api = Api(caller, "https://api", "https://oapi", ZoneInfo("Asia/Shanghai"))
    yield api, made.answers, made.asked
    made.http.close()


DAY = Window(1_789_920_000_000, 1_790_006_400_000)


def test_the_documented_answers_are_read(
    vendor: tuple[Api, list[Any], list[httpx2.Request]],
) -> None:
    api, answers, asked = vendor
    answers.append(dingtalk.answer("listsub"))
    assert api.departments(1) == [1001]
    answers.append(dingtalk.answer("user_list"))
    ((user,),) = api.users(1)
    assert user["userid"] == "zhang3"
    answers.append(dingtalk.answer("listRecord"))
    assert len(api.punches(["zhang3"], DAY)) == 5
    body = json.loads(asked[-1].content)
    assert (body["checkDateFrom"], body["checkDateTo"]) == (
        "2026-09-21 00:00:00",
        "2026-09-22 00:00:00",
    )
    answers.append(dingtalk.answer("getleavestatus"))
    ((leave,),) = api.leave(["wang5"], DAY)
    assert leave["userid"] == "wang5"
    answers.append(dingtalk.answer("checkin_records"))
    ((visit,),) = api.check_ins("boss", ["li4"], DAY)
    assert visit["userId"] == "li4"
    # The next page's number comes as a string, goes as one, and is absent on the last.
    answers.extend([dingtalk.answer("instance_ids"), dingtalk.answer("instance_ids_last")])
    assert list(api.approvals("PROC-1", ["zhang3"], DAY)) == [
        ["inst-0001", "inst-0002"],
        ["inst-0003"],
    ]
    assert [json.loads(one.content)["nextToken"] for one in asked[-2:]] == [0, 20]
    answers.append(dingtalk.answer("instance"))
    assert api.approval("inst-0001")["originatorUserId"] == "zhang3"
    hosts = {(one.url.host, one.url.path.startswith("/v1.0/")) for one in asked}
    assert hosts == {("oapi", False), ("api", True)}


@pytest.mark.parametrize("cursor", [0, -1, None, "x"])
def test_a_cursor_that_does_not_go_on_is_not_followed(
    vendor: tuple[Api, list[Any], list[httpx2.Request]], cursor: object
) -> None:
    api, answers, asked = vendor
    result = {"has_more": True, "next_cursor": cursor, "list": []}
    answers.append({"errcode": 0, "result": result})
    with pytest.raises(ConnectorError) as caught:
        list(api.users(1))
    assert caught.value.reason is Reason.GARBLED
    assert len(asked) == 2  # token, and one page


BODIES = st.binary(max_size=200) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["errcode", "sub_code", "code", "status", "punish", "result"]), inner
        )
    ),
    max_leaves=8,
).map(lambda value: json.dumps(value).encode())


@given(st.sampled_from([OLDER, NEWER]), st.integers(100, 599), BODIES)
def test_whatever_answers_it_is_read_or_refused(call: str, status: int, body: bytes) -> None:
    try:
        said = Wire().read(Answer(call, status, body))
    except ConnectorError:
        return
    assert said.get("errcode", "0") in (0, "0")
