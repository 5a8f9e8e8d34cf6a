"""Whole days with a known truth, and the verdict that each calls for."""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.factories import evidence as make
from tests.factories.evidence import DAY_MIN, Story, at_home, at_site, honest_day, in_cafe, off
from zaigang_collector.matching.assess import assess
from zaigang_collector.matching.model import (
    Assessment,
    Claim,
    Evidence,
    Exemption,
    IntegrityEvent,
    Presence,
    VantageSeen,
    Work,
)
from zaigang_collector.matching.policy import default_policy

CONFIRMED, CONTRADICTED, UNVERIFIED = (
    Presence.CONFIRMED,
    Presence.CONTRADICTED,
    Presence.UNVERIFIED,
)
MINUTE_MS = make.MINUTE_MS


@dataclass(frozen=True)
class Case:
    truth: str
    evidence: Evidence
    presence: Presence
    says: str = ""
    """A piece of one of the reasons."""
    work: Work | None = None
    claim: dict[str, Any] = field(default_factory=dict)
    site: dict[str, Any] = field(default_factory=dict)


def judged(case: Case) -> Assessment:
    return assess(make.claim(**case.claim), make.site(**case.site), case.evidence, default_policy())


def told(*parts: make.Part, **changes: Any) -> Evidence:
    return Story(parts, **changes).evidence()


NO_NODE: dict[str, Any] = {"node_ids": ()}
HOME_ALL_DAY = told(at_home(-20, DAY_MIN))


def paused(from_min: int) -> tuple[make.Part, ...]:
    """At the site until the end, with a pause after which nobody takes the hand for a machine."""
    return at_site(from_min, 350), at_site(350, 360, active=0), at_site(360, DAY_MIN)


GONE_AT_40 = (at_site(-20, 40), off(40, 70), at_home(70, DAY_MIN))

# The guests' network of a meeting room, whose gateway nobody registered; a word on its address is
# fetched every half hour.
GUEST_HOURS = [
    in_cafe(minute, minute + 30, vantage=b"seen at %d" % minute) for minute in range(60, 360, 30)
]
ADDRESS_HOURS = [
    at_home(minute, minute + 30, vantage=b"seen at %d" % minute) for minute in range(0, DAY_MIN, 30)
]
HOME_ADDRESSES = {
    b"seen at %d" % minute: VantageSeen("198.51.100.9", make.START_MS + minute * MINUTE_MS)
    for minute in range(0, DAY_MIN, 30)
}
FAR_POINTS = tuple(make.point(minute, latitude=make.LATITUDE + 0.05) for minute in (0, 180))
GUEST_ADDRESSES = {
    b"seen at %d" % minute: VantageSeen("203.0.113.9", make.START_MS + minute * MINUTE_MS)
    for minute in range(60, 360, 30)
}

