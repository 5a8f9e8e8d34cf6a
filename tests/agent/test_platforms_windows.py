"""Windows: on invented answers in the layout of its headers. Nothing here ran on Windows."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import windows as layout
from tests.fakes.clock import FakeClock
from tests.fakes.windows import FakeCalls
from zaigang_agent.errors import AgentError, SampleError
from zaigang_agent.platforms import helper_line, windows_calls
from zaigang_agent.platforms import windows_answers as answers
from zaigang_agent.platforms.base import InSession, NetworkState
from zaigang_agent.platforms.helper_line import Question
from zaigang_agent.platforms.helper_pipe import PipeListener
from zaigang_agent.platforms.helper_server import Helpers
from zaigang_agent.platforms.windows import WindowsPlatform, WindowsSession, this_machine


def machine(calls: FakeCalls | None = None, clock: FakeClock | None = None) -> WindowsPlatform:
    return WindowsPlatform(clock or FakeClock(), calls or FakeCalls())


@pytest.mark.parametrize(
    ("structure", "size"),
    [
        (layout.SockaddrInet, 28),
        (layout.ForwardRow, 104),
        (layout.InterfaceRow, answers.IF_ROW_BYTES),
        (layout.IpInterfaceRow, answers.IP_INTERFACE_BYTES),
        (layout.NeighbourRow, answers.NEIGHBOUR_BYTES),
        (layout.SessionRow, 24),
        (layout.ProcessEntry, answers.PROCESS_BYTES),
        (layout.MemoryCounters, 72),
        (layout.PowerStatus, 12),
    ],
)
def test_the_structures_have_the_sizes_of_windows(
    structure: type[ctypes.Structure], size: int
) -> None:
    assert ctypes.sizeof(structure) == size


# ---- time and boot


def test_a_boot_is_known_by_when_its_system_process_began() -> None:
    first, same = machine().boot_id(), machine(FakeCalls(uptime=9)).boot_id()
    later = FakeCalls(process_information=layout.system_processes((0, 0), (4, 134), (99, 135)))
    assert len(first) == 16
    assert first == same
    assert machine(later).boot_id() != first


@pytest.mark.parametrize(
    "information", [b"", layout.system_processes((0, 0), (8, 5)), layout.system_processes((4, 0))]
)
def test_without_that_time_a_boot_cannot_be_told_from_the_next(information: bytes) -> None:
    with pytest.raises(AgentError, match="System process"):
        machine(FakeCalls(process_information=information)).boot_id()


def test_time_asleep_is_the_difference_of_two_counters() -> None:
    assert machine().suspended_ms() == 1_000_000
    assert machine(FakeCalls(uptime=5, awake=6)).suspended_ms() == 0


@pytest.mark.parametrize(
    ("status", "synchronised"),
    [
        (layout.ENGLISH_TIME, True),
        ("Sprungindikator: 0(Keine Warnung)\nStratum: 3 (Sekundärreferenz)\n", True),
        ("跃点指示符: 0(无警告)\n层次: 4 (次引用)\n", True),
        ("Leap Indicator: 3(not synchronized)\nStratum: 0 (unspecified)\n", False),
        ("Leap Indicator: 0(no warning)\nStratum: 0 (unspecified)\n", False),
        ("The following error occurred: The service has not been started. (0x80070426)", False),
        ("", False),
    ],
)
def test_the_clock_is_synchronised_when_the_time_service_says_so_in_any_language(
    status: str, synchronised: bool
) -> None:
    assert machine(FakeCalls(status=status)).clock_synced() is synchronised


def test_the_time_service_is_asked_every_quarter_of_an_hour() -> None:
    calls, clock = FakeCalls(), FakeClock()
    platform = machine(calls, clock)
    platform.clock_synced()
    clock.advance(899_999)
    assert platform.clock_synced()
    assert calls.statuses_asked == 1
    clock.advance(1)
    platform.clock_synced()
    assert calls.statuses_asked == 2


def test_a_shutdown_of_the_machine_is_told() -> None:
    assert machine(FakeCalls(down=True)).shutting_down()
    assert not machine().shutting_down()


# ---- sessions


class Seat:
    """A session that sees what the test wants."""

    def __init__(self, seen: InSession) -> None:
        self.seen = seen

    def look(self, names: Sequence[str]) -> InSession:
        assert names == tuple(sorted(names))
        return self.seen


def test_a_service_is_told_who_is_there_and_whether_it_is_locked_and_no_input() -> None:
    state = machine().sessions()
    assert (state.place, state.locked, state.idle_ms) == ("local", False, None)
    assert "session-helper" in str(state.problem)
    assert machine(FakeCalls(infos={1: layout.session_info(1, 0)})).sessions().locked is True
    assert machine(FakeCalls(infos={1: layout.session_info(1, -1)})).sessions().locked is None
    assert machine(FakeCalls(infos={1: layout.session_info(2, 1)})).sessions().locked is None
    assert machine(FakeCalls(infos={})).sessions().locked is None


def test_remote_desktop_and_a_shared_screen_are_remote() -> None:
    over_rdp = FakeCalls(rows=layout.session_rows((0, 4), (1, 4), (2, 0)))
    assert machine(over_rdp).sessions().place == "remote"
    shared = layout.tcp((2, 5900, "0.0.0.0"), (5, 5900, "198.51.100.7"))
    assert machine(FakeCalls(connections=shared)).sessions().place == "remote"
    itself = layout.tcp((5, 5900, "127.0.0.1"), (5, 443, "198.51.100.7"))
    assert machine(FakeCalls(connections=itself)).sessions().place == "local"


def test_a_login_screen_and_a_disconnected_session_are_nobody() -> None:
    for rows in (layout.session_rows((0, 4), (1, 1)), layout.session_rows((1, 4)), b""):
        state = machine(FakeCalls(rows=rows)).sessions()
        assert (state.place, state.locked, state.problem) == ("none", False, None)


def test_sessions_that_are_refused_are_a_permission_gap() -> None:
    with pytest.raises(SampleError, match="permission"):
        machine(FakeCalls(rows=None)).sessions()


def test_an_agent_in_the_session_sees_it_itself() -> None:
    calls = FakeCalls(own=1)
    platform = this_machine(FakeClock(), None, lambda: calls)
    assert platform.foreground({"code", "winword"}) == frozenset({"code"})
    state = platform.sessions()
    assert (state.place, state.locked, state.idle_ms) == ("local", False, 4_711)
    assert state.problem is None
    assert platform.foreground({"winword"}) == frozenset()
    calls.rows = layout.session_rows((1, 4), (2, 0))  # somebody else is at it now
    platform.foreground({"code"})
    assert platform.sessions().idle_ms is None


def test_either_word_for_locked_holds() -> None:
    seat = Seat(InSession(5, 1, True, None))
    platform = WindowsPlatform(FakeClock(), FakeCalls(own=1), inside=seat)
    assert platform.sessions().locked is True
    assert platform.foreground({"code"}) is None
    unknown = Seat(InSession(None, 1, None, None, None, "refused"))
    platform = WindowsPlatform(FakeClock(), FakeCalls(own=1), inside=unknown)
    assert platform.sessions().problem == "refused"


def test_input_is_counted_over_the_wrap_of_the_counter() -> None:
    late = b"\x08\0\0\0" + (2**32 - 100).to_bytes(4, "little")
    seen = WindowsSession(FakeCalls(own=1, input=(late, 400))).look([])
    assert seen.idle_ms == 500
    refused = WindowsSession(FakeCalls(own=1, input=(b"", 400))).look([])
    assert refused.idle_ms is None
    assert refused.problem is not None


def test_the_program_in_front_is_known_by_its_file_name_alone() -> None:
    calls = FakeCalls(own=1)
    session = WindowsSession(calls)
    assert session.look(["code.exe", "winword"]).front == "code.exe"
    for program, front in ((r"D:\x\SOLITAIRE.EXE", ""), ("", ""), (None, None)):
        calls.program = program
        assert session.look(["code"]).front == front
    assert session.look([]).front is None


# ---- network

PPP, WINTUN, ETHERNET, WIFI, MOBILE = 23, 53, 6, 71, 243


@pytest.mark.parametrize(("kind", "link"), [(6, "ethernet"), (71, "wifi"), (243, "cellular")])
def test_the_link_is_the_interface_of_the_way_out(kind: int, link: str) -> None:
    calls = FakeCalls(interfaces={7: layout.interface(kind)})
    assert machine(calls).network() == NetworkState(link, False, bytes.fromhex("02005e300001"))  # type: ignore[arg-type]  # one of its words


def test_through_a_tunnel_the_physical_network_is_where_the_machine_is() -> None:
    rows = [layout.route(9, "0.0.0.0"), layout.route(7, "192.0.2.1", metric=50)]
    interfaces = {9: layout.interface(WINTUN), 7: layout.interface(ETHERNET)}
    calls = FakeCalls(forward=layout.table(rows), interfaces=interfaces)
    assert machine(calls).network() == NetworkState("ethernet", True, bytes.fromhex("02005e300001"))
    interfaces[9] = layout.interface(WINTUN, status=2)
    assert machine(calls).network().vpn is False


def test_of_two_ways_out_the_one_that_windows_prefers_counts() -> None:
    rows = [layout.route(7, "192.0.2.1"), layout.route(8, "198.51.100.1")]
    calls = FakeCalls(
        forward=layout.table(rows),
        interfaces={7: layout.interface(WIFI), 8: layout.interface(ETHERNET)},
        metrics={7: 50, 8: 25},
        neighbours={(8, "198.51.100.1"): layout.neighbour("02005e300008")},
    )
    assert machine(calls).network().link == "ethernet"
    calls.metrics[8] = 75
    assert machine(calls).network().link == "wifi"


def test_without_a_way_out_there_is_no_network() -> None:
    for forward in (
        layout.table([]),
        layout.table([layout.route(7, "0.0.0.0", "10.0.0.0/8")]),
        b"",
    ):
        assert machine(FakeCalls(forward=forward)).network() == NetworkState("none", False, None)
    with pytest.raises(SampleError, match="routes"):
        machine(FakeCalls(forward=None)).network()


def test_the_access_point_is_asked_for_only_where_no_gateway_is_known() -> None:
    calls = FakeCalls()
    assert machine(calls).network().gateway_mac == bytes.fromhex("02005e300001")
    assert calls.wlan_asked == 0
    calls.neighbours = {(7, "192.0.2.1"): layout.neighbour("02005e300001", state=1)}
    assert machine(calls).network().gateway_mac == bytes.fromhex("02005e300002")
    calls.wlan_answer = (0, layout.wlan("02005e300002", state=4))
    assert machine(calls).network().gateway_mac is None
    calls.interfaces = {7: layout.interface(ETHERNET)}
    assert machine(calls).network().gateway_mac is None
    assert calls.wlan_asked == 2


def test_a_refused_access_point_is_said_with_what_to_do_and_is_no_absence() -> None:
    calls = FakeCalls(neighbours={}, wlan_answer=(5, b""))
    platform = machine(calls)
    assert platform.limits() == ()
    assert platform.network() == NetworkState("wifi", False, None)
    [limit] = platform.limits()
    assert limit.signal == "wifi"
    assert "24H2" in limit.sentence
    assert "ms-settings:privacy-location" in limit.sentence
    calls.wlan_answer = (0, layout.wlan("02005e300002"))
    platform.network()
    assert platform.limits() == ()


# ---- processes and health


def test_programs_are_known_with_or_without_their_ending() -> None:
    assert machine().running({"code", "winword", "solitaire.exe"}) == {"code", "solitaire.exe"}
    assert machine(FakeCalls(programs=())).running({"code"}) == frozenset()


def test_health_is_the_process_and_the_machine(tmp_path: Path) -> None:
    health = machine().health(tmp_path)
    assert (health.rss_bytes, health.disk_free_bytes) == (34 << 20, 64 << 30)
    assert health.battery_pct == 83
    with pytest.raises(SampleError, match="state directory"):
        machine(FakeCalls(free=None)).health(tmp_path)


@pytest.mark.parametrize(("flag", "percent"), [(128, 50), (255, 50), (1, 255)])
def test_a_machine_without_battery_has_none(tmp_path: Path, flag: int, percent: int) -> None:
    status = bytes(layout.PowerStatus(flag=flag, percent=percent))
    assert machine(FakeCalls(power_status=status)).health(tmp_path).battery_pct is None


# ---- the pipe, over a stand-in for its calls


class FakePipes:
    """`helper_pipe.Pipes`: instances with what clients wrote, and what they were told."""

    def __init__(self) -> None:
        self.made: list[int] = []
        self.clients: dict[int, int] = {}
        self.told: dict[int, bytes] = {}
        self.closed: set[int] = set()
        self.answers = True

    def create(self, name: str, *, first: bool) -> int:
        if first and name == "taken":
            raise OSError("CreateNamedPipe was refused")
        self.made.append(len(self.made) + 1)
        return self.made[-1]

    def connected(self, pipe: int) -> bool:
        return pipe in self.clients

    def session(self, pipe: int) -> int:
        if self.clients[pipe] < 0:
            raise OSError("GetNamedPipeClientSessionId was refused")
        return self.clients[pipe]

    def read(self, pipe: int, most: int) -> bytes | None:
        asked = self.told.pop(pipe, None)
        if asked is None or not self.answers:
            return None
        question: Question = helper_line.read_question(asked)
        seen = InSession(5, 1, False, "code")
        return helper_line.answer(question.serial, seen, question.names, "ok")[:most]

    def write(self, pipe: int, data: bytes) -> bool:
        self.told[pipe] = data
        return pipe not in self.closed

    def close(self, pipe: int) -> None:
        self.closed.add(pipe)


def test_a_helper_answers_over_the_pipe_for_its_own_session() -> None:
    pipes = FakePipes()
    helpers = Helpers(PipeListener("zaigang", pipes), FakeClock())
    platform = WindowsPlatform(FakeClock(), FakeCalls(), helpers=helpers)
    assert "session-helper" in str(platform.sessions().problem)
    pipes.clients = {1: 1}
    assert platform.foreground({"code"}) == frozenset({"code"})
    assert platform.sessions().idle_ms == 0
    assert pipes.made == [1, 2]  # the next one can wait
    helpers.close()
    assert pipes.closed == {1, 2}


def test_a_helper_of_another_session_is_turned_away_and_a_nameless_one_too() -> None:
    pipes = FakePipes()
    pipes.clients = {1: 3, 2: -1}
    helpers = Helpers(PipeListener("zaigang", pipes), FakeClock())
    assert helpers.ask(1, {1}, ()) is None
    assert pipes.closed == {1, 2}
    with pytest.raises(AgentError, match="another agent"):
        PipeListener("taken", pipes)


# ---- anything else

noise = st.binary(max_size=1400)


@given(noise, noise)
def test_any_bytes_give_small_values_or_none(raw: bytes, other: bytes) -> None:
    idle_ms = answers.idle_ms(raw, len(other))
    assert idle_ms is None or 0 <= idle_ms < 2**32
    assert all(one.number for one in answers.sessions(raw))
    assert answers.locked(raw, 1) in (None, True, False)
    assert answers.place(raw) in (None, "local", "remote")
    assert answers.screen_is_shared(raw) in (True, False)
    assert all(route.gateway is None or len(route.gateway) == 4 for route in answers.routes(raw))
    found = answers.interface(raw)
    assert found is None or len(found.guid) == 16
    for mac in (answers.hardware_address(raw), answers.access_point(raw)):
        assert mac is None or len(mac) == 6
    made = answers.boot_process_started(raw)
    assert made is None or made > 0
    pct = answers.battery_pct(raw)
    assert pct is None or 0 <= pct <= 100
    assert answers.resident_bytes(raw) >= 0
    assert answers.interface_metric(raw) >= 0
    assert answers.matching(answers.process_names([raw, other]), {"code"}) <= {"code"}


@given(st.text(max_size=300))
def test_any_text_of_the_time_service_is_a_yes_or_no(text: str) -> None:
    assert answers.synchronised(text) in (True, False)


def test_the_calls_open_nothing_before_they_are_made() -> None:
    assert windows_calls.Calls.__init__.__doc__
    if sys.platform != "win32":
        with pytest.raises(OSError, match="kernel32"):
            windows_calls.Calls()


def test_the_fake_answers_everything_that_is_asked() -> None:
    asked = {n for n in vars(windows_calls.Calls) if not n.startswith("_")}
    assert asked <= set(dir(FakeCalls))
    assert replace(FakeCalls()) == FakeCalls()
