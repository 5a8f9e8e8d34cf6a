"""One HTTP request to somebody outside: bounded in time and size, and failing in words."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from zaigang_collector.errors import AnchorError
from zaigang_shared import __version__

# A time stamp with a long chain has under 10 KiB, cosignatures less. Larger lets whoever answers
# fill the memory; smaller refuses an authority with many certificates.
MAX_ANSWER_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    media_type: str
    """Without parameters, in lower case."""
    body: bytes


Post: TypeAlias = Callable[[str, bytes, str], Answer]
"""(URL, body, media type) to an answer. Raises AnchorError."""


def poster(timeout_s: float) -> Post:
    """Posts that take `timeout_s` at most from the connection to the last byte.

    Redirects are not followed and no proxy is asked: whoever is configured answers, or nobody.
    """

    def post(url: str, body: bytes, media_type: str) -> Answer:
        parts = urllib.parse.urlsplit(url)
        connection = _connection(parts, timeout_s)
        # The time limit of a socket is for each read: an authority that sends a byte a minute would
        # hold this thread for days.
        late = threading.Event()
        end = threading.Timer(timeout_s, _cut, (connection, late))
        end.daemon = True
        end.start()
        try:
            return _exchange(connection, parts, body, media_type)
        except TimeoutError:
            raise AnchorError(f"it did not answer within {timeout_s:g} seconds") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            if late.is_set():
                raise AnchorError(f"it did not answer within {timeout_s:g} seconds") from None
            raise AnchorError(_words(error)) from error
        finally:
            end.cancel()
            connection.close()

    return post


def _connection(parts: urllib.parse.SplitResult, timeout_s: float) -> http.client.HTTPConnection:
    host = parts.hostname or ""
    if parts.scheme == "https":
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(host, parts.port, timeout=timeout_s, context=context)
    return http.client.HTTPConnection(host, parts.port, timeout=timeout_s)


def _exchange(
    connection: http.client.HTTPConnection,
    parts: urllib.parse.SplitResult,
    body: bytes,
    media_type: str,
) -> Answer:
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {"Content-Type": media_type, "User-Agent": f"zaigang/{__version__}"}
    connection.request("POST", path, body, headers)
    response = connection.getresponse()
    answer = response.read(MAX_ANSWER_BYTES + 1)
    if len(answer) > MAX_ANSWER_BYTES:
        raise AnchorError(f"its answer has more than {MAX_ANSWER_BYTES} bytes")
    if response.length:  # read(n) does not mind an answer that is cut off
        raise http.client.IncompleteRead(answer, response.length)
    return Answer(response.status, response.headers.get_content_type(), answer)


def _cut(connection: http.client.HTTPConnection, late: threading.Event) -> None:
    """Wake whoever waits for this connection."""
    late.set()
    if (sock := connection.sock) is not None:
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)


def _words(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate does not hold: {error.verify_message}"
    if isinstance(error, OSError):
        return f"it cannot be reached: {error.strerror or type(error).__name__}"
    return f"its answer is no HTTP: {type(error).__name__}"
