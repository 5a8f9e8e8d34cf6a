"""Files that people hand in: what is taken, what is refused in words, and what is found again."""

from __future__ import annotations

import contextlib
import io
import random
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from pypdf import PdfWriter
from pypdf.generic import DictionaryObject, NameObject, StreamObject, TextStringObject

from tests.factories.casework import EMPLOYEE, LI, ZHANG, Casework, a_file, casework, hr
from tests.factories.vault import VAULT
from zaigang_collector import db
from zaigang_collector.cases import attachments, filetypes, inspecting, looking
from zaigang_collector.cases.errors import AttachmentError
from zaigang_collector.cases.filetypes import FileKind
from zaigang_collector.cases.inspecting import Inspected, inspect
from zaigang_collector.cases.looking import NotTakenError, look
from zaigang_collector.cases.model import Action, Ref, RefKind
from zaigang_collector.errors import UnknownIdError

HEIC = Path(__file__).with_name("recorded") / "photo.heic"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Casework]:
    with casework(tmp_path) as made:
        yield made


def a_photo(seed: int = 1, size: tuple[int, int] = (800, 600)) -> Image.Image:
    """Something with shapes in it."""
    dice = random.Random(seed)
    image = Image.new("RGB", size, (dice.randrange(256), 90, 120))
    draw = ImageDraw.Draw(image)
    for _ in range(30):
        corner = dice.randrange(size[0]), dice.randrange(size[1])
        other = dice.randrange(size[0]), dice.randrange(size[1])
        box = (*map(min, corner, other), *map(max, corner, other))
        draw.rectangle(box, fill=tuple(dice.randrange(256) for _ in range(3)))
    return image


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def a_pdf(*more: tuple[str, object], pages: int = 2) -> bytes:
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(200, 200)
    for name, value in more:
        writer._root_object[NameObject(name)] = value
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


def a_workbook() -> bytes:
    book, file = openpyxl.Workbook(), io.BytesIO()
    book.active.append(["日期", "地点"])
    book.save(file)
    return file.getvalue()


def refusal(data: bytes, scan: tuple[str, ...] = ()) -> str:
    with pytest.raises(AttachmentError) as caught:
        inspect(data, scan)
    assert caught.value.said.en
    return caught.value.said.zh


@pytest.mark.parametrize(
    ("data", "kind", "told"),
    [
        (saved(a_photo(), "JPEG"), FileKind.JPEG, "800 × 600"),
        (saved(a_photo(), "PNG"), FileKind.PNG, "800 × 600"),
        (a_pdf(), FileKind.PDF, "2"),
        (a_workbook(), FileKind.XLSX, "1"),
    ],
)
def test_what_is_taken_is_known_by_its_content(data: bytes, kind: FileKind, told: str) -> None:
    found = inspect(data)
    assert (found.kind, found.size_told, found.data) == (kind, told, data)
    assert not found.scanned
    assert (found.looks_like is not None) == (kind in filetypes.PICTURES)


def test_a_phones_own_format_is_taken() -> None:
    found = inspect(HEIC.read_bytes())
    assert found.kind is FileKind.HEIC
    assert found.looks_like is not None


@pytest.mark.parametrize(
    "data",
    [
        b"MZ\x90\0 this program cannot be run",
        b"<html><script>alert(1)</script>",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"GIF89a" + bytes(100),
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1000),
        b"PK\x03\x04 a zip that is no workbook",
        b"x",
    ],
)
def test_what_is_none_of_these_is_refused_whatever_its_name(data: bytes) -> None:
    assert "请提交 PDF、PNG、JPEG、HEIC 或 XLSX" in refusal(data)


