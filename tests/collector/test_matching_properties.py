"""What holds for any evidence: order, silence, monotony, garbage, bounds."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import math
import random
from collections.abc import Callable
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.factories import evidence as make
from tests.factories.evidence import DAY_MIN, START_MS, Part, Story
from zaigang_collector.matching.assess import assess
from zaigang_collector.matching.codec import decode, encode, evidence_hash
from zaigang_collector.matching.model import (
    Assessment,
    BeaconSlot,
    Claim,
    ClaimedPoint,
    DeviceEvidence,
    Evidence,
    Exemption,
    IntegrityEvent,
    Presence,
    SiteFacts,
    TimedReading,
    VantageSeen,
)
from zaigang_collector.matching.policy import default_policy
from zaigang_shared import readings

POLICY = default_policy()
SHORT = 150
"""Minutes: long enough for every verdict, short enough for many examples."""


def short_claim(**changes: Any) -> Claim:
    return make.claim(end_ms=START_MS + SHORT * make.MINUTE_MS, **changes)


def judge(
    evidence: Evidence, claim: Claim | None = None, site: SiteFacts | None = None
) -> Assessment:
    return assess(claim or short_claim(), site or make.site(), evidence, POLICY)


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """A day of up to five parts, each of them somewhere, somehow."""
    cuts = sorted(draw(st.sets(st.integers(0, SHORT // 5), min_size=2, max_size=6)))
    parts = [
        Part(
            from_min * 5,
            to_min * 5,
            active=draw(st.integers(0, 3)),
            locked=draw(st.booleans()),
            session=draw(st.sampled_from(["local", "local", "remote", "none"])),
            regular=draw(st.sampled_from([False, False, True])),
            net=draw(st.sampled_from([make.SITE_NET, make.HOME_NET, make.CAFE_NET, None])),
            vpn=draw(st.sampled_from([False, False, True])),
            hears=draw(st.booleans()),
            beacon_late_ms=draw(st.sampled_from([0, 0, 0, 40_000, 600_000])),
            scan_healthy=draw(st.sampled_from([True, True, False])),
            off=draw(st.sampled_from([False, False, False, True])),
        )
        for from_min, to_min in itertools.pairwise(cuts)
    ]
    story = Story(
        parts,
        error_ms=draw(st.sampled_from([500, 500, 90_000, 600_000])),
        node_from_min=draw(st.sampled_from([-30, -30, SHORT])),
        node_to_min=draw(st.sampled_from([SHORT + 30, 60])),
        node_behind_ms=draw(st.sampled_from([0, 300_000])),
        complete_to_min=draw(st.sampled_from([SHORT + 1, 30, None])),
        known_to_min=draw(st.sampled_from([SHORT + 5, SHORT + 49 * 60])),
    )
    if draw(st.booleans()):
        story.more = (Story(tuple(reversed(parts)), device_id="lap-2"),)
    return story


def shuffled(evidence: Evidence, seed: int) -> Evidence:
    """The same evidence as another order of arrival leaves it, some of it twice."""
    dice = random.Random(seed)

    def mixed(found: tuple[Any, ...]) -> tuple[Any, ...]:
        items = list(found)
        dice.shuffle(items)
        return tuple(items)

    def devices(found: tuple[DeviceEvidence, ...]) -> tuple[DeviceEvidence, ...]:
        return mixed(
            tuple(
                dataclasses.replace(
                    device, readings=mixed((*device.readings, *device.readings[:5]))
                )
                for device in found
            )
        )

    return dataclasses.replace(
        evidence,
        laptops=devices(evidence.laptops),
        nodes=devices(evidence.nodes),
        beacons=dict(mixed(tuple(evidence.beacons.items()))),
        integrity=mixed(evidence.integrity),
    )


@settings(max_examples=40)
@given(stories(), st.integers(0, 2**32))
def test_any_order_of_arrival_gives_the_same_assessment_bit_for_bit(
    story: Story, seed: int
) -> None:
    evidence = story.evidence()
    other = shuffled(evidence, seed)

    assert repr(judge(other)) == repr(judge(evidence))
    assert evidence_hash(short_claim(), make.site(), other) == evidence_hash(
        short_claim(), make.site(), evidence
    )


@settings(max_examples=25)
@given(stories(), st.integers(0, 2**32))
def test_one_device_in_two_parts_is_one_device(story: Story, seed: int) -> None:
    evidence = story.evidence()
    dice = random.Random(seed)
    parts: list[DeviceEvidence] = []
    for device in evidence.laptops:
        first = tuple(timed for timed in device.readings if dice.random() < 0.5)
        rest = tuple(timed for timed in device.readings if timed not in set_of(first))
        parts += [dataclasses.replace(device, readings=some) for some in (rest, first)]

    assert judge(dataclasses.replace(evidence, laptops=tuple(parts))) == judge(evidence)


def set_of(found: tuple[TimedReading, ...]) -> list[TimedReading]:
    return list(found)


@settings(max_examples=25)
@given(stories(), st.integers(0, SHORT - 1))
def test_silence_that_is_added_changes_no_number(story: Story, minute: int) -> None:
    evidence = story.evidence()
    at_ms = START_MS + minute * make.MINUTE_MS
    recorder = make.Recorder("lap-1")
    recorder.add(at_ms + 7, lambda t: readings.Gap(t_ms=t, span_ms=0, reason="paused", from_t=t))
    recorder.add(
        at_ms + 8,
        lambda t: readings.Health(
            t_ms=t, span_ms=0, agent="1", spooled=0, rss_mb=30.0, cpu_pct=0.1, disk_free_mb=9
        ),
    )
    recorder.add(
        at_ms + 9,
        lambda t: readings.Beacon(
            t_ms=t,
            span_ms=9,
            scheme="ibeacon",
            id=b"nobody's",
            n=1,
            rssi_max=-60,
            rssi_med=-60,
            first_t=t,
            last_t=t,
        ),
    )
    recorder.add(at_ms + 10, make_idle)
    quiet = with_laptop_readings(evidence, unique(recorder.timed, b"quiet"))

    before, after = judge(evidence), judge(quiet)

    assert after.posteriors == before.posteriors
    assert after.presence == before.presence
    assert after.covered == before.covered
    assert [f.llr for f in after.findings] == [f.llr for f in before.findings]


def make_idle(t_ms: int) -> readings.Usage:
    return readings.Usage(
        t_ms=t_ms, span_ms=60_000, active=0, regular=False, session="local", locked=True
    )


def unique(timed: list[TimedReading], salt: bytes) -> tuple[TimedReading, ...]:
    """In envelopes of their own."""
    return tuple(
        msgspec.structs.replace(one, envelope=hashlib.sha256(salt + one.envelope).digest())
        for one in timed
    )


def with_laptop_readings(evidence: Evidence, more: tuple[TimedReading, ...]) -> Evidence:
    first, *rest = evidence.laptops
    grown = dataclasses.replace(first, readings=(*first.readings, *more))
    return dataclasses.replace(evidence, laptops=(grown, *rest))


def support_beacon(evidence: Evidence, minute: int) -> Evidence:
    heard = Story((make.at_site(minute, minute + 1, active=0),)).evidence()
    kept = make.only(heard, [readings.Beacon])
    grown = with_laptop_readings(evidence, unique(list(kept.laptops[0].readings), b"more"))
    return dataclasses.replace(grown, beacons={**evidence.beacons, **heard.beacons})


def support_network(evidence: Evidence, minute: int) -> Evidence:
    recorder = make.Recorder("lap-1")
    at_ms = START_MS + minute * make.MINUTE_MS + 11_000
    recorder.add(at_ms, lambda t: make.network(t, make.at_site(0, 1)))
    return with_laptop_readings(evidence, unique(recorder.timed, b"more"))


@settings(max_examples=60)
@given(stories(), st.integers(1, SHORT - 6), st.sampled_from([support_beacon, support_network]))
def test_support_that_is_added_never_lowers_the_posterior_of_its_slot(
    story: Story, minute: int, support: Callable[[Evidence, int], Evidence]
) -> None:
    evidence = story.evidence()
    site = make.site()
    slot = minute // 5

    before = judge(evidence, site=site)
    after = judge(support(evidence, minute), site=site)

    assert after.posteriors[slot] >= before.posteriors[slot]


@settings(max_examples=40)
@given(stories())
def test_an_assessment_adds_up(story: Story) -> None:
    evidence = story.evidence()
    assessment = judge(evidence)

    assert all(0 <= posterior <= 1 for posterior in assessment.posteriors)
    assert 0 <= assessment.coverage <= 1
    stretches = assessment.stretches
    assert sum(part.to_ms - part.from_ms for part in stretches) == SHORT * make.MINUTE_MS
    for finding in assessment.findings:
        assert len(finding.slots) == len(assessment.posteriors)
        assert finding.llr == math.fsum(finding.slots)
    assert decode(encode(assessment)) == assessment


@settings(max_examples=25)
@given(stories())
def test_an_assessment_can_be_computed_again_from_the_readings_it_names(story: Story) -> None:
    evidence = story.evidence()
    assessment = judge(evidence)
    again = judge(make.named_by(assessment, evidence))

    assert again.posteriors == assessment.posteriors
    assert again.covered == assessment.covered
    assert again.presence == assessment.presence


numbers = st.one_of(st.floats(), st.sampled_from([0.0, -1.0, 1e308, math.nan, math.inf, -math.inf]))
whole = st.one_of(st.integers(-(2**60), 2**60), st.integers(START_MS - 10**7, START_MS + 10**7))
names = st.sampled_from(["lap-1", "lap-2", "node-1", ""])
small = st.integers(0, 2**53)
any_reading: st.SearchStrategy[readings.Reading] = st.one_of(
    st.builds(
        readings.Usage, t_ms=small, span_ms=small, active=st.integers(0, 3),
        regular=st.booleans(), session=st.sampled_from(["local", "remote", "none"]),
        locked=st.booleans(),
    ),
    st.builds(
        readings.Network, t_ms=small, span_ms=small,
        link=st.sampled_from(["ethernet", "wifi", "cellular", "none"]), vpn=st.booleans(),
        net=st.sampled_from([None, make.SITE_NET, make.HOME_NET]),
        vantage=st.sampled_from([None, b"token"]),
    ),
    st.builds(
        readings.Beacon, t_ms=small, span_ms=small, scheme=st.sampled_from(["rid", "badge"]),
        id=st.sampled_from([b"12345678", b"87654321"]), n=st.just(1), rssi_max=st.just(-60),
        rssi_med=st.just(-60), first_t=small, last_t=small,
    ),
    st.builds(
        readings.Scan, t_ms=small, span_ms=small, adverts=st.integers(0, 9), devices=st.just(1),
        healthy=st.booleans(), restarts=st.just(0),
    ),
    st.builds(
        readings.Advert, t_ms=small, span_ms=small, slot_first=st.just(0),
        slot_last=st.integers(0, 2**40), ok=st.booleans(),
    ),
    st.builds(
        readings.Session, t_ms=small, span_ms=small,
        event=st.sampled_from(["boot", "suspend", "resume"]),
    ),
    st.builds(readings.Gap, t_ms=small, span_ms=small, reason=st.just("crash"), from_t=small),
    st.builds(
        readings.Environment, t_ms=small, span_ms=st.sampled_from([0, 0, 60_000, 2**53]),
        sensor=st.sampled_from(["one", "two"]), model=st.just("sht4x"), temp_c=numbers,
        rh_pct=numbers, via=st.sampled_from(["i2c", "ble"]), temp_acc_c=st.none() | numbers,
        rh_acc_pct=st.none() | numbers, self_heat_c=st.none() | numbers,
    ),
)  # fmt: skip
timed_readings = st.builds(
    TimedReading, envelope=st.sampled_from([b"a" * 32, b"b" * 32]), index=st.integers(0, 3),
    at_ms=whole, error_ms=whole, boot_offset_ms=whole, reading=any_reading,
)  # fmt: skip
any_device = st.builds(
    DeviceEvidence, device_id=names, kind=st.sampled_from(["laptop", "node"]),
    complete_to_ms=st.none() | whole, readings=st.lists(timed_readings, max_size=12).map(tuple),
)  # fmt: skip
any_evidence = st.builds(
    Evidence,
    laptops=st.lists(any_device, max_size=3).map(tuple),
    nodes=st.lists(any_device, max_size=2).map(tuple),
    beacons=st.dictionaries(
        st.sampled_from([b"12345678", b"87654321"]),
        st.builds(
            BeaconSlot, node_id=names, site_id=st.sampled_from(["lujiazui", "elsewhere"]),
            slot=st.integers(-5, 2**50),
        ),
    ),
    vantages=st.dictionaries(
        st.just(b"token"),
        st.builds(
            VantageSeen, address=st.sampled_from(["", "1.2.3.4", "::1", "x", "1.2.3.4/8"]),
            at_ms=whole,
        ),
    ),
    integrity=st.lists(
        st.builds(
            IntegrityEvent, device_id=names, kind=st.sampled_from(["fork", "two_hosts", "?"]),
            at_ms=whole, detail=st.text(max_size=5), envelope=st.none() | st.just(b"e" * 32),
        ),
        max_size=3,
    ).map(tuple),
    known_to_ms=whole,
)  # fmt: skip
any_point = st.builds(
    ClaimedPoint, at_ms=whole, latitude=numbers, longitude=numbers,
    accuracy_m=st.none() | numbers, mock_location=st.booleans(),
)  # fmt: skip


@settings(max_examples=200)
@given(
    any_evidence,
    st.lists(any_point, max_size=3).map(tuple),
    st.lists(
        st.builds(Exemption, from_ms=whole, to_ms=whole, kind=st.text(max_size=5)), max_size=2
    ).map(tuple),
    numbers, numbers, numbers, numbers,
)  # fmt: skip
def test_garbage_is_never_an_accusation(
    evidence: Evidence,
    points: tuple[ClaimedPoint, ...],
    exemptions: tuple[Exemption, ...],
    latitude: float,
    longitude: float,
    radius_m: float,
    coverage: float,
) -> None:
    claim = short_claim(
        points=points, exemptions=exemptions, flags=("mock_location", "?"), home_egress=("x", "")
    )
    site = make.site(
        latitude=latitude,
        longitude=longitude,
        radius_m=radius_m,
        egress=("1.2.3.0/24", "nonsense"),
        coverage_by_employee={"E001": coverage},
    )

    assessment = assess(claim, site, evidence, POLICY)

    assert assessment.presence is not Presence.CONTRADICTED
    assert all(0 <= posterior <= 1 for posterior in assessment.posteriors)
    assert repr(decode(encode(assessment))) == repr(assessment)
    assert len(evidence_hash(claim, site, evidence)) == 32


@settings(max_examples=100)
@given(any_evidence, st.integers(0, 2**32))
def test_garbage_in_another_order_is_the_same_answer(evidence: Evidence, seed: int) -> None:
    assert repr(judge(shuffled(evidence, seed))) == repr(judge(evidence))


@settings(max_examples=30)
@given(stories(), st.sampled_from(["hands", "radio"]))
def test_one_family_alone_never_contradicts(story: Story, family: str) -> None:
    evidence = story.evidence()
    kinds: list[type] = (
        [readings.Usage]
        if family == "hands"
        else [readings.Network, readings.Beacon, readings.Scan]
    )

    assessment = judge(make.only(evidence, kinds))

    assert assessment.presence is not Presence.CONTRADICTED
    assert min(assessment.posteriors) > 1 - POLICY.contradict_posterior


def test_a_whole_day_on_another_network_without_hands_stays_far_from_the_bound() -> None:
    evidence = make.only(
        Story((make.at_home(-20, DAY_MIN),)).evidence(), [readings.Network, readings.Scan]
    )

    assessment = assess(make.claim(), make.site(), evidence, POLICY)

    assert min(assessment.posteriors) > 0.5
