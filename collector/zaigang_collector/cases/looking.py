"""Looks into a file that somebody handed in, in a process of its own with little memory and time.

`python -m zaigang_collector.cases.looking KIND` reads the file from standard input and writes one
line of JSON: {"is": {...}} or {"not": [zh, en]}. Whatever a file does to a decoder, it does it here.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import resource
import sys
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any, Final

from zaigang_collector.cases.filetypes import FileKind
from zaigang_collector.connectors.sheets import workbook
from zaigang_collector.connectors.sheets.errors import SheetError
from zaigang_collector.matching.model import Text

# A picture of 64 million points needs some 400 MiB while it is decoded. Larger lets one file take
# the server's memory; smaller refuses the pictures of good phones.
MEMORY_BYTES: Final = 1536 * 1024**2
# Larger lets a file keep a core busy; smaller refuses large PDFs on a slow server.
CPU_S: Final = 20
# Cameras of phones have 50 million points. Larger needs more memory than there is (see above);
# smaller refuses them.
PIXELS_MAX: Final = 64_000_000
# Larger takes hours to read; smaller refuses a contract with its annexes.
PAGES_MAX: Final = 500
# Unpacked so large at most. Larger is how a small file fills the memory of whoever opens it;
# smaller refuses scans.
UNPACKED_MAX: Final = 512 * 1024**2
_OBJECTS_MAX: Final = 200_000
_CHUNK: Final = 1024**2
# A blank page looks like any other blank page. Larger compares fewer scans; smaller finds blank
# pages alike.
_CONTRAST_LEAST: Final = 8.0
_HASH_SIDE: Final = 8
_EXIF_IFD: Final = 0x8769
_GPS_IFD: Final = 0x8825
_TAKEN: Final = (0x9003, 0x9004)  # DateTimeOriginal, DateTimeDigitized
_OFFSET: Final = (0x9011, 0x9012)
_CORE_DATE: Final = re.compile(rb"<dcterms:modified[^>]{0,100}>([0-9TZ:.+-]{10,35})<")
_CORE: Final = "docProps/core.xml"
_CORE_MAX: Final = 64 * 1024
_ACTIVE: Final = ("/JS", "/JavaScript", "/Launch", "/RichMedia")

_BROKEN: Final = Text(
    "文件损坏或不完整，无法打开。请重新导出或拍照后再提交。",
    "The file is damaged or cut off and cannot be opened. Export it or take the picture again.",
)
_TOO_MANY_PIXELS: Final = Text(
    "图片超过 {most} 万像素，没有打开。请缩小后再提交。",
    "The picture has more than {most_en} million points and was not opened. Make it smaller.",
)
_LOCKED: Final = Text(
    "文件有密码或权限限制，审查人无法打开。请去掉密码后再提交。",
    "The file is locked by a password; nobody could review it. Save it without.",
)
_TOO_MANY_PAGES: Final = Text(
    "PDF 超过 {pages} 页。请只提交有关的页。",
    "The PDF has more than {pages} pages. Hand in those that matter.",
)
_ACTIVE_PDF: Final = Text(
    "PDF 里带有脚本或会启动程序的内容，没有收下。请用“打印为 PDF”另存一份再提交。",
    "The PDF has a script or starts programs; it was not taken. Print it to PDF and hand that in.",
)
_BOMB: Final = Text(
    "文件解压后过大，没有收下。请另存或压缩图片后再提交。",
    "Unpacked the file is too large; it was not taken. Save it anew, with smaller pictures.",
)
_MACROS: Final = Text(
    "工作簿里有宏，没有收下。请另存为不带宏的 .xlsx。",
    "The workbook has macros; it was not taken. Save it as .xlsx without.",
)


class NotTakenError(Exception):
    """The file is not taken; `said` says why and what to do."""

    def __init__(self, said: Text) -> None:
        super().__init__(said.en)
        self.said = said


def look(kind: FileKind, data: bytes) -> dict[str, Any]:
    """What a file says of itself. Raises NotTakenError."""
    try:
        if kind is FileKind.PDF:
            return _pdf(data)
        if kind is FileKind.XLSX:
            return _workbook(data)
        return _picture(kind, data)
    except NotTakenError:
        raise
    except SheetError as error:
        raise NotTakenError(error.said) from None
    except MemoryError:
        raise NotTakenError(_BOMB) from None
    except Exception:  # noqa: BLE001  # a broken file raises anything, with its contents in it
        raise NotTakenError(_BROKEN) from None


def main() -> None:
    """Standard input to standard output, see above."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    data = sys.stdin.buffer.read()
    answer: dict[str, Any]
    try:
        answer = {"is": look(FileKind(sys.argv[1]), data)}
    except NotTakenError as error:
        answer = {"not": [error.said.zh, error.said.en]}
    sys.stdout.write(json.dumps(answer))


