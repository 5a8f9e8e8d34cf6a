"""The system calls of Windows, and nothing but calls: answers are bytes for `windows_answers`.

No library is opened before a `Calls` is made, so that this module loads, and is type-checked, on
every system. On 64-bit Windows there is one calling convention, so `CDLL` serves for what the
documentation calls stdcall. Never run by us on Windows: docs/platforms.md.
"""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Iterator
from ctypes import byref, c_uint16, c_uint32, c_uint64, c_void_p
from typing import Final

from zaigang_agent.platforms import windows_answers as answers

_LAST_INPUT_BYTES: Final = 8
_AF_INET: Final = 2
_TCP_BASIC_CONNECTIONS: Final = 1
_SESSION_INFO_EX, _CLIENT_PROTOCOL = 25, 16  # WTS_INFO_CLASS
_SNAPSHOT_PROCESSES: Final = 2
_INVALID: Final = c_void_p(-1).value
_QUERY_LIMITED: Final = 0x1000  # PROCESS_QUERY_LIMITED_INFORMATION: works for others' processes too
_SHUTTING_DOWN: Final = 0x2000  # SM_SHUTTINGDOWN
_CURRENT_CONNECTION: Final = 7  # wlan_intf_opcode_current_connection
_PROCESSES: Final = 5  # SystemProcessInformation
_TOO_SMALL: Final = 0xC0000004  # STATUS_INFO_LENGTH_MISMATCH
_MAX_INFORMATION: Final = 16 << 20
_NO_WINDOW: Final = 0x08000000  # CREATE_NO_WINDOW
_COMMAND_S: Final = 5


