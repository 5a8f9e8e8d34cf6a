"""The command line and the interface: what is shown, what is asked, what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.factories import sheets
from tests.factories.api_world import ApiWorld, api_world
from tests.factories.connecting_cli import company, run
from tests.factories.sheets import SENTINEL, record
from zaigang_collector.access.model import Scope
from zaigang_collector.cli.console import Exit

URL = "/api/v1/clock-in-files"
BINARY = {"content-type": "application/octet-stream"}
ASSIGNMENTS = "employee_id,site_id,from_day\nE001,hq,2026-01-01\n"
EXPORT = sheets.xlsx(
    sheets.raw_records(
        [
            record("26-09-21 星期一", "2026-09-21 09:00", "2026-09-21 08:55"),
            record("26-09-21 星期一", "2026-09-21 18:00", "2026-09-21 18:05"),
            record("26-09-21 星期一", "2026-09-21 18:00", "2026-09-21 17:06", "早退", 工号="E777"),
        ]
    )
)
UNKNOWN_FORM = sheets.delimited(
    [
        ["编码", "时刻", "方向", "部门", "姓名", "设备"],
        ["E001", "2026-09-21 08:55", "进", "", SENTINEL, ""],
    ]
)
TOLD = ("--mapping", "employee=编码", "--mapping", "punched=时刻", "--site", "hq")


@pytest.fixture
def data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    folder = company(tmp_path, ["E001"])
    assignments = save(tmp_path, "assignments.csv", ASSIGNMENTS.encode())
    assert run(folder, "people", "import-assignments", assignments) == Exit.OK
    capsys.readouterr()
    return folder


def save(folder: Path, name: str, content: bytes) -> str:
    (folder / name).write_bytes(content)
    return str(folder / name)


def test_an_export_is_shown_stored_and_what_is_missing_is_told(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = save(tmp_path, "考勤.xlsx", EXPORT)
    assert run(data, "import-file", file) == Exit.FAILED  # somebody's rows were not taken
    said = capsys.readouterr()
    assert "工作表“原始记录”，表头在第 3 行，下面有 3 行。" in said.out
    assert "  工号：列“工号”，例如 E001、E001、E777" in said.out
    assert "  地址（只用来对应地点，不保存）：列“打卡地址”（内容不显示）" in said.out
    assert SENTINEL not in said.out + said.err
    assert "不取，也不保存：姓名、考勤组、部门、职位、打卡备注" in said.out
    assert "新增 2 条，更新 0 条，0 条已有；涉及 1 人，下一轮核验会处理。" in said.out
    assert "1 个工号对不上员工，共 1 行没有导入：E777。" in said.err
    assert run(data, "import-file", file, "--lang", "en") == Exit.FAILED
    assert "0 new, 0 edited, 2 known already" in capsys.readouterr().out


def test_a_form_that_nobody_confirmed_is_shown_and_not_stored(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = save(tmp_path, "门禁.csv", UNKNOWN_FORM)
    assert run(data, "import-file", file, "--source", "门禁", *TOLD) == Exit.FAILED
    assert "加 --yes 再运行一次" in capsys.readouterr().err
    assert run(data, "import-file", file, "--source", "门禁", *TOLD, "--dry-run") == Exit.OK
    assert "试运行，没有保存：将新增 1 条" in capsys.readouterr().out
    assert run(data, "import-file", file, "--source", "门禁", *TOLD, "--yes") == Exit.OK
    assert "新增 1 条" in capsys.readouterr().out
    assert run(data, "import-file", file, "--source", "门禁") == Exit.OK
    said = capsys.readouterr()
    assert "新增 0 条，更新 0 条，1 条已有" in said.out
    assert SENTINEL not in said.out + said.err


def test_what_is_no_file_of_clock_ins_is_bad_input(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for content in (b"", UNKNOWN_FORM, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        assert run(data, "import-file", save(tmp_path, "x.csv", content)) == Exit.BAD_INPUT
    assert run(data, "import-file", str(tmp_path / "none.csv")) == Exit.CONFIG
    wrong = ("--sheet", "不在")
    assert run(data, "import-file", save(tmp_path, "e.xlsx", EXPORT), *wrong) == Exit.BAD_INPUT
    assert "有：月度汇总、每日统计、打卡时间、原始记录。" in capsys.readouterr().err


@pytest.mark.parametrize(
    "wrong",
    [("--source", "a b"), ("--datum", "mars"), ("--address", "x"), ("--zone", "Mars/Base")],
)
def test_a_wrong_argument_is_usage(data: Path, tmp_path: Path, wrong: tuple[str, str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run(data, "import-file", save(tmp_path, "e.xlsx", EXPORT), *wrong)
    assert caught.value.code == Exit.USAGE


@pytest.fixture
def world(tmp_path: Path) -> Iterator[ApiWorld]:
    with api_world(tmp_path) as made:
        yield made


def send(world: ApiWorld, content: bytes, **query: Any) -> Any:
    headers = world.token(Scope.WRITE_CLOCK_INS) | BINARY
    return world.client.post(URL, content=content, params=query, headers=headers)


def listed(world: ApiWorld) -> list[str]:
    headers = world.token(Scope.READ_CLOCK_INS)
    items = world.client.get("/api/v1/clock-ins", headers=headers).json()["items"]
    return [item["source"] for item in items]


def test_a_file_is_uploaded_dry_and_then_stored(world: ApiWorld) -> None:
    tried = send(world, EXPORT, dry_run=True, site="hq").json()
    assert (tried["stored"], tried["added"], tried["sheet"]) == (False, 2, "原始记录")
    assert tried["unknown_employees"] == [{"employee": "E777", "rows": 1}]
    assert tried["columns"][0] == {
        "field": "employee",
        "heading": "工号",
        "examples": ["E001", "E001", "E777"],
    }
    assert listed(world) == []
    stored = send(world, EXPORT, site="hq").json()
    assert (stored["stored"], stored["added"], stored["people"]) == (True, 2, 1)
    assert listed(world) == ["file", "file"]
    again = send(world, EXPORT).json()
    assert (again["added"], again["unchanged"]) == (0, 2)
    assert SENTINEL not in str([tried, stored, again])


def test_a_column_of_names_that_was_taken_for_ids_is_not_repeated(
    data: Path, tmp_path: Path, world: ApiWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    told = {"mapping": ["employee=姓名", "punched=时刻"], "confirm": True}
    answer = send(world, UNKNOWN_FORM, **told).json()
    assert (answer["unknown_rows"], answer["unknown_employees"]) == (1, [])
    file = save(tmp_path, "门禁.csv", UNKNOWN_FORM)
    wrong = ("--mapping", "employee=姓名", "--mapping", "punched=时刻", "--yes")
    assert run(data, "import-file", file, *wrong) == Exit.FAILED
    assert SENTINEL not in capsys.readouterr().err


def test_an_unconfirmed_form_is_409_until_somebody_says_yes(world: ApiWorld) -> None:
    told = {"mapping": ["employee=编码", "punched=时刻"], "site": "hq", "source": "door"}
    refused = send(world, UNKNOWN_FORM, **told)
    assert refused.status_code == 409
    assert listed(world) == []
    assert send(world, UNKNOWN_FORM, **told, confirm=True).json()["added"] == 1
    again = send(world, UNKNOWN_FORM, source="door").json()
    assert (again["confirmed"], again["unchanged"]) == (True, 1)


def test_rows_that_are_not_taken_come_back_with_what_was_expected(world: ApiWorld) -> None:
    lines = [["employee_no", "punch_time", "kind", "device"], ["E001", SENTINEL, "in", ""]]
    answer = send(world, sheets.delimited(lines), site="hq").json()
    (problem,) = answer["problems"]
    assert (problem["row"], problem["column"]) == (2, "punch_time")
    assert problem["expected"]["en"].startswith("expected a time as 2026-09-21")
    assert answer["problem_rows"] == 1


@pytest.mark.parametrize(
    ("content", "query", "status"),
    [
        (b"PK\x03\x04", {}, 422),
        (EXPORT, {"zone": "Mars/Base"}, 422),
        (EXPORT, {"site": "nowhere"}, 422),
        (EXPORT, {"address": ["x"]}, 422),
        (EXPORT, {"source": "a b"}, 422),
        (EXPORT, {"mapping": ["x"]}, 422),
        (b"", {}, 422),
        (b"a" * (12 * 1024 * 1024 + 1), {}, 413),
    ],
)
def test_what_cannot_be_is_refused(
    world: ApiWorld, content: bytes, query: dict[str, Any], status: int
) -> None:
    assert send(world, content, **query).status_code == status
    assert listed(world) == []


def test_a_token_without_the_scope_or_none_is_refused(world: ApiWorld) -> None:
    assert world.client.post(URL, content=EXPORT, headers=BINARY).status_code == 401
    headers = world.token(Scope.READ_CLOCK_INS) | BINARY
    assert world.client.post(URL, content=EXPORT, headers=headers).status_code == 403
