"""The picture of a stored assessment: over the interface and from the command line, in either language."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.collector.test_cli_commands import CLOCK_INS, PEOPLE, SITES, run, save
from tests.factories.drawings import SVG, parsed
from tests.factories.judging import MINUTE_MS, SITE_NET, START, Office, office
from zaigang_collector.access.model import Scope
from zaigang_collector.api.languages import preferred
from zaigang_collector.cli import main
from zaigang_collector.cli.console import Exit
from zaigang_collector.directory.model import Language


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path) as made:
        made.laptop().works(START, START + 200 * MINUTE_MS, SITE_NET)
        made.a_day()
        made.judge()
        yield made


def url(here: Office) -> str:
    (stored,) = here.newest()
    return f"/api/v1/assessments/{stored.id}/timeline.svg"


def title(text: str) -> str:
    return parsed(text).findtext(SVG + "title") or ""


def test_an_assessment_is_served_as_a_picture_with_names_and_bounds(here: Office) -> None:
    answer = here.world.client.get(url(here), headers=here.world.token(Scope.READ_ASSESSMENTS))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/svg+xml"
    assert title(answer.text) == "出勤核验时间线：已确认 · 王晓梅 · 陆家嘴客户"
    told = [element.text for element in parsed(answer.text).iter(SVG + "text")]
    assert "确认线 ≥90%" in told
    assert "2026-09-22 09:00 – 13:00（Asia/Shanghai, UTC+8）" in told


def test_a_browser_is_told_to_load_and_run_nothing(here: Office) -> None:
    answer = here.world.client.get(url(here), headers=here.world.token(Scope.READ_ASSESSMENTS))
    policy = answer.headers["content-security-policy"]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_language_is_the_askers(here: Office) -> None:
    headers = here.world.token(Scope.READ_ASSESSMENTS)

    def asked(query: str = "", accept: str = "") -> tuple[str, bool]:
        answer = here.world.client.get(
            url(here) + query, headers=headers | {"accept-language": accept}
        )
        assert answer.headers["vary"] == "accept-language"
        return answer.headers["content-language"], "confirmed" in title(answer.text)

    assert asked() == ("zh", False)
    assert asked(accept="en-GB,zh;q=0.5") == ("en", True)
    assert asked("?lang=zh", "en") == ("zh", False)
    assert asked("?lang=en", "zh") == ("en", True)
    odd = here.world.client.get(url(here) + "?lang=fr", headers=headers)
    assert odd.status_code == 422
    assert odd.json()["errors"] == [{"where": "query.lang", "expected": "'zh' or 'en'"}]


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "zh"), ("fr", "zh"), ("*", "zh"), ("en", "en"), ("EN-us", "en"), ("zh-CN,en", "zh"),
        ("en;q=0.2, zh;q=0.3", "zh"), ("en;q=0", "zh"), ("zh;q=0,en;q=0.001", "en"),
        ("en;q=much", "zh"), (";;,=,q", "zh"), ("fr, en;q=0.8", "en"),
    ],
)  # fmt: skip
def test_accept_language_is_read_forgivingly(header: str, language: str) -> None:
    assert preferred(header) is Language(language)


def test_the_picture_is_a_look_and_needs_the_scope(here: Office) -> None:
    client, path = here.world.client, url(here)
    headers = here.world.token(Scope.READ_ASSESSMENTS) | {"zaigang-purpose": "case 17"}
    assert client.get(path, headers=here.world.token(Scope.READ_DIRECTORY)).status_code == 403
    assert client.get("/api/v1/assessments/none/timeline.svg", headers=headers).status_code == 404
    first = client.get(path, headers=headers)
    same = client.get(path, headers=headers | {"if-none-match": first.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
    auditor = here.world.token(Scope.READ_LOOKS)
    looks = client.get("/api/v1/people/E001/looks", headers=auditor).json()["items"]
    (stored,) = here.newest()
    seen = [(one["what"], one["why"]) for one in looks]
    assert seen == [(f"time line of assessment {stored.id}", "case 17")] * 2


@pytest.fixture
def data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A data directory with one assessment, of a day without any reading."""
    folder = tmp_path / "data"
    assert main(["init", "--data", str(folder)]) == Exit.OK
    for room, text in (("sites", SITES), ("people", PEOPLE), ("clock-ins", CLOCK_INS)):
        assert run(folder, room, "import", save(tmp_path, f"{room}.csv", text)) == Exit.OK
    span = ("--from", "2020-09-21T00:00:00+08:00", "--to", "2020-09-22T00:00:00+08:00")
    assert run(folder, "assess", *span) == Exit.OK
    capsys.readouterr()
    return folder


def the_one(data: Path, capsys: pytest.CaptureFixture[str]) -> str:
    run(data, "assessments", "list")
    return capsys.readouterr().out.splitlines()[1].split("\t")[0]


def test_the_command_draws_into_a_private_new_file(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, out = the_one(data, capsys), tmp_path / "day.svg"
    asked = ("assessments", "draw", name, "--out", str(out), "--why", "case 17")
    assert run(data, *asked) == Exit.OK
    assert out.stat().st_mode & 0o777 == 0o600
    assert title(out.read_text("utf-8")) == "出勤核验时间线：无法核实 · 王晓梅 · 陆家嘴"
    assert run(data, *asked) == Exit.CONFIG  # never over another file
    english = tmp_path / "day-en.svg"
    assert run(data, "assessments", "draw", name, "--out", str(english), "--lang", "en") == Exit.OK
    assert title(english.read_text("utf-8")) == "Attendance time line: unverified · 王晓梅 · 陆家嘴"
    capsys.readouterr()
    run(data, "people", "looks", "E001")
    assert f"time line of assessment {name}\tcase 17" in capsys.readouterr().out


def test_the_command_writes_the_same_as_a_table(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, out = the_one(data, capsys), tmp_path / "day.csv"
    assert run(data, "assessments", "draw", name, "--out", str(out)) == Exit.OK
    lines = list(csv.reader(io.StringIO(out.read_text("utf-8-sig"))))
    assert lines[0][:5] == ["开始", "结束", "结果", "有证据", "在场概率"]
    assert lines[1][:4] == ["2020-09-21 08:55+08:00", "2020-09-21 09:00+08:00", "无法判断", "否"]
    assert len({len(line) for line in lines}) == 1


def test_what_cannot_be_drawn_is_said_before_anybody_is_looked_at(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = the_one(data, capsys)
    assert run(data, "assessments", "draw", name, "--out", "day.png") == Exit.USAGE
    assert "expected a name that ends in .svg or .csv" in capsys.readouterr().err
    missing = ("assessments", "draw", "as-none", "--out", str(tmp_path / "none.svg"))
    assert run(data, *missing) == Exit.UNKNOWN_ID
    run(data, "people", "looks", "E001")
    assert "time line" not in capsys.readouterr().out
    assert not (tmp_path / "none.svg").exists()