class Calls:
    """`windows.Calls`."""

    def __init__(self) -> None:
        """Raises OSError on other systems."""
        self._kernel = ctypes.CDLL("kernel32")
        self._user = ctypes.CDLL("user32")
        self._wts = ctypes.CDLL("wtsapi32")
        self._ip = ctypes.CDLL("iphlpapi")
        self._kernel.GetTickCount64.restype = c_uint64
        self._kernel.GetTickCount.restype = c_uint32
        self._kernel.GetCurrentProcess.restype = c_void_p
        self._kernel.CreateToolhelp32Snapshot.restype = c_void_p
        self._kernel.OpenProcess.restype = c_void_p
        self._user.GetForegroundWindow.restype = c_void_p

    # ---- time and boot

    def uptime_ms(self) -> int:
        """With the time asleep."""
        return int(self._kernel.GetTickCount64())

    def awake_ms(self) -> int:
        """Without the time asleep."""
        ticks = c_uint64()
        self._kernel.QueryUnbiasedInterruptTime(byref(ticks))
        return ticks.value // 10_000

    def processes(self) -> bytes:
        """SYSTEM_PROCESS_INFORMATION of all; empty when refused."""
        ask = ctypes.CDLL("ntdll").NtQuerySystemInformation
        size = c_uint32(1 << 18)
        while size.value <= _MAX_INFORMATION:
            buffer = ctypes.create_string_buffer(size.value)
            status = ask(_PROCESSES, buffer, c_uint32(len(buffer)), byref(size)) & 0xFFFFFFFF
            if status == 0:
                return buffer.raw
            if status != _TOO_SMALL:
                return b""
            size = c_uint32(max(size.value, len(buffer)) * 2)
        return b""

    def time_status(self) -> str:
        """`w32tm /query /status`; empty when it cannot be asked."""
        try:
            done = subprocess.run(  # a program of the system, by its full path
                [r"C:\Windows\System32\w32tm.exe", "/query", "/status"],
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_COMMAND_S,
                check=False,
                creationflags=_NO_WINDOW,
            )
        except (OSError, subprocess.TimeoutExpired):
            return ""
        return done.stdout if done.returncode == 0 else ""

    def shutting_down(self) -> bool:
        return bool(self._user.GetSystemMetrics(_SHUTTING_DOWN))

    # ---- sessions

    def session_rows(self) -> bytes:
        """An array of WTS_SESSION_INFOW. Raises OSError."""
        rows, count = c_void_p(), c_uint32()
        if not self._wts.WTSEnumerateSessionsW(None, 0, 1, byref(rows), byref(count)):
            raise OSError("WTSEnumerateSessions was refused")
        try:
            return ctypes.string_at(rows, count.value * 24) if rows.value else b""
        finally:
            self._wts.WTSFreeMemory(rows)

    def session_info(self, number: int) -> bytes:
        return self._session(number, _SESSION_INFO_EX)

    def session_protocol(self, number: int) -> bytes:
        return self._session(number, _CLIENT_PROTOCOL)

    def _session(self, number: int, kind: int) -> bytes:
        data, size = c_void_p(), c_uint32()
        asked = self._wts.WTSQuerySessionInformationW(
            None, c_uint32(number), kind, byref(data), byref(size)
        )
        if not asked or not data.value:
            return b""
        try:
            return ctypes.string_at(data, size.value)
        finally:
            self._wts.WTSFreeMemory(data)

    def own_session(self) -> int:
        number = c_uint32()
        self._kernel.ProcessIdToSessionId(self._kernel.GetCurrentProcessId(), byref(number))
        return number.value

    def last_input(self) -> tuple[bytes, int]:
        """LASTINPUTINFO of the session that this process is in, and GetTickCount."""
        info = ctypes.create_string_buffer(_LAST_INPUT_BYTES)
        info[0] = bytes([_LAST_INPUT_BYTES])
        told = self._user.GetLastInputInfo(info)
        return info.raw if told else b"", int(self._kernel.GetTickCount())

    def front_program(self) -> str | None:
        """Path of the program whose window is in front; "" when there is none, or it is refused."""
        window = self._user.GetForegroundWindow()
        if not window:
            return ""
        number = c_uint32()
        self._user.GetWindowThreadProcessId(c_void_p(window), byref(number))
        process = self._kernel.OpenProcess(_QUERY_LIMITED, 0, number)
        if not process:
            return ""
        try:
            size, path = c_uint32(1024), (c_uint16 * 1024)()
            told = self._kernel.QueryFullProcessImageNameW(c_void_p(process), 0, path, byref(size))
            return bytes(path)[: 2 * size.value].decode("utf-16-le", "replace") if told else ""
        finally:
            self._kernel.CloseHandle(c_void_p(process))

    def process_entries(self) -> Iterator[bytes]:
        """PROCESSENTRY32W of all."""
        snapshot = self._kernel.CreateToolhelp32Snapshot(_SNAPSHOT_PROCESSES, 0)
        if snapshot == _INVALID:
            return
        try:
            entry = ctypes.create_string_buffer(answers.PROCESS_BYTES)
            c_uint32.from_buffer(entry).value = answers.PROCESS_BYTES
            more = self._kernel.Process32FirstW(c_void_p(snapshot), entry)
            while more:
                yield entry.raw
                more = self._kernel.Process32NextW(c_void_p(snapshot), entry)
        finally:
            self._kernel.CloseHandle(c_void_p(snapshot))

    # ---- network

    def routes(self) -> bytes:
        """MIB_IPFORWARD_TABLE2 of IPv4. Raises OSError."""
        table = c_void_p()
        if self._ip.GetIpForwardTable2(_AF_INET, byref(table)) or not table.value:
            raise OSError("GetIpForwardTable2 was refused")
        try:
            count = c_uint32.from_address(table.value).value
            return ctypes.string_at(table, 8 + 104 * count)
        finally:
            self._ip.FreeMibTable(table)

    def interface(self, luid: int) -> bytes:
        """MIB_IF_ROW2; empty when there is no such interface."""
        row = ctypes.create_string_buffer(answers.IF_ROW_BYTES)
        c_uint64.from_buffer(row).value = luid
        return b"" if self._ip.GetIfEntry2(row) else row.raw

    def ip_interface(self, luid: int) -> bytes:
        """MIB_IPINTERFACE_ROW of IPv4; empty when there is no such interface."""
        question = answers.interface_question(luid)
        row = ctypes.create_string_buffer(question, len(question))
        return b"" if self._ip.GetIpInterfaceEntry(row) else row.raw

    def neighbour(self, luid: int, address: bytes) -> bytes:
        """MIB_IPNET_ROW2; empty when it has not been heard from."""
        question = answers.neighbour_question(luid, address)
        row = ctypes.create_string_buffer(question, len(question))
        return b"" if self._ip.GetIpNetEntry2(row) else row.raw

    def tcp_connections(self) -> bytes:
        """MIB_TCPTABLE of IPv4; empty when refused."""
        size = c_uint32(0)
        buffer = ctypes.create_string_buffer(4)
        for _ in range(4):  # the table may grow between two calls
            status = self._ip.GetExtendedTcpTable(
                buffer, byref(size), 0, _AF_INET, _TCP_BASIC_CONNECTIONS, 0
            )
            if status == 0:
                return buffer.raw
            buffer = ctypes.create_string_buffer(size.value + 4096)
            size = c_uint32(len(buffer))
        return b""

    def wlan_connection(self, guid: bytes) -> tuple[int, bytes]:
        """Windows' error (5: refused, 24H2 without location consent) and
        WLAN_CONNECTION_ATTRIBUTES."""
        try:
            wlan = ctypes.CDLL("wlanapi")
        except OSError:
            return 0, b""  # a machine without Wi-Fi has no such library
        handle, version = c_void_p(), c_uint32()
        error = int(wlan.WlanOpenHandle(2, None, byref(version), byref(handle)))
        if error:
            return error, b""
        size, data = c_uint32(), c_void_p()
        try:
            error = int(
                wlan.WlanQueryInterface(
                    handle, guid, _CURRENT_CONNECTION, None, byref(size), byref(data), None
                )
            )
            return error, b"" if error or not data.value else ctypes.string_at(data, size.value)
        finally:
            if data.value:
                wlan.WlanFreeMemory(data)
            wlan.WlanCloseHandle(handle, None)

    # ---- health

    def memory(self) -> bytes:
        """PROCESS_MEMORY_COUNTERS of this process."""
        counters = ctypes.create_string_buffer(72)
        c_uint32.from_buffer(counters).value = 72
        process = c_void_p(self._kernel.GetCurrentProcess())
        told = self._kernel.K32GetProcessMemoryInfo(process, counters, 72)
        return counters.raw if told else b""

    def disk_free_bytes(self, folder: str) -> int:
        """Raises OSError."""
        free = c_uint64()
        wide = ctypes.create_unicode_buffer(folder)
        if not self._kernel.GetDiskFreeSpaceExW(wide, byref(free), None, None):
            raise OSError(f"{folder} is not there")
        return free.value

    def power(self) -> bytes:
        """SYSTEM_POWER_STATUS."""
        status = ctypes.create_string_buffer(12)
        return status.raw if self._kernel.GetSystemPowerStatus(status) else b""
