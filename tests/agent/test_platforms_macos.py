"""macOS: on invented answers in the layout of its commands. Nothing here ran on macOS."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.clock import FakeClock
from zaigang_agent.errors import AgentError, SampleError
from zaigang_agent.platforms import macos_answers as answers
from zaigang_agent.platforms import macos_calls
from zaigang_agent.platforms.base import InSession, NetworkState
from zaigang_agent.platforms.helper_server import Channel, Helpers
from zaigang_agent.platforms.macos import MacPlatform, MacSession, this_machine

RECORDED = Path(__file__).parent / "recorded" / "macos"
UUID = "6F1E6A60-5B5E-4A8B-9E0B-2B3D1B0C7A11"


def recorded(name: str) -> str:
    return (RECORDED / f"{name}.txt").read_text(encoding="utf-8")


def usual() -> dict[str, str]:
    return {
        "netstat -rn": recorded("netstat-rn-wifi-vpn"),
        "netstat -an": recorded("netstat-an"),
        "arp": recorded("arp"),
        "networksetup": recorded("hardware-ports"),
        "who": recorded("who"),
        "ps -axc": recorded("ps-comm"),
        "ps -o": " 34816\n",
        "pmset": recorded("pmset-battery"),
        "lsappinfo front": "ASN:0x0-0x1a01a:\n",
        "lsappinfo info": recorded("lsappinfo-bundle"),
    }


@dataclass
class FakeCalls:
    """`platforms.macos.Calls` of a laptop with somebody at it."""

    said: dict[str, str] = field(default_factory=usual)
    asked: list[str] = field(default_factory=list)
    boot: str = UUID
    asleep_ms: int = 7_000
    state: int = 0
    console: int | None = 501
    idle_ns: int | None = 4_711_999_999
    locked: bool | None = False

    def command(self, *words: str) -> str:
        assert words[0].startswith(("/bin/", "/usr/"))
        short = " ".join([Path(words[0]).name, *words[1:]])
        self.asked.append(short)
        return next((said for name, said in self.said.items() if short.startswith(name)), "")

    def sysctl(self, name: str) -> str:
        assert name == "kern.bootsessionuuid"
        return self.boot

    def suspended_ms(self) -> int:
        return self.asleep_ms

    def clock_state(self) -> int:
        return self.state

    def console_uid(self) -> int | None:
        return self.console

    def hid_idle_ns(self) -> int | None:
        return self.idle_ns

    def console_locked(self) -> bool | None:
        return self.locked


def machine(calls: FakeCalls | None = None) -> MacPlatform:
    return MacPlatform(FakeClock(), calls or FakeCalls())


# ---- time and boot


def test_a_boot_has_the_uuid_that_the_kernel_gave_it() -> None:
    assert machine().boot_id().hex() == UUID.replace("-", "").lower()
    with pytest.raises(AgentError, match="macOS 13"):
        machine(FakeCalls(boot="")).boot_id()


def test_the_clock_is_synchronised_unless_the_kernel_says_otherwise_or_nothing() -> None:
    assert machine().clock_synced()
    assert not machine(FakeCalls(state=5)).clock_synced()
    assert not machine(FakeCalls(state=-1)).clock_synced()
    assert machine().suspended_ms() == 7_000
    assert not machine().shutting_down()


# ---- sessions


def test_a_daemon_is_told_who_has_the_console_input_and_lock() -> None:
    state = machine().sessions()
    assert (state.place, state.locked, state.idle_ms) == ("local", False, 4_711)
    assert (state.idle_step_ms, state.problem) == (1, None)
    assert machine(FakeCalls(locked=True)).sessions().locked is True


@pytest.mark.parametrize(
    ("calls", "said"),
    [
        (FakeCalls(idle_ns=None), "did not tell the time since the last input:"),
        (FakeCalls(locked=None), "did not tell the lock:"),
        (FakeCalls(idle_ns=None, locked=None), "the last input and the lock:"),
        (FakeCalls(console=None), "did not tell who has the console"),
    ],
)
def test_what_is_not_told_is_a_problem_and_no_absence(calls: FakeCalls, said: str) -> None:
    state = machine(calls).sessions()
    assert said in str(state.problem)
    assert state.place != "none"


def test_the_login_window_is_nobody_and_ssh_is_from_elsewhere() -> None:
    assert machine(FakeCalls(console=0)).sessions().place == "none"
    calls = FakeCalls(console=0)
    calls.said["who"] = recorded("who-ssh")
    state = machine(calls).sessions()
    assert (state.place, state.idle_ms) == ("remote", None)
    assert state.problem is not None


def test_a_shared_screen_is_remote_and_is_looked_for_once_a_minute() -> None:
    clock, calls = FakeClock(), FakeCalls()
    platform = MacPlatform(clock, calls)
    assert platform.sessions().place == "local"
    calls.said["netstat -an"] = recorded("netstat-an-shared")
    clock.advance(59_999)
    assert platform.sessions().place == "local"
    clock.advance(1_000)
    assert platform.sessions().place == "remote"
    assert calls.asked.count("netstat -an -p tcp") == 2


def test_an_agent_of_a_person_sees_what_is_in_front_of_that_person() -> None:
    calls = FakeCalls()
    mine = MacPlatform(FakeClock(), calls, inside=MacSession(calls), uid=501)
    assert mine.foreground({"vscode", "freecad"}) == frozenset({"vscode"})
    assert mine.foreground({"com.microsoft.vscode"}) == frozenset({"com.microsoft.vscode"})
    assert mine.foreground({"freecad"}) == frozenset()
    other = MacPlatform(FakeClock(), calls, inside=MacSession(calls), uid=502)
    assert other.foreground({"vscode"}) is None
    calls.said["lsappinfo front"] = ""
    assert MacSession(calls).look(["vscode"]).front is None


def test_names_are_asked_for_only_when_there_are_any() -> None:
    calls = FakeCalls()
    assert MacSession(calls).look([]) == InSession(4_711, 1, False, None)
    assert calls.asked == []
    assert MacSession(FakeCalls(idle_ns=None)).look([]).problem is not None


class Nobody:
    """A listener at whose door nobody waits."""

    def accept(self) -> Channel | None:
        return None

    def close(self) -> None:
        return


def test_without_a_helper_the_foreground_is_unknown_and_the_rest_is_told() -> None:
    platform = MacPlatform(FakeClock(), FakeCalls(), helpers=Helpers(Nobody(), FakeClock()))
    assert platform.foreground({"vscode"}) is None
    assert platform.sessions().idle_ms == 4_711
    assert platform.helpers() == 0


# ---- network


@pytest.mark.parametrize(
    ("routes", "arp", "expected"),
    [
        (
            "netstat-rn-wifi-vpn",
            "arp",
            NetworkState("wifi", True, bytes.fromhex("02005e400001")),
        ),
        ("netstat-rn-wifi-vpn", "arp-incomplete", NetworkState("wifi", True, None)),
        ("netstat-rn-ethernet", "arp", NetworkState("ethernet", False, None)),
        ("netstat-rn-offline", "arp", NetworkState("none", False, None)),
    ],
)
def test_the_network_of_invented_machines(routes: str, arp: str, expected: NetworkState) -> None:
    calls = FakeCalls()
    calls.said |= {"netstat -rn": recorded(routes), "arp": recorded(arp)}
    assert machine(calls).network() == expected


def test_a_telephone_is_a_mobile_network_and_ports_are_asked_for_once() -> None:
    calls = FakeCalls()
    calls.said["netstat -rn"] = recorded("netstat-rn-ethernet").replace("en7", "en9")
    platform = machine(calls)
    assert platform.network().link == "cellular"
    platform.network()
    assert calls.asked.count("networksetup -listallhardwareports") == 1


def test_routes_that_are_not_told_are_a_permission_gap() -> None:
    with pytest.raises(SampleError, match="permission"):
        machine(FakeCalls(said={})).network()


def test_the_access_point_is_not_even_asked_for_and_that_is_said() -> None:
    [limit] = machine().limits()
    assert limit.signal == "wifi"
    assert "redacts" in limit.sentence


# ---- processes and health


def test_programs_are_known_by_file_name() -> None:
    assert machine().running({"freecad", "code helper", "solitaire"}) == {"freecad", "code helper"}


def test_health_is_the_process_and_the_machine(tmp_path: Path) -> None:
    health = machine().health(tmp_path)
    assert (health.rss_bytes, health.battery_pct) == (34 << 20, 83)
    assert health.disk_free_bytes > 0
    calls = FakeCalls()
    calls.said |= {"pmset": recorded("pmset-desktop"), "ps -o": ""}
    desktop = machine(calls).health(tmp_path)
    assert (desktop.rss_bytes, desktop.battery_pct) == (0, None)
    with pytest.raises(SampleError, match="state directory"):
        machine().health(tmp_path / "gone")


def test_the_machine_itself_is_put_together_from_its_calls() -> None:
    assert this_machine(FakeClock(), None, FakeCalls).name == "macos"


# ---- anything else

texts = st.text(max_size=200) | st.from_regex(r"([a-zA-Z0-9:.()*# \t=\"-]{0,60}\n){0,5}")


@given(texts, st.lists(st.text(min_size=1, max_size=9), max_size=3))
def test_any_text_gives_small_values_or_none(text: str, names: Sequence[str]) -> None:
    assert answers.ways(text).vpn in (True, False)
    mac = answers.hardware_address(text, "192.0.2.1")
    assert mac is None or len(mac) == 6
    assert answers.link_of(text, "en0") in ("ethernet", "wifi", "cellular")
    assert answers.screen_is_shared(text) in (True, False)
    assert answers.logged_in_from_elsewhere(text) in (True, False)
    boot = answers.boot_id(text)
    assert boot is None or len(boot) == 16
    assert answers.names_running(text, names) <= set(names)
    pct = answers.battery_pct(text)
    assert pct is None or 0 <= pct <= 100
    assert answers.front(text, names) in (None, "", *names)
    assert answers.resident_bytes(text) >= 0


def test_the_calls_open_nothing_before_they_are_made() -> None:
    if sys.platform != "darwin":
        with pytest.raises(OSError, match="IOKit"):
            macos_calls.Calls()
    asked = {n for n in vars(macos_calls.Calls) if not n.startswith("_")}
    assert asked <= set(dir(FakeCalls))
