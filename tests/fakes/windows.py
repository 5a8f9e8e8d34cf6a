"""Windows' structures, transcribed field by field from its headers, and a machine that answers in them.

ctypes lays them out by the rules of C, which are the same on 64-bit Linux and Windows for these types:
so offsets in `windows_answers` are held against the headers, not against themselves. All values are
invented; none was recorded on Windows.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from ctypes import c_int32, c_int64, c_uint8, c_uint16, c_uint32, c_uint64
from dataclasses import dataclass, field


class SockaddrInet(ctypes.Structure):  # ws2ipdef.h: a union as large as SOCKADDR_IN6
    _fields_ = (
        ("family", c_uint16),
        ("port", c_uint16),
        ("address", c_uint8 * 4),
        ("rest", c_uint32 * 5),
    )


class AddressPrefix(ctypes.Structure):  # netioapi.h IP_ADDRESS_PREFIX
    _fields_ = (("prefix", SockaddrInet), ("length", c_uint8))


class ForwardRow(ctypes.Structure):  # netioapi.h MIB_IPFORWARD_ROW2
    _fields_ = (
        ("luid", c_uint64),
        ("index", c_uint32),
        ("destination", AddressPrefix),
        ("next_hop", SockaddrInet),
        ("site_prefix_length", c_uint8),
        ("valid_lifetime", c_uint32),
        ("preferred_lifetime", c_uint32),
        ("metric", c_uint32),
        ("protocol", c_uint32),
        ("loopback", c_uint8),
        ("autoconfigure", c_uint8),
        ("publish", c_uint8),
        ("immortal", c_uint8),
        ("age", c_uint32),
        ("origin", c_uint32),
    )


class InterfaceRow(ctypes.Structure):  # netioapi.h MIB_IF_ROW2
    _fields_ = (
        ("luid", c_uint64),
        ("index", c_uint32),
        ("guid_1", c_uint32),
        ("guid_2", c_uint16 * 2),
        ("guid_4", c_uint8 * 8),
        ("alias", c_uint16 * 257),
        ("description", c_uint16 * 257),
        ("physical_length", c_uint32),
        ("physical", c_uint8 * 32),
        ("permanent", c_uint8 * 32),
        ("mtu", c_uint32),
        ("type", c_uint32),
        ("tunnel_type", c_uint32),
        ("media_type", c_uint32),
        ("physical_medium", c_uint32),
        ("access_type", c_uint32),
        ("direction_type", c_uint32),
        ("flags", c_uint8),
        ("oper_status", c_uint32),
        ("admin_status", c_uint32),
        ("connect_state", c_uint32),
        ("network_guid_1", c_uint32),
        ("network_guid_2", c_uint16 * 2),
        ("network_guid_4", c_uint8 * 8),
        ("connection_type", c_uint32),
        ("speeds", c_uint64 * 2),
        ("counters", c_uint64 * 18),
    )


class IpInterfaceRow(ctypes.Structure):  # netioapi.h MIB_IPINTERFACE_ROW
    _fields_ = (
        ("family", c_uint16),
        ("luid", c_uint64),
        ("index", c_uint32),
        ("max_reassembly", c_uint32),
        ("identifier", c_uint64),
        ("min_advertisement", c_uint32),
        ("max_advertisement", c_uint32),
        ("switches_1", c_uint8 * 9),
        ("router_discovery", c_uint32),
        ("dad_transmits", c_uint32),
        ("base_reachable", c_uint32),
        ("retransmit", c_uint32),
        ("path_mtu_timeout", c_uint32),
        ("link_local", c_uint32),
        ("link_local_timeout", c_uint32),
        ("zones", c_uint32 * 16),
        ("site_prefix_length", c_uint32),
        ("metric", c_uint32),
        ("mtu", c_uint32),
        ("switches_2", c_uint8 * 4),
        ("offloads", c_uint8 * 2),
        ("disable_default_routes", c_uint8),
    )


class NeighbourRow(ctypes.Structure):  # netioapi.h MIB_IPNET_ROW2
    _fields_ = (
        ("address", SockaddrInet),
        ("index", c_uint32),
        ("luid", c_uint64),
        ("physical", c_uint8 * 32),
        ("physical_length", c_uint32),
        ("state", c_uint32),
        ("flags", c_uint8),
        ("reachable", c_uint32),
    )


class SessionRow(ctypes.Structure):  # wtsapi32.h WTS_SESSION_INFOW
    _fields_ = (("number", c_uint32), ("name", c_uint64), ("state", c_uint32))


class SessionInfo(ctypes.Structure):  # wtsapi32.h WTSINFOEX_LEVEL1_W
    _fields_ = (
        ("number", c_uint32),
        ("state", c_uint32),
        ("flags", c_int32),
        ("station", c_uint16 * 33),
        ("user", c_uint16 * 21),
        ("domain", c_uint16 * 18),
        ("times", c_int64 * 5),
        ("counts", c_uint32 * 6),
    )


class SessionInfoEx(ctypes.Structure):  # wtsapi32.h WTSINFOEXW; the union has one level
    _fields_ = (("level", c_uint32), ("data", SessionInfo))


class ProcessEntry(ctypes.Structure):  # tlhelp32.h PROCESSENTRY32W
    _fields_ = (
        ("size", c_uint32),
        ("usage", c_uint32),
        ("number", c_uint32),
        ("heap", c_uint64),
        ("module", c_uint32),
        ("threads", c_uint32),
        ("parent", c_uint32),
        ("priority", c_int32),
        ("flags", c_uint32),
        ("file", c_uint16 * 260),
    )


class SystemProcess(ctypes.Structure):  # winternl.h and phnt SYSTEM_PROCESS_INFORMATION, its begin
    _fields_ = (
        ("next", c_uint32),
        ("threads", c_uint32),
        ("working_set_private", c_int64),
        ("hard_faults", c_uint32),
        ("threads_high", c_uint32),
        ("cycles", c_uint64),
        ("made", c_int64),
        ("user_time", c_int64),
        ("kernel_time", c_int64),
        ("name_lengths", c_uint16 * 2),
        ("name", c_uint64),
        ("priority", c_int32),
        ("number", c_uint64),
        ("parent", c_uint64),
    )


class MemoryCounters(ctypes.Structure):  # psapi.h PROCESS_MEMORY_COUNTERS
    _fields_ = (
        ("size", c_uint32),
        ("faults", c_uint32),
        ("peak", c_uint64),
        ("working_set", c_uint64),
        ("rest", c_uint64 * 6),
    )


class WlanConnection(ctypes.Structure):  # wlanapi.h WLAN_CONNECTION_ATTRIBUTES, up to the BSSID
    _fields_ = (
        ("state", c_uint32),
        ("mode", c_uint32),
        ("profile", c_uint16 * 256),
        ("ssid_length", c_uint32),
        ("ssid", c_uint8 * 32),
        ("bss_type", c_uint32),
        ("bssid", c_uint8 * 6),
        ("phy", c_uint32),
        ("rest", c_uint32 * 8),
    )


class PowerStatus(ctypes.Structure):  # winbase.h SYSTEM_POWER_STATUS
    _fields_ = (
        ("line", c_uint8),
        ("flag", c_uint8),
        ("percent", c_uint8),
        ("saver", c_uint8),
        ("life", c_uint32),
        ("full", c_uint32),
    )


def address(text: str) -> SockaddrInet:
    parts = (c_uint8 * 4)(*(int(part) for part in text.split(".")))
    return SockaddrInet(2, 0, parts)


def route(luid: int, gateway: str, target: str = "0.0.0.0/0", metric: int = 0) -> bytes:
    where, _, length = target.partition("/")
    prefix = AddressPrefix(address(where), int(length))
    return bytes(
        ForwardRow(luid=luid, destination=prefix, next_hop=address(gateway), metric=metric)
    )


def table(rows: Iterable[bytes]) -> bytes:
    listed = list(rows)
    return len(listed).to_bytes(4, "little") + bytes(4) + b"".join(listed)


def interface(kind: int, status: int = 1) -> bytes:
    alias = (c_uint16 * 257)(*b"a name that nobody looks at")
    return bytes(InterfaceRow(type=kind, oper_status=status, alias=alias, guid_1=0x11223344))


def neighbour(mac: str, state: int = 5) -> bytes:
    raw = bytes.fromhex(mac)
    physical = (c_uint8 * 32)(*raw)
    return bytes(NeighbourRow(physical=physical, physical_length=len(raw), state=state))


def session_rows(*rows: tuple[int, int]) -> bytes:
    return b"".join(bytes(SessionRow(number, 0xDEAD, state)) for number, state in rows)


def session_info(number: int, flags: int, level: int = 1) -> bytes:
    user = (c_uint16 * 21)(*b"somebody")
    return bytes(SessionInfoEx(level, SessionInfo(number=number, flags=flags, user=user)))


def process(name: str) -> bytes:
    file = (c_uint16 * 260)(*name.encode("utf-16-le")[::2])
    return bytes(ProcessEntry(size=568, file=file))


def system_processes(*rows: tuple[int, int]) -> bytes:
    size = ctypes.sizeof(SystemProcess)
    listed = [
        bytes(SystemProcess(next=size, number=number, made=made)) for number, made in rows[:-1]
    ]
    number, made = rows[-1]
    return b"".join(listed) + bytes(SystemProcess(next=0, number=number, made=made))


def tcp(*rows: tuple[int, int, str]) -> bytes:
    """MIB_TCPTABLE of (state, local port, remote address)."""
    listed = b""
    for state, port, remote in rows:
        swapped = (port & 0xFF) << 8 | port >> 8
        far = int.from_bytes(bytes(int(part) for part in remote.split(".")), "little")
        listed += b"".join(v.to_bytes(4, "little") for v in (state, 0, swapped, far, 0xFFFF))
    return len(rows).to_bytes(4, "little") + listed


def wlan(bssid: str, state: int = 1) -> bytes:
    raw = (c_uint8 * 6)(*bytes.fromhex(bssid))
    ssid = (c_uint8 * 32)(*b"a network name")
    return bytes(WlanConnection(state=state, ssid_length=14, ssid=ssid, bssid=raw))


ENGLISH_TIME = (
    "Leap Indicator: 0(no warning)\nStratum: 4 (secondary reference - syncd by (S)NTP)\n"
    "Precision: -23 (119.209ns per tick)\nRoot Delay: 0.0310211s\n"
)


@dataclass
class FakeCalls:
    """`platforms.windows.Calls` of a laptop on Wi-Fi with somebody at it."""

    uptime: int = 5_000_000
    awake: int = 4_000_000
    process_information: bytes = system_processes((0, 0), (4, 133_000_000_000_000_000))
    status: str = ENGLISH_TIME
    statuses_asked: int = 0
    down: bool = False
    rows: bytes | None = session_rows((0, 4), (1, 0), (65536, 6))
    infos: dict[int, bytes] = field(default_factory=lambda: {1: session_info(1, 1)})
    protocols: dict[int, bytes] = field(default_factory=lambda: {1: b"\0\0", 2: b"\2\0"})
    own: int = 0
    input: tuple[bytes, int] = (b"\x08\0\0\0" + (1_000_000).to_bytes(4, "little"), 1_004_711)
    program: str | None = r"C:\Program Files\VS\Code.exe"
    programs: tuple[str, ...] = ("System", "Code.exe", "solitaire.exe")
    forward: bytes | None = table([route(7, "192.0.2.1"), route(7, "0.0.0.0", "192.0.2.0/24")])
    interfaces: dict[int, bytes] = field(default_factory=lambda: {7: interface(71)})
    metrics: dict[int, int] = field(default_factory=dict)
    neighbours: dict[tuple[int, str], bytes] = field(
        default_factory=lambda: {(7, "192.0.2.1"): neighbour("02005e300001")}
    )
    connections: bytes = tcp((2, 445, "0.0.0.0"), (5, 51000, "198.51.100.7"))
    wlan_answer: tuple[int, bytes] = (0, wlan("02005e300002"))
    wlan_asked: int = 0
    counters: bytes = bytes(MemoryCounters(size=72, working_set=34 << 20))
    free: int | None = 64 << 30
    power_status: bytes = bytes(PowerStatus(line=0, flag=1, percent=83))

    def uptime_ms(self) -> int:
        return self.uptime

    def awake_ms(self) -> int:
        return self.awake

    def processes(self) -> bytes:
        return self.process_information

    def time_status(self) -> str:
        self.statuses_asked += 1
        return self.status

    def shutting_down(self) -> bool:
        return self.down

    def session_rows(self) -> bytes:
        if self.rows is None:
            raise OSError("WTSEnumerateSessions was refused")
        return self.rows

    def session_info(self, number: int) -> bytes:
        return self.infos.get(number, b"")

    def session_protocol(self, number: int) -> bytes:
        return self.protocols.get(number, b"")

    def own_session(self) -> int:
        return self.own

    def last_input(self) -> tuple[bytes, int]:
        return self.input

    def front_program(self) -> str | None:
        return self.program

    def process_entries(self) -> Iterable[bytes]:
        return (process(name) for name in self.programs)

    def routes(self) -> bytes:
        if self.forward is None:
            raise OSError("GetIpForwardTable2 was refused")
        return self.forward

    def interface(self, luid: int) -> bytes:
        return self.interfaces.get(luid, b"")

    def ip_interface(self, luid: int) -> bytes:
        return bytes(IpInterfaceRow(family=2, luid=luid, metric=self.metrics.get(luid, 25)))

    def neighbour(self, luid: int, address: bytes) -> bytes:
        return self.neighbours.get((luid, ".".join(map(str, address))), b"")

    def tcp_connections(self) -> bytes:
        return self.connections

    def wlan_connection(self, guid: bytes) -> tuple[int, bytes]:
        assert guid[:4] == bytes.fromhex("44332211")
        self.wlan_asked += 1
        return self.wlan_answer

    def memory(self) -> bytes:
        return self.counters

    def disk_free_bytes(self, folder: str) -> int:
        if self.free is None:
            raise OSError(f"{folder} is not there")
        return self.free

    def power(self) -> bytes:
        return self.power_status
