"""Commits, from real repositories to stored events: of those who are named, and nothing else of them."""

from __future__ import annotations

import json
import logging
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.factories.audited import assert_clean
from tests.factories.connecting import ground
from tests.factories.connecting_cli import company as company_of
from tests.factories.connecting_cli import run, save
from tests.factories.vault import VAULT
from tests.fakes.randomness import Repeatable
from tests.fakes.repository import GIT, Repository
from tests.fakes.vendor import SENTINEL
from zaigang_collector import db
from zaigang_collector.cli.console import Exit
from zaigang_collector.connectors import state
from zaigang_collector.connectors.contract import Kind
from zaigang_collector.connectors.errors import Reason
from zaigang_collector.connectors.fields import FieldError
from zaigang_collector.connectors.git import records
from zaigang_collector.connectors.git import settings as git_settings
from zaigang_collector.connectors.git.connector import Git
from zaigang_collector.connectors.git.settings import GitSettings
from zaigang_collector.connectors.importing import Tally
from zaigang_collector.connectors.polling import Passed, Poller, Source
from zaigang_collector.errors import ConfigError
from zaigang_collector.worktraces import service
from zaigang_collector.worktraces.model import EventKind, NewEvent
from zaigang_shared.clock import SystemClock

NOW_S = 1_790_000_000  # 2026-09-21 22:13:20 in Shanghai
NOW = NOW_S * 1000
HOUR_S = 3600
DAY_S = 24 * HOUR_S
AUTHORS = {"Wang@example.com": "E1001", "li@example.com": "E1002"}


@dataclass
class Company:
    engine: Engine
    app: Repository
    settings: GitSettings

    def poll(self, now_ms: int = NOW, from_ms: int | None = None) -> Passed:
        source = Source(Git(self.settings), self.settings)
        poller = Poller(self.engine, VAULT, Repeatable("git"), source)
        return poller.run(now_ms, everything=True, from_ms=from_ms)

    def events(self, employee_id: str = "E1001") -> list[NewEvent]:
        with db.reading(self.engine) as conn:
            found = service.events_of(conn, VAULT, employee_id, 0, NOW + DAY_S * 1000)
        return [one.content for one in found]


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    app = Repository(tmp_path / "app.git")
    settings = GitSettings(
        repositories={"app": str(app.folder)}, authors=AUTHORS, program=GIT, timeout_s=20
    )
    made = Company(ground(tmp_path, NOW, 2), app, settings)
    yield made
    made.engine.dispose()


def test_a_commit_is_one_event_with_both_of_its_times(company: Company) -> None:
    first = company.app.commit("wang@EXAMPLE.com", NOW_S - 3 * HOUR_S, NOW_S - HOUR_S)
    company.app.commit("stranger@example.com", NOW_S - HOUR_S)
    passed = company.poll()
    assert not passed.failures
    assert passed.tallies[Kind.EVENTS] == Tally(added=1)
    (event,) = company.events()
    assert (event.source, event.source_id, event.kind) == ("git", first, EventKind.COMMIT)
    assert (event.happened_ms, event.received_ms) == (NOW - 3 * HOUR_S * 1000, None)
    assert json.loads(event.vendor_record) == {
        "commit": first,
        "author_time": NOW_S - 3 * HOUR_S,
        "commit_time": NOW_S - HOUR_S,
    }
    assert company.poll(NOW + 1000).tallies[Kind.EVENTS] == Tally(unchanged=1)
    assert_clean(company.engine)


def test_nothing_else_of_a_commit_is_kept(
    company: Company, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    company.app.commit("wang@example.com", NOW_S - HOUR_S)
    passed = company.poll()
    (event,) = company.events()
    path = Path(str(company.engine.url.database))
    raw = b"".join(one.read_bytes() for one in path.parent.glob(path.name + "*"))
    everything = raw + event.body() + (caplog.text + repr(passed)).encode()
    for text in (SENTINEL, "example.com", "committer", company.app.folder.name):
        assert text.encode() not in everything


def test_what_is_pushed_late_is_found_and_what_is_older_by_reading_again(company: Company) -> None:
    assert company.poll().tallies[Kind.EVENTS] == Tally()
    company.app.commit("wang@example.com", NOW_S - 13 * DAY_S)
    company.app.commit("wang@example.com", NOW_S - 40 * DAY_S)
    company.app.commit("wang@example.com", NOW_S - 12 * DAY_S)
    assert company.poll().tallies[Kind.EVENTS].added == 2  # also behind one with an older date
    passed = company.poll(from_ms=NOW - 60 * DAY_S * 1000)
    assert passed.tallies[Kind.EVENTS] == Tally(added=1, unchanged=2)


def test_a_date_from_the_future_is_told_and_not_stored(company: Company) -> None:
    company.app.commit("wang@example.com", NOW_S + 90 * DAY_S)
    tally = company.poll().tallies[Kind.EVENTS]
    assert (tally.added, tally.unreadable) == (0, 1)
    assert company.events() == []


def test_a_commit_in_two_repositories_is_one(company: Company, tmp_path: Path) -> None:
    other = Repository(tmp_path / "fork.git")
    for one in (company.app, other):
        one.commit("li@example.com", NOW_S - HOUR_S)
    company.settings.repositories["fork"] = str(other.folder)
    assert company.poll().tallies[Kind.EVENTS] == Tally(added=1)


def test_a_repository_that_is_gone_is_told_by_name_and_read_later(company: Company) -> None:
    company.app.commit("wang@example.com", NOW_S - HOUR_S)
    moved = company.app.folder.rename(company.app.folder.with_name("moved.git"))
    error = company.poll().failures[Kind.EVENTS]
    assert (error.reason, error.code) == (Reason.MISSING, "app:no_repository")
    with db.reading(company.engine) as conn:
        assert state.silent_since(conn, "git", NOW) is None  # of clock-ins nothing is missing
    moved.rename(company.app.folder)
    assert company.poll(NOW + 1000).tallies[Kind.EVENTS] == Tally(added=1)


def test_a_repository_that_is_broken_is_told_and_not_taken_for_an_empty_one(
    company: Company,
) -> None:
    company.app.commit("wang@example.com", NOW_S - HOUR_S)
    (company.app.folder / "refs/heads/main").write_text("0" * 39 + "1\n")
    error = company.poll().failures[Kind.EVENTS]
    assert (error.reason, error.code) == (Reason.MISSING, "app:git_exit_128")


def test_a_program_that_hangs_is_ended(company: Company, tmp_path: Path) -> None:
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o700)
    company.settings = GitSettings(
        repositories=company.settings.repositories,
        authors=AUTHORS,
        program=str(slow),
        timeout_s=1,
    )
    begun = time.monotonic()
    assert company.poll().failures[Kind.EVENTS].reason is Reason.TIMEOUT
    assert time.monotonic() - begun < 20


