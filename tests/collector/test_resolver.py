"""Rotating identifiers found again, and judged by the clock of the beacon that sent them."""

from __future__ import annotations

import dataclasses
import hashlib
import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zaigang_collector.matching import beacon_clock, resolver
from zaigang_collector.matching.beacon_clock import NO_CLOCK, RIGHT, Clock, Heard, clock_of
from zaigang_collector.matching.model import BeaconSlot, TimedReading
from zaigang_collector.matching.resolver import Beacon, hearing, resolve
from zaigang_shared import rid
from zaigang_shared.readings import Advert

NOON = 1_790_049_600_000
MINUTE_MS, HOUR_MS, SLOT_MS = 60_000, 3_600_000, rid.SLOT_MS
TOLERANCE_MS = 15_000
KEY = bytes(range(32))
SPAN = NOON - 12 * HOUR_MS, NOON + 12 * HOUR_MS


class Crystal:
    """A beacon's clock: so far behind ours at noon, and so much slower from then on."""

    def __init__(self, behind_ms: int = 0, slow_ppm: int = 0) -> None:
        self.behind_ms, self.slow_ppm = behind_ms, slow_ppm

    def behind_at(self, at_ms: int) -> float:
        return self.behind_ms + (at_ms - NOON) * self.slow_ppm / 1e6

    def slot_at(self, at_ms: int) -> int:
        return int((at_ms - self.behind_at(at_ms)) // SLOT_MS)

    def says(self, at_ms: int, *, ok: bool = True, error_ms: int = 300) -> TimedReading:
        slot = self.slot_at(at_ms)
        advert = Advert(
            t_ms=at_ms, span_ms=MINUTE_MS, slot_first=max(0, slot - 4), slot_last=slot, ok=ok
        )
        name = hashlib.sha256(at_ms.to_bytes(8, "big")).digest()
        return TimedReading(name, 0, at_ms, error_ms, 0, advert)

    def clock(self, times: Sequence[int]) -> Clock:
        return clock_of(map(self.says, times))


def a_beacon(clock: Clock = NO_CLOCK, name: str = "node-1", key: bytes = KEY) -> Beacon:
    return Beacon(name, "hq", key, *SPAN, clock)


def heard_at(crystal: Crystal, at_ms: int, key: bytes = KEY) -> resolver.Hearing:
    return hearing(rid.rid(key, crystal.slot_at(at_ms)), at_ms, 300)


crystals = st.builds(
    Crystal,
    st.integers(-HOUR_MS, HOUR_MS) | st.integers(-72 * HOUR_MS, 72 * HOUR_MS),
    st.integers(-150, 150),
)
moments = st.integers(NOON - 4 * HOUR_MS, NOON + 4 * HOUR_MS)
SAID = range(NOON - 4 * HOUR_MS + 7_000, NOON + 4 * HOUR_MS, 61_000)


# ---- whose it is


@settings(max_examples=60, deadline=None)
@given(crystals, st.lists(moments, min_size=1, max_size=4))
def test_whatever_its_clock_a_beacon_that_says_it_is_found_at_once(
    crystal: Crystal, times: list[int]
) -> None:
    clock = crystal.clock(SAID)
    heard = [heard_at(crystal, at_ms) for at_ms in times]
    found = resolve([a_beacon(clock)], resolver.nobody, heard)
    assert found == {
        one.id: BeaconSlot("node-1", "hq", crystal.slot_at(at_ms))
        for one, at_ms in zip(heard, times, strict=True)
    }
    for at_ms in times:
        slot = crystal.slot_at(at_ms)
        assert beacon_clock.off_ms(slot, at_ms, clock.behind(at_ms), TOLERANCE_MS) == 0


@settings(max_examples=30, deadline=None)
@given(st.integers(-59 * MINUTE_MS, 59 * MINUTE_MS), moments)
def test_without_a_word_of_its_clock_it_is_found_for_an_hour_around(
    behind_ms: int, at_ms: int
) -> None:
    heard = heard_at(Crystal(behind_ms), at_ms)
    found = resolve([a_beacon()], resolver.nobody, [heard])
    assert found[heard.id].slot == Crystal(behind_ms).slot_at(at_ms)


def test_a_recording_of_the_day_before_is_nobodys() -> None:
    heard = hearing(rid.rid(KEY, rid.slot_at(NOON - 24 * HOUR_MS)), NOON, 300)
    assert resolve([a_beacon()], resolver.nobody, [heard]) == {}


def test_where_a_beacon_stood_when_it_sent_counts_and_what_came_later_is_not_its_places() -> None:
    moved = NOON + 5 * MINUTE_MS
    places = [
        dataclasses.replace(a_beacon(), to_ms=moved),
        dataclasses.replace(a_beacon(), site_id="pudong", from_ms=moved),
    ]
    times = [NOON, moved + MINUTE_MS]
    found = resolve(places, resolver.nobody, [heard_at(Crystal(), at_ms) for at_ms in times])
    assert [one.site_id for one in sorted(found.values(), key=lambda one: one.slot)] == [
        "hq",
        "pudong",
    ]
    stolen = [dataclasses.replace(a_beacon(), to_ms=NOON - HOUR_MS)]
    assert resolve(stolen, resolver.nobody, [heard_at(Crystal(), NOON + 2 * HOUR_MS)]) == {}


def counted(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many identifiers were made since."""
    resolver._made.cache_clear()
    made: list[int] = []
    original = rid.rid

    def counting(key: bytes, slot: int) -> bytes:
        made.append(slot)
        return original(key, slot)

    monkeypatch.setattr(rid, "rid", counting)
    return lambda: len(made)


def many(count: int) -> list[Beacon]:
    return [
        a_beacon(name=f"node-{number}", key=number.to_bytes(32, "big"))
        for number in range(1, count + 1)
    ]


def test_five_hundred_beacons_are_asked_about_a_few_slots_each_and_never_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    beacons = many(500)
    last = heard_at(Crystal(), NOON, beacons[-1].key)
    made = counted(monkeypatch)
    assert resolve(beacons, resolver.nobody, [last])[last.id].node_id == "node-500"
    once = made()
    # Three slots, and up to a block at each end.
    assert once <= 500 * (3 + 2 * resolver._BLOCK)
    resolve(beacons, resolver.nobody, [last])
    assert made() == once


def test_the_others_are_not_even_looked_up_when_nothing_is_left() -> None:
    def far() -> Sequence[Beacon]:
        raise AssertionError("nobody should have asked")

    assert resolve([a_beacon()], far, [heard_at(Crystal(), NOON)])


def test_a_device_that_says_it_was_set_all_day_long_costs_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dice = random.Random(7)
    odd = [
        Crystal(dice.randrange(10**12)).says(at_ms) for at_ms in range(NOON, NOON + HOUR_MS, 20_000)
    ]
    noise = [hearing(bytes(8), at_ms, 300) for at_ms in range(NOON, NOON + HOUR_MS, SLOT_MS)]
    made = counted(monkeypatch)
    assert resolve([a_beacon(clock_of(odd))], resolver.nobody, noise) == {}
    assert made() <= 3 * 240 + 2 * resolver._BLOCK


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.integers(-HOUR_MS, HOUR_MS))
def test_no_order_of_arrival_changes_whose_anything_is(seed: int, behind_ms: int) -> None:
    crystal, dice = Crystal(behind_ms, 90), random.Random(seed)
    said = [crystal.says(at_ms) for at_ms in range(NOON - HOUR_MS, NOON + HOUR_MS, 61_000)]
    heard = [heard_at(crystal, dice.randint(NOON - HOUR_MS, NOON + HOUR_MS)) for _ in range(20)]
    plain = resolve([a_beacon(clock_of(said))], resolver.nobody, heard)
    dice.shuffle(said)
    dice.shuffle(heard)
    mixed = clock_of([*said, *said[:3]])
    assert mixed == clock_of(said)
    assert resolve([a_beacon(mixed)], resolver.nobody, [*heard, *heard[:3]]) == plain


# ---- whether it was in its time


@settings(max_examples=100, deadline=None)
@given(crystals, moments, st.integers(0, 3 * HOUR_MS))
def test_a_captured_identifier_is_late_after_its_bound(
    crystal: Crystal, at_ms: int, later_ms: int
) -> None:
    clock, slot = crystal.clock(SAID), crystal.slot_at(at_ms)
    played_ms = at_ms + later_ms
    off_ms = beacon_clock.off_ms(slot, played_ms, clock.behind(played_ms), TOLERANCE_MS)
    # 30 s from the slot's beginning by the beacon's own clock; where that is known to be wrong, it is
    # known to a slot, its error and its drift only.
    begins_ms = slot * SLOT_MS + crystal.behind_at(played_ms)
    bound_ms = 30_000 + SLOT_MS + 700
    if abs(crystal.behind_ms) < 10 and not crystal.slow_ppm:
        bound_ms = 30_000
    if played_ms - begins_ms > bound_ms:
        assert off_ms > 0
    if played_ms - begins_ms <= SLOT_MS:
        assert off_ms == 0


@pytest.mark.parametrize(
    ("since_ms", "off"),
    [(0, 0), (30_000, 0), (30_001, 1), (300_000, 270_000), (-15_000, 0), (-15_001, -1)],
)
def test_by_a_clock_that_is_right_it_is_good_for_thirty_seconds(since_ms: int, off: int) -> None:
    slot = rid.slot_at(NOON)
    begins_ms = slot * SLOT_MS
    said = Crystal().clock([NOON - MINUTE_MS, NOON + MINUTE_MS])
    for behind in ((), said.behind(NOON)):
        assert beacon_clock.off_ms(slot, begins_ms + since_ms, behind, TOLERANCE_MS) == off


def test_between_two_statements_that_contradict_each_other_it_was_either_and_nothing_between() -> (
    None
):
    before, after = Crystal(20 * MINUTE_MS).says(NOON), Crystal().says(NOON + 10 * MINUTE_MS)
    clock = clock_of([after, before])
    at_ms = NOON + 5 * MINUTE_MS
    wrong, right = clock.behind(at_ms)
    assert right == RIGHT
    assert wrong[0] <= 20 * MINUTE_MS <= wrong[1]
    for behind_ms, holds in ((0, True), (20 * MINUTE_MS, True), (10 * MINUTE_MS, False)):
        slot = rid.slot_at(at_ms - behind_ms)
        off_ms = beacon_clock.off_ms(slot, at_ms, clock.behind(at_ms), TOLERANCE_MS)
        assert (off_ms == 0) is holds


def test_a_clock_is_followed_for_six_hours_and_then_nobody_knows() -> None:
    clock = Crystal(20 * MINUTE_MS).clock([NOON])
    (soon,), (late,) = clock.behind(NOON), clock.behind(NOON + 6 * HOUR_MS)
    assert late[1] - late[0] == soon[1] - soon[0] + 2 * 4_320
    assert clock.behind(NOON + 6 * HOUR_MS + 1) == ()


def test_a_broadcast_that_failed_says_nothing_of_the_clock() -> None:
    assert clock_of([Crystal(20 * MINUTE_MS).says(NOON, ok=False)]) == NO_CLOCK


# ---- a clock of which nobody knows anything


@settings(max_examples=60, deadline=None)
@given(
    st.integers(-59 * MINUTE_MS, 59 * MINUTE_MS),
    st.integers(-150, 150),
    st.lists(moments, min_size=2, max_size=6, unique_by=lambda at_ms: at_ms // (2 * SLOT_MS)),
)
def test_a_beacon_with_a_wrong_clock_advances(
    behind_ms: int, slow_ppm: int, times: list[int]
) -> None:
    crystal = Crystal(behind_ms, slow_ppm)
    heard = [Heard(crystal.slot_at(at_ms), at_ms, 0) for at_ms in times]
    assert beacon_clock.advances(heard)


@given(moments, st.lists(st.integers(1, HOUR_MS), min_size=1, max_size=6))
def test_a_captured_identifier_never_advances(at_ms: int, later_ms: list[int]) -> None:
    slot = rid.slot_at(at_ms - 10 * MINUTE_MS)
    assert not beacon_clock.advances([Heard(slot, at_ms + one, 0) for one in later_ms])


@given(moments, st.integers(2 * MINUTE_MS, 50 * MINUTE_MS), st.integers(0, 10))
def test_two_recordings_in_turn_do_not_advance(at_ms: int, apart_ms: int, times: int) -> None:
    first, second = (rid.slot_at(at_ms - one) for one in (apart_ms, 0))
    heard = [
        Heard((first, second)[number % 2], at_ms + (number + 2) * MINUTE_MS, 0)
        for number in range(times)
    ]
    assert not beacon_clock.advances(heard)


def test_more_than_an_hour_off_is_no_clock_that_is_guessed_at() -> None:
    crystal = Crystal(2 * HOUR_MS)
    times = NOON, NOON + MINUTE_MS
    assert not beacon_clock.advances([Heard(crystal.slot_at(one), one, 0) for one in times])
