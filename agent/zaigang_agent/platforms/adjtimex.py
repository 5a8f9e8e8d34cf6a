"""Whether the kernel believes its clock, by adjtimex(2): for chrony, ntpd and containers."""

from __future__ import annotations

import ctypes
from typing import Final

_STA_UNSYNC: Final = 0x0040
_TIME_ERROR: Final = 5


class _Timex(ctypes.Structure):
    # struct timex has 208 bytes on 64-bit and 128 on 32-bit Linux; two fields of it are read.
    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def kernel_synced() -> bool:
    """adjtimex(2), reading only. False when it is refused: unknown is not synchronised."""
    timex = _Timex()
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex))
    except (OSError, AttributeError):
        return False
    return 0 <= state < _TIME_ERROR and not timex.status & _STA_UNSYNC
