"""Nothing outside the shifts and the margin, whatever calendar and clocks do."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zaigang_agent import schedule
from zaigang_agent.errors import ConfigError
from zaigang_shared.device_config import Hours, Shift

WEEKDAYS = tuple(Shift(day, 9 * 60, 18 * 60) for day in range(5))
SHANGHAI = Hours("Asia/Shanghai", WEEKDAYS, 30)


def at(text: str, zone: str = "Asia/Shanghai", fold: int = 0) -> int:
    wall = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)
    return int(wall.timestamp() * 1000)


@pytest.mark.parametrize(
    ("moment", "allowed"),
    [
        ("2026-09-21T08:29:59.999", False),
        ("2026-09-21T08:30", True),
        ("2026-09-21T12:00", True),
        ("2026-09-21T18:29:59.999", True),
        ("2026-09-21T18:30", False),
        ("2026-09-20T12:00", False),  # a Sunday
        ("2026-09-26T12:00", False),  # a Saturday
    ],
)
def test_the_margin_is_part_of_the_hours_and_its_end_is_not(moment: str, allowed: bool) -> None:
    assert schedule.allowed(SHANGHAI, at(moment)) is allowed


def test_without_hours_everything_is_allowed_for_ever() -> None:
    assert schedule.allowed(None, 0)
    assert schedule.next_change_ms(None, 0) is None


def test_no_shifts_allow_nothing() -> None:
    hours = Hours("Asia/Shanghai", (), 30)
    assert not schedule.allowed(hours, at("2026-09-21T12:00"))
    assert schedule.next_change_ms(hours, at("2026-09-21T12:00")) is None


def test_an_overnight_shift_belongs_to_the_day_on_which_it_begins() -> None:
    hours = Hours("Asia/Shanghai", (Shift(4, 22 * 60, 30 * 60),), 0)  # Friday 22:00 to 06:00
    assert schedule.allowed(hours, at("2026-09-25T23:00"))
    assert schedule.allowed(hours, at("2026-09-26T05:59"))
    assert not schedule.allowed(hours, at("2026-09-26T06:00"))
    assert not schedule.allowed(hours, at("2026-09-25T05:00"))


def test_the_margin_reaches_into_the_day_before() -> None:
    hours = Hours("Asia/Shanghai", (Shift(0, 60, 600),), 120)  # Monday 01:00
    assert schedule.allowed(hours, at("2026-09-20T23:00"))


def test_when_clocks_go_forward_the_shift_is_an_hour_shorter() -> None:
    hours = Hours("Europe/Berlin", (Shift(6, 0, 6 * 60),), 0)  # Sunday 2026-03-29, 02:00 -> 03:00
    assert open_minutes(hours, at("2026-03-29T00:00", "Europe/Berlin")) == 5 * 60


def test_when_clocks_go_back_the_shift_is_an_hour_longer() -> None:
    hours = Hours("Europe/Berlin", (Shift(6, 0, 6 * 60),), 0)  # Sunday 2026-10-25
    assert open_minutes(hours, at("2026-10-25T00:00", "Europe/Berlin")) == 7 * 60


def test_a_shift_that_begins_in_the_missing_hour_begins_when_clocks_have_gone_forward() -> None:
    hours = Hours("Europe/Berlin", (Shift(6, 150, 6 * 60),), 0)  # 02:30 does not come
    start = at("2026-03-29T00:00", "Europe/Berlin")
    assert schedule.next_change_ms(hours, start) == at("2026-03-29T03:30", "Europe/Berlin")


def test_a_shift_within_the_missing_hour_is_no_longer_than_told() -> None:
    hours = Hours("Europe/Berlin", (Shift(6, 130, 170),), 0)
    assert open_minutes(hours, at("2026-03-29T00:00", "Europe/Berlin")) == 40


def test_an_hour_that_comes_twice_means_its_first_coming() -> None:
    hours = Hours("Europe/Berlin", (Shift(6, 150, 170),), 0)  # 02:30 to 02:50
    first = at("2026-10-25T02:35", "Europe/Berlin", fold=0)
    second = at("2026-10-25T02:35", "Europe/Berlin", fold=1)
    assert schedule.allowed(hours, first)
    assert not schedule.allowed(hours, second)


def test_midnight_can_be_the_missing_hour() -> None:
    hours = Hours("America/Asuncion", (Shift(6, 0, 480),), 0)  # 2023-10-01 began at 01:00
    assert open_minutes(hours, at("2023-09-30T22:00", "America/Asuncion")) == 7 * 60


def test_an_unknown_zone_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(ConfigError, match="install the package tzdata"):
        schedule.check(Hours("Mars/Olympus", WEEKDAYS, 0))


@pytest.mark.parametrize("utc_ms", [-(2**62), 2**62, -62_135_596_800_000, 253_402_300_799_000])
def test_a_clock_that_is_far_out_allows_nothing(utc_ms: int) -> None:
    assert not schedule.allowed(SHANGHAI, utc_ms)


def test_1970_is_a_day_like_any_other() -> None:
    assert schedule.allowed(SHANGHAI, at("1970-01-01T10:00"))


def open_minutes(hours: Hours, from_ms: int) -> int:
    return sum(schedule.allowed(hours, from_ms + m * 60_000) for m in range(36 * 60))


_HOURS = st.builds(
    Hours,
    tz=st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/New_York", "Pacific/Apia"]),
    shifts=st.lists(
        st.builds(
            lambda day, start, length: Shift(day, start, start + length),
            st.integers(0, 6),
            st.integers(0, 1439),
            st.integers(1, 1440),
        ),
        max_size=8,
    ).map(tuple),
    margin_min=st.integers(0, 240),
)
_MOMENTS = st.integers(1_700_000_000_000, 1_800_000_000_000)


@given(_HOURS, _MOMENTS)
def test_the_next_change_is_a_change_and_nothing_changes_before_it(hours: Hours, now: int) -> None:
    then = schedule.next_change_ms(hours, now)
    if then is None:
        return
    assert then > now
    assert schedule.allowed(hours, then - 1) == schedule.allowed(hours, now)
    for part in range(1, 20):
        moment = now + (then - now) * part // 20
        assert schedule.allowed(hours, moment) == schedule.allowed(hours, now) or moment == then


@given(_HOURS, _MOMENTS, st.lists(st.integers(-(10**9), 10**9), max_size=20))
def test_what_is_remembered_is_what_is_allowed_however_clocks_jump(
    hours: Hours, now: int, jumps: list[int]
) -> None:
    remembered = schedule.Remembered()
    for jump in jumps:
        now += jump
        assert remembered.allowed(hours, now) is schedule.allowed(hours, now)
    assert remembered.allowed(None, now)
    assert remembered.allowed(hours, now) is schedule.allowed(hours, now)


@given(_HOURS, _MOMENTS)
def test_what_is_allowed_is_near_a_shift_of_that_wall_clock(hours: Hours, now: int) -> None:
    if not schedule.allowed(hours, now):
        return
    wall = datetime.fromtimestamp(now / 1000, UTC).astimezone(ZoneInfo(hours.tz))
    slack = timedelta(minutes=hours.margin_min + 61)  # what a change of clocks can add
    naive = wall.replace(tzinfo=None)
    midnight = naive.replace(hour=0, minute=0, second=0, microsecond=0)
    assert any(
        day + timedelta(minutes=s.from_min) - slack
        <= naive
        <= day + timedelta(minutes=s.to_min) + slack
        for back in range(-1, 4)
        for day in [midnight - timedelta(days=back)]
        for s in hours.shifts
        if s.weekday == day.weekday()
    )


def test_a_container_without_zone_files_knows_the_zones_all_the_same() -> None:
    zoneinfo.reset_tzpath(to=[])
    schedule._zone.cache_clear()
    ZoneInfo.clear_cache()
    try:
        schedule.check(SHANGHAI)
    finally:
        zoneinfo.reset_tzpath()
        schedule._zone.cache_clear()
        ZoneInfo.clear_cache()
