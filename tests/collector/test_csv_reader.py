"""CSV as people save it, and errors that name line and column."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zaigang_collector.directory import csv_reader
from zaigang_collector.directory.csv_reader import Column
from zaigang_collector.errors import CsvError, LineProblem

COLUMNS = (Column("id", ("编号",)), Column("from_day", ("开始日期",)), Column("note", (), False))


def problems(data: bytes | str) -> tuple[LineProblem, ...]:
    with pytest.raises(CsvError) as caught:
        csv_reader.read(data, COLUMNS).finish()
    return caught.value.problems


def values(data: bytes | str) -> list[tuple[int, str, str]]:
    table = csv_reader.read(data, COLUMNS)
    table.finish()
    return [(row.line, row.text("id"), row.text("from_day")) for row in table.rows]


@pytest.mark.parametrize(
    "data",
    [
        "id,from_day\na,王\n",
        b"id,from_day\r\na,\xe7\x8e\x8b\r\n",
        "\ufeffid,from_day\na,王".encode(),
        "编号,开始日期\na,王\n".encode("gbk"),
        "编号,开始日期\na,王\n".encode("utf-16"),
        "ID; From Day\na;王\n",
        "id\tfrom_day\na\t王\n",
        "from_day,id\n王, a \n",
        "id,from_day,,\na,王,,\n",
        "id,from_day\ra,王\r",
    ],
    ids=lambda data: repr(data)[:30],
)
def test_a_table_is_read_however_it_was_saved(data: bytes | str) -> None:
    assert values(data) == [(2, "a", "王")]


def test_lines_are_counted_as_an_editor_does() -> None:
    text = 'id,from_day,note\n\na,1,"two\nlines"\n\nb,2,\n'
    assert values(text) == [(3, "a", "1"), (6, "b", "2")]


def test_an_unknown_column_is_named_with_the_one_it_may_be() -> None:
    (problem,) = problems("id,from_day,form_day\n")
    assert (problem.line, problem.column) == (1, "form_day")
    assert "is it from_day?" in problem.expected


def test_missing_and_doubled_columns_are_all_named_at_once() -> None:
    found = problems("id,编号,x\n")
    assert [(problem.column, problem.line) for problem in found] == [
        ("编号", 1), ("x", 1), ("from_day", 1),
    ]  # fmt: skip


def test_a_short_or_long_line_says_how_many_fields_there_are() -> None:
    found = problems("id,from_day\na\nb,1,2\nc,1\n")
    assert [(problem.line, problem.expected) for problem in found] == [
        (2, "2 fields as in the header, there are 1"),
        (3, "2 fields as in the header, there are 3"),
    ]


@pytest.mark.parametrize("data", ["", "\n\n", b"", "\ufeff"])
def test_an_empty_file_says_what_the_header_should_be(data: bytes | str) -> None:
    (problem,) = problems(data)
    assert "id, from_day, note" in problem.expected


def test_an_open_quote_is_told() -> None:
    (problem,) = problems('id,from_day\na,"1\n')
    assert "quotes" in problem.expected


def test_bytes_that_are_no_text_name_the_line() -> None:
    (problem,) = problems(b"id,from_day\na,1\nb,\xff\xff\n")
    assert problem.line == 3
    assert "UTF-8 or GBK" in problem.expected


def test_a_nul_is_not_text() -> None:
    (problem,) = problems("id,from_day\na,\0\n")
    assert problem.line == 2


def test_problems_come_in_the_order_of_lines_and_with_the_files_own_headings() -> None:
    table = csv_reader.read("编号,开始日期\na,x\n,3\n", COLUMNS)
    for row in reversed(table.rows):
        row.take("from_day", int, "a number")
        row.take("id", str, "an id")
    with pytest.raises(CsvError) as caught:
        table.finish()
    assert caught.value.problems == (
        LineProblem(2, "开始日期", "a number", "x"),
        LineProblem(3, "编号", "an id", ""),
    )
    assert "line 2, column 开始日期: expected a number, found 'x'" in str(caught.value)


def test_a_long_value_is_shortened_and_a_long_list_too() -> None:
    table = csv_reader.read("id,from_day\n" + f"{'x' * 99},1\n" * 150, COLUMNS)
    for row in table.rows:
        row.take("id", int, "a number")
    with pytest.raises(CsvError) as caught:
        table.finish()
    assert len(caught.value.problems) == 100
    assert len(caught.value.problems[0].value) == 41


def read_or_problems(data: bytes | str) -> bool:
    """Whether it was read, or refused with at least one problem; anything else gets through."""
    try:
        csv_reader.read(data, COLUMNS).finish()
    except CsvError as error:
        return bool(error.problems)
    return True


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200)))
def test_anything_is_a_table_or_a_csv_error(data: bytes | str) -> None:
    assert read_or_problems(data)


@given(st.text(alphabet='id,from_day\n\r" ;\tab', max_size=120))
def test_anything_that_looks_like_a_table_is_one_or_a_csv_error(text: str) -> None:
    assert read_or_problems("id,from_day\n" + text)
