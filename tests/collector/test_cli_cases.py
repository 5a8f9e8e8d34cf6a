"""Cases from the command line, and the thread that looks after their deadlines."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pypdf import PdfWriter

from tests.fakes.clock import FakeClock
from tests.fakes.randomness import Repeatable
from zaigang_collector import bootstrap
from zaigang_collector.bootstrap import Opened, casework
from zaigang_collector.bootstrap.casework import Casework
from zaigang_collector.cases import policy, service, store
from zaigang_collector.cases.model import (
    BY_ITSELF,
    Action,
    Actor,
    Given,
    Proof,
    Ref,
    RefKind,
    Role,
    State,
)
from zaigang_collector.cli import main
from zaigang_collector.cli.console import Exit
from zaigang_collector.errors import ConfigError
from zaigang_collector.vault import access_log

SITES = "id,name,time_zone\nhq,x,Asia/Shanghai\n"
PEOPLE = "id,name,time_zone,shift\n" + "".join(
    f"{one},{one},Asia/Shanghai,Mon-Fri 09:00-18:00\n" for one in ("E001", "H001", "H002", "H003")
)
HOUR_MS = 3_600_000


@pytest.fixture
def data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    folder = tmp_path / "data"
    assert main(["init", "--data", str(folder)]) == Exit.OK
    for room, text in (("sites", SITES), ("people", PEOPLE)):
        path = tmp_path / f"{room}.csv"
        path.write_text(text, encoding="utf-8")
        assert main([room, "import", str(path), "--data", str(folder)]) == Exit.OK
    capsys.readouterr()
    return folder


@pytest.fixture
def receipt(tmp_path: Path) -> Path:
    writer, file = PdfWriter(), io.BytesIO()
    writer.add_blank_page(9, 9)
    writer.write(file)
    path = tmp_path / "回执.pdf"
    path.write_bytes(file.getvalue())
    return path


def run(data: Path, *arguments: str) -> int:
    return main(["cases", *arguments, "--data", str(data)])


def opened(data: Path, capsys: pytest.CaptureFixture[str], *more: str) -> str:
    assert run(data, "open", "E001", "--by", "H001", *(more or ("--alert", "al-1"))) == Exit.OK
    return capsys.readouterr().out.split()[-1]


def test_a_case_from_the_command_line(
    data: Path, receipt: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = opened(data, capsys)
    assert run(data, "do", case, "send_letter", "--by", "H001") == Exit.OK
    assert "确认函已发出，尚未证实送达" in capsys.readouterr().out
    assert run(data, "attach", case, str(receipt), "--by", "H001") == Exit.OK
    told = capsys.readouterr()
    file = told.out.split()[0]
    assert "no scan_command is set" in told.err
    deliver = ("do", case, "deliver", "--by", "H001", "--reason", "当面签收", "--file", file)
    assert run(data, *deliver) == Exit.OK
    reply = ("do", case, "reply", "--by", "E001", "--as", "employee", "--reason", "在客户处")
    assert run(data, *reply) == Exit.OK
    assert run(data, "do", case, "review", "--by", "H002") == Exit.OK
    done = ("do", case, "conclude_inconclusive", "--by", "H002", "--reason", "说不清")
    assert run(data, *done, "--lang", "en") == Exit.OK
    assert "concluded: inconclusive; open to appeal" in capsys.readouterr().out
    assert run(data, "show", case) == Exit.OK
    shown = capsys.readouterr().out
    for words in ("结论：无法认定，可以申诉", "当面签收", "员工本人", "回执.pdf", "在客户处"):
        assert words in shown
    assert run(data, "list", "--open") == Exit.OK
    assert case in capsys.readouterr().out
    saved = data.parent / "saved.pdf"
    assert run(data, "file", case, file, "-o", str(saved), "--why", "appeal") == Exit.OK
    assert saved.read_bytes() == receipt.read_bytes()
    with bootstrap.opened(data) as collector, collector.reading() as conn:
        found = access_log.of_person(conn, collector.vault, "E001")
    assert [one.what for one in found] == [
        f"case {case}, file {file}",
        "cases, listed",
        f"case {case}",
    ]


def test_what_may_not_be_done_is_told_and_kept(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = opened(data, capsys)
    done = ("do", case, "conclude_substantiated", "--by", "H001", "--reason", "surely")
    assert run(data, *done) == Exit.FAILED
    assert "案件现在是“已立案，确认函未发”" in capsys.readouterr().err
    assert run(data, "show", case) == Exit.OK
    assert "refused: not_now" in capsys.readouterr().out
    assert run(data, "show", "ca-none") == Exit.UNKNOWN_ID
    assert run(data, "open", "E001", "--by", "H001") == Exit.FAILED
    assert "needs a ground" in capsys.readouterr().err


def test_a_file_that_is_none_is_told_in_both_languages(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = opened(data, capsys)
    path = tmp_path / "x.pdf"
    path.write_bytes(b"MZ")
    assert run(data, "attach", case, str(path), "--by", "H001") == Exit.FAILED
    told = capsys.readouterr().err
    assert "请提交 PDF" in told
    assert "Hand in PDF" in told


def test_a_clue_is_shown_with_its_days_beside_it(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clue = ("clue", "E001", "--site", "hq", "--from", "2026-09-16", "--to", "2026-09-17")
    assert run(data, *clue, "--words", "很少见到人", "--by", "H003") == Exit.OK
    name = capsys.readouterr().out.split()[-1]
    assert run(data, "clues", name) == Exit.OK
    shown = capsys.readouterr().out
    assert "一条线索不是证据" in shown
    assert "2026-09-16\tno_claim" in shown
    assert "没有记录不等于缺勤" in shown
    assert run(data, "clues") == Exit.OK
    assert name in capsys.readouterr().out
    assert name in opened_show(data, capsys, name)


def opened_show(data: Path, capsys: pytest.CaptureFixture[str], clue: str) -> str:
    case = opened(data, capsys, "--clue", clue)
    assert run(data, "show", case) == Exit.OK
    return capsys.readouterr().out


def test_the_policy_is_printed_and_a_copy_of_it_checked(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(data, "policy") == Exit.OK
    text = capsys.readouterr().out
    copy = tmp_path / "ours.toml"
    copy.write_text(text, encoding="utf-8")
    assert run(data, "policy", "--check", str(copy)) == Exit.OK
    assert policy.default_policy().hash() in capsys.readouterr().out
    copy.write_text(text.replace("value = 24", "value = 0"), encoding="utf-8")
    assert run(data, "policy", "--check", str(copy)) == Exit.CONFIG
    assert "reply_h" in capsys.readouterr().err


@pytest.fixture
def collector(data: Path) -> Iterator[Opened]:
    with bootstrap.opened(data, FakeClock(), Repeatable("cases")) as made:
        yield made


def set_to(data: Path, **settings: str) -> None:
    with (data / "collector.toml").open("a", encoding="utf-8") as file:
        file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())


def test_a_companys_own_policy_holds_for_new_cases_and_one_that_does_not_hold_stops_the_start(
    data: Path,
) -> None:
    ours = policy.document().replace("value = 24", "value = 48", 1)
    (data / "ours.toml").write_text(ours, encoding="utf-8")
    set_to(data, case_policy_file="ours.toml")
    with bootstrap.opened(data) as made:
        assert casework.case_policy(made).reply_h == 48
        (data / "ours.toml").write_text("version = 1\n", encoding="utf-8")
        with pytest.raises(ConfigError, match=r"ours.toml must name every entry"):
            Casework(made)
        (data / "ours.toml").unlink()
        with pytest.raises(ConfigError, match="cases policy"):
            Casework(made)


def test_the_scanner_that_is_set_is_asked(
    data: Path, receipt: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = opened(data, capsys)
    set_to(data, scan_command=f'{sys.executable} -c "raise SystemExit(2)"')
    assert run(data, "attach", case, str(receipt), "--by", "H001") == Exit.FAILED
    assert "病毒扫描没有完成" in capsys.readouterr().err


def a_delivered_case(made: Opened) -> str:
    desk = casework.desk(made)
    hr, now_ms = Actor(Role.HR, "H001"), made.clock.utc_ms()
    with made.writing() as conn:
        refs = [Ref(RefKind.ALERT, "al-1")]
        case = service.open_case(conn, desk, "E001", refs, "", hr, now_ms).id
        service.act(conn, desk, case, Action.SEND_LETTER, hr, Given(), now_ms)
        given = Given(proof=Proof("x", f"{case}/2", now_ms))
        assert (
            service.act(conn, desk, case, Action.DELIVER, BY_ITSELF, given, now_ms).refused is None
        )
    return case


def state_of(made: Opened, case: str) -> State:
    with made.reading() as conn:
        return store.load(conn, made.vault, case).standing.state


def test_the_thread_notes_who_did_not_reply_and_another_one_leaves_it_alone(
    collector: Opened,
) -> None:
    clock = collector.clock
    assert isinstance(clock, FakeClock)
    first, second = Casework(collector), Casework(collector)
    assert first.run_once() is not None
    case = a_delivered_case(collector)
    for _ in range(24 * 15 + 1):
        clock.advance(4 * 60_000)
        assert first.run_once() is not None
        assert second.run_once() is None
    assert state_of(collector, case) is State.NO_REPLY
    assert first.problem is None


def test_the_thread_starts_passes_and_stops(collector: Opened) -> None:
    case = a_delivered_case(collector)
    made = Casework(collector)
    made.start()
    made.stop()
    assert made.problem is None
    assert state_of(collector, case) is State.DELIVERED
    clock = collector.clock
    assert isinstance(clock, FakeClock)
    clock.advance(100 * HOUR_MS)  # off for days: nobody could reply
    again = Casework(collector).run_once()
    assert again is not None
    assert again.done == {Action.MOVE_DEADLINE: 1}
