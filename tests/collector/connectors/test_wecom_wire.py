"""How WeCom says no, and what answers in its place."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import wecom
from tests.fakes.wecom import SENTINEL
from zaigang_collector.connectors.errors import ConnectorError, Reason
from zaigang_collector.connectors.http import Answer, Request
from zaigang_collector.connectors.tokens import Token
from zaigang_collector.connectors.wecom.wire import Wire

CALL = "POST /cgi-bin/checkin/getcheckindata"


def refused(status: int, body: object) -> ConnectorError:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(ConnectorError) as caught:
        Wire().read(Answer(CALL, status, data))
    return caught.value


@pytest.mark.parametrize(
    ("said", "reason", "code"),
    [
        (wecom.answer("err_token"), Reason.TOKEN, "42001"),
        ({"errcode": 40014}, Reason.TOKEN, "40014"),
        ({"errcode": "40014"}, Reason.TOKEN, "40014"),
        (wecom.answer("err_freq"), Reason.THROTTLED, "45009"),
        (wecom.answer("err_ip"), Reason.ADDRESS, "60020"),
        ({"errcode": 48002}, Reason.PERMISSION, "48002"),
        ({"errcode": 60111}, Reason.SCOPE, "60111"),
        ({"errcode": 40013}, Reason.CREDENTIALS, "40013"),
        ({"errcode": -1}, Reason.BROKEN, "-1"),
        ({"errcode": 301023}, Reason.REFUSED, "301023"),
        ({"errcode": f"{SENTINEL} 写的话"}, Reason.REFUSED, ""),
        ({"checkindata": []}, Reason.GARBLED, "no_errcode"),
        ([], Reason.GARBLED, "no_errcode"),
    ],
)
def test_it_refuses_with_http_200_and_a_code(said: Any, reason: Reason, code: str) -> None:
    error = refused(200, said)
    assert (error.reason, error.code) == (reason, code)
    assert SENTINEL not in str(error)


def test_what_was_asked_too_often_is_shut_for_a_minute() -> None:
    assert refused(200, {"errcode": 45009}).retry_after_s == 60
    assert refused(200, {"errcode": -1}).retry_after_s is None


def test_a_page_for_people_and_half_an_answer_are_garbled_and_a_broken_gateway_is_broken() -> None:
    page = f"<!DOCTYPE html><html>{SENTINEL}</html>".encode()
    assert refused(200, page).reason is Reason.GARBLED
    assert refused(200, b'{"errcode": 0, "checkindata": [{').reason is Reason.GARBLED
    assert refused(502, page).reason is Reason.BROKEN
    assert refused(429, page).reason is Reason.THROTTLED


def test_the_token_goes_into_the_query() -> None:
    asked = Wire().sign(Request("POST", "https://x", "/cgi-bin/x", {"a": "b"}), Token("t", 1))
    assert asked.query == {"a": "b", "access_token": "t"}
    assert "access_token" not in asked.call


BODIES = st.binary(max_size=200) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["errcode", "errmsg", "checkindata"]), inner)
    ),
    max_leaves=8,
).map(lambda value: json.dumps(value).encode())


@given(st.integers(100, 599), BODIES)
def test_whatever_answers_it_is_read_or_refused(status: int, body: bytes) -> None:
    try:
        said = Wire().read(Answer(CALL, status, body))
    except ConnectorError:
        return
    assert said["errcode"] in (0, "0")
