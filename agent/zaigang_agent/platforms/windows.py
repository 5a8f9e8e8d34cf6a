"""Windows 10 and 11, 64-bit. A service (session 0) is told who is logged on, from where, and whether
it is locked; input and what is in front are told inside the session only, so by its helper.

Written against the documentation and tested on answers in the documented layout; never run by us on
Windows: docs/platforms.md.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path, PureWindowsPath
from typing import Final, Protocol

from zaigang_agent.errors import AgentError, SampleError
from zaigang_agent.platforms import tree
from zaigang_agent.platforms import windows_answers as answers
from zaigang_agent.platforms.base import (
    HelperDesk,
    InSession,
    Inside,
    Limit,
    NetworkState,
    ProcessHealth,
    SessionState,
)
from zaigang_agent.platforms.looks import SessionLooks
from zaigang_agent.platforms.windows_answers import Interface, Route, Session
from zaigang_shared.clock import Clock

_ACCESS_DENIED: Final = 5
# w32tm is a process of its own; whether a clock is synchronised does not change by the minute.
_SYNC_MS: Final = 900_000
_NO_HELPER: Final = (
    "Windows tells input inside a session only, and no session helper answers: the scheduled task "
    "at logon has to run `zaigang-agent session-helper`; until then activity stays unknown"
)
_WIFI: Final = Limit(
    "wifi",
    "Windows (since 11 24H2) gives the access point only with location consent, and refused it; "
    "where the gateway is known nothing is missing; else allow location for desktop apps "
    "(ms-settings:privacy-location), or LetAppsAccessLocation by policy",
)


class Calls(Protocol):
    """`windows_calls.Calls`: the answers of the system, as bytes."""

    def uptime_ms(self) -> int: ...
    def awake_ms(self) -> int: ...
    def processes(self) -> bytes: ...
    def time_status(self) -> str: ...
    def shutting_down(self) -> bool: ...
    def session_rows(self) -> bytes: ...
    def session_info(self, number: int) -> bytes: ...
    def session_protocol(self, number: int) -> bytes: ...
    def own_session(self) -> int: ...
    def last_input(self) -> tuple[bytes, int]: ...
    def front_program(self) -> str | None: ...
    def process_entries(self) -> Iterable[bytes]: ...
    def routes(self) -> bytes: ...
    def interface(self, luid: int) -> bytes: ...
    def ip_interface(self, luid: int) -> bytes: ...
    def neighbour(self, luid: int, address: bytes) -> bytes: ...
    def tcp_connections(self) -> bytes: ...
    def wlan_connection(self, guid: bytes) -> tuple[int, bytes]: ...
    def memory(self) -> bytes: ...
    def disk_free_bytes(self, folder: str) -> int: ...
    def power(self) -> bytes: ...


class WindowsPlatform(SessionLooks):
    """`platforms.base.Platform` on Windows."""

    name = "windows"

    def __init__(
        self,
        clock: Clock,
        calls: Calls,
        *,
        inside: Inside | None = None,
        helpers: HelperDesk | None = None,
    ) -> None:
        """`inside`: the session of this process, when it has one; `helpers`: of all others."""
        super().__init__(clock, own=calls.own_session(), inside=inside, helpers=helpers)
        self._calls = calls
        self._boot: bytes | None = None
        self._synced = False
        self._synced_until_ms: int | None = None
        self._wifi_refused = False

    # ---- time and boot

    def boot_id(self) -> bytes:
        if self._boot is None:
            made = answers.boot_process_started(self._calls.processes())
            if made is None:
                raise AgentError(
                    "Windows does not tell when its System process began, so this boot cannot be "
                    "told from the next: report this with the build number of `winver`"
                )
            # "Fast startup" resumes the kernel of the last boot: process and counters go on.
            self._boot = hashlib.sha256(f"zaigang/windows-boot/1/{made}".encode()).digest()[:16]
        return self._boot

    def clock_synced(self) -> bool:
        now_ms = self._clock.boot_ms()
        if self._synced_until_ms is None or now_ms >= self._synced_until_ms:
            self._synced = answers.synchronised(self._calls.time_status())
            self._synced_until_ms = now_ms + _SYNC_MS
        return self._synced

    def suspended_ms(self) -> int:
        return max(0, self._calls.uptime_ms() - self._calls.awake_ms())

    def shutting_down(self) -> bool:
        return self._calls.shutting_down()

    # ---- session

    def _look(self) -> SessionState:
        try:
            listed = answers.sessions(self._calls.session_rows())
        except OSError as error:
            raise SampleError("permission", f"sessions cannot be listed: {error}") from error
        chosen = next((one for one in listed if one.active), None)
        if chosen is None:
            # Disconnected sessions go on, but nobody sits at them; the login screen is not active.
            return SessionState("none", False, None, 1, "WTS", None)
        return self._state(chosen, frozenset(one.number for one in listed))

    def _state(self, chosen: Session, owners: frozenset[int]) -> SessionState:
        number = chosen.number
        place = answers.place(self._calls.session_protocol(number))
        locked = answers.locked(self._calls.session_info(number), number)
        if place == "local" and answers.screen_is_shared(self._calls.tcp_connections()):
            place = "remote"
        seen = self._see(number, owners)
        if seen is not None and seen.locked is not None:
            locked = seen.locked or locked is True
        found = SessionState(place, locked, None, 1, "WTS", _NO_HELPER)
        if seen is None:
            return found
        if seen.idle_ms is None:
            return replace(found, problem=seen.problem or _NO_HELPER)
        return SessionState(
            place,
            locked,
            seen.idle_ms,
            seen.idle_step_ms,
            "WTS and the session",
            None,
            seen.regular,
        )

    def limits(self) -> tuple[Limit, ...]:
        return ((_WIFI,) if self._wifi_refused else ()) + super().limits()

    # ---- network

    def network(self) -> NetworkState:
        try:
            table = answers.routes(self._calls.routes())
        except OSError as error:
            raise SampleError("permission", f"routes cannot be read: {error}") from error
        rows = {route.luid: self._interface(route.luid) for route in table}
        ports = {luid: row for luid, row in rows.items() if row is not None and row.up}
        vpn = any(row.tunnel for row in ports.values())
        # Through a tunnel the way out is still the physical network: that is where the machine is.
        ways = [r for r in table if r.default and r.luid in ports and not ports[r.luid].tunnel]
        if not ways:
            return NetworkState("none", vpn, None)
        way = min(ways, key=self._metric)
        port, mac = ports[way.luid], None
        if way.gateway is not None:
            mac = answers.hardware_address(self._calls.neighbour(way.luid, way.gateway))
        if mac is None and port.link == "wifi":
            mac = self._access_point(port)
        return NetworkState(port.link, vpn, mac)

    def _metric(self, route: Route) -> int:
        """As Windows adds it up. GetBestRoute2 would do so too, and give the tunnel."""
        return route.metric + answers.interface_metric(self._calls.ip_interface(route.luid))

    def _interface(self, luid: int) -> Interface | None:
        return answers.interface(self._calls.interface(luid))

    def _access_point(self, port: Interface) -> bytes | None:
        error, attributes = self._calls.wlan_connection(port.guid)
        self._wifi_refused = error == _ACCESS_DENIED
        return None if error else answers.access_point(attributes)

    # ---- processes, folders, health

    def running(self, names: Collection[str]) -> frozenset[str]:
        return answers.matching(answers.process_names(self._calls.process_entries()), names)

    def folder_changes(self, path: Path, since_utc_ms: int) -> int:
        return tree.changed_files(path, since_utc_ms)

    def health(self, state_dir: Path) -> ProcessHealth:
        used = os.times()
        try:
            free = self._calls.disk_free_bytes(str(state_dir))
        except OSError as error:
            raise SampleError("permission", f"the state directory is not there: {error}") from error
        return ProcessHealth(
            rss_bytes=answers.resident_bytes(self._calls.memory()),
            cpu_ms=int((used.user + used.system) * 1000),
            disk_free_bytes=free,
            battery_pct=answers.battery_pct(self._calls.power()),
        )


class WindowsSession:
    """`platforms.base.Inside`: the session that this process is in."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def look(self, names: Sequence[str]) -> InSession:
        number = self._calls.own_session()
        info, tick_ms = self._calls.last_input()
        idle_ms = answers.idle_ms(info, tick_ms)
        return InSession(
            idle_ms=idle_ms,
            idle_step_ms=16,  # GetTickCount goes in steps of 10 to 16 ms
            locked=answers.locked(self._calls.session_info(number), number),
            front=self._front(names),
            problem=None if idle_ms is not None else "GetLastInputInfo was refused",
        )

    def _front(self, names: Sequence[str]) -> str | None:
        path = self._calls.front_program() if names else None
        if path is None:
            return None
        program = PureWindowsPath(path).name.lower()
        return next(iter(sorted(answers.matching([program], names))), "")


def this_machine(
    clock: Clock,
    helper_pipe: str | None = None,
    make_calls: Callable[[], Calls] | None = None,
) -> WindowsPlatform:
    """The machine that this process runs on. Raises AgentError."""
    calls = (make_calls or _calls)()
    helpers: HelperDesk | None = None
    if helper_pipe is not None:
        from zaigang_agent.platforms.helper_pipe import PipeListener
        from zaigang_agent.platforms.helper_server import Helpers

        helpers = Helpers(PipeListener(helper_pipe), clock)
    inside = WindowsSession(calls) if calls.own_session() else None
    return WindowsPlatform(clock, calls, inside=inside, helpers=helpers)


def this_session() -> WindowsSession:
    """The session that this process is in."""
    return WindowsSession(_calls())


def _calls() -> Calls:
    from zaigang_agent.platforms import windows_calls

    return windows_calls.Calls()
