"""A registered home may be a phone that comes along to work: what it takes to be a place."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.factories import evidence as make
from tests.factories.evidence import DAY_MIN, START_MS, Part, Story, at_home, at_site, off
from zaigang_collector.matching import fusion
from zaigang_collector.matching.assess import assess
from zaigang_collector.matching.model import Assessment, Presence
from zaigang_collector.matching.policy import default_policy

POLICY = default_policy()
SHORT = 240
NOT_LEARNT: dict[str, Any] = {"coverage_by_employee": {}}


def judge(story: Story, to_min: int = DAY_MIN, **site: Any) -> Assessment:
    claim = make.claim(end_ms=START_MS + to_min * make.MINUTE_MS)
    return assess(claim, make.site(**site), story.evidence(), POLICY)


@st.composite
def days_on_the_phone(draw: st.DrawFn, *, deaf: bool) -> Story:
    """On one's own phone at the site, where the beacon does not reach, or the radio is deaf."""
    cuts = sorted(draw(st.sets(st.integers(0, SHORT // 5), min_size=2, max_size=6)))
    parts = [
        Part(
            low * 5,
            high * 5,
            active=draw(st.integers(0, 3)),
            locked=draw(st.booleans()),
            net=draw(st.sampled_from([make.HOME_NET, make.HOME_NET, make.HOME_NET, None])),
            vpn=draw(st.sampled_from([False, False, True])),
            hears=False,
            scan_healthy=not deaf and draw(st.booleans()),
            off=draw(st.sampled_from([False, False, False, True])),
        )
        for low, high in itertools.pairwise(cuts)
    ]
    return Story(parts, known_to_min=SHORT + 49 * 60)


@settings(max_examples=40)
@given(days_on_the_phone(deaf=False))
def test_a_home_network_accuses_nobody_while_nothing_is_learnt(story: Story) -> None:
    assert judge(story, SHORT, **NOT_LEARNT).presence is not Presence.CONTRADICTED


@settings(max_examples=40)
@given(days_on_the_phone(deaf=True))
def test_who_is_usually_heard_is_not_accused_by_a_deaf_radio(story: Story) -> None:
    assert judge(story, SHORT).presence is not Presence.CONTRADICTED


def test_the_same_network_with_silence_that_means_something_is_a_place() -> None:
    assert judge(Story((at_home(-20, DAY_MIN),))).presence is Presence.CONTRADICTED


def test_ten_minutes_at_the_beacon_are_too_few_to_make_its_silence_mean_something() -> None:
    left = [Story((at_site(-20, m), off(m, m + 30), at_home(m + 30, DAY_MIN))) for m in (10, 20)]

    found = [judge(story, **NOT_LEARNT).presence for story in left]

    assert found == [Presence.UNVERIFIED, Presence.CONTRADICTED]


def test_a_home_that_is_no_place_yet_is_told_with_what_is_missing() -> None:
    found = judge(Story((at_home(-20, DAY_MIN),)), **NOT_LEARNT)

    assert found.presence is Presence.UNVERIFIED
    assert "confirmed days are too few" in found.reasons[0].en
    assert "手机热点" in found.reasons[0].zh


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60))
def test_a_pause_lowers_what_is_told_to_the_prior_and_nothing_else(
    slots: list[tuple[float, bool]],
) -> None:
    posteriors = [posterior for posterior, _ in slots]
    person = [here for _, here in slots]
    prior = POLICY.prior_at_site_posterior

    told = fusion.attended(posteriors, person, POLICY)

    for slot, (before, after) in enumerate(zip(posteriors, told, strict=True)):
        threes = (person[first : first + 3] for first in range(max(0, slot - 2), slot + 1))
        long_pause = any(three == [False] * 3 for three in threes)
        assert after == (min(before, prior) if long_pause else before)
    assert fusion.attended(told, person, POLICY) == told
