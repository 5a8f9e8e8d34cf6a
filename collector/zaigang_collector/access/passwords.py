"""Passwords: which are taken, and how they are kept.

Length and a list, no composition rules: those make `Password1!` of `password` and teach nobody
(NIST SP 800-63B, 3.1.1.2).
"""

from __future__ import annotations

import re
import threading
import unicodedata
from typing import Final

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from zaigang_collector.errors import CollectorError

# Larger makes people write it down; smaller lets a list of common words be tried offline in hours.
LENGTH_MIN: Final = 12
# Larger only feeds the hash; smaller refuses a sentence.
LENGTH_MAX: Final = 200
# What has to be left once common words, runs and repetitions are taken out. Larger refuses sentences
# with one common word; smaller lets `password2026!` through.
_OWN_MIN: Final = 6

# RFC 9106, 4: the second recommended option, for machines without 2 GiB to spare. Larger memory
# fills a small server when several people sign in at once; smaller makes a stolen database cheap to
# search. Measured in docs/access.md.
TIME_COST: Final = 3
MEMORY_KIB: Final = 64 * 1024
LANES: Final = 4
# Hashes at the same time. Larger multiplies the 64 MiB; smaller lets people wait for each other.
AT_ONCE: Final = 2
# For which a hash waits for its turn. Larger holds up threads that others need; smaller turns people
# away when a few sign in at nine o'clock.
_WAIT_S: Final = 5.0

# Stems, not passwords: with digits, signs and repetitions around them they make most of the common
# ones of twelve characters and more. English, Chinese pinyin, keyboard rows, and ours.
_STEMS: Final = (
    "password passwort passw0rd pass pwd secret letmein welcome changeme default admin "
    "administrator root user guest login test demo sample temp master super manager "
    "qwertyuiop qwerty qwert asdfghjkl asdfgh asdf zxcvbnm zxcv qazwsxedc qazwsx 1qaz2wsx 3edc4rfv 3edc 4rfv 5tgb "
    "1q2w3e4r5t 1q2w3e4r 1q2w3e q1w2e3r4 abcdefgh abcdef abcd abc "
    "iloveyou love sunshine princess monkey dragon football baseball superman batman "
    "shadow michael jordan charlie summer winter spring autumn monday friday january "
    "december company office work hello freedom whatever trustno1 starwars computer "
    "internet samsung google apple china beijing shanghai shenzhen guangzhou hangzhou "
    "woaini woaiwo wobuaini aini nihao zhongguo mima gongsi kaoqin zhangsan lisi wangwu "
    "laogong laopo baobao tiancai woshishei zaigang dingtalk wecom feishu weixin "
    "5201314 1314520 147258369 123qwe qwe123"
)
# The longest first, so that nothing of it is left over.
_COMMON: Final = tuple(sorted(_STEMS.split(), key=len, reverse=True))
_ROWS: Final = ("0123456789", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl", "zxcvbnm")
_LEET: Final = str.maketrans("013457@$!", "oieastasi")


class TooBusyError(CollectorError):
    """Too many are signing in at this moment."""


def folded(password: str) -> str:
    """As it is hashed: the same characters, whichever keyboard wrote them (NIST: NFKC)."""
    return unicodedata.normalize("NFKC", password)


def objection(password: str, *own_words: str) -> str | None:
    """Why this password is not taken, as a sentence; None: it is. `own_words`: the account's name
    and the like, which are the first that anybody tries."""
    text = folded(password)
    if len(text) < LENGTH_MIN:
        return (
            f"it has {len(text)} characters; at least {LENGTH_MIN} are needed, a sentence is best"
        )
    if len(text) > LENGTH_MAX:
        return f"it has {len(text)} characters; {LENGTH_MAX} are the most"
    if not text.isprintable():
        return "it holds characters that no keyboard writes again"
    if len(_own(text.lower(), own_words)) < _OWN_MIN:
        return (
            "it is made of common words, runs and repetitions, which are tried first; take three "
            "or four words that have nothing to do with each other"
        )
    return None


def _own(text: str, own_words: tuple[str, ...]) -> str:
    """What nobody would guess of it: the rest, twice over, plain and with digits read as letters."""
    words = (*(one.lower() for one in own_words if len(one) > 2), *_COMMON)
    left = min((_stripped(one, words) for one in (text, text.translate(_LEET))), key=len)
    return left if len(set(left)) > 2 else ""


def _stripped(text: str, words: tuple[str, ...]) -> str:
    for word in words:
        text = text.replace(word, " ")
    text = re.sub(r"(.+?)\1{2,}", r"\1", text)  # abababab is ab
    for row in (*_ROWS, *(one[::-1] for one in _ROWS)):
        for length in range(len(row), 3, -1):
            for start in range(len(row) - length + 1):
                text = text.replace(row[start : start + length], " ")
    text = re.sub(r"(19|20)\d\d(0[1-9]|1[0-2])?([0-2]\d|3[01])?", " ", text)  # years and days
    return re.sub(r"[\s\W_]+", "", text)


class Hasher:
    """Argon2id. Slow on purpose, and only a few at a time."""

    def __init__(
        self,
        time_cost: int = TIME_COST,
        memory_kib: int = MEMORY_KIB,
        lanes: int = LANES,
        wait_s: float = _WAIT_S,
    ) -> None:
        """Smaller numbers are for tests."""
        self._argon = argon2.PasswordHasher(time_cost, memory_kib, lanes)
        self._wait_s = wait_s
        self._turn = threading.BoundedSemaphore(AT_ONCE)
        # Compared with when there is nothing to compare with, so that both ways do the same work.
        self._nobody = self._argon.hash("nobody has this password")

    def hash(self, password: str) -> str:
        """As it is kept. Raises TooBusyError."""
        with self._in_turn():
            return self._argon.hash(folded(password))

    def fits(self, kept: str | None, password: str) -> bool:
        """Whether this is the password; takes as long where nothing is kept. Raises TooBusyError."""
        with self._in_turn():
            try:
                self._argon.verify(kept or self._nobody, folded(password))
            except (VerificationError, InvalidHashError):
                return False
        return kept is not None

    def is_old(self, kept: str) -> bool:
        """Whether it was hashed with other numbers than today's."""
        return self._argon.check_needs_rehash(kept)

    def _in_turn(self) -> _Turn:
        return _Turn(self._turn, self._wait_s)


class _Turn:
    def __init__(self, turn: threading.BoundedSemaphore, wait_s: float) -> None:
        self._turn, self._wait_s = turn, wait_s

    def __enter__(self) -> None:
        if not self._turn.acquire(timeout=self._wait_s):
            raise TooBusyError("too many people are signing in at this moment; try again")

    def __exit__(self, *_raised: object) -> None:
        self._turn.release()
