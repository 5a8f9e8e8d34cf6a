"""Each signal at its edges: what it says, and when it says nothing."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import msgspec
import pytest

from tests.factories import evidence as make
from tests.factories.evidence import (
    DAY_MIN,
    MINUTE_MS,
    START_MS,
    Story,
    at_home,
    at_site,
    in_cafe,
)
from zaigang_collector.ingest.model import EventKind
from zaigang_collector.matching import words
from zaigang_collector.matching.assess import assess
from zaigang_collector.matching.errors import ClaimError
from zaigang_collector.matching.model import (
    Assessment,
    BeaconSlot,
    Claim,
    Direction,
    Evidence,
    Finding,
    IntegrityEvent,
    Presence,
    SiteFacts,
    TimedReading,
    VantageSeen,
)
from zaigang_collector.matching.policy import default_policy
from zaigang_shared import readings, rid

POLICY = default_policy()
HOUR = 60


def judge(
    evidence: Evidence, claim: Claim | None = None, site: SiteFacts | None = None
) -> Assessment:
    short = make.claim(end_ms=START_MS + HOUR * MINUTE_MS)
    return assess(claim or short, site or make.site(), evidence, POLICY)


def finding(signal: str, assessment: Assessment) -> Finding:
    return next(found for found in assessment.findings if found.signal == signal)


def told(*parts: make.Part, **changes: Any) -> Evidence:
    return Story(parts, **changes).evidence()


def heard_late(late_ms: int, error_ms: int = 500) -> Assessment:
    part = at_site(-10, HOUR, net=None, beacon_late_ms=late_ms)
    return judge(told(part, error_ms=error_ms))


@pytest.mark.parametrize("late_ms", [0, 15_000])
def test_a_beacon_in_its_slot_or_one_slot_late_supports(late_ms: int) -> None:
    found = finding("beacon", heard_late(late_ms))

    assert found.direction is Direction.SUPPORTS
    assert all(llr > 0 for llr in found.slots)


@pytest.mark.parametrize("late_ms", [45_000, 3_600_000, -45_000])
def test_a_beacon_out_of_its_slot_is_an_integrity_finding_and_no_support(late_ms: int) -> None:
    assessment = heard_late(late_ms)

    assert all(llr <= 0 for llr in finding("beacon", assessment).slots)
    integrity = finding("integrity", assessment)
    assert integrity.direction is Direction.CONTRADICTS
    assert integrity.llr == 0.0
    assert ("past its time" if late_ms > 0 else "before its time") in integrity.text.en
    assert integrity.references


def test_a_wide_time_error_makes_the_same_beacon_weak_support() -> None:
    narrow, wide = heard_late(0), heard_late(0, error_ms=600_000)

    strong, weak = finding("beacon", narrow).llr, finding("beacon", wide).llr
    assert 0 < weak < strong / 10


def test_beyond_the_worst_time_error_nothing_counts() -> None:
    assessment = heard_late(0, error_ms=1_800_001)

    assert finding("beacon", assessment).direction is Direction.SILENT
    assert assessment.coverage == 0.0


def test_a_first_hearing_at_the_boot_is_no_way_around_the_slot() -> None:
    evidence = told(at_site(0, HOUR, net=None))
    laptop = evidence.laptops[0]
    stretched = tuple(
        msgspec.structs.replace(
            timed, reading=readings_from_boot(timed.reading, timed.boot_offset_ms)
        )
        for timed in laptop.readings
    )
    evidence = dataclasses.replace(
        evidence, laptops=(dataclasses.replace(laptop, readings=stretched),)
    )

    assert not any(llr > 0 for llr in finding("beacon", judge(evidence)).slots)


def readings_from_boot(reading: readings.Reading, offset_ms: int) -> readings.Reading:
    if not isinstance(reading, readings.Beacon):
        return reading
    return readings.Beacon(
        **{
            **{name: getattr(reading, name) for name in reading.__struct_fields__},
            "first_t": 0,
        }
    )


def test_another_sites_beacon_is_foreign_and_an_unknown_one_nobodys() -> None:
    evidence = told(at_site(0, HOUR, net=None))
    foreign = {
        key: dataclasses.replace(slot, site_id="pudong") for key, slot in evidence.beacons.items()
    }

    other_site = judge(dataclasses.replace(evidence, beacons=foreign))
    nobodys = judge(dataclasses.replace(evidence, beacons={}))

    assert "Another site's beacon" in finding("integrity", other_site).text.en
    assert finding("integrity", nobodys).direction is Direction.SILENT
    for assessment in (other_site, nobodys):
        assert not any(llr > 0 for llr in finding("beacon", assessment).slots)


def test_one_hearing_in_a_slot_counts_as_much_as_a_hundred() -> None:
    evidence = told(at_site(0, HOUR, net=None))
    laptop = evidence.laptops[0]
    firsts: dict[int, TimedReading] = {}
    for timed in laptop.readings:
        if isinstance(timed.reading, readings.Beacon):
            heard_ms = timed.boot_offset_ms + timed.reading.first_t
            firsts.setdefault((heard_ms - START_MS) // 300_000, timed)
    rest = [t for t in laptop.readings if not isinstance(t.reading, readings.Beacon)]
    few = tuple(sorted([*rest, *firsts.values()], key=lambda t: (t.at_ms, t.envelope, t.index)))
    thinned = dataclasses.replace(evidence, laptops=(dataclasses.replace(laptop, readings=few),))

    assert finding("beacon", judge(thinned)).slots == finding("beacon", judge(evidence)).slots


def silent_slots(evidence: Evidence, **site: Any) -> list[float]:
    return [llr for llr in finding("beacon", judge(evidence, site=make.site(**site))).slots if llr]


AWAY = at_home(0, HOUR)


def test_silence_speaks_where_node_radio_and_coverage_are_good() -> None:
    slots = silent_slots(told(AWAY))

    assert len(slots) == HOUR // 5
    assert all(llr < 0 for llr in slots)


@pytest.mark.parametrize(
    ("evidence", "site"),
    [
        (told(AWAY), {"coverage_by_employee": {}}),
        (told(AWAY), {"coverage_by_employee": {"E001": 0.3}}),
        (told(AWAY), {"coverage_by_employee": {"E001": math.nan}}),
        (told(AWAY), {"coverage_by_employee": {"E001": 1.7}}),
        (told(AWAY), {"node_ids": ("node-1", "node-2")}),
        (told(AWAY, node_to_min=-5), {}),
        (told(dataclasses.replace(AWAY, scan_healthy=False)), {}),
        (make.without_nodes(told(AWAY)), {"node_ids": ()}),
        (make.only(told(AWAY), [readings.Usage, readings.Network]), {}),
    ],
    ids=[
        "coverage unknown", "coverage poor", "coverage NaN", "coverage above 1",
        "second node unheard of", "node down", "radio deaf", "no node", "no scan",
    ],
)  # fmt: skip
def test_silence_says_nothing_where_anything_else_explains_it(
    evidence: Evidence, site: dict[str, Any]
) -> None:
    assert silent_slots(evidence, **site) == []


def test_better_coverage_makes_silence_weigh_more_up_to_a_bound() -> None:
    weights = [
        silent_slots(told(AWAY), coverage_by_employee={"E001": coverage})[0]
        for coverage in (0.6, 0.8, 0.95, 1.0)
    ]

    assert weights == sorted(weights, reverse=True)
    assert weights[-1] == -POLICY.silence_most_llr * POLICY.temper_radio_share


def test_a_node_that_admits_a_failure_makes_the_slot_silent() -> None:
    evidence = told(AWAY)
    node = evidence.nodes[0]
    failed = tuple(
        msgspec.structs.replace(
            timed,
            reading=readings.Advert(
                t_ms=timed.reading.t_ms, span_ms=MINUTE_MS, slot_first=0,
                slot_last=rid.slot_at(timed.at_ms), ok=False,
            ),
        )
        for timed in node.readings
    )  # fmt: skip

    broken = dataclasses.replace(evidence, nodes=(dataclasses.replace(node, readings=failed),))

    assert silent_slots(broken) == []


@pytest.mark.parametrize(
    ("changes", "sign"),
    [
        ({"net": make.SITE_NET}, 1),
        ({"net": make.HOME_NET}, -1),
        ({"net": make.CAFE_NET}, 0),
        ({"net": None}, 0),
        ({"net": make.SITE_NET, "vpn": True}, 0),
        ({"net": make.HOME_NET, "vpn": True}, 0),
    ],
)
def test_the_gateway_locates_only_where_it_is_known(changes: dict[str, Any], sign: int) -> None:
    evidence = make.without_nodes(told(at_home(0, HOUR, **changes)))

    slots = finding("network", judge(evidence)).slots

    assert all(math.copysign(1, llr) * (llr != 0) == sign for llr in slots[1:])


def test_unknown_networks_weigh_no_more_over_a_day_than_over_an_hour() -> None:
    def weight(minutes: int) -> float:
        claim = make.claim(end_ms=START_MS + minutes * MINUTE_MS)
        evidence = make.without_nodes(told(make.in_cafe(-20, DAY_MIN)))
        return finding("network_context", judge(evidence, claim)).llr

    bound = POLICY.unknown_network_llr * POLICY.temper_radio_share
    assert weight(DAY_MIN) == pytest.approx(-bound)
    assert weight(HOUR) == pytest.approx(-bound)


def test_a_carried_laptop_does_not_stay_on_the_network_it_was_suspended_on() -> None:
    at_ms = START_MS + 2 * MINUTE_MS
    recorder = make.Recorder("lap-1")
    recorder.add(at_ms, lambda t: make.network(t, at_site(0, 1)))
    plain = Evidence(laptops=(recorder.evidence("laptop", None),))
    recorder.add(at_ms + 5_000, lambda t: readings.Session(t_ms=t, span_ms=0, event="suspend"))
    suspended = Evidence(laptops=(recorder.evidence("laptop", None),))

    assert finding("network", judge(plain)).slots[1] > 0
    assert finding("network", judge(suspended)).slots[1] == 0


@pytest.mark.parametrize(
    ("address", "age_min", "sign"),
    [
        ("203.0.113.9", 5, 1),
        ("198.51.100.1", 5, -1),
        ("192.0.2.1", 5, 0),
        ("203.0.113.9", 120, 0),
        ("203.0.113.9", -60, 0),
        ("not an address", 5, 0),
    ],
)
def test_an_egress_address_is_fresh_known_context_or_nothing(
    address: str, age_min: int, sign: int
) -> None:
    story = Story((at_site(0, 5, net=None, vantage=b"token", hears=False),))
    story.vantages = {b"token": VantageSeen(address, START_MS - age_min * MINUTE_MS)}
    claim = make.claim(end_ms=START_MS + 5 * MINUTE_MS, home_egress=("198.51.100.0/24",))

    found = finding(
        "network_context",
        judge(story.evidence(), claim, make.site(egress=("203.0.113.0/24", "oops"))),
    )

    assert (found.llr > 0) - (found.llr < 0) == sign
    assert abs(found.llr) <= POLICY.egress_llr


@pytest.mark.parametrize(
    ("point", "sign", "says"),
    [
        ({}, 1, "inside"),
        ({"latitude": make.LATITUDE + 0.0025}, -1, "outside"),
        ({"latitude": make.LATITUDE + 0.0025, "accuracy_m": 100.0}, 1, "inside"),
        ({"latitude": make.LATITUDE + 0.0025, "accuracy_m": None}, 1, "inside"),
        ({"latitude": math.nan}, 0, "without usable"),
        ({"longitude": math.inf}, 0, "without usable"),
        ({"latitude": 0.0, "longitude": 0.0}, 0, "without usable"),
        ({"latitude": 91.0}, 0, "without usable"),
        ({"accuracy_m": -5.0}, 0, "without usable"),
        ({"accuracy_m": math.nan}, 0, "without usable"),
        ({"accuracy_m": 5_000.0}, 0, "without usable"),
        ({"mock_location": True}, 0, "mock location"),
        ({"at_ms": START_MS - 3_600_000}, 0, "No coordinates"),
    ],
)
def test_a_point_is_inside_outside_or_useless(point: dict[str, Any], sign: int, says: str) -> None:
    claim = make.claim(points=(make.point(0, **point),))

    found = finding("geofence", judge(Evidence(), claim))

    assert (found.llr > 0) - (found.llr < 0) == sign
    assert says in found.text.en


@pytest.mark.parametrize(
    "site",
    [{"latitude": None}, {"radius_m": math.nan}, {"radius_m": -1.0}, {"longitude": 400.0}],
)
def test_a_site_without_a_usable_fence_judges_no_point(site: dict[str, Any]) -> None:
    found = finding("geofence", judge(Evidence(), site=make.site(**site)))

    assert found.direction is Direction.SILENT
    assert "no usable geofence" in found.text.en


def test_a_mock_location_flag_is_told_and_convicts_nobody() -> None:
    assessment = judge(Evidence(), make.claim(flags=("mock_location", "duplicate_device")))

    found = finding("integrity", assessment)
    assert "模拟定位" in found.text.zh
    assert "several people" in found.text.en
    assert assessment.presence is Presence.UNVERIFIED


@pytest.mark.parametrize("kind", EventKind)
def test_every_event_that_arrivals_can_cause_has_a_name(kind: EventKind) -> None:
    assert "another integrity event" not in words.event(kind.value).en


def test_an_integrity_event_is_told_with_the_envelope_it_rests_on() -> None:
    event = IntegrityEvent("lap-1", "fork", START_MS, "seq 7", b"f" * 32)

    found = finding("integrity", judge(Evidence(integrity=(event,))))

    assert "Two different envelopes" in found.text.en
    assert [reference.envelope for reference in found.references] == [b"f" * 32]


def test_a_fence_that_contradicts_itself_convicts_nobody() -> None:
    inside, outside = make.point(0), make.point(0, latitude=make.LATITUDE + 1)
    both = finding("geofence", judge(Evidence(), make.claim(points=(inside, outside))))
    turned = finding("geofence", judge(Evidence(), make.claim(points=(outside, inside))))

    assert both == turned
    assert both.slots[0] == POLICY.geofence_inside_llr - POLICY.geofence_outside_llr
    assert judge(Evidence(), make.claim(points=(inside, outside))).presence is Presence.UNVERIFIED


@pytest.mark.parametrize(
    "zone", ["", " ", "Mars/Olympus", "../etc/passwd", "Asia", "a\0b", "a" * 5000]
)
def test_a_site_without_a_zone_is_judged_and_told_in_utc(zone: str) -> None:
    site = make.site(time_zone=zone)

    assert judge(Evidence(), site=site).presence is Presence.UNVERIFIED
    away = judge(told(in_cafe(-20, DAY_MIN)), make.claim(), site)
    assert away.presence is Presence.CONTRADICTED
    assert "UTC" in away.reasons[0].en


def test_a_thousand_devices_are_an_answer() -> None:
    one = told(at_home(0, HOUR)).laptops[0]
    crowd = tuple(dataclasses.replace(one, device_id=f"lap-{number}") for number in range(1000))
    evidence = Evidence(laptops=crowd)

    assert judge(evidence).presence in Presence


@pytest.mark.parametrize(
    ("start_ms", "end_ms", "says"),
    [
        (START_MS, START_MS, "clock-out after clock-in"),
        (START_MS, START_MS - 1, "clock-out after clock-in"),
        (START_MS, START_MS + 40 * 3_600_000, "missing clock-out"),
        (-5, 5, "UTC milliseconds"),
        (10**15, 10**15 + 5, "UTC milliseconds"),
    ],
)
def test_an_impossible_interval_is_a_named_error(start_ms: int, end_ms: int, says: str) -> None:
    with pytest.raises(ClaimError, match=says):
        judge(Evidence(), make.claim(start_ms=start_ms, end_ms=end_ms))


def test_a_claim_about_another_site_is_a_named_error() -> None:
    with pytest.raises(ClaimError, match="expected the same"):
        judge(Evidence(), site=make.site(site_id="pudong"))


def test_an_interval_of_one_millisecond_is_assessed() -> None:
    assessment = judge(Evidence(), make.claim(end_ms=START_MS + 1))

    assert assessment.presence is Presence.UNVERIFIED
    assert len(assessment.posteriors) == 1


def test_overlapping_intervals_are_judged_each_by_itself() -> None:
    evidence = told(at_site(-20, 240), at_home(270, DAY_MIN))

    first = judge(evidence, make.claim(end_ms=START_MS + 230 * MINUTE_MS))
    second = judge(evidence, make.claim(start_ms=START_MS + 200 * MINUTE_MS))

    assert (first.presence, second.presence) == (Presence.CONFIRMED, Presence.CONTRADICTED)


def test_a_resolved_slot_that_never_was_is_not_support() -> None:
    evidence = told(at_site(0, HOUR, net=None))
    absurd = {key: BeaconSlot("node-1", "lujiazui", -(2**40)) for key in evidence.beacons}

    assert not any(
        llr > 0
        for llr in finding("beacon", judge(dataclasses.replace(evidence, beacons=absurd))).slots
    )
