"""SMBus commands as plain transfers, as the kernel emulates them (i2c-core-smbus.c)."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

_READ: Final = 1
_QUICK: Final = 0
_BYTE: Final = 1
_BYTE_DATA: Final = 2
_WORD_DATA: Final = 3
_I2C_BLOCK: Final = 8
_WIDTH: Final = {_BYTE_DATA: 1, _WORD_DATA: 2}

Transfer: TypeAlias = Callable[[Sequence[tuple[int, bytes | int]]], list[bytes]]


def emulate(arg: Any, address: int, transfer: Transfer) -> None:
    """`arg`: i2c_smbus_ioctl_data. Raises OSError as the kernel would."""
    if arg.size == _QUICK and arg.read_write != _READ:
        transfer([(address, b"")])
    elif arg.size == _BYTE and arg.read_write == _READ:
        arg.data.contents.byte = transfer([(address, 1)])[0][0]
    elif arg.size == _BYTE:
        transfer([(address, bytes([arg.command]))])
    elif arg.size in _WIDTH or arg.size == _I2C_BLOCK:
        _register(arg, address, transfer)
    else:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))


def _register(arg: Any, address: int, transfer: Transfer) -> None:
    """Values at a register: little endian, and read with a repeated start."""
    data, command = arg.data.contents, bytes([arg.command])
    count = _WIDTH.get(arg.size) or data.block[0]
    if arg.read_write == _READ:
        _store(data, arg.size, transfer([(address, command), (address, count)])[1])
    elif arg.size == _I2C_BLOCK:
        transfer([(address, command + bytes(data.block[1 : count + 1]))])
    else:
        value = data.byte if arg.size == _BYTE_DATA else data.word
        transfer([(address, command + value.to_bytes(count, "little"))])


def _store(data: Any, size: int, answer: bytes) -> None:
    if size == _I2C_BLOCK:
        for index, value in enumerate(answer):
            data.block[index + 1] = value
    elif size == _BYTE_DATA:
        data.byte = answer[0]
    else:
        data.word = int.from_bytes(answer, "little")
