"""The CDDL says the same as the code, judged by a validator with a decoder of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import cbor2
import pytest
from cddl_verifier import Validator  # type: ignore[import-untyped]  # it ships no types
from hypothesis import given, settings

import zaigang_shared
from tests.factories import wire
from tests.vectors import keys, make, refusals
from zaigang_shared import readings
from zaigang_shared.errors import Refusal

FOLDER: Final = Path(zaigang_shared.__file__).parent / "schema"
SCHEMA: Final = Validator("\n".join(path.read_text("utf-8") for path in sorted(FOLDER.iterdir())))
ROOTS: Final = {
    "envelope": "envelope",
    "receipt": "receipt",
    "vantage": "vantage",
    "config": "device-config",
}
# What CDDL cannot say, the comments of the files do.
BEYOND_CDDL: Final = {
    "prev of zeros later in the chain",
    "vantage: address with leading zeros",
    "t after up",
    "span before the boot",
    "a beacon seen last before first",
    "a beacon seen after the reading",
    "advert slots in reverse",
    "a gap that begins after its end",
    "a later kind after up",
    "config: a shift that ends before it begins",
    "config: a shift of more than a day",
    "too deep",
    "key id in capitals is no device",
    "key id with a line end is no device",
    "key id not UTF-8",
    "receipt: of another collector",
    # Encodings inside a byte string: require_deterministic looks at the outside only.
    "header out of order",
    "header of indefinite length",
    "key id of indefinite length",
    "key id length in long form",
    "map of indefinite length",
}
# Sizes, and the encoding of what is inside a byte string: not about the shape of values.
TOO_SLOW: Final = {"513 readings"}  # ten seconds of choices; the bound is in the schema
OTHER_LAYERS: Final = {Refusal.OVERSIZE, Refusal.SIGNATURE, Refusal.NOT_CANONICAL}


def _errors(data: bytes, root: str) -> tuple[str, ...]:
    result = SCHEMA.validate(data, root, require_deterministic=True)
    assert result.valid == (not result.errors)
    return tuple(result.errors)


@pytest.mark.parametrize("number", range(3))
def test_the_golden_envelopes_have_the_shape(number: int) -> None:
    assert _errors(make.chain()[number], "envelope") == ()


def test_the_golden_messages_of_the_collector_have_the_shape() -> None:
    assert _errors(make.signed_receipt(make.chain()[0]), "receipt") == ()
    assert _errors(make.vantage(), "vantage") == ()
    assert _errors(make.signed_config(), "device-config") == ()


@given(wire.sealed())
@settings(max_examples=60)
def test_every_envelope_that_we_seal_has_the_shape(data: bytes) -> None:
    assert _errors(data, "envelope") == ()


@given(wire.any_reading)
@settings(max_examples=60)
def test_every_reading_that_we_encode_has_the_shape(reading: readings.Reading) -> None:
    raw = readings.encode(reading)
    assert _errors(cbor2.dumps(raw, canonical=True), "reading") == ()
    assert _errors(cbor2.dumps(raw, canonical=True), raw["k"]) == ()


SHAPELESS: Final = [
    case
    for case in refusals.all_cases()
    if case.opens in ROOTS
    and case.refusal not in OTHER_LAYERS
    and case.name not in BEYOND_CDDL | TOO_SLOW
]


@pytest.mark.parametrize("case", SHAPELESS, ids=lambda case: case.name)
def test_what_the_code_refuses_for_its_shape_the_cddl_refuses_too(case: refusals.Case) -> None:
    assert _errors(case.message, ROOTS[case.opens]) != ()


def test_the_list_of_what_cddl_cannot_say_is_true() -> None:
    cases = {case.name: case for case in refusals.all_cases()}
    silent = {
        name for name in BEYOND_CDDL if not _errors(cases[name].data, ROOTS[cases[name].opens])
    }
    assert silent == BEYOND_CDDL


def test_an_envelope_of_another_kind_of_message_is_told_apart() -> None:
    assert _errors(make.chain()[0], "receipt") != ()
    assert _errors(make.vantage(), "receipt") != ()
    assert keys.DEVICE_ID.encode() in make.chain()[0]
