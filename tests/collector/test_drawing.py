"""An assessment as a picture: well-formed, nothing overlaps, the same bytes, readable without colour."""

from __future__ import annotations

import dataclasses
import itertools
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.collector import test_matching_properties as properties
from tests.collector.test_matching_scenarios import CASES, Case, judged
from tests.factories import drawings
from tests.factories import evidence as make
from tests.factories.drawings import BOUNDS, SLOT_MS, SUBJECT, SVG, assessment, at, finding
from tests.factories.evidence import Story
from tests.golden.make import FOLDER
from tests.golden.make import drawings as golden
from zaigang_collector.directory.model import Language
from zaigang_collector.drawing import bars, svg
from zaigang_collector.drawing.picture import Bounds, Subject
from zaigang_collector.drawing.scale import WallClock
from zaigang_collector.drawing.table import timeline_table
from zaigang_collector.drawing.timeline import timeline_svg
from zaigang_collector.matching.codec import decode, encode
from zaigang_collector.matching.model import (
    Assessment,
    ClaimedPoint,
    Direction,
    Evidence,
    Exemption,
    Family,
    Presence,
    Text,
)
from zaigang_collector.matching.policy import default_policy

CHINESE, ENGLISH = Language.CHINESE, Language.ENGLISH
HOUR = 12
"""Slots."""


def draw(made: Assessment, language: Language = ENGLISH, subject: Subject = SUBJECT) -> str:
    return timeline_svg(made, subject, language, BOUNDS)


def is_sound(drawing: str) -> bool:
    """Well-formed, inside its edges, no text upon another."""
    edges, boxes = drawings.view(drawing), drawings.texts(drawing)
    for box in boxes:
        assert edges.left <= box.left, box
        assert box.right <= edges.right, box
        assert edges.top <= box.top, box
        assert box.bottom <= edges.bottom, box
    for one, other in itertools.combinations(boxes, 2):
        assert not one.touches(other), (one, other)
    return len(boxes) > 8


def written(drawing: str) -> list[str]:
    return [box.text for box in drawings.texts(drawing)]


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.truth)
def test_every_scenarios_drawing_is_sound(case: Case, language: Language) -> None:
    drawing = draw(judged(case), language)

    assert is_sound(drawing)
    assert len(drawing.encode()) <= 30_000


@pytest.mark.parametrize("name", golden())
def test_the_golden_drawing_is_drawn_again_byte_for_byte(name: str) -> None:
    assert golden()[name] == (FOLDER / name).read_text(encoding="utf-8")
    assert is_sound(golden()[name])


def test_a_stored_assessment_is_drawn_as_it_was_made() -> None:
    made = drawings.a_full_one()
    assert draw(decode(encode(made))) == draw(made)


@settings(max_examples=40)
@given(properties.stories(), st.sampled_from(Language))
def test_whatever_a_day_was_it_can_be_drawn(story: Story, language: Language) -> None:
    made = properties.judge(story.evidence())
    assert is_sound(draw(made, language))
    assert timeline_table(made, SUBJECT, language).rows


@settings(max_examples=60)
@given(
    properties.any_evidence,
    st.lists(properties.any_point, max_size=3).map(tuple),
    st.lists(
        st.builds(
            Exemption, from_ms=properties.whole, to_ms=properties.whole, kind=st.text(max_size=9)
        ),
        max_size=2,
    ).map(tuple),
    st.builds(Subject, person=st.text(), site=st.text(), time_zone=st.text(max_size=20)),
)  # fmt: skip
def test_garbage_is_drawn_too(
    evidence: Evidence,
    points: tuple[ClaimedPoint, ...],
    exemptions: tuple[Exemption, ...],
    subject: Subject,
) -> None:
    claim = properties.short_claim(points=points, exemptions=exemptions, flags=("mock_location",))
    made = properties.judge(evidence, claim)
    assert is_sound(draw(made, ENGLISH, subject))
    assert timeline_table(made, subject, CHINESE).rows


lanes = st.lists(
    st.sampled_from([0.0, 1e-9, 0.3, 3.0, 90.0, -1e-9, -0.3, -3.0, -90.0]),
    min_size=1,
    max_size=432,
)


