"""One suite for every implementation of `platforms.base.Platform`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.platform import FakePlatform
from tests.fakes.windows import FakeCalls
from zaigang_agent.bootstrap import system_platform
from zaigang_agent.config import convert
from zaigang_agent.errors import AgentError
from zaigang_agent.platforms import macos, windows
from zaigang_agent.platforms.base import Platform
from zaigang_agent.platforms.helper_server import Helpers
from zaigang_agent.platforms.linux import LinuxPlatform, this_machine
from zaigang_agent.platforms.linux_desktop import LinuxDesktop
from zaigang_agent.platforms.scripted import ScriptedPlatform, read_script
from zaigang_agent.platforms.selection import (
    HELPER_SOCKET,
    open_inside,
    open_platform,
    usual_helper_socket,
)
from zaigang_agent.platforms.windows import WindowsPlatform
from zaigang_shared.clock import SystemClock

RECORDED = Path(__file__).parent / "recorded"
MAKERS: dict[str, Callable[[], Platform]] = {
    "fake": FakePlatform,
    "scripted": lambda: ScriptedPlatform(read_script({}), FakeClock()),
    "recorded": lambda: LinuxPlatform(FakeClock(), RECORDED / "laptop-wifi-wireguard"),
    "windows": lambda: WindowsPlatform(FakeClock(), FakeCalls()),
    "real": lambda: this_machine(SystemClock()),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_a_platform_keeps_its_promises(make: Callable[[], Platform], tmp_path: Path) -> None:
    platform = make()
    assert platform.name
    assert len(platform.boot_id()) == 16
    assert platform.boot_id() == platform.boot_id()
    assert platform.clock_synced() in (True, False)
    assert platform.suspended_ms() >= 0
    assert platform.shutting_down() is False
    assert platform.running({"surely-not-running"}) == frozenset()
    assert platform.folder_changes(tmp_path, 0) >= 0
    front = platform.foreground({"surely-not-running"})
    assert front is None or front == frozenset()
    helping = platform.helpers()
    assert helping is None or helping >= 0
    assert all(limit.signal and limit.sentence for limit in platform.limits())
    session, network = platform.sessions(), platform.network()
    assert session.idle_ms is None or session.idle_ms >= 0
    assert session.place is not None or session.problem
    assert session.place != "none" or (session.locked, session.idle_ms) == (False, None)
    assert network.gateway_mac is None or len(network.gateway_mac) == 6
    health = platform.health(tmp_path)
    assert health.rss_bytes >= 0
    assert health.disk_free_bytes >= 0
    assert health.battery_pct is None or 0 <= health.battery_pct <= 100


def _given(found: object, *_: object) -> object:
    return found


def test_a_script_makes_a_scripted_platform_and_no_script_the_real_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "script.json").write_text('{"name": "pretended"}')
    assert open_platform(FakeClock(), tmp_path / "script.json").name == "pretended"
    monkeypatch.setattr(sys, "platform", "linux")
    assert open_platform(FakeClock()).name == "linux"
    for other, module in (("win32", windows), ("darwin", macos)):
        pretended, seat = FakePlatform(name=other), LinuxDesktop(None)
        monkeypatch.setattr(sys, "platform", other)
        monkeypatch.setattr(module, "this_machine", partial(_given, pretended))
        monkeypatch.setattr(module, "this_session", partial(_given, seat))
        assert open_platform(FakeClock()) is pretended
        assert open_inside(FakeClock()) is seat
    monkeypatch.setattr(sys, "platform", "plan9")
    with pytest.raises(AgentError, match="plan9"):
        open_platform(FakeClock())


def test_helpers_are_served_where_the_service_manager_made_the_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    assert usual_helper_socket("") is None
    monkeypatch.setenv("RUNTIME_DIRECTORY", "/run/zaigang:/run/other")
    assert usual_helper_socket("") == HELPER_SOCKET["linux"]
    assert usual_helper_socket("/elsewhere/s") == "/elsewhere/s"
    monkeypatch.setattr(sys, "platform", "win32")
    assert usual_helper_socket("") == HELPER_SOCKET["win32"]
    monkeypatch.setattr(sys, "platform", "darwin")
    assert usual_helper_socket("") is None  # the installer's folder is not there


def test_only_the_running_agent_serves_helpers(tmp_path: Path) -> None:
    place = tmp_path / "session.sock"
    local = convert({"platform": {"helper_socket": str(place)}}, "test")
    assert system_platform(local, SystemClock()).helpers() is None
    assert not place.exists()
    serving = system_platform(local, SystemClock(), serve=True)
    assert isinstance(serving, LinuxPlatform)
    assert serving.helpers() == 0
    assert place.is_socket()
    assert isinstance(serving._helpers, Helpers)
    serving._helpers.close()
