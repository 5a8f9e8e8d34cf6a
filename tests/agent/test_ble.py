"""Presence and the simulated air."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.clock import FakeClock
from zaigang_agent.ble.adverts import rid_frame
from zaigang_agent.ble.air import Heard
from zaigang_agent.ble.ear import Ear
from zaigang_agent.ble.loopback import LoopbackAir
from zaigang_agent.ble.presence import MOST_ON_LAPTOP, NO_RSSI, Beaconing, Presence, scan
from zaigang_shared import rid
from zaigang_shared.device_config import DeviceConfig
from zaigang_shared.readings import Beacon, encode

KEY = bytes(range(32))


def ours(code: int) -> Beaconing:
    return Beaconing("rid", code.to_bytes(8, "big"))


def heard_as(found: list[tuple[int, int, int]]) -> Presence:
    presence = Presence()
    for code, t_ms, rssi_dbm in found:
        presence.add(ours(code), t_ms, rssi_dbm)
    return presence


sightings = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 100_000), st.integers(-300, 300)), max_size=60
)


@given(sightings)
def test_a_reading_tells_count_median_maximum_first_and_last(
    found: list[tuple[int, int, int]],
) -> None:
    presence = heard_as(found)
    readings = presence.take(20_000, 80_000)
    inside = [s for s in found if 20_000 <= s[1] <= 80_000]
    assert sum(reading.n for reading in readings) == len(inside)
    for reading in readings:
        encode(reading)
        same = [s for s in inside if s[0].to_bytes(8, "big") == reading.id]
        strengths = [min(20, max(-128, s[2])) for s in same if s[2] != NO_RSSI]
        assert reading.rssi_max == max(strengths, default=NO_RSSI)
        assert reading.rssi_med == round(statistics.median(strengths or [NO_RSSI]))
        assert reading.first_t == min(s[1] for s in same)
        assert reading.last_t == max(s[1] for s in same)


@given(sightings)
def test_every_sighting_is_told_once_or_lay_before_the_first_period(
    found: list[tuple[int, int, int]],
) -> None:
    presence = heard_as(found)
    told = [
        reading for at in (20, 60, 100) for reading in presence.take(at * 1000 - 40_000, at * 1000)
    ]
    assert sum(reading.n for reading in told) == len(found)
    assert len(presence) == 0


def test_a_packet_without_a_strength_does_not_pull_the_median_down() -> None:
    [reading] = heard_as([(1, 5, -60), (1, 6, NO_RSSI), (1, 7, NO_RSSI)]).take(0, 10)
    assert (reading.n, reading.rssi_med) == (3, -60)


def test_the_radios_health_is_told_with_what_it_counted() -> None:
    reading = scan(Heard(3, 2, healthy=True, restarts=1), 0, 10)
    assert (reading.adverts, reading.devices, reading.restarts, reading.healthy) == (3, 2, 1, True)


def test_invented_identifiers_cannot_fill_an_envelope_or_push_out_a_real_beacon() -> None:
    presence = Presence()
    for code in range(1, 10_000):
        presence.add(ours(code), 5, -40)
        if code in (3, 4, 9_000):
            presence.add(ours(0), 5, -60)
    assert len(presence) <= 512
    readings = presence.take(0, 10)
    assert len(readings) == MOST_ON_LAPTOP
    assert bytes(8) in {reading.id for reading in readings}


def test_a_beacon_that_is_heard_without_end_takes_a_bounded_memory() -> None:
    presence = Presence()
    for t_ms in range(100_000):
        presence.add(ours(1), t_ms, -60)
    [reading] = presence.take(0, 100_000)
    assert reading.n <= 2_000
    assert (reading.first_t, reading.last_t) == (0, 99_999)


def test_a_node_broadcasts_the_identifier_of_the_slot() -> None:
    data = rid_frame(KEY, 120_000_000 * 15_000, clock_synced=False, restarted=True)
    decoded = rid.decode_frame(data)
    assert decoded == rid.Frame(False, True, -59, bytes.fromhex("4eb59bca0e0c9ac2"))


# ---- loop-back air


def node_frames(utc_ms: int) -> bytes:
    return rid_frame(KEY, utc_ms, clock_synced=True, restarted=False)


def an_ear(clock: FakeClock) -> Ear:
    return Ear(DeviceConfig(hours=None, net_key=bytes(32)), clock.utc_ms)


def ids(ear: Ear, from_ms: int, to_ms: int) -> list[bytes]:
    return [r.id for r in ear.take(from_ms, to_ms, 0) if isinstance(r, Beacon)]


def test_every_slot_is_heard_with_its_own_identifier_however_coarse_the_steps() -> None:
    clock, air = FakeClock(utc=1_500_000_000_000), LoopbackAir()
    node = air.radio("node", clock, lambda _: {"hq"})
    laptop = air.radio("laptop", clock, lambda _: {"hq", "cafe"})
    ear = an_ear(clock)
    node.start(an_ear(clock))
    laptop.start(ear)
    node.advertise(node_frames)
    clock.advance(60_000)
    heard = laptop.heard()
    readings = [r for r in ear.take(clock.boot - 60_000, clock.boot, 0) if isinstance(r, Beacon)]
    first = rid.slot_at(clock.utc) - 4
    assert [reading.id for reading in readings] == [rid.rid(KEY, first + n) for n in range(4)]
    assert all(reading.last_t - reading.first_t < rid.SLOT_MS for reading in readings)
    assert (heard.devices, heard.healthy) == (1, True)
    [broadcast] = node.broadcast() or []
    assert (broadcast.slot_first, broadcast.slot_last) == (first, first + 4)
    assert broadcast.until_ms - broadcast.from_ms == 60_000


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
    laptop.start(an_ear(clock))
    node.advertise(node_frames)
    clock.advance(30_000)
    assert bool(laptop.heard().adverts) is heard


def test_what_was_on_the_air_before_listening_is_not_heard() -> None:
    clock, air = FakeClock(), LoopbackAir()
    node, laptop = (air.radio(name, clock, lambda _: None) for name in ("node", "laptop"))
    node.advertise(node_frames)
    clock.advance(60_000)
    assert laptop.heard().healthy is False  # never started: deaf, and says so
    ear = an_ear(clock)
    laptop.start(ear)
    clock.advance(5_000)
    assert laptop.heard().adverts == 1
    assert ids(ear, clock.boot - 5_000, clock.boot)
    laptop.stop()
    clock.advance(60_000)
    laptop.start(ear)
    assert laptop.heard().adverts == 0
    assert ids(ear, 0, clock.boot) == []


def test_a_stopped_node_is_silent() -> None:
    clock, air = FakeClock(), LoopbackAir()
    node, laptop = (air.radio(name, clock, lambda _: None) for name in ("node", "laptop"))
    laptop.start(an_ear(clock))
    node.advertise(node_frames)
    node.stop()
    clock.advance(60_000)
    assert laptop.heard().adverts == 0
    assert node.broadcast() is None
