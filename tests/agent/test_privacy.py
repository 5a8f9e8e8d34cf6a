from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zaigang_agent.privacy import NEVER
from zaigang_shared.network_hash import network_hash


def test_a_network_hash_is_the_documented_hmac() -> None:
    key, mac = bytes(range(32)), bytes.fromhex("02fc00000005")
    expected = hmac.new(key, b"zaigang/net/1" + mac, hashlib.sha256).digest()[:8]
    assert network_hash(key, mac) == expected


@given(st.binary(max_size=20).filter(lambda mac: len(mac) != 6))
def test_only_six_bytes_are_a_gateway(mac: bytes) -> None:
    with pytest.raises(ValueError, match="6 bytes"):
        network_hash(bytes(32), mac)


def test_two_companies_cannot_compare_their_networks() -> None:
    mac = bytes.fromhex("02fc00000005")
    assert network_hash(bytes(32), mac) != network_hash(bytes([1]) * 32, mac)


def test_what_is_never_sent_is_said_once_in_each_language() -> None:
    english = [text for text, _ in NEVER]
    chinese = [text for _, text in NEVER]
    assert len(set(english)) == len(set(chinese)) == len(NEVER) >= 10
    assert all(text.isascii() for text in english)
    assert not any(text.isascii() for text in chinese)