def _picture(kind: FileKind, data: bytes) -> dict[str, Any]:
    from PIL import Image  # decoders are loaded in here and nowhere else

    formats = [kind.value.upper()]
    if kind is FileKind.HEIC:
        import pi_heif

        pi_heif.register_heif_opener(thumbnails=False)
        formats = ["HEIF"]
    Image.MAX_IMAGE_PIXELS = None  # ours is looked at first, and refuses rather than warns
    with Image.open(io.BytesIO(data), formats=formats) as image:
        width, height = image.size
        if width * height > PIXELS_MAX:
            most = PIXELS_MAX // 10_000
            raise NotTakenError(
                Text(
                    _TOO_MANY_PIXELS.zh.format(most=most),
                    _TOO_MANY_PIXELS.en.format(most_en=PIXELS_MAX // 1_000_000),
                )
            )
        exif = image.getexif()
        taken, place = _taken(exif), _place(exif)
        image.draft("L", (256, 256))
        image.load()
        looks_like = _looks_like(image)
    return {
        "width": width,
        "height": height,
        "taken": taken,
        "place": place,
        "looks_like": looks_like,
    }


def _looks_like(image: Any) -> str | None:
    """Difference hash: in hex, whether each of 8 times 8 points is brighter than the next one. Two
    sizes or qualities of one picture come out alike."""
    from PIL import ImageOps, ImageStat

    grey = ImageOps.exif_transpose(image).convert("L")
    small = grey.resize((_HASH_SIDE + 1, _HASH_SIDE))
    if ImageStat.Stat(small).stddev[0] < _CONTRAST_LEAST:
        return None
    points = small.tobytes()
    bits = 0
    for row in range(_HASH_SIDE):
        for column in range(_HASH_SIDE):
            at = row * (_HASH_SIDE + 1) + column
            bits = bits << 1 | (points[at] > points[at + 1])
    return bits.to_bytes(_HASH_SIDE, "big").hex()


def _taken(exif: Any) -> str | None:
    inner = exif.get_ifd(_EXIF_IFD)
    for when, offset in zip(_TAKEN, _OFFSET, strict=True):
        text = inner.get(when)
        if isinstance(text, str) and re.fullmatch(
            r"[0-9]{4}(:[0-9]{2}){2} ([0-9]{2}:){2}[0-9]{2}", text
        ):
            zone = inner.get(offset)
            known = isinstance(zone, str) and re.fullmatch(r"[+-][0-9]{2}:[0-9]{2}", zone)
            return text.replace(":", "-", 2).replace(" ", "T") + (zone if known else "")
    return None


def _place(exif: Any) -> list[float] | None:
    """Degrees, as the camera wrote them."""
    gps = exif.get_ifd(_GPS_IFD)
    with contextlib.suppress(KeyError, TypeError, ValueError, ZeroDivisionError):
        sides = []
        for ref, value, most in ((1, 2, 90.0), (3, 4, 180.0)):
            degrees, minutes, seconds = (float(part) for part in gps[value])
            side = degrees + minutes / 60 + seconds / 3600
            if not 0 <= side <= most:
                return None
            sides.append(round(-side if gps[ref] in ("S", "W") else side, 6))
        return sides
    return None


def _pdf(data: bytes) -> dict[str, Any]:
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(data), strict=False)
    if reader.is_encrypted:
        raise NotTakenError(_LOCKED)
    pages = len(reader.pages)
    if pages == 0:
        raise NotTakenError(_BROKEN)
    if pages > PAGES_MAX:
        raise NotTakenError(
            Text(
                _TOO_MANY_PAGES.zh.format(pages=PAGES_MAX),
                _TOO_MANY_PAGES.en.format(pages=PAGES_MAX),
            )
        )
    unpacked = 0
    for one in _objects(reader):
        if _is_active(one):
            raise NotTakenError(_ACTIVE_PDF)
        unpacked += _unpacked(one, UNPACKED_MAX - unpacked)
    return {"pages": pages, "taken": _pdf_date(reader)}


