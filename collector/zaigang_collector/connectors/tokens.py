"""An access token, kept until shortly before it expires."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from zaigang_collector.connectors.errors import ConnectorError, Reason
from zaigang_collector.connectors.fields import FieldError, needed_integer
from zaigang_shared.clock import Clock

# A token is renewed this long before its end. Larger asks more often than is needed; smaller has a
# long page of answers begun with a token that ends on the way.
EARLY_MS: Final = 10 * 60_000
# … and at half of its life where it does not live that long.
_EARLY_SHARE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Token:
    """What was given, and for how long."""

    text: str
    lives_ms: int

    def __repr__(self) -> str:  # in a traceback it must not be usable
        return "Token(…)"


def granted(
    ask: Callable[[], Mapping[str, Any]], call: str, text_name: str, lives_s_name: str
) -> Token:
    """The token that `ask` is answered with. Being refused one means that key or secret are wrong.
    Raises ConnectorError."""
    try:
        said = ask()
    except ConnectorError as error:
        if error.reason in (Reason.REFUSED, Reason.TOKEN):
            raise ConnectorError(Reason.CREDENTIALS, error.call, error.code) from None
        raise
    text = said.get(text_name)
    try:
        lives_s = needed_integer(said, lives_s_name)
    except FieldError:
        lives_s = 0
    # It goes into a header: what is not one line of ASCII would break it, or make another.
    if not isinstance(text, str) or not text or not (text.isascii() and text.isprintable()):
        raise ConnectorError(Reason.GARBLED, call, "no_token")
    if lives_s <= 0:
        raise ConnectorError(Reason.GARBLED, call, "no_token")
    return Token(text, lives_s * 1000)


class TokenCache:
    """One token for all threads: who comes while it is being fetched waits for that one."""

    def __init__(self, fetch: Callable[[], Token], clock: Clock) -> None:
        """`fetch` asks for a new one; what it raises goes to everybody who asks."""
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._held: Token | None = None
        self._good_until_ms = 0

    def get(self) -> Token:
        """The token to use now. Raises ConnectorError."""
        with self._lock:
            # By the machine's own clock: the world's may be put right in between.
            now_ms = self._clock.boot_ms()
            if self._held is None or now_ms >= self._good_until_ms:
                self._held = None
                fresh = self._fetch()
                early_ms = min(EARLY_MS, int(fresh.lives_ms * _EARLY_SHARE))
                self._good_until_ms = now_ms + fresh.lives_ms - early_ms
                self._held = fresh
            return self._held

    def drop(self, refused: Token) -> None:
        """This one was refused. Somebody else may have a newer one already: that one stays."""
        with self._lock:
            if self._held is refused:
                self._held = None
