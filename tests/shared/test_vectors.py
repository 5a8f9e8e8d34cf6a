"""The golden vectors: made again byte for byte, accepted or refused as they say."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import pytest

from tests.vectors import keys, make, refusals
from zaigang_shared import cbor, device_config, envelope, identifiers, readings, receipt, rid
from zaigang_shared.errors import TokenError, WireError

DEVICE_KEY: Final = keys.DEVICE.public_key()
COLLECTOR_KEY: Final = keys.COLLECTOR.public_key()


def _open_envelope(data: bytes) -> object:
    opened = envelope.open_sealed(data, DEVICE_KEY)
    return readings.decode_all(opened.readings, opened.seal.up_ms)


OPEN: Final[Mapping[str, Callable[[bytes], object]]] = {
    "envelope": _open_envelope,
    "receipt": lambda data: receipt.open_receipt(data, COLLECTOR_KEY),
    "vantage": lambda data: receipt.open_vantage(data, COLLECTOR_KEY),
    "config": lambda data: device_config.open_config(data, COLLECTOR_KEY),
    "frame": rid.decode_frame,
}


def _load(name: str) -> Any:
    return json.loads((make.FOLDER / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", sorted(make.files()))
def test_the_script_makes_the_same_vectors_again(name: str) -> None:
    written = (make.FOLDER / name).read_text(encoding="utf-8")
    assert make.files()[name] == written, "run: python -m tests.vectors.make"


@pytest.mark.parametrize("case", refusals.all_cases(), ids=lambda case: case.name)
def test_each_refusal_is_for_its_own_reason(case: refusals.Case) -> None:
    with pytest.raises(WireError) as caught:
        OPEN[case.opens](case.message)
    assert caught.value.reason == case.refusal, caught.value
    assert caught.value.detail.isprintable()
    assert 10 <= len(caught.value.detail) <= 300


def test_every_reading_vector_is_read_and_written_back() -> None:
    vectors = _load("readings.json")
    assert {vector["means"]["k"] for vector in vectors} == set(readings.KINDS)
    for vector in vectors:
        raw = cbor.loads(bytes.fromhex(vector["hex"]), vector["name"])
        reading = readings.decode(raw, up_ms=10**9)
        assert reading is not None
        assert readings.encode(reading) == raw
        assert make.meaning(raw) == vector["means"]


def test_the_envelopes_are_one_chain_and_say_what_the_vectors_say() -> None:
    prev = envelope.FIRST_PREV
    for seq, vector in enumerate(_load("envelopes.json"), start=1):
        data = bytes.fromhex(vector["hex"])
        opened = envelope.open_sealed(data, DEVICE_KEY)
        assert opened.seal.device_id == keys.DEVICE_ID
        assert (opened.seal.seq, opened.seal.prev) == (seq, prev)
        assert opened.digest.hex() == vector["sha256"]
        assert make.meaning(list(opened.readings)) == vector["payload"]["readings"]
        assert envelope.seal(keys.DEVICE, opened.seal, opened.readings) == data
        prev = opened.digest


def test_a_later_kind_is_kept_and_skipped_beside_known_ones() -> None:
    second = envelope.open_sealed(make.chain()[1], DEVICE_KEY)
    kinds = readings.decode_all(second.readings, second.seal.up_ms)
    assert [type(reading) for reading in kinds] == [readings.Usage, type(None)]
    assert second.readings[1]["new"] == [1, -2.5, {"deep": b"\x01"}]


def test_the_collectors_messages_are_read_and_written_back() -> None:
    vectors = {name: bytes.fromhex(v["hex"]) for name, v in _load("collector.json").items()}
    said = receipt.open_receipt(vectors["receipt"], COLLECTOR_KEY)
    assert said.head == envelope.digest(make.chain()[0])
    assert receipt.sign_receipt(keys.COLLECTOR, said) == vectors["receipt"]
    seen = receipt.open_vantage(vectors["vantage"], COLLECTOR_KEY)
    assert receipt.sign_vantage(keys.COLLECTOR, seen) == vectors["vantage"]
    told = device_config.open_config(vectors["config"], COLLECTOR_KEY)
    assert device_config.sign_config(keys.COLLECTOR, told) == vectors["config"]


def test_the_rid_vectors_hold() -> None:
    vectors = _load("rid.json")
    assert vectors["rid"][0]["rid"] == "1316e1fb35190f07"  # worked out elsewhere, not by make.py
    assert vectors["rid"][1]["rid"] == "4eb59bca0e0c9ac2"
    for vector in vectors["rid"]:
        assert rid.rid(bytes.fromhex(vector["key"]), vector["slot"]).hex() == vector["rid"]
    for vector in vectors["frames"]:
        frame = rid.decode_frame(bytes.fromhex(vector["hex"]))
        assert frame.encode().hex() == vector["hex"]
        assert frame.rid.hex() == vector["rid"]
        assert frame.power_at_1m_dbm == vector["power_at_1m_dbm"]
        flags = frame.clock_synced, frame.restarted, frame.laptop
        assert flags == (vector["clock_synced"], vector["restarted"], vector["laptop"])


def test_the_token_vectors_hold() -> None:
    vectors = _load("tokens.json")
    for vector in vectors["good"]:
        token = identifiers.parse_token(f"  {vector['text']}\n")
        assert (token.id, token.secret) == (vector["id"], vector["secret"])
        assert token.ca_fingerprint.hex() == vector["ca_fingerprint"]
        assert str(token) == vector["text"]
    for vector in vectors["bad"]:
        with pytest.raises(TokenError):
            identifiers.parse_token(vector["text"])