def _objects(reader: Any) -> Iterator[Any]:
    """Every object of the file, whether a page leads to it or not."""
    from pypdf.generic import IndirectObject

    numbers = {
        (number, generation) for generation, places in reader.xref.items() for number in places
    } | {(number, 0) for number in reader.xref_objStm}
    if len(numbers) > _OBJECTS_MAX:
        raise NotTakenError(_BOMB)
    yield reader.trailer
    for number, generation in sorted(numbers):
        if number:
            yield reader.get_object(IndirectObject(number, generation, reader))


def _is_active(one: Any) -> bool:
    """Whether it runs something when it is opened: also deep within what stands in one place."""
    waiting = [one]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            names = [str(value) for value in part.values() if isinstance(value, str)]
            if any(name in part for name in _ACTIVE) or any(name in _ACTIVE for name in names):
                return True
            waiting += [value for value in part.values() if isinstance(value, dict | list)]
        elif isinstance(part, list):
            waiting += [value for value in part if isinstance(value, dict | list)]
    return False


def _unpacked(one: Any, left: int) -> int:
    """How large a stream is once it is inflated, counted without being kept."""
    packed = getattr(one, "_data", None)
    if not isinstance(one, dict) or not isinstance(packed, bytes):
        return 0
    filters = one.get("/Filter", [])
    named = [str(part) for part in filters] if isinstance(filters, list) else [str(filters)]
    flate = [name for name in named if name in ("/FlateDecode", "/Fl", "/LZWDecode", "/LZW")]
    if len(flate) > 1 or len(named) > 3:
        raise NotTakenError(_BOMB)  # packed twice: nobody does that but to hide a size
    if not named or named[0] not in ("/FlateDecode", "/Fl"):
        return len(packed)
    inflating, size = zlib.decompressobj(), 0
    waiting = packed
    with contextlib.suppress(zlib.error):  # viewers show what comes before the damage, too
        while waiting and not inflating.eof:
            size += len(inflating.decompress(waiting, _CHUNK))
            waiting = inflating.unconsumed_tail
            if size > left:
                raise NotTakenError(_BOMB)
    return size


def _pdf_date(reader: Any) -> str | None:
    try:
        made = reader.metadata and reader.metadata.creation_date
    except Exception:  # noqa: BLE001  # a date that is none is no reason to refuse a file
        return None
    return made.isoformat() if made else None


def _workbook(data: bytes) -> dict[str, Any]:
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        if any(one.filename.lower().endswith("vbaproject.bin") for one in packed.infolist()):
            raise NotTakenError(_MACROS)
        if any(one.flag_bits & 1 for one in packed.infolist()):
            raise NotTakenError(_LOCKED)
    sheets = workbook.heads(data)
    taken = None
    with contextlib.suppress(KeyError), zipfile.ZipFile(io.BytesIO(data)) as packed:
        with packed.open(_CORE) as file:
            found = _CORE_DATE.search(file.read(_CORE_MAX))
        taken = None if found is None else found[1].decode("ascii")
    return {"sheets": len(sheets), "taken": taken}


if __name__ == "__main__":
    main()
