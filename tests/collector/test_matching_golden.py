"""Assessments as they were kept: whoever makes matching faster changes nothing, to the last bit."""

from __future__ import annotations

import json

import pytest

from tests.collector.test_matching_properties import shuffled
from tests.factories import golden_days
from tests.golden.make import FOLDER
from zaigang_collector.matching.assess import assess
from zaigang_collector.matching.model import Direction
from zaigang_collector.matching.policy import default_policy

KEPT = json.loads((FOLDER / "assessments.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("day", golden_days.DAYS)
def test_the_golden_assessment_is_made_again_bit_for_bit(day: str) -> None:
    assert golden_days.judged(day) == KEPT[day]


@pytest.mark.parametrize("day", golden_days.DAYS)
def test_a_golden_day_is_the_same_in_another_order(day: str) -> None:
    claim, site, evidence = golden_days.DAYS[day]()
    policy = default_policy()
    again = assess(claim, site, shuffled(evidence, 7), policy)
    assert repr(again) == repr(assess(claim, site, evidence, policy))


def test_between_them_the_golden_days_make_every_signal_speak() -> None:
    policy = default_policy()
    found = [assess(*day(), policy) for day in golden_days.DAYS.values()]
    said = {(one.signal, one.direction) for each in found for one in each.findings}

    assert {each.presence for each in found} >= {"confirmed", "contradicted", "unverified"}
    for signal in ("beacon", "network", "network_context", "hands", "environment", "air_movement"):
        assert {(signal, Direction.SUPPORTS), (signal, Direction.CONTRADICTS)} <= said, signal
    contradicting = {signal for signal, direction in said if direction is Direction.CONTRADICTS}
    assert contradicting >= {"geofence", "travel", "integrity"}
