from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.clock import FakeClock
from tests.fakes.logind import Bus, logind, session
from zaigang_agent.errors import AgentError, SampleError
from zaigang_agent.platforms import linux_files as files
from zaigang_agent.platforms.adjtimex import kernel_synced
from zaigang_agent.platforms.base import NetworkState, SessionState
from zaigang_agent.platforms.linux import LinuxPlatform, this_machine
from zaigang_agent.platforms.linux_desktop import LinuxDesktop
from zaigang_shared.clock import SystemClock

RECORDED = Path(__file__).parent / "recorded"


def machine(name: str) -> LinuxPlatform:
    return LinuxPlatform(FakeClock(), RECORDED / name)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("laptop-wifi-wireguard", NetworkState("wifi", True, bytes.fromhex("02005e100001"))),
        ("desktop-ethernet", NetworkState("ethernet", False, bytes.fromhex("02005e200001"))),
        ("laptop-modem-openvpn", NetworkState("cellular", True, None)),
        ("container-idle", NetworkState("ethernet", False, None)),
        ("container-terminal", NetworkState("none", False, None)),
        ("garbage", NetworkState("none", False, None)),
        ("not-even-there", NetworkState("none", False, None)),
    ],
)
def test_the_network_of_recorded_machines(name: str, expected: NetworkState) -> None:
    assert machine(name).network() == expected


def test_a_laptops_own_battery_is_told_and_its_mouses_is_not(tmp_path: Path) -> None:
    assert machine("laptop-wifi-wireguard").health(tmp_path).battery_pct == 83
    assert machine("garbage").health(tmp_path).battery_pct is None
    assert machine("container-idle").health(tmp_path).battery_pct is None


def test_memory_is_the_resident_part(tmp_path: Path) -> None:
    expected = 8704 * os.sysconf("SC_PAGE_SIZE")
    assert machine("container-idle").health(tmp_path).rss_bytes == expected


def test_a_state_directory_that_is_gone_is_a_permission_gap(tmp_path: Path) -> None:
    with pytest.raises(SampleError, match="state directory"):
        machine("container-idle").health(tmp_path / "gone")


def test_only_wanted_programs_are_told_also_when_the_kernel_cut_their_name() -> None:
    laptop = machine("laptop-wifi-wireguard")
    assert laptop.running({"freecad", "thunderbird-bin-and-more", "solitaire"}) == {"freecad"}
    assert laptop.running({"thunderbird-bin-long"}) == set()
    assert files.names_running(["thunderbird-bin\n"], ["thunderbird-bin-long"]) == {
        "thunderbird-bin-long"
    }


def test_the_boot_id_is_sixteen_bytes_or_an_error_in_words() -> None:
    expected = bytes.fromhex("3f1c2b6e8a544d0e9c6f0a1b2c3d4e5f")
    assert machine("laptop-wifi-wireguard").boot_id() == expected
    with pytest.raises(AgentError, match="mount /proc"):
        machine("garbage").boot_id()


def test_the_clock_is_synchronised_when_a_file_or_the_kernel_says_so() -> None:
    assert machine("laptop-wifi-wireguard").clock_synced()
    assert not machine("container-idle").clock_synced()
    asked = LinuxPlatform(FakeClock(), RECORDED / "garbage", kernel_synced=lambda: True)
    assert asked.clock_synced()


def test_changed_files_are_counted_through_subfolders_and_links_are_not_followed(
    tmp_path: Path,
) -> None:
    (tmp_path / "sub").mkdir()
    for name, modified_s in (("old", 1_000), ("new", 3_000), ("sub/newer", 4_000)):
        (tmp_path / name).write_text("x")
        os.utime(tmp_path / name, (modified_s, modified_s))
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/index").write_text("x")
    (tmp_path / "loop").symlink_to(tmp_path)
    os.utime(tmp_path / "loop", (1_000, 1_000), follow_symlinks=False)
    laptop = machine("container-idle")
    assert laptop.folder_changes(tmp_path, 2_000_000) == 2
    assert laptop.folder_changes(tmp_path, 3_500_000) == 1
    assert laptop.folder_changes(tmp_path / "gone", 0) == 0


# ---- sessions


def seen(
    system: Bus, desktop: Bus | None = None, root: Path = RECORDED, uid: int = 0
) -> SessionState:
    inside = None if desktop is None else LinuxDesktop(desktop)
    return LinuxPlatform(FakeClock(), root, system_bus=system, inside=inside, uid=uid).sessions()


def test_gnome_tells_session_lock_and_idle_time_exactly() -> None:
    state = seen(logind(session(LockedHint=True)), Bus({"GetIdletime": 4_711}))
    assert (state.place, state.locked, state.idle_ms, state.problem) == ("local", True, 4_711, None)


def test_a_desktop_that_does_not_tell_its_idle_time_is_told_as_a_problem() -> None:
    state = seen(logind(session()))
    assert (state.place, state.locked, state.idle_ms) == ("local", False, None)
    assert state.problem is not None
    assert "no session helper answers" in state.problem


