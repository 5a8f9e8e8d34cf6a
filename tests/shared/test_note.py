"""Signed notes and checkpoints: the texts of C2SP, and what is none."""

from __future__ import annotations

import base64
import contextlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from zaigang_shared import checkpoint, note
from zaigang_shared.checkpoint import Checkpoint
from zaigang_shared.errors import NoteError

# Keys of RFC 8032 tests 1 and 2; what they make here was accepted by Go's x/mod/sumdb/note.
LOG = Ed25519PrivateKey.from_private_bytes(
    bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
)
WITNESS = Ed25519PrivateKey.from_private_bytes(
    bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
)
ROOT = bytes.fromhex("5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328")
ORIGIN = "zaigang.example/log1"
LOG_KEY = "zaigang.example/log1+6dcf22a3+AddamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea"
WITNESS_KEY = "zaigang.example/w1+a790d4f1+BD1AF8PoQ4lakrcKp00bfrycmCzPLsSWjMDNVfEq9GYM"
KNOWN = """zaigang.example/log1
8
XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=

\u2014 zaigang.example/log1 bc8io1E1o2fIq3jWn74oXoElhmcC9vMQ4mlBUy6fMSoTvUDOpJXGXTqH8BLbjFeGJtj4CMkxaakjiiw8kJIWqxOKhAs=
\u2014 zaigang.example/w1 p5DU8QAAAABpItNQ5AVhvGW3SHsZWq4rZLwyz8imC/mxxF027D3FTFR7NQ6Hu3MMR3bGvMBjcMJobDC9FqOmPnCSLvPPIIsj5YRZAg==
"""
SEEN_S = 1_763_890_000


def made() -> note.Note:
    by_log = Checkpoint(ORIGIN, 8, ROOT).sign(LOG)
    seen = note.cosigned(by_log.text, "zaigang.example/w1", WITNESS, SEEN_S)
    return note.with_signatures(by_log, [seen])


def test_a_checkpoint_with_a_witness_is_the_known_text() -> None:
    assert str(made()) == KNOWN


def test_keys_are_written_and_read_as_known() -> None:
    assert str(note.verifier_key(ORIGIN, LOG.public_key())) == LOG_KEY
    assert (
        str(note.verifier_key("zaigang.example/w1", WITNESS.public_key(), note.COSIGNATURE))
        == WITNESS_KEY
    )
    assert str(note.parse_verifier_key(LOG_KEY)) == LOG_KEY


def test_the_known_checkpoint_is_opened_and_the_witness_says_when() -> None:
    found, opened = checkpoint.open_note(KNOWN, note.parse_verifier_key(LOG_KEY))
    assert found == Checkpoint(ORIGIN, 8, ROOT)
    assert note.verify_cosignature(opened, note.parse_verifier_key(WITNESS_KEY)) == SEEN_S


def test_lines_of_unknown_keys_are_passed_over() -> None:
    stranger = note.sign(made().text, "somebody", Ed25519PrivateKey.from_private_bytes(bytes(32)))
    both = note.with_signatures(stranger, made().signatures)
    assert checkpoint.open_note(str(both), note.parse_verifier_key(LOG_KEY))[0].size == 8


def test_a_signature_is_not_added_twice() -> None:
    assert note.with_signatures(made(), made().signatures) == made()


@given(st.integers(0, len(KNOWN.encode()) * 8 - 1))
def test_a_note_with_any_bit_changed_is_refused_or_says_the_same(bit: int) -> None:
    data = bytearray(KNOWN.encode())
    data[bit // 8] ^= 1 << bit % 8
    try:
        found, opened = checkpoint.open_note(bytes(data), note.parse_verifier_key(LOG_KEY))
        note.verify_cosignature(opened, note.parse_verifier_key(WITNESS_KEY))
    except NoteError:
        return
    raise AssertionError(f"accepted: {found}")


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_whatever_is_read_as_a_note_is_one_or_our_error(data: bytes | str) -> None:
    with contextlib.suppress(NoteError):
        assert str(note.parse(data)).encode() == (data.encode() if type(data) is str else data)
    with contextlib.suppress(NoteError):
        note.parse_verifier_key(str(data))


@given(st.text(max_size=30), st.text(max_size=10), st.text(max_size=60))
def test_whatever_a_note_says_is_a_checkpoint_or_our_error(a: str, b: str, c: str) -> None:
    try:
        found = checkpoint.read(note.Note(f"{a}\n{b}\n{c}\n", ()))
    except NoteError:
        return
    assert Checkpoint(a, int(b), base64.b64decode(c)) == found


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (KNOWN.replace("\n\n", "\n"), "empty line"),
        (KNOWN[:-1], "cut off"),
        (KNOWN.replace("\u2014 ", "- "), "em dash"),
        (KNOWN.replace("\n8\n", "\n08\n"), "does not fit the text"),
        (KNOWN.replace("XcnaeacG", "XcnaeacH"), "does not fit the text"),
        (KNOWN.replace("log1 bc8i", "log2 bc8i"), "not signed by"),
        (KNOWN.replace("hAs=", "hAt="), "base64"),
        ("\x07" + KNOWN, "control characters"),
        (KNOWN + "x" * note.MAX_BYTES, "at most"),
    ],
)
def test_what_is_no_checkpoint_of_this_log_says_why(text: str, why: str) -> None:
    with pytest.raises(NoteError, match=why):
        checkpoint.open_note(text, note.parse_verifier_key(LOG_KEY))


def test_a_checkpoint_under_another_logs_name_is_refused() -> None:
    other = Checkpoint("zaigang.example/log2", 8, ROOT)
    signed = note.sign(other.text, ORIGIN, LOG)
    with pytest.raises(NoteError, match="expected one of"):
        checkpoint.open_note(str(signed), note.parse_verifier_key(LOG_KEY))


def test_a_log_signature_is_no_witness_signature() -> None:
    key = note.verifier_key(ORIGIN, LOG.public_key(), note.COSIGNATURE)
    with pytest.raises(NoteError, match="not signed by"):
        note.verify_cosignature(made(), key)


@pytest.mark.parametrize("key", [
    LOG_KEY.replace("6dcf22a3", "6dcf22a4"), LOG_KEY[:-4], "a+b", "",
    "x+00000000+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
])  # fmt: skip
def test_a_mistyped_key_is_refused(key: str) -> None:
    with pytest.raises(NoteError):
        note.parse_verifier_key(key)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "\u200b "])
def test_a_name_that_no_line_can_carry_is_refused(name: str) -> None:
    with pytest.raises(NoteError, match="no key name"):
        note.verifier_key(name, LOG.public_key())
