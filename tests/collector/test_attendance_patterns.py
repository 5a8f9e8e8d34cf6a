"""Hours as companies write them: read, written and refused."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zaigang_collector.attendance import patterns
from zaigang_collector.attendance.patterns import Flexible, Pattern
from zaigang_collector.attendance.planning import at_ms, stretches_on
from zaigang_shared.device_config import Shift

FLEXIBLE = "flexible Mon-Fri 07:00-21:00 core 10:00-16:00 min 7.5h"
ZONES = ["Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]


def test_hours_without_weekdays_are_of_every_day() -> None:
    assert patterns.parse("22:00-06:00") == patterns.parse("Mon-Sun 22:00-06:00")
    assert len(patterns.parse("22:00-06:00").weekly) == 7


def test_a_day_can_have_two_stretches() -> None:
    split = patterns.parse("周一至周五 09:00-12:00 13:00-18:00")
    assert split.on(0) == (Shift(0, 540, 720), Shift(0, 780, 1080))
    assert split.on(6) == ()


@pytest.mark.parametrize(
    "text", [FLEXIBLE, "弹性 周一至周五 07:00-21:00 核心 10:00-16:00 至少 7.5 小时"]
)
def test_flexible_hours_read_alike_in_both_languages(text: str) -> None:
    pattern = patterns.parse(text)
    assert pattern.flexible == Flexible(600, 960, 450)
    assert pattern.on(2) == (Shift(2, 420, 1260),)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Mon",
        "09:00",
        "Mon-Fri 09:00-25:00",
        "Mon 09:00-18:00; Mon 17:00-19:00",
        "flexible Mon-Fri 09:00-17:00 core 08:00-12:00 min 4h",  # the core is outside
        "flexible Mon-Fri 09:00-17:00 core 10:00-12:00 min 9h",  # more than there is
        "flexible Mon-Fri 09:00-17:00 core 10:00-12:00 min 0h",
        "flexible Mon-Fri 09:00-12:00 13:00-17:00 core 10:00-11:00 min 4h",
        "flexible Mon-Fri 09:00-17:00",
    ],
)
def test_what_is_no_hours_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # each with its own sentence
        patterns.parse(text)


@given(st.text(max_size=60))
def test_any_text_is_hours_or_a_value_error(text: str) -> None:
    try:
        patterns.parse(text)
    except ValueError:
        return


@given(
    st.sets(st.integers(0, 6), min_size=1),
    st.integers(0, 1380),
    st.integers(60, 900),
    st.booleans(),
)
def test_what_is_written_reads_back(
    days: set[int], from_min: int, length_min: int, is_flexible: bool
) -> None:
    weekly = tuple(Shift(day, from_min, from_min + length_min) for day in sorted(days))
    core_from = min(from_min + 10, 1439)
    flexible = Flexible(core_from, core_from + 20, 30) if is_flexible else None
    pattern = Pattern(weekly, flexible)
    try:
        read = patterns.parse(patterns.render(pattern))
    except ValueError:  # stretches of neighbouring days that run into each other
        assert length_min + from_min > 1440
        return
    assert read == pattern


def test_the_usual_day_is_the_most_frequent_of_monday_to_friday() -> None:
    pattern = patterns.parse("Mon-Thu 09:00-18:00; Fri 09:00-15:00; Sat 09:00-12:00")
    assert pattern.usual() == (Shift(0, 540, 1080),)
    assert patterns.parse("Tue-Thu 09:00-18:00").usual() is None


@given(
    st.dates(dt.date(2020, 1, 1), dt.date(2030, 12, 31)),
    st.integers(0, 1439),
    st.integers(1, 1440),
    st.sampled_from(ZONES),
)
def test_a_stretch_of_any_day_in_any_zone_ends_after_it_begins(
    day: dt.date, from_min: int, length_min: int, name: str
) -> None:
    zone = ZoneInfo(name)
    shift = Shift(day.weekday(), from_min, from_min + length_min)
    for one in stretches_on(day, [shift], zone):
        assert one.from_ms < one.to_ms
        longest_ms = (length_min + 60) * 60_000  # and the hour that comes twice
        assert one.to_ms - one.from_ms <= longest_ms
        local = dt.datetime.fromtimestamp(one.from_ms / 1000, zone)
        assert local.date() == day


def test_an_hour_that_comes_twice_is_meant_the_first_time() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    at = at_ms(dt.date(2026, 10, 25), 150, berlin)
    assert dt.datetime.fromtimestamp(at / 1000, berlin).utcoffset() == dt.timedelta(hours=2)
