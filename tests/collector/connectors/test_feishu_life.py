"""The connector's whole life against a Feishu on a loop-back port."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from tests.factories.attending import office_hours
from tests.factories.connecting import connected
from tests.factories.directory import stored_employee
from tests.factories.feishu import FeishuConnected, feishu_connected
from tests.factories.vault import VAULT
from tests.fakes import dingtalk_month, feishu, feishu_month
from tests.fakes.clock import FakeClock
from tests.fakes.dingtalk import ZONE
from tests.fakes.dingtalk_month import BSSID, SERIAL, at_ms, person
from tests.fakes.feishu import APPROVALS, CHILDREN, FLOWS, TASKS, TOKEN, FakeFeishu
from tests.fakes.feishu_month import GROUP, LOCATION
from tests.fakes.randomness import Repeatable
from tests.fakes.vendor import SENTINEL, Row
from zaigang_collector import db
from zaigang_collector.attendance import intervals
from zaigang_collector.attendance import service as attendance
from zaigang_collector.attendance.model import ClockIn, Direction, ExemptionKind, Flag, Kind
from zaigang_collector.attendance.service import Filter
from zaigang_collector.connectors import aside, contract, people, state
from zaigang_collector.connectors.aside import Why
from zaigang_collector.connectors.errors import Reason
from zaigang_collector.connectors.files import PeopleSettings, SiteSettings
from zaigang_collector.connectors.http import Http
from zaigang_collector.directory import service as directory
from zaigang_collector.directory.model import Assignment

PUNCHES, DAYS_OFF = contract.Kind.PUNCHES, contract.Kind.APPROVALS
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
MONDAY = dt.date(2026, 9, 21)
NOON = at_ms(MONDAY, 12)
PLACES = SiteSettings(terminal={SERIAL: "hq"}, address={LOCATION: "hq"}, group={GROUP: "hq"})


@pytest.fixture
def here(tmp_path: Path) -> Iterator[FeishuConnected]:
    """Three people and nothing punched yet; Monday at noon."""
    clock = FakeClock(utc=NOON)
    users = {"0": [feishu.user(person(number), f"E{1001 + number}") for number in range(3)]}
    with FakeFeishu(clock, users=users).running() as vendor:
        made = feishu_connected(tmp_path, vendor, people=3)
        yield made
        made.close()


def stored(engine: Engine) -> list[ClockIn]:
    with db.reading(engine) as conn:
        return list(attendance.list_page(conn, VAULT, Filter(), None, 100_000))


def punched(number: int, hour: float, day: dt.date = MONDAY, way: int = 0, **changes: Any) -> Row:
    """A punch over Wi-Fi; ids follow person, day and hour."""
    at_s = at_ms(day, 0) // 1000 + round(hour * 3600)
    who = person(number)
    named = {"record_id": f"{number}-{day.day}-{hour}", "user_id": who, "creator_id": who}
    return feishu.flow(way, **named | {"check_time": str(at_s), "bssid": BSSID} | changes)


def counting(
    number: int, came: float | None, went: float | None = None, day: dt.date = MONDAY, **more: Any
) -> Row:
    """What was made of a day: the punches at these hours count."""
    names = ["" if one is None else f"{number}-{day.day}-{one}" for one in (came, went)]
    return feishu.result(person(number), day, *names, **more)


def shown(here: FeishuConnected) -> list[tuple[str, Direction, float, bool]]:
    """Employee, direction, hours after Monday's midnight, and whether it counts."""
    midnight = at_ms(MONDAY, 0)
    return sorted(
        (new.employee_id, new.direction, (new.punched_ms - midnight) / HOUR_MS, new.counts)
        for new in (one.content for one in stored(here.engine))
    )


def put_aside(here: FeishuConnected) -> dict[Why, int]:
    with db.reading(here.engine) as conn:
        return {one.why: one.records for one in aside.counts(conn, "feishu")}


