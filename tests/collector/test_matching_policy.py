"""The policy document and the stored form of an assessment."""

from __future__ import annotations

import dataclasses
import importlib.resources
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import evidence as make
from tests.factories.evidence import Story, honest_day
from zaigang_collector.matching.assess import assess
from zaigang_collector.matching.codec import decode, encode, evidence_hash
from zaigang_collector.matching.errors import CodecError, MatchingError, PolicyError
from zaigang_collector.matching.model import Assessment
from zaigang_collector.matching.policy import Policy, default_policy, load_policy

DOCUMENT = (
    importlib.resources.files("zaigang_collector.matching").joinpath("policy.toml").read_text()
)


@pytest.fixture(scope="module")
def honest() -> Assessment:
    evidence = Story(honest_day()).evidence()
    return assess(make.claim(), make.site(), evidence, default_policy())


def test_the_policy_that_comes_with_the_program_reads_and_has_a_hash() -> None:
    policy = load_policy(DOCUMENT)

    assert policy == default_policy()
    assert len(bytes.fromhex(policy.hash())) == 32


def test_the_hash_follows_the_numbers_and_not_the_words() -> None:
    reworded = load_policy(DOCUMENT.replace('"Nine in ten', '"About nine in ten'))
    changed = dataclasses.replace(default_policy(), waiting_h=47.0)

    assert reworded.hash() == default_policy().hash()
    assert changed.hash() != default_policy().hash()


def test_every_number_is_used() -> None:
    package = importlib.resources.files("zaigang_collector.matching")
    signals = package.joinpath("signals")
    code = "".join(
        item.read_text()
        for folder in (package, signals)
        for item in folder.iterdir()
        if item.name.endswith(".py") and item.name != "policy.py"
    )

    names = {field.name for field in dataclasses.fields(Policy)} - {"version", "slot_s"}
    assert sorted(name for name in names if f".{name}" not in code) == []


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("version = 3", "version = 0", "version"),
        ("version = 3", "", "missing: version"),
        ("[waiting_h]", "[patience_h]", "missing: waiting_h; unknown: patience_h"),
        ("value = 48.0", "value = nan", "waiting_h"),
        ("value = 48.0", 'value = "48"', "waiting_h"),
        ("value = 300", "value = 300.5", "slot_s"),
        ("value = 0.95", "value = 1.5", "contradict_posterior"),
        ("value = 0.95", "value = 0.3", "contradict_posterior"),
        ('unit = "h"', 'unit = "d"', "unit"),
        ("[dwell_at_site_h]\nvalue = 6.0", "[dwell_at_site_h]\nvalue = 0.0", "dwell"),
        ("[egress_llr]\nvalue = 1.0", "[egress_llr]\nvalue = 5.0", "context must weigh less"),
        ("[slot_s]", "[slot_s", "not TOML"),
    ],
)
def test_a_policy_that_does_not_hold_is_refused_with_the_number(
    old: str, new: str, says: str
) -> None:
    assert old in DOCUMENT
    with pytest.raises(PolicyError, match=says):
        load_policy(DOCUMENT.replace(old, new, 1))


def test_a_number_without_a_reason_is_refused() -> None:
    lines = [line for line in DOCUMENT.splitlines() if not line.startswith("smaller")]

    with pytest.raises(PolicyError, match="slot_s: expected a table with value, unit, reason"):
        load_policy("\n".join(lines))


def test_an_assessment_survives_json(honest: Assessment) -> None:
    text = json.dumps(encode(honest), allow_nan=False)

    assert decode(json.loads(text)) == honest


def test_an_assessment_names_the_policy_it_was_made_with(honest: Assessment) -> None:
    assert honest.policy_hash == default_policy().hash()


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"presence": "perhaps"},
        {"posteriors": "x"},
        {"findings": [{"signal": "beacon"}]},
        {"claim": None},
        {"stretches": [[1]]},
    ],
)
def test_a_damaged_assessment_is_a_codec_error(honest: Assessment, change: dict[str, Any]) -> None:
    with pytest.raises(CodecError):
        decode({**encode(honest), **change})


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["claim", "presence", "work", "findings"]), json_values))
def test_anything_is_an_assessment_or_a_codec_error(raw: dict[str, Any]) -> None:
    with pytest.raises(MatchingError):
        decode({"v": 1, **raw})


def test_the_evidence_hash_changes_with_the_evidence_and_not_with_the_time() -> None:
    evidence = Story(honest_day()).evidence()
    laptop = evidence.laptops[0]
    less = dataclasses.replace(
        evidence, laptops=(dataclasses.replace(laptop, readings=laptop.readings[1:]),)
    )
    later = dataclasses.replace(evidence, known_to_ms=evidence.known_to_ms + 1)
    claim, site = make.claim(), make.site()

    assert evidence_hash(claim, site, less) != evidence_hash(claim, site, evidence)
    assert evidence_hash(claim, site, later) == evidence_hash(claim, site, evidence)
    assert evidence_hash(make.claim(flags=("mock_location",)), site, evidence) != evidence_hash(
        claim, site, evidence
    )