def test_the_hint_of_logind_counts_once_it_says_idle() -> None:
    since_us = (FakeClock().utc - 900_000) * 1000
    state = seen(logind(session(IdleHint=True, IdleSinceHint=since_us)))
    assert state.idle_ms == 900_000


def test_the_active_session_counts_and_a_login_screen_is_nobody() -> None:
    greeter = session(Class="greeter")
    ssh = session(Remote=True, Type="tty", TTY="pts/3", Active=True)
    away = session(Active=False)
    assert seen(logind(greeter)).place == "none"
    assert seen(logind(session(State="closing"))).place == "none"
    assert seen(logind(greeter, ssh)).place == "remote"
    assert seen(logind(ssh, session()), Bus({"GetIdletime": 1})).place == "local"
    assert seen(logind(away, ssh)).place == "remote"
    assert seen(logind()).place == "none"


def test_an_agent_that_runs_as_a_person_sees_that_person_only() -> None:
    mine, other = session(User=[1001, "/u"], Active=False), session(User=[1002, "/u"])
    gnome = Bus({"GetIdletime": 7})
    assert seen(logind(mine, other), gnome, uid=1001).idle_ms == 7
    assert seen(logind(other), gnome, uid=1001).place == "none"
    as_service = seen(logind(other), gnome, uid=998)
    assert (as_service.place, as_service.idle_ms) == ("local", None)


def test_a_desktop_that_nobody_can_sit_at_is_remote() -> None:
    xrdp, here = session(Type="x11", Seat=["", "/"]), session(Seat=["seat0", "/seat"])
    assert seen(logind(xrdp)).place == "remote"
    assert seen(logind(here)).place == "local"
    assert seen(logind(xrdp, here), Bus({"GetIdletime": 1})).place == "local"


TCP_HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt uid\n"
FROM_ELSEWHERE = "   0: 110200C0:170C 076433C6:C890 01 00000000:00000000 00:00000000 00000000 0\n"


@pytest.mark.parametrize(
    ("line", "shared"),
    [
        (FROM_ELSEWHERE, True),
        (FROM_ELSEWHERE.replace(":170C", ":0D3D"), True),  # RDP
        (FROM_ELSEWHERE.replace(" 01 ", " 0A "), False),  # listening
        (FROM_ELSEWHERE.replace("076433C6", "0100007F"), False),  # this machine itself
        (FROM_ELSEWHERE.replace(":170C", ":01BB"), False),
        ("", False),
    ],
)
def test_a_shared_screen_is_under_remote_control(tmp_path: Path, line: str, shared: bool) -> None:
    (tmp_path / "proc/net").mkdir(parents=True)
    (tmp_path / "proc/net/tcp").write_text(TCP_HEAD + line)
    state = seen(logind(session()), Bus({"GetIdletime": 7}), root=tmp_path)
    assert (state.place, state.idle_ms) == ("remote" if shared else "local", 7)


def test_either_word_for_locked_holds_and_the_sessions_own_reason_is_told() -> None:
    for hint, own, locked in ((True, False, True), (False, True, True), (False, False, False)):
        bus = Bus({"GetIdletime": 7, "GetActive": own})
        assert seen(logind(session(LockedHint=hint)), bus).locked is locked
    assert seen(logind(session(LockedHint=None)), Bus({"GetIdletime": 7})).locked is None
    # KDE on Wayland: it tells whether it is locked, and nothing else.
    kde = seen(logind(session()), Bus({"/org/freedesktop/ScreenSaver": False}))
    assert (kde.locked, kde.idle_ms) == (False, None)
    assert "reaches no desktop" in str(kde.problem)


def test_the_access_point_stands_in_where_no_gateway_is_known(tmp_path: Path) -> None:
    (tmp_path / "proc/net").mkdir(parents=True)
    wlan = tmp_path / "sys/class/net/wlan0"
    wlan.mkdir(parents=True)
    (wlan / "uevent").write_text("DEVTYPE=wlan\n")
    zeros = "0" * 32
    route = f"{zeros} 00 {zeros} 00 {zeros} 00000400 00000001 00000000 00000003 wlan0\n"
    (tmp_path / "proc/net/ipv6_route").write_text(route)
    answers = {"GetDeviceByIpIface": "/d", "/d": "/p", "/p": "02:00:5E:10:00:02"}
    platform = LinuxPlatform(FakeClock(), tmp_path, system_bus=Bus(answers))
    assert platform.network() == NetworkState("wifi", False, bytes.fromhex("02005e100002"))
    unknown = LinuxPlatform(FakeClock(), tmp_path, system_bus=Bus({}))
    assert unknown.network() == NetworkState("wifi", False, None)


