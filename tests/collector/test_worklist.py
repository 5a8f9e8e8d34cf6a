"""The list of person-days: its order, its three forms, and that nobody's name runs as a formula."""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
import io
import json
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories.judging import HOME_NET, HOUR_MS, SITE_NET, START, Office, office
from tests.factories.vault import VAULT
from zaigang_collector import db
from zaigang_collector.attendance.model import Direction
from zaigang_collector.directory.model import Language
from zaigang_collector.matching.model import Presence, Text, Work
from zaigang_collector.reports import listing
from zaigang_collector.reports.worklist import Format, Row, in_order, written

ZH, EN = Language.CHINESE, Language.ENGLISH
DAY = dt.date(2026, 9, 22)
ROW = Row(
    day=DAY,
    employee_id="E001",
    name="王晓梅",
    department="项目交付部",
    sites=("陆家嘴",),
    zone="Asia/Shanghai",
    standing=Text("已打卡", "claimed"),
    claimed="09:00–18:00",
    presence=Presence.CONFIRMED,
    is_claimed=True,
    work=Work.ACTIVE,
    coverage=0.8125,
    present_share=1.0,
    reasons=(Text("电脑在驻场地点网络上。", "The laptop was on the site's network."),),
    assessments=("as-abc@2",),
)
UNCLAIMED = dataclasses.replace(
    ROW, presence=None, is_claimed=False, work=None, coverage=None, present_share=None, reasons=()
)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path) as made:
        yield made


def sheet(data: bytes) -> list[tuple[object, ...]]:
    return [tuple(row) for row in openpyxl.load_workbook(io.BytesIO(data)).active.values]


def listed(here: Office, department: str | None = None) -> list[Row]:
    with db.reading(here.world.engine) as conn:
        now_ms = here.world.clock.utc
        return in_order(listing.rows_of(conn, VAULT, DAY, DAY, now_ms, department))


def test_days_with_a_question_come_first() -> None:
    rows = [
        dataclasses.replace(ROW, employee_id=str(place), presence=presence)
        for place, presence in enumerate(
            (Presence.EXEMPT, Presence.CONFIRMED, Presence.UNVERIFIED, Presence.CONTRADICTED)
        )
    ]
    rows.append(dataclasses.replace(UNCLAIMED, employee_id="none"))
    rows.append(dataclasses.replace(UNCLAIMED, employee_id="later", is_claimed=True))
    assert [row.employee_id for row in in_order(rows)] == ["3", "2", "later", "none", "1", "0"]


@pytest.mark.parametrize("language", Language)
def test_every_form_says_the_same(language: Language) -> None:
    rows = [ROW, UNCLAIMED]
    table = sheet(written(rows, Format.XLSX, language))
    lines = list(csv.reader(io.StringIO(written(rows, Format.CSV, language).decode("utf-8-sig"))))
    assert [str(cell) for cell in table[0]] == lines[0]
    for seen, line in zip(table[1:3], lines[1:], strict=True):
        assert ["" if cell is None else str(cell) for cell in seen] == [
            cell.removesuffix(".0") if cell == "1.0" else cell for cell in line
        ]
    items = json.loads(written(rows, Format.JSON, language))["items"]
    assert [one["presence"] for one in items] == [None, "confirmed"]


def test_shares_are_numbers_and_the_note_says_what_unverified_is_not() -> None:
    table = sheet(written([ROW], Format.XLSX, ZH))
    assert table[1][10:12] == (0.8125, 1)
    assert "“无法核实”不等于不在岗" in str(table[-1][0])


@pytest.mark.parametrize("form", [Format.XLSX, Format.CSV])
@given(name=st.sampled_from("=+-@\t").flatmap(lambda one: st.just(f'{one}cmd|"/c calc"!A1')))
def test_a_name_is_never_a_formula(form: Format, name: str) -> None:
    data = written([dataclasses.replace(ROW, name=name, department=name)], form, EN)
    if form is Format.CSV:
        line = list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))[1]
        assert line[2:4] == ["'" + name] * 2
        return
    cells = openpyxl.load_workbook(io.BytesIO(data)).active["C2:D2"][0]
    assert {cell.data_type for cell in cells} == {"s"}


def test_a_judged_day_is_listed_with_its_answer_and_reasons(here: Office) -> None:
    laptop = here.laptop()
    laptop.works(START - HOUR_MS // 2, START + 5 * HOUR_MS, SITE_NET)
    here.a_day()
    here.judge()
    here.at(START + 48 * HOUR_MS)
    ours, others = sorted(listed(here), key=lambda row: row.employee_id)
    (stored,) = here.newest()
    assert ours.presence is Presence.CONFIRMED
    assert ours.assessments == (f"{stored.id}@{stored.version}",)
    assert ours.claimed == "09:00–13:00"
    assert ours.reasons
    assert others.presence is None
    assert not others.is_claimed
    assert "没有记录不等于缺勤" in others.standing.zh


def test_a_claimed_day_that_nobody_judged_says_so(here: Office) -> None:
    here.a_day()
    here.at(START + 48 * HOUR_MS)
    row = next(row for row in listed(here) if row.is_claimed)
    assert (row.presence, row.assessments) == (None, ())
    assert "尚未核验" in written([row], Format.CSV, ZH).decode("utf-8-sig")


def test_of_two_intervals_the_more_questionable_one_is_shown_with_its_own_reasons(
    here: Office,
) -> None:
    here.home()
    laptop = here.laptop()
    laptop.works(START - HOUR_MS // 2, START + 4 * HOUR_MS, SITE_NET)
    laptop.works(START + 4 * HOUR_MS, START + 9 * HOUR_MS, HOME_NET)
    here.a_day()
    here.punch(Direction.IN, START + 5 * HOUR_MS, "in-2")
    here.punch(Direction.OUT, START + 9 * HOUR_MS, "out-2")
    here.at(START + 11 * HOUR_MS)
    here.judge()
    here.at(START + 48 * HOUR_MS)
    row = next(row for row in listed(here) if row.is_claimed)
    presences = {one.presence for one in here.newest()}
    assert len(row.assessments) == 2
    assert row.presence is not Presence.CONFIRMED
    assert row.presence in presences


def test_only_one_department(here: Office) -> None:
    here.at(START + 48 * HOUR_MS)
    assert listed(here, "no such department") == []