def test_nothing_and_too_much_are_refused() -> None:
    assert refusal(b"") == "文件是空的。请重新选择。"
    assert "超过 10 MB" in refusal(b"%PDF-" + bytes(inspecting.SIZE_MAX))


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_picture_that_is_cut_off_is_refused(kind: str) -> None:
    data = saved(a_photo(), kind)
    assert "文件损坏" in refusal(data[: len(data) // 2])


def a_png(width: int, height: int, packed: bytes = b"") -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    )


def test_a_small_file_that_unpacks_to_a_huge_picture_is_refused_before_it_is_unpacked() -> None:
    rows = zlib.compress(bytes(1 + 3 * 20_000) * 1_000, 9)
    bomb = a_png(20_000, 20_000, rows)
    assert len(bomb) < 100_000
    assert "超过 6400 万像素" in refusal(bomb)


def test_a_zip_bomb_that_says_it_is_a_workbook_is_refused() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        with zipfile.ZipFile(io.BytesIO(a_workbook())) as real:
            for one in real.infolist():
                packed.writestr(one, real.read(one))
        with packed.open("xl/media/image1.png", "w", force_zip64=True) as part:
            for _ in range(400):
                part.write(bytes(1024**2))
    assert len(file.getvalue()) < 1024**2
    assert "解压后超过 256 MB" in refusal(file.getvalue())


def test_a_workbook_with_macros_is_refused() -> None:
    file = io.BytesIO(a_workbook())
    with zipfile.ZipFile(file, "a") as packed:
        packed.writestr("xl/vbaProject.bin", b"x")
    assert "宏" in refusal(file.getvalue())


def with_stream(data: bytes, **more: object) -> bytes:
    """A PDF with one more stream, which is packed."""
    writer = PdfWriter()
    writer.add_blank_page(200, 200)
    stream = StreamObject()
    stream._data = data
    stream[NameObject("/Filter")] = NameObject("/FlateDecode")
    for name, value in more.items():
        stream[NameObject("/" + name)] = value
    writer._add_object(stream)
    writer._root_object[NameObject("/Metadata")] = stream.indirect_reference
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


def test_a_pdf_that_unpacks_to_more_than_a_reader_holds_is_refused() -> None:
    packing = zlib.compressobj(9)
    parts = [packing.compress(bytes(1024**2)) for _ in range(600)]
    bomb = with_stream(b"".join(parts) + packing.flush())
    assert len(bomb) < 1024**2
    assert "解压后过大" in refusal(bomb)
    assert inspect(with_stream(zlib.compress(bytes(1024**2)))).kind is FileKind.PDF


@pytest.mark.parametrize("where", ["/OpenAction", "/AA"])
@pytest.mark.parametrize("what", ["/JavaScript", "/Launch"])
def test_a_pdf_that_runs_something_is_refused(where: str, what: str) -> None:
    action = DictionaryObject(
        {NameObject("/S"): NameObject(what), NameObject("/JS"): TextStringObject("app.alert(1)")}
    )
    if where == "/AA":
        action = DictionaryObject({NameObject("/WC"): action})
    assert "打印为 PDF" in refusal(a_pdf((where, action)))


def test_a_pdf_with_a_password_or_without_pages_is_refused() -> None:
    writer = PdfWriter()
    writer.add_blank_page(200, 200)
    writer.encrypt("secret", algorithm="RC4-128")
    file = io.BytesIO()
    writer.write(file)
    assert "密码" in refusal(file.getvalue())
    assert refusal(a_pdf(pages=0))
    assert "超过 500 页" in refusal(a_pdf(pages=501))


def test_time_and_place_are_what_the_file_says_itself() -> None:
    exif = Image.Exif()
    inner = exif.get_ifd(0x8769)
    inner[0x9003], inner[0x9011] = "2026:09:21 08:55:10", "+08:00"
    gps = exif.get_ifd(0x8825)
    gps[1], gps[2], gps[3], gps[4] = "N", (31.0, 14.0, 22.8), "E", (121.0, 29.0, 59.0)
    found = inspect(saved(a_photo(), "JPEG", exif=exif))
    assert found.taken == "2026-09-21T08:55:10+08:00"
    assert found.place == pytest.approx((31.239667, 121.499722))
    plain = inspect(saved(a_photo(), "JPEG"))
    assert (plain.taken, plain.place) == (None, None)


@pytest.mark.parametrize("number", range(8))
def test_a_picture_made_smaller_looks_the_same_and_another_does_not(number: int) -> None:
    image = a_photo(number)
    small = image.resize((320, 240))
    first = inspect(saved(image, "PNG")).looks_like
    again = inspect(saved(small, "JPEG", quality=40)).looks_like
    other = inspect(saved(a_photo(number + 100), "PNG")).looks_like
    assert attachments.is_alike(first, again)
    assert not attachments.is_alike(first, other)


def test_blank_pages_are_like_nothing() -> None:
    blank = inspect(saved(Image.new("RGB", (800, 600), "white"), "PNG"))
    assert blank.looks_like is None
    assert not attachments.is_alike(blank.looks_like, blank.looks_like)


SCANNER = (sys.executable, "-c")


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import sys; sys.exit(b'EICAR' in sys.stdin.buffer.read())", "病毒扫描发现问题"),
        ("raise SystemExit(2)", "病毒扫描没有完成"),
        ("import os; os.kill(os.getpid(), 9)", "病毒扫描没有完成"),
    ],
)
def test_a_scanner_that_finds_something_or_does_not_work_keeps_the_file_out(
    code: str, told: str
) -> None:
    data = a_pdf() + b"% EICAR"
    assert told in refusal(data, (*SCANNER, code))


