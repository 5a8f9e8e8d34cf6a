"""What is said of people, as they would read it themselves: the same in both languages, with units, and
accusing nobody."""

from __future__ import annotations

import re

import pytest

from tests.collector.test_matching_scenarios import CASES, Case, judged
from zaigang_collector.matching import reasons, words
from zaigang_collector.matching.model import Family, Text

# A number that both languages write alike: shares, times of day, hours with a decimal, metres.
_NUMBER = re.compile(r"\d\d:\d\d|\d+(?:\.\d+)?%|\d+\.\d+|\d{3,}")
# Words for a wrong that somebody did on purpose. Software does not know that.
_ACCUSING = re.compile(
    r"作弊|造假|作假|虚假|伪造|撒谎|欺骗|违规|违纪|旷工|缺勤|擅自|故意|此人|不像人手"
    r"|\b(?:cheat|fraud|fake|lied|lying|absent|violation|deliberate|on purpose)",
    re.IGNORECASE,
)


def texts(case: Case) -> list[Text]:
    made = judged(case)
    return [*made.reasons, *(finding.text for finding in made.findings)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.truth)
def test_both_languages_give_the_same_numbers_and_accuse_nobody(case: Case) -> None:
    for text in texts(case):
        assert sorted(_NUMBER.findall(text.zh)) == sorted(_NUMBER.findall(text.en)), text
        assert not _ACCUSING.search(text.zh), text.zh
        assert not _ACCUSING.search(text.en), text.en


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.truth)
def test_chinese_is_punctuated_as_chinese(case: Case) -> None:
    for text in texts(case):
        assert not re.search(
            r"[一-鿿][,;:!?()]|[,;:!?()][一-鿿]|[，。；：、][，。；：、]", text.zh
        ), text.zh
        assert not re.search(r"[一-鿿]\d(?!\))", text.zh.replace("（", " ").replace("±", " ")), (
            text.zh
        )
        assert not re.search(r"(?<![\d.])0 (?:分钟|小时|min|h\b)", text.zh + text.en), text


@pytest.mark.parametrize(
    ("ms", "zh", "en"),
    [
        (0, "0 分钟", "0 min"), (20_000, "不到 1 分钟", "under 1 min"), (60_000, "1 分钟", "1 min"),
        (7_199_999, "120 分钟", "120 min"), (7_200_000, "2.0 小时", "2.0 h"),
    ],
)  # fmt: skip
def test_a_length_of_time_is_told_with_its_unit(ms: int, zh: str, en: str) -> None:
    assert (words.length_zh(ms), words.length_en(ms)) == (zh, en)


def test_many_devices_are_counted_and_not_all_named() -> None:
    few, many = (reasons.left_out([f"lap-{n}" for n in range(count)]) for count in (2, 5))
    assert "lap-0、lap-1 因" in few.zh
    assert "lap-0、lap-1、lap-2 等 5 台" in many.zh
    assert "lap-0, lap-1, lap-2 and 2 more" in many.en


def test_what_is_missing_is_said_in_words_and_not_as_nought() -> None:
    for text in (
        reasons.nobody_at_laptop(0),
        reasons.work_idle(0, 3_600_000),
        reasons.work_unknown(0),
    ):
        assert "0 分钟" not in text.zh.replace("60 分钟", "")
        assert " 0 min" not in text.en
    assert "60 分钟中，没有操作" in reasons.work_idle(0, 3_600_000).zh


def test_a_contradiction_names_its_grounds_and_speaks_of_readings() -> None:
    told = reasons.contradicted("10:15–18:05", 7 * 3_600_000, 0.0002, [Family.RADIO, Family.HANDS])
    assert told.zh == (
        "10:15–18:05（7.0 小时）的读数与打卡相矛盾。由读数推算的平均在场概率：不到 0.1%；"
        "相互独立的依据：设备位置、设备上的本地操作。"
    )
    assert told.en.endswith("independent grounds: where the device was and local input on it.")
