"""Bytes of a file to rows: any bytes give rows or a named error, and what was written is read."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.factories import sheets
from zaigang_collector.connectors.sheets import headings, reading, workbook
from zaigang_collector.connectors.sheets.cells import MAX_COLUMNS, Cell
from zaigang_collector.connectors.sheets.errors import SheetError
from zaigang_collector.matching.model import Text

NAMES = ("工号", "打卡时间", "打卡结果", "姓名", "部门")
# What every encoding and XML can hold; a carriage return is a line feed to XML.
TEXT = st.text(
    st.characters(codec="gb18030", exclude_categories=("Cc", "Cs", "Cn", "Co"))
    | st.sampled_from(',;\t"\n '),
    max_size=8,
).filter(lambda one: "\ufeff" not in one and "\uffff" not in one and "\ufffe" not in one)
TIMES = st.datetimes(dt.datetime(2000, 1, 1), dt.datetime(2099, 12, 31)).map(  # noqa: DTZ001
    lambda at: at.replace(microsecond=0)
)
# openpyxl writes numbers with 16 digits, as Excel keeps them with 15.
NUMBERS = st.integers(-(10**12), 10**12) | st.integers(-(10**9), 10**9).map(lambda x: x + 0.0625)


def whole(data: bytes, name: str = "") -> list[tuple[int, tuple[Cell, ...]]]:
    return [(one.number, one.cells) for one in reading.whole(data, name).lines]


def expected(rows: list[list[Any]]) -> list[tuple[int, tuple[Cell, ...]]]:
    """Numbered as a spreadsheet program does, without what is blank."""
    found = []
    for number, row in enumerate(rows, 1):
        cells = [None if cell == "" else cell for cell in row]
        while cells and cells[-1] is None:
            cells.pop()
        if cells:
            found.append((number, tuple(cells)))
    return found


def tables(cells: st.SearchStrategy[Any]) -> st.SearchStrategy[list[list[Any]]]:
    """A header and some rows of up to its width."""
    rows = st.lists(st.lists(cells, min_size=1, max_size=len(NAMES)), max_size=6)
    return rows.map(lambda below: [list(NAMES), *below])


@given(
    tables(TEXT),
    st.sampled_from(["utf-8", "utf-8-sig", "gb18030", "utf-16"]),
    st.sampled_from(",;\t"),
)
def test_what_is_written_as_csv_is_read_in_every_encoding(
    rows: list[list[str]], encoding: str, separator: str
) -> None:
    assert whole(sheets.delimited(rows, encoding, separator)) == expected(rows)


@settings(max_examples=40, deadline=None)
@given(tables(st.none() | TEXT | NUMBERS | TIMES))
def test_what_is_written_as_xlsx_is_read(rows: list[list[Any]]) -> None:
    assert whole(sheets.xlsx({"表": rows}), "表") == expected(rows)


def read_or_refused(data: bytes) -> Text | None:
    """Reads all of it; what is said when it is refused."""
    try:
        for one in reading.heads(data):
            reading.whole(data, one.name)
    except SheetError as error:
        return error.said
    return None


@given(st.binary(max_size=300) | st.text(max_size=100).map(str.encode))
def test_any_bytes_are_rows_or_a_named_error(data: bytes) -> None:
    for start in (b"", b"PK\x03\x04", b"\xff\xfe", "工号,打卡时间\n".encode()):
        said = read_or_refused(start + data)
        assert said is None or (said.zh.endswith("。") and said.en.endswith("."))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_workbook_is_rows_or_a_named_error(data: st.DataObject) -> None:
    good = sheets.xlsx({"表": [NAMES, ["E001", "2026-09-21 08:55", "正常", "甲", "乙"]]})
    with zipfile.ZipFile(io.BytesIO(good)) as packed:
        name = data.draw(st.sampled_from(packed.namelist()))
        part = packed.read(name)
    at = data.draw(st.integers(0, len(part) - 1))
    broken = (
        part[:at] + data.draw(st.binary(max_size=4)) + part[at + data.draw(st.integers(0, 9)) :]
    )
    read_or_refused(sheets.repacked(good, {name: broken}))


def refused(data: bytes) -> str:
    said = read_or_refused(data)
    assert said is not None
    return said.zh


def test_what_is_no_table_says_what_to_do() -> None:
    assert "空的" in refused(b"")
    assert "空的" in refused(b" \n ")
    assert "另存为 .xlsx" in refused(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    assert "这不是表格" in refused(b"\x89PNG\r\n\x1a\n\0\0\0")
    assert "引号不成对" in refused('工号,打卡时间\n"E001,2026\n'.encode())
    assert "文件损坏" in refused(b"PK\x03\x04" + bytes(50))


def test_a_file_that_is_too_large_is_refused_with_its_size() -> None:
    assert "文件有 33 MB，最大 32 MB" in refused(b"a" * (33 * 1024 * 1024))


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    good = sheets.xlsx({"表": [NAMES]})
    bomb = sheets.repacked(good, {"xl/media/a.bin": bytes(workbook.MAX_UNPACKED_BYTES + 1)})
    assert len(bomb) < 1024 * 1024
    assert "解压后超过 256 MB" in refused(bomb)


def test_a_zip_of_something_else_is_no_workbook() -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as packed:
        packed.writestr("readme.txt", "hello")
    assert "文件损坏" in refused(data.getvalue())


def _with_sheet_xml(rows: str) -> bytes:
    good = sheets.xlsx({"表": [NAMES]})
    with zipfile.ZipFile(io.BytesIO(good)) as packed:
        xml = packed.read("xl/worksheets/sheet1.xml").decode()
    return sheets.repacked(
        good,
        {"xl/worksheets/sheet1.xml": xml.replace("</sheetData>", rows + "</sheetData>").encode()},
    )


def test_a_row_that_claims_to_be_the_last_of_all_ends_the_reading() -> None:
    far = _with_sheet_xml('<row r="99999999999"><c r="A99999999999"><v>1</v></c></row>')
    assert [number for number, _ in whole(far, "表")] == [1]


def test_a_cell_that_is_far_to_the_right_is_told_and_never_makes_every_row_wide() -> None:
    assert f"超过 {MAX_COLUMNS} 列" in refused(
        _with_sheet_xml('<row r="2"><c r="ZZZ2"><v>1</v></c><c r="GS2"><v>1</v></c></row>')
    )


def test_a_wrong_size_in_the_file_hides_nothing() -> None:
    good = sheets.xlsx({"表": [NAMES, ["E001"], ["E002"]]})
    with zipfile.ZipFile(io.BytesIO(good)) as packed:
        xml = packed.read("xl/worksheets/sheet1.xml")
    start = xml.index(b"<dimension")
    end = xml.index(b"/>", start) + 2
    wrong = xml[:start] + b'<dimension ref="A1"/>' + xml[end:]
    read = whole(sheets.repacked(good, {"xl/worksheets/sheet1.xml": wrong}), "表")
    assert [cells[0] for _, cells in read] == ["工号", "E001", "E002"]


def test_what_is_merged_downwards_stands_in_each_of_its_rows() -> None:
    rows: list[list[Any]] = [["工号", "时间"], ["E001", 1], ["", 2], ["", 3], ["", 4], ["E002", 5]]
    data = sheets.xlsx({"表": rows}, {"表": ["A2:A4", "A1:B1"]})
    read = [cells for _, cells in whole(data, "表")]
    assert read[1:] == [("E001", 1), ("E001", 2), ("E001", 3), (None, 4), ("E002", 5)]


def test_a_formula_is_its_text_and_a_truth_is_a_word() -> None:
    rows: list[list[Any]] = [
        [*NAMES],
        ['=HYPERLINK("http://x")', True, dt.time(8, 55), None, "#N/A"],
    ]
    assert whole(sheets.xlsx({"表": rows}), "表")[1][1] == (
        '=HYPERLINK("http://x")',
        "TRUE",
        "08:55:00",
        None,
        "#N/A",
    )


def test_hidden_sheets_are_not_read() -> None:
    data = sheets.xlsx({"一": [NAMES], "二": [NAMES]})
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        book = packed.read("xl/workbook.xml").replace(
            b'name="\xe4\xba\x8c" sheetId="2" state="visible"',
            b'name="\xe4\xba\x8c" sheetId="2" state="hidden"',
        )
    assert b'state="hidden"' in book
    hidden = sheets.repacked(data, {"xl/workbook.xml": book})
    assert [one.name for one in reading.heads(hidden)] == ["一"]


def test_the_header_is_found_under_a_title_and_not_in_it() -> None:
    rows = [["考勤统计 工号"], ["生成时间", "2026-09-30"], [], [*NAMES], ["E001"]]
    found = headings.find(reading.whole(sheets.delimited(rows), "").lines)
    assert found is not None
    assert found.number == 4
    too_few = sheets.delimited([["工号", "打卡时间", "部门"], ["E001"]])
    assert headings.find(reading.whole(too_few, "").lines) is None
