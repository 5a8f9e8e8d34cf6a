"""The small pure parts: fields, windows, places, sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zaigang_collector.attendance.model import Point
from zaigang_collector.connectors import fields, networks, windows, words
from zaigang_collector.connectors.contract import Kind, Place, Window
from zaigang_collector.connectors.errors import Reason
from zaigang_collector.connectors.fields import FieldError
from zaigang_collector.connectors.files import SiteSettings
from zaigang_collector.connectors.placing import Fence, Sites, bounds_m
from zaigang_collector.connectors.state import Silence
from zaigang_collector.matching.earth import distance_m

READERS: list[Callable[[Mapping[str, Any], str], object]] = [
    fields.integer,
    fields.number,
    fields.identifier,
    fields.word,
    fields.needed_integer,
    fields.needed_identifier,
]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("12"),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(st.sampled_from(READERS), ANYTHING)
def test_a_field_is_a_value_or_a_field_error_whatever_stands_there(
    reader: Callable[[Mapping[str, Any], str], object], value: object
) -> None:
    try:
        found = reader({"x": value}, "x")
    except FieldError:
        return
    assert found is None or type(found) in (int, float, str)


@given(st.integers(-(2**63), 2**63 - 1))
def test_a_whole_number_is_the_same_written_in_any_way(value: int) -> None:
    assert fields.integer({"x": value}, "x") == value
    assert fields.integer({"x": str(value)}, "x") == value
    assert fields.identifier({"x": value}, "x") == str(value)


@pytest.mark.parametrize("value", [True, "1.5", "0x10", "１２", 1.5, "1" * 20, 2**63])
def test_what_is_no_whole_number_is_none(value: object) -> None:
    with pytest.raises(FieldError):
        fields.integer({"x": value}, "x")


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(1, 10**5))
def test_slices_cover_a_window_without_holes_and_none_is_too_long(
    from_ms: int, length_ms: int, longest_ms: int
) -> None:
    window = Window(from_ms, from_ms + length_ms)
    if length_ms // longest_ms > 1000:
        return
    pieces = list(windows.slices(window, longest_ms))
    assert all(0 < piece.to_ms - piece.from_ms <= longest_ms for piece in pieces)
    edges = [from_ms, *(piece.to_ms for piece in pieces)]
    assert [piece.from_ms for piece in pieces] == edges[:-1]
    assert edges[-1] == window.to_ms


@given(st.lists(st.text(), max_size=200), st.integers(1, 60))
def test_groups_hold_everybody_once(people: list[str], most: int) -> None:
    found = list(windows.groups(people, most))
    assert [one for group in found for one in group] == people
    assert all(0 < len(group) <= most for group in found)


NORTH = 1 / 111_195  # a metre, in degrees
HQ = Fence("hq", 30.0, 120.0, 200.0)
NEXT_DOOR = Fence("next", 30.0 + 300 * NORTH, 120.0, 200.0)


def point(metres_north: float, accuracy_m: float | None = None) -> Place:
    return Place(Point(30.0 + metres_north * NORTH, 120.0, "GCJ-02", accuracy_m))


def sites(**settings: Any) -> Sites:
    by_network = {b"a": frozenset({"hq"}), b"b": frozenset({"hq", "next"})}
    known = frozenset({"hq", "next", "home"})
    return Sites(known, (HQ, NEXT_DOOR), by_network, SiteSettings(**settings))


@pytest.mark.parametrize(
    ("place", "assigned", "expected"),
    [
        (point(0), [], "hq"),
        (point(150), [], "hq"),  # in both fences, as near: by name
        (point(160), [], "next"),
        (point(160), ["hq"], "hq"),  # in both fences: the one where the person works
        (point(-210), [], None),
        (point(-210, 20.0), [], "hq"),  # its own error reaches in
        (point(-600, 5000.0), [], None),  # it may be anywhere: that chooses nothing
        (point(-210), ["hq"], None),  # it says where it was, and that is elsewhere
        (Place(), ["hq"], "hq"),
        (Place(), ["hq", "next"], None),
        (Place(), [], None),
        (Place(), ["gone"], None),
        (Place(network=b"a"), [], "hq"),
        (Place(network=b"b"), [], None),  # at two sites: it says nothing
        (Place(network=b"b"), ["next"], "next"),
        (Place(network=b"?"), ["hq"], None),
    ],
)
def test_which_site_a_place_is(place: Place, assigned: list[str], expected: str | None) -> None:
    assert sites().site_of(place, assigned) == expected


def test_the_surest_name_decides_and_a_site_that_is_not_there_does_not() -> None:
    place = Place(names=(("terminal", "t"), ("address", "x"), ("group", "g")))
    named = {"terminal": {"t": "home"}, "address": {"x": "next"}, "group": {"g": "hq"}}
    assert sites(**named).site_of(place, []) == "home"
    assert sites(**named | {"terminal": {"t": "gone"}}).site_of(place, []) == "next"
    assert sites(group={"g": "hq"}).site_of(place, []) == "hq"
    # Coordinates say where somebody was, a group only under which rule.
    far = Place(point(300).point, names=place.names)
    assert sites(group={"g": "hq"}).site_of(far, []) == "next"


@given(st.text(), st.binary(min_size=32, max_size=32))
def test_any_network_name_has_a_hash_and_any_address_has_one_or_none(text: str, key: bytes) -> None:
    assert len(networks.name(key, text)) == 8
    found = networks.access_point(key, text)
    assert found is None or len(found) == 8


SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = 1_789_963_500_000  # 2026-09-21 12:05 in Shanghai


@pytest.mark.parametrize("reason", [*Reason, None])
@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("since", [None, NOW - 7_200_000, NOW - 86_400_000])
def test_every_silence_has_a_sentence_in_both_languages(
    reason: Reason | None, kind: Kind, since: int | None
) -> None:
    said = words.silent(Silence("dingtalk", kind, since, reason, "90020"), NOW, SHANGHAI)
    assert said.zh.startswith("钉钉的")
    assert said.en.startswith("DingTalk ")
    assert ("90020" in said.zh) == ("90020" in said.en) == (reason is not None)
    when = {None: "", NOW - 7_200_000: "10:05", NOW - 86_400_000: "2026-09-20 12:05"}[since]
    assert when in said.zh
    assert when in said.en


def test_a_silence_never_speaks_of_absence() -> None:
    said = words.may_be_missing(
        words.silent(Silence("dingtalk", Kind.PUNCHES, NOW, None), NOW, SHANGHAI)
    )
    assert said.zh.endswith("不能据此认为没有打卡。")
    assert "absen" not in said.en
    assert not set("缺勤旷工") & set(said.zh)


LATITUDES = st.floats(-90, 90)
LONGITUDES = st.floats(-180, 180)


@given(LATITUDES, LONGITUDES, LATITUDES, LONGITUDES)
def test_a_distance_is_between_its_bounds(
    lat1: float, lon1: float, lat2: float, lon2: float
) -> None:
    least_m, most_m = bounds_m(lat1, lon1, lat2, lon2)
    away_m = distance_m(lat1, lon1, lat2, lon2)
    assert least_m - 0.001 <= away_m <= most_m + 0.001


@given(
    st.lists(st.tuples(st.floats(-0.01, 0.01), st.floats(-0.01, 0.01)), min_size=1, max_size=5),
    st.floats(-0.01, 0.01),
    st.floats(-0.01, 0.01),
)
def test_a_point_is_at_the_nearest_fence_that_it_lies_in(
    centres: list[tuple[float, float]], north: float, east: float
) -> None:
    fences = [
        Fence(f"s{number}", 31.2 + lat, 121.5 + lon, 300.0)
        for number, (lat, lon) in enumerate(centres)
    ]
    point = Point(31.2 + north, 121.5 + east, "WGS-84", None)
    sites = Sites(frozenset(one.site_id for one in fences), tuple(fences), {}, SiteSettings())
    away = [
        (distance_m(point.latitude, point.longitude, one.latitude, one.longitude), one.site_id)
        for one in fences
    ]
    nearest_m, nearest = min(away)
    assert sites.site_of(Place(point=point), ()) == (nearest if nearest_m <= 300.0 else None)
