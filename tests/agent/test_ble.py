from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.clock import FakeClock
from zaigang_agent.ble.adverts import identify, rid_frame
from zaigang_agent.ble.air import Heard, Sighting
from zaigang_agent.ble.loopback import LoopbackAir
from zaigang_agent.ble.presence import MAX_IDENTITIES, NO_RSSI, aggregate, scan
from zaigang_shared import rid
from zaigang_shared.readings import encode

KEY = bytes(range(32))


def frame(code: int) -> bytes:
    return rid.Frame(True, False, -59, code.to_bytes(8, "big")).encode()


def ours(code: int, t_ms: int, rssi_dbm: int) -> Sighting:
    return Sighting(t_ms, rssi_dbm, {rid.SERVICE_UUID: frame(code)})


sightings = st.lists(
    st.builds(ours, st.integers(0, 5), st.integers(0, 100_000), st.integers(-300, 300)), max_size=60
)


@given(sightings)
def test_a_reading_tells_count_median_maximum_first_and_last(found: list[Sighting]) -> None:
    readings = aggregate(found, 20_000, 80_000)
    inside = [s for s in found if 20_000 <= s.t_ms <= 80_000]
    assert sum(reading.n for reading in readings) == len(inside)
    for reading in readings:
        encode(reading)
        same = [s for s in inside if s.service_data[rid.SERVICE_UUID][2:] == reading.id]
        strengths = [min(20, max(-128, s.rssi_dbm)) for s in same if s.rssi_dbm != NO_RSSI]
        assert reading.rssi_max == max(strengths, default=NO_RSSI)
        assert reading.rssi_med == round(statistics.median(strengths or [NO_RSSI]))
        assert reading.first_t == min(s.t_ms for s in same)
        assert reading.last_t == max(s.t_ms for s in same)


def test_a_packet_without_a_strength_does_not_pull_the_median_down() -> None:
    [reading] = aggregate([ours(1, 5, -60), ours(1, 6, NO_RSSI), ours(1, 7, NO_RSSI)], 0, 10)
    assert (reading.n, reading.rssi_med) == (3, -60)


@given(st.dictionaries(st.sampled_from([rid.SERVICE_UUID, "feaa"]), st.binary(max_size=14)))
def test_any_service_data_gives_our_beacon_or_nothing(data: dict[str, bytes]) -> None:
    identity = identify(Sighting(0, -50, data))
    mine = data.get(rid.SERVICE_UUID, b"")
    assert (identity is not None) == (len(mine) == 10 and mine[0] >> 4 == 1)


def test_other_peoples_devices_leave_no_trace_but_a_number() -> None:
    heard = Heard([Sighting(5, -50, {}, {0x004C: b"\x02\x15"})] * 3, 2, healthy=True, restarts=1)
    assert aggregate(heard.sightings, 0, 10) == []
    reading = scan(heard, 0, 10)
    assert (reading.adverts, reading.devices, reading.restarts) == (3, 2, 1)


def test_invented_identifiers_cannot_fill_an_envelope_or_push_out_a_real_beacon() -> None:
    flood = [ours(code, 5, -40) for code in range(1, 10_000)]
    real = [ours(0, t, -60) for t in (4, 5)]
    readings = aggregate(flood + real, 0, 10)
    assert len(readings) == MAX_IDENTITIES
    assert bytes(8) in {reading.id for reading in readings}


def test_a_node_broadcasts_the_identifier_of_the_slot() -> None:
    data = rid_frame(KEY, 120_000_000 * 15_000, clock_synced=False, restarted=True)
    decoded = rid.decode_frame(data)
    assert decoded == rid.Frame(False, True, -59, bytes.fromhex("4eb59bca0e0c9ac2"))


# ---- loop-back air


def node_frames(utc_ms: int) -> bytes:
    return rid_frame(KEY, utc_ms, clock_synced=True, restarted=False)


def test_every_slot_is_heard_with_its_own_identifier_however_coarse_the_steps() -> None:
    clock, air = FakeClock(utc=1_500_000_000_000), LoopbackAir()
    node = air.radio("node", clock, lambda _: {"hq"})
    laptop = air.radio("laptop", clock, lambda _: {"hq", "cafe"})
    node.start()
    laptop.start()
    node.advertise(node_frames)
    clock.advance(60_000)
    heard = laptop.heard()
    readings = aggregate(heard.sightings, clock.boot - 60_000, clock.boot)
    first = rid.slot_at(clock.utc) - 4
    assert [reading.id for reading in readings] == [rid.rid(KEY, first + n) for n in range(4)]
    assert all(reading.last_t - reading.first_t < rid.SLOT_MS for reading in readings)
    assert (heard.devices, heard.healthy) == (1, True)
    broadcast = node.broadcast()
    assert broadcast is not None
    assert (broadcast.slot_first, broadcast.slot_last) == (first, first + 4)


@pytest.mark.parametrize(
    ("node_at", "laptop_at", "heard"),
    [
        ({"hq"}, {"hq"}, True),
        ({"hq"}, {"cafe"}, False),
        ({"hq"}, set(), False),
        (set(), {"hq"}, False),
        ({"hq"}, None, True),
        (None, {"hq"}, True),
        (None, None, True),
        (set(), None, False),
        (None, set(), False),
    ],
)
def test_radios_hear_each_other_only_where_they_meet(
    node_at: set[str] | None, laptop_at: set[str] | None, heard: bool
) -> None:
    clock, air = FakeClock(), LoopbackAir()
    node = air.radio("node", clock, lambda _: node_at)
    laptop = air.radio("laptop", clock, lambda _: laptop_at)
    laptop.start()
    node.advertise(node_frames)
    clock.advance(30_000)
    assert bool(laptop.heard().sightings) is heard


def test_what_was_on_the_air_before_listening_is_not_heard() -> None:
    clock, air = FakeClock(), LoopbackAir()
    node, laptop = (air.radio(name, clock, lambda _: None) for name in ("node", "laptop"))
    node.advertise(node_frames)
    clock.advance(60_000)
    assert laptop.heard().healthy is False  # never started: deaf, and says so
    laptop.start()
    clock.advance(5_000)
    assert all(s.t_ms >= clock.boot - 5_000 for s in laptop.heard().sightings)
    laptop.stop()
    clock.advance(60_000)
    laptop.start()
    assert laptop.heard().sightings == []


def test_a_stopped_node_is_silent() -> None:
    clock, air = FakeClock(), LoopbackAir()
    node, laptop = (air.radio(name, clock, lambda _: None) for name in ("node", "laptop"))
    laptop.start()
    node.advertise(node_frames)
    node.stop()
    clock.advance(60_000)
    assert laptop.heard().sightings == []
    assert node.broadcast() is None
