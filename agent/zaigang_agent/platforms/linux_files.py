"""What the files under /proc and /sys say. Pure: text in, values out; garbage gives None or less,
never an exception, because a kernel or a container may show anything there."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from zaigang_shared.readings import Link

_UP: Final = 0x1
_GATEWAY: Final = 0x2
_REJECT: Final = 0x200
_ARP_COMPLETE: Final = 0x2
_ZERO_MAC: Final = bytes(6)
_TUN: Final = 0x1  # IFF_TUN; a TAP (0x2) belongs to a virtual machine more often than to a VPN
_ESTABLISHED: Final = 0x01  # include/net/tcp_states.h
# RDP and VNC by their registered ports. A server that was moved to another is not noticed; a longer
# list would take other programs for screen sharing.
_SHARING_PORTS: Final = frozenset({3389, *range(5900, 5910)})
_LOOPBACK: Final = frozenset({
    "0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000",
})  # fmt: skip
_MAC: Final = re.compile(r"[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}\Z")


@dataclass(frozen=True, slots=True)
class Route:
    """A default route."""

    interface: str
    gateway: str | None
    """IPv4 in dotted form; None for a route without one, or of IPv6."""
    metric: int


def default_routes(route: str, ipv6_route: str = "") -> list[Route]:
    """From /proc/net/route and /proc/net/ipv6_route, the preferred first, IPv4 before IPv6."""
    v4 = sorted(filter(None, map(_ipv4_default, route.splitlines())), key=_metric)
    v6 = sorted(filter(None, map(_ipv6_default, ipv6_route.splitlines())), key=_metric)
    return v4 + v6


def _metric(route: Route) -> int:
    return route.metric


def _ipv4_default(line: str) -> Route | None:
    fields = line.split()
    try:
        interface, target, gateway, flags, metric, mask = (fields[i] for i in (0, 1, 2, 3, 6, 7))
        bits = int(flags, 16)
        if int(target, 16) or int(mask, 16) or not bits & _UP or bits & _REJECT:
            return None
        # Written in the machine's byte order; every Linux that this runs on is little endian.
        address = ".".join(map(str, int(gateway, 16).to_bytes(4, "little")))
        return Route(interface, address if bits & _GATEWAY else None, int(metric))
    except (IndexError, ValueError, OverflowError):
        return None


def _ipv6_default(line: str) -> Route | None:
    fields = line.split()
    try:
        if int(fields[0], 16) or int(fields[1], 16) or fields[9] == "lo":
            return None
        bits = int(fields[8], 16)
        if not bits & _UP or bits & _REJECT:
            return None
        return Route(fields[9], None, int(fields[5], 16))
    except (IndexError, ValueError):
        return None


def hardware_address(arp: str, address: str, interface: str) -> bytes | None:
    """The six bytes behind an IPv4 address on an interface, from /proc/net/arp."""
    for line in arp.splitlines():
        fields = line.split()
        if len(fields) != 6 or fields[0] != address or fields[5] != interface:
            continue
        try:
            complete = int(fields[2], 16) & _ARP_COMPLETE
        except ValueError:
            continue
        if complete and _MAC.match(fields[3]):
            mac = bytes.fromhex(fields[3].replace(":", ""))
            return None if mac == _ZERO_MAC else mac
    return None


def screen_is_shared(tcp: str) -> bool:
    """Whether a connection from another machine to a port of RDP or VNC stands: /proc/net/tcp, tcp6."""
    return any(map(_shares_screen, tcp.splitlines()))


def _shares_screen(line: str) -> bool:
    fields = line.split(maxsplit=4)
    try:
        port = int(fields[1].rpartition(":")[2], 16)
        return (
            port in _SHARING_PORTS
            and int(fields[3], 16) == _ESTABLISHED
            and fields[2].rpartition(":")[0].upper() not in _LOOPBACK
        )
    except (IndexError, ValueError):
        return False


def devtype(uevent: str) -> str:
    """DEVTYPE of /sys/class/net/X/uevent: "wlan", "wwan", "wireguard", "bridge"; often empty."""
    return key_values(uevent).get("DEVTYPE", "")


def is_tunnel(name: str, uevent: str, tun_flags: str | None) -> bool:
    """Whether an interface is a VPN's end."""
    if devtype(uevent) == "wireguard" or name.startswith(("ppp", "ipsec", "vti")):
        return True
    try:
        return tun_flags is not None and bool(int(tun_flags, 16) & _TUN)
    except ValueError:
        return False


def link_of(uevent: str) -> Link:
    """What kind of link an interface is that carries a default route."""
    kinds: dict[str, Link] = {"wlan": "wifi", "wwan": "cellular"}
    return kinds.get(devtype(uevent), "ethernet")


def key_values(text: str) -> dict[str, str]:
    """Lines of KEY=VALUE; everything else is skipped."""
    pairs = (line.partition("=") for line in text.splitlines() if not line.startswith("#"))
    return {key.strip(): value.strip() for key, equals, value in pairs if equals}


def resident_pages(statm: str) -> int | None:
    """The second number of /proc/self/statm."""
    fields = statm.split()
    return int(fields[1]) if len(fields) > 1 and _is_number(fields[1]) else None


def controlling_terminal(stat: str) -> int | None:
    """tty_nr of /proc/PID/stat, 0 for none. The name before it may hold spaces and brackets."""
    fields = stat.rpartition(")")[2].split()
    if len(fields) < 5 or not _is_number(fields[4].removeprefix("-")):
        return None
    return int(fields[4])


def percent(capacity: str) -> float | None:
    """The capacity file of a battery."""
    text = capacity.strip()
    return min(100.0, float(text)) if _is_number(text) else None


def boot_id(text: str) -> bytes | None:
    """/proc/sys/kernel/random/boot_id as 16 bytes."""
    plain = text.strip().replace("-", "")
    return bytes.fromhex(plain) if re.fullmatch(r"[0-9a-f]{32}", plain) else None


def names_running(comms: Iterable[str], wanted: Iterable[str]) -> frozenset[str]:
    """Which of `wanted` (lower case) are among /proc/PID/comm, which is cut off at 15 characters."""
    running = {comm.rstrip("\n").lower() for comm in comms}
    return frozenset(name for name in wanted if name[:15] in running)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18
