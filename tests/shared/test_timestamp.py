"""Time stamps of RFC 3161: a good one is read, and nothing else is taken for one."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import rfc3161_client
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import tokens
from tests.factories.tokens import AT, AT_MS, EKU, POLICY, Party, Token, party
from tests.fakes.tsa import KEYS, OTHER_POLICY, LocalAuthority, openssl_accepts
from zaigang_shared import certpath, timestamp
from zaigang_shared.errors import TimestampError
from zaigang_shared.timestamp import Stamp

DATA = b"zaigang/1\n8\nroot\n"


@cache
def root() -> Party:
    return party("Root", ca=True)


@cache
def signer(kind: str) -> Party:
    return party(f"TSA {kind}", root(), kind, usages=EKU)


def good(kind: str = "p256", **changes: Any) -> Token:
    return Token(signer(kind), DATA, **changes)


def verified(response: bytes, trusted: Party | None = None, **more: Any) -> Stamp:
    return timestamp.verify(response, DATA, [(trusted or root()).certificate], **more)


def refused(token: Token, why: str, **more: Any) -> None:
    with pytest.raises(TimestampError, match=why):
        verified(token.response(), **more)


@pytest.fixture(scope="module", params=sorted(KEYS))
def authority(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> LocalAuthority:
    digest = {"p256": "sha256", "p384": "sha384", "rsa": "sha512"}[request.param]
    return LocalAuthority.create(tmp_path_factory.mktemp(request.param), request.param, digest)


@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
def test_three_readers_agree_on_what_openssl_stamped(
    authority: LocalAuthority, digest: str, tmp_path: Path
) -> None:
    response = authority.stamp(DATA, digest)
    stamp = timestamp.verify(response, DATA, [authority.root], policy="1.2.3.4.1")
    decoded = rfc3161_client.decode_timestamp_response(response)
    assert stamp.authority == "Test TSA"
    assert stamp.accuracy_ms == 1000
    assert stamp.serial == decoded.tst_info.serial_number
    assert stamp.at_ms // 1000 == int(decoded.tst_info.gen_time.timestamp())
    assert openssl_accepts(tmp_path, response, DATA, authority.root_file)
    assert not openssl_accepts(tmp_path, response, DATA + b"!", authority.root_file)
    with pytest.raises(TimestampError, match="other data"):
        timestamp.verify(response, DATA + b"!", [authority.root])
    if digest != "sha384":  # the library knows two
        builder = rfc3161_client.VerifierBuilder().add_root_certificate(authority.root)
        assert builder.build().verify_message(decoded, DATA)


def test_the_token_alone_is_as_good_as_the_answer(authority: LocalAuthority) -> None:
    response = authority.stamp(DATA)
    token = rfc3161_client.decode_timestamp_response(response).time_stamp_token()
    roots = [authority.root]
    assert timestamp.verify(token, DATA, roots) == timestamp.verify(response, DATA, roots)


def test_another_root_is_not_trusted(authority: LocalAuthority) -> None:
    with pytest.raises(TimestampError, match="does not lead to a trusted root"):
        verified(authority.stamp(DATA))
    with pytest.raises(TimestampError, match="does not lead"):
        timestamp.verify(authority.stamp(DATA), DATA, [])


@pytest.mark.parametrize("kind", ["p256", "p384", "rsa", "ed25519"])
@pytest.mark.parametrize("by_key_id", [False, True])
def test_a_stamp_of_each_kind_of_key_is_read(kind: str, by_key_id: bool) -> None:
    digest = tokens.SHA512 if kind == "ed25519" else tokens.SHA256
    token = good(kind, by_key_id=by_key_id, digest=digest)
    expected = Stamp(AT_MS, 1001, POLICY, 77, f"TSA {kind}")
    assert verified(token.response(), policy=POLICY, nonce=7) == expected
    assert verified(token.token()) == expected


def test_what_is_made_by_hand_here_is_taken_by_the_library() -> None:
    response = good(time=b"20260921093015Z").response()
    decoded = rfc3161_client.decode_timestamp_response(response)
    builder = rfc3161_client.VerifierBuilder().add_root_certificate(root().certificate)
    assert builder.build().verify_message(decoded, DATA)


def test_rsa_pss_is_read_and_its_defaults_are_not() -> None:
    token = good("rsa", sign=tokens.sign_pss)
    assert verified(token.response()).authority == "TSA rsa"

    def with_defaults(own: Any, over: bytes) -> tuple[bytes, bytes]:
        return tokens.algorithm("1.2.840.113549.1.1.10", tokens.sequence()), b"x" * 256

    refused(good("rsa", sign=with_defaults), "RSA-PSS")


def test_a_stamp_without_accuracy_and_nonce_is_read() -> None:
    assert verified(good(accuracy=b"", nonce=None).response()).accuracy_ms is None
    refused(good(nonce=None), "another request", nonce=7)
    fine = tokens.sequence(tokens.tlv(0x80, b"\x02"), tokens.tlv(0x81, b"\x01"))
    assert verified(good(accuracy=fine).response()).accuracy_ms == 3


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"imprint": b"x" * 32}, "other data"),
        (
            {"imprint": b"x" * 20, "imprint_hash": "1.3.14.3.2.26"},
            "expected SHA-256",
        ),  # SHA-1
        ({"imprint_hash": "1.2.156.10197.1.401"}, "expected SHA-256"),  # SM3
        ({"version": 2}, "version 1"),
        ({"time": b"2026"}, "YYYYMMDD"),
        ({"accuracy": tokens.sequence(tokens.integer(-1))}, "accuracy"),
        ({"accuracy": tokens.sequence(tokens.tlv(0x80, b"\x03\xe8"))}, "accuracy"),
        ({"content_type": "1.2.840.113549.1.7.1"}, "expected 1.2.840.113549.1.9.16.1.4"),
        ({"attribute_type": "1.2.840.113549.1.7.1"}, "another content"),
        ({"message_digest": b"x" * 32}, "not that of the content"),
        ({"signed_version": 1}, "version 3"),
        ({"announced": (tokens.SHA512,)}, "not among those"),
        ({"announced": ()}, "not among those"),
        ({"signers": 2}, "2 signers"),
        ({"signers": 0}, "0 signers"),
        ({"certificates": ()}, "not in the time stamp"),
        ({"ess": b""}, "do not name the signer's certificate"),
        ({"flip": True}, "signature does not hold"),
        ({"key": tokens.key("p256", "somebody")}, "signature does not hold"),
        ({"key": tokens.key("rsa", "somebody")}, "does not fit the signer's key"),
        ({"status": 2}, "rejected"),
        ({"status": 3}, "not stamped yet"),
        ({"status": 9}, "status 9"),
    ],
)
def test_one_thing_wrong_refuses_the_stamp(change: dict[str, Any], why: str) -> None:
    refused(good(**change), why)


def test_the_policy_and_the_nonce_are_demanded() -> None:
    refused(good(policy=OTHER_POLICY), "policy 1.2.3.4.5, expected 1.2.3.4.1", policy=POLICY)
    refused(good(nonce=8), "another request", nonce=7)


def test_granted_with_changes_is_granted() -> None:
    assert verified(good(status=1).response()).serial == 77


def test_a_refusal_is_told_in_the_authoritys_words() -> None:
    said = tokens.sequence(tokens.tlv(0x0C, "余额不足".encode()))
    failure = tokens.tlv(0x03, b"\x00\x00\x01")  # bit 15
    response = tokens.sequence(tokens.sequence(tokens.integer(2), said, failure))
    with pytest.raises(
        TimestampError, match=r"rejected, it does not stamp under this policy.*余额不足"
    ):
        verified(response)


@pytest.mark.parametrize(
    ("name", "value", "bound"),
    [
        ("2.12", lambda own: hashlib.sha1(own).digest(), True),  # noqa: S324  # ESSCertID's own
        ("2.12", lambda own: hashlib.sha1(own + b"!").digest(), False),  # noqa: S324
        ("2.47", lambda own: hashlib.sha256(own + b"!").digest(), False),
    ],
)
def test_the_certificate_is_bound_by_either_attribute(
    name: str, value: Callable[[bytes], bytes], bound: bool
) -> None:
    ids = tokens.sequence(tokens.sequence(tokens.tlv(0x04, value(signer("p256").der))))
    ess = tokens.attribute(f"1.2.840.113549.1.9.16.{name}", tokens.sequence(ids))
    token = good(ess=ess)
    if bound:
        assert verified(token.response()).serial == 77
    else:
        refused(token, "another certificate")


def test_a_second_certificate_of_the_same_key_does_not_serve() -> None:
    other = replace(signer("p256"), certificate=party("TSA p256", root(), usages=EKU).certificate)
    assert other.certificate.public_key() == signer("p256").certificate.public_key()
    ess = tokens.attribute(
        "1.2.840.113549.1.9.16.2.47",
        tokens.sequence(
            tokens.sequence(
                tokens.sequence(tokens.tlv(0x04, hashlib.sha256(signer("p256").der).digest()))
            )
        ),
    )
    refused(Token(other, DATA, ess=ess), "another certificate")


def test_an_attribute_twice_is_refused() -> None:
    twice = tokens.attribute("1.2.840.113549.1.9.3", tokens.oid(tokens.TST_INFO))
    other = tokens.attribute("1.2.840.113549.1.9.3", tokens.oid("1.2.3"))
    refused(good(more_attributes=(twice,)), "more than once")
    refused(good(more_attributes=(other,)), "more than once")


def test_a_critical_extension_of_the_stamp_is_refused() -> None:
    critical = tokens.sequence(tokens.oid("1.2.3"), b"\x01\x01\xff", tokens.tlv(0x04, b""))
    harmless = tokens.sequence(tokens.oid("1.2.3"), tokens.tlv(0x04, b""))
    refused(good(extensions=tokens.tlv(0xA1, critical)), "critical extension 1.2.3")
    assert verified(good(extensions=tokens.tlv(0xA1, harmless)).response()).serial == 77


def by(made: Party, *along: Party, **changes: Any) -> Token:
    return Token(made, DATA, certificates=(made.der, *(one.der for one in along)), **changes)


@pytest.mark.parametrize(
    ("usages", "critical"),
    [
        ((), True),
        (EKU, False),
        ((*EKU, ExtendedKeyUsageOID.CLIENT_AUTH), True),
        ((ExtendedKeyUsageOID.CLIENT_AUTH,), True),
        ((ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,), True),
    ],
)
def test_a_certificate_that_is_not_for_time_stamps_alone_is_refused(
    usages: tuple[x509.ObjectIdentifier, ...], critical: bool
) -> None:
    made = party("TSA", root(), usages=usages, critical=critical)
    refused(by(made), "not for time stamps alone")


def test_a_certificate_that_may_not_sign_is_refused() -> None:
    usage = x509.KeyUsage(*(False, False, True, False, False, False, False, False, False))
    refused(by(party("TSA", root(), usages=EKU, more=((usage, True),))), "may not sign")


@pytest.mark.parametrize("edge", [timedelta(days=-1), timedelta(days=1)])
def test_a_certificate_is_valid_when_it_stamps(edge: timedelta) -> None:
    began, ends = sorted((AT + edge, AT + 3 * edge))
    refused(by(party("TSA", root(), usages=EKU, began=began, ends=ends)), "was not valid")
    old_root = party("Old root", ca=True, began=began, ends=ends)
    refused(by(party("TSA", old_root, usages=EKU)), "does not lead", trusted=old_root)
    middle = party("Middle", root(), ca=True, began=began, ends=ends)
    refused(by(party("TSA", middle, usages=EKU), middle), "does not lead")


def test_an_unknown_critical_extension_of_a_certificate_is_refused() -> None:
    odd = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), b"\x05\x00")
    refused(by(party("TSA", root(), usages=EKU, more=((odd, True),))), "critical extensions")
    harmless = by(party("TSA", root(), usages=EKU, more=((odd, False),)))
    assert verified(harmless.response()).authority == "TSA"


def test_weak_and_unknown_keys_are_refused() -> None:
    refused(by(party("TSA", root(), "rsa1024", usages=EKU)), "does not fit")
    refused(by(party("TSA", root(), "k256", usages=EKU)), "expected P-256 or P-384")


def test_a_chain_may_come_along_or_be_given() -> None:
    middle = party("Middle", root(), ca=True)
    made = party("TSA", middle, usages=EKU)
    assert verified(by(made, middle).response()).authority == "TSA"
    assert verified(by(made).response(), intermediates=[middle.certificate]).authority == "TSA"
    bare = Token(made, DATA, certificates=()).response()
    both = [middle.certificate, made.certificate]
    assert verified(bare, intermediates=both).authority == "TSA"
    refused(by(made), "does not lead")
    assert verified(by(made).response(), trusted=middle).authority == "TSA"


def test_who_is_no_authority_makes_none() -> None:
    leaf = party("Leaf", root())
    refused(by(party("TSA", leaf, usages=EKU), leaf), "does not lead")
    refused(by(party("TSA", leaf, usages=EKU)), "does not lead", trusted=leaf)
    impostor = Party(tokens.key("p256", "x"), party("Root", ca=True).certificate)
    refused(by(party("TSA", impostor, usages=EKU), impostor), "does not lead")


def test_a_chain_longer_than_allowed_does_not_lead_anywhere() -> None:
    short = party("Short", ca=True, path_length=0)
    middle = party("Middle", short, ca=True)
    refused(by(party("TSA", middle, usages=EKU), middle), "does not lead", trusted=short)
    direct = by(party("TSA", short, usages=EKU)).response()
    assert verified(direct, trusted=short).authority == "TSA"
    chain = [root()]
    for number in range(8):
        chain.append(party(f"Middle {number}", chain[-1], ca=True))
    refused(by(party("TSA", chain[-1], usages=EKU), *chain[1:]), "does not lead")


def test_certificates_that_issued_each_other_end() -> None:
    one = party("One", ca=True)
    rest = [Party(one.key, party("One", one, ca=True).certificate) for _ in range(30)]
    refused(by(party("TSA", one, usages=EKU), *rest), "too many certificates|does not lead")


@given(st.binary(max_size=400))
def test_any_bytes_are_a_stamp_or_a_time_stamp_error(data: bytes) -> None:
    with pytest.raises(TimestampError):
        verified(data)


@cache
def whole() -> bytes:
    middle = party("Middle", root(), ca=True)
    return by(party("TSA", middle, usages=EKU), middle).response()


@given(st.data())
def test_a_stamp_with_any_bit_turned_says_the_same_or_nothing(data: st.DataObject) -> None:
    bit = data.draw(st.integers(0, len(whole()) * 8 - 1))
    turned = bytearray(whole())
    turned[bit // 8] ^= 1 << bit % 8
    with contextlib.suppress(TimestampError):
        assert verified(bytes(turned)) == verified(whole())


@given(st.data())
def test_a_stamp_with_pieces_cut_out_or_put_in_raises_nothing_else(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(whole())))
    skip = data.draw(st.integers(0, 40))
    piece = data.draw(st.binary(max_size=40))
    try:
        stamp = verified(whole()[:at] + piece + whole()[at + skip :])
    except TimestampError:
        return
    assert stamp == verified(whole())


def test_every_byte_that_is_cut_off_is_missed() -> None:
    for size in range(len(whole())):
        with pytest.raises(TimestampError):
            verified(whole()[:size])


def test_what_cannot_be_a_certificate_is_passed_over() -> None:
    made = party("TSA", root(), usages=EKU)
    junk = tokens.sequence(tokens.integer(5))
    token = Token(made, DATA, certificates=(junk, made.der, tokens.tlv(0xA1, junk)))
    assert verified(token.response()).authority == "TSA"
    assert certpath.loaded(junk) is None
