"""Days, runs of days and people beside each other: pure, in any order, over a change of clocks."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from tests.factories.rules import HOUR_MS, quiet
from zaigang_collector.attendance.calendars import CalendarDay
from zaigang_collector.attendance.model import ExemptionKind
from zaigang_collector.attendance.planning import Because, Expected, PlannedDay
from zaigang_collector.attendance.service import StoredExemption
from zaigang_collector.rules.deriving import Derived, Place
from zaigang_collector.rules.model import Subject
from zaigang_collector.rules.subjects import Kept, Known, Person, Unsettled, subjects
from zaigang_collector.rules.vocabulary import FACTS, Grain, Value

ZONE = "Europe/Berlin"
AUTUMN = dt.date(2026, 10, 25)  # clocks go back an hour in the night


def at(day: dt.date, hour: int, minute: int = 0, second: int = 0) -> int:
    local = dt.datetime.combine(day, dt.time(hour, minute, second), ZoneInfo(ZONE))
    return int(local.timestamp() * 1000)


def kept(
    day: dt.date,
    name: str = "E1",
    *,
    second: int = 17,
    places: tuple[Place, ...] = (),
    phone: str = "",
    networks: int = 0,
    **facts: Value,
) -> Kept:
    start_ms = at(day, 9, 3, second)
    across = {
        "device_people",
        "spot_sites",
        "network_seen_by_nobody",
        "exempt_min",
        "source_silent",
    }
    own = {
        name: one
        for name, one in quiet().items()
        if name not in across and FACTS[name].grain is Grain.INTERVAL
    }
    derived = Derived(
        facts=own | facts,
        in_ms=start_ms,
        places=places,
        phone=phone,
        networks=networks,
    )
    return Kept(f"as-{name}-{day}", 1, name, "hq", start_ms, start_ms + 8 * HOUR_MS, derived)


def plan(first: dt.date, days: int) -> dict[dt.date, PlannedDay]:
    found = {}
    for number in range(days):
        day = first + dt.timedelta(days=number)
        expected = Expected.DAY_OFF if day.weekday() > 4 else Expected.WORKDAY
        found[day] = PlannedDay(day, ZONE, expected, Because.WEEK, NO_CALENDAR, "")
    return found


NO_CALENDAR = CalendarDay.__new__(CalendarDay)  # nobody looks at it here


def asked(
    intervals: Sequence[Kept],
    exemptions: Sequence[StoredExemption] = (),
    unsettled: Sequence[Unsettled] = (),
) -> dict[str, Subject]:
    first = dt.date(2026, 10, 1)
    people = {
        name: Person("Delivery", exemptions, plan(first, 60))
        for name in {one.employee_id for one in intervals}
    }
    known = Known(intervals, people, {"hq": ZONE}, unsettled)
    names = frozenset(one.assessment_id for one in intervals)
    return {one.key: one for one in subjects(known, names)}


def week(days: int = 5, **facts: Any) -> list[Kept]:
    """Working days up to the Monday after the clocks went back, that Monday the last."""
    found: list[Kept] = []
    day = AUTUMN + dt.timedelta(days=1)
    while len(found) < days:
        if day.weekday() < 5:
            found.append(kept(day, **facts))
        day -= dt.timedelta(days=1)
    return found[::-1]


MONDAY = f"E1/{AUTUMN + dt.timedelta(days=1)}"


def test_a_run_of_days_goes_over_a_weekend_and_a_change_of_clocks() -> None:
    found = asked(week(5, outside_fence=True))

    assert found[MONDAY].facts["days_outside_known_places"] == 5.0
    assert found[MONDAY].facts["identical_punch_days"] == 5.0


def test_one_day_inside_a_fence_or_without_a_claim_or_unknown_ends_a_run() -> None:
    days = week(5, outside_fence=True)
    inside = [*days[:2], kept(AUTUMN - dt.timedelta(days=3), outside_fence=False), *days[3:]]
    assert asked([*days[:3], *days[4:]])[MONDAY].facts["days_outside_known_places"] == 1.0
    assert asked(inside)[MONDAY].facts["days_outside_known_places"] != 5.0
    blind = Kept(days[3].assessment_id, 2, "E1", "hq", days[3].start_ms, days[3].end_ms, None)
    found = asked([*days[:3], blind, days[4]])
    assert found[MONDAY].facts["days_outside_known_places"] == 1.0


def test_a_source_that_tells_minutes_only_says_nothing_of_seconds() -> None:
    days = [kept(AUTUMN + dt.timedelta(days=1), second=0)]

    assert "identical_punch_days" not in asked(days)[MONDAY].facts


def test_the_order_in_which_things_are_stored_changes_nothing() -> None:
    days = [
        *week(5, outside_fence=True),
        *(kept(AUTUMN + dt.timedelta(days=1), f"E{n}") for n in (2, 3)),
    ]
    expected = asked(days)
    for seed in range(5):
        shuffled = list(days)
        random.Random(seed).shuffle(shuffled)
        assert asked(shuffled) == expected


def test_an_exemption_that_the_verdict_did_not_know_makes_all_of_it_unknown() -> None:
    (one,) = week(1)
    late = StoredExemption("E1", one.start_ms, one.end_ms, ExemptionKind.LEAVE, "hr", "1")

    told = asked([one], [late])[one.assessment_id].facts

    assert "presence" not in told
    assert told["exempt_min"] == 480.0


def test_sites_claimed_from_one_spot_within_minutes_are_counted() -> None:
    day = AUTUMN + dt.timedelta(days=1)
    spots = tuple(
        Place(at(day, 9, 3 * number), 52.52, 13.405 + 0.0001 * number, f"s{number}")
        for number in range(4)
    )

    told = asked([kept(day, places=spots)])

    assert told[f"as-E1-{day}"].facts["spot_sites"] == 4.0
    apart = tuple(
        Place(one.at_ms, 52.52 + number, one.longitude, one.site_id)
        for number, one in enumerate(spots)
    )
    assert asked([kept(day, places=apart)])[f"as-E1-{day}"].facts["spot_sites"] == 1.0


def test_one_phone_for_two_people_is_seen_on_both() -> None:
    day = AUTUMN + dt.timedelta(days=1)
    two = [kept(day, name, phone="dingtalk:abc") for name in ("E1", "E2")]

    assert {
        one.facts["device_people"] for one in asked(two).values() if one.grain is Grain.INTERVAL
    } == {2.0}


def test_a_network_that_nobody_sees_any_more_was_replaced_and_one_person_cannot_tell() -> None:
    day = AUTUMN + dt.timedelta(days=1)
    alone = asked([kept(day, networks=1, site_network_min=0.0)])
    assert "network_seen_by_nobody" not in _own(alone, day)
    two = [kept(day, name, networks=1, site_network_min=0.0) for name in ("E1", "E2")]
    assert _own(asked(two), day)["network_seen_by_nobody"] is True
    seen = [two[0], kept(day, "E2", networks=1, site_network_min=5.0)]
    assert _own(asked(seen), day)["network_seen_by_nobody"] is False


def _own(found: dict[str, Subject], day: dt.date) -> dict[str, Value]:
    return dict(found[f"as-E1-{day}"].facts)


def test_nobody_is_settled_while_a_colleague_in_the_same_hours_is_not() -> None:
    day = AUTUMN + dt.timedelta(days=1)
    one = kept(day)
    overlap = Unsettled("E2", "hq", one.end_ms - 1, one.end_ms + HOUR_MS)
    elsewhere = Unsettled("E2", "other", one.start_ms, one.end_ms)
    later = Unsettled("E2", "hq", one.end_ms, one.end_ms + HOUR_MS)

    assert not asked([one], unsettled=[overlap])[one.assessment_id].settled
    assert not asked([one], unsettled=[overlap])[MONDAY].settled
    assert asked([one], unsettled=[elsewhere, later])[one.assessment_id].settled