CASES = [
    Case("honest full day", told(*honest_day()), CONFIRMED, "At the site for 100%", Work.ACTIVE),
    Case("honest, node down", make.without_nodes(told(*honest_day())), CONFIRMED),
    Case("honest, no node, no network known", make.without_nodes(told(*honest_day())), UNVERIFIED,
         "its place is not known", site={**NO_NODE, "networks": frozenset()}),
    Case("honest, network not registered", told(*honest_day(net=make.CAFE_NET)), CONFIRMED),
    Case("honest, over a phone hotspot that is also the home network",
         told(*honest_day(net=make.HOME_NET)), UNVERIFIED, "take it off the registered homes"),
    Case("honest, over a phone hotspot that is known to travel",
         told(*honest_day(net=make.HOME_NET)), CONFIRMED,
         claim={"travelling_networks": frozenset({make.HOME_NET})}),
    Case("at home, with the site's beacon relayed live",
         told(at_home(-20, DAY_MIN, hears=True)), UNVERIFIED, "nobody can tell"),
    Case("honest, five hours in a meeting room out of reach, out through the site's own address",
         told(at_site(-20, 60), *GUEST_HOURS, at_site(360, DAY_MIN), vantages=GUEST_ADDRESSES),
         UNVERIFIED, site={"egress": ("203.0.113.0/24",)}),
    Case("the same through another address",
         told(at_site(-20, 60), *GUEST_HOURS, at_site(360, DAY_MIN), vantages=GUEST_ADDRESSES),
         CONTRADICTED, site={"egress": ("198.51.100.0/24",)}),
    Case("honest, hotspot known to travel, no node",
         make.without_nodes(told(*honest_day(net=make.HOME_NET))), UNVERIFIED,
         claim={"travelling_networks": frozenset({make.HOME_NET})}),
    Case("an hour at the desk, then a meeting room out of reach, on one phone that nobody knows",
         told(at_site(-20, 60, net=make.CAFE_NET), in_cafe(60, DAY_MIN)), UNVERIFIED),
    Case("ten minutes at the desk on that network, then in a café on the same",
         told(at_site(-20, 10, net=make.CAFE_NET), in_cafe(10, DAY_MIN)), CONTRADICTED),
    Case("honest, VPN all day", told(*honest_day(vpn=True)), CONFIRMED),
    Case("honest, VPN all day, node down",
         make.without_nodes(told(*honest_day(vpn=True))), UNVERIFIED, "its place is not known"),
    Case("honest, radio deaf", told(*honest_day(hears=False, scan_healthy=False)), CONFIRMED),
    Case("honest, beyond the node's reach, nobody knows the coverage",
         told(*honest_day(hears=False, net=make.CAFE_NET)), UNVERIFIED,
         site={"coverage_by_employee": {}}),
    Case("honest, on the site's network where the node does not reach",
         told(*honest_day(hears=False)), UNVERIFIED),
    Case("honest, the node's clock is 10 min behind",
         told(*honest_day(), node_behind_ms=600_000), CONFIRMED),
    Case("honest, the laptop's times are known to 20 min only",
         told(*honest_day(), error_ms=1_200_000), UNVERIFIED, "dated to"),
    Case("lunch outside with the laptop",
         told(at_site(-20, 180), in_cafe(180, 240), *paused(240)), CONFIRMED, "Away"),
    Case("long lunch outside with the laptop",
         told(at_site(-20, 180), in_cafe(180, 265), *paused(265)), CONFIRMED, "shorter"),
    Case("laptop shut in a meeting",
         told(at_site(-20, 120), off(120, 210), at_site(210, DAY_MIN)), CONFIRMED),
    Case("two hours in a meeting room out of reach, on the guests' network",
         told(at_site(-20, 200), in_cafe(200, 320), at_site(320, DAY_MIN)), UNVERIFIED, "perhaps"),
    Case("all day out of the node's reach, in a tunnel behind the site's gateway",
         told(*honest_day(hears=False, vpn=True)), UNVERIFIED),
    Case("left after clock-in, in use at home", told(*GONE_AT_40), CONTRADICTED,
         "independent grounds", Work.ACTIVE),
    Case("left for a café", told(at_site(-20, 40), in_cafe(60, DAY_MIN)), CONTRADICTED),
    Case("left for a café, no node",
         make.without_nodes(told(at_site(-20, 40), in_cafe(60, DAY_MIN))), UNVERIFIED),
    Case("left for a café, coverage not known",
         told(at_site(-20, 40), in_cafe(60, DAY_MIN)), UNVERIFIED,
         site={"coverage_by_employee": {}}),
    Case("away for two hours in between",
         told(at_site(-20, 200), off(200, 220), at_home(220, 340), off(340, 360),
              at_site(360, DAY_MIN)), CONTRADICTED),
    Case("honest, the phone's hotspot instead of the site's network for two hours, no node",
         make.without_nodes(told(at_site(-20, 200), at_home(200, 320), at_site(320, DAY_MIN))),
         UNVERIFIED),
    Case("never there, faked position", HOME_ALL_DAY, CONTRADICTED, "The readings of 09:05"),
    Case("never there, no node, on a home network that was never seen at work",
         make.without_nodes(HOME_ALL_DAY), CONTRADICTED, site=NO_NODE,
         claim={"settled_networks": frozenset({make.HOME_NET})}),
    Case("never there, no node, out through the registered home's own address",
         make.without_nodes(told(*ADDRESS_HOURS, vantages=HOME_ADDRESSES)), CONTRADICTED, site=NO_NODE,
         claim={"home_egress": ("198.51.100.0/24",)}),
    Case("there, no node, on a phone that is registered as home",
         make.without_nodes(HOME_ALL_DAY), UNVERIFIED, "a phone's hotspot comes along", site=NO_NODE),
    Case("there, deaf all day, on a phone that is registered as home",
         told(at_home(-20, DAY_MIN, scan_healthy=False)), UNVERIFIED, "nothing of another kind",
         claim={"settled_networks": frozenset({make.HOME_NET})}),
    Case("in the first weeks, left after an hour at the beacon",
         told(*GONE_AT_40), CONTRADICTED, site={"coverage_by_employee": {}}),
    Case("in the first weeks, never there", HOME_ALL_DAY, UNVERIFIED,
         site={"coverage_by_employee": {}}),
    Case("never there, replays a recorded beacon",
         told(at_home(-20, DAY_MIN, hears=True, beacon_late_ms=600_000)), CONTRADICTED),
    Case("at home over a VPN into the office",
         told(at_home(-20, DAY_MIN, vpn=True)), CONTRADICTED),
    Case("at home over a VPN, no node", make.without_nodes(told(at_home(-20, DAY_MIN, vpn=True))),
         UNVERIFIED),
    Case("laptop off all day", told(off(-20, DAY_MIN)), UNVERIFIED, "No readings of any device",
         Work.UNVERIFIED),
    Case("laptop off after an hour", told(at_site(-20, 60), off(60, DAY_MIN)), UNVERIFIED,
         "none for 10:1"),
    Case("laptop forgotten at home, idle", told(at_home(-20, DAY_MIN, active=0)), UNVERIFIED,
         "forgotten", Work.IDLE),
    Case("laptop used at home before leaving it there",
         told(at_home(-20, 15), at_home(15, DAY_MIN, active=0)), UNVERIFIED),
    Case("laptop left at the site over night, idle", told(at_site(-20, DAY_MIN, active=0)),
         UNVERIFIED, "a laptop at a place is not its owner"),
    Case("laptop left at the site after an hour",
         told(at_site(-20, 60), at_site(60, DAY_MIN, active=0)), UNVERIFIED,
         "a laptop at a place is not its owner"),
    Case("laptop left at the site for an afternoon",
         told(at_site(-20, 200), at_site(200, 340, active=0), at_site(340, DAY_MIN)), UNVERIFIED,
         "No readings of the person's own"),
    Case("remote control of a laptop at the site",
         told(at_site(-20, DAY_MIN, session="remote")), UNVERIFIED, "remote-control", Work.ACTIVE),
    Case("a mouse mover on a laptop at the site", told(at_site(-20, DAY_MIN, regular=True)),
         UNVERIFIED, "too regular", Work.IDLE),
    Case("a mouse mover on a laptop at home", told(at_home(-20, DAY_MIN, regular=True)),
         UNVERIFIED),
    Case("input at the site that never pauses", told(at_site(-20, DAY_MIN)), UNVERIFIED,
         "people pause"),
    Case("punched with a position that the source calls faked", told(*honest_day()), UNVERIFIED,
         "mock location", claim={"flags": ("mock_location",)}),
    Case("punched on one device for several people", told(*honest_day()), UNVERIFIED,
         "one clock-in device", claim={"flags": ("duplicate_device",)}),
    Case("the laptop works at the site, the badge is not there", told(*honest_day()), UNVERIFIED,
         "badge was never heard", claim={"badges": frozenset({b"badge"})}),
    Case("the same where nobody knows whether it would be heard", told(*honest_day()), CONFIRMED,
         claim={"badges": frozenset({b"badge"})}, site={"coverage_by_employee": {}}),
    Case("at home over a network that nobody knows, with the beacon relayed, but at home by address",
         told(*(dataclasses.replace(part, net=make.CAFE_NET, hears=True) for part in ADDRESS_HOURS),
              vantages=HOME_ADDRESSES), UNVERIFIED, "nobody can tell",
         claim={"home_egress": ("198.51.100.0/24",)}),
    Case("three hours in a café, punched there as well",
         told(in_cafe(-20, 180)), CONTRADICTED,
         claim={"end_ms": make.START_MS + 180 * MINUTE_MS, "points": FAR_POINTS}),
    Case("three hours in a room out of reach", told(in_cafe(-20, 180)), UNVERIFIED,
         claim={"end_ms": make.START_MS + 180 * MINUTE_MS, "points": (make.point(0),)}),
    Case("three hours in a room out of reach, one punch in the street",
         told(in_cafe(-20, 180)), UNVERIFIED,
         claim={"end_ms": make.START_MS + 180 * MINUTE_MS, "points": (make.point(0), FAR_POINTS[1])}),
    Case("second laptop given to a colleague at the site",
         told(at_home(-20, DAY_MIN), more=[Story(honest_day(), device_id="lap-2")]), UNVERIFIED,
         "two places at once"),
    Case("second laptop idle at home",
         told(*honest_day(), more=[Story((at_home(-20, DAY_MIN, active=0),), device_id="lap-2")]),
         CONFIRMED),
    Case("wrong clock: use at home before work, dated to 30 min only",
         told(at_home(-20, DAY_MIN), error_ms=1_800_000), UNVERIFIED, "dated to"),
    Case("late evidence still on its way", told(at_home(-20, DAY_MIN), complete_to_min=100),
         UNVERIFIED, "not complete yet"),
    Case("late evidence, waited for long enough",
         told(at_home(-20, DAY_MIN), complete_to_min=100, known_to_min=DAY_MIN + 48 * 60),
         CONTRADICTED, "concluded from what there is"),
    Case("nothing is known of the chain",
         told(at_home(-20, DAY_MIN), complete_to_min=None), UNVERIFIED, "not complete yet"),
    Case("works at a home office that is the site", make.without_nodes(told(*honest_day())),
         CONFIRMED, claim={"home_networks": frozenset({make.SITE_NET})}, site=NO_NODE),
    Case("one key on two hosts",
         told(at_home(-20, DAY_MIN), integrity=(
             IntegrityEvent("lap-1", "two_hosts", make.START_MS, "two addresses"),)),
         UNVERIFIED, "left out"),
    Case("chain rewound on an honest day",
         told(*honest_day(), integrity=(
             IntegrityEvent("lap-1", "broken_chain", make.START_MS, "seq 5 after 9"),)),
         UNVERIFIED, "in doubt"),
    Case("no evidence at all", Evidence(), UNVERIFIED, "No readings"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.truth)
def test_a_day_gets_the_verdict_it_calls_for(case: Case) -> None:
    assessment = judged(case)

    assert assessment.presence is case.presence, assessment.reasons
    assert any(case.says in reason.en for reason in assessment.reasons), assessment.reasons
    assert case.work in (None, assessment.work)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.truth)
