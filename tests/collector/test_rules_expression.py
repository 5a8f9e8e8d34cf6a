"""Conditions: what may stand in one, what is unknown, and that none of them takes long."""

from __future__ import annotations

import itertools
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zaigang_collector.rules.errors import RuleError
from zaigang_collector.rules.expression import (
    LENGTH_MAX,
    PARTS_MAX,
    Truth,
    compile_condition,
)
from zaigang_collector.rules.vocabulary import FACTS, Grain, Kind


def refused(source: str, grain: Grain = Grain.INTERVAL) -> RuleError:
    with pytest.raises(RuleError) as caught:
        compile_condition(source, grain)
    return caught.value


@pytest.mark.parametrize(
    ("source", "zh", "en"),
    [
        ("first_use_min > 60", "第 15 列", "column 15: found no matching overload"),
        ("first_use_min > 60", "数字要带小数点", "numbers have a decimal point"),
        ('first_use_min > "60"', "两边的类型应相同", "both sides have to be of one type"),
        ("first_use_min >", "第 16 列", "column 16: Syntax error"),
        ("first_use > 60.0", "是不是 first_use_min", "column 1: there is no fact first_use; did you mean first_use_min?"),
        ("first_use_min + 1.0", "结果应为是或否", "true or false"),
        ("[1.0].exists(x, true)", "不能用", "cannot stand here"),
        ("size(presence) > 1", "没有函数", "no functions"),
        ("{1: 2}", "不能用", "cannot stand here"),
        ("presence == \"a\\n\"", "不能用", "cannot stand here"),
        ("", "1 到", "1 to"),
        ("(" * 40 + "own_word" + ")" * 40, "嵌套太深", "nested too deep"),
        ("true" + "||true" * 150, "最多", "at most"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place_in_both_languages(
    source: str, zh: str, en: str
) -> None:
    error = refused(source)

    assert zh in error.text.zh
    assert en in error.text.en


def test_a_rule_about_days_cannot_speak_of_an_interval() -> None:
    assert "grain" in refused("use_min > 1.0", Grain.DAY).text.en
    assert compile_condition("workday", Grain.INTERVAL).names == ("workday",)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("own_word", Truth.UNKNOWN),
        ("!own_word", Truth.UNKNOWN),
        ("own_word == own_word", Truth.UNKNOWN),
        ("own_word || terminal", Truth.YES),
        ("own_word && mock_location", Truth.NO),
        ("own_word && terminal", Truth.UNKNOWN),
        ("own_word || mock_location", Truth.UNKNOWN),
        ("own_word ? terminal : terminal", Truth.UNKNOWN),
        ("!(own_word && mock_location)", Truth.YES),
    ],
)
def test_unknown_is_never_taken_for_false(source: str, expected: Truth) -> None:
    facts = {"terminal": True, "mock_location": False}

    assert compile_condition(source, Grain.INTERVAL).holds(facts) is expected


_NAMES = ("own_word", "terminal", "mock_location")


def _conditions() -> st.SearchStrategy[str]:
    return st.recursive(
        st.sampled_from(_NAMES),
        lambda inner: st.one_of(
            inner.map(lambda one: f"!({one})"),
            st.tuples(inner, st.sampled_from(("&&", "||")), inner).map(
                lambda parts: f"({parts[0]} {parts[1]} {parts[2]})"
            ),
        ),
        max_leaves=6,
    )


@settings(max_examples=150, deadline=None)
@given(
    source=_conditions(),
    known=st.sets(st.sampled_from(_NAMES)),
    values=st.tuples(*[st.booleans()] * 3),
)
def test_a_condition_that_is_decided_stays_so_whatever_the_unknown_turns_out_to_be(
    source: str, known: set[str], values: tuple[bool, bool, bool]
) -> None:
    condition = compile_condition(source, Grain.INTERVAL)
    facts = {name: value for name, value in zip(_NAMES, values, strict=True) if name in known}
    said = condition.holds(facts)
    if said is Truth.UNKNOWN:
        return
    open_names = [name for name in _NAMES if name not in known]
    for told in itertools.product((False, True), repeat=len(open_names)):
        whole = facts | dict(zip(open_names, told, strict=True))
        assert condition.holds(whole) is said


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_whatever_is_written_is_a_condition_or_a_sentence(source: str) -> None:
    try:
        compile_condition(source, Grain.INTERVAL)
    except RuleError as error:
        told = error.text
    else:
        return
    assert told.zh
    assert told.en


def test_the_most_that_is_let_in_takes_milliseconds() -> None:
    """The longest conditions of several shapes; the bound is generous for a busy machine."""
    many = (PARTS_MAX - 8) // 2
    longest = [
        "use_min in [" + ",".join(["1.0"] * many) + "]",
        " || ".join(["!own_word"] * 77),
        "-" * 25 + "use_min < 1.0",
    ]
    facts = {"use_min": 2.0, "own_word": True}
    for source in longest:
        assert len(source) <= LENGTH_MAX
        condition = compile_condition(source, Grain.INTERVAL)
        started = time.process_time()
        for _ in range(20):
            condition.holds(facts)
        assert (time.process_time() - started) / 20 < 0.05


def test_every_fact_has_its_words_and_its_unit_in_its_name() -> None:
    suffixes = {"_min": "min", "_share": "1", "_k": "K", "_c": "°C"}
    for one in FACTS.values():
        assert one.about.zh
        assert one.about.en
        assert one.unknown.zh
        for suffix, unit in suffixes.items():
            if one.name.endswith(suffix) and one.kind is Kind.NUMBER:
                assert one.unit == unit, one.name
