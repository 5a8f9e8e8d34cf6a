"""Punches that cannot both be true, by distance on the ellipsoid and time."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import evidence as make
from tests.factories.evidence import DAY_MIN, Story, honest_day
from zaigang_collector.matching import earth
from zaigang_collector.matching.assess import assess
from zaigang_collector.matching.model import ClaimedPoint, Direction, Finding, Presence
from zaigang_collector.matching.policy import default_policy

POLICY = default_policy()
BEIJING = {"latitude": 39.9042, "longitude": 116.4074}
SUZHOU = {"latitude": 31.2990, "longitude": 120.5853}
DAY = Story(honest_day()).evidence()


def found(*elsewhere: ClaimedPoint, **claim: Any) -> Finding:
    made = assess(make.claim(elsewhere=elsewhere, **claim), make.site(), DAY, POLICY)
    assert made.presence is Presence.CONFIRMED  # a punch elsewhere is never a ground
    return next(one for one in made.findings if one.signal == "travel")


@pytest.mark.parametrize(
    ("there", "apart_m"),
    [
        # Karney's GeodSolve for Shanghai, Lujiazui, to Beijing, Tiananmen.
        ((39.9042, 116.4074), 1_065_922.167),
        ((31.2397, 121.4998), 0.0),
    ],
)
def test_distances_are_those_of_the_ellipsoid(there: tuple[float, float], apart_m: float) -> None:
    assert earth.distance_m(31.2397, 121.4998, *there) == pytest.approx(apart_m, abs=0.001)


@given(st.floats(-90, 90), st.floats(-180, 180), st.floats(-90, 90), st.floats(-180, 180))
def test_a_way_is_as_long_as_its_way_back(
    lat1: float, lon1: float, lat2: float, lon2: float
) -> None:
    there = earth.distance_m(lat1, lon1, lat2, lon2)

    assert 0.0 <= there <= 20_004_000
    assert earth.distance_m(lat2, lon2, lat1, lon1) == pytest.approx(there, abs=1e-3)


def test_without_other_punches_the_day_itself_is_compared() -> None:
    assert found().direction is Direction.SILENT


def test_another_town_half_an_hour_before_is_impossible() -> None:
    told = found(make.point(-30, **BEIJING))

    assert told.direction is Direction.CONTRADICTS
    assert "1065.8 km apart" in told.text.en
    assert "1065.8 公里" in told.text.zh
    assert told.slots[0] == -POLICY.travel_llr
    assert sum(told.slots) == told.slots[0]


def test_a_neighbouring_town_two_hours_before_is_a_train() -> None:
    assert found(make.point(-120, **SUZHOU)).direction is Direction.SILENT


def test_a_flight_in_the_evening_is_possible() -> None:
    assert found(make.point(DAY_MIN + 150, **BEIJING)).direction is Direction.SILENT


def test_across_the_street_in_a_minute_is_nothing() -> None:
    beside = make.point(-1, latitude=make.LATITUDE + 0.002, accuracy_m=50.0)

    assert found(beside).direction is Direction.SILENT


@pytest.mark.parametrize(
    "changes",
    [{"mock_location": True}, {"latitude": 0.0, "longitude": 0.0}, {"accuracy_m": 50_000.0},
     {"latitude": float("nan")}, {"accuracy_m": float("nan")}],
)  # fmt: skip
def test_a_position_that_is_none_is_not_compared(changes: dict[str, Any]) -> None:
    assert found(make.point(-30, **{**BEIJING, **changes})).direction is Direction.SILENT


def test_a_rough_fix_is_given_its_whole_radius() -> None:
    near = {"latitude": make.LATITUDE + 0.05}  # 5.5 km in two minutes and a rounded one

    assert found(make.point(-1, **near)).direction is Direction.SILENT
    far = {"latitude": make.LATITUDE + 0.15}
    assert found(make.point(-1, **far)).direction is Direction.CONTRADICTS
    assert found(make.point(-1, **far, accuracy_m=2_900.0)).direction is Direction.CONTRADICTS
    rough = make.point(-1, latitude=make.LATITUDE + 0.08, accuracy_m=2_900.0)
    assert found(rough).direction is Direction.SILENT


def test_the_same_punch_twice_is_one() -> None:
    assert found(make.point(0), make.point(DAY_MIN)).direction is Direction.SILENT
