"""Randomness that comes out the same every time."""

from __future__ import annotations

import hashlib


class Repeatable:
    """`n` bytes that look random; two with the same seed give the same sequence."""

    def __init__(self, seed: str = "") -> None:
        self._seed = seed
        self._calls = 0

    def __call__(self, size: int) -> bytes:
        self._calls += 1
        name = f"{self._seed}/{self._calls}".encode()
        return hashlib.shake_256(name).digest(size)
