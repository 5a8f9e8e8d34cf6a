"""Linux: laptops of every desktop, and nodes. Reads files; asks logind when it is there, and whoever
can see what the session sees: this process in its own session, a session helper in another's.

The root of the file tree is an argument, so that recorded trees answer in tests.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from zaigang_agent.errors import AgentError, SampleError
from zaigang_agent.platforms import dbus, linux_files, logind, tree
from zaigang_agent.platforms.base import (
    HelperDesk,
    Inside,
    NetworkState,
    ProcessHealth,
    SessionState,
)
from zaigang_agent.platforms.looks import SessionLooks
from zaigang_shared.clock import Clock

# Without logind the answer takes a pass over all processes, 2 ms for a hundred: once a minute is free,
# every ten seconds would be half of all that the agent uses.
_IN_USE_MS: Final = 60_000
_TERMINALS: Final = "terminals"
_CHUNK: Final = 1 << 16


class LinuxPlatform(SessionLooks):
    """`platforms.base.Platform` on Linux."""

    name = "linux"

    def __init__(
        self,
        clock: Clock,
        root: Path = Path("/"),
        *,
        system_bus: logind.Caller | None = None,
        inside: Inside | None = None,
        helpers: HelperDesk | None = None,
        kernel_synced: Callable[[], bool] | None = None,
        uid: int = 0,
    ) -> None:
        """`system_bus`: a connection, None for a bus that is not there; `inside`: the session of
        this process; `helpers`: of everybody else's; `kernel_synced`: asks the kernel when the file
        tree does not tell; `uid`: whose process this is."""
        super().__init__(clock, own=uid, inside=inside, helpers=helpers)
        self._root = root
        self._system_bus = system_bus
        self._kernel_synced = kernel_synced or (lambda: False)
        self._uid = uid

    # ---- time and boot

    def boot_id(self) -> bytes:
        found = linux_files.boot_id(self._text("proc/sys/kernel/random/boot_id"))
        if found is None:
            raise AgentError("/proc/sys/kernel/random/boot_id cannot be read: mount /proc")
        return found

    def clock_synced(self) -> bool:
        # systemd-timesyncd's own file first: a hardened unit is refused the system call.
        return (self._root / "run/systemd/timesync/synchronized").exists() or self._kernel_synced()

    def suspended_ms(self) -> int:
        # Not the time but the difference of two counters, one of which stops while asleep.
        asleep_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.clock_gettime_ns(
            time.CLOCK_MONOTONIC
        )
        return max(0, asleep_ns // 1_000_000)

    def shutting_down(self) -> bool:
        try:
            return self._system_bus is not None and logind.preparing_for_shutdown(self._system_bus)
        except dbus.DBusError:
            return False

    # ---- session

    def _kept_ms(self, state: SessionState) -> int:
        return _IN_USE_MS if state.source == _TERMINALS else super()._kept_ms(state)

    def _look(self) -> SessionState:
        why = "no message bus"
        if self._system_bus is not None:
            try:
                return self._by_logind(self._system_bus)
            except dbus.DBusError as error:
                why = str(error)
        return self._without_logind(why)

    def _by_logind(self, bus: logind.Caller) -> SessionState:
        chosen = logind.choose(bus, self._uid)
        seen = None
        if chosen is not None and chosen.graphical and chosen.owner is not None:
            seen = self._see(chosen.owner, chosen.owners)
        found = logind.state(chosen, seen, self._terminal_idle_ms, self._clock.utc_ms())
        if found.place == "local" and self._screen_shared():
            found = replace(found, place="remote")
        return found

    def _screen_shared(self) -> bool:
        """Whether somebody is connected to this machine's own screen from elsewhere: then whose
        hand it is cannot be told. Only ports and states of connections are looked at."""
        return any(
            linux_files.screen_is_shared(self._text(f"proc/net/{table}"))
            for table in ("tcp", "tcp6")
        )

    def _without_logind(self, why: str) -> SessionState:
        """Containers and machines without systemd: when no process has a terminal and no display
        is served, nobody is in a session; otherwise it cannot be told who, and where from."""
        if self._in_use():
            problem = f"logind cannot be asked ({why}): sessions, lock and idle time are unknown"
            return SessionState(None, None, None, 1, _TERMINALS, problem)
        return SessionState("none", False, None, 1, _TERMINALS, None)

    def _in_use(self) -> bool:
        displays = any(
            next(self._root.glob(pattern), None) is not None
            for pattern in ("tmp/.X11-unix/X*", "run/user/*/wayland-*")
        )
        return displays or any(
            linux_files.controlling_terminal(self._read(f"{process}/stat"))
            for process in self._processes()
        )

    def _terminal_idle_ms(self, terminal: str) -> int | None:
        """Since the last input, by the access time that the kernel keeps (as `w` shows it)."""
        name = terminal.removeprefix("/dev/")
        if not name or ".." in name:
            return None
        try:
            accessed_ms = (self._root / "dev" / name).stat().st_atime_ns // 1_000_000
        except OSError:
            return None
        return max(0, self._clock.utc_ms() - accessed_ms)

    # ---- network

    def network(self) -> NetworkState:
        interfaces = self._names("sys/class/net")
        tunnels = {name for name in interfaces if self._is_tunnel(name)}
        vpn = any(self._net(name, "operstate") != "down" for name in tunnels)
        routes = linux_files.default_routes(
            self._text("proc/net/route"), self._text("proc/net/ipv6_route")
        )
        # Through a tunnel the way out is still the physical network: that is where the machine is.
        physical = next((route for route in routes if route.interface not in tunnels), None)
        if physical is None:
            return NetworkState("none", vpn, None)
        mac, link = None, linux_files.link_of(self._net(physical.interface, "uevent"))
        if physical.gateway is not None:
            arp = self._text("proc/net/arp")
            mac = linux_files.hardware_address(arp, physical.gateway, physical.interface)
        if mac is None and link == "wifi" and self._system_bus is not None:
            from zaigang_agent.platforms import networkmanager  # for the few networks of IPv6 alone

            mac = networkmanager.access_point(self._system_bus, physical.interface)
        return NetworkState(link, vpn, mac)

    def _is_tunnel(self, name: str) -> bool:
        flags = self._net(name, "tun_flags")
        return linux_files.is_tunnel(name, self._net(name, "uevent"), flags or None)

    def _net(self, interface: str, file: str) -> str:
        return self._text(f"sys/class/net/{interface}/{file}").strip()

    # ---- processes, folders, health

    def running(self, names: Collection[str]) -> frozenset[str]:
        comms = (self._read(f"{process}/comm") for process in self._processes())
        return linux_files.names_running(comms, names)

    def folder_changes(self, path: Path, since_utc_ms: int) -> int:
        return tree.changed_files(path, since_utc_ms)

    def health(self, state_dir: Path) -> ProcessHealth:
        pages = linux_files.resident_pages(self._text("proc/self/statm")) or 0
        used = os.times()
        try:
            disk = os.statvfs(state_dir)
        except OSError as error:
            raise SampleError("permission", f"the state directory is not there: {error}") from error
        return ProcessHealth(
            rss_bytes=pages * os.sysconf("SC_PAGE_SIZE"),
            cpu_ms=int((used.user + used.system) * 1000),
            disk_free_bytes=disk.f_bavail * disk.f_frsize,
            battery_pct=self._battery_pct(),
        )

    def _battery_pct(self) -> float | None:
        """The machine's own battery; one of a mouse has scope Device."""
        for name in self._names("sys/class/power_supply"):
            where = f"sys/class/power_supply/{name}"
            own = self._text(f"{where}/scope").strip() != "Device"
            if own and self._text(f"{where}/type").strip() == "Battery":
                return linux_files.percent(self._text(f"{where}/capacity"))
        return None

    # ---- files

    def _processes(self) -> Iterator[str]:
        """Their folders; as text, since there are hundreds."""
        folder = self._root / "proc"
        return (f"{folder}/{name}" for name in self._names("proc") if name.isdigit())

    def _names(self, folder: str) -> list[str]:
        try:
            return sorted(os.listdir(self._root / folder))  # noqa: PTH208  # names, a tenth of the cost
        except OSError:
            return []

    def _text(self, path: str) -> str:
        return self._read(f"{self._root}/{path}")

    @staticmethod
    def _read(path: str) -> str:
        """The file, or nothing: what is not there or forbidden says nothing."""
        try:
            file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)  # half of what `open` costs
        except OSError:
            return ""
        try:
            parts = []
            while part := os.read(file, _CHUNK):
                parts.append(part)
            return b"".join(parts).decode(errors="replace")
        except OSError:
            return ""
        finally:
            os.close(file)


