"""The air at a carried sensor against the air at the site: physics first."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import evidence as make
from tests.factories.evidence import DAY_MIN, Story, at_home, at_site, honest_day, in_cafe
from zaigang_collector.matching import air
from zaigang_collector.matching.assess import assess
from zaigang_collector.matching.model import (
    Assessment,
    DeviceEvidence,
    Direction,
    Evidence,
    Family,
    Finding,
    Presence,
)
from zaigang_collector.matching.policy import default_policy
from zaigang_collector.matching.signals import environment
from zaigang_shared import readings
from zaigang_shared.errors import WireError
from zaigang_shared.readings import Environment

POLICY = default_policy()
SITE_AIR = (25.0, 50.0)  # dew point 13.9 °C
SAME = (25.3, 49.0)
WARMED = (30.0, 37.3)  # the same water in warmer air
ELSEWHERE = (30.0, 50.0)  # dew point 18.4 °C: the seeds' example
NOBODY_KNOWS: dict[str, object] = {"coverage_by_employee": {}}


def judge(evidence: Evidence, **site: object) -> Assessment:
    return assess(make.claim(), make.site(**site), evidence, POLICY)


def told(*parts: make.Part, **changes: object) -> Evidence:
    values = {"site_air": SITE_AIR, **changes}
    return Story(parts, **values).evidence()  # type: ignore[arg-type]  # as the story takes them


def finding(assessment: Assessment, signal: str = "environment") -> Finding:
    return next(found for found in assessment.findings if found.signal == signal)


# ---- physics


@pytest.mark.parametrize(
    ("temp_c", "rh_pct", "dew_c"),
    # Saturated air; ASHRAE's and the Sensirion humidity note's round figures.
    [(20.0, 100.0, 20.0), (25.0, 50.0, 13.9), (30.0, 50.0, 18.4), (20.0, 40.0, 6.0)],
)
def test_dew_points_are_those_of_the_tables(temp_c: float, rh_pct: float, dew_c: float) -> None:
    assert air.dew_point_c(temp_c, rh_pct) == pytest.approx(dew_c, abs=0.1)


@given(st.floats(-40, 60), st.floats(0, 100))
def test_a_dew_point_is_never_above_the_temperature(temp_c: float, rh_pct: float) -> None:
    assert air.dew_point_c(temp_c, rh_pct) <= temp_c + 1e-9


@given(st.floats(-20, 50), st.floats(5, 100), st.floats(0.05, 1), st.floats(0.5, 5))
def test_the_uncertainty_is_that_of_moving_each_input(
    temp_c: float, rh_pct: float, temp_acc_c: float, rh_acc_pct: float
) -> None:
    step = 1e-4
    by_temp = (air.dew_point_c(temp_c + step, rh_pct) - air.dew_point_c(temp_c, rh_pct)) / step
    by_rh = (air.dew_point_c(temp_c, rh_pct) - air.dew_point_c(temp_c, rh_pct - step)) / step
    expected = math.hypot(by_temp * temp_acc_c, by_rh * rh_acc_pct)

    known = air.air(temp_c, rh_pct, temp_acc_c, rh_acc_pct)

    assert known.dew_sd_k == pytest.approx(expected, rel=0.01)
    assert known.dew_c == air.dew_point_c(temp_c, rh_pct)


# ---- the ratio


def test_agreement_supports_a_little_and_a_difference_contradicts_more() -> None:
    assert 0.5 < environment.llr_of(POLICY, 0.0, 1.2, 0.9) < 1.5
    assert environment.llr_of(POLICY, 5.0, 1.2, 0.9) < -2.0


@given(st.floats(-60, 60), st.floats(0.5, 5), st.floats(0.5, 1))
def test_one_sensor_is_bounded_whatever_it_says(diff_k: float, sd_k: float, share: float) -> None:
    llr = environment.llr_of(POLICY, diff_k, sd_k, share)

    assert -3.5 < llr < 2.0
    assert environment.llr_of(POLICY, -diff_k, sd_k, share) == llr


def test_an_absurd_difference_is_a_broken_sensor_and_says_nothing() -> None:
    assert abs(environment.llr_of(POLICY, 40.0, 1.2, 0.9)) < 0.05


@given(st.floats(-60, 60), st.floats(0.5, 5))
def test_without_knowing_where_people_sit_nothing_speaks_against(
    diff_k: float, sd_k: float
) -> None:
    assert environment.llr_of(POLICY, diff_k, sd_k, None) >= 0.0


# ---- whole days


def test_the_same_air_supports() -> None:
    found = finding(judge(told(*honest_day(air=SAME))))

    assert found.direction is Direction.SUPPORTS
    assert found.family is Family.AIR
    assert "agreed" in found.text.en
    assert found.references


def test_other_air_contradicts_when_the_dew_point_differs() -> None:
    """The seeds' example: 25 °C at the site, 30 °C at the person, all day."""
    found = finding(judge(told(*honest_day(air=ELSEWHERE, hears=False, net=make.CAFE_NET))))

    assert found.direction is Direction.CONTRADICTS
    assert "+4.6 K apart" in found.text.en
    assert "+5.0 °C" in found.text.en


