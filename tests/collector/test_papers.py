"""Letter and report: what they declare, what they hold, what they say, and what cannot break them."""

from __future__ import annotations

import dataclasses
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader

from zaigang_collector.directory.model import Language
from zaigang_collector.reports import press, samples, wording
from zaigang_collector.reports.data import letter_data, report_data
from zaigang_collector.reports.model import Conclusion
from zaigang_collector.reports.typesetting import SHIPPED, TEMPLATES, Press, TypesettingError

ZH, EN = Language.CHINESE, Language.ENGLISH


@pytest.fixture
def shipped(tmp_path: Path) -> Press:
    return Press(tmp_path / "templates")


def templates(press: Press) -> Path:
    """The company's folder of templates, made."""
    assert press.own_templates is not None
    press.own_templates.mkdir()
    return press.own_templates


def said(pdf: bytes) -> str:
    """Its text, without the line breaks that setting made."""
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)
    return re.sub(r"\s+", "", text)


def fonts(pdf: bytes) -> Iterator[object]:
    for page in PdfReader(io.BytesIO(pdf)).pages:
        for font in page["/Resources"]["/Font"].values():  # type: ignore[index]
            yield font["/DescendantFonts"][0]["/FontDescriptor"]


@pytest.mark.parametrize("language", Language)
def test_papers_are_pdf_a_2a_with_all_fonts_inside(shipped: Press, language: Language) -> None:
    for pdf in (shipped.letter(samples.letter(language)), shipped.report(samples.report(language))):
        reader = PdfReader(io.BytesIO(pdf))
        declared = reader.metadata, reader.xmp_metadata
        assert declared[1] is not None
        xml = reader.root_object["/Metadata"].get_data().decode()  # type: ignore[attr-defined]
        assert "<pdfaid:part>2</pdfaid:part>" in xml
        assert "<pdfaid:conformance>A</pdfaid:conformance>" in xml
        assert reader.root_object["/MarkInfo"]["/Marked"]  # type: ignore[index]
        assert "/OutputIntents" in reader.root_object
        found = list(fonts(pdf))
        assert found
        assert all({"/FontFile2", "/FontFile3"} & set(font) for font in found)  # type: ignore[call-overload]


def test_the_same_paper_is_the_same_bytes(shipped: Press) -> None:
    letter = samples.letter(ZH)
    assert shipped.letter(letter) == shipped.letter(letter)


def test_a_letter_asks_and_finds_nothing(shipped: Press) -> None:
    text = said(shipped.letter(samples.letter(ZH)))
    for part in (
        "考勤异常确认函",
        "这封函是询问，不是结论",
        "张三",
        "Asia/Shanghai",
        "首次使用延迟：362min",
        "24小时内回复",
        "不是结论",
        "另一位审核人复核",
        "https://zaigang.example/r/sample",
        "1234条记录",
    ):
        assert part in text
    for word in wording.CONCLUSIONS.values():
        assert word.zh not in text


def test_a_letter_that_was_delivered_names_the_hour_and_one_that_was_not_names_the_span() -> None:
    letter = samples.letter(ZH)
    assert letter_data(letter)["due"].startswith("请在收到本函后 24 小时内回复")
    due = dataclasses.replace(letter, due_ms=1_794_362_400_000)
    assert letter_data(due)["due"] == "请在 2026年11月11日 10:00 之前回复（自确认送达起 24 小时）。"


def test_silence_has_the_name_of_a_published_rule_only_where_there_is_one() -> None:
    without = letter_data(dataclasses.replace(samples.letter(ZH), published_rule=""))["silence"]
    assert "视为默认异常" not in without
    assert "不会因此认定" in without
    assert "这只是状态，不是结论" in letter_data(samples.letter(ZH))["silence"]


@pytest.mark.parametrize("conclusion", Conclusion)
def test_a_report_says_who_concluded_what_and_that_it_proposes(
    shipped: Press, conclusion: Conclusion
) -> None:
    report = dataclasses.replace(samples.report(ZH), conclusion=conclusion)
    text = said(shipped.report(report))
    assert wording.CONCLUSIONS[conclusion].zh in text
    assert "李四" in text
    assert "不建议任何处理" in text
    assert report.attachments[0].sha256.hex() in text


