"""Asking another system: what is waited for, what is given up, and what never gets into an error."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.clock import FakeClock
from zaigang_collector.connectors import http
from zaigang_collector.connectors.backoff import Rhythm
from zaigang_collector.connectors.errors import PASSING, ConnectorError, Reason
from zaigang_collector.connectors.http import Answer, Caller, Http, Request
from zaigang_collector.connectors.tokens import EARLY_MS, Token, TokenCache

SENTINEL = "sentinel-secret"
ASKED = Request("POST", "https://vendor.example/root/", "/punches", {"page": "2"}, {}, {"a": 1})
HOUR_MS = 3_600_000


class Plain:
    """Token in the query; `{"code": 0}` is good."""

    def sign(self, request: Request, token: Token) -> Request:
        query = {**request.query, "access_token": token.text}
        return Request(request.method, request.base_url, request.path, query, {}, request.body)

    def read(self, answer: Answer) -> Mapping[str, Any]:
        if answer.status >= 500:
            raise ConnectorError(Reason.BROKEN, answer.call, retry_after_s=answer.retry_after_s)
        said = answer.json()
        reason = {0: None, 1: Reason.TOKEN, 2: Reason.THROTTLED, 3: Reason.PERMISSION}[said["code"]]
        if reason is not None:
            raise ConnectorError(reason, answer.call, str(said["code"]))
        return dict(said)


@dataclass
class Vendor:
    """Answers in order; the last one again and again."""

    answers: list[Callable[[httpx2.Request], httpx2.Response]]
    seen: list[httpx2.Request] = field(default_factory=list)

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.seen.append(request)
        return self.answers[min(len(self.seen), len(self.answers)) - 1](request)


def said(code: int, status: int = 200, **headers: str) -> Callable[..., httpx2.Response]:
    return lambda _: httpx2.Response(status, json={"code": code}, headers=headers)


def raises(error: type[Exception]) -> Callable[..., httpx2.Response]:
    def fail(request: httpx2.Request) -> httpx2.Response:
        raise error(f"no luck with {request.url}")

    return fail


@dataclass
class Bench:
    """A caller with everything around it under our hand."""

    vendor: Vendor
    clock: FakeClock = field(default_factory=FakeClock)
    waits: list[float] = field(default_factory=list)
    tokens_given: int = 0
    stop: bool = False

    def __post_init__(self) -> None:
        self.http = Http(self.clock, transport=httpx2.MockTransport(self.vendor))
        self.tokens = TokenCache(self._token, self.clock)
        self.caller = Caller(
            self.http, self.tokens, Plain(), Rhythm(lambda: 1.0, attempts=4), self._pause
        )

    def _token(self) -> Token:
        self.tokens_given += 1
        return Token(f"{SENTINEL}-{self.tokens_given}", 2 * HOUR_MS)

    def _pause(self, wait_s: float) -> bool:
        self.waits.append(wait_s)
        return self.stop


@pytest.fixture
def bench() -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(*answers: Callable[..., httpx2.Response]) -> Bench:
        made.append(Bench(Vendor(list(answers))))
        return made[-1]

    yield make
    for one in made:
        one.http.close()


def test_a_call_goes_out_with_its_token_and_comes_back_with_the_answer(
    bench: Callable[..., Bench],
) -> None:
    here = bench(said(0))
    assert here.caller.call(ASKED) == {"code": 0}
    (request,) = here.vendor.seen
    assert str(request.url) == (
        f"https://vendor.example/root/punches?page=2&access_token={SENTINEL}-1"
    )
    assert json.loads(request.content) == {"a": 1}


@pytest.mark.parametrize(
    "fault",
    [
        said(2),
        said(0, status=503),
        raises(httpx2.ConnectError),
        raises(httpx2.ReadTimeout),
        raises(httpx2.RemoteProtocolError),
        lambda _: httpx2.Response(200, content=b'{"code": 0, "cut'),
    ],
)
def test_what_passes_is_tried_again_with_longer_waits(
    bench: Callable[..., Bench], fault: Callable[..., httpx2.Response]
) -> None:
    here = bench(fault, fault, said(0))
    assert here.caller.call(ASKED) == {"code": 0}
    assert here.waits == [1.0, 2.0]


def test_what_does_not_pass_is_given_up_after_so_many_attempts(
    bench: Callable[..., Bench],
) -> None:
    here = bench(said(2))
    with pytest.raises(ConnectorError) as caught:
        here.caller.call(ASKED)
    assert (caught.value.reason, caught.value.code) == (Reason.THROTTLED, "2")
    assert here.waits == [1.0, 2.0, 4.0]
    assert len(here.vendor.seen) == 4


def test_a_refusal_is_not_tried_again(bench: Callable[..., Bench]) -> None:
    here = bench(said(3))
    with pytest.raises(ConnectorError) as caught:
        here.caller.call(ASKED)
    assert caught.value.reason is Reason.PERMISSION
    assert here.waits == []
    assert len(here.vendor.seen) == 1


def test_what_the_other_side_asks_for_is_waited(bench: Callable[..., Bench]) -> None:
    here = bench(said(0, 503, **{"retry-after": "7"}), said(0))
    here.caller.call(ASKED)
    assert here.waits == [pytest.approx(7.7)]


def test_a_wait_that_is_asked_for_and_too_long_is_left_to_the_next_pass(
    bench: Callable[..., Bench],
) -> None:
    here = bench(said(0, 503, **{"retry-after": "3600"}), said(0))
    with pytest.raises(ConnectorError) as caught:
        here.caller.call(ASKED)
    assert caught.value.reason is Reason.BROKEN
    assert here.waits == []


def test_a_refused_token_is_renewed_once_and_at_once(bench: Callable[..., Bench]) -> None:
    here = bench(said(1), said(0))
    assert here.caller.call(ASKED) == {"code": 0}
    assert here.waits == []
    assert [one.url.params["access_token"] for one in here.vendor.seen] == [
        f"{SENTINEL}-1",
        f"{SENTINEL}-2",
    ]


def test_a_fresh_token_that_is_refused_as_well_is_no_question_of_age(
    bench: Callable[..., Bench],
) -> None:
    here = bench(said(1))
    with pytest.raises(ConnectorError) as caught:
        here.caller.call(ASKED)
    assert caught.value.reason is Reason.TOKEN
    assert len(here.vendor.seen) == 2


def test_whoever_stops_us_does_not_wait_for_the_next_attempt(bench: Callable[..., Bench]) -> None:
    here = bench(said(2))
    here.stop = True
    with pytest.raises(ConnectorError) as caught:
        here.caller.call(ASKED)
    assert caught.value.reason is Reason.STOPPED
    assert len(here.vendor.seen) == 1


def test_a_token_is_kept_until_shortly_before_its_end(bench: Callable[..., Bench]) -> None:
    here = bench(said(0))
    here.caller.call(ASKED)
    here.clock.advance(2 * HOUR_MS - EARLY_MS - 1)
    here.caller.call(ASKED)
    assert here.tokens_given == 1
    here.clock.advance(1)
    here.caller.call(ASKED)
    assert here.tokens_given == 2


def test_a_token_that_lives_shortly_is_renewed_at_half_of_its_life() -> None:
    clock, given = FakeClock(), []

    def fetch() -> Token:
        given.append(1)
        return Token("x", 60_000)

    cache = TokenCache(fetch, clock)
    cache.get()
    clock.advance(29_999)
    cache.get()
    assert len(given) == 1
    clock.advance(1)
    cache.get()
    assert len(given) == 2


def test_many_threads_that_need_a_token_cause_one_to_be_fetched() -> None:
    together, fetched = threading.Barrier(8), []
    inside, release = threading.Event(), threading.Event()

    def fetch() -> Token:
        fetched.append(1)
        inside.set()
        assert release.wait(10)
        return Token("x", HOUR_MS)

    cache = TokenCache(fetch, FakeClock())
    got: list[Token] = []

    def ask() -> None:
        together.wait(10)
        got.append(cache.get())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for one in threads:
        one.start()
    assert inside.wait(10)
    release.set()
    for one in threads:
        one.join(10)
    assert len(fetched) == 1
    assert len(set(map(id, got))) == 1


def test_a_token_that_was_renewed_meanwhile_is_not_thrown_away() -> None:
    names = iter("abc")
    cache = TokenCache(lambda: Token(next(names), HOUR_MS), FakeClock())
    first = cache.get()
    cache.drop(first)
    second = cache.get()
    cache.drop(first)  # a second thread, whose call had been made with the first token
    assert cache.get() is second


FAULTS: list[Callable[..., httpx2.Response]] = [
    said(1),
    said(2),
    said(3),
    said(0, status=500),
    raises(httpx2.ConnectError),
    raises(httpx2.ConnectTimeout),
    raises(httpx2.ReadError),
    raises(httpx2.InvalidURL),
    lambda _: httpx2.Response(200, content=b"<html>please pay</html>"),
    lambda _: httpx2.Response(302, headers={"location": f"https://x/?access_token={SENTINEL}"}),
]


@pytest.mark.parametrize("fault", FAULTS)
def test_no_fault_tells_the_token_in_an_error_or_in_a_log(
    bench: Callable[..., Bench],
    fault: Callable[..., httpx2.Response],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    here = bench(fault)
    with pytest.raises(ConnectorError) as caught:
        here.caller.call(ASKED)
    logging.getLogger("test").error("failed", exc_info=caught.value)
    assert SENTINEL not in caplog.text
    token = here.tokens.get()
    shown = repr(caught.value) + str(caught.value) + repr(token) + repr(Plain().sign(ASKED, token))
    assert SENTINEL not in shown


def test_what_the_library_logs_of_an_address_is_blotted_out(
    bench: Callable[..., Bench], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    bench(said(0)).caller.call(ASKED)
    assert "access_token=…" in caplog.text  # it does log addresses
    assert SENTINEL not in caplog.text


def test_an_answer_that_fills_the_memory_is_cut_short(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "MAX_ANSWER_BYTES", 1000)
    here = bench(lambda _: httpx2.Response(200, content=bytes(2000)))
    with pytest.raises(ConnectorError) as caught:
        here.http.send(ASKED)
    assert (caught.value.reason, caught.value.code) == (Reason.GARBLED, "too_large")


def test_an_answer_that_trickles_is_given_up() -> None:
    clock = FakeClock()

    class Trickling(httpx2.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            while True:
                clock.advance(10_000)
                yield b" "

    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, stream=Trickling()))
    client = Http(clock, transport=transport, answer_s=30)
    with pytest.raises(ConnectorError) as caught:
        client.send(ASKED)
    client.close()
    assert caught.value.reason is Reason.TIMEOUT


@given(st.integers(1, 40), st.floats(0, 1), st.one_of(st.none(), st.floats(0, 1e6)))
def test_a_wait_is_never_longer_than_the_longest_and_never_negative(
    tried: int, jitter: float, asked_s: float | None
) -> None:
    rhythm = Rhythm(lambda: jitter, attempts=30, most_s=60)
    wait_s = rhythm.wait_s(tried, asked_s)
    if tried >= 30 or (asked_s is not None and asked_s > 60):
        assert wait_s is None
    else:
        assert wait_s is not None
        assert 0 <= wait_s <= 66
        assert asked_s is None or wait_s >= asked_s


@given(st.text(max_size=200), st.sampled_from(["access_token", "appsecret", "key", "sign"]))
def test_scrubbing_leaves_no_secret_of_an_address(text: str, name: str) -> None:
    address = f"https://vendor.example/x?{name}={SENTINEL}&page=2 {text}"
    assert SENTINEL not in http.scrub(address)
    assert "page=2" in http.scrub(address)


@given(st.text(max_size=100))
def test_a_sentence_where_a_code_belongs_is_not_carried_on(code: str) -> None:
    error = ConnectorError(Reason.REFUSED, "GET /x", code)
    assert error.code in (code, "")
    assert " " not in error.code
    assert error.code.isascii()


def test_only_what_may_pass_by_itself_is_tried_again() -> None:
    assert Reason.CREDENTIALS not in PASSING
    assert Reason.QUOTA not in PASSING
    assert Reason.BANNED not in PASSING  # asking within a ban begins it anew
