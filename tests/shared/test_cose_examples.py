"""Our COSE against the examples of its working group (public domain).

eddsa-sig-01 and sign1-tests; the values are theirs, and none of them is a message of our profile.
"""

from __future__ import annotations

from typing import Final

import cbor2
import pytest

from tests.vectors import keys
from zaigang_shared import cose
from zaigang_shared.errors import Refusal, WireError

CONTENT: Final = b"This is the content."
EDDSA_SIG_01: Final = bytes.fromhex(
    "d28445a201270300a10442313154546869732069732074686520636f6e74656e742e58407142fd2ff96d56db85bee9"
    "05a76ba1d0b7321a95c8c4d3607c5781932b7afb8711497dfa751bf40b58b3bcc32300b1487f3db34085eef013bf08"
    "f4a44d6fef0d"
)
_ES256: Final = "a10442313154546869732069732074686520636f6e74656e74"
_R: Final = "2e5840eae868ecc176883766c5dc5ba5b8dca25dab3c2e56a551ce5705b793914348e1"
_S: Final = "9f43d6c6ba654472da301b645b293c9ba939295b97c4bdb847782bff384c5794"
_S_07: Final = "72727f48461fabbba2e343492ddecac3983686250bc68e9f1a7a07d41225b59f"
_S_PASS_01: Final = "1a02e5f0344bf2d4ee5c7fd75a68a9f5e0b3cc1f1fc1409c189566586ff9d610"
_S_PASS_02: Final = "55388b10c4f1b59a6733eab416870a945111a4b2fbdbef33a77234b1deff2f9b"
SIGN1_TESTS: Final = {
    "fail-01, wrong tag": f"d903e68443a10126{_ES256}{_R}{_S}",
    "fail-02, content changed": f"d28443a10126{_ES256}{_R.replace('2e', '2f', 1)}{_S}",
    "fail-03, algorithm -999": f"d28445a1013903e6{_ES256}{_R}{_S}",
    "fail-04, algorithm unknown": f"d2844aa10167756e6b6e6f776e{_ES256}{_R}{_S}",
    "fail-06, protected header added": f"d28445a201260300{_ES256}{_R}{_S}",
    "fail-07, protected header removed": f"d28443a10126{_ES256}{_R}{_S_07}",
    # Good COSE, refused by our profile on purpose: algorithm unprotected, external data, no tag.
    "pass-01": f"d28441a0a20126{_ES256[2:]}{_R}{_S_PASS_01}",
    "pass-02": f"d28443a10126{_ES256}{_R}{_S_PASS_02}",
    "pass-03": f"8443a10126{_ES256}{_R}{_S}",
}


def test_we_sign_the_same_bytes_as_the_working_group() -> None:
    protected = cbor2.dumps({1: -8, 3: 0})
    to_be_signed = cose._to_be_signed(protected, CONTENT)
    assert to_be_signed == cbor2.dumps(["Signature1", protected, b"", CONTENT])
    signature = keys.DEVICE.sign(to_be_signed)  # the example's key is that of RFC 8032 test 1
    parts = [protected, {4: b"11"}, CONTENT, signature]
    assert cbor2.dumps(cbor2.CBORTag(18, parts)) == EDDSA_SIG_01


def test_our_verification_takes_the_working_groups_signature_and_no_other() -> None:
    protected, _, content, signature = cbor2.loads(EDDSA_SIG_01).value
    cose.Sign1(b"11", protected, content, signature).verify(keys.DEVICE.public_key())
    with pytest.raises(WireError) as caught:
        cose.Sign1(b"11", protected, content + b"!", signature).verify(keys.DEVICE.public_key())
    assert caught.value.reason is Refusal.SIGNATURE


def test_the_example_itself_is_outside_our_profile() -> None:
    with pytest.raises(WireError) as caught:
        cose.decode(EDDSA_SIG_01)
    assert caught.value.reason is Refusal.NOT_CANONICAL  # kid unprotected


@pytest.mark.parametrize("name", SIGN1_TESTS)
def test_the_working_groups_sign1_tests_are_refused(name: str) -> None:
    data = bytes.fromhex(SIGN1_TESTS[name])
    cbor2.loads(data)  # well-formed: what is refused is what it says
    with pytest.raises(WireError) as caught:
        cose.decode(data)
    assert caught.value.reason in (Refusal.NOT_COSE, Refusal.NOT_CANONICAL)


def _in_our_profile(protected: bytes, content: bytes) -> bytes:
    """The same fault in a message that is otherwise ours, signed before the change."""
    signature = keys.DEVICE.sign(cose._to_be_signed(cbor2.dumps({1: -19, 4: b"11"}), CONTENT))
    return cbor2.dumps(cbor2.CBORTag(18, [protected, {}, content, signature]))


@pytest.mark.parametrize(
    ("protected", "content", "refusal"),
    [
        ({1: -19, 4: b"11"}, b"This is the content/", Refusal.SIGNATURE),  # fail-02
        ({1: -999, 4: b"11"}, CONTENT, Refusal.ALGORITHM),  # fail-03
        ({1: "unknown", 4: b"11"}, CONTENT, Refusal.ALGORITHM),  # fail-04
        ({1: -19, 3: 0, 4: b"11"}, CONTENT, Refusal.HEADER),  # fail-06
        ({1: -19}, CONTENT, Refusal.HEADER),  # fail-07
        ({1: -19, 4: b"12"}, CONTENT, Refusal.SIGNATURE),
    ],
)
def test_the_same_faults_are_refused_in_our_own_messages(
    protected: dict[int, object], content: bytes, refusal: Refusal
) -> None:
    with pytest.raises(WireError) as caught:
        cose.decode(_in_our_profile(cbor2.dumps(protected), content)).verify(
            keys.DEVICE.public_key()
        )
    assert caught.value.reason is refusal


def test_the_unchanged_message_of_our_profile_is_accepted() -> None:
    signed = cose.decode(_in_our_profile(cbor2.dumps({1: -19, 4: b"11"}), CONTENT))
    signed.verify(keys.DEVICE.public_key())
    assert (signed.kid, signed.payload) == (b"11", CONTENT)
