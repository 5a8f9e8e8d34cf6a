"""What a leaf says."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zaigang_shared import cbor, ledger_entry
from zaigang_shared.errors import WireError
from zaigang_shared.ledger_entry import EntryType, LeafData

LEAF = LeafData(EntryType.ENVELOPE, 1_763_890_000_000, bytes(range(32)), bytes(range(16)))
# 84 68 "envelope" 1b .. 5820 .. 50 ..
KNOWN = (
    "8468656e76656c6f70651b0000019ab0097080"
    "5820000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
    "50000102030405060708090a0b0c0d0e0f"
)


def test_the_bytes_of_a_leaf_are_known() -> None:
    assert LEAF.encode().hex() == KNOWN
    assert LEAF.hash() == hashlib.sha256(b"\0" + bytes.fromhex(KNOWN)).digest()


@given(
    st.sampled_from(EntryType),
    st.integers(0, 2**53),
    st.binary(min_size=32, max_size=32),
    st.binary(min_size=16, max_size=16),
)
def test_what_is_written_is_read(
    entry_type: EntryType, at_ms: int, body_hash: bytes, salt: bytes
) -> None:
    leaf = LeafData(entry_type, at_ms, body_hash, salt)
    assert ledger_entry.decode(leaf.encode()) == leaf


@given(st.binary(max_size=120))
def test_any_bytes_give_a_leaf_or_our_error(data: bytes) -> None:
    try:
        leaf = ledger_entry.decode(data)
    except WireError:
        return
    assert leaf.encode() == data


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        (["envelope", 1, bytes(32)], "list of"),
        (["gossip", 1, bytes(32), bytes(16)], "no ledger entry has the type"),
        (["envelope", -1, bytes(32), bytes(16)], "UTC milliseconds"),
        (["envelope", True, bytes(32), bytes(16)], "UTC milliseconds"),
        (["envelope", 1, bytes(31), bytes(16)], "32 bytes"),
        (["envelope", 1, bytes(32), bytes(15)], "16 bytes"),
        ({"a": 1}, "list of"),
    ],
)
def test_what_is_no_leaf_says_why(fields: object, why: str) -> None:
    with pytest.raises(WireError, match=why):
        ledger_entry.decode(cbor.dumps(fields))