def test_a_punch_becomes_a_clock_in_with_all_that_it_says(here: FeishuConnected) -> None:
    here.vendor.flows = [punched(0, 9)]
    here.vendor.results = [counting(0, 9)]
    assert here.poll().failures == {}
    (found,) = stored(here.engine)
    new = found.content
    assert (new.source, new.source_id, new.employee_id) == ("feishu", "0-21-9", "E1001")
    assert (new.site_id, new.direction, new.kind) == ("hq", Direction.IN, Kind.OWN)
    assert (new.punched_ms, new.received_ms) == (at_ms(MONDAY, 9), None)
    assert (new.point, new.flags) == (None, ())
    assert json.loads(new.vendor_record)["counted"]["counts_as"] == "in"


def test_asking_again_changes_nothing(here: FeishuConnected) -> None:
    here.vendor.flows = [punched(0, 9), punched(1, 9)]
    here.vendor.results = [counting(0, 9), counting(1, 9)]
    here.poll()
    before = stored(here.engine)
    assert here.poll(everything=True).tallies[PUNCHES].unchanged == 2
    assert stored(here.engine) == before


def test_a_later_clock_out_takes_the_place_of_an_earlier_one(here: FeishuConnected) -> None:
    here.clock.utc = at_ms(MONDAY, 18, 30)
    here.vendor.flows = [punched(0, 9), punched(0, 18)]
    here.vendor.results = [counting(0, 9, 18)]
    here.poll()
    here.clock.utc = at_ms(MONDAY, 20)
    here.vendor.flows.append(punched(0, 19))
    here.vendor.results = [counting(0, 9, 19)]
    tally = here.poll().tallies[PUNCHES]
    assert (tally.added, tally.new_versions) == (1, 1)
    assert shown(here) == [
        ("E1001", Direction.IN, 9, True),
        ("E1001", Direction.OUT, 18, False),
        ("E1001", Direction.OUT, 19, True),
    ]


def test_a_manager_corrects_by_a_punch_of_his_own_and_the_old_one_stays(
    here: FeishuConnected,
) -> None:
    here.vendor.flows = [punched(0, 9.5)]
    here.vendor.results = [counting(0, 9.5)]
    here.poll()
    here.clock.advance(71 * HOUR_MS)
    with db.writing(here.engine) as conn:
        assignment = Assignment("E1001", "hq", MONDAY, MONDAY)
        directory.put_assignment(conn, VAULT, assignment, NOON, Repeatable("assigned"))
    here.vendor.flows.append(punched(0, 9, way=2, type=1, creator_id="boss", bssid=""))
    here.vendor.results = [counting(0, 9, check_in_result_supplement="ManagerModification")]
    here.poll()
    corrected, first = (one.content for one in stored(here.engine))
    if corrected.source_id != "0-21-9":
        corrected, first = first, corrected
    assert (corrected.kind, corrected.counts) == (Kind.CORRECTED_MANAGER, True)
    assert (first.kind, first.flags) == (Kind.OWN, (Flag.DISCOUNTED,))
    assert corrected.site_id == "hq"  # of a correction no place is told: the assigned one


def test_a_punch_that_does_not_count_is_aside_until_it_does(here: FeishuConnected) -> None:
    here.vendor.flows = [punched(0, 9), punched(0, 11)]
    here.vendor.results = [counting(0, 9)]
    here.poll()
    assert put_aside(here) == {Why.DISCOUNTED: 1}
    here.vendor.results = [counting(0, 9, 11)]
    here.poll(everything=True)
    assert put_aside(here) == {}
    assert [one[1] for one in shown(here)] == [Direction.IN, Direction.OUT]


def test_a_punch_of_a_day_without_a_result_waits_for_it(here: FeishuConnected) -> None:
    here.vendor.flows = [punched(0, 9)]
    here.poll()
    assert (shown(here), put_aside(here)) == ([], {Why.NO_DIRECTION: 1})
    here.vendor.results = [counting(0, 9)]
    here.poll(everything=True)
    assert [one[1] for one in shown(here)] == [Direction.IN]


