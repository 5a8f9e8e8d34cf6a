"""Deterministic CBOR (RFC 8949 section 4.2.1) of plain data, read strictly.

Plain data: maps with text keys, lists, text, bytes, integers of 64 bits and a sign, finite numbers,
true, false, null. No tags, no NaN, no undefined: whatever `loads` returns can be stored, compared
and shown by everybody behind it. It accepts exactly one encoding of a value: what it returns,
`dumps` gives back byte for byte.
"""

from __future__ import annotations

import functools
import math
import struct
from typing import Any, Final, Never

import cbor2

from zaigang_shared.errors import Refusal, WireError

# Deep enough for an envelope: payload map, readings list, reading map, labels map. Larger only
# gives an attacker more stack to use; smaller refuses the `apps` map of a usage reading.
MAX_DEPTH: Final = 5


def _refuse_tag(*_: object) -> Never:
    raise WireError(Refusal.PAYLOAD, "semantic tags are not used in our messages")


# cbor2 would compile regular expressions (tag 35), parse MIME (36), build sets (258), follow
# shared references (28, 29) and more before anybody has looked at a signature. Tags that it
# does not know go to its tag_hook, which refuses as well.
REFUSED_TAGS: Final = dict.fromkeys(
    (
        *(0, 1, 2, 3, 4, 5, 25, 28, 29, 30, 35, 36, 37, 43, 52, 54, 100),
        *(256, 258, 260, 261, 1004, 43000, 55799),
    ),
    _refuse_tag,
)

# Our maps have few shapes, so whether their keys are in order is remembered. A device decides
# what is in here: at most this many times one envelope, 16 MiB. Smaller forgets shapes in use.
_REMEMBERED_SHAPES: Final = 256


def dumps(value: Any) -> bytes:
    """Encode `value` deterministically. Raises WireError(PAYLOAD) when CBOR cannot hold it."""
    try:
        return cbor2.dumps(value, canonical=True)
    # A lone surrogate is text to Python and not to CBOR; a list within itself never ends.
    except (cbor2.CBORError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise WireError(Refusal.PAYLOAD, f"cannot be written as CBOR: {error}") from error


def loads(data: bytes, what: str) -> Any:
    """Decode one value of plain data.

    `what` names the thing in the error ("envelope payload"). Raises WireError(PAYLOAD) when the
    bytes are not that, and WireError(NOT_CANONICAL) when they are another encoding of it.
    """
    value = _decode(data, what)
    # No encoding is shorter than the deterministic one, and once the keys are in order every
    # other one is longer: a long head, a long float, bytes after the end. So equal length is
    # equality, at a third of the time of encoding again.
    if _deterministic_size(value, what) != len(data):
        raise _not_deterministic(what)
    return value


def loads_again(data: bytes, what: str) -> Any:
    """Decode what `loads` has accepted before, without asking again whether it is deterministic:
    that takes most of its time. For bytes that nobody can have changed since."""
    return _decode(data, what)


def _decode(data: bytes, what: str) -> Any:
    try:
        return cbor2.loads(
            data,
            allow_indefinite=False,
            allow_duplicate_keys=False,
            strict_hashable_types=True,
            max_depth=MAX_DEPTH,
            semantic_decoders=REFUSED_TAGS,
            tag_hook=_refuse_tag,
        )
    # cbor2 wraps what goes wrong inside; the rest is for versions of it to come.
    except (cbor2.CBORError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise WireError(Refusal.PAYLOAD, f"{what}: {_innermost(error)}") from error


def _innermost(error: BaseException) -> str:
    """cbor2 says what it was doing ("error decoding array"); the cause says what was wrong."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error.detail if isinstance(error, WireError) else f"not CBOR: {error}"


def _deterministic_size(value: Any, what: str) -> int:
    """The length in bytes of the deterministic encoding of `value`.

    On the way, refuses what is not plain data, and maps with their keys out of order.
    """
    size = 0
    pending = [value]
    for item in pending:  # grows while it is read
        kind = type(item)
        if kind is str:
            length = len(item) if item.isascii() else len(item.encode())
            size += length + (1 if length < 24 else _head(length))
        elif kind is int:
            size += 1 if -25 < item < 24 else _head(item if item >= 0 else ~item)
        elif kind is bool or item is None:
            size += 1
        elif kind is bytes:
            size += len(item) + _head(len(item))
        elif kind is dict:
            size += _size_of_keys(tuple(item), what)
            pending += item.values()
        elif kind is list:
            size += _head(len(item))
            pending += item
        elif kind is float:
            size += _float_size(item, what)
        else:
            raise WireError(Refusal.PAYLOAD, f"{what} has a value of no use: {kind.__name__}")
    return size


def _head(argument: int) -> int:
    """The bytes of the shortest head with `argument` (RFC 8949 section 3)."""
    if argument < 24:
        return 1
    if argument < 2**8:
        return 2
    if argument < 2**16:
        return 3
    return 5 if argument < 2**32 else 9


@functools.lru_cache(maxsize=_REMEMBERED_SHAPES)
def _size_of_keys(keys: tuple[object, ...], what: str) -> int:
    """The bytes of a map's head and keys, which must be text in the order of their encodings."""
    encoded = [key.encode() for key in keys if type(key) is str]
    if len(encoded) != len(keys):
        raise WireError(Refusal.PAYLOAD, f"{what} has a map with a key that is not text")
    # Bytewise order: the head of a text grows with its length, so shorter comes first.
    if encoded != sorted(encoded, key=lambda key: (len(key), key)):
        raise _not_deterministic(what)
    return _head(len(keys)) + sum(len(key) + _head(len(key)) for key in encoded)


def _float_size(number: float, what: str) -> int:
    """The bytes of the shortest CBOR float that holds `number` exactly."""
    if not math.isfinite(number):
        raise WireError(Refusal.PAYLOAD, f"{what} has a number that is not finite")
    for size, code in ((3, ">e"), (5, ">f")):
        try:
            if struct.unpack(code, struct.pack(code, number))[0] == number:
                return size
        except OverflowError:  # too large for this width
            continue
    return 9


def _not_deterministic(what: str) -> WireError:
    return WireError(
        Refusal.NOT_CANONICAL,
        f"{what} is not in the deterministic encoding (RFC 8949 section 4.2.1), "
        "or has bytes after its end",
    )
