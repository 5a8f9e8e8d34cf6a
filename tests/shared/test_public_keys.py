"""Which public keys a device may enrol with, worked out here by integer arithmetic alone."""

from __future__ import annotations

from typing import Final, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vectors import keys
from zaigang_shared import cose
from zaigang_shared.errors import Refusal, WireError

P: Final = 2**255 - 19
D: Final = -121665 * pow(121666, P - 2, P) % P
SQRT_M1: Final = pow(2, (P - 1) // 4, P)
Point: TypeAlias = tuple[int, int]
NEUTRAL: Final[Point] = (0, 1)


def _add(a: Point, b: Point) -> Point:
    """RFC 8032 section 5.1.4, affine."""
    k = D * a[0] * b[0] * a[1] * b[1]
    x = (a[0] * b[1] + b[0] * a[1]) * pow(1 + k, P - 2, P)
    y = (a[1] * b[1] + a[0] * b[0]) * pow(1 - k, P - 2, P)
    return x % P, y % P


def _decompress(raw: bytes) -> Point | None:
    """The point that a lax reader sees: y is reduced, and x = 0 may have a sign."""
    encoded = int.from_bytes(raw, "little")
    y, sign = encoded % 2**255 % P, encoded >> 255
    x_squared = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x_squared, (P + 3) // 8, P)
    if x * x % P != x_squared:
        x = x * SQRT_M1 % P
    if x * x % P != x_squared:
        return None
    return (P - x if x % 2 != sign else x) % P, y


def _times_eight(point: Point) -> Point:
    for _ in range(3):
        point = _add(point, point)
    return point


def _small_order_encodings() -> set[bytes]:
    """Found by search, not copied: all encodings of the y of any point whose eightfold is neutral."""
    ys = set()
    for seed in range(2, 60):  # a point times the group order is a point of the torsion subgroup
        point = _decompress(seed.to_bytes(32, "little"))
        if point is None:
            continue
        torsion = NEUTRAL
        for bit in f"{2**252 + 27742317777372353535851937790883648493:b}":
            torsion = _add(torsion, torsion)
            if bit == "1":
                torsion = _add(torsion, point)
        ys.add(torsion[1])
    # A y below 19 has a second encoding, y + p, in 255 bits.
    spellings = ys | {y + P for y in ys if y + P < 2**255}
    return {(y | sign << 255).to_bytes(32, "little") for y in spellings for sign in (0, 1)}


SMALL_ORDER: Final = sorted(_small_order_encodings())


def test_there_are_fourteen_encodings_of_points_of_small_order() -> None:
    assert len(SMALL_ORDER) == 14
    assert set(SMALL_ORDER) == cose._SMALL_ORDER


@pytest.mark.parametrize("raw", SMALL_ORDER, ids=bytes.hex)
def test_a_key_of_small_order_is_refused(raw: bytes) -> None:
    point = _decompress(raw)
    assert point is not None
    assert _times_eight(point) == NEUTRAL
    with pytest.raises(WireError, match="small order") as caught:
        cose.load_public_key(raw)
    assert caught.value.reason is Refusal.HEADER


@given(st.binary(min_size=32, max_size=32))
def test_a_key_is_taken_exactly_when_it_is_a_point_in_its_one_encoding(raw: bytes) -> None:
    point = _decompress(raw)
    canonical = int.from_bytes(raw, "little") % 2**255 < P
    expected = point is not None and canonical and raw not in SMALL_ORDER
    try:
        taken = cose.load_public_key(raw).public_bytes_raw() == raw
    except WireError:
        taken = False
    assert taken == expected


@given(st.binary(max_size=64).filter(lambda raw: len(raw) != 32))
def test_a_key_of_another_length_is_refused(raw: bytes) -> None:
    with pytest.raises(WireError, match="32 bytes"):
        cose.load_public_key(raw)


def test_real_keys_are_taken() -> None:
    for key in (keys.DEVICE, keys.COLLECTOR, keys.STRANGER):
        raw = key.public_key().public_bytes_raw()
        assert cose.load_public_key(raw).public_bytes_raw() == raw
