"""When something happened, told from boot times: pure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zaigang_collector.ingest.clock_model import (
    DRIFT_PPM,
    UNKNOWN_ERROR_MS,
    WINDOW_MS,
    BootClock,
    Observation,
    Window,
    contradicts,
    is_reconstructed,
    merge,
    overtaken_hours,
    window_of,
)

BOOTED_MS = 1_790_000_000_000  # the truth: collector UTC at the boot
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


def live(up_ms: int, delay_ms: int = 100, receipt_age_ms: int | None = MINUTE_MS) -> Observation:
    """Sealed at `up_ms`, arrived `delay_ms` later, quoting a receipt of some age."""
    sealed_ms = BOOTED_MS + up_ms
    receipt = None if receipt_age_ms is None else sealed_ms - receipt_age_ms
    return Observation(up_ms, sealed_ms + delay_ms, receipt)


def clock(*observations: Observation, floor_ms: int | None = None) -> BootClock:
    return BootClock.from_observations(observations, floor_ms)


def test_a_live_envelope_tells_the_time_to_its_travel_time() -> None:
    estimate = clock(live(HOUR_MS)).estimate(HOUR_MS)
    assert estimate.at_ms == BOOTED_MS + HOUR_MS + 100
    assert estimate.error_ms == MINUTE_MS + 100
    assert estimate.offset_ms == BOOTED_MS + 100


def test_what_was_spooled_is_timed_by_a_live_envelope_of_the_same_boot() -> None:
    spooled = live(MINUTE_MS, delay_ms=2 * HOUR_MS, receipt_age_ms=None)
    told = clock(spooled, live(2 * HOUR_MS + MINUTE_MS))
    estimate = told.estimate(MINUTE_MS)
    assert abs(estimate.at_ms - (BOOTED_MS + MINUTE_MS)) < 2_000
    assert is_reconstructed(spooled, told)
    assert not is_reconstructed(live(2 * HOUR_MS + MINUTE_MS), told)


def test_without_any_lower_bound_the_error_says_that_nothing_is_known() -> None:
    assert clock(live(HOUR_MS, receipt_age_ms=None)).estimate(HOUR_MS).error_ms == UNKNOWN_ERROR_MS


def test_before_its_first_receipt_the_enrolment_bounds_a_device_from_below() -> None:
    told = clock(live(HOUR_MS, receipt_age_ms=None), floor_ms=BOOTED_MS + HOUR_MS - 5_000)
    assert told.estimate(HOUR_MS).error_ms == 5_100


def test_a_fortnight_of_drift_is_no_contradiction_and_does_not_spoil_today() -> None:
    drift = [
        Observation(up, BOOTED_MS + up + up // 20_000 + 100, BOOTED_MS + up + up // 20_000 - 900)
        for up in range(0, 14 * 24 * HOUR_MS, HOUR_MS)  # 50 ppm
    ]
    told = clock(*drift)
    up_ms = drift[-1].up_ms
    assert told.contradiction_ms(up_ms) == 0
    assert abs(told.estimate(up_ms).at_ms - (BOOTED_MS + up_ms + up_ms // 20_000)) < 1_000


def test_a_clock_that_stood_still_contradicts_itself() -> None:
    before = live(HOUR_MS)
    paused = Observation(HOUR_MS + MINUTE_MS, *_shifted(live(HOUR_MS + MINUTE_MS), HOUR_MS))
    assert clock(before, paused).contradiction_ms(HOUR_MS) > 50 * MINUTE_MS
    assert contradicts(merge(window_of([before]), window_of([paused])))


def _shifted(seen: Observation, by_ms: int) -> tuple[int, int]:
    assert seen.receipt_at_ms is not None
    return seen.arrived_ms + by_ms, seen.receipt_at_ms + by_ms


def test_a_boot_without_envelopes_has_no_clock() -> None:
    with pytest.raises(ValueError, match="at least one"):
        clock().estimate(0)


observations = st.builds(
    live,
    st.integers(0, 5 * WINDOW_MS),
    st.integers(0, 3 * HOUR_MS),
    st.none() | st.integers(0, 3 * HOUR_MS),
)


@given(
    st.lists(observations, min_size=1, max_size=12).flatmap(
        lambda seen: st.tuples(st.permutations(seen), st.permutations(seen + seen[:3]))
    ),
    st.integers(0, 5 * WINDOW_MS),
)
def test_no_order_and_no_repetition_changes_a_boot_clock(
    orders: tuple[list[Observation], list[Observation]], up_ms: int
) -> None:
    one, other = (BootClock.from_observations(order) for order in orders)
    assert one == other
    assert one.estimate(up_ms) == other.estimate(up_ms)


@given(st.lists(observations, min_size=1, max_size=12), st.integers(0, 5 * WINDOW_MS))
def test_the_truth_lies_within_the_error(seen: list[Observation], up_ms: int) -> None:
    estimate = BootClock.from_observations(seen).estimate(up_ms)
    truth_ms = BOOTED_MS + up_ms
    assert truth_ms <= estimate.at_ms
    assert estimate.at_ms - estimate.error_ms <= truth_ms


@given(st.lists(observations, min_size=1, max_size=12), st.integers(0, 5 * WINDOW_MS))
def test_honest_observations_never_contradict(seen: list[Observation], up_ms: int) -> None:
    assert BootClock.from_observations(seen).contradiction_ms(up_ms) == 0


def test_hours_in_the_order_of_their_numbers_are_believed() -> None:
    assert overtaken_hours([(9, 1, 60), (10, 61, 70), (17, 71, 90)]) == frozenset()


def test_an_hour_that_was_numbered_after_a_later_one_is_not_believed() -> None:
    numbered = [(17, 1, 200), (9, 11, 70), (10, 71, 130), (18, 201, 210)]
    assert overtaken_hours(numbered) == {9, 10}
    clock = BootClock((Window(0, 1, 5, 6),), overtaken=frozenset({0}))
    assert clock.estimate(1).error_ms == UNKNOWN_ERROR_MS


@given(
    st.dictionaries(
        st.integers(0, 40),
        st.tuples(
            st.integers(0, 1_799_999),
            st.integers(1_800_000, 3_599_999),
            st.none() | st.integers(-(10**7), 10**7),
            st.integers(-(10**7), 10**7),
        ),
        min_size=1,
    ),
    st.integers(0, 42 * HOUR_MS),
)
def test_bounds_of_many_hours_are_the_sharpest_of_each(
    hours: dict[int, tuple[int, int, int | None, int]], up_ms: int
) -> None:
    windows = tuple(
        Window(hour * HOUR_MS + first, hour * HOUR_MS + last, low, high)
        for hour, (first, last, low, high) in sorted(hours.items())
    )
    slacks = [
        max(abs(up_ms - w.first_up_ms), abs(up_ms - w.last_up_ms)) * DRIFT_PPM // 1_000_000
        for w in windows
    ]
    high = min(w.high_ms + slack for w, slack in zip(windows, slacks, strict=True))
    lows = [
        w.low_ms - slack for w, slack in zip(windows, slacks, strict=True) if w.low_ms is not None
    ]
    estimate = BootClock(windows).estimate(up_ms)
    assert estimate.at_ms == up_ms + high
    assert estimate.error_ms == (abs(high - max(lows)) if lows else UNKNOWN_ERROR_MS)
