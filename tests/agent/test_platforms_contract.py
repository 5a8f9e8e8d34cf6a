"""One suite for every implementation of `platforms.base.Platform`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.platform import FakePlatform
from zaigang_agent.errors import AgentError
from zaigang_agent.platforms.base import Platform
from zaigang_agent.platforms.linux import LinuxPlatform, this_machine
from zaigang_agent.platforms.scripted import ScriptedPlatform, read_script
from zaigang_agent.platforms.selection import open_platform
from zaigang_shared.clock import SystemClock

RECORDED = Path(__file__).parent / "recorded"
MAKERS: dict[str, Callable[[], Platform]] = {
    "fake": FakePlatform,
    "scripted": lambda: ScriptedPlatform(read_script({}), FakeClock()),
    "recorded": lambda: LinuxPlatform(FakeClock(), RECORDED / "laptop-wifi-wireguard"),
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
    session, network = platform.sessions(), platform.network()
    assert session.idle_ms is None or session.idle_ms >= 0
    assert session.place is not None or session.problem
    assert session.place != "none" or (session.locked, session.idle_ms) == (False, None)
    assert network.gateway_mac is None or len(network.gateway_mac) == 6
    health = platform.health(tmp_path)
    assert health.rss_bytes >= 0
    assert health.disk_free_bytes >= 0
    assert health.battery_pct is None or 0 <= health.battery_pct <= 100


def test_a_script_makes_a_scripted_platform_and_no_script_the_real_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "script.json").write_text('{"name": "pretended"}')
    assert open_platform(FakeClock(), tmp_path / "script.json").name == "pretended"
    monkeypatch.setattr(sys, "platform", "linux")
    assert open_platform(FakeClock()).name == "linux"
    monkeypatch.setattr(sys, "platform", "plan9")
    with pytest.raises(AgentError, match="plan9"):
        open_platform(FakeClock())