def test_the_foreground_is_asked_along_with_the_session_and_unknown_without_one() -> None:
    platform = LinuxPlatform(FakeClock(), RECORDED, system_bus=logind())
    assert platform.foreground({"code"}) is None
    assert platform.helpers() is None
    assert platform.limits() == ()
    wayland = LinuxPlatform(FakeClock(), RECORDED, system_bus=logind(session()))
    assert wayland.foreground({"code"}) is None
    assert [limit.signal for limit in wayland.limits()] == ["foreground"]
    assert wayland.foreground(()) is None
    assert wayland.limits() == ()


def test_a_folder_that_is_refused_is_no_folder_without_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: object) -> None:
        raise PermissionError(13, "denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(SampleError, match="ProtectHome"):
        machine("container-idle").folder_changes(tmp_path, 0)


def test_logind_tells_whether_the_machine_goes_down() -> None:
    for answer in (True, False):
        bus = logind(going_down=answer)
        assert LinuxPlatform(FakeClock(), system_bus=bus).shutting_down() is answer
    assert not LinuxPlatform(FakeClock(), system_bus=Bus({})).shutting_down()
    assert not LinuxPlatform(FakeClock()).shutting_down()


def test_a_terminals_idle_time_is_its_access_time_and_known_to_be_coarse(tmp_path: Path) -> None:
    (tmp_path / "dev/pts").mkdir(parents=True)
    (tmp_path / "dev/pts/3").write_text("")
    accessed_s = FakeClock().utc / 1000 - 42
    os.utime(tmp_path / "dev/pts/3", (accessed_s, accessed_s))
    ssh = session(Remote=True, Type="tty", TTY="pts/3")
    state = seen(logind(ssh), root=tmp_path)
    assert (state.place, state.locked, state.idle_step_ms) == ("remote", False, 8_000)
    assert state.idle_ms == pytest.approx(42_000, abs=1)
    missing = seen(logind(session(Type="tty", TTY="../etc/passwd")), root=tmp_path)
    assert missing.idle_ms is None


def test_two_samplers_in_one_step_cost_one_question() -> None:
    system, clock = logind(), FakeClock()
    platform = LinuxPlatform(clock, RECORDED, system_bus=system)
    platform.sessions()
    platform.sessions()
    assert system.asked == 1
    clock.advance(1_000)
    platform.sessions()
    assert system.asked == 2


def test_a_container_without_anybody_is_empty_and_one_with_a_terminal_cannot_tell() -> None:
    idle = machine("container-idle").sessions()
    assert (idle.place, idle.locked, idle.problem) == ("none", False, None)
    used = machine("container-terminal").sessions()
    assert used.place is None
    assert used.problem is not None
    assert "logind cannot be asked" in used.problem


def test_a_bus_that_fails_is_like_no_bus() -> None:
    platform = LinuxPlatform(FakeClock(), RECORDED / "container-terminal", system_bus=Bus({}))
    state = platform.sessions()
    assert state.place is None
    assert state.problem is not None
    assert "ListSessions" in state.problem


# ---- any file content


texts = st.text(max_size=200) | st.from_regex(r"([a-z0-9:.() \t=-]{0,40}\n){0,5}")


@given(texts, texts)
def test_any_text_gives_routes_and_never_an_exception(route: str, ipv6: str) -> None:
    for found in files.default_routes(route, ipv6):
        assert found.interface


@given(texts, st.sampled_from(["", "10.0.0.1"]), st.sampled_from(["", "eth0"]))
def test_any_text_gives_six_bytes_of_hardware_address_or_none(
    arp: str, address: str, interface: str
) -> None:
    mac = files.hardware_address(arp, address, interface)
    assert mac is None or len(mac) == 6


@given(texts)
def test_any_text_gives_small_values_or_none(text: str) -> None:
    assert files.link_of(text) in ("ethernet", "wifi", "cellular")
    assert files.is_tunnel("eth0", text, text) in (True, False)
    assert files.screen_is_shared(text) in (True, False)
    pages, terminal = files.resident_pages(text), files.controlling_terminal(text)
    assert pages is None or pages >= 0
    assert terminal is None or isinstance(terminal, int)
    percent, boot = files.percent(text), files.boot_id(text)
    assert percent is None or 0 <= percent <= 100
    assert boot is None or len(boot) == 16


def test_a_program_name_cannot_forge_a_terminal() -> None:
    assert files.controlling_terminal("7 (x) S 0 1 1 99 (y) S 0 1 1 0 -1 0") == 0


# ---- this very machine


def test_this_machine_gives_an_honest_answer_or_says_why_not(tmp_path: Path) -> None:
    platform = this_machine(SystemClock())
    assert len(platform.boot_id()) == 16
    assert platform.suspended_ms() >= 0
    assert platform.clock_synced() in (True, False)
    assert kernel_synced() in (True, False)
    state = platform.sessions()
    assert state.place is not None or state.problem
    assert platform.network().link in ("ethernet", "wifi", "cellular", "none")
    health = platform.health(tmp_path)
    assert health.rss_bytes > 1 << 20
    assert health.disk_free_bytes >= 0
