"""macOS 13 and later. A daemon is told who has the console, input and lock; what is in front is told
inside the session only, so by its helper.

Written against the documentation and tested on answers in the documented layout; never run by us on
macOS: docs/platforms.md.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Final, Protocol

from zaigang_agent.errors import AgentError, SampleError
from zaigang_agent.platforms import macos_answers as answers
from zaigang_agent.platforms import tree
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
from zaigang_shared.clock import Clock
from zaigang_shared.readings import SessionPlace

# A process each: who is connected from elsewhere may be known a minute late, and costs 20 ms.
_SHARING_MS: Final = 60_000
_PORTS_MS: Final = 3_600_000  # which interface is Wi-Fi changes with a dock
_LOGIN_WINDOW: Final = 0
_TIME_ERROR: Final = 5
_NOT_TOLD: Final = "macOS did not tell {}: report this with the version of `sw_vers`; until then activity is unknown"
_WIFI: Final = Limit(
    "wifi",
    "macOS redacts the access point for programs without location consent (networksetup since 15, "
    "ipconfig since 15.6, system_profiler since 15.7), so it is not asked for; networks are known by "
    "their gateway, and one without (IPv6 only) is not recognised: nothing to do",
)


class Calls(Protocol):
    """`macos_calls.Calls`."""

    def command(self, *words: str) -> str: ...
    def sysctl(self, name: str) -> str: ...
    def suspended_ms(self) -> int: ...
    def clock_state(self) -> int: ...
    def console_uid(self) -> int | None: ...
    def hid_idle_ns(self) -> int | None: ...
    def console_locked(self) -> bool | None: ...


class MacPlatform(SessionLooks):
    """`platforms.base.Platform` on macOS."""

    name = "macos"

    def __init__(
        self,
        clock: Clock,
        calls: Calls,
        *,
        inside: Inside | None = None,
        helpers: HelperDesk | None = None,
        uid: int = 0,
    ) -> None:
        """`inside`: the session of this process, when it runs as a person; `helpers`: of all others;
        `uid`: whose process this is."""
        super().__init__(clock, own=uid, inside=inside, helpers=helpers)
        self._calls = calls
        self._shared = False
        self._shared_until_ms: int | None = None
        self._ports = ""
        self._ports_until_ms: int | None = None

    # ---- time and boot

    def boot_id(self) -> bytes:
        found = answers.boot_id(self._calls.sysctl("kern.bootsessionuuid"))
        if found is None:
            raise AgentError(
                "sysctl kern.bootsessionuuid gave no UUID: macOS 13 or later is needed"
            )
        return found

    def clock_synced(self) -> bool:
        return 0 <= self._calls.clock_state() < _TIME_ERROR

    def suspended_ms(self) -> int:
        return self._calls.suspended_ms()

    def shutting_down(self) -> bool:
        return False  # macOS tells a daemon no more than SIGTERM: then the next boot says it

    # ---- session

    def _look(self) -> SessionState:
        owner = self._calls.console_uid()
        if owner is None:
            problem = _NOT_TOLD.format("who has the console")
            return SessionState(None, None, None, 1, "console", problem)
        if owner == _LOGIN_WINDOW:
            return self._nobody_at_the_console()
        self._see(owner, (owner,))
        idle_ns, locked = self._calls.hid_idle_ns(), self._calls.console_locked()
        place: SessionPlace = "remote" if self._screen_shared() else "local"
        missing = [
            what
            for what, told in (("the time since the last input", idle_ns), ("the lock", locked))
            if told is None
        ]
        return SessionState(
            place=place,
            locked=locked,
            idle_ms=None if idle_ns is None else max(0, idle_ns // 1_000_000),
            source="console",
            problem=_NOT_TOLD.format(" and ".join(missing)) if missing else None,
        )

    def _nobody_at_the_console(self) -> SessionState:
        if answers.logged_in_from_elsewhere(self._calls.command("/usr/bin/who")):
            problem = "somebody is logged in from elsewhere: activity there is not told"
            return SessionState("remote", False, None, 1, "who", problem)
        return SessionState("none", False, None, 1, "console", None)

    def _screen_shared(self) -> bool:
        now_ms = self._clock.boot_ms()
        if self._shared_until_ms is None or now_ms >= self._shared_until_ms:
            netstat = self._calls.command("/usr/sbin/netstat", "-an", "-p", "tcp")
            self._shared = answers.screen_is_shared(netstat)
            self._shared_until_ms = now_ms + _SHARING_MS
        return self._shared

    def limits(self) -> tuple[Limit, ...]:
        return (_WIFI, *super().limits())

    # ---- network

    def network(self) -> NetworkState:
        table = self._calls.command("/usr/sbin/netstat", "-rn", "-f", "inet")
        if not table:
            raise SampleError("permission", "netstat -rn told no routes")
        ways = answers.ways(table)
        if ways.interface is None:
            return NetworkState("none", ways.vpn, None)
        mac = None
        if ways.gateway is not None:
            arp = self._calls.command("/usr/sbin/arp", "-n", ways.gateway)
            mac = answers.hardware_address(arp, ways.gateway)
        return NetworkState(answers.link_of(self._hardware(), ways.interface), ways.vpn, mac)

    def _hardware(self) -> str:
        now_ms = self._clock.boot_ms()
        if self._ports_until_ms is None or now_ms >= self._ports_until_ms:
            self._ports = self._calls.command("/usr/sbin/networksetup", "-listallhardwareports")
            self._ports_until_ms = now_ms + _PORTS_MS
        return self._ports

    # ---- processes, folders, health

    def running(self, names: Collection[str]) -> frozenset[str]:
        return answers.names_running(self._calls.command("/bin/ps", "-axc", "-o", "comm="), names)

    def folder_changes(self, path: Path, since_utc_ms: int) -> int:
        return tree.changed_files(path, since_utc_ms)

    def health(self, state_dir: Path) -> ProcessHealth:
        used = os.times()
        try:
            disk = os.statvfs(state_dir)
        except OSError as error:
            raise SampleError("permission", f"the state directory is not there: {error}") from error
        own = self._calls.command("/bin/ps", "-o", "rss=", "-p", str(os.getpid()))
        return ProcessHealth(
            rss_bytes=answers.resident_bytes(own),
            cpu_ms=int((used.user + used.system) * 1000),
            disk_free_bytes=disk.f_bavail * disk.f_frsize,
            battery_pct=answers.battery_pct(self._calls.command("/usr/bin/pmset", "-g", "batt")),
        )


class MacSession:
    """`platforms.base.Inside`: the session that this process is in."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def look(self, names: Sequence[str]) -> InSession:
        idle_ns = self._calls.hid_idle_ns()
        return InSession(
            idle_ms=None if idle_ns is None else max(0, idle_ns // 1_000_000),
            idle_step_ms=1,
            locked=self._calls.console_locked(),
            front=self._front(names) if names else None,
            problem=None if idle_ns is not None else "HIDIdleTime is not told",
        )

    def _front(self, names: Sequence[str]) -> str | None:
        # One answer for the application in front; windows and their titles are not asked for.
        number = self._calls.command("/usr/bin/lsappinfo", "front").strip()
        if not number:
            return None
        told = self._calls.command("/usr/bin/lsappinfo", "info", "-only", "bundleid", number)
        return answers.front(told, names)


def this_machine(
    clock: Clock,
    helper_socket: Path | None = None,
    make_calls: Callable[[], Calls] | None = None,
) -> MacPlatform:
    """The machine that this process runs on. Raises AgentError."""
    calls = (make_calls or _calls)()
    uid = os.getuid()
    helpers: HelperDesk | None = None
    if helper_socket is not None:
        from zaigang_agent.platforms.helper_server import Helpers
        from zaigang_agent.platforms.helper_socket import SocketListener

        helpers = Helpers(SocketListener(helper_socket), clock)
    # Accounts of people begin at 501; daemons have lower numbers and no session.
    inside = MacSession(calls) if uid > 500 else None
    return MacPlatform(clock, calls, inside=inside, helpers=helpers, uid=uid)


def this_session() -> MacSession:
    """The session that this process is in."""
    return MacSession(_calls())


def _calls() -> Calls:
    from zaigang_agent.platforms import macos_calls

    return macos_calls.Calls()
