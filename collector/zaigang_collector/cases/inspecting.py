"""Whether a file that somebody hands in is taken: its size, its type, a look inside, a virus scan.

The look inside and the scan are processes of their own. What does not answer, or answers oddly, is
refused: a file of which nobody knows what it is goes to nobody.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from zaigang_collector.cases import filetypes
from zaigang_collector.cases.errors import AttachmentError
from zaigang_collector.cases.filetypes import FileKind
from zaigang_collector.matching.model import Text

# Larger than the interface takes at once it cannot be; smaller refuses pictures of good phones.
SIZE_MAX: Final = 10 * 1024**2
# Longer keeps whoever hands something in waiting; shorter gives up on a busy server.
LOOK_S: Final = 60.0
# A scanner may have to load its signatures. Longer keeps people waiting; shorter refuses the first
# file of the day.
SCAN_S: Final = 120.0
# Looks at once: each may take its memory (`looking.MEMORY_BYTES`). More take the server's.
_AT_ONCE: Final = threading.BoundedSemaphore(2)

_EMPTY: Final = Text("文件是空的。请重新选择。", "The file is empty. Choose it again.")
_TOO_LARGE: Final = Text(
    "文件超过 {most} MB。请压缩图片或拆分后再提交。",
    "The file has more than {most} MB. Make the pictures smaller, or hand it in in parts.",
)
_UNREADABLE: Final = Text(
    "文件无法安全打开（占用过多内存或时间，或使解码程序出错）。请另存或重新拍照后再提交。",
    "The file cannot be opened safely: it takes too much memory or time, or breaks its decoder. Save it "
    "anew, or take the picture again.",
)
_INFECTED: Final = Text(
    "病毒扫描发现问题，文件没有收下。请在自己的电脑上查杀后重新导出，或联系 IT。",
    "The virus scan found something; the file was not taken. Scan your own machine and export it anew, or "
    "ask IT.",
)
_NO_SCAN: Final = Text(
    "病毒扫描没有完成，文件没有收下。文件本身可能没有问题：请稍后再试，并告诉 IT 检查 scan_command。",
    "The virus scan did not work, so the file was not taken. Nothing need be wrong with it: try later, and "
    "tell IT to look at scan_command.",
)


@dataclass(frozen=True, slots=True)
class Inspected:
    """A file that can be taken, and what it says of itself. What it says can have been edited."""

    kind: FileKind
    data: bytes
    scanned: bool
    """False: no scanner is set."""
    looks_like: bytes | None
    """Difference hash of a picture, 64 bits; None: it has too little in it to be told apart."""
    taken: str | None
    """ISO 8601, perhaps without an offset: when it was taken or made."""
    place: tuple[float, float] | None
    """Latitude and longitude in degrees, as the camera wrote them."""
    size_told: str
    """Points of a picture, pages of a PDF, sheets of a workbook."""


def inspect(data: bytes, scan_command: Sequence[str] = ()) -> Inspected:
    """Look at a file. Raises AttachmentError that says why it is not taken and what to do."""
    if not data:
        raise AttachmentError(_EMPTY)
    if len(data) > SIZE_MAX:
        most = SIZE_MAX // 1024**2
        raise AttachmentError(
            Text(_TOO_LARGE.zh.format(most=most), _TOO_LARGE.en.format(most=most))
        )
    kind = filetypes.kind_of(data)
    if kind is None:
        raise AttachmentError(filetypes.NOT_TAKEN)
    if scan_command:
        _scan(data, scan_command)
    found = _look(kind, data)
    looks_like, place = found.get("looks_like"), found.get("place")
    return Inspected(
        kind,
        data,
        bool(scan_command),
        None if looks_like is None else bytes.fromhex(looks_like),
        found.get("taken"),
        None if place is None else (float(place[0]), float(place[1])),
        _size_told(found),
    )


def _look(kind: FileKind, data: bytes) -> dict[str, Any]:
    paths = os.pathsep.join(path for path in sys.path if path)
    with _AT_ONCE:
        try:
            done = subprocess.run(  # noqa: S603  # our own module, no shell
                [sys.executable, "-m", "zaigang_collector.cases.looking", kind.value],
                input=data,
                capture_output=True,
                timeout=LOOK_S,
                check=False,
                env={"PYTHONPATH": paths, "LC_ALL": "C.UTF-8"},
            )
        except (subprocess.TimeoutExpired, OSError):
            raise AttachmentError(_UNREADABLE) from None
    try:
        answer = json.loads(done.stdout)
    except ValueError:  # it was killed on the way; what it complained of may quote the file
        raise AttachmentError(_UNREADABLE) from None
    if "not" in answer:
        zh, en = answer["not"]
        raise AttachmentError(Text(zh, en))
    found: dict[str, Any] = answer["is"]
    return found


def _scan(data: bytes, command: Sequence[str]) -> None:
    """As clamdscan answers: 0 nothing found, 1 something; anything else is no answer."""
    try:
        done = subprocess.run(  # noqa: S603  # the administrator's own command, no shell
            list(command),
            input=data,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=SCAN_S,
            check=False,
        )
    except (subprocess.TimeoutExpired, OSError):
        raise AttachmentError(_NO_SCAN) from None
    if done.returncode == 1:
        raise AttachmentError(_INFECTED)
    if done.returncode != 0:
        raise AttachmentError(_NO_SCAN)


def _size_told(found: dict[str, Any]) -> str:
    if "width" in found:
        return f"{found['width']} × {found['height']}"
    return str(found.get("pages", found.get("sheets", "")))