def test_a_scanner_that_is_not_there_keeps_the_file_out_and_names_the_setting() -> None:
    assert "scan_command" in refusal(a_pdf(), ("no-such-scanner",))


def test_a_file_that_was_scanned_says_so() -> None:
    assert inspect(a_pdf(), (*SCANNER, "import sys; sys.stdin.buffer.read()")).scanned


def test_a_decoder_that_dies_takes_nobody_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a file does to its decoder: here it takes all the memory that there is for it."""
    monkeypatch.setattr(inspecting, "LOOK_S", 0.001)
    assert "无法安全打开" in refusal(a_pdf())


SAMPLES = {
    FileKind.JPEG: saved(a_photo(size=(64, 48)), "JPEG"),
    FileKind.PNG: saved(a_photo(size=(64, 48)), "PNG"),
    FileKind.PDF: a_pdf(),
    FileKind.XLSX: a_workbook(),
}


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_any_damage_is_a_file_or_a_sentence(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(list(SAMPLES)))
    raw = bytearray(SAMPLES[kind])
    for _ in range(data.draw(st.integers(1, 6))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(NotTakenError):
        look(kind, bytes(raw))


def test_the_same_file_in_the_same_case_is_the_same(here: Casework) -> None:
    case = here.open()
    first = here.attach(case, hr(ZHANG))
    again = here.attach(case, hr(ZHANG), name="other name.pdf")
    assert again.attachment_id == first.attachment_id
    assert len(here.load(case).steps) == 2


def test_a_file_that_was_handed_in_before_is_told_to_whoever_reviews(here: Casework) -> None:
    first, second = here.open(), here.open(Ref(RefKind.ALERT, "al-2"))
    image, like = bytes(8), b"\0" * 7 + b"\3"
    old = here.attach(first, hr(ZHANG), a_file(b"%PDF-1", image)).attachment_id
    same = here.attach(second, hr(LI), a_file(b"%PDF-1", image)).attachment_id
    alike = here.attach(second, hr(LI), a_file(b"%PDF-2", like)).attachment_id
    other = here.attach(second, hr(LI), a_file(b"%PDF-3", b"\xff" * 8)).attachment_id
    with db.reading(here.engine) as conn:
        assert same is not None
        assert alike is not None
        assert other is not None
        assert [(s.attachment_id, s.is_same) for s in attachments.seen_before(conn, same)] == [
            (old, True),
            (alike, False),
        ]
        assert [s.is_same for s in attachments.seen_before(conn, alike)] == [False, False]
        assert attachments.seen_before(conn, other) == ()
        with pytest.raises(UnknownIdError):
            attachments.seen_before(conn, "at-x")


def test_what_comes_back_is_what_was_handed_in(here: Casework) -> None:
    case = here.open()
    file = inspect(saved(a_photo(), "JPEG"))
    made = here.attach(case, hr(ZHANG), file, "../../etc/签字\u202e单.jpg").attachment_id
    assert made is not None
    with db.reading(here.engine) as conn:
        about, data = attachments.content(conn, VAULT, case.id, made)
        assert data == file.data
        assert about.name == "签字单.jpg"
        assert attachments.list_of(conn, VAULT, case.id) == (about,)
        with pytest.raises(UnknownIdError):
            attachments.content(conn, VAULT, "ca-other", made)


def test_nothing_is_added_to_a_case_that_is_closed_and_nothing_is_left_of_it(
    here: Casework,
) -> None:
    case = here.do(here.open(), Action.DISMISS, hr(ZHANG), reason="nothing in it")
    refused = here.attach(case, EMPLOYEE)
    assert refused.attachment_id is None
    assert refused.acted.refused is not None
    with db.reading(here.engine) as conn:
        assert attachments.list_of(conn, VAULT, case.id) == ()


def test_a_case_takes_so_many_files_and_no_more(
    here: Casework, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attachments, "MOST", 2)
    case = here.open()
    for number in range(2):
        here.attach(case, hr(ZHANG), a_file(b"%PDF-" + bytes([number])))
    with pytest.raises(AttachmentError, match="最多 2 个附件"):
        here.attach(case, hr(ZHANG), a_file(b"%PDF-x"))


def test_the_picture_that_needs_most_memory_is_within_its_bound() -> None:
    """64 million points, which is the most that is taken."""
    image = Image.new("RGB", (8000, 8000), (10, 10, 250))
    image.paste((250, 10, 10), (0, 0, 4000, 8000))
    data = saved(image, "PNG", compress_level=1)
    found = inspect(data)
    assert isinstance(found, Inspected)
    assert found.size_told == "8000 × 8000"
    assert looking.PIXELS_MAX == 8000 * 8000
