"""The connector's whole life against a DingTalk on a loop-back port."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.factories.connecting import Connected, connected
from tests.factories.directory import stored_employee, stored_site
from tests.factories.vault import VAULT
from tests.fakes import dingtalk, dingtalk_month
from tests.fakes.clock import FakeClock
from tests.fakes.dingtalk import SENTINEL, FakeDingTalk
from tests.fakes.dingtalk_month import SERIAL, at_ms, person
from tests.fakes.randomness import Repeatable
from zaigang_collector import db
from zaigang_collector.attendance import service as attendance
from zaigang_collector.attendance.model import ClockIn, Direction, ExemptionKind, Flag, Kind
from zaigang_collector.attendance.service import Filter
from zaigang_collector.connectors import aside, contract, people, state
from zaigang_collector.connectors.aside import Why
from zaigang_collector.connectors.dingtalk.settings import ApprovalSettings
from zaigang_collector.connectors.errors import Reason
from zaigang_collector.connectors.files import PeopleSettings, SiteSettings
from zaigang_collector.directory import service as directory
from zaigang_collector.directory.model import Assignment
from zaigang_collector.forgetting import service as forgetting
from zaigang_collector.ledger import service as ledger

PUNCHES = contract.Kind.PUNCHES
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
MONDAY = dt.date(2026, 9, 21)
NOON = at_ms(MONDAY, 12)
TERMINALS = SiteSettings(terminal={SERIAL: "hq"})


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Connected]:
    """Three people and nothing punched yet; Monday at noon."""
    clock = FakeClock(utc=NOON)
    users = {1: [dingtalk.user(person(number), f"E{1001 + number}") for number in range(3)]}
    with FakeDingTalk(clock, users=users).running() as vendor:
        made = connected(tmp_path, vendor, people=3)
        yield made
        made.http.close()
        made.engine.dispose()


def stored(here: Connected) -> list[ClockIn]:
    with db.reading(here.engine) as conn:
        return list(attendance.list_page(conn, VAULT, Filter(), None, 10_000))


def punched(number: int, hour: int, **changes: Any) -> dingtalk.Row:
    """A punch by map of Monday; ids follow person and hour."""
    ms = at_ms(MONDAY, hour)
    times = {"userCheckTime": ms, "gmtCreate": ms + 1000, "gmtModified": ms + 1000}
    named = {"id": 1000 * (number + 1) + hour, "userId": person(number)}
    return dingtalk_month.by_map(number, **times | named | changes)


def test_a_punch_becomes_a_clock_in_with_all_that_it_says(here: Connected) -> None:
    here.vendor.punches = [punched(0, 9)]
    passed = here.poll()
    assert passed.failures == {}
    (found,) = stored(here)
    new = found.content
    assert (new.source, new.source_id, new.employee_id) == ("dingtalk", "1009", "E1001")
    assert (new.site_id, new.direction, new.kind) == ("hq", Direction.IN, Kind.OWN)
    assert (new.punched_ms, new.received_ms) == (at_ms(MONDAY, 9), at_ms(MONDAY, 9) + 1000)
    assert new.point is not None
    assert (new.point.datum, new.point.accuracy_m) == ("GCJ-02", 38)
    assert new.source_device == "phone-0"
    assert json.loads(new.vendor_record)["id"] == 1009
    with db.reading(here.engine) as conn:
        (entry,) = ledger.entries_of(conn, ledger.EntryType.CLOCK_IN, found.reference)
    assert entry.body_hash == new.record_hash()


def test_asking_again_changes_nothing(here: Connected) -> None:
    here.vendor.punches = [punched(0, 9), punched(1, 9)]
    here.poll()
    before = stored(here)
    again = here.poll(everything=True)
    assert again.tallies[PUNCHES].unchanged == 2
    assert stored(here) == before


def test_a_late_edit_is_a_new_version_beside_the_old_one(here: Connected) -> None:
    here.vendor.punches = [punched(0, 9)]
    here.poll()
    here.clock.advance(71 * HOUR_MS)
    here.vendor.punches = [punched(0, 9, sourceType="BOSS", gmtModified=here.clock.utc)]
    assert here.poll().tallies[PUNCHES].new_versions == 1
    with db.reading(here.engine) as conn:
        old, new = attendance.versions(conn, VAULT, stored(here)[0].id)
    assert (old.content.kind, new.content.kind) == (Kind.OWN, Kind.CORRECTED_MANAGER)


def test_a_punch_that_dingtalk_discounts_later_is_part_of_no_interval_any_more(
    here: Connected,
) -> None:
    here.vendor.punches = [punched(0, 9)]
    here.poll()
    # Discounted rows lack the direction.
    here.vendor.punches = [punched(0, 9, invalidRecordType="MockLocation", checkType=None)]
    here.poll(everything=True)
    (found,) = stored(here)
    assert found.version == 2
    assert found.content.flags == (Flag.DISCOUNTED, Flag.MOCK_LOCATION)
    assert not found.content.counts
    assert (found.content.direction, found.content.site_id) == (Direction.IN, "hq")


def test_a_correction_that_is_taken_back_is_part_of_no_interval_any_more(here: Connected) -> None:
    here.vendor.punches = [punched(0, 9, sourceType="BOSS")]
    here.poll()
    here.vendor.punches = [punched(0, 9, sourceType="SYSTEM", timeResult="NotSigned")]
    here.poll(everything=True)
    (found,) = stored(here)
    assert (found.version, found.content.counts) == (2, False)
    assert here.poll(everything=True).tallies[PUNCHES].unchanged == 1


def test_a_discounted_punch_is_kept_aside_and_is_no_clock_in(here: Connected) -> None:
    row = dingtalk.punch(2, id=77, userId=person(0), userCheckTime=at_ms(MONDAY, 9))
    here.vendor.punches = [row]
    assert here.poll().tallies[PUNCHES].aside == {Why.DISCOUNTED: 1}
    here.poll(everything=True)
    assert stored(here) == []
    with db.reading(here.engine) as conn:
        (count,) = aside.counts(conn, "dingtalk")
        kept = aside.opened(conn, VAULT, "dingtalk", "77")
    assert (count.why, count.records, count.people) == (Why.DISCOUNTED, 1, 1)
    assert kept is not None
    assert json.loads(kept["vendor"])["invalidRecordType"] == "Other"
    path = Path(str(here.engine.url.database))
    raw = b"".join(one.read_bytes() for one in path.parent.glob(path.name + "*"))
    assert b"77" in raw
    assert b"invalidRecordType" not in raw  # it is sealed


def test_a_row_that_says_that_nobody_punched_is_kept_nowhere(here: Connected) -> None:
    here.vendor.punches = [punched(0, 9, timeResult="NotSigned", sourceType="SYSTEM")]
    assert here.poll().tallies[PUNCHES].no_punch == 1
    assert stored(here) == []
    with db.reading(here.engine) as conn:
        assert aside.counts(conn, "dingtalk") == ()


def test_a_way_of_punching_that_we_do_not_know_is_kept_as_unknown_and_told(
    here: Connected,
) -> None:
    here.vendor.punches = [punched(0, 9, sourceType="SELF_SERVICE")]
    here.poll()
    (found,) = stored(here)
    assert found.content.kind is Kind.UNKNOWN
    with db.reading(here.engine) as conn:
        assert state.oddities(conn, "dingtalk") == (("sourceType SELF_SERVICE", NOON),)


def test_a_record_that_cannot_be_read_holds_nobody_elses_back(here: Connected) -> None:
    broken = punched(0, 9) | {"userCheckTime": SENTINEL}
    here.vendor.punches = [punched(1, 9)]
    here.vendor.punches.append(broken | {"userCheckTime": str(at_ms(MONDAY, 9)), "id": [SENTINEL]})
    passed = here.poll()
    assert passed.tallies[PUNCHES].unreadable == 1
    assert [one.content.employee_id for one in stored(here)] == ["E1002"]
    with db.reading(here.engine) as conn:
        ((what, _),) = state.oddities(conn, "dingtalk")
    assert what == "punches id: expected an id of 200 characters at most"


def test_a_punch_at_no_known_site_waits_until_the_site_is_known(here: Connected) -> None:
    far = {"userLatitude": 30.5, "userLongitude": 120.5, "baseAddress": "x", "groupId": 5}
    here.vendor.punches = [punched(0, 9, **far)]
    assert here.poll().tallies[PUNCHES].aside == {Why.NO_SITE: 1}
    assert stored(here) == []
    with db.writing(here.engine) as conn:
        stored_site(conn, id="client", latitude=30.5025, longitude=120.4955, radius_m=500.0)
    here.poll(everything=True)
    assert [one.content.site_id for one in stored(here)] == ["client"]
    with db.reading(here.engine) as conn:
        assert aside.counts(conn, "dingtalk") == ()


@pytest.mark.parametrize(
    ("row", "sites"),
    [
        (dingtalk.punch(4), SiteSettings(terminal={SERIAL: "hq"})),
        (dingtalk.punch(3), SiteSettings(group={"600001": "hq"})),
        (
            dingtalk.punch(0, userLatitude=30.5),
            SiteSettings(address={"浙江省杭州市西湖区示例路1号": "hq"}),
        ),
        (dingtalk.punch(1), SiteSettings()),  # by its access point
        (dingtalk.punch(0), SiteSettings()),  # by its coordinates
    ],
)
def test_the_settings_and_the_directory_say_which_site_is_meant(
    here: Connected, row: dingtalk.Row, sites: SiteSettings
) -> None:
    here.set(sites=sites)
    here.vendor.punches = [row | {"userId": person(0), "userCheckTime": at_ms(MONDAY, 9)}]
    here.poll()
    assert [one.content.site_id for one in stored(here)] == ["hq"]


def test_a_correction_without_a_place_is_of_the_site_to_which_the_person_is_assigned(
    here: Connected,
) -> None:
    correction = dingtalk.punch(3, userId=person(0), userCheckTime=at_ms(MONDAY, 9))
    here.vendor.punches = [correction]
    assert here.poll().tallies[PUNCHES].aside == {Why.NO_SITE: 1}
    with db.writing(here.engine) as conn:
        assignment = Assignment("E1001", "hq", MONDAY, MONDAY)
        directory.put_assignment(conn, VAULT, assignment, NOON, Repeatable("assigned"))
    here.poll(everything=True)
    assert [one.content.site_id for one in stored(here)] == ["hq"]


@pytest.mark.parametrize(("setting", "sites"), [(False, []), (True, ["hq"])])
def test_whether_a_punch_elsewhere_claims_the_assigned_site_is_a_setting(
    here: Connected, setting: bool, sites: list[str]
) -> None:
    here.set(sites=SiteSettings(assigned_when_elsewhere=setting))
    with db.writing(here.engine) as conn:
        assignment = Assignment("E1001", "hq", MONDAY, MONDAY)
        directory.put_assignment(conn, VAULT, assignment, NOON, Repeatable("assigned"))
    here.vendor.punches = [punched(0, 9, userLatitude=30.5, locationResult="Outside")]
    here.poll()
    assert [one.content.site_id for one in stored(here)] == sites


# People.


def test_people_are_found_in_all_departments_and_strangers_are_listed_and_not_asked_about(
    here: Connected,
) -> None:
    here.vendor.users = {
        1: [dingtalk.user(person(0), "E1001")],
        11: [dingtalk.user("boss", "X1"), dingtalk.user(person(1), "E1002")],
        12: [dingtalk.user(person(1), "E1002"), dingtalk.user(person(2), "E1003")],
    }
    here.vendor.departments = {1: [11], 11: [12], 12: [11]}  # in a circle
    here.vendor.punches = [punched(0, 9), punched(1, 9), punched(2, 9) | {"userId": "boss"}]
    here.poll()
    assert [one.content.employee_id for one in stored(here)] == ["E1001", "E1002"]
    with db.reading(here.engine) as conn:
        assert [one.vendor_id for one in people.unmapped(conn, "dingtalk")] == ["boss"]
    asked = [body["userIds"] for path, body in here.vendor.asked if path.endswith("listRecord")]
    assert {one for some in asked for one in some} == {person(0), person(1), person(2)}


def test_somebody_who_becomes_ours_later_has_their_past_read(here: Connected) -> None:
    here.vendor.users[1].append(dingtalk.user("newcomer", "E2000"))
    early = at_ms(MONDAY, 9) - 4 * DAY_MS
    here.vendor.punches = [punched(0, 9, id=5, userId="newcomer", userCheckTime=early)]
    here.poll()
    assert stored(here) == []
    with db.writing(here.engine) as conn:
        stored_employee(conn, id="E2000")
    here.clock.advance(DAY_MS)  # people are listed again
    here.poll()
    assert [one.content.employee_id for one in stored(here)] == ["E2000"]


def test_people_can_be_matched_by_user_id_and_one_by_one(here: Connected) -> None:
    with db.writing(here.engine) as conn:
        stored_employee(conn, id=person(1))
    here.set(people=PeopleSettings(by="userid", ids={person(0): "E1003"}))
    here.vendor.punches = [punched(0, 9), punched(1, 9)]
    here.poll()
    assert [one.content.employee_id for one in stored(here)] == ["E1003", person(1)]


def test_one_person_whom_dingtalk_does_not_show_holds_nobody_else_back(here: Connected) -> None:
    here.vendor.hidden = {person(1)}
    here.vendor.punches = [punched(0, 9), punched(1, 9), punched(2, 9)]
    here.poll()
    assert [one.content.employee_id for one in stored(here)] == ["E1001", "E1003"]
    with db.reading(here.engine) as conn:
        assert people.unanswered(conn, "dingtalk") == ("E1002",)
    # Nobody halves the question anew each time: they are tried again when people are listed.
    here.clock.advance(HOUR_MS)
    here.vendor.asked.clear()
    here.poll()
    assert here.vendor.calls()["/attendance/listRecord"] == 1
    here.vendor.hidden.clear()
    here.clock.advance(DAY_MS)
    here.poll()
    assert [one.content.employee_id for one in stored(here)] == ["E1001", "E1002", "E1003"]


def test_who_was_forgotten_is_not_asked_about_any_more(here: Connected) -> None:
    here.vendor.punches = [punched(0, 9), punched(1, 9)]
    discounted = dingtalk.punch(2, id=77, userId=person(0), userCheckTime=at_ms(MONDAY, 9))
    here.vendor.punches.append(discounted)
    here.poll()
    with db.writing(here.engine) as conn:
        told = forgetting.forget(
            conn, VAULT, "E1001", "asked for it", "somebody", NOON, Repeatable("forget")
        )
    assert told.counts["records_aside"] == 1
    here.clock.advance(DAY_MS)
    here.poll()
    assert [one.content.employee_id for one in stored(here)] == ["E1002"]
    with db.reading(here.engine) as conn:
        assert set(people.mapped(conn, "dingtalk").values()) == {"E1002", "E1003"}
        assert aside.counts(conn, "dingtalk") == ()


# Faults.


def test_who_says_nothing_is_given_up_and_asked_again(here: Connected) -> None:
    here.is_impatient()
    here.vendor.punches = [punched(0, 9)]
    here.vendor.faults = ["", "", "", "silent"]
    assert here.poll().failures == {}
    assert len(stored(here)) == 1
    assert len(here.waits) >= 1


@pytest.mark.parametrize("fault", ["expired", "throttled", "busy", "5xx", "truncated", "odd shape"])
def test_what_passes_is_not_noticed_but_for_a_wait(here: Connected, fault: str) -> None:
    here.vendor.punches = [punched(0, 9)]
    here.vendor.faults = ["", "", "", fault]  # token, people, departments, and then the punches
    passed = here.poll()
    if fault == "odd shape":  # what is read as an answer and is none of this call
        assert passed.failures[PUNCHES].reason is Reason.GARBLED
        here.clock.advance(HOUR_MS)
        passed = here.poll()
    assert passed.failures == {}
    assert len(stored(here)) == 1
    assert len(here.waits) == (0 if fault in ("expired", "odd shape") else 1)


@pytest.mark.parametrize(
    ("fault", "reason", "wait_ms"),
    [
        ("quota", Reason.QUOTA, 6 * HOUR_MS),
        ("banned", Reason.BANNED, HOUR_MS // 10),
        ("banned page", Reason.BANNED, HOUR_MS // 10),
    ],
)
def test_what_lasts_is_left_alone_for_a_while_and_told(
    here: Connected, fault: str, reason: Reason, wait_ms: int
) -> None:
    here.vendor.punches = [punched(0, 9)]
    here.poll()
    here.clock.advance(HOUR_MS)
    here.vendor.faults = [fault]
    asked = len(here.vendor.asked)
    assert here.poll().failures[PUNCHES].reason is reason
    assert len(here.vendor.asked) == asked + 1  # not tried again at once
    found = here.state()
    assert found is not None
    assert found.next_ms == here.clock.utc + wait_ms
    with db.reading(here.engine) as conn:
        silence = state.silent_since(conn, "dingtalk", here.clock.utc)
    assert silence is not None
    assert (silence.since_ms, silence.reason) == (NOON, reason)
    here.clock.advance(wait_ms)
    here.poll()
    with db.reading(here.engine) as conn:
        assert state.silent_since(conn, "dingtalk", here.clock.utc) is None


def test_wrong_credentials_stop_the_whole_pass(here: Connected) -> None:
    here.app_secret = "wrong"
    passed = here.poll()
    assert {error.reason for error in passed.failures.values()} == {Reason.CREDENTIALS}
    assert set(passed.failures) == {contract.Kind.PEOPLE, PUNCHES}
    assert list(here.vendor.calls()) == ["/v1.0/oauth2/accessToken"]


def test_a_missing_permission_stops_its_own_kind_and_is_named(here: Connected) -> None:
    here.set(operator=person(0))
    said = {"code": "Forbidden.AccessDenied.AccessTokenPermissionDenied", "message": SENTINEL}
    here.vendor.refused["/v1.0/attendance/checkin/records/query"] = said | {
        "accessdenieddetail": {"requiredScopes": ["Checkin.Records.Read"]}
    }
    here.vendor.punches = [punched(0, 9)]
    passed = here.poll()
    assert len(stored(here)) == 1
    error = passed.failures[contract.Kind.CHECK_INS]
    assert (error.reason, error.permission) == (Reason.PERMISSION, "Checkin.Records.Read")


def test_a_pass_that_breaks_off_goes_on_where_it_was(here: Connected) -> None:
    here.set(first_days=21)  # three questions of seven days, and a little
    old = at_ms(MONDAY, 9) - 20 * DAY_MS
    here.vendor.punches = [punched(0, 9, id=5, userCheckTime=old), punched(0, 9)]
    here.vendor.faults = ["", "", "", "", "", "quota"]
    passed = here.poll()
    assert passed.failures[PUNCHES].reason is Reason.QUOTA
    assert len(stored(here)) == 1  # the first week was stored
    here.clock.advance(6 * HOUR_MS)
    here.poll()
    assert len(stored(here)) == 2


def test_nobody_is_asked_before_it_is_due(here: Connected) -> None:
    here.poll()
    asked = len(here.vendor.asked)
    here.clock.advance(29 * 60_000)
    assert here.poll().tallies == {}
    assert len(here.vendor.asked) == asked
    here.clock.advance(60_000)
    assert list(here.poll().tallies) == [PUNCHES]


def test_a_token_that_ends_by_the_clock_is_renewed_before_its_end(here: Connected) -> None:
    here.poll()
    here.clock.advance(2 * HOUR_MS - 9 * 60_000)
    here.poll()
    assert len(here.vendor.tokens) == 2
    assert here.waits == []


def test_a_source_that_nobody_asks_is_called_silent_as_well(here: Connected) -> None:
    here.poll()
    with db.reading(here.engine) as conn:
        assert state.silent_since(conn, "dingtalk", NOON + HOUR_MS) is None
        late = state.silent_since(conn, "dingtalk", NOON + HOUR_MS + 1)
        assert state.silent_since(conn, "wecom", NOON) is None
    assert late is not None
    assert (late.since_ms, late.reason) == (NOON, None)


# Leave, approvals, check-ins.


def leave(number: int, from_ms: int, to_ms: int) -> dingtalk.Row:
    row: dingtalk.Row = dingtalk.answer("getleavestatus")["result"]["leave_status"][0]
    return row | {"userid": person(number), "start_time": from_ms, "end_time": to_ms}


def exemptions(here: Connected, number: int = 0) -> list[tuple[int, int, ExemptionKind]]:
    with db.reading(here.engine) as conn:
        found = attendance.exemptions_of(conn, f"E{1001 + number}", 0, 2**52)
    return [(one.from_ms, one.to_ms, one.kind) for one in found]


def test_leave_exempts_and_leave_that_is_taken_back_does_not(here: Connected) -> None:
    here.set(leave=True)
    day = NOON + DAY_MS
    here.vendor.leave = [leave(0, day + n * HOUR_MS, day + (n + 1) * HOUR_MS) for n in range(25)]
    here.vendor.leave.append(leave(1, day, day + HOUR_MS))
    here.poll()
    assert len(exemptions(here)) == 25  # more than one page
    assert exemptions(here, 1) == [(day, day + HOUR_MS, ExemptionKind.LEAVE)]
    again = here.poll(everything=True)
    assert again.tallies[contract.Kind.LEAVE].exemptions == 0
    here.vendor.leave = here.vendor.leave[:1]
    here.poll(everything=True)
    assert exemptions(here) == [(day, day + HOUR_MS, ExemptionKind.LEAVE)]
    assert exemptions(here, 1) == []


def test_an_approved_trip_exempts_what_its_form_says_and_outlives_its_filing(
    here: Connected,
) -> None:
    settings = ApprovalSettings(ExemptionKind.BUSINESS_TRIP, "f1")
    here.set(approvals={"PROC-1": settings})
    trip = ["2026-11-02", "2026-11-03"]
    for number in range(25):  # more than one page
        row = dingtalk.approval("PROC-1", person(0), NOON - DAY_MS, trip)
        here.vendor.approvals[f"inst-{number:02}"] = row
    here.vendor.approvals["inst-99"] = dingtalk.approval(
        "PROC-1", person(1), NOON - DAY_MS, trip, result="refuse"
    )
    here.poll()
    expected = (at_ms(dt.date(2026, 11, 2), 0), at_ms(dt.date(2026, 11, 4), 0))
    assert exemptions(here) == [(*expected, ExemptionKind.BUSINESS_TRIP)] * 25
    assert exemptions(here, 1) == []
    # A completed one is read once: each costs a call.
    here.poll(everything=True)
    assert here.vendor.calls()["/v1.0/workflow/processInstances"] == 26
    here.clock.advance(60 * DAY_MS)  # it is not found any more by when it was filed
    here.poll()
    assert len(exemptions(here)) == 25


def test_check_ins_are_arrivals(here: Connected) -> None:
    here.set(operator=person(2))
    latitude, longitude = dingtalk_month.SITE_GCJ
    place = {"latitude": str(latitude), "longitude": str(longitude)}
    here.vendor.check_ins = [
        dingtalk.check_in(userId=person(0), checkinTime=at_ms(MONDAY, hour), **place)
        for hour in range(6, 11)  # more than one page
    ]
    here.poll()
    here.poll(everything=True)
    found = stored(here)
    assert [one.version for one in found] == [1] * 5
    assert {(one.content.direction, one.content.kind) for one in found} == {
        (Direction.IN, Kind.OWN)
    }
    asked = [body for path, body in here.vendor.asked if "checkin" in path]
    assert {body["operatorUserId"] for body in asked} == {person(2)}


# Nothing that is not to be kept gets anywhere.


def everything_in(here: Connected) -> bytes:
    """All files of the database, its log included, and all that is sealed, opened."""
    path = Path(str(here.engine.url.database))
    raw = b"".join(one.read_bytes() for one in path.parent.glob(path.name + "*"))
    opened = [one.content.body() for one in stored(here)]
    with db.reading(here.engine) as conn:
        ids = conn.scalars(sa.text("SELECT vendor_id FROM connectors_aside")).all()
        opened += [repr(aside.opened(conn, VAULT, "dingtalk", one)).encode() for one in ids]
    assert opened
    return raw + b"".join(opened)


def test_no_text_of_dingtalks_gets_into_store_log_or_error(
    here: Connected, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    here.set(
        operator=person(0),
        leave=True,
        sites=TERMINALS,
        approvals={"PROC-1": ApprovalSettings(ExemptionKind.BUSINESS_TRIP, "f1")},
    )
    day = {"userCheckTime": at_ms(MONDAY, 9)}
    here.vendor.punches = [
        dingtalk.punch(number, userId=person(number % 3), **day) for number in range(5)
    ]
    here.vendor.check_ins = [dingtalk.check_in(userId=person(0), checkinTime=at_ms(MONDAY, 10))]
    here.vendor.approvals["inst-1"] = dingtalk.approval("PROC-1", person(0), NOON - 1, ["x", "y"])
    failures = list(here.poll().failures.values())
    for fault in ("expired", "throttled", "busy", "5xx", "banned page", "truncated", "quota"):
        here.clock.advance(DAY_MS)
        here.vendor.faults = [fault] * 12
        failures += here.poll().failures.values()
    here.vendor.faults = []
    here.tokens.drop(here.tokens.get())
    here.app_secret = "sentinel-wrong-secret"
    failures += here.poll(everything=True).failures.values()
    assert {error.reason for error in failures} >= {Reason.QUOTA, Reason.BANNED, Reason.CREDENTIALS}
    ours = [one.getMessage() for one in caplog.records if not one.name.startswith("uvicorn")]
    assert any("access_token=" in line for line in ours)
    told = "".join(ours) + caplog.handler.format(caplog.records[-1])
    told += repr(failures) + "".join(map(str, failures))
    told += everything_in(here).decode("utf-8", "replace")
    assert "sentinel" not in told.lower()
    assert "哨兵" not in told
    assert "02:11:22:33:44:55" not in told
    assert "示例路" not in told  # an address


def test_what_is_kept_of_people_is_their_id_alone(here: Connected) -> None:
    here.poll()
    with db.reading(here.engine) as conn:
        rows = conn.execute(sa.text("SELECT * FROM connectors_person")).mappings().all()
    assert [set(row) for row in rows] == [
        {"source", "vendor_id", "employee_id", "seen_ms", "answered"}
    ] * 3


# A month.


def table_of(here: Connected) -> list[tuple[object, ...]]:
    return [
        (one.reference, one.stored_ms, dataclasses.astuple(one.content)) for one in stored(here)
    ]


def test_a_month_of_twenty_people_imported_twice_changes_nothing(tmp_path: Path) -> None:
    clock = FakeClock(utc=at_ms(dt.date(2026, 9, 30), 22))
    with dingtalk_month.company(clock).running() as vendor:
        here = connected(tmp_path, vendor)
        here.set(first_days=30, sites=SiteSettings(terminal={SERIAL: "hq"}, group={"600001": "hq"}))
        vendor.twice = True
        vendor.faults = ["", "throttled", "", "", "", "", "", "expired", "5xx", "truncated"]
        first = here.poll()
        assert first.failures == {}
        rows = vendor.punches
        valid = [row for row in rows if "invalidRecordType" not in row]
        counting = [row for row in valid if row["sourceType"] != "SYSTEM"]
        tally = first.tallies[PUNCHES]
        assert tally.added == len(counting) > 800
        assert tally.aside == {Why.DISCOUNTED: len(rows) - len(valid)}
        assert tally.no_punch == len(valid) - len(counting)
        before = table_of(here)
        vendor.numbers_as_strings = True
        clock.advance(HOUR_MS)
        again = here.poll(everything=True, from_ms=at_ms(dingtalk_month.FIRST, 0))
        assert again.failures == {}
        assert again.tallies[PUNCHES].unchanged == len(counting)
        assert (again.tallies[PUNCHES].added, again.tallies[PUNCHES].new_versions) == (0, 0)
        assert table_of(here) == before
        asked = [body for path, body in vendor.asked if path == "/attendance/listRecord"]
        assert max(len(body["userIds"]) for body in asked) == 20
        here.http.close()
        here.engine.dispose()


def test_more_people_than_go_into_one_question_are_asked_for_in_several(tmp_path: Path) -> None:
    clock = FakeClock(utc=NOON)
    rows = [dingtalk.user(person(number), f"E{1001 + number}") for number in range(120)]
    with FakeDingTalk(clock, users={1: rows}).running() as vendor:
        here = connected(tmp_path, vendor, people=120)
        here.set(leave=True, first_days=8)
        vendor.punches = [punched(number, 9) for number in range(120)]
        assert here.poll().failures == {}
        assert len(stored(here)) == 120
        # 50 + 50 + 20 people, each twice: eight days are two questions.
        assert vendor.calls()["/attendance/listRecord"] == 6
        assert vendor.calls()["/topapi/attendance/getleavestatus"] == 2
        here.http.close()
        here.engine.dispose()