def test_a_warmed_sensor_says_nothing() -> None:
    """25 °C at the site, 30 °C at the person, and the same water in the air."""
    found = finding(judge(told(*honest_day(air=WARMED))))

    assert found.direction is Direction.SILENT
    assert "warmed" in found.text.en


def test_a_node_that_warms_itself_is_forgiven() -> None:
    day = told(*honest_day(air=(22.0, 50.0)), site_air=(25.0, 41.7), self_heat_c=3.0)

    assert finding(judge(day)).direction is Direction.SUPPORTS


def test_left_for_a_cafe_is_told_by_a_third_ground() -> None:
    gone = told(at_site(-20, 60, air=SAME), in_cafe(60, DAY_MIN, air=(27.0, 62.0)))

    assessment = judge(gone)

    assert assessment.presence is Presence.CONTRADICTED
    assert finding(assessment).direction is Direction.CONTRADICTS
    assert "air" in assessment.reasons[0].en


def test_other_air_around_a_laptop_that_nobody_touches_says_next_to_nothing() -> None:
    gone = told(at_site(-20, 60, air=SAME), in_cafe(60, DAY_MIN, active=0, air=(27.0, 62.0)))

    assert finding(judge(gone)).direction is Direction.SUPPORTS
    assert judge(gone).presence is Presence.UNVERIFIED


def test_air_alone_is_one_ground_and_never_two() -> None:
    """Nobody knows the coverage, so the beacon's silence and the hands place nobody."""
    gone = told(at_site(-20, 90, air=SAME), in_cafe(90, DAY_MIN, air=(27.0, 62.0)))

    assessment = judge(gone, **NOBODY_KNOWS)

    assert finding(assessment).direction is Direction.CONTRADICTS
    assert assessment.presence is Presence.UNVERIFIED


def test_a_broken_sensor_alone_never_contradicts() -> None:
    for broken in ((35.0, 90.0), (5.0, 10.0), (25.0, 95.0), (25.0, 0.0)):
        assert judge(told(*honest_day(air=broken))).presence is Presence.CONFIRMED


def test_a_broken_sensor_and_a_dead_node_do_not_contradict() -> None:
    for broken in ((25.0, 85.0), (30.0, 50.0)):
        day = make.without_nodes(told(*honest_day(air=broken)))
        assert judge(day).presence is Presence.CONFIRMED


def test_where_nobody_knows_whether_the_node_reaches_other_air_says_nothing() -> None:
    far = told(*honest_day(air=ELSEWHERE, hears=False, net=None))

    found = finding(judge(far, **NOBODY_KNOWS))

    assert found.direction is Direction.SILENT


def test_an_hour_beside_the_node_shows_a_sensors_offset() -> None:
    """Two kelvin off all day, within its accuracy: learnt in the morning, forgiven afterwards."""
    off = (25.0, 56.0)
    day = told(at_site(-20, 120, air=off), in_cafe(120, 300, net=None, air=off),
               at_site(300, DAY_MIN, air=off))  # fmt: skip

    assert all(llr >= 0.0 for llr in finding(judge(day)).slots)


def test_a_relayed_beacon_does_not_teach_that_homes_air_is_the_sites() -> None:
    day = told(at_home(-20, DAY_MIN, hears=True, net=None, air=(30.0, 62.0)))

    assert finding(judge(day)).direction is Direction.CONTRADICTS


def test_of_two_nodes_the_one_that_agrees_counts() -> None:
    day = told(*honest_day(air=ELSEWHERE))
    warm = Story((), site_air=ELSEWHERE).evidence().nodes[0]
    renamed = dataclasses.replace(
        warm,
        device_id="node-2",
        readings=tuple(
            msgspec.structs.replace(timed, envelope=timed.envelope[::-1]) for timed in warm.readings
        ),
    )
    both = dataclasses.replace(day, nodes=(*day.nodes, renamed))

    found = finding(judge(both, node_ids=("node-1", "node-2")))

    assert found.direction is Direction.SUPPORTS


