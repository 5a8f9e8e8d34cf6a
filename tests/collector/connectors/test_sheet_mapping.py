"""Which column is what: guessed whatever the order, corrected, refused in words."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import sheets
from zaigang_collector.connectors.sheets import headings, mapping
from zaigang_collector.connectors.sheets.cells import Line
from zaigang_collector.connectors.sheets.errors import SheetError
from zaigang_collector.connectors.sheets.headings import Field
from zaigang_collector.connectors.sheets.mapping import ColumnMap

OURS = {"E001", "E002", "0123456789"}
EVERY_NAME = sorted(
    {name for names in headings.NAMES.values() for name in names} | set(headings.DROPPED)
)
CELL = st.none() | st.sampled_from(
    ["E001", "E002", "2026-09-21 08:55", "上班", "in", "00:11:22:33:44:55", "备注", 45000, 1.5]
)


def guessed(header: list[str], *rows: list[Any]) -> dict[Field, str]:
    lines = [Line(number, tuple(row)) for number, row in enumerate(rows, 2)]
    return mapping.guess(Line(1, tuple(header)), lines, OURS.__contains__).columns


@given(st.data())
def test_the_guess_is_the_same_in_any_order_of_columns(data: st.DataObject) -> None:
    names = st.sampled_from(EVERY_NAME) | st.sampled_from(["甲", "乙", "丙", ""])
    header = data.draw(st.lists(names, max_size=12))
    height = data.draw(st.integers(0, 5))
    columns = [
        (heading, data.draw(st.lists(CELL, min_size=height, max_size=height))) for heading in header
    ]
    mixed = data.draw(st.permutations(columns))
    found = [
        guessed(
            [heading for heading, _ in order],
            *[[c[row] for _, c in order] for row in range(height)],
        )
        for order in (columns, mixed)
    ]
    assert found[0] == found[1]
    assert len(set(found[0].values())) == len(found[0])


def test_dingtalks_raw_records_are_taken_by_name_in_both_forms() -> None:
    wanted = {
        Field.EMPLOYEE: "工号",
        Field.PUNCHED: "打卡时间",
        Field.DAY: "考勤日期",
        Field.PLANNED: "考勤时间",
        Field.RESULT: "打卡结果",
        Field.ADDRESS: "打卡地址",
    }
    assert guessed(list(sheets.OLD_HEADER)) == wanted
    assert guessed(list(sheets.HEADER)) == wanted | {Field.DEVICE: "打卡设备"}
    for header in (sheets.HEADER, sheets.OLD_HEADER):
        assert mapping.is_well_known(Line(3, tuple(header)))


def test_our_template_is_taken_by_name() -> None:
    found = guessed(list(sheets.TEMPLATE))
    assert found[Field.PUNCHED] == "punch_time"
    assert found[Field.DIRECTION] == "kind"
    assert found[Field.BSSID] == "wifi_bssid"
    assert not {"name", "source_note"} & set(found.values())
    assert mapping.is_well_known(Line(1, sheets.TEMPLATE))


def test_a_company_without_job_numbers_is_known_by_its_user_ids() -> None:
    rows: list[list[Any]] = [[None, "0123456789"], [None, "0123456789"]]
    assert guessed(["工号", "UserId"], *rows)[Field.EMPLOYEE] == "UserId"
    assert guessed(["工号", "UserId"], ["E001", "x"])[Field.EMPLOYEE] == "工号"
    assert guessed(["工号", "UserId"])[Field.EMPLOYEE] == "工号"


def test_columns_without_a_known_name_are_known_by_what_stands_in_them() -> None:
    rows = [["E001", "2026-09-21 08:55", "进", 45000.5, "说明"]] * 4
    assert guessed(["编码", "时刻", "门", "金额", "说明"], *rows) == {
        Field.EMPLOYEE: "编码",
        Field.PUNCHED: "时刻",
        Field.DIRECTION: "门",
    }


def test_of_two_columns_that_fit_alike_neither_is_taken() -> None:
    rows = [["2026-09-21 08:55", "2026-09-21 18:05"]] * 4
    assert guessed(["甲", "乙"], *rows) == {}
    assert guessed(["工号", "工号", "打卡时间"]) == {Field.PUNCHED: "打卡时间"}


def refused(given: ColumnMap, header: list[str]) -> str:
    with pytest.raises(SheetError) as caught:
        mapping.check(given, Line(1, tuple(header)))
    return caught.value.said.zh


def test_what_every_row_needs_and_is_not_told_is_named() -> None:
    header = ["工号", "打卡时间", "上下班"]
    assert "找不到工号" in refused(ColumnMap({}), header)
    assert "找不到打卡时间" in refused(ColumnMap({Field.EMPLOYEE: "工号"}), header)
    both = {Field.EMPLOYEE: "工号", Field.PUNCHED: "打卡时间"}
    assert "上班还是下班" in refused(ColumnMap(both), header)
    mapping.check(ColumnMap(both, first_last=True), Line(1, tuple(header)))
    mapping.check(ColumnMap(both | {Field.DIRECTION: "上下班"}), Line(1, tuple(header)))
    assert "“不在”" in refused(ColumnMap(both | {Field.SITE: "不在"}), header)


def test_a_correction_takes_its_column_from_whatever_had_it() -> None:
    first = ColumnMap({Field.EMPLOYEE: "工号", Field.PUNCHED: "时间", Field.ADDRESS: "地点"})
    told = mapping.corrected(first, ["site=地点", "punched = 刷卡时间", "device="])
    assert told.columns == {
        Field.EMPLOYEE: "工号",
        Field.PUNCHED: "刷卡时间",
        Field.SITE: "地点",
    }
    for wrong in ("工号", "nonsense=工号"):
        with pytest.raises(SheetError, match="FIELD=HEADING"):
            mapping.corrected(first, [wrong])


def test_what_is_shown_says_what_is_taken_what_is_dropped_and_what_is_not_known() -> None:
    header = Line(1, ("工号", "姓名", "心情", "打卡时间"))
    rows = [Line(number, ("E001", sheets.SENTINEL, "好", "x" * 99)) for number in range(2, 9)]
    given = ColumnMap({Field.EMPLOYEE: "工号", Field.PUNCHED: "打卡时间"})
    shown = mapping.shown(given, header, rows)
    assert [(one.heading, len(one.examples)) for one in shown.taken] == [
        ("工号", 3),
        ("打卡时间", 3),
    ]
    assert shown.taken[1].examples[0] == "x" * 30 + "…"
    assert (shown.dropped, shown.ignored) == (("姓名",), ("心情",))
    assert sheets.SENTINEL not in str(shown)


@given(st.dictionaries(st.sampled_from(list(Field)), st.text(max_size=9)), st.booleans())
def test_what_is_remembered_is_what_was_confirmed(columns: dict[Field, str], both: bool) -> None:
    given_map = ColumnMap(columns, first_last=both, addresses={"前台": "hq"})
    assert msgspec.json.decode(msgspec.json.encode(given_map), type=ColumnMap) == given_map


def test_a_form_is_its_headings_in_any_order() -> None:
    one, other = Line(1, ("工号", "打卡时间", None)), Line(4, ("打卡时间", None, "工号"))
    assert mapping.form(one) == mapping.form(other)
    assert mapping.form(one) != mapping.form(Line(1, ("工号", "打卡时间", "设备")))
