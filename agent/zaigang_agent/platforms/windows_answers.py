"""What Windows answers, as bytes in the layout of its headers for 64-bit. Pure: garbage gives None or
less, never an exception.

Offsets are of x64 and ARM64, which lay structures out alike; Windows 10 and 11 for 32-bit processors
are not supported. Each is checked against the documented structure by a test that builds it from its
fields. Names of sessions, users, networks and windows are in some answers, and are not looked at.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from zaigang_shared.readings import Link, SessionPlace

_AF_INET: Final = 2
_ACTIVE: Final = 0  # WTSActive
_RDP: Final = 2  # WTSClientProtocolType: 0 console, 2 RDP
_ROW: Final = 104  # MIB_IPFORWARD_ROW2
_UP: Final = 1  # IfOperStatusUp
_REACHED: Final = 2  # NlnsProbe; below are unreachable and incomplete
_ESTABLISHED: Final = 5  # MIB_TCP_STATE_ESTAB
_SHARING_PORTS: Final = frozenset({3389, *range(5900, 5910)})  # as linux_files
# IF_TYPE_* of ipifcons.h: PPP, PROP_VIRTUAL (WireGuard and OpenVPN through Wintun), TUNNEL.
_TUNNELS: Final = frozenset({23, 53, 131})
_LINKS: Final[dict[int, Link]] = {
    71: "wifi",
    243: "cellular",
    244: "cellular",
}  # IEEE80211, WWANPP(2)
IF_ROW_BYTES: Final = 1352  # MIB_IF_ROW2
NEIGHBOUR_BYTES: Final = 88  # MIB_IPNET_ROW2
IP_INTERFACE_BYTES: Final = 168  # MIB_IPINTERFACE_ROW
PROCESS_BYTES: Final = 568  # PROCESSENTRY32W
_NAME_AT: Final = 44
_LAST_INPUT: Final = struct.Struct("<II")
_KERNEL_SESSION: Final = 0  # services live there, nobody works there


def idle_ms(last_input_info: bytes, tick_ms: int) -> int | None:
    """LASTINPUTINFO {cbSize, dwTime} and GetTickCount: both wrap after 49.7 days."""
    if len(last_input_info) < 8:
        return None
    size, when_ms = _LAST_INPUT.unpack_from(last_input_info)
    return (tick_ms - when_ms) % 2**32 if size == 8 else None


@dataclass(frozen=True, slots=True)
class Session:
    """One row of WTSEnumerateSessions."""

    number: int
    active: bool


def sessions(rows: bytes) -> list[Session]:
    """An array of WTS_SESSION_INFOW {DWORD SessionId; LPWSTR; WTS_CONNECTSTATE_CLASS}, 24 bytes
    each, without the session of services."""
    found = []
    for at in range(0, len(rows) - 23, 24):
        number, state = struct.unpack_from("<I12xI", rows, at)
        if number != _KERNEL_SESSION:
            found.append(Session(number, state == _ACTIVE))
    return found


def locked(info: bytes, number: int) -> bool | None:
    """WTSINFOEXW of a session: level 1, then SessionId at 8, SessionFlags at 16: 0 is locked, 1 is
    not. (Windows 7 had it the other way round, and is not supported.)"""
    if len(info) < 20:
        return None
    level, session, flags = struct.unpack_from("<I4xI4xi", info)
    if level != 1 or session != number:
        return None
    return {0: True, 1: False}.get(flags)


def place(protocol: bytes) -> SessionPlace | None:
    """WTSClientProtocolType of a session."""
    if len(protocol) < 2:
        return None
    return "remote" if struct.unpack_from("<H", protocol)[0] == _RDP else "local"


def screen_is_shared(table: bytes) -> bool:
    """Whether a connection from another machine to a port of RDP or VNC stands: MIB_TCPTABLE, rows
    of {state, local address, local port, remote address, remote port}, ports in network order."""
    if len(table) < 4:
        return False
    (count,) = struct.unpack_from("<I", table)
    for at in range(4, min(len(table) - 19, 4 + 20 * count), 20):
        state, _, port, remote, _ = struct.unpack_from("<IIIII", table, at)
        named = (port & 0xFF) << 8 | port >> 8 & 0xFF
        if state == _ESTABLISHED and named in _SHARING_PORTS and remote & 0xFF != 127:
            return True
    return False


@dataclass(frozen=True, slots=True)
class Route:
    """A row of the IPv4 route table."""

    luid: int
    gateway: bytes | None
    """Four bytes; None when the target is on the link."""
    default: bool
    metric: int


def routes(table: bytes) -> list[Route]:
    """MIB_IPFORWARD_TABLE2: a count, rows from byte 8; loop-back left out."""
    if len(table) < 8:
        return []
    (count,) = struct.unpack_from("<I", table)
    found = []
    for at in range(8, min(len(table) - _ROW + 1, 8 + _ROW * count), _ROW):
        (luid,) = struct.unpack_from("<Q", table, at)
        family, target, prefix = struct.unpack_from("<H2x4s20xB", table, at + 12)
        hop = table[at + 48 : at + 52]
        (metric,) = struct.unpack_from("<I", table, at + 84)
        if family == _AF_INET and not table[at + 92]:
            default = prefix == 0 and target == bytes(4)
            found.append(Route(luid, hop if any(hop) else None, default, metric))
    return found


@dataclass(frozen=True, slots=True)
class Interface:
    """What matters of a MIB_IF_ROW2."""

    kind: int
    up: bool
    guid: bytes

    @property
    def tunnel(self) -> bool:
        return self.kind in _TUNNELS

    @property
    def link(self) -> Link:
        return _LINKS.get(self.kind, "ethernet")


def interface(row: bytes) -> Interface | None:
    """MIB_IF_ROW2: GUID at 12, type at 1128, operational status at 1156."""
    if len(row) < IF_ROW_BYTES:
        return None
    (kind,) = struct.unpack_from("<I", row, 1128)
    (status,) = struct.unpack_from("<I", row, 1156)
    return Interface(kind, status == _UP, row[12:28])


def interface_metric(row: bytes) -> int:
    """Metric of a MIB_IPINTERFACE_ROW, at 148; 0 when it is not told."""
    return int(struct.unpack_from("<I", row, 148)[0]) if len(row) >= IP_INTERFACE_BYTES else 0


def interface_question(luid: int) -> bytes:
    """A MIB_IPINTERFACE_ROW with its key filled in: family at 0, LUID at 8."""
    key = struct.pack("<H6xQ", _AF_INET, luid)
    return key + bytes(IP_INTERFACE_BYTES - len(key))


def neighbour_question(luid: int, address: bytes) -> bytes:
    """A MIB_IPNET_ROW2 with its key filled in: address at 0, LUID at 32."""
    key = struct.pack("<HH4s20x4xQ", _AF_INET, 0, address, luid)
    return key + bytes(NEIGHBOUR_BYTES - len(key))


def hardware_address(row: bytes) -> bytes | None:
    """MIB_IPNET_ROW2: address at 40, its length at 72, state at 76."""
    if len(row) < NEIGHBOUR_BYTES:
        return None
    size, state = struct.unpack_from("<II", row, 72)
    mac = row[40:46]
    return mac if size == 6 and state >= _REACHED and any(mac) else None


def access_point(attributes: bytes) -> bytes | None:
    """WLAN_CONNECTION_ATTRIBUTES: connected is state 1, the BSSID is at 560."""
    if len(attributes) < 566 or struct.unpack_from("<I", attributes)[0] != 1:
        return None
    mac = attributes[560:566]
    return mac if any(mac) else None


def process_names(entries: Iterable[bytes]) -> Iterator[str]:
    """File names out of PROCESSENTRY32W, lower case."""
    for entry in entries:
        name = entry[_NAME_AT : _NAME_AT + 520].decode("utf-16-le", "replace")
        yield name.partition("\0")[0].lower()


def matching(found: Iterable[str], wanted: Iterable[str]) -> frozenset[str]:
    """Which of `wanted` are among file names; ".exe" may be said or left out."""
    bare = {name.removesuffix(".exe") for name in found}
    return frozenset(name for name in wanted if name.removesuffix(".exe") in bare)


def boot_process_started(information: bytes) -> int | None:
    """When the System process (number 4) was made, in 100 ns since 1601: the same for all of a boot,
    and another in the next. SYSTEM_PROCESS_INFORMATION: next at 0, CreateTime at 32, number at 80.

    The time is noted when the process is made and never corrected, unlike the "boot time" that
    Windows tells, which moves with the clock.
    """
    at = 0
    for _ in range(100_000):
        if at + 88 > len(information):
            return None
        (following,) = struct.unpack_from("<I", information, at)
        (made,) = struct.unpack_from("<q", information, at + 32)
        (number,) = struct.unpack_from("<Q", information, at + 80)
        if number == 4:
            return made if made > 0 else None
        if following == 0:
            return None
        at += following
    return None


def battery_pct(status: bytes) -> float | None:
    """SYSTEM_POWER_STATUS: flags at 1 (128 no battery, 255 unknown), percent at 2 (255 unknown)."""
    if len(status) < 3 or status[1] == 255 or status[1] & 128 or status[2] > 100:
        return None
    return float(status[2])


def resident_bytes(counters: bytes) -> int:
    """WorkingSetSize of PROCESS_MEMORY_COUNTERS, at 16; 0 when it was not told."""
    return int(struct.unpack_from("<Q", counters, 16)[0]) if len(counters) >= 24 else 0


def synchronised(w32tm: str) -> bool:
    """`w32tm /query /status`: the words are in the language of the system, the digits are not. The
    leap indicator comes first and is 3 without synchronisation; then the stratum, 0 without."""
    digits = [
        int(match[1])
        for line in w32tm.splitlines()
        if (match := re.match(r"[^:：]{1,60}[:：]\s{0,20}(\d{1,3})\s?\(", line))
    ]
    return len(digits) >= 2 and digits[0] in (0, 1, 2) and 1 <= digits[1] <= 15