def test_every_assessment_is_whole_and_speaks_both_languages(case: Case) -> None:
    assessment = judged(case)

    texts = [*assessment.reasons, *(finding.text for finding in assessment.findings)]
    assert len(assessment.reasons) >= 2
    assert all(text.zh.endswith("。") and text.en.endswith(".") for text in texts)
    assert not any("{" in text.zh + text.en for text in texts)
    assert all(0 <= posterior <= 1 for posterior in assessment.posteriors)
    stretches = assessment.stretches
    assert stretches[0].from_ms == assessment.claim.start_ms
    assert stretches[-1].to_ms == assessment.claim.end_ms
    assert all(a.to_ms == b.from_ms for a, b in itertools.pairwise(stretches))
    is_contradicted = assessment.presence is CONTRADICTED
    assert any(part.presence is CONTRADICTED for part in stretches) == is_contradicted
    assert not (assessment.provisional and is_contradicted)


def test_the_time_of_leaving_is_told_within_ten_minutes() -> None:
    evidence = told(at_site(-20, 240), in_cafe(243, DAY_MIN))

    assessment = assess(make.claim(), make.site(), evidence, default_policy())

    gone = next(part for part in assessment.stretches if part.presence is CONTRADICTED)
    assert abs(gone.from_ms - make.START_MS - 241 * MINUTE_MS) <= 10 * MINUTE_MS