def test_a_node_of_another_site_is_not_asked() -> None:
    day = told(*honest_day(air=SAME))

    found = finding(judge(day, node_ids=("node-9",)))

    assert found.direction is Direction.SILENT
    assert "at the site" in found.text.en


# ---- movement


def test_rising_and_falling_together_supports() -> None:
    day = told(*honest_day(air=WARMED, swing_c=0.5), site_swing_c=0.5)

    found = finding(judge(day), "air_movement")

    assert found.direction is Direction.SUPPORTS
    assert found.llr == pytest.approx(POLICY.air_move_llr * 9, rel=0.35)  # lunch counts less


def test_moving_apart_is_context_and_never_a_ground() -> None:
    day = told(*honest_day(air=SAME, swing_c=0.5, swing_s=300), site_swing_c=0.5)

    assessment = judge(day)

    assert finding(assessment, "air_movement").direction is Direction.CONTRADICTS
    assert assessment.presence is Presence.CONFIRMED


def test_still_air_says_nothing_of_movement() -> None:
    day = told(*honest_day(air=SAME, swing_c=0.01), site_swing_c=0.01)

    assert finding(judge(day), "air_movement").direction is Direction.SILENT


@given(st.floats(10, 35), st.floats(5, 95), st.floats(10, 35), st.floats(5, 95))
def test_no_air_whatsoever_convicts_an_honest_day(
    temp_c: float, rh_pct: float, site_temp_c: float, site_rh_pct: float
) -> None:
    day = told(*honest_day(air=(temp_c, rh_pct)), site_air=(site_temp_c, site_rh_pct))

    assert judge(day).presence is not Presence.CONTRADICTED


# ---- bad input

ABSURD = (math.nan, math.inf, -math.inf, 1e308, -1e308, -243.04, 1e6)


def spoilt(evidence: Evidence, side: str, values: Sequence[float], **fields: str) -> Evidence:
    """Every reading of the air on one side says one value after the other in these fields."""

    def spoil(devices: tuple[DeviceEvidence, ...]) -> tuple[DeviceEvidence, ...]:
        endless = itertools.cycle(values)
        return tuple(
            dataclasses.replace(
                device,
                readings=tuple(
                    msgspec.structs.replace(
                        timed,
                        reading=msgspec.structs.replace(
                            timed.reading, **dict.fromkeys(fields, next(endless))
                        ),
                    )
                    if isinstance(timed.reading, Environment)
                    else timed
                    for timed in device.readings
                ),
            )
            for device in devices
        )

    if side == "laptop":
        return dataclasses.replace(evidence, laptops=spoil(evidence.laptops))
    return dataclasses.replace(evidence, nodes=spoil(evidence.nodes))


@pytest.mark.parametrize("side", ["laptop", "node"])
@pytest.mark.parametrize("field", ["temp_c", "rh_pct", "temp_acc_c", "rh_acc_pct", "self_heat_c"])
def test_absurd_air_is_an_answer_and_accuses_nobody(field: str, side: str) -> None:
    honest = told(*honest_day(air=SAME))
    for values in (*([value] for value in ABSURD), ABSURD):
        found = judge(spoilt(honest, side, values, **{field: ""}))
        assert found.presence is Presence.CONFIRMED
        assert finding(found).direction is not Direction.CONTRADICTS
        assert all(map(math.isfinite, finding(found).slots))


def test_a_temperature_that_no_sensor_says_is_no_air() -> None:
    found = judge(spoilt(told(*honest_day(air=SAME)), "laptop", [math.nan], temp_c=""))
    assert finding(found).direction is Direction.SILENT


@pytest.mark.parametrize(("field", "bounds"), [("temp_c", air.TEMP_C), ("rh_pct", air.RH_PCT)])
def test_what_is_air_is_what_the_wire_takes(field: str, bounds: tuple[float, float]) -> None:
    def on_the_wire(value: float) -> bool:
        said = {"t": 0, "span": 0, "k": "environment", "sensor": "s", "model": "m", "via": "ble"}
        try:
            readings.decode({**said, "temp_c": 20.0, "rh_pct": 50.0, field: value}, up_ms=1)
        except WireError:
            return False
        return True

    for bound in bounds:
        for value in (bound, math.nextafter(bound, math.inf), math.nextafter(bound, -math.inf)):
            at = {"temp_c": 20.0, "rh_pct": 50.0, field: value}
            assert air.is_air(**at) == on_the_wire(value)
    assert not on_the_wire(math.nan)