@settings(max_examples=60)
@given(lanes, st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "Australia/Lord_Howe"]), st.data())
def test_any_numbers_at_any_time_are_drawn_soundly(
    slots: list[float], zone: str, data: st.DataObject
) -> None:
    start_ms = data.draw(st.integers(0, 4 * 10**12))
    made = assessment(slots, start_ms=start_ms)
    subject = dataclasses.replace(SUBJECT, time_zone=zone)
    assert is_sound(draw(made, CHINESE, subject))


def test_even_lanes_that_turn_over_in_every_slot_stay_small() -> None:
    slots = [(-1) ** slot * (0.2 + slot % 7 / 4) for slot in range(9 * HOUR)]
    made = assessment(slots, findings=tuple(finding(f"signal-{n}", slots) for n in range(10)))
    assert len(draw(made).encode()) <= 75_000
    three = assessment(slots, findings=tuple(finding(f"signal-{n}", slots) for n in range(3)))
    assert len(draw(three).encode()) <= 35_000


def test_names_cannot_break_out() -> None:
    nasty = '<script>alert(1)</script> & "quote" ]]> \x00\ud800\u202e\''
    slots = [1.0] * HOUR
    made = assessment(
        slots,
        findings=(finding(nasty, slots, text=Text(nasty, nasty)),),
        reasons=(Text(nasty, nasty),),
    )
    drawing = draw(made, ENGLISH, Subject(nasty, nasty, nasty))
    names = {element.tag.removeprefix(SVG) for element in drawings.parsed(drawing).iter()}
    assert names <= {"svg", "title", "desc", "style", "g", "rect", "path", "circle", "text"}
    assert any('<script>alert(1)</script> & "quote"' in text for text in written(drawing))
    assert is_sound(drawing)


def test_nothing_is_fetched_and_nothing_runs() -> None:
    drawing = draw(drawings.a_full_one())
    for word in ("script", "href", "url(", "@import", "@font-face", "<image", "foreignObject"):
        assert word not in drawing
    assert re.findall(r"https?://[^\"]*", drawing) == ["http://www.w3.org/2000/svg"]


def test_a_screen_reader_is_told_the_verdict_the_reasons_and_every_lane() -> None:
    made = drawings.a_full_one()
    root = drawings.parsed(draw(made, CHINESE))
    title, described = root.find(SVG + "title"), root.find(SVG + "desc")
    assert root.attrib["role"] == "img"
    assert title is not None
    assert described is not None
    assert root.attrib["aria-labelledby"].split() == [title.attrib["id"], described.attrib["id"]]
    assert title.text == "出勤核验时间线：与读数相矛盾 · 王晓梅 · 陆家嘴客户办公室"
    for said in (made.reasons[0].zh, *(one.text.zh for one in made.findings)):
        assert said in (described.text or "")


def test_two_drawings_on_one_page_share_no_id() -> None:
    def ids(drawing: str) -> set[str]:
        return set(re.findall(r' id="([^"]*)"', drawing))

    one, other = draw(assessment([1.0])), draw(assessment([1.0], start_ms=make.START_MS + SLOT_MS))
    assert len(ids(one)) == 2
    assert ids(one).isdisjoint(ids(other))


def lane_paths(drawing: str, number: int = 0) -> list[str]:
    """The shapes of a lane, but for its middle line."""
    lane = list(drawings.parsed(drawing).iter(SVG + "g"))[number]
    return [element.attrib["d"] for element in lane.iter(SVG + "path")][1:]


def test_without_colour_support_is_solid_above_and_contradiction_hatched_below() -> None:
    up = draw(assessment([1.0] * HOUR))
    down = draw(assessment([-1.0] * HOUR))
    silent = draw(assessment([0.0] * HOUR))
    assert len(lane_paths(silent)) == 0
    (solid,) = lane_paths(up)
    hollow, hatched = lane_paths(down)
    middle = re.match(r"M136 ([\d.]+)V([\d.]+)", solid)
    below = re.match(r"M136 ([\d.]+)V([\d.]+)", hollow)
    assert middle
    assert below
    assert float(middle[2]) < float(middle[1]) == float(below[1]) < float(below[2])
    assert hatched.count("l") > 100