def test_a_pause_is_told_as_no_more_than_what_is_known_without_evidence() -> None:
    """The laptop on the desk does not say whether its owner went out for lunch."""
    lunch = range(180 // 5, 225 // 5)
    day = told(at_site(-20, 180), at_site(180, 225, active=0), at_site(225, DAY_MIN))

    assessment = assess(make.claim(), make.site(), day, default_policy())

    prior = default_policy().prior_at_site_posterior
    assert all(assessment.posteriors[slot] == prior for slot in lunch)
    assert all(p > 0.99 for slot, p in enumerate(assessment.posteriors) if slot not in lunch)
    assert assessment.presence is CONFIRMED


def test_a_contradiction_that_waits_is_provisional_and_accuses_nobody() -> None:
    assessment = judged(Case("", told(at_home(-20, DAY_MIN), complete_to_min=100), UNVERIFIED))

    assert assessment.provisional
    assert all(part.presence is not CONTRADICTED for part in assessment.stretches)


def test_an_incomplete_node_holds_a_contradiction_back_too() -> None:
    evidence = told(at_home(-20, DAY_MIN), node_to_min=DAY_MIN - 60)

    assessment = assess(make.claim(), make.site(), evidence, default_policy())

    assert assessment.provisional
    assert "node-1" in assessment.reasons[0].en


def test_an_approved_day_has_nothing_to_assess() -> None:
    claim = make.claim()
    leave = Exemption(claim.start_ms, claim.end_ms, "leave")

    assessment = assess(
        dataclasses.replace(claim, exemptions=(leave,)), make.site(), HOME_ALL_DAY, default_policy()
    )

    assert assessment.presence is Presence.EXEMPT
    assert "请假" in assessment.reasons[0].zh
    assert [part.presence for part in assessment.stretches] == [Presence.EXEMPT]


def test_an_approved_afternoon_is_left_out_of_the_day() -> None:
    claim = make.claim()
    noon_ms = claim.start_ms + 240 * MINUTE_MS
    meeting = Exemption(noon_ms, claim.end_ms, "client_meeting")
    evidence = told(at_site(-20, 240), at_home(260, DAY_MIN))

    assessment = assess(
        dataclasses.replace(claim, exemptions=(meeting,)), make.site(), evidence, default_policy()
    )

    assert assessment.presence is CONFIRMED
    assert assessment.stretches[-1].presence is Presence.EXEMPT


def test_idle_work_says_nothing_of_presence() -> None:
    badge = b"badge-77"
    claim = make.claim(badges=frozenset({badge}))
    idle = told(at_site(-20, DAY_MIN, active=0))
    evidence = dataclasses.replace(idle, nodes=(make.with_badge(idle.nodes[0], badge),))

    assessment = assess(claim, make.site(), evidence, default_policy())

    assert (assessment.presence, assessment.work) == (CONFIRMED, Work.IDLE)


def with_badge_at_site(evidence: Evidence) -> tuple[Claim, Evidence]:
    """The site's node hears the person's badge all day."""
    nodes = (make.with_badge(evidence.nodes[0], b"badge-77"),)
    claim = make.claim(badges=frozenset({b"badge-77"}))
    return claim, dataclasses.replace(evidence, nodes=nodes)


@pytest.mark.parametrize("laptop", ["off", "idle at home"])
def test_a_badge_alone_confirms_nobody(laptop: str) -> None:
    """A colleague carries it, or it lies in a drawer: nothing else of the person's was there."""
    told_ = told(at_home(-20, DAY_MIN, active=0))
    if laptop == "off":
        told_ = dataclasses.replace(told_, laptops=())
    claim, evidence = with_badge_at_site(told_)

    assessment = assess(claim, make.site(), evidence, default_policy())

    assert assessment.presence is UNVERIFIED
    assert any("a badge can be lent" in reason.en for reason in assessment.reasons)


def test_a_laptop_that_was_there_in_exempt_time_only_vouches_for_no_badge() -> None:
    """No finding names readings of that time, and the assessment must come out of what is named."""
    claim, evidence = with_badge_at_site(told(at_site(-20, 120, active=0), off(120, DAY_MIN)))
    two_hours_ms = claim.start_ms, claim.start_ms + 130 * MINUTE_MS
    claim = dataclasses.replace(claim, exemptions=(Exemption(*two_hours_ms, "leave"),))

    assessment = assess(claim, make.site(), evidence, default_policy())

    assert assessment.presence is UNVERIFIED


def test_a_badge_at_the_site_and_hands_elsewhere_are_of_two_people_nobody_knows_which() -> None:
    """A laptop that was forgotten at home is used there by somebody else: its owner is at the site."""
    claim, evidence = with_badge_at_site(told(at_home(-20, DAY_MIN)))

    assessment = assess(claim, make.site(), evidence, default_policy())

    assert assessment.presence is UNVERIFIED
    assert any("two places at once" in reason.en for reason in assessment.reasons)


def test_a_deaf_hour_of_the_laptop_beside_a_badge_is_one_place() -> None:
    """Silence is no place: only a network that is known puts a laptop elsewhere than its owner."""
    day = told(at_site(-20, 240, net=None), at_site(240, 300, net=None, hears=False),
               *(dataclasses.replace(part, net=None) for part in paused(300)))  # fmt: skip
    claim, evidence = with_badge_at_site(day)

    assessment = assess(claim, make.site(), evidence, default_policy())

    assert assessment.presence is CONFIRMED


def test_an_egress_address_alone_neither_confirms_nor_contradicts() -> None:
    token = b"token"
    for address, site, claim in (
        ("203.0.113.9", {"egress": ("203.0.113.0/24",)}, {}),
        ("203.0.113.9", {}, {"home_egress": ("203.0.113.0/24",)}),
    ):
        story = Story((make.in_cafe(-20, DAY_MIN, vantage=token),))
        story.vantages = {token: VantageSeen(address, make.START_MS)}
        evidence = make.without_nodes(story.evidence())

        assessment = assess(
            make.claim(**claim), make.site(**NO_NODE, **site), evidence, default_policy()
        )

        assert assessment.presence is UNVERIFIED


def test_times_are_told_by_the_sites_wall_clock_or_say_that_they_are_utc() -> None:
    here = assess(make.claim(), make.site(), HOME_ALL_DAY, default_policy())
    nowhere = assess(
        make.claim(), make.site(time_zone="Mars/Olympus"), HOME_ALL_DAY, default_policy()
    )

    assert "09:05–18:05（" in here.reasons[0].zh
    assert "01:05–10:05 UTC" in nowhere.reasons[0].en
