"""What a file is, by its content and never by its name. Pure."""

from __future__ import annotations

import enum
import io
import zipfile
from typing import Final

from zaigang_collector.matching.model import Text

_HEIC_BRANDS: Final = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"})
_PNG: Final = b"\x89PNG\r\n\x1a\n"


class FileKind(enum.StrEnum):
    """What is taken."""

    PDF = "pdf"
    PNG = "png"
    JPEG = "jpeg"
    HEIC = "heic"
    XLSX = "xlsx"


MEDIA_TYPES: Final = {
    FileKind.PDF: "application/pdf",
    FileKind.PNG: "image/png",
    FileKind.JPEG: "image/jpeg",
    FileKind.HEIC: "image/heic",
    FileKind.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
PICTURES: Final = frozenset({FileKind.PNG, FileKind.JPEG, FileKind.HEIC})
NOT_TAKEN: Final = Text(
    "文件类型不支持（按内容判断，与扩展名无关）。请提交 PDF、PNG、JPEG、HEIC 或 XLSX；其他文档请先"
    "另存为或打印为 PDF。",
    "Files like this are not taken (by what is in it, whatever its name). Hand in PDF, PNG, JPEG, HEIC or "
    "XLSX; print anything else to PDF first.",
)


def kind_of(data: bytes) -> FileKind | None:
    """None: none of those that are taken."""
    if data.startswith(b"%PDF-"):
        return FileKind.PDF
    if data.startswith(_PNG):
        return FileKind.PNG
    if data.startswith(b"\xff\xd8\xff"):
        return FileKind.JPEG
    if data[4:8] == b"ftyp" and data[8:12] in _HEIC_BRANDS:
        return FileKind.HEIC
    if data.startswith(b"PK\x03\x04") and _is_workbook(data):
        return FileKind.XLSX
    return None


def _is_workbook(data: bytes) -> bool:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            return {"[Content_Types].xml", "xl/workbook.xml"} <= set(packed.namelist())
    except Exception:  # noqa: BLE001  # a broken directory raises more than BadZipFile
        return False
