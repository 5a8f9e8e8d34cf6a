"""Randomness that can be named: one independent stream for each person, day and purpose.

A stream is found by its name, never by how much was drawn before: a nuisance more, or a person
more, changes nothing for anybody else.
"""

from __future__ import annotations

import hashlib
import random
from typing import TypeAlias

Stream: TypeAlias = random.Random


def stream(seed: int, *names: str | int) -> Stream:
    """The stream of this name under this seed. The same names give the same numbers anywhere."""
    name = repr((seed, *names)).encode()
    number = int.from_bytes(hashlib.sha256(name).digest()[:16], "big")
    return random.Random(number)  # noqa: S311  # made-up people need no secret numbers


def secret(seed: int, *names: str | int) -> bytes:
    """32 bytes of this name: keys and identifiers of things that do not exist."""
    return hashlib.sha256(repr(("secret", seed, *names)).encode()).digest()


def clipped(draw: Stream, mean: float, sd: float, low: float, high: float) -> float:
    """A normal variable, held within bounds beyond which it would make no sense."""
    return min(high, max(low, draw.gauss(mean, sd)))


def chance(draw: Stream, share: float) -> bool:
    """True in this share of draws."""
    return draw.random() < share
