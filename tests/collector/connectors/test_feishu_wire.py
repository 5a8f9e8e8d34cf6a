"""How Feishu says no, and what answers in its place."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import feishu
from tests.fakes.clock import FakeClock
from tests.fakes.vendor import SENTINEL
from zaigang_collector.attendance.model import Direction, ExemptionKind
from zaigang_collector.attendance.model import Kind as Word
from zaigang_collector.connectors.backoff import Rhythm
from zaigang_collector.connectors.contract import Kind, Standing, Window
from zaigang_collector.connectors.errors import ConnectorError, Reason
from zaigang_collector.connectors.feishu import wire
from zaigang_collector.connectors.feishu.api import Api
from zaigang_collector.connectors.feishu.connector import Feishu
from zaigang_collector.connectors.feishu.settings import FeishuSettings
from zaigang_collector.connectors.feishu.wire import Wire
from zaigang_collector.connectors.http import Answer, Caller, Http, Request
from zaigang_collector.connectors.tokens import Token, TokenCache

CALL = "POST /open-apis/attendance/v1/user_flows/query"


def refused(status: int, body: object, after_s: float | None = None) -> ConnectorError:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(ConnectorError) as caught:
        Wire().read(Answer(CALL, status, data, after_s))
    return caught.value


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize(
    ("said", "reason", "code"),
    [
        (feishu.answer("token_err"), Reason.TOKEN, "99991663"),
        (feishu.answer("ratelimit"), Reason.THROTTLED, "99991400"),
        ({"code": "99991400"}, Reason.THROTTLED, "99991400"),
        ({"code": 1220002}, Reason.TOKEN, "1220002"),
        ({"code": 1220004}, Reason.SCOPE, "1220004"),
        ({"code": 1220005}, Reason.PERMISSION, "1220005"),
        ({"code": 40004}, Reason.PERMISSION, "40004"),
        ({"code": 1220001}, Reason.REFUSED, "1220001"),
        ({"code": f"{SENTINEL} 写的话"}, Reason.REFUSED, ""),
        ({"hello": 1}, Reason.GARBLED, "no_code"),
        ([], Reason.GARBLED, "no_code"),
        (b"<html>", Reason.GARBLED, ""),
    ],
)
def test_the_code_decides_and_not_the_http_status(
    status: int, said: Any, reason: Reason, code: str
) -> None:
    error = refused(status, said)
    assert error.reason is reason
    assert error.code == (code or error.code)
    assert SENTINEL not in str(error)


@pytest.mark.parametrize(
    ("status", "said", "reason", "code"),
    [
        (500, {"code": 1225000}, Reason.BROKEN, "1225000"),
        (502, b"<html>", Reason.BROKEN, "http502"),
        (429, b"", Reason.THROTTLED, "http429"),
        (403, {"code": 0}, Reason.REFUSED, "0"),
    ],
)
def test_a_status_counts_where_the_code_says_nothing(
    status: int, said: Any, reason: Reason, code: str
) -> None:
    error = refused(status, said)
    assert (error.reason, error.code) == (reason, code)


@pytest.mark.parametrize("status", [400, 429])
@pytest.mark.parametrize(
    ("headers", "after_s"),
    [
        ({"x-ogw-ratelimit-reset": "7"}, 7.0),
        ({"x-ogw-ratelimit-reset": "0.5"}, 0.5),
        ({"x-ogw-ratelimit-reset": "3", "retry-after": "9"}, 9.0),
        ({"x-ogw-ratelimit-reset": "soon"}, None),
        ({"x-ogw-ratelimit-reset": "-1"}, None),
        ({}, None),
    ],
)
def test_how_long_to_wait_is_read_from_the_header_of_a_throttle(
    status: int, headers: dict[str, str], after_s: float | None
) -> None:
    said = feishu.answer("ratelimit")
    transport = httpx2.MockTransport(lambda _: httpx2.Response(status, json=said, headers=headers))
    http = Http(FakeClock(), transport=transport)
    with pytest.raises(ConnectorError) as caught:
        Wire().read(http.send(Request("POST", "http://feishu.test", "/x")))
    assert (caught.value.reason, caught.value.retry_after_s) == (Reason.THROTTLED, after_s)


@pytest.mark.parametrize(
    ("detail", "permission"),
    [
        (
            {"permission_violations": [{"subject": "contact:user.employee_id:readonly"}]},
            "contact:user.employee_id:readonly",
        ),
        ({"permission_violations": [{"subject": f"{SENTINEL}"}, {"subject": "a:b"}]}, "a:b"),
        ({"permission_violations": [{"subject": f"a:b {SENTINEL}"}]}, ""),
        ({"permission_violations": {"subject": "a:b"}}, ""),
        ([], ""),
    ],
)
def test_the_permission_that_is_missing_is_named(detail: Any, permission: str) -> None:
    error = refused(400, {"code": 99991672, "msg": SENTINEL, "error": detail})
    assert (error.reason, error.permission) == (Reason.PERMISSION, permission)


def test_a_good_answer_is_handed_on() -> None:
    said = feishu.answer("user_flows")
    assert Wire().read(Answer(CALL, 200, json.dumps(said).encode())) == said
    assert Wire().read(Answer(CALL, 200, b'{"code": "0"}')) == {"code": "0"}


def test_the_token_stands_in_a_header_and_in_no_address() -> None:
    signed = Wire().sign(Request("GET", "http://feishu.test", "/x", {"a": "b"}), Token("t-1", 1))
    assert signed.headers == {"authorization": "Bearer t-1"}
    assert signed.query == {"a": "b"}


@pytest.mark.parametrize(
    "said",
    [
        {"code": 0},
        {"code": 0, "tenant_access_token": "", "expire": 7200},
        {"code": 0, "tenant_access_token": "t\nx: y", "expire": 7200},
        {"code": 0, "tenant_access_token": "令牌", "expire": 7200},
        {"code": 0, "tenant_access_token": "t-1", "expire": 0},
        {"code": 0, "tenant_access_token": "t-1", "expire": SENTINEL},
    ],
)
def test_what_is_no_token_is_garbled(said: Any) -> None:
    http = Http(
        FakeClock(), transport=httpx2.MockTransport(lambda _: httpx2.Response(200, json=said))
    )
    with pytest.raises(ConnectorError) as caught:
        wire.fetch_token(http, "http://feishu.test", "cli", "secret")
    assert caught.value.reason is Reason.GARBLED


@given(st.integers(200, 599), st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_whatever_answers_is_a_value_or_our_own_error(status: int, body: bytes) -> None:
    try:
        said = Wire().read(Answer(CALL, status, body))
    except ConnectorError:
        return
    assert str(said["code"]) == "0"


@given(
    st.integers(200, 599),
    st.dictionaries(
        st.sampled_from(["code", "msg", "error", "data"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=9),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(["permission_violations", "subject"]), inner)
            ),
            max_leaves=6,
        ),
    ),
)
def test_whatever_json_answers_is_a_value_or_our_own_error(status: int, said: Any) -> None:
    with contextlib.suppress(ConnectorError):
        Wire().read(Answer(CALL, status, json.dumps(said).encode()))


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["items", "has_more", "page_token", "user_flow_results", "records"]),
            inner,
        )
    ),
    max_leaves=9,
)


def connector(answer: Callable[[httpx2.Request], httpx2.Response]) -> Feishu:
    """One that is given a token, and answered so for all else."""

    def answered(request: httpx2.Request) -> httpx2.Response:
        if "auth" in request.url.path:
            return httpx2.Response(200, json=feishu.answer("token"))
        return answer(request)

    http, url = Http(FakeClock(), transport=httpx2.MockTransport(answered)), "http://feishu.test"
    tokens = TokenCache(lambda: wire.fetch_token(http, url, "cli", "secret"), FakeClock())
    caller = Caller(http, tokens, Wire(), Rhythm(lambda: 0.5), lambda _: False)
    return Feishu(FeishuSettings(app_id="cli"), Api(caller, url), bytes(32))


def test_the_documented_answers_are_read_through_the_calls() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        path = request.url.path
        name = next(
            name
            for part, name in {
                "departments/od-fake": "",
                "departments/": "departments",
                "find_by_department": "users",
                "user_flows": "user_flows",
                "user_tasks": "user_tasks",
                "user_approvals": "user_approvals",
            }.items()
            if part in path
        )
        nothing = {"code": 0, "data": {"has_more": False}}
        return httpx2.Response(200, json=feishu.answer(name) if name else nothing)

    asked, day = connector(answer), Window(1_789_920_000_000, 1_790_006_400_000)
    found = [
        list(asked.fetch(kind, day, ["abd754f7", "4bb6c1aa"]))
        for kind in (Kind.PEOPLE, Kind.PUNCHES, Kind.APPROVALS)
    ]
    assert all(not one.unreadable and not one.unknown_people for some in found for one in some)
    people, (punches,), (approvals,) = found
    assert {one.job_number for batch in people for one in batch.persons} == {"E1001"}
    assert len(people) == 2  # the company, and the department in it
    # The third, by a manager, took the place of the second, made outside.
    assert [(one.direction, one.word, one.standing) for one in punches.punches] == [
        (Direction.IN, Word.OWN, Standing.COUNTS),
        (None, Word.OWN, Standing.DISCOUNTED),
        (Direction.OUT, Word.CORRECTED_MANAGER, Standing.COUNTS),
    ]
    (leave,) = approvals.absences
    assert (leave.person, leave.why) == ("4bb6c1aa", ExemptionKind.LEAVE)
    assert leave.to_ms - leave.from_ms == 9 * 3_600_000


@given(st.lists(ANY, min_size=1, max_size=4), st.sampled_from(["people", "punches", "approvals"]))
def test_whatever_data_is_answered_comes_to_batches_or_to_our_own_error(
    answers: list[object], kind: str
) -> None:
    turn = itertools.cycle(answers)

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=json.dumps({"code": 0, "data": next(turn)}).encode())

    window = Window(1_789_920_000_000, 1_789_920_000_000 + 60 * 24 * 3_600_000)
    with contextlib.suppress(ConnectorError):
        for batch in connector(answer).fetch(Kind(kind), window, ["a", "b"]):
            assert batch.kind is Kind(kind)
