"""Asking over HTTP: bounded in time and size, and failing as ConnectorError.

An address goes out with its query and comes back in no error and no log: access tokens stand there.
"""

from __future__ import annotations

import contextlib
import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import httpx2

from zaigang_collector.connectors.backoff import Rhythm
from zaigang_collector.connectors.errors import PASSING, ConnectorError, Reason
from zaigang_collector.connectors.tokens import Token, TokenCache
from zaigang_shared import __version__
from zaigang_shared.clock import Clock

# Fifty people's week of punches has some 2 MiB. Larger lets whoever answers fill the memory;
# smaller refuses a full answer.
MAX_ANSWER_BYTES: Final = 32 * 1024 * 1024
# From the connection to the last byte. Larger holds a pass for longer; smaller cuts a large page on
# a slow line.
ANSWER_S: Final = 60.0
# Between two bytes. Larger notices later that nobody is there.
SILENCE_S: Final = 20.0

# The second is of Feishu's gateway.
_RETRY_AFTER: Final = ("retry-after", "x-ogw-ratelimit-reset")
_SECONDS: Final = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?")
_SECRET: Final = re.compile(
    r"(?i)\b(access_token|appsecret|corpsecret|key|secret|sign|ticket|token)=[^&\s\"']+"
)


def scrub(text: str) -> str:
    """`text` with the values of secret parameters of addresses blotted out."""
    return _SECRET.sub(r"\1=…", text)


class Scrubbing(logging.Filter):
    """Blots out what libraries log of addresses. httpx tells each one, with its query, at `info`."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = scrub(record.getMessage()), None
        return True


_SCRUBBING: Final = Scrubbing()
for _name in ("httpx2", "httpcore2.connection", "httpcore2.http11"):
    logging.getLogger(_name).addFilter(_SCRUBBING)


@dataclass(frozen=True, slots=True, repr=False)
class Request:
    """One call. The dialect adds the token, so that a request is shown by its call alone."""

    method: str
    base_url: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None

    @property
    def call(self) -> str:
        """How the call is named in errors."""
        return f"{self.method} {self.path}"

    def __repr__(self) -> str:
        return f"Request({self.call})"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever it is."""

    call: str
    status: int
    body: bytes
    retry_after_s: float | None = None

    def json(self) -> Any:
        """The body as JSON. Raises ConnectorError: cut off, or a page for people."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise ConnectorError(Reason.GARBLED, self.call, f"http{self.status}") from None

    @property
    def is_page(self) -> bool:
        """Whether it is a page for people (HTML) in the place of an answer."""
        return self.body.lstrip()[:1] == b"<"


class Http:
    """Sends one request at a time and reads the whole answer. Redirects are not followed and no
    proxy is asked: whoever is configured answers, or nobody."""

    def __init__(
        self,
        clock: Clock,
        *,
        silence_s: float = SILENCE_S,
        answer_s: float = ANSWER_S,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        """`transport`: what stands in for the network in a test."""
        self._clock = clock
        self._answer_ms = answer_s * 1000
        self._client = httpx2.Client(
            timeout=httpx2.Timeout(silence_s),
            follow_redirects=False,
            trust_env=False,
            transport=transport,
            headers={"user-agent": f"zaigang/{__version__}", "accept": "application/json"},
        )

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()

    def send(self, request: Request) -> Answer:
        """The answer, good or bad. Raises ConnectorError when there is none."""
        try:
            return self._exchange(request)
        except httpx2.TimeoutException:
            raise ConnectorError(Reason.TIMEOUT, request.call) from None
        except (httpx2.RemoteProtocolError, httpx2.DecodingError, httpx2.ReadError):
            raise ConnectorError(Reason.GARBLED, request.call) from None
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError):
            # `from None`: the cause would bring its request, and with it the address, into the log.
            raise ConnectorError(Reason.UNREACHABLE, request.call) from None

    def _exchange(self, request: Request) -> Answer:
        end_ms = self._clock.boot_ms() + self._answer_ms
        with self._client.stream(
            request.method,
            request.base_url.rstrip("/") + request.path,
            params=dict(request.query),
            headers=dict(request.headers),
            json=None if request.body is None else dict(request.body),
        ) as response:
            body = bytearray()
            for piece in response.iter_bytes():
                body += piece
                if len(body) > MAX_ANSWER_BYTES:
                    raise ConnectorError(Reason.GARBLED, request.call, "too_large")
                # The limit of a socket is for each read: a byte a second would go on for ever.
                if self._clock.boot_ms() > end_ms:
                    raise ConnectorError(Reason.TIMEOUT, request.call)
            after_s = _retry_after_s(response.headers)
            return Answer(request.call, response.status_code, bytes(body), after_s)


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """For how long we are asked to wait, in whichever of its names a system writes it."""
    told = (headers.get(name, "") for name in _RETRY_AFTER)
    return max((float(one) for one in told if _SECONDS.fullmatch(one)), default=None)


class Dialect(Protocol):
    """How one system wants to be asked, and how it says no."""

    def sign(self, request: Request, token: Token) -> Request:
        """The request with the token where it belongs."""
        ...

    def read(self, answer: Answer) -> Mapping[str, Any]:
        """What a good answer says. Raises ConnectorError with the reason for all others; HTTP 200
        is none."""
        ...


class Caller:
    """Calls that take a token, and go on after what passes by itself."""

    def __init__(
        self,
        http: Http,
        tokens: TokenCache,
        dialect: Dialect,
        rhythm: Rhythm,
        pause: Callable[[float], bool],
    ) -> None:
        """`pause` waits some seconds; True: stop, somebody wants us to end."""
        self._http = http
        self._tokens = tokens
        self._dialect = dialect
        self._rhythm = rhythm
        self._pause = pause

    def call(self, request: Request) -> Mapping[str, Any]:
        """The answer's content. Raises ConnectorError."""
        token: Token | None = None
        renewed = False
        for tried in range(1, self._rhythm.attempts + 2):
            try:
                token = self._tokens.get()
                return self._dialect.read(self._http.send(self._dialect.sign(request, token)))
            except ConnectorError as error:
                if error.reason is Reason.TOKEN and token is not None and not renewed:
                    # Once: a fresh token that is refused as well is no question of age.
                    self._tokens.drop(token)
                    renewed = True
                    continue
                self._wait_or_raise(error, tried)
        raise ConnectorError(Reason.TOKEN, request.call)  # renewed at the very last attempt

    def _wait_or_raise(self, error: ConnectorError, tried: int) -> None:
        if error.reason not in PASSING:
            raise error
        wait_s = self._rhythm.wait_s(tried, error.retry_after_s)
        if wait_s is None:
            raise error
        if self._pause(wait_s):
            raise ConnectorError(Reason.STOPPED, error.call) from None


@contextlib.contextmanager
def opened(clock: Clock) -> Iterator[Http]:
    """A client that is closed at the end."""
    http = Http(clock)
    try:
        yield http
    finally:
        http.close()
