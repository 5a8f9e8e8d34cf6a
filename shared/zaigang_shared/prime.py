"""A guard for threads that decode.

msgspec works out what it must know of a type at the type's first use. Two threads that come to it
first at the same moment crash the whole process: seen with msgspec 0.22.0 when a collector was
restarted under load, and by tests/shared/test_prime.py within a few hundred starts. Importing
happens in one thread, so a module that decodes primes its types when it is imported.
"""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec


def prime(*types: Any) -> None:
    """Let msgspec learn these types, and all that they are made of, now."""
    for kind in types:
        with contextlib.suppress(msgspec.ValidationError):  # None is none of them: that is enough
            msgspec.convert(None, kind)
