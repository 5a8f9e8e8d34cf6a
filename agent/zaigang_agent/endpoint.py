"""The collector's device endpoint, over HTTPS: one question at a time, and what a refusal means.

Own, because http.client takes a MiB, for email, in a process that asks for two hundred bytes twice
an hour. HTTP/1.0 leaves nothing to get wrong: the answer ends where the connection ends.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import msgspec

from zaigang_agent.errors import EnrolmentError, IdentityError
from zaigang_agent.keys import Identity
from zaigang_agent.reasons import why_not_connected
from zaigang_shared import __version__

_TIMEOUT_S: Final = 10.0
# The vantage token is asked for between two looks: longer would delay those.
_QUICK_S: Final = 4.0
_MAX_ANSWER_BYTES: Final = 256 * 1024
_PIECE_BYTES: Final = 16 * 1024
_VANTAGE: Final = "/device/v1/vantage"


@dataclass(frozen=True, slots=True)
class Address:
    """Where the collector's device endpoint is."""

    host: str
    port: int

    @property
    def netloc(self) -> str:
        """HOST:PORT as in a URL."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        return f"https://{self.netloc}"


def parse_url(text: str) -> Address:
    """`https://HOST:PORT` as a person types it. Raises EnrolmentError."""
    wanted = "the collector's device address looks like https://collector.example.com:8471"
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError as error:
        raise EnrolmentError(f"{text!r} is not an address ({error}); {wanted}") from error
    if parts.scheme != "https" or not parts.hostname or port is None:
        raise EnrolmentError(f"{text!r} is not a full https address; {wanted}")
    if parts.path not in ("", "/") or parts.query or parts.username:
        raise EnrolmentError(f"{text!r} has more than host and port; {wanted}")
    return Address(parts.hostname, port)


def vantage(identity: Identity) -> bytes | None:
    """The collector's signed word on the address it sees us at; None when it cannot be had now."""
    try:
        address = parse_url(identity.card.collector_url)
        return request(address, identity.tls(), "GET", _VANTAGE, timeout_s=_QUICK_S)
    except (EnrolmentError, IdentityError):
        return None


def reachable(identity: Identity) -> str | None:
    """Why the collector's device endpoint does not answer this device; None when it does."""
    try:
        request(parse_url(identity.card.collector_url), identity.tls(), "GET", _VANTAGE)
    except (EnrolmentError, IdentityError) as error:
        return str(error)
    return None


def request(
    address: Address,
    context: ssl.SSLContext,
    method: str,
    path: str,
    body: Mapping[str, str] | None = None,
    timeout_s: float = _TIMEOUT_S,
) -> bytes:
    """One request on a connection of its own. Raises EnrolmentError with a sentence."""
    try:
        answer = _exchange(address, context, _request(address, method, path, body), timeout_s)
        if not answer:
            raise ConnectionError("nothing came")
    except (OSError, UnicodeError) as error:  # UnicodeError: a name that cannot be one
        raise EnrolmentError(why_not_connected(error, str(address))) from error
    if len(answer) > _MAX_ANSWER_BYTES:
        raise EnrolmentError(f"{address} answers with more than a collector would")
    read = read_answer(answer)
    if read is None:
        raise EnrolmentError(
            f"{address} answers, but not with HTTP: is this the address for devices?"
        )
    status, content = read
    if status not in (200, 201):
        raise _refusal(status, content, address)
    return content


def _request(address: Address, method: str, path: str, body: Mapping[str, str] | None) -> bytes:
    content = b"" if body is None else msgspec.json.encode(body)
    lines = [
        f"{method} {path} HTTP/1.0",
        f"Host: {address.netloc.encode('idna').decode()}",
        f"User-Agent: zaigang-agent/{__version__}",
    ]
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + content


def _exchange(address: Address, context: ssl.SSLContext, message: bytes, timeout_s: float) -> bytes:
    """All that comes back, or a little more than anybody may say."""
    answer = bytearray()
    with (
        socket.create_connection((address.host, address.port), timeout_s) as line,
        context.wrap_socket(line, server_hostname=address.host) as tls,
    ):
        tls.sendall(message)
        while len(answer) <= _MAX_ANSWER_BYTES and (piece := tls.recv(_PIECE_BYTES)):
            answer += piece
    return bytes(answer)


def read_answer(answer: bytes) -> tuple[int, bytes] | None:
    """Status and content of a whole answer in HTTP/1; None for anything else.

    A length is held against what came, since a connection that breaks ends like one that is closed.
    """
    head, blank, content = answer.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    words = first.split(b" ", 2)
    is_status = len(words) >= 2 and len(words[1]) == 3 and words[1].isdigit()
    if not blank or words[0] not in (b"HTTP/1.0", b"HTTP/1.1") or not is_status:
        return None
    for line in lines:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length" and value.strip() != b"%d" % len(content):
            return None
        if name.lower() == b"transfer-encoding":  # HTTP/1.0 has none
            return None
    return int(words[1]), content


def _refusal(status: int, answer: bytes, address: Address) -> EnrolmentError:
    """What an RFC 9457 problem means to the person in front of this machine."""
    try:
        problem = msgspec.json.decode(answer)
        detail = str(problem.get("detail") or problem.get("title") or "")
    except (msgspec.MsgspecError, AttributeError, RecursionError, UnicodeError):
        detail = ""
    said = f" (the collector says: {detail[:300]})" if detail else ""
    sentences = {
        401: "the collector does not accept this token or certificate: was the token typed right? "
        "Ask IT for a new one if it was",
        403: "the collector refuses this device: ask IT whether it was revoked",
        404: f"{address} has no such page: is this the collector's address for devices?",
        410: "this token was used already or has expired: ask IT for a new one",
        422: "the collector cannot take what this device says of itself",
        429: "too many attempts: wait a minute and try again",
    }
    if status >= 500:
        sentence = "the collector has a problem of its own; try again later or tell IT"
    else:
        sentence = sentences.get(status, f"the collector answered with status {status}")
    return EnrolmentError(sentence + said, status)
