"""The questions to macOS, and nothing but questions: answers go to `macos_answers`.

No library is opened before a `Calls` is made, so that this module loads, and is type-checked, on
every system. Never run by us on macOS: docs/platforms.md.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import time
from ctypes import byref, c_char_p, c_int, c_int64, c_size_t, c_uint32, c_void_p
from typing import Final

_IOKIT: Final = "/System/Library/Frameworks/IOKit.framework/IOKit"
_CF: Final = "/System/Library/Frameworks/CoreFoundation.framework/CoreFoundation"
_UTF8: Final = 0x08000100  # kCFStringEncodingUTF8
_SINT64: Final = 4  # kCFNumberSInt64Type
_COMMAND_S: Final = 5
_WITH_SLEEP, _WITHOUT_SLEEP = 4, 8  # CLOCK_MONOTONIC_RAW, CLOCK_UPTIME_RAW of <time.h>
_TIME_ERROR: Final = 5


class Calls:
    """`macos.Calls`."""

    def __init__(self) -> None:
        """Raises OSError on other systems."""
        self._libc = ctypes.CDLL(None)
        self._io = ctypes.CDLL(_IOKIT)
        self._cf = ctypes.CDLL(_CF)
        self._io.IOServiceMatching.restype = c_void_p
        self._io.IOServiceGetMatchingService.restype = c_uint32
        self._io.IORegistryGetRootEntry.restype = c_uint32
        self._io.IORegistryEntryCreateCFProperty.restype = c_void_p
        self._cf.CFStringCreateWithCString.restype = c_void_p
        self._cf.CFBooleanGetValue.restype = ctypes.c_bool

    def command(self, *words: str) -> str:
        """What a program of the system prints; empty when it cannot be run, or says no."""
        try:
            done = subprocess.run(  # noqa: S603  # a program of the system, by its full path
                words,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_COMMAND_S,
                check=False,
                env={"LC_ALL": "C", "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"},
            )
        except (OSError, subprocess.TimeoutExpired):
            return ""
        return done.stdout if done.returncode == 0 else ""

    def sysctl(self, name: str) -> str:
        """A text; empty when there is none of that name."""
        size, buffer = c_size_t(256), ctypes.create_string_buffer(256)
        failed = self._libc.sysctlbyname(
            c_char_p(name.encode()), buffer, byref(size), None, c_size_t(0)
        )
        return "" if failed else buffer.value.decode("utf-8", "replace")

    def suspended_ms(self) -> int:
        """The difference of two counters, one of which stops while asleep."""
        asleep_ns = time.clock_gettime_ns(_WITH_SLEEP) - time.clock_gettime_ns(_WITHOUT_SLEEP)
        return max(0, asleep_ns // 1_000_000)

    def clock_state(self) -> int:
        """ntp_adjtime(2), reading only; TIME_ERROR when it is refused."""
        timex = ctypes.create_string_buffer(256)
        try:
            return int(self._libc.ntp_adjtime(timex))
        except AttributeError:
            return _TIME_ERROR

    def console_uid(self) -> int | None:
        """Who owns the console: 0 at the login window; None when it is not told."""
        try:
            return os.stat("/dev/console").st_uid  # noqa: PTH116  # no Path for one question
        except OSError:
            return None

    def hid_idle_ns(self) -> int | None:
        """HIDIdleTime: since the last input of any device of this machine."""
        entry = self._io.IOServiceGetMatchingService(
            c_uint32(0), c_void_p(self._io.IOServiceMatching(c_char_p(b"IOHIDSystem")))
        )
        found = self._property(entry, b"HIDIdleTime")
        if found is None:
            return None
        value = c_int64()
        told = self._cf.CFNumberGetValue(c_void_p(found), c_int(_SINT64), byref(value))
        self._cf.CFRelease(c_void_p(found))
        return value.value if told else None

    def console_locked(self) -> bool | None:
        """IOConsoleLocked of the registry's root."""
        found = self._property(self._io.IORegistryGetRootEntry(c_uint32(0)), b"IOConsoleLocked")
        if found is None:
            return None
        value = bool(self._cf.CFBooleanGetValue(c_void_p(found)))
        self._cf.CFRelease(c_void_p(found))
        return value

    def _property(self, entry: int, name: bytes) -> int | None:
        if not entry:
            return None
        key = c_void_p(self._cf.CFStringCreateWithCString(None, c_char_p(name), c_uint32(_UTF8)))
        found: int | None = self._io.IORegistryEntryCreateCFProperty(
            c_uint32(entry), key, None, c_uint32(0)
        )
        self._cf.CFRelease(key)
        self._io.IOObjectRelease(c_uint32(entry))
        return found