def this_machine(clock: Clock, helper_socket: Path | None = None) -> LinuxPlatform:
    """The machine that this process runs on. `helper_socket`: serve session helpers there.

    Raises AgentError when there can be no socket at that place.
    """
    has_logind = Path("/run/systemd/system").exists()
    uid = os.getuid()
    return LinuxPlatform(
        clock,
        system_bus=dbus.Connection(dbus.SYSTEM_BUS) if has_logind else None,
        inside=_own_session(clock) if has_logind and "XDG_RUNTIME_DIR" in os.environ else None,
        helpers=None if helper_socket is None else _serve(helper_socket, clock),
        kernel_synced=_kernel_synced,
        uid=uid,
    )


def _own_session(clock: Clock) -> Inside:
    # An agent that runs as a service has no session, and does not load this.
    from zaigang_agent.platforms import linux_desktop

    return linux_desktop.this_session(os.environ, clock)


def _serve(path: Path, clock: Clock) -> HelperDesk:
    from zaigang_agent.platforms.helper_server import Helpers
    from zaigang_agent.platforms.helper_socket import SocketListener

    return Helpers(SocketListener(path), clock)


def _kernel_synced() -> bool:
    # Where systemd-timesyncd keeps the time this is never asked, and ctypes costs a MiB.
    from zaigang_agent.platforms.adjtimex import kernel_synced

    return kernel_synced()
