"""What macOS answers. Pure: text and bytes in, values out; garbage gives None or less, never an
exception. Commands are asked for in the language of programs (LC_ALL=C)."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from zaigang_shared.readings import Link

_IPV4: Final = re.compile(r"\d{1,3}(\.\d{1,3}){3}\Z")
_MAC: Final = re.compile(r" at ([0-9a-fA-F]{1,2}(?::[0-9a-fA-F]{1,2}){5}) ")
_TUNNEL: Final = re.compile(r"(utun|ipsec|ppp|tap|tun)\d+\Z")
_PERCENT: Final = re.compile(r"InternalBattery[^\n]*?\s(\d{1,3})%")
_BUNDLE: Final = re.compile(r'"CFBundleIdentifier"="([^"\n]{1,256})"')
_SHARING_PORTS: Final = frozenset({"3389", *(str(port) for port in range(5900, 5910))})


@dataclass(frozen=True, slots=True)
class Ways:
    """The IPv4 routes."""

    interface: str | None
    """Of the physical way out; None when there is none."""
    gateway: str | None
    vpn: bool


def ways(netstat: str) -> Ways:
    """`netstat -rn -f inet`. macOS gives each service its own utun interfaces, which carry IPv6 only:
    one with a route of IPv4 is a VPN."""
    interface = gateway = None
    vpn = False
    for line in netstat.splitlines():
        fields = line.split()
        if len(fields) < 4 or fields[0] in ("Destination", "Routing"):
            continue
        target, way, port = fields[0], fields[1], fields[3]
        if _TUNNEL.match(port):
            vpn = True
        elif target == "default" and interface is None:
            interface, gateway = port, way if _IPV4.match(way) else None
    return Ways(interface, gateway, vpn)


def hardware_address(arp: str, address: str) -> bytes | None:
    """`arp -n ADDRESS`: "? (192.0.2.1) at 2:0:5e:10:0:1 on en0 ..."; zeros in front are left out."""
    if f"({address})" not in arp:
        return None
    match = _MAC.search(arp)
    if match is None:
        return None
    mac = bytes(int(part, 16) for part in match[1].split(":"))
    return mac if any(mac) else None


def link_of(ports: str, interface: str) -> Link:
    """`networksetup -listallhardwareports`: blocks of "Hardware Port: Wi-Fi" and "Device: en0"."""
    kind = ""
    for line in ports.splitlines():
        key, _, value = line.partition(": ")
        if key == "Hardware Port":
            kind = value.strip()
        elif key == "Device" and value.strip() == interface:
            if kind in ("Wi-Fi", "AirPort"):
                return "wifi"
            # A telephone that lends its connection is a mobile network.
            return "cellular" if "iPhone" in kind or "WWAN" in kind else "ethernet"
    return "ethernet"


def screen_is_shared(netstat: str) -> bool:
    """`netstat -an -p tcp`: a connection from another machine to a port of Screen Sharing or RDP."""
    for line in netstat.splitlines():
        fields = line.split()
        if len(fields) < 6 or fields[5] != "ESTABLISHED" or not fields[0].startswith("tcp"):
            continue
        port, remote = fields[3].rpartition(".")[2], fields[4].rpartition(".")[0]
        if port in _SHARING_PORTS and not remote.startswith("127.") and remote != "::1":
            return True
    return False


def logged_in_from_elsewhere(who: str) -> bool:
    """`who`: a session from another machine names it in brackets at the end."""
    return any(line.rstrip().endswith(")") and " tty" in line for line in who.splitlines())


def boot_id(session_uuid: str) -> bytes | None:
    """sysctl kern.bootsessionuuid."""
    try:
        return uuid.UUID(session_uuid.strip("\0 \n")).bytes
    except ValueError:
        return None


def names_running(ps: str, wanted: Iterable[str]) -> frozenset[str]:
    """`ps -axc -o comm=`: file names of programs, one a line."""
    running = {line.strip().lower() for line in ps.splitlines()}
    return frozenset(name for name in wanted if name in running)


def battery_pct(pmset: str) -> float | None:
    """`pmset -g batt`: " -InternalBattery-0 (id=1)	83%; discharging; ..."."""
    match = _PERCENT.search(pmset)
    return min(100.0, float(match[1])) if match else None


def front(lsappinfo: str, wanted: Iterable[str]) -> str | None:
    """`lsappinfo info -only bundleid`, of the application in front: the one of `wanted` that is its
    bundle identifier, or the last part of it; "" for another, None when it is not told."""
    match = _BUNDLE.search(lsappinfo)
    if match is None:
        return None
    bundle = match[1].lower()
    names = (bundle, bundle.rpartition(".")[2])
    return next((name for name in sorted(wanted) if name in names), "")


def resident_bytes(ps: str) -> int:
    """`ps -o rss= -p PID`, in KiB; 0 when it was not told."""
    text = ps.strip()
    return int(text) * 1024 if text.isascii() and text.isdigit() and len(text) <= 12 else 0
