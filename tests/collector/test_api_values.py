"""Cursors and times, as every listing uses them."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zaigang_collector.api import values
from zaigang_collector.api.problems import ProblemError

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=5,
)


@given(st.integers(0, 2**53), st.from_regex(r"[a-z0-9-]{1,40}", fullmatch=True))
def test_a_cursor_gives_back_the_key_that_it_was_made_of(at_ms: int, name: str) -> None:
    page = values.page([(at_ms, name)] * 2, 1, lambda item: item)
    assert values.time_cursor(page.next) == (at_ms, name)


@given(
    st.text()
    | _JSON.map(lambda value: base64.urlsafe_b64encode(json.dumps(value).encode()).decode())
)
def test_any_text_is_a_key_or_a_problem(text: str) -> None:
    try:
        key = values.time_cursor(text)
    except ProblemError:
        return
    assert key is not None
    assert type(key[0]) is int
    assert key[1].isprintable()


@pytest.mark.parametrize("key", [[2**80, "a"], [1, "a\0"], [1, "\ud800"], [True, "a"], [1], []])
def test_a_key_that_no_database_can_compare_with_is_refused(key: list[object]) -> None:
    text = base64.urlsafe_b64encode(json.dumps(key).encode()).decode()
    with pytest.raises(ProblemError):
        values.time_cursor(text)


def test_the_last_page_says_that_it_is_the_last() -> None:
    assert values.page(["a", "b"], 2, lambda item: (item,)).next is None
    assert values.page(["a", "b", "c"], 2, lambda item: (item,)).items == ["a", "b"]


@given(st.integers(0, 4_000_000_000_000))
def test_times_survive_the_way_out_and_in(at_ms: int) -> None:
    assert values.to_ms(values.utc(at_ms)) == at_ms
