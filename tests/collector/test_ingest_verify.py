"""Judging one arrival, and the chain: pure."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories.chains import Talker, a_usage, arrived
from tests.factories.devices import ed25519_key
from zaigang_collector.devices.model import DeviceKey, DeviceStatus
from zaigang_collector.ingest.chain import Chain, Link, added, advance
from zaigang_collector.ingest.verify import (
    UNKNOWN_RECEIPT,
    Accepted,
    Arrived,
    Duplicate,
    Fork,
    Refused,
    examine,
    judge,
)
from zaigang_shared import cbor, cose, topics
from zaigang_shared.envelope import MAX_BYTES
from zaigang_shared.errors import Refusal

NOW_MS = 1_790_000_000_000


def registry(status: DeviceStatus = DeviceStatus.ACTIVE, **changes: Any) -> dict[str, DeviceKey]:
    fields: dict[str, Any] = {
        "status": status,
        "revoked_ms": None,
        "public_key": ed25519_key("lap-1").public_key().public_bytes_raw(),
    }
    return {"lap-1": DeviceKey(**(fields | changes))}


def refusal(message: Arrived, known: dict[str, DeviceKey] | None = None) -> Refused:
    verdict = judge(message, known or registry(), {}, frozenset())
    assert isinstance(verdict, Refused)
    assert verdict.detail
    return verdict


def resigned(payload: Any, name: str = "lap-1", kid: str = "lap-1") -> Arrived:
    """Anything, signed well by the device."""
    data = cose.sign1(ed25519_key(name), cbor.dumps(payload), kid.encode())
    return arrived("lap-1", data, NOW_MS)


def test_an_envelope_of_an_active_device_is_accepted_with_its_readings() -> None:
    verdict = judge(arrived("lap-1", Talker.named("lap-1").seal(), NOW_MS), registry(), {}, set())
    assert isinstance(verdict, Accepted)
    assert verdict.envelope.seal.seq == 1
    assert len(verdict.readings) == 1
    assert verdict.notes == ()


@pytest.mark.parametrize(
    "data", [b"", b"\x00", b"{}", b"\xd2\x84", b"\xd2\x84" + bytes(60), bytes(500)]
)
def test_garbage_is_refused_before_anything_is_looked_up(data: bytes) -> None:
    assert refusal(arrived("lap-1", data, NOW_MS)).device_id is None


def test_more_than_64_kib_is_refused() -> None:
    found = refusal(arrived("lap-1", b"\xd2\x84" + bytes(MAX_BYTES), NOW_MS))
    assert found.reason is Refusal.OVERSIZE


@pytest.mark.parametrize("topic", [topics.up("lap-2"), topics.down("lap-1"), "else", ""])
def test_an_envelope_on_another_topic_than_its_devices_is_refused(topic: str) -> None:
    message = Arrived(topic, Talker.named("lap-1").seal(), NOW_MS)
    assert refusal(message).reason is Refusal.WRONG_TOPIC


def test_a_device_that_is_not_enrolled_is_refused_and_named() -> None:
    found = refusal(arrived("lap-9", Talker.named("lap-9").seal(), NOW_MS))
    assert found.reason is Refusal.UNKNOWN_DEVICE
    assert "lap-9" in found.detail


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (DeviceStatus.REVOKED, Refusal.REVOKED_DEVICE),
        (DeviceStatus.LOST, Refusal.REVOKED_DEVICE),
        (DeviceStatus.QUARANTINED, Refusal.QUARANTINED_DEVICE),
    ],
)
def test_a_device_that_is_not_active_is_refused(status: DeviceStatus, reason: Refusal) -> None:
    message = arrived("lap-1", Talker.named("lap-1").seal(), NOW_MS)
    assert refusal(message, registry(status)).reason is reason


def test_what_arrived_before_the_revocation_still_counts() -> None:
    known = registry(DeviceStatus.REVOKED, revoked_ms=NOW_MS)
    data = Talker.named("lap-1").seal()
    assert isinstance(judge(arrived("lap-1", data, NOW_MS - 1), known, {}, set()), Accepted)
    assert isinstance(judge(arrived("lap-1", data, NOW_MS), known, {}, set()), Refused)


def test_an_envelope_signed_by_another_key_is_refused() -> None:
    forged = Talker("lap-1", ed25519_key("someone else")).seal()
    assert refusal(arrived("lap-1", forged, NOW_MS)).reason is Refusal.SIGNATURE


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_changed_bit_is_never_accepted(place: int, change: int) -> None:
    data = bytearray(Talker.named("lap-1").seal())
    data[place % len(data)] ^= change
    refusal(arrived("lap-1", bytes(data), NOW_MS))


@given(st.binary(max_size=300))
def test_any_signed_bytes_give_a_verdict(payload: bytes) -> None:
    data = cose.sign1(ed25519_key("lap-1"), payload, b"lap-1")
    assert isinstance(examine(arrived("lap-1", data, NOW_MS), registry()), Refused)


@given(st.binary(max_size=300) | st.binary(max_size=300).map(lambda tail: b"\xd2\x84" + tail))
def test_any_bytes_give_a_verdict(data: bytes) -> None:
    assert isinstance(examine(arrived("lap-1", data, NOW_MS), registry()), Refused)


def test_a_known_reading_with_a_bad_field_refuses_the_envelope_and_says_which() -> None:
    talker = Talker.named("lap-1")
    data = talker.seal(readings=[a_usage(5) | {"active": 9}])
    found = refusal(arrived("lap-1", data, NOW_MS))
    assert found.reason is Refusal.READING
    assert "active" in found.detail


def test_a_reading_of_a_later_kind_is_kept() -> None:
    data = Talker.named("lap-1").seal(readings=[{"k": "later", "t": 5, "span": 0}])
    verdict = judge(arrived("lap-1", data, NOW_MS), registry(), {}, set())
    assert isinstance(verdict, Accepted)
    assert verdict.readings == (None,)


def test_a_signed_payload_that_is_no_envelope_is_refused() -> None:
    assert refusal(resigned({"v": 1})).reason is Refusal.PAYLOAD


@pytest.mark.parametrize("wall_ms", [0, -(2**53), 4_102_444_800_000])
def test_a_wall_clock_of_1970_or_of_the_future_is_recorded_and_nothing_more(wall_ms: int) -> None:
    data = Talker.named("lap-1").seal(wall_ms=wall_ms)
    verdict = judge(arrived("lap-1", data, NOW_MS), registry(), {}, set())
    assert isinstance(verdict, Accepted)
    assert verdict.envelope.seal.wall_ms == wall_ms


def test_the_same_bytes_again_are_a_duplicate() -> None:
    data = Talker.named("lap-1").seal()
    stored = {1: hashlib.sha256(data).digest()}
    assert isinstance(judge(arrived("lap-1", data, NOW_MS), registry(), stored, set()), Duplicate)


def test_other_bytes_under_the_same_number_are_a_fork() -> None:
    data = Talker.named("lap-1").seal()
    verdict = judge(arrived("lap-1", data, NOW_MS), registry(), {1: bytes(32)}, set())
    assert isinstance(verdict, Fork)
    assert verdict.stored_digest == bytes(32)


def test_an_unknown_receipt_is_noted_and_not_refused() -> None:
    message = arrived("lap-1", Talker.named("lap-1").seal(rcpt=b"r" * 32), NOW_MS)
    verdict = judge(message, registry(), {}, set())
    assert isinstance(verdict, Accepted)
    assert verdict.notes == (UNKNOWN_RECEIPT,)
    verdict = judge(message, registry(), {}, {b"r" * 32})
    assert isinstance(verdict, Accepted)
    assert verdict.notes == ()


# The chain.


def digest(seq: int) -> bytes:
    return hashlib.sha256(b"%d" % seq).digest()


def link(seq: int, prev: bytes | None = None) -> Link:
    return Link(digest(seq), prev or (digest(seq - 1) if seq > 1 else bytes(32)))


def grown(seqs: list[int], broken: int | None = None) -> Chain:
    """The chain after envelopes arrived in this order, one by one."""
    chain, stored = Chain(), {}
    for seq in seqs:
        stored[seq] = link(seq, b"x" * 32 if seq == broken else None)
        chain = advance(added(chain, {seq: stored[seq]}), stored)
    return chain


def test_a_chain_goes_on_while_each_names_the_one_before() -> None:
    chain = grown([1, 2, 3])
    assert (chain.through, chain.head, chain.missing) == (3, digest(3), 0)


def test_a_hole_holds_the_chain_until_it_is_filled() -> None:
    chain = grown([1, 3, 4])
    assert (chain.through, chain.max_seq, chain.missing) == (1, 4, 1)
    assert grown([1, 3, 4, 2]).through == 4


def test_an_envelope_that_names_another_predecessor_breaks_the_chain_there() -> None:
    chain = grown([1, 2, 3, 4], broken=3)
    assert (chain.through, chain.broken_seq) == (2, 3)


@given(
    st.lists(st.integers(1, 12), unique=True, min_size=1).flatmap(
        lambda seqs: st.tuples(st.permutations(seqs), st.permutations(seqs))
    ),
    st.none() | st.integers(2, 12),
)
def test_no_order_of_arrival_changes_a_chain(
    orders: tuple[list[int], list[int]], broken: int | None
) -> None:
    assert grown(orders[0], broken) == grown(orders[1], broken)