def test_a_bar_grows_with_what_it_says_and_is_never_too_small_to_see() -> None:
    sizes = [bars.height(llr) for llr in (0.0, 1e-12, 0.05, 0.5, 1.5, 3.0, 50.0)]
    assert sizes == sorted(sizes)
    assert sizes[0] == 0
    assert sizes[1] >= 2
    assert sizes[-1] == sizes[-2]
    assert [bars.height(-llr) for llr in (0.05, 0.5, 3.0)] == [-sizes[2], -sizes[3], -sizes[5]]


def test_hatching_stays_inside_its_rectangle() -> None:
    lines = re.findall(
        r"M([\d.]+) ([\d.]+)l([\d.]+)-([\d.]+)", svg.hatch(10.3, 20.0, 31.7, 24.5, 4)
    )
    assert len(lines) == 7
    for x, y, right, up in lines:
        assert 10.3 <= float(x) <= float(x) + float(right) <= 31.71
        assert 19.99 <= float(y) - float(up) <= float(y) <= 24.5


def test_a_probability_without_evidence_is_drawn_as_a_guess() -> None:
    made = draw(assessment([1.0] * HOUR + [0.0] * HOUR))
    curves = [
        (element.get("stroke-dasharray"), element.attrib["d"])
        for element in drawings.parsed(made).iter(SVG + "path")
        if element.get("stroke-width") in ("1.5", "2")
    ]
    assert [(dashes, steps.split()[0]) for dashes, steps in curves[:2]] == [
        ("1.5 3", "M496"),
        (None, "M136"),
    ]
    assert "no evidence, which is not absence" in written(made)
    assert "no evidence, which is not absence" not in written(draw(assessment([1.0] * HOUR)))


def test_an_exempt_stretch_has_no_curve_and_its_kind_is_told() -> None:
    length_ms = HOUR * SLOT_MS
    start_ms = make.START_MS
    claim = make.claim(
        end_ms=start_ms + length_ms,
        exemptions=(Exemption(start_ms, start_ms + length_ms, "leave"),),
    )
    part = dataclasses.replace(assessment([1.0]).stretches[0], to_ms=start_ms + length_ms)
    made = assessment(
        [0.0] * HOUR,
        claim=claim,
        presence=Presence.EXEMPT,
        stretches=(dataclasses.replace(part, presence=Presence.EXEMPT),),
    )
    drawing = draw(made, CHINESE)
    assert "请假" in written(drawing)
    assert "没有证据时的推算" not in written(drawing)
    assert not any("设备使用" in text for text in written(drawing))


def test_a_short_exemption_is_named_beside_its_box_and_its_curve_ends_at_the_edge() -> None:
    made = drawings.a_full_one()
    drawing = draw(made)
    assert "client meeting" in written(drawing)
    assert is_sound(drawing)
    curves = [
        element.attrib["d"]
        for element in drawings.parsed(drawing).iter(SVG + "path")
        if element.get("stroke-width") == "2"
    ]
    # Absent up to the exemption at 01:30 (x = 631), and no step towards what is not to be assessed.
    assert "H631M676 " in curves[0]


def test_a_claim_without_clock_out_says_so() -> None:
    claim = make.claim(end_ms=make.START_MS + HOUR * SLOT_MS, end_is_claimed=False)
    told = written(draw(assessment([1.0] * HOUR, claim=claim)))
    assert "10:05 end of shift, no clock-out" in told


def test_the_bounds_are_those_of_the_policy() -> None:
    assert Bounds.of(default_policy()).confirm == default_policy().confirm_posterior
    told = written(draw(assessment([1.0])))
    assert "confirm ≥90%" in told
    assert "contradict ≤5%" in told
    assert not any(
        "≥" in text for text in written(timeline_svg(assessment([1.0]), SUBJECT, ENGLISH))
    )


def test_a_lane_that_says_both_says_mostly() -> None:
    told = written(draw(assessment([1.0] * 9 + [-1.0] * 3)))
    assert "mostly for" in told


def test_integrity_never_says_where_somebody_was() -> None:
    odd = finding(
        "integrity", [0.0] * HOUR, family=Family.INTEGRITY, direction=Direction.CONTRADICTS
    )
    told = written(draw(assessment([1.0] * HOUR, findings=(odd,))))
    assert "in doubt" in told
    assert "What integrity says." in told
    assert "against" not in told


# Time.


