"""What the demo is made of, without running it: the story, the table, the progress."""

from __future__ import annotations

import io
import itertools
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zaigang_collector.demo.display import Progress, pad, table, width, wrap
from zaigang_collector.demo.files import write_directory
from zaigang_collector.demo.staff import HOUR_MS, MINUTE_MS, ZONE, clock_in_rows, staff, the_day
from zaigang_collector.directory import shifts

NOW = 1_790_000_000_000
_DAY_MS = 24 * HOUR_MS
moments = st.integers(NOW, NOW + 2 * _DAY_MS)


@given(moments)
def test_the_day_is_over_when_the_simulated_time_becomes_the_real_one(now_ms: int) -> None:
    day = the_day(now_ms, 2 * HOUR_MS, 30_000)
    assert day.began_ms < day.shift_from_ms < day.shift_to_ms < day.ends_ms == now_ms + 30_000
    assert day.shift_to_ms - day.shift_from_ms == 9 * HOUR_MS
    for member in staff(day):
        assert day.began_ms < member.in_ms < member.out_ms < day.ends_ms
        segments = member.script.get("segments", [])
        assert all(one["from_utc_ms"] < one["to_utc_ms"] for one in segments)
        for earlier, later in itertools.pairwise(segments):
            assert earlier["to_utc_ms"] == later["from_utc_ms"]


@given(now_ms=moments)
def test_the_shift_of_any_moment_can_be_imported_and_covers_the_day(
    now_ms: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    day = the_day(now_ms, 2 * HOUR_MS, 30_000)
    paths = write_directory(tmp_path_factory.getbasetemp(), day, staff(day))
    line = paths["people"].read_text(encoding="utf-8").splitlines()[1]
    stretches = shifts.parse(line.rsplit(",", 1)[1])
    local = datetime.fromtimestamp(day.shift_from_ms / 1000, ZONE)
    (mine,) = [one for one in stretches if one.weekday == local.weekday()]
    assert mine.from_min == local.hour * 60 + local.minute
    assert mine.to_min - mine.from_min == 9 * 60


def test_all_four_claim_the_whole_day_at_the_site() -> None:
    members = staff(the_day(NOW, 2 * HOUR_MS, 30_000))
    rows = clock_in_rows(members)
    assert len(rows) == 8
    assert {row["site"] for row in rows} == {"lujiazui"}
    assert len({row["source_id"] for row in rows}) == 8
    assert [member.expected for member in members] == [
        "confirmed",
        "contradicted",
        "contradicted",
        "unverified",
    ]
    assert all(member.out_ms - member.in_ms > 8 * HOUR_MS + 50 * MINUTE_MS for member in members)


def test_chinese_takes_two_columns() -> None:
    assert (width("abc"), width("打卡"), width("a打")) == (3, 4, 3)
    assert pad("打卡", 6) == "打卡  "


@given(st.text("打卡核验 abc，。", max_size=60), st.integers(4, 30))
def test_wrapped_lines_are_never_too_wide_and_lose_nothing_but_blanks(
    text: str, columns: int
) -> None:
    lines = wrap(text, columns)
    assert all(width(line) <= columns for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_a_table_lines_up_by_terminal_columns() -> None:
    text = table(("who", "why"), [(["王晓梅", "E001"], ["x"]), (["a"], ["y", "z"])])
    lines = text.splitlines()
    assert lines[0] == "who     why"
    assert lines[2] == "王晓梅  x"
    assert lines[3] == "E001"
    assert lines[6] == "        z"


def test_progress_in_a_file_is_a_few_plain_lines() -> None:
    out = io.StringIO()
    progress = Progress(out)
    for number in range(101):
        progress.bar(number / 100, "working")
    progress.step("done")
    lines = out.getvalue().splitlines()
    assert len(lines) == 7
    assert lines[-1] == "  ✓ done"


def test_progress_on_a_terminal_is_one_line_that_is_cleared() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    progress = Progress(out)
    progress.bar(0.5, "working")
    progress.step("done")
    assert out.getvalue().endswith("\r\033[K  ✓ done\n")
    assert out.getvalue().count("\n") == 1
