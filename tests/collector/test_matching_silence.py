"""The beacon's silence accuses nobody of whom nothing else says where the laptop is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.factories import evidence as make
from tests.factories.evidence import DAY_MIN, Part, Story, at_site, in_cafe
from zaigang_collector.matching.assess import assess
from zaigang_collector.matching.model import Assessment, Presence
from zaigang_collector.matching.policy import default_policy
from zaigang_shared.readings import KINDS, Network

POLICY = default_policy()
SITE_AIR, OTHER_AIR = (25.0, 50.0), (30.0, 55.0)


def judge(*parts: Part, blind: bool, **story: Any) -> Assessment:
    """`blind`: the agent says nothing of networks, as after an update that took the permission."""
    evidence = Story(parts, known_to_min=DAY_MIN + 49 * 60, **story).evidence()
    if blind:
        evidence = make.only(evidence, [kind for kind in KINDS.values() if kind is not Network])
    return assess(make.claim(), make.site(), evidence, POLICY)


@settings(max_examples=30)
@given(
    st.integers(-20, 200),
    st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=4),
    st.booleans(),
)
def test_silence_alone_accuses_nobody(
    from_min: int, work: list[tuple[int, bool]], blind: bool
) -> None:
    """Half a day in rooms that the node does not reach, with or without a link to nothing known."""
    length = (DAY_MIN - from_min) // len(work)
    starts = [from_min + length * number for number in range(len(work))]
    quiet = [
        in_cafe(start, start + length, active, net=None, locked=locked)
        for start, (active, locked) in zip(starts, work, strict=True)
    ]
    found = judge(at_site(-30, from_min, net=None), *quiet, blind=blind)
    assert found.presence is not Presence.CONTRADICTED


@pytest.mark.parametrize("blind", [False, True])
@pytest.mark.parametrize("air", [SITE_AIR, OTHER_AIR])
def test_other_air_beside_the_silence_is_no_second_ground(
    blind: bool, air: tuple[float, float]
) -> None:
    """A room that the node does not reach has air of its own: both have one cause."""
    quiet = in_cafe(40, DAY_MIN, net=None, air=air)
    found = judge(at_site(-20, 40, net=None, air=SITE_AIR), quiet, blind=blind, site_air=SITE_AIR)
    assert found.presence is not Presence.CONTRADICTED


def test_an_unknown_network_beside_the_silence_still_accuses() -> None:
    """Without it no silence could: nothing here is a check that cannot fail."""
    found = judge(at_site(-20, 40), in_cafe(60, DAY_MIN), blind=False)
    assert found.presence is Presence.CONTRADICTED