def test_midnight_is_named_with_its_date() -> None:
    start_ms = at("2026-09-22T22:00", "Asia/Shanghai")
    told = written(draw(assessment([1.0] * 8 * HOUR, start_ms=start_ms)))
    assert "2026-09-22 22:00 – 2026-09-23 06:00 (Asia/Shanghai, UTC+8)" in told
    assert "09-23" in told


def ticks(start: str, zone: str, hours: float) -> list[str]:
    from_ms = at(start, zone)
    found = WallClock.of(zone).ticks(from_ms, from_ms + round(hours * 3_600_000))
    return [tick.label for tick in found]


def test_an_hour_that_comes_twice_is_drawn_twice() -> None:
    assert ticks("2026-10-25T00:00", "Europe/Berlin", 5) == [
        "00:00", "00:30", "01:00", "01:30", "02:00", "02:30",
        "02:00", "02:30", "03:00", "03:30", "04:00",
    ]  # fmt: skip
    clock, start_ms = WallClock.of("Europe/Berlin"), at("2026-10-25T00:00", "Europe/Berlin")
    (change,) = clock.changes(start_ms, start_ms + 5 * 3_600_000)
    assert change.label == "UTC+2 → UTC+1"
    assert change.at_ms == start_ms + 3 * 3_600_000


def test_an_hour_that_is_left_out_is_not_drawn() -> None:
    assert ticks("2026-03-29T00:30", "Europe/Berlin", 9) == [
        "01:00", "03:00", "04:00", "05:00", "06:00", "07:00", "08:00", "09:00", "10:00",
    ]  # fmt: skip


def test_ticks_are_few_and_round_for_any_length() -> None:
    assert ticks("2026-09-22T09:05", "Asia/Shanghai", 1 / 60) == ["09:05", "09:06"]
    assert ticks("2026-09-22T09:05", "Asia/Shanghai", 36)[:3] == ["12:00", "15:00", "18:00"]
    assert ticks("2026-09-22T09:00", "Asia/Kathmandu", 2)[:2] == ["09:00", "09:15"]


@pytest.mark.parametrize(
    ("zone", "told"),
    [
        ("Asia/Shanghai", "UTC+8"), ("Asia/Kathmandu", "UTC+5:45"),
        ("America/St_Johns", "UTC-2:30"), ("UTC", "UTC"), ("Nowhere/Nothing", "UTC"),
    ],
)  # fmt: skip
def test_the_offset_is_told(zone: str, told: str) -> None:
    clock = WallClock.of(zone)
    assert clock.offset(make.START_MS) == told
    assert (clock.name == "UTC") == (told == "UTC")


# The table.


def test_the_table_says_what_the_drawing_shows() -> None:
    made = assessment([1.0] * HOUR + [0.0] * HOUR + [-0.5] * HOUR)
    found = timeline_table(made, SUBJECT, ENGLISH)
    assert found.header == (
        "from", "to", "result", "evidence", "Probability", "Beacon", "Beacon (nat)",
    )  # fmt: skip
    assert found.rows == (
        ("2026-09-22 09:05+08:00", "2026-09-22 10:05+08:00", "likely present", "yes", 0.999,
         "for presence", 12.0),
        ("2026-09-22 10:05+08:00", "2026-09-22 11:05+08:00", "not known", "no", 0.4,
         "no opinion", 0.0),
        ("2026-09-22 11:05+08:00", "2026-09-22 12:05+08:00", "contradicts the claim", "yes", 0.001,
         "against", -6.0),
    )  # fmt: skip


@settings(max_examples=30)
@given(properties.stories())
def test_a_table_of_every_slot_covers_the_interval_without_gap(story: Story) -> None:
    made = properties.judge(story.evidence())
    found = timeline_table(made, SUBJECT, CHINESE, every_slot=True)
    assert len(found.rows) == len(made.posteriors)
    assert all(len(row) == len(found.header) for row in found.rows)
    assert all(a[1] == b[0] for a, b in itertools.pairwise(found.rows))
    merged: list[tuple[Any, ...]] = list(timeline_table(made, SUBJECT, CHINESE).rows)
    assert merged[0][0] == found.rows[0][0]
    assert merged[-1][1] == found.rows[-1][1]
    assert all(a[1] == b[0] for a, b in itertools.pairwise(merged))