def test_a_night_shift_ends_on_the_next_day(here: FeishuConnected) -> None:
    sunday = MONDAY - dt.timedelta(days=1)
    here.set(first_days=0)  # asked for is the time from Friday's noon on, and days one more
    here.clock.utc = at_ms(MONDAY, 7) + 3 * DAY_MS
    here.vendor.flows = [punched(0, 22, sunday), punched(0, 31, sunday)]
    six_s = str(at_ms(MONDAY, 6) // 1000)
    here.vendor.results = [counting(0, 22, 31, sunday, check_out_shift_time=six_s)]
    here.poll()
    assert [one[1:3] for one in shown(here)] == [(Direction.OUT, 7)]
    here.poll(from_ms=at_ms(sunday, 12), everything=True)
    assert [one[1:3] for one in shown(here)] == [(Direction.IN, -2), (Direction.OUT, 7)]


def test_what_the_system_notes_by_itself_is_no_punch(here: FeishuConnected) -> None:
    here.vendor.flows = [punched(0, 9, type=3), punched(1, 9, type=4)]
    here.vendor.results = [counting(0, 9), counting(1, 9)]
    assert here.poll().tallies[PUNCHES].no_punch == 2
    assert (shown(here), put_aside(here)) == ([], {})


def test_what_feishu_holds_invalid_never_comes(here: FeishuConnected) -> None:
    here.vendor.flows = [punched(0, 9, invalid=True)]
    here.poll()
    assert (shown(here), put_aside(here)) == ([], {})


def test_a_way_of_punching_that_we_do_not_know_is_kept_as_unknown_and_told(
    here: FeishuConnected,
) -> None:
    here.vendor.flows = [punched(0, 9, type=9)]
    here.vendor.results = [counting(0, 9)]
    here.poll()
    assert [one.content.kind for one in stored(here.engine)] == [Kind.UNKNOWN]
    with db.reading(here.engine) as conn:
        assert state.oddities(conn, "feishu") == (("type 9", NOON),)


def test_a_record_that_cannot_be_read_holds_nobody_elses_back(here: FeishuConnected) -> None:
    here.vendor.flows = [punched(0, 9, check_time=SENTINEL), punched(1, 9)]
    here.vendor.results = [counting(0, 9), counting(1, 9), counting(2, 9) | {"records": [SENTINEL]}]
    assert here.poll().tallies[PUNCHES].unreadable == 2
    assert [one[0] for one in shown(here)] == ["E1002"]
    with db.reading(here.engine) as conn:
        assert {what for what, _ in state.oddities(conn, "feishu")} == {
            "punches check_time: expected a whole number",
            "result records: expected an object",
        }


def test_a_clock_in_stays_when_the_result_of_its_day_is_not_there_for_once(
    here: FeishuConnected,
) -> None:
    tuesday = MONDAY + dt.timedelta(days=1)
    here.clock.utc = at_ms(tuesday, 12)
    here.vendor.flows = [punched(0, 9), punched(0, 18), punched(0, 9, tuesday)]
    here.vendor.results = [counting(0, 9, 18), counting(0, 9, day=tuesday)]
    here.poll()
    before = shown(here)
    assert len(before) == 3
    here.vendor.results[1]["records"] = [SENTINEL]
    here.poll(everything=True)
    del here.vendor.results[1]
    here.poll(everything=True)
    assert [one[:3] for one in shown(here)] == [one[:3] for one in before]
    assert all(counts for *_, counts in shown(here))


# Places: there are no coordinates.


@pytest.mark.parametrize(
    ("row", "sites", "where"),
    [
        (punched(0, 9), SiteSettings(), ["hq"]),  # by its access point
        (punched(0, 9, bssid="", location_name=LOCATION), SiteSettings(), []),
        (punched(0, 9, bssid="", location_name=LOCATION), PLACES, ["hq"]),
        (punched(0, 9, bssid="", location_name="别处"), SiteSettings(group={GROUP: "hq"}), ["hq"]),
        (punched(0, 9, way=1, bssid=""), SiteSettings(group={GROUP: "hq"}), []),  # 外勤
        (punched(0, 9, way=1, bssid="", location_name="街90号"), SiteSettings(), []),
        (
            punched(0, 9, way=1, bssid="", location_name="街90号"),
            SiteSettings(address={"街90号": "hq"}),
            ["hq"],
        ),
        (punched(0, 9, way=1, bssid=""), SiteSettings(assigned_when_elsewhere=True), ["hq"]),
        (punched(0, 9, way=2, bssid="", type=2), SiteSettings(), ["hq"]),  # no place: the assigned
    ],
)
def test_without_coordinates_network_name_and_group_say_which_site_is_meant(
    here: FeishuConnected, row: Row, sites: SiteSettings, where: list[str]
) -> None:
    here.set(sites=sites)
    with db.writing(here.engine) as conn:
        assignment = Assignment("E1001", "hq", MONDAY, MONDAY)
        directory.put_assignment(conn, VAULT, assignment, NOON, Repeatable("assigned"))
    here.vendor.flows, here.vendor.results = [row], [counting(0, 9)]
    here.poll()
    assert [one.content.site_id for one in stored(here.engine)] == where
    assert put_aside(here) == ({} if where else {Why.NO_SITE: 1})


# People.


def test_people_are_found_in_all_departments_and_strangers_are_listed_and_not_asked_about(
    here: FeishuConnected,
) -> None:
    here.vendor.users = {
        "0": [feishu.user(person(0), "E1001")],
        "od-1": [feishu.user("boss", "X1"), feishu.user(person(1), "E1002")],
        "od-2": [feishu.user(person(1), "E1002"), feishu.user(person(2), "E1003")],
    }
    here.vendor.departments = {"0": ["od-1"], "od-1": ["od-2"], "od-2": ["od-1"]}  # in a circle
    here.vendor.page_rows = 1
    here.vendor.flows = [punched(0, 9), punched(1, 9), punched(2, 9) | {"user_id": "boss"}]
    here.vendor.results = [counting(0, 9), counting(1, 9)]
    here.poll()
    assert [one[0] for one in shown(here)] == ["E1001", "E1002"]
    with db.reading(here.engine) as conn:
        assert [one.vendor_id for one in people.unmapped(conn, "feishu")] == ["boss"]
    asked = [body["user_ids"] for path, body in here.vendor.asked if path in (FLOWS, TASKS)]
    assert {one for some in asked for one in some} == {person(0), person(1), person(2)}


@pytest.mark.parametrize("name", ["../../x", f"od {SENTINEL}", "", 5])
def test_a_department_whose_id_is_none_refuses_the_list_as_a_whole(
    here: FeishuConnected, name: Any
) -> None:
    here.vendor.departments = {"0": ["od-1", name]}
    error = here.poll().failures[contract.Kind.PEOPLE]
    assert (error.reason, error.code) == (Reason.GARBLED, "unexpected_shape")
    assert here.vendor.calls()[CHILDREN] == 1


def test_people_can_be_matched_by_user_id_and_one_by_one(here: FeishuConnected) -> None:
    with db.writing(here.engine) as conn:
        stored_employee(conn, id=person(1))
    here.set(people=PeopleSettings(by="userid", ids={person(0): "E1003"}))
    here.vendor.flows = [punched(0, 9), punched(1, 9)]
    here.vendor.results = [counting(0, 9), counting(1, 9)]
    here.poll()
    assert [one[0] for one in shown(here)] == ["E1003", person(1)]


def test_one_person_whom_feishu_does_not_show_holds_nobody_else_back(
    here: FeishuConnected,
) -> None:
    here.set(approvals=True)
    here.vendor.hidden = {person(1)}
    here.vendor.flows = [punched(number, 9) for number in range(3)]
    here.vendor.results = [counting(number, 9) for number in range(3)]
    here.vendor.approvals = [day_off(0), day_off(1), day_off(2)]
    assert here.poll().failures == {}
    assert [one[0] for one in shown(here)] == ["E1001", "E1003"]
    assert [len(exemptions(here, number)) for number in range(3)] == [1, 0, 1]
    with db.reading(here.engine) as conn:
        assert people.unanswered(conn, "feishu") == ("E1002",)
    # Nobody asks in vain each time: they are tried again when people are listed.
    here.clock.advance(HOUR_MS)
    here.vendor.asked.clear()
    here.poll()
    assert {tuple(body["user_ids"]) for _, body in here.vendor.asked} == {(person(0), person(2))}
    here.vendor.hidden.clear()
    here.clock.advance(DAY_MS)
    here.poll()
    assert [one[0] for one in shown(here)] == ["E1001", "E1002", "E1003"]


def test_when_nobody_is_shown_punches_are_not_asked_for(here: FeishuConnected) -> None:
    here.vendor.hidden = {person(number) for number in range(3)}
    assert here.poll().failures == {}
    assert here.vendor.calls()[FLOWS] == 0


# Faults.


@pytest.mark.parametrize(
    ("fault", "waits"),
    [
        ("expired", []),
        ("throttled", [7.35]),  # what the header says, and a little
        ("throttled 429", [7.35]),
        ("busy", [0.75]),
        ("page", [0.75]),
        ("5xx", [0.75]),
        ("truncated", [0.75]),
    ],
)
@pytest.mark.parametrize("before", [0, 1, 2, 3, 4])
def test_what_passes_is_not_noticed_but_for_a_wait(
    here: FeishuConnected, fault: str, waits: list[float], before: int
) -> None:
    here.vendor.flows, here.vendor.results = [punched(0, 9)], [counting(0, 9)]
    # Token, people, departments, days, punches.
    here.vendor.faults = ["", "", "", "", ""]
    here.vendor.faults[before] = fault
    passed = here.poll()
    if fault == "expired" and before == 0:  # asking for a token needs none: somebody is confused
        assert {one.reason for one in passed.failures.values()} == {Reason.CREDENTIALS}
        return
    assert passed.failures == {}
    assert len(shown(here)) == 1
    assert here.waits == [pytest.approx(one) for one in waits]


def test_a_call_that_is_not_answered_is_made_again(here: FeishuConnected) -> None:
    here.http.close()
    here.http = Http(here.clock, silence_s=0.5)
    here.vendor.flows, here.vendor.results = [punched(0, 9)], [counting(0, 9)]
    here.vendor.faults = ["", "", "", "", "silent"]
    assert here.poll().failures == {}
    assert len(shown(here)) == 1
    assert here.waits[0] == pytest.approx(0.75)
    assert here.vendor.calls()[FLOWS] > 1


def test_what_is_read_as_an_answer_and_is_none_of_this_call_is_told(here: FeishuConnected) -> None:
    here.vendor.flows, here.vendor.results = [punched(0, 9)], [counting(0, 9)]
    here.vendor.faults = ["", "", "", "", "odd shape"]
    assert here.poll().failures[PUNCHES].reason is Reason.GARBLED
    here.clock.advance(HOUR_MS)
    assert here.poll().failures == {}
    assert len(shown(here)) == 1


def test_wrong_credentials_stop_the_whole_pass(here: FeishuConnected) -> None:
    here.app_secret = "wrong"
    passed = here.poll()
    assert {error.reason for error in passed.failures.values()} == {Reason.CREDENTIALS}
    assert set(passed.failures) == {contract.Kind.PEOPLE, PUNCHES}
    assert list(here.vendor.calls()) == [TOKEN]


def test_a_missing_permission_stops_its_own_kind_and_is_named(here: FeishuConnected) -> None:
    here.set(approvals=True)
    here.vendor.refused[APPROVALS] = feishu.denied("attendance:task:readonly")
    here.vendor.flows, here.vendor.results = [punched(0, 9)], [counting(0, 9)]
    passed = here.poll()
    assert len(shown(here)) == 1
    error = passed.failures[DAYS_OFF]
    assert (error.reason, error.permission) == (Reason.PERMISSION, "attendance:task:readonly")


def test_a_department_out_of_scope_is_a_missing_permission(here: FeishuConnected) -> None:
    here.set(departments=("od-9",))
    error = here.poll().failures[contract.Kind.PEOPLE]
    assert (error.reason, error.code) == (Reason.PERMISSION, "40004")


def test_a_cursor_that_runs_in_a_circle_is_not_followed(
    here: FeishuConnected, monkeypatch: pytest.MonkeyPatch
) -> None:
    circle = {"has_more": True, "page_token": "page-0", "items": []}
    monkeypatch.setattr(here.vendor, "_paged", lambda *_: circle)
    error = here.poll().failures[contract.Kind.PEOPLE]
    assert (error.reason, error.code) == (Reason.GARBLED, "unexpected_shape")


def test_a_token_is_renewed_ten_minutes_before_its_end(here: FeishuConnected) -> None:
    here.poll()
    here.clock.advance(2 * HOUR_MS - 11 * 60_000)
    here.poll()
    assert len(here.vendor.tokens) == 1
    here.clock.advance(30 * 60_000)
    here.poll()
    assert len(here.vendor.tokens) == 2
    assert here.waits == []


def test_a_silence_is_told_with_its_reason(here: FeishuConnected) -> None:
    here.poll()
    here.clock.advance(HOUR_MS)
    here.vendor.refused[TASKS] = feishu.denied("attendance:task:readonly")
    here.poll()
    with db.reading(here.engine) as conn:
        silence = state.silent_since(conn, "feishu", here.clock.utc)
    assert silence is not None
    assert (silence.since_ms, silence.reason) == (NOON, Reason.PERMISSION)
    assert silence.permission == "attendance:task:readonly"


# Leave, trips and outings.


def day_off(number: int, day: dt.date = MONDAY, kind: str = "leaves") -> Row:
    return feishu.approved(person(number), day, kind, f"{day} 00:00:00", f"{day} 00:00:00")


def exemptions(
    here: FeishuConnected, number: int = 0
) -> Sequence[tuple[float, float, ExemptionKind]]:
    """From and to, in days from Monday."""
    midnight = at_ms(MONDAY, 0)
    with db.reading(here.engine) as conn:
        found = attendance.exemptions_of(conn, f"E{1001 + number}", 0, 2**52)
    return [
        ((one.from_ms - midnight) / DAY_MS, (one.to_ms - midnight) / DAY_MS, one.kind)
        for one in found
    ]


def test_leave_exempts_and_leave_that_is_taken_back_does_not(here: FeishuConnected) -> None:
    here.set(approvals=True)
    tomorrow, overmorrow = (MONDAY + dt.timedelta(days=number) for number in (1, 2))
    here.vendor.approvals = [day_off(0, tomorrow), day_off(0, overmorrow), day_off(1)]
    here.vendor.twice = True
    assert here.poll().failures == {}
    assert exemptions(here) == [(1, 2, ExemptionKind.LEAVE)]  # Feishu tells until tomorrow
    assert exemptions(here, 1) == [(0, 1, ExemptionKind.LEAVE)]
    assert here.poll(everything=True).tallies[DAYS_OFF].exemptions == 0
    here.clock.advance(DAY_MS)
    here.vendor.approvals = here.vendor.approvals[:2]
    here.poll(everything=True)
    assert exemptions(here) == [(1, 2, ExemptionKind.LEAVE), (2, 3, ExemptionKind.LEAVE)]
    assert exemptions(here, 1) == []


def test_a_trip_of_many_days_is_one_stretch_however_much_of_it_is_asked_for(
    here: FeishuConnected,
) -> None:
    here.set(approvals=True, outs_are=ExemptionKind.CLIENT_MEETING)
    days = [MONDAY - dt.timedelta(days=number) for number in range(40, -1, -1)]
    span = f"{days[0]} 00:00:00", f"{MONDAY} 00:00:00"
    here.vendor.approvals = [feishu.approved(person(0), day, "trips", *span) for day in days]
    here.vendor.approvals.append(day_off(1, kind="outs"))
    here.vendor.approvals.append(day_off(2, kind="overtime_works"))
    expected = [(-40, 0, ExemptionKind.BUSINESS_TRIP), (0, 1, ExemptionKind.BUSINESS_TRIP)]
    here.poll()
    assert exemptions(here) == expected
    assert exemptions(here, 1) == [(0, 1, ExemptionKind.CLIENT_MEETING)]
    assert exemptions(here, 2) == []
    again = here.poll(everything=True, from_ms=at_ms(days[0], 0))
    assert again.tallies[DAYS_OFF].exemptions == 0
    assert exemptions(here) == expected


def test_where_one_approval_cannot_be_read_nothing_is_taken_back(here: FeishuConnected) -> None:
    here.set(approvals=True)
    here.vendor.approvals = [day_off(0)]
    here.poll()
    here.vendor.approvals = [day_off(0) | {"leaves": [5]}]
    assert here.poll(everything=True).tallies[DAYS_OFF].unreadable == 1
    assert exemptions(here) == [(0, 1, ExemptionKind.LEAVE)]


# Nothing that is not to be kept gets anywhere.


def everything_in(here: FeishuConnected) -> str:
    """All files of the database, its log included, and all that is sealed, opened."""
    path = Path(str(here.engine.url.database))
    found = [one.read_bytes() for one in path.parent.glob(path.name + "*")]
    found += [one.content.body() for one in stored(here.engine)]
    with db.reading(here.engine) as conn:
        ids = conn.scalars(sa.text("SELECT vendor_id FROM connectors_aside")).all()
        found += [repr(aside.opened(conn, VAULT, "feishu", one)).encode() for one in ids]
    assert ids
    return b"".join(found).decode("utf-8", "replace")


def test_no_text_of_feishus_gets_into_store_log_or_error(
    here: FeishuConnected, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    here.set(approvals=True, sites=PLACES)
    here.vendor.flows = [
        punched(0, 9, location_name=f"{SENTINEL} 大厦"),
        punched(0, 10, way=1),
        punched(1, 9, way=1, bssid=""),
        punched(2, 9, type=SENTINEL, device_id=[SENTINEL]),
    ]
    here.vendor.results = [counting(number, 9, check_in_result=SENTINEL) for number in range(3)]
    here.vendor.approvals = [day_off(0), day_off(1) | {"leaves": [SENTINEL]}]
    here.vendor.users["0"].append(feishu.user("", SENTINEL))
    failures = list(here.poll().failures.values())
    for fault in ("expired", "throttled", "busy", "5xx", "page", "truncated", "odd shape"):
        here.clock.advance(DAY_MS)
        here.vendor.faults = [fault] * 12
        failures += here.poll().failures.values()
    here.vendor.faults = []
    here.vendor.refused[TASKS] = feishu.denied(f"{SENTINEL}:x")
    here.clock.advance(DAY_MS)
    failures += here.poll().failures.values()
    here.tokens.drop(here.tokens.get())
    here.app_secret = "sentinel-wrong-secret"
    failures += here.poll(everything=True).failures.values()
    assert {error.reason for error in failures} >= {
        Reason.PERMISSION, Reason.GARBLED, Reason.THROTTLED, Reason.BROKEN, Reason.CREDENTIALS,
    }  # fmt: skip
    ours = [one.getMessage() for one in caplog.records if not one.name.startswith("uvicorn")]
    assert any("user_flows" in line for line in ours)
    told = "".join(ours) + caplog.handler.format(caplog.records[-1])
    told += repr(failures) + "".join(map(str, failures)) + everything_in(here)
    assert "sentinel" not in told.lower()
    assert "哨兵" not in told
    assert BSSID not in told


# A month.


def table_of(here: FeishuConnected) -> list[tuple[object, ...]]:
    return [
        (one.reference, one.stored_ms, dataclasses.astuple(one.content))
        for one in stored(here.engine)
    ]


def intervals_of(engine: Engine) -> set[tuple[str, str, int, int, bool]]:
    """Who says that they were where, from when to when, and whether they said until when."""
    by_person: dict[str, list[intervals.Punch]] = {}
    for one in stored(engine):
        new = one.content
        if new.counts:
            punch = intervals.Punch(one.id, new.punched_ms, new.direction, new.site_id)
            by_person.setdefault(new.employee_id, []).append(punch)
    hours = office_hours(dt.date(2026, 8, 1), 92)
    return {
        (who, one.site_id, one.start_ms, one.end_ms, one.end_is_claimed)
        for who, punches in by_person.items()
        for one in intervals.pair(punches, hours, ZONE).intervals
    }


def test_a_month_of_twenty_people_is_the_same_intervals_as_through_dingtalk(tmp_path: Path) -> None:
    clock = FakeClock(utc=at_ms(dt.date(2026, 9, 30), 22))
    with (
        feishu_month.company(clock).running() as vendor,
        dingtalk_month.company(clock).running() as other,
    ):
        (tmp_path / "feishu").mkdir()
        (tmp_path / "dingtalk").mkdir()
        here = feishu_connected(tmp_path / "feishu", vendor)
        here.set(first_days=30, sites=PLACES, approvals=True)
        vendor.twice = True
        vendor.faults = ["", "throttled", "", "", "busy", "", "", "expired", "", "", "5xx", "page"]
        first = here.poll()
        assert (first.failures, vendor.faults) == ({}, [])
        valid = [row for row in vendor.flows if not row.get("invalid")]
        counting = [row for row in valid if row["type"] != 4]
        tally = first.tallies[PUNCHES]
        assert tally.added == len(counting) > 800
        assert tally.aside == {}
        assert tally.no_punch == len(valid) - len(counting)
        before = table_of(here)
        vendor.numbers_as_strings = True
        clock.advance(HOUR_MS)
        again = here.poll(everything=True, from_ms=at_ms(dingtalk_month.FIRST, 0))
        assert again.failures == {}
        tally = again.tallies[PUNCHES]
        assert (tally.unchanged, tally.added, tally.new_versions) == (len(counting), 0, 0)
        assert again.tallies[DAYS_OFF].exemptions == 0
        assert table_of(here) == before

        there = connected(tmp_path / "dingtalk", other)
        there.set(
            first_days=30, sites=SiteSettings(terminal={SERIAL: "hq"}, group={"600001": "hq"})
        )
        assert there.poll().failures == {}
        found = intervals_of(here.engine)
        assert len(found) == 20 * len(dingtalk_month.workdays())
        assert found == intervals_of(there.engine)
        there.http.close()
        there.engine.dispose()
        here.close()


def test_more_people_than_go_into_one_question_are_asked_for_in_several(tmp_path: Path) -> None:
    clock = FakeClock(utc=NOON)
    rows = [feishu.user(person(number), f"E{1001 + number}") for number in range(120)]
    with FakeFeishu(clock, users={"0": rows}).running() as vendor:
        here = feishu_connected(tmp_path, vendor, people=120)
        here.set(approvals=True, first_days=28)
        vendor.flows = [punched(number, 9) for number in range(120)]
        vendor.results = [counting(number, 9) for number in range(120)]
        assert here.poll().failures == {}
        assert len(shown(here)) == 120
        # 50 + 50 + 20 people; 28 days of punches are two questions, 29 of approvals one.
        assert vendor.calls()[FLOWS] == vendor.calls()[TASKS] == 6
        assert vendor.calls()[APPROVALS] == 3
        here.close()