def test_a_repositorys_own_configuration_runs_nothing(company: Company, tmp_path: Path) -> None:
    """Signature checks, pagers, file watchers, and a partial clone that would fetch what it lacks."""
    ran = tmp_path / "ran"
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {ran}\nexit 1\n")
    trap.chmod(0o700)
    company.app.commit("wang@example.com", NOW_S - HOUR_S)
    for name in ("gpg.program", "core.pager", "core.fsmonitor", "core.sshCommand"):
        company.app.configure(name, str(trap))
    for name, value in {
        "log.showSignature": "true",
        "pager.rev-list": "true",
        "alias.rev-list": f"!{trap}",
        "core.hooksPath": str(tmp_path),
        "core.repositoryformatversion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.url": f"ext::{trap}",
        "remote.origin.promisor": "true",
        "remote.origin.uploadpack": str(trap),
        "protocol.allow": "always",
    }.items():
        company.app.configure(name, value)
    assert company.poll().tallies[Kind.EVENTS] == Tally(added=1)
    (company.app.folder / "refs/heads/lost").write_text("0" * 39 + "1\n")
    assert company.poll().failures[Kind.EVENTS].reason is Reason.MISSING
    assert not ran.exists()
    # The trap is a good one: git as it is usually called walks into it.
    careless = [GIT, f"--git-dir={company.app.folder}", "rev-list", "--all", "--no-walk"]
    subprocess.run(
        careless, env={"PATH": "/usr/bin:/bin"}, capture_output=True, check=False, timeout=20
    )
    assert ran.exists()


@pytest.mark.parametrize(
    "line",
    [b"", b"abc 1 2 a@b.c", b"0" * 40 + b" x 2 a@b.c", b"0" * 40 + b" -5 2 a@b.c", "text", None],
)
def test_a_line_that_is_none_is_told_without_what_stood_there(line: object) -> None:
    with pytest.raises(FieldError, match="commit: expected a hash"):
        records.event(line, {})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[repositories]\n[authors]\n", "repositories: expected one at least"),
        ('[repositories]\na = "srv/a"\n[authors]\n', "repositories.a: expected a folder from"),
        ('[repositories]\n"a b" = "/a"\n[authors]\n', "repositories"),
        ('program = "git"\n[repositories]\na = "/a"\n[authors]\n', "program: expected"),
        ('[repositories]\na = "/a"\n[authors]\n"a@b.c"="1"\n"A@b.c"="2"\n', "is there twice"),
        ('[repositories]\na = "/a"\n[authors]\n"nobody"="1"\n', "authors"),
    ],
)
def test_settings_that_do_not_fit_are_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        git_settings.load(Path(save(tmp_path / "git.toml", text)))


def test_the_command_says_what_works_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = company_of(tmp_path, ["E1001"])
    app = Repository(tmp_path / "app.git")
    now_s = SystemClock().utc_ms() // 1000
    app.commit("wang@example.com", now_s - HOUR_S)
    app.commit("x@example.com", now_s - HOUR_S)
    written = f'[repositories]\napp = "{app.folder}"\ngone = "/nonexistent"\n'
    save(data / "git.toml", written + '[authors]\n"wang@example.com" = "E1001"\n"li@x.cn" = "E9"\n')
    capsys.readouterr()
    assert run(data, "connect", "git", "--check") == Exit.FAILED
    assert capsys.readouterr().out.splitlines()[:3] == [
        "异常  [authors] 里写了 2 个作者邮箱。这些员工编号查无此人，请改正或先导入员工：E9。",
        "正常  仓库 app：能读取，近 14 天有 1 次提交对上了员工。另有 1 次提交的作者没有写进 [authors]，不取。",
        "异常  仓库 gone：配置里写的路径或文件夹找不到，或没有读取权限，请核对配置和权限（gone:no_repository）。",
    ]
    save(
        data / "git.toml",
        f'[repositories]\napp = "{app.folder}"\n[authors]\n"wang@example.com" = "E1001"\n',
    )
    assert run(data, "connect", "git", "--check") == Exit.OK
    assert "能够证明的只有本系统最早看到它的时间" in capsys.readouterr().out
    assert run(data, "connect", "git", "--lang", "en") == Exit.OK
    assert "1 new" in capsys.readouterr().out
    assert run(data, "connect", "git", "--status") == Exit.OK
    assert "业务行为：正常" in capsys.readouterr().out
