"""How a day stands: what holds whatever was planned, punched and approved."""

from __future__ import annotations

import datetime as dt
import itertools
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from zaigang_collector.attendance.calendars import CalendarDay, Meaning, Origin
from zaigang_collector.attendance.days import Standing, day_status, exempt_stretches
from zaigang_collector.attendance.intervals import Punch, pair
from zaigang_collector.attendance.model import Direction, ExemptionKind
from zaigang_collector.attendance.patterns import Pattern, parse
from zaigang_collector.attendance.planning import Expected, at_ms, planned_day
from zaigang_collector.attendance.service import StoredExemption

ZONE = ZoneInfo("Asia/Shanghai")
MONDAY = dt.date(2026, 9, 21)
MIDNIGHT = at_ms(MONDAY, 0, ZONE)
MIN_MS = 60_000

_MINUTE = st.integers(-300, 1740)
_HOURS = st.sampled_from(
    [
        parse("Mon-Fri 09:00-18:00"),
        parse("Mon-Fri 09:00-12:00 13:00-18:00"),
        parse("22:00-06:00"),
        parse("flexible Mon-Fri 07:00-21:00 core 10:00-16:00 min 8h"),
        Pattern(()),
    ]
)
_CALENDAR = st.sampled_from(list(Meaning)).map(lambda one: CalendarDay(one, Origin.COMPANY))
_EXEMPTIONS = st.lists(
    st.tuples(_MINUTE, st.integers(1, 1500)).map(
        lambda pair: StoredExemption(
            "E001",
            MIDNIGHT + pair[0] * MIN_MS,
            MIDNIGHT + (pair[0] + pair[1]) * MIN_MS,
            ExemptionKind.LEAVE,
            "test",
            "1",
        )
    ),
    max_size=4,
)
_PUNCHES = st.lists(
    st.tuples(_MINUTE, st.sampled_from(list(Direction))), max_size=6, unique=True
).map(
    lambda told: [
        Punch(f"p{number}", MIDNIGHT + minute * MIN_MS, direction, "hq")
        for number, (minute, direction) in enumerate(told)
    ]
)


@given(_HOURS, _CALENDAR, _EXEMPTIONS, _PUNCHES, st.integers(0, 4000))
def test_a_day_is_held_open_only_where_work_was_expected_and_is_over(
    hours: Pattern,
    calendar: CalendarDay,
    exemptions: list[StoredExemption],
    punches: list[Punch],
    now_min: int,
) -> None:
    planned = planned_day(MONDAY, ZONE, calendar, hours)
    paired = pair(punches, planned.stretches, ZONE)
    now_ms = MIDNIGHT + now_min * MIN_MS
    status = day_status(planned, paired, exemptions, now_ms)
    if status.standing in (Standing.NO_CLAIM, Standing.PARTLY_CLAIMED):
        assert status.unclaimed
        assert all(one.to_ms <= now_ms for one in status.unclaimed)
    if status.standing is Standing.NO_CLAIM:
        assert planned.expected is Expected.WORKDAY
        assert not status.intervals
    if status.standing is Standing.EXEMPT:
        assert exemptions
    if planned.expected is Expected.DAY_OFF:
        assert status.standing in (Standing.OFF, Standing.CLAIMED, Standing.ONGOING)
    if status.standing is not Standing.ONGOING:
        assert all(one.end_ms < now_ms for one in status.intervals)


@given(_EXEMPTIONS, st.integers(0, 600), st.integers(1, 1440))
def test_exemptions_that_overlap_count_once(
    exemptions: list[StoredExemption], first: int, length: int
) -> None:
    span = MIDNIGHT + first * MIN_MS, MIDNIGHT + (first + length) * MIN_MS
    found = exempt_stretches(exemptions, *span)
    assert all(span[0] <= begin < end <= span[1] for begin, end in found)
    assert all(one[1] < two[0] for one, two in itertools.pairwise(found))
    for minute in range(first, first + length, 7):
        at = MIDNIGHT + minute * MIN_MS
        is_exempt = any(one.from_ms <= at < one.to_ms for one in exemptions)
        assert any(begin <= at < end for begin, end in found) is is_exempt
