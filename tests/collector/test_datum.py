"""Chinese maps are shifted; the published vectors and the way back."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zaigang_collector.directory import datum
from zaigang_collector.directory.datum import Datum

# WGS-84 and where AMap shows it: Beijing, Shanghai, Hangzhou, Shenzhen.
VECTORS = [
    ((39.904200, 116.407396), (39.9056033, 116.4136383), 556.1),
    ((31.230416, 121.473701), (31.2284737, 121.4782241), 481.7),
    ((30.274085, 120.155070), (30.2717563, 120.1597646), 520.3),
    ((22.543096, 114.057865), (22.5403788, 114.0629790), 606.0),
]
MICROMETRE_DEG = 1e-11
latitudes = st.floats(18.2, 53.5)
longitudes = st.floats(73.6, 134.7)


def distance_m(one: tuple[float, float], other: tuple[float, float]) -> float:
    (a_lat, a_lon), (b_lat, b_lon) = (tuple(map(math.radians, p)) for p in (one, other))
    half = (
        math.sin((b_lat - a_lat) / 2) ** 2
        + math.cos(a_lat) * math.cos(b_lat) * math.sin((b_lon - a_lon) / 2) ** 2
    )
    return 2 * 6_371_008.8 * math.asin(math.sqrt(half))


@pytest.mark.parametrize(("wgs", "gcj", "shift_m"), VECTORS)
def test_the_published_vectors_hold_in_both_directions(
    wgs: tuple[float, float], gcj: tuple[float, float], shift_m: float
) -> None:
    assert datum.from_wgs84(*wgs, Datum.GCJ02) == pytest.approx(gcj, abs=1e-7)
    assert datum.to_wgs84(*gcj, Datum.GCJ02) == pytest.approx(wgs, abs=1.1e-7)
    assert distance_m(wgs, gcj) == pytest.approx(shift_m, rel=0.005)


@given(latitudes, longitudes, st.sampled_from(Datum))
def test_there_and_back_is_the_same_point(latitude: float, longitude: float, kind: Datum) -> None:
    shown = datum.from_wgs84(latitude, longitude, kind)
    back = datum.to_wgs84(*shown, kind)
    assert back == pytest.approx((latitude, longitude), abs=1e3 * MICROMETRE_DEG)


@given(latitudes, longitudes)
def test_the_shift_is_never_further_than_is_known(latitude: float, longitude: float) -> None:
    there = datum.from_wgs84(latitude, longitude, Datum.GCJ02)
    assert distance_m((latitude, longitude), there) < 750


def test_baidu_adds_a_shift_of_its_own() -> None:
    # The vector in the README of wandergis/coordtransform, the converter that most people use.
    wgs = datum.to_wgs84(39.915, 116.404, Datum.GCJ02)
    bd = datum.from_wgs84(*wgs, Datum.BD09)
    assert bd == pytest.approx((39.92133699351021, 116.41036949371029), abs=1e-9)
    assert datum.to_wgs84(*bd, Datum.BD09) == pytest.approx(wgs, abs=1e-9)


@pytest.mark.parametrize("point", [(48.8566, 2.3522), (-33.8688, 151.2093), (40.7128, -74.0060)])
def test_outside_of_china_nothing_is_shifted(point: tuple[float, float]) -> None:
    assert datum.to_wgs84(*point, Datum.GCJ02) == point
    assert datum.to_wgs84(*point, Datum.WGS84) == point


@pytest.mark.parametrize(
    "point", [(121.47, 31.23), (91.0, 0.0), (0.0, 181.0), (math.nan, 0.0), (0.0, math.inf)]
)
def test_what_is_not_on_the_globe_is_refused(point: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="latitude"):
        datum.to_wgs84(*point, Datum.GCJ02)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("WGS-84", Datum.WGS84),
        ("wgs84", Datum.WGS84),
        ("gcj02", Datum.GCJ02),
        ("GCJ-02", Datum.GCJ02),
        ("bd 09", Datum.BD09),
    ],
)
def test_a_datum_is_read_as_people_write_it(text: str, expected: Datum) -> None:
    assert datum.parse(text) is expected


@pytest.mark.parametrize("text", ["", "wgs", "mars", "4326"])
def test_another_word_is_no_datum(text: str) -> None:
    with pytest.raises(ValueError, match="GCJ-02"):
        datum.parse(text)
