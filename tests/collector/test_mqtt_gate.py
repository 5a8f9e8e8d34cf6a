"""Who may connect and what may come in: pure, without a broker."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zaigang_collector.ingest.mqtt_gate import (
    MAX_PACKET_BYTES,
    Action,
    PacketError,
    PacketReader,
    may,
    packet_length,
    read_connect,
)
from zaigang_collector.ingest.takeovers import DISPLACEMENTS, WITHIN_MS, Takeovers
from zaigang_shared import topics


def a_packet(kind: int, body: bytes, flags: int = 0) -> bytes:
    size, head = len(body), bytearray([kind << 4 | flags])
    while True:
        head.append(size & 0x7F | (0x80 if size > 0x7F else 0))
        size >>= 7
        if not size:
            return bytes(head) + body


def a_connect(client_id: bytes, level: int = 4) -> bytes:
    return a_packet(
        1,
        b"\x00\x04MQTT" + bytes([level, 2, 0, 60]) + len(client_id).to_bytes(2, "big") + client_id,
    )


@given(st.integers(0, 15), st.binary(max_size=300), st.binary(max_size=20))
def test_a_packets_length_is_read_from_its_head(kind: int, body: bytes, more: bytes) -> None:
    packet = a_packet(kind, body)
    assert packet_length(packet + more) == len(packet)
    assert packet_length(packet[:1]) is None


@given(
    st.binary(max_size=60) | st.binary(max_size=40).map(lambda tail: b"\x10\x20\x00\x04MQTT" + tail)
)
def test_any_first_packet_is_read_or_refused(data: bytes) -> None:
    try:
        hello = read_connect(data)
    except PacketError:
        return
    assert isinstance(hello.client_id, str)


def test_a_connect_is_read() -> None:
    hello = read_connect(a_connect(b"lap-1"))
    assert (hello.client_id, hello.will_topic, hello.keep_alive_s) == ("lap-1", None, 60)


@pytest.mark.parametrize("level", [3, 5])
def test_only_mqtt_3_1_1_is_spoken(level: int) -> None:
    with pytest.raises(PacketError, match="protocol level"):
        read_connect(a_connect(b"lap-1", level))


DIRECTIONS = {"up": topics.up, "down": topics.down, "state": topics.state}


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("whose", ["own", "other"])
@pytest.mark.parametrize("action", Action)
def test_the_access_list_cell_by_cell(direction: str, whose: str, action: Action) -> None:
    topic = DIRECTIONS[direction]("lap-1" if whose == "own" else "lap-2")
    allowed = {
        ("up", Action.PUBLISH), ("state", Action.PUBLISH),
        ("down", Action.SUBSCRIBE), ("down", Action.RECEIVE),
    }  # fmt: skip
    assert may("lap-1", topic, action) is (whose == "own" and (direction, action) in allowed)
    for_collector = {
        ("down", Action.PUBLISH), ("up", Action.RECEIVE), ("state", Action.RECEIVE),
    }  # fmt: skip
    assert may("collector", topic, action) is ((direction, action) in for_collector)


def read_all(data: bytes, chunk: int) -> list[bytes]:
    """What the broker gets of `data` when the network delivers it in pieces."""

    async def run() -> list[bytes]:
        async def room() -> None:
            await asyncio.sleep(0)

        stream = asyncio.StreamReader()
        reader = PacketReader(stream, b"first", None, room)
        for start in range(0, len(data), chunk):
            stream.feed_data(data[start : start + chunk])
        stream.feed_eof()
        got = []
        while piece := await reader.read(-1):
            got.append(piece)
        return got

    return asyncio.run(run())


@given(st.lists(st.binary(max_size=200), max_size=6), st.integers(1, 70))
def test_packets_come_through_whole_however_they_were_cut(bodies: list[bytes], chunk: int) -> None:
    packets = [a_packet(3, body) for body in bodies]
    assert read_all(b"".join(packets), chunk) == [b"first", *packets]


def test_nothing_comes_through_after_a_packet_that_is_too_large() -> None:
    large = a_packet(3, bytes(MAX_PACKET_BYTES))
    assert read_all(a_packet(12, b"") + large + a_packet(12, b""), 1000) == [b"first", b"\xc0\x00"]


def test_qos_2_is_not_let_in() -> None:
    assert read_all(a_packet(3, b"x" * 10, flags=4), 1000) == [b"first"]


def test_a_silent_client_is_given_up() -> None:
    async def run() -> bytes:
        async def room() -> None:
            await asyncio.sleep(0)

        reader = PacketReader(asyncio.StreamReader(), b"", 0.01, room)
        return await reader.read(1)

    assert asyncio.run(run()) == b""


def test_addresses_that_alternate_are_two_hosts() -> None:
    takeovers = Takeovers()
    said = [
        takeovers.displaced("lap-1", "ab"[turn % 2], turn * 1000) for turn in range(DISPLACEMENTS)
    ]
    assert said == [False] * (DISPLACEMENTS - 1) + [True]


@pytest.mark.parametrize(
    ("addresses", "step_ms"), [("aaaaaaaaaa", 1000), ("ababababab", WITHIN_MS)]
)
def test_a_device_that_reconnects_is_not(addresses: str, step_ms: int) -> None:
    takeovers = Takeovers()
    assert not any(
        takeovers.displaced("lap-1", address, turn * step_ms)
        for turn, address in enumerate(addresses)
    )
