"""What stands in cells: times, days, directions, results, and in or out by the schedule."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zaigang_collector.attendance.model import Direction, Kind
from zaigang_collector.connectors.sheets import slots, values
from zaigang_collector.connectors.sheets.values import Standing

IN, OUT = Direction.IN, Direction.OUT
AT = dt.datetime(2026, 9, 21, 8, 55, 10)  # noqa: DTZ001  # cells have no zone
DAY = AT.date()
ANY_CELL = (
    st.none() | st.text(max_size=20) | st.integers() | st.floats() | st.datetimes()
) | st.from_regex(
    r"[0-9]{2,4}[-/年.][0-9]{1,2}[-/月.][0-9]{1,2}日? ?(星期一)? [0-9:]{0,8}", fullmatch=True
)


@pytest.mark.parametrize(
    "cell",
    [
        "2026-09-21 08:55:10",
        "2026/9/21 8:55:10",
        "2026.09.21 08:55:10",
        "2026年9月21日 08:55:10",
        "2026-09-21T08:55:10",
        "2026-09-21T08:55:10.250",
        "26-09-21 星期一 08:55:10",
        "2026-09-21（周一）08：55：10",
        "20260921 08:55:10",
        " 2026-09-21 08:55:10\t",
        AT - dt.timedelta(microseconds=3),
        46286.371643518519,
    ],
)
def test_a_time_is_read_in_each_way_that_it_is_written(cell: Any) -> None:
    assert values.moment(cell) == AT


def test_a_time_with_its_offset_keeps_it() -> None:
    found = values.moment("2026-09-21T08:55:10+08:00")
    assert found is not None
    assert found.utcoffset() == dt.timedelta(hours=8)
    assert values.moment("2026-09-21T00:55:10Z") == found


@pytest.mark.parametrize(
    "cell",
    ["", None, "08:55", "昨天", "05/06/07 08:00", "2026-13-01 08:00", "2026-02-30 08:00", 1.5,
     "2026-09-21 25:00", "2026-09-21", 10**12, float("nan"), float("inf"), "=NOW()"],
)  # fmt: skip
def test_what_is_no_time_is_none(cell: Any) -> None:
    assert values.moment(cell) is None


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        ("24-05-06 星期一", dt.date(2024, 5, 6)),
        ("19-03-19 星期二", dt.date(2019, 3, 19)),
        ("2026-09-21", DAY),
        ("2026-09-21 00:00:00", DAY),
        ("2026年9月21日", DAY),
        (20260921, DAY),
        ("20260921", DAY),
        (46286, DAY),
        (AT, DAY),
        ("21-09", None),
        ("1-9-26", None),
    ],
)
def test_a_day_is_read_in_each_way_that_it_is_written(cell: Any, day: dt.date | None) -> None:
    assert values.day(cell) == day


def test_a_time_of_day_stands_on_its_day_or_the_next() -> None:
    assert values.time_of(DAY, "8:55:10") == AT
    assert values.time_of(DAY, "次日 02:00") == AT.replace(day=22, hour=2, minute=0, second=0)
    assert values.time_of(DAY, 0.371643518519) == AT
    assert values.time_of(DAY, "25:00") is None
    assert values.time_of(dt.date.max, "次日 02:00") is None


@given(ANY_CELL)
def test_any_cell_is_a_value_or_none(cell: Any) -> None:
    for read in (values.moment, values.day, lambda one: values.time_of(DAY, one)):
        assert read(cell) is None or isinstance(read(cell), dt.date)
    text = cell if isinstance(cell, str) else ""
    assert values.direction(text) in (None, IN, OUT)
    assert isinstance(values.result(text).standing, Standing)


@pytest.mark.parametrize(
    ("text", "direction"),
    [("in", IN), ("OUT", OUT), ("field", IN), ("外勤", IN), ("上班", IN), ("下班打卡", OUT),
     ("上班1打卡", IN), ("签退", OUT), ("Clock In", IN), ("Off Duty", OUT), ("进", IN), ("x", None)],
)  # fmt: skip
def test_a_direction_is_read_in_each_way(text: str, direction: Direction | None) -> None:
    assert values.direction(text) is direction


@pytest.mark.parametrize(
    ("text", "standing", "word", "direction"),
    [
        ("正常", Standing.PUNCH, None, None),
        ("", Standing.PUNCH, None, None),
        ("迟到", Standing.PUNCH, None, IN),
        ("迟到12分钟", Standing.PUNCH, None, IN),
        ("严重迟到", Standing.PUNCH, None, IN),
        ("旷工迟到", Standing.PUNCH, None, IN),
        ("早退", Standing.PUNCH, None, OUT),
        ("外勤", Standing.PUNCH, None, None),
        ("外勤,迟到", Standing.PUNCH, None, IN),
        ("缺卡", Standing.MISSED, None, None),
        ("下班缺卡", Standing.MISSED, None, OUT),
        ("未打卡", Standing.MISSED, None, None),
        ("打卡无效：此记录已被管理员更新", Standing.DISCOUNTED, None, None),
        ("补卡审批通过", Standing.PUNCH, Kind.CORRECTED_APPROVAL, None),
        ("补卡审批不通过", Standing.PUNCH, Kind.UNKNOWN, None),
        ("管理员改为正常", Standing.PUNCH, Kind.CORRECTED_MANAGER, None),
        ("管理员改迟到为正常", Standing.PUNCH, Kind.CORRECTED_MANAGER, None),
        ("从没见过", Standing.PUNCH, Kind.UNKNOWN, None),
    ],
)
def test_a_result_says_whose_word_it_is_and_sometimes_in_or_out(
    text: str, standing: Standing, word: Kind | None, direction: Direction | None
) -> None:
    found = values.result(text)
    assert (found.standing, found.word, found.direction) == (standing, word, direction)


def at(hour: int, day: int = 21) -> dt.datetime:
    return dt.datetime(2026, 9, day, hour)  # noqa: DTZ001


def test_planned_times_in_pairs_are_in_and_out_in_turn() -> None:
    split = [(("E001", DAY), at(hour)) for hour in (18, 9, 13, 12, 9)]
    found = slots.by_schedule(split)
    assert [found[key] for key in sorted(found)] == [IN, OUT, IN, OUT]
    overnight = [(("E001", DAY), at(22)), (("E001", DAY), at(6, 22))]
    assert slots.by_schedule(overnight)[("E001", DAY), at(6, 22)] is OUT


def test_of_an_odd_number_of_planned_times_nothing_is_guessed() -> None:
    three = [(("E001", DAY), at(hour)) for hour in (9, 12, 18)]
    assert slots.by_schedule(three) == {}


def test_a_day_has_its_first_and_last_and_the_newest_day_waits() -> None:
    punched = [(("E001", DAY), at(hour)) for hour in (9, 12, 18)]
    newest = [(("E002", at(9, 22).date()), at(hour, 22)) for hour in (9, 18)]
    alone = [(("E003", DAY), at(9))]
    assert slots.first_and_last(punched + newest + alone) == {
        (("E001", DAY), at(9)): IN,
        (("E001", DAY), at(18)): OUT,
    }
    assert slots.first_and_last([]) == {}


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 23), st.integers(20, 23))))
def test_a_punch_is_never_both_and_days_have_as_many_ins_as_outs(
    punches: list[tuple[str, int, int]],
) -> None:
    given_times = [((who, dt.date(2026, 9, day)), at(hour, day)) for who, hour, day in punches]
    for found in (slots.by_schedule(given_times), slots.first_and_last(given_times)):
        for day in {key[0] for key in found}:
            ways = [way for (other, _), way in sorted(found.items()) if other == day]
            assert ways == [IN, OUT] * (len(ways) // 2)