def test_a_report_without_a_reply_says_that_silence_is_no_admission(shipped: Press) -> None:
    report = dataclasses.replace(samples.report(ZH), explanation=None, final=True)
    text = said(shipped.report(report))
    assert "未回复不等于承认" in text
    assert "本结论为最终结论" in text


@pytest.mark.parametrize(
    ("written", "printed"),
    [
        ("谢谢🙏", "谢谢〔U+1F64F〕"),
        ("#sys.inputs [*x*] $y$ @z `q`", "#sys.inputs[*x*]$y$@z`q`"),
        ("a\x00b", "a\ufffdb"),
        ("好\u202e坏", "好\ufffd坏"),
        ("𠮷田", "𠮷田"),
        ('"\\u{e000}"', '"\\u{e000}"'),
    ],
)
def test_what_people_write_is_printed_as_it_is(shipped: Press, written: str, printed: str) -> None:
    report = dataclasses.replace(samples.report(ZH), explanation=written)
    assert printed in said(shipped.report(report))


@given(data=st.text(), error=st.text())
def test_no_error_of_a_typesetter_changes_ascii(data: str, error: str) -> None:
    for text in (error, f'the text `"{error}"` could not be displayed with font `"x"`'):
        ascii_before = [one for one in data if one.isascii()]
        shown = re.sub(r"〔U\+[0-9A-F]{4,6}〕", "", press.numbered(data, text))
        if "〔" not in data:
            assert [one for one in shown if one.isascii()] == ascii_before


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("name", TEMPLATES)
def test_templates_use_words_that_there_are(language: Language, name: str) -> None:
    text = (SHIPPED / name).read_text(encoding="utf-8")
    words = (
        letter_data(samples.letter(language))["words"]
        | report_data(samples.report(language))["words"]
    )
    used = set(re.findall(r"\bw\.([a-z_]+)", text))
    assert used <= set(words)


def test_every_word_is_used_and_said_in_both_languages() -> None:
    text = "".join((SHIPPED / name).read_text(encoding="utf-8") for name in TEMPLATES)
    used = set(re.findall(r"\bw\.([a-z_]+)", text))
    for words in (wording.COMMON, wording.LETTER, wording.REPORT):
        assert set(words) <= used
        assert all(one.zh for one in words.values())
        assert all(one.en for key, one in words.items() if key != "pages")


def test_a_company_replaces_a_template_and_brings_its_logo(shipped: Press) -> None:
    own = templates(shipped)
    (own / "logo.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>')
    (own / "letter.typ").write_text(
        '#import "common.typ": *\n#show: paper\n'
        '#image("logo.svg", width: 1cm, alt: "logo")\n我们自己的函 #data.case',
        encoding="utf-8",
    )
    assert shipped.replaced() == ("letter.typ",)
    assert "我们自己的函SAMPLE" in said(shipped.letter(samples.letter(ZH)))


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ('#import "@preview/cetz:0.3.0": canvas', "nothing is fetched"),
        ('#read("/etc/hostname")', "letter.typ could not be set"),
        ('#read("../../../etc/hostname")', "letter.typ could not be set"),
        ("#unknown", "unknown variable"),
        ("#while true { [x] }", "letter.typ"),
    ],
)
def test_a_template_that_is_wrong_is_told_with_whose_it_is(
    shipped: Press, template: str, told: str
) -> None:
    (templates(shipped) / "letter.typ").write_text(template, encoding="utf-8")
    with pytest.raises(TypesettingError, match=re.escape(told)):
        dataclasses.replace(shipped, cpu_s=3).letter(samples.letter(ZH))


def test_a_template_that_never_ends_is_ended(shipped: Press) -> None:
    endless = "#for a in range(9999) { for b in range(9999) { for c in range(9999) { [] } } }"
    (templates(shipped) / "letter.typ").write_text(endless, encoding="utf-8")
    with pytest.raises(TypesettingError, match="too much time or memory"):
        dataclasses.replace(shipped, cpu_s=1).letter(samples.letter(ZH))


def test_without_chinese_fonts_it_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(TypesettingError, match="fonts-noto-cjk"):
        Press(tmp_path, (tmp_path,)).letter(samples.letter(ZH))
