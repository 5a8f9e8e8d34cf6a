"""Shifts as people write them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zaigang_collector.directory import shifts
from zaigang_shared.device_config import Shift

NINE_TO_SIX = tuple(Shift(day, 540, 1080) for day in range(5))


@pytest.mark.parametrize(
    "text",
    [
        "Mon-Fri 09:00-18:00",
        "mon,tue,wed,thu,fri 9:00-18:00",
        "1-5 09:00-18:00",
        "周一至周五 09:00-18:00",
        "周一至周五 09：00至18：00",
        "星期一到星期五 9:00到18:00",
        "Mon-Wed 09:00-18:00；Thu、Fri 09:00–18:00",
    ],
)
def test_nine_to_six_in_many_spellings(text: str) -> None:
    assert shifts.parse(text) == NINE_TO_SIX


def test_a_day_can_have_two_stretches() -> None:
    assert shifts.parse("Mon 09:00-12:00 13:00-18:00") == (Shift(0, 540, 720), Shift(0, 780, 1080))


def test_a_night_shift_ends_on_the_next_day() -> None:
    assert shifts.parse("Sun 22:00-06:00") == (Shift(6, 1320, 1800),)


def test_midnight_is_the_end_of_a_day() -> None:
    assert shifts.parse("Mon 16:00-24:00") == shifts.parse("Mon 16:00-00:00")


def test_weekdays_run_over_sunday() -> None:
    assert [one.weekday for one in shifts.parse("Sat-Mon 10:00-11:00")] == [0, 5, 6]


@pytest.mark.parametrize("text", ["none", "无", " None "])
def test_no_shift_is_said_in_a_word(text: str) -> None:
    assert shifts.parse(text) == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        ";",
        "09:00-18:00",
        "Mon",
        "Mon 9-18",
        "Mon 09:60-18:00",
        "Mon 24:00-25:00",
        "Mon 09:00-09:00",
        "Mon-Wed-Fri 09:00-18:00",
        "Mox 09:00-18:00",
        "Mon 09:00-18:00 or so",
        "0 09:00-18:00",
        "8 09:00-18:00",
        "Mon 09:00-18:00; Mon 17:00-19:00",
        "Mon 22:00-06:00; Tue 05:00-09:00",
        "Sun 22:00-06:00; Mon 05:00-09:00",
    ],
)
def test_what_is_no_shift_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"weekdays|overlap"):
        shifts.parse(text)


@given(
    st.dictionaries(
        st.integers(0, 6), st.tuples(st.integers(0, 1439), st.integers(1, 400)), min_size=1
    )
)
def test_what_is_written_reads_back_the_same(days: dict[int, tuple[int, int]]) -> None:
    week = tuple(
        Shift(day, begin, min(begin + length, 1440))
        for day, (begin, length) in sorted(days.items())
    )
    assert shifts.parse(shifts.render(week)) == week


@given(st.text(max_size=60))
def test_any_text_is_a_shift_or_a_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert shifts.parse(shifts.render(shifts.parse(text))) == shifts.parse(text)
