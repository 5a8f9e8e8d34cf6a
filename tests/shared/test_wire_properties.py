"""Any bytes give a value or our own error, and nothing else; what is read is written back."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import cbor2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.factories import wire
from tests.vectors import keys, make
from zaigang_shared import (
    cbor,
    cose,
    device_config,
    envelope,
    identifiers,
    readings,
    receipt,
    rid,
    topics,
)
from zaigang_shared.errors import Refusal, TokenError, WireError

DEVICE_KEY: Final = keys.DEVICE.public_key()
COLLECTOR_KEY: Final = keys.COLLECTOR.public_key()
KID: Final = keys.DEVICE_ID.encode()


def _read_envelope(data: bytes) -> object:
    opened = envelope.open_sealed(data, DEVICE_KEY)
    return readings.decode_all(opened.readings, opened.seal.up_ms)


def _signed_by_device(payload: bytes) -> object:
    return _read_envelope(cose.sign1(keys.DEVICE, payload, KID))


def _signed_by_collector(read: Callable[[bytes], object]) -> Callable[[bytes], object]:
    kid = receipt.collector_kid(COLLECTOR_KEY)
    return lambda payload: read(cose.sign1(keys.COLLECTOR, payload, kid))


def _read_receipt(data: bytes) -> object:
    return receipt.open_receipt(data, COLLECTOR_KEY)


def _read_vantage(data: bytes) -> object:
    return receipt.open_vantage(data, COLLECTOR_KEY)


def _read_config(data: bytes) -> object:
    return device_config.open_config(data, COLLECTOR_KEY)


PARSERS: Final[dict[str, Callable[[bytes], object]]] = {
    "cbor": lambda data: cbor.loads(data, "it"),
    "cose": cose.decode,
    "envelope": _read_envelope,
    "envelope payload": _signed_by_device,
    "receipt": _read_receipt,
    "receipt payload": _signed_by_collector(_read_receipt),
    "vantage payload": _signed_by_collector(_read_vantage),
    "config": _read_config,
    "config payload": _signed_by_collector(_read_config),
    "public key": cose.load_public_key,
    "kid": identifiers.device_id_from_kid,
    "frame": rid.decode_frame,
}

# Bytes that look like CBOR get further in than bytes from nowhere.
_wild: Final[st.SearchStrategy[Any]] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=10)
    | st.binary(max_size=40)
    | st.sampled_from(["k", "t", "usage", cbor2.undefined, cbor2.CBORSimpleValue(99)]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["v", "k", "t", "seq", "dev"]) | st.integers(), inner)
        | st.builds(cbor2.CBORTag, st.integers(6, 70_000), inner)
    ),
    max_leaves=8,
)
cborish: Final = st.builds(cbor2.dumps, _wild)
hostile: Final = st.binary(max_size=200) | cborish | st.builds(bytes.__add__, cborish, st.binary())


def _refusal(parse: Callable[..., object], *arguments: object) -> WireError | None:
    try:
        parse(*arguments)
    except WireError as error:
        return error
    return None


@pytest.mark.parametrize("name", PARSERS)
@given(data=hostile)
@settings(max_examples=120)
def test_any_bytes_give_a_value_or_a_refusal_with_a_reason(name: str, data: bytes) -> None:
    error = _refusal(PARSERS[name], data)
    if error is not None:
        assert isinstance(error.reason, Refusal)
        assert error.detail
        assert error.detail.isprintable()
        assert len(error.detail) <= 300


@given(st.dictionaries(st.text(max_size=6), _wild) | wire.later_kinds(), st.integers(0, 2**60))
def test_any_map_is_a_reading_or_refused(raw: dict[str, Any], up_ms: int) -> None:
    for kind in (*readings.KINDS, "later-kind", 7):
        error = _refusal(readings.decode, {**raw, "k": kind}, up_ms)
        assert error is None or error.reason is Refusal.READING


@given(st.text() | st.from_regex(r"zg1-[a-z0-9]{6,9}-[a-z2-7]{25,27}-[0-9a-f]{31,33}"))
def test_any_text_is_a_token_or_refused_without_repeating_it(text: str) -> None:
    try:
        token = identifiers.parse_token(text)
    except TokenError as error:
        said = str(error)
        chained = error.__cause__ or error.__context__
    else:
        assert str(token) == text.strip()
        said, chained = repr(token), None
    assert chained is None
    for part in text.split("-")[2:3]:  # the secret
        assert len(part) < 20 or part not in said


@pytest.mark.parametrize("cut", range(1, 40, 3))
def test_a_mistyped_token_is_refused_without_its_secret(cut: int) -> None:
    good = make._tokens()["good"][0]
    for wrong in (good["text"][:-cut], good["text"].replace("-", "_"), good["text"] + "-" * cut):
        with pytest.raises(TokenError) as caught:
            identifiers.parse_token(wrong)
        assert good["secret"] not in str(caught.value)


@given(st.text())
def test_any_topic_is_ours_or_nobodys(topic: str) -> None:
    found = topics.device_of(topic)
    assert found is None or topic == f"zaigang/1/{found[0]}/{found[1]}"


@given(st.from_regex(r"[a-z0-9-]{3,40}", fullmatch=True))
def test_the_topics_of_a_device_lead_back_to_it(device_id: str) -> None:
    for direction in ("up", "down", "state"):
        topic = getattr(topics, direction)(device_id)
        assert topics.device_of(topic) == (direction, device_id)
    for wildcard in (topics.ALL_UP, topics.ALL_STATE, topics.SHARED_UP):
        assert topics.device_of(wildcard) is None


@given(wire.plain)
@example({"a": 5.960464477539063e-08, "b": 65504.0, "c": 65536.0, "d": -0.0, "e": 1e-45})
@example([2**64 - 1, -(2**64), 23, 24, 255, 256, 65535, 65536, 2**32 - 1, 2**32, -24, -25])
def test_plain_data_is_read_back_and_only_from_its_one_encoding(value: Any) -> None:
    data = cbor.dumps(value)
    error = _refusal(cbor.loads, data, "it")
    if error is not None:  # the strategy can nest deeper than we read
        assert "depth" in error.detail
        return
    back = cbor.loads(data, "it")
    assert cbor.dumps(back) == data
    assert cbor2.dumps(back, canonical=True) == data
    lax = cbor2.dumps(value)
    if lax != data:
        with pytest.raises(WireError) as caught:
            cbor.loads(lax, "it")
        assert caught.value.reason is Refusal.NOT_CANONICAL


@given(hostile | st.builds(cbor.dumps, wire.plain), st.data())
@settings(max_examples=300)
def test_what_is_read_is_what_a_slow_and_simple_check_would_read(
    data: bytes, draw: st.DataObject
) -> None:
    """The fast check adds up lengths; this one encodes again and compares."""
    if data and draw.draw(st.booleans()):
        at = draw.draw(st.integers(0, len(data) - 1))
        data = data[:at] + bytes([data[at] ^ 1 << draw.draw(st.integers(0, 7))]) + data[at + 1 :]
    try:
        value = cbor.loads(data, "it")
    except WireError:
        return
    assert cbor2.dumps(value, canonical=True) == data
    assert _is_plain(value)


def _is_plain(value: object) -> bool:
    if isinstance(value, dict):
        return all(type(key) is str and _is_plain(inner) for key, inner in value.items())
    if isinstance(value, list):
        return all(map(_is_plain, value))
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or type(value) in (str, bytes, int, bool)


@given(wire.any_reading)
def test_every_reading_is_read_back_as_it_was(reading: readings.Reading) -> None:
    raw = readings.encode(reading)
    assert readings.decode(raw, up_ms=2**53) == reading
    assert readings.decode_all([raw, raw], up_ms=2**53) == (reading, reading)


@given(wire.sealed())
def test_every_envelope_is_read_back_as_it_was(data: bytes) -> None:
    opened = envelope.open_sealed(data, DEVICE_KEY)
    known = readings.decode_all(opened.readings, opened.seal.up_ms)
    raws = [
        raw if reading is None else readings.encode(reading)
        for raw, reading in zip(opened.readings, known, strict=True)
    ]
    assert envelope.seal(keys.DEVICE, opened.seal, opened.readings) == data
    assert readings.decode_all(raws, opened.seal.up_ms) == known
    assert opened.digest == envelope.digest(data)


@given(wire.sealed())
def test_what_was_checked_once_is_opened_again_as_it_was(data: bytes) -> None:
    opened = envelope.open_sealed(data, DEVICE_KEY)
    again = envelope.open_again(data, opened.digest)
    assert again == opened
    up_ms = opened.seal.up_ms
    assert readings.decode_again(again.readings, up_ms) == readings.decode_all(
        opened.readings, up_ms
    )


@given(hostile)
def test_opening_again_gives_a_value_or_a_refusal_too(data: bytes) -> None:
    payload = cose.sign1(keys.DEVICE, data, KID)
    for damaged in (data, payload):
        error = _refusal(envelope.open_again, damaged, envelope.digest(damaged))
        assert error is None or isinstance(error.reason, Refusal)


@given(wire.sealed(), st.data())
def test_no_changed_envelope_is_accepted(data: bytes, draw: st.DataObject) -> None:
    at = draw.draw(st.integers(0, len(data) - 1))
    change = draw.draw(st.sampled_from(["flip", "drop", "insert", "cut", "repeat"]))
    changed = {
        "flip": data[:at] + bytes([data[at] ^ 1 << draw.draw(st.integers(0, 7))]) + data[at + 1 :],
        "drop": data[:at] + data[at + 1 :],
        "insert": data[:at] + draw.draw(st.binary(min_size=1, max_size=3)) + data[at:],
        "cut": data[:at],
        "repeat": data[:at] + data[at : at + 8] + data[at:],
    }[change]
    if changed == data:
        return
    assert _refusal(_read_envelope, changed) is not None


@given(data=st.binary(max_size=300), kid=st.binary(min_size=1, max_size=64))
def test_what_is_signed_is_the_sig_structure_of_rfc_9052(data: bytes, kid: bytes) -> None:
    signed = cose.decode(cose.sign1(keys.DEVICE, data, kid))
    assert (signed.payload, signed.kid) == (data, kid)
    structure = cbor2.dumps(["Signature1", signed.protected, b"", data])
    DEVICE_KEY.verify(signed.signature, structure)
    assert signed.protected == cbor2.dumps({1: -19, 4: kid})


@pytest.mark.parametrize("size", [0, 23, 24, 255, 256, 65_400, 65_536, 70_000])
def test_lengths_are_written_in_the_shortest_form(size: int) -> None:
    data = cose.sign1(keys.DEVICE, bytes(size), KID)
    assert cbor2.dumps(cbor2.loads(data)) == data
    assert cose.decode(data, max_bytes=100_000).payload == bytes(size)


@given(st.integers(0, 2**64 - 1), st.binary(min_size=10, max_size=10))
def test_a_frame_is_read_back_but_for_its_unused_flags(slot: int, data: bytes) -> None:
    frame = rid.Frame(True, True, -40, rid.rid(bytes(32), slot))
    assert rid.decode_frame(frame.encode()) == frame
    if data[0] >> 4 == 1:
        assert rid.decode_frame(data).encode() == bytes([data[0] & 0xF7]) + data[1:]


@pytest.mark.parametrize(
    "changes",
    [
        {"device_id": "Größe"},
        {"device_id": "no spaces"},
        {"seq": 0},
        {"prev": bytes(32)},
        {"up_ms": -1},
        {"rcpt": b"short"},
    ],
)
def test_nothing_is_sealed_that_would_be_refused(changes: dict[str, Any]) -> None:
    fields: dict[str, Any] = {
        "device_id": "lap-0001",
        "seq": 2,
        "prev": bytes([1]) * 32,
        "boot": bytes(16),
        "up_ms": 9,
        "wall_ms": 0,
        "sync": True,
        "rcpt": None,
    }
    reading = {"k": "session", "t": 1, "span": 0, "event": "lock"}
    envelope.seal(keys.DEVICE, envelope.Seal(**fields), [reading])
    with pytest.raises(WireError):
        envelope.seal(keys.DEVICE, envelope.Seal(**{**fields, **changes}), [reading])


@pytest.mark.parametrize("value", ["\ud800", {1, 2}, object(), math.nan, 2**70, b"x" * 65_536])
def test_a_reading_that_cannot_be_written_is_not_sealed(value: object) -> None:
    seal = envelope.open_sealed(make.chain()[0], DEVICE_KEY).seal
    with pytest.raises(WireError):
        envelope.seal(keys.DEVICE, seal, [{"k": "later-kind", "t": 0, "span": 0, "x": value}])


def test_the_collector_signs_nothing_that_a_device_would_refuse() -> None:
    with pytest.raises(WireError, match="head"):
        receipt.sign_receipt(keys.COLLECTOR, receipt.Receipt("lap-0001", 1, b"", 0))
    with pytest.raises(WireError, match="dev"):
        receipt.sign_vantage(keys.COLLECTOR, receipt.Vantage("", "203.0.113.7", 0))
    empty = device_config.DeviceConfig(hours=None, net_key=b"")
    with pytest.raises(WireError, match="net_key"):
        device_config.sign_config(
            keys.COLLECTOR, device_config.SignedConfig("lap-0001", 1, 0, empty)
        )


def test_the_keys_of_a_configuration_are_not_in_its_representation() -> None:
    secret = bytes(range(32))
    config = device_config.DeviceConfig(hours=None, net_key=secret, rid_key=secret)
    shown = repr(device_config.SignedConfig("lap-0001", 1, 0, config))
    assert repr(secret)[2:-1] not in shown
    assert "usage_s=60" in shown


def test_what_a_sender_wrote_cannot_fill_or_forge_a_log() -> None:
    error = WireError(Refusal.PAYLOAD, "a\nb\x1b[31m" + "x" * 10_000)
    assert error.detail.isprintable()
    assert len(error.detail) == 300
    assert str(error).startswith("payload: a\ufffdb")
