"""Linux: laptops of every desktop, and nodes. Reads files; asks logind and GNOME when they are there.

The root of the file tree is an argument, so that recorded trees answer in tests.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Final

from zaigang_agent.errors import AgentError, SampleError
from zaigang_agent.platforms import dbus, linux_files, logind
from zaigang_agent.platforms.base import NetworkState, ProcessHealth, SessionState
from zaigang_shared.clock import Clock

# Folders deeper or larger than this are build trees and caches, not somebody's work of the last
# quarter of an hour; 50,000 files take about 0.2 s of processor time.
_MAX_FILES: Final = 50_000
# Two samplers ask within one step of the agent; a lock half a second later is the next look's.
_SAME_LOOK_MS: Final = 1_000
# Without logind the answer takes a pass over all processes, 2.5 ms here: once a minute is free,
# every ten seconds would be half of all that the agent uses.
_IN_USE_MS: Final = 60_000


class LinuxPlatform:
    """`platforms.base.Platform` on Linux."""

    name = "linux"

    def __init__(
        self,
        clock: Clock,
        root: Path = Path("/"),
        *,
        system_bus: logind.Caller | None = None,
        desktop_bus: logind.Caller | None = None,
        kernel_synced: Callable[[], bool] | None = None,
        uid: int = 0,
    ) -> None:
        """`system_bus`, `desktop_bus`: connections, None for a bus that is not there;
        `kernel_synced`: asks the kernel when the file tree does not tell; `uid`: whose process
        this is."""
        self._clock = clock
        self._root = root
        self._system_bus = system_bus
        self._desktop_bus = desktop_bus
        self._kernel_synced = kernel_synced or (lambda: False)
        self._uid = uid
        self._session: SessionState | None = None
        self._session_until_ms = 0

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

    def sessions(self) -> SessionState:
        now_ms = self._clock.boot_ms()
        if self._session is None or now_ms >= self._session_until_ms:
            self._session = self._look()
            kept_ms = _SAME_LOOK_MS if self._session.source == logind.SOURCE else _IN_USE_MS
            self._session_until_ms = now_ms + kept_ms
        return self._session

    def _look(self) -> SessionState:
        why = "no message bus"
        if self._system_bus is not None:
            try:
                return logind.sessions(
                    self._system_bus,
                    self._desktop_bus,
                    self._terminal_idle_ms,
                    self._clock.utc_ms(),
                    self._uid,
                )
            except dbus.DBusError as error:
                why = str(error)
        return self._without_logind(why)

    def _without_logind(self, why: str) -> SessionState:
        """Containers and machines without systemd: when no process has a terminal and no display
        is served, nobody is in a session; otherwise it cannot be told who, and where from."""
        if self._in_use():
            problem = f"logind cannot be asked ({why}): sessions, lock and idle time are unknown"
            return SessionState(None, None, None, 1, "terminals", problem)
        return SessionState("none", False, None, 1, "terminals", None)

    def _in_use(self) -> bool:
        displays = any(
            next(self._root.glob(pattern), None) is not None
            for pattern in ("tmp/.X11-unix/X*", "run/user/*/wayland-*")
        )
        return displays or any(
            linux_files.controlling_terminal(self._read(process / "stat"))
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
        mac = None
        if physical.gateway is not None:
            arp = self._text("proc/net/arp")
            mac = linux_files.hardware_address(arp, physical.gateway, physical.interface)
        return NetworkState(linux_files.link_of(self._net(physical.interface, "uevent")), vpn, mac)

    def _is_tunnel(self, name: str) -> bool:
        flags = self._net(name, "tun_flags")
        return linux_files.is_tunnel(name, self._net(name, "uevent"), flags or None)

    def _net(self, interface: str, file: str) -> str:
        return self._text(f"sys/class/net/{interface}/{file}").strip()

    # ---- processes, folders, health

    def running(self, names: Collection[str]) -> frozenset[str]:
        comms = (self._read(process / "comm") for process in self._processes())
        return linux_files.names_running(comms, names)

    def folder_changes(self, path: Path, since_utc_ms: int) -> int:
        since_ns = since_utc_ms * 1_000_000
        changed = seen = 0
        waiting = [path]
        while waiting and seen < _MAX_FILES:
            for entry in _entries(waiting.pop()):
                seen += 1
                # Gone meanwhile: deleted files are not counted either.
                with contextlib.suppress(OSError):
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(Path(entry.path))
                    elif entry.stat(follow_symlinks=False).st_mtime_ns > since_ns:
                        changed += 1
        return changed

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

    def _processes(self) -> Iterator[Path]:
        names = self._names("proc")
        return (self._root / "proc" / name for name in names if name.isdigit())

    def _names(self, folder: str) -> list[str]:
        try:
            return sorted(os.listdir(self._root / folder))  # noqa: PTH208  # names, a tenth of the cost
        except OSError:
            return []

    def _text(self, path: str) -> str:
        return self._read(self._root / path)

    @staticmethod
    def _read(path: Path) -> str:
        """The file, or nothing: what is not there or forbidden says nothing."""
        try:
            return path.read_text(errors="replace")
        except OSError:
            return ""


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """What is in a folder but hidden: caches and version control change by themselves. Empty when
    it is gone or not ours to read."""
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if not entry.name.startswith(".")]
    except OSError:
        return []


def this_machine(clock: Clock) -> LinuxPlatform:
    """The machine that this process runs on."""
    desktop = os.environ.get("DBUS_SESSION_BUS_ADDRESS")
    has_logind = Path("/run/systemd/system").exists()
    return LinuxPlatform(
        clock,
        system_bus=dbus.Connection(dbus.SYSTEM_BUS) if has_logind else None,
        desktop_bus=dbus.Connection(desktop) if desktop else None,
        kernel_synced=_kernel_synced,
        uid=os.getuid(),
    )


def _kernel_synced() -> bool:
    # Where systemd-timesyncd keeps the time this is never asked, and ctypes costs a MiB.
    from zaigang_agent.platforms.adjtimex import kernel_synced

    return kernel_synced()
