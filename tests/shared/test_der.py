"""The reader of DER: what it takes, and that nothing but DER gets through."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import tokens
from zaigang_shared import der
from zaigang_shared.der import Fields
from zaigang_shared.errors import TimestampError


@given(st.integers(-(2**200), 2**200))
def test_integers_come_back(value: int) -> None:
    assert der.integer(der.read(tokens.integer(value))) == value


@given(st.integers(0, 2), st.integers(0, 39), st.lists(st.integers(0, 2**60), max_size=5))
def test_object_identifiers_come_back(first: int, second: int, rest: list[int]) -> None:
    dotted = ".".join(map(str, (first, second, *rest)))
    assert der.oid(der.read(tokens.oid(dotted))) == dotted


@given(st.binary(max_size=70_000))
def test_contents_come_back_whatever_their_length(content: bytes) -> None:
    encoded = tokens.tlv(der.OCTET_STRING, content)
    if len(encoded) > der.MAX_BYTES:
        with pytest.raises(TimestampError, match="at most"):
            der.read(encoded)
    else:
        element = der.read(encoded)
        assert (der.octets(element), element.encoded) == (content, encoded)


@pytest.mark.parametrize(
    ("encoded", "why"),
    [
        ("", "cut off"),
        ("30", "cut off"),
        ("300205", "cut off"),
        ("0405ab", "cut off"),
        ("3080 0000", "indefinite"),
        ("0483 000001 00", "oversized"),
        ("0481 01 00", "more bytes than it needs"),
        ("0482 0080" + "00" * 128, "more bytes than it needs"),
        ("1f8101 00", "more than one byte"),
        ("0400 00", "follow the end"),
    ],
)
def test_what_is_no_der_is_refused(encoded: str, why: str) -> None:
    with pytest.raises(TimestampError, match=why):
        der.read(bytes.fromhex(encoded))


@pytest.mark.parametrize("encoded", ["0200", "02020001", "0202ffff", "0401 00"])
def test_an_integer_has_one_encoding(encoded: str) -> None:
    with pytest.raises(TimestampError):
        der.integer(der.read(bytes.fromhex(encoded)))


@pytest.mark.parametrize(
    "encoded", ["0600", "060180", "06028001", "06032a8001", "0641" + "01" * 65]
)
def test_an_object_identifier_has_one_encoding(encoded: str) -> None:
    with pytest.raises(TimestampError):
        der.oid(der.read(bytes.fromhex(encoded)))


@pytest.mark.parametrize(
    ("text", "at_ms"),
    [
        ("19700101000000Z", 0),
        ("20260921093015Z", 1_789_983_015_000),
        ("20260921093015.2Z", 1_789_983_015_000 + 200),
        ("20260921093015.1239999Z", 1_789_983_015_000 + 123),
        ("20240229000000Z", 1_709_164_800_000),
    ],
)
def test_times_are_utc_milliseconds(text: str, at_ms: int) -> None:
    assert der.utc_ms(der.read(tokens.tlv(der.GENERALIZED_TIME, text.encode()))) == at_ms


@pytest.mark.parametrize(
    "text",
    [
        *("20260921093015", "202609210930Z", "20260921093015+0800", "20260921093015.Z"),
        *("20260921093015.20Z", "20261321093015Z", "20260231093015Z", "20260921240000Z"),
        *("20260921093060Z", "19691231235959Z", "2026092109301\u0665Z", ""),
    ],
)
def test_what_is_no_time_of_a_stamp_is_refused(text: str) -> None:
    with pytest.raises(TimestampError):
        der.utc_ms(der.read(tokens.tlv(der.GENERALIZED_TIME, text.encode())))


def test_fields_are_taken_in_order_and_nothing_is_left() -> None:
    fields = Fields(der.read(tokens.sequence(tokens.integer(1), tokens.oid("1.2.3"))), "a pair")
    assert fields.maybe(der.OID) is None
    assert der.integer(fields.take(der.INTEGER)) == 1
    with pytest.raises(TimestampError, match="a pair: expected tag 0x02, found 0x06"):
        fields.take(der.INTEGER)
    with pytest.raises(TimestampError, match="unexpected tag 0x06"):
        fields.end()
    assert der.oid(fields.any()) == "1.2.3"
    fields.end()
    with pytest.raises(TimestampError, match="its end"):
        fields.take(der.OID)
    with pytest.raises(TimestampError, match="cut off"):
        fields.any()


def test_a_primitive_holds_nothing_and_an_explicit_tag_one() -> None:
    with pytest.raises(TimestampError, match="holds no other"):
        der.read(tokens.integer(1)).children()
    with pytest.raises(TimestampError, match="2 elements"):
        der.read(tokens.tlv(0xA0, tokens.integer(1), tokens.integer(2))).only()
    with pytest.raises(TimestampError, match="is a sequence"):
        Fields(der.read(tokens.integer(1)), "it")


def test_a_heap_of_elements_is_refused() -> None:
    with pytest.raises(TimestampError, match="more than 256"):
        der.read(tokens.sequence(*[tokens.integer(1)] * 257)).children()


def test_deep_nesting_costs_no_stack() -> None:
    encoded = b""
    while len(encoded) < 60_000:
        encoded = tokens.sequence(encoded)
    element = der.read(encoded)
    depth = 0
    while children := element.children():
        element, depth = children[0], depth + 1
    assert depth > 10_000
