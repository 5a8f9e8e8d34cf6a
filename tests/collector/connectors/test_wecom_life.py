"""The connector's whole life against a WeCom on a loop-back port."""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.factories import connecting
from tests.factories.attending import office_hours
from tests.factories.connecting import Asking
from tests.factories.connecting_wecom import Connected, connected
from tests.factories.directory import stored_employee
from tests.factories.vault import VAULT
from tests.fakes import dingtalk_month, wecom, wecom_month
from tests.fakes.clock import FakeClock
from tests.fakes.dingtalk_month import SERIAL, at_ms, person
from tests.fakes.randomness import Repeatable
from tests.fakes.wecom import (
    CHECK_INS,
    DEPARTMENTS,
    DETAIL,
    NUMBERS,
    SENTINEL,
    TERMINALS,
    TOKEN,
    USERS,
    FakeWeCom,
    approval,
    corrected,
    stretch,
)
from zaigang_collector import db
from zaigang_collector.attendance import exemptions as versions
from zaigang_collector.attendance import intervals
from zaigang_collector.attendance import service as attendance
from zaigang_collector.attendance.model import Direction, ExemptionKind, Flag, Kind
from zaigang_collector.attendance.service import StoredExemption
from zaigang_collector.connectors import aside, contract, people, state
from zaigang_collector.connectors.aside import Why
from zaigang_collector.connectors.errors import ConnectorError, Reason
from zaigang_collector.connectors.files import SiteSettings
from zaigang_collector.connectors.wecom.settings import ApprovalSettings, WeComPeople
from zaigang_collector.directory import service as directory
from zaigang_collector.directory.model import Assignment
from zaigang_collector.ledger import service as ledger

PUNCHES, APPROVALS = contract.Kind.PUNCHES, contract.Kind.APPROVALS
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
MONDAY = dt.date(2026, 9, 21)
NOON = at_ms(MONDAY, 12)
NINE_S = at_ms(MONDAY, 9) // 1000
NONE = ApprovalSettings(leave=False, trip=False, correction=False)
SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Connected]:
    """Three people and nothing punched yet; Monday at noon. Approvals are not asked for."""
    users = [(person(number), 1) for number in range(3)]
    with FakeWeCom(FakeClock(utc=NOON), users=users).running() as vendor:
        made = connected(tmp_path, vendor, people=3)
        made.set(approvals=NONE)
        yield made
        made.close()


def punched(number: int, hour: int, **changes: Any) -> wecom.Row:
    """An arrival by map on Monday."""
    at_s = at_ms(MONDAY, hour) // 1000
    return wecom_month.by_map(**{"userid": person(number), "checkin_time": at_s} | changes)


def assigned(here: Connected, number: int) -> None:
    with db.writing(here.engine) as conn:
        assignment = Assignment(f"E{1001 + number}", "hq", dingtalk_month.FIRST, None)
        directory.put_assignment(conn, VAULT, assignment, NOON, Repeatable("assigned"))


def oddities(here: Connected) -> set[str]:
    with db.reading(here.engine) as conn:
        return {what for what, _ in state.oddities(conn, "wecom")}


def test_a_check_in_becomes_a_clock_in_with_all_that_it_says(here: Connected) -> None:
    here.vendor.check_ins = [punched(0, 9, deviceid="phone-0")]
    passed = here.poll()
    assert passed.failures == {}
    (found,) = here.stored()
    new = found.content
    assert (new.source, new.employee_id, new.site_id) == ("wecom", "E1001", "hq")
    assert (new.direction, new.kind) == (Direction.IN, Kind.OWN)
    assert (new.punched_ms, new.received_ms) == (at_ms(MONDAY, 9), None)
    assert new.point is not None
    assert (new.point.datum, new.point.accuracy_m) == ("GCJ-02", None)
    assert new.source_device == "phone-0"
    assert json.loads(new.vendor_record)["checkin_time"] == NINE_S
    with db.reading(here.engine) as conn:
        (entry,) = ledger.entries_of(conn, ledger.EntryType.CLOCK_IN, found.reference)
    assert entry.body_hash == new.record_hash()


def test_asking_again_changes_nothing(here: Connected) -> None:
    here.vendor.check_ins = [punched(0, 9), punched(1, 9)]
    here.poll()
    before = here.stored()
    again = here.poll(everything=True)
    assert again.tallies[PUNCHES].unchanged == 2
    assert here.stored() == before


def test_a_late_edit_is_a_new_version_beside_the_old_one(here: Connected) -> None:
    here.vendor.check_ins = [punched(0, 9)]
    here.poll()
    here.clock.advance(71 * HOUR_MS)
    here.vendor.check_ins = [punched(0, 9, exception_type="时间异常")]
    assert here.poll().tallies[PUNCHES].new_versions == 1
    with db.reading(here.engine) as conn:
        old, new = attendance.versions(conn, VAULT, here.stored()[0].id)
    told = [json.loads(one.content.vendor_record).get("exception_type") for one in (old, new)]
    assert told == [None, "时间异常"]


def test_a_row_that_says_that_nobody_punched_is_kept_nowhere(here: Connected) -> None:
    here.vendor.check_ins = [wecom_month.nobody(userid=person(0), checkin_time=NINE_S)]
    assert here.poll().tallies[PUNCHES].no_punch == 1
    assert here.stored() == []
    with db.reading(here.engine) as conn:
        assert aside.counts(conn, "wecom") == ()


def test_a_type_that_we_do_not_know_is_put_aside_and_told(here: Connected) -> None:
    here.vendor.check_ins = [punched(0, 9, checkin_type=SENTINEL)]
    assert here.poll().tallies[PUNCHES].aside == {Why.NO_DIRECTION: 1}
    assert here.stored() == []
    assert oddities(here) == {"checkin_type: a word that is not known"}


def test_a_record_that_cannot_be_read_holds_nobody_elses_back(here: Connected) -> None:
    here.vendor.check_ins = [punched(1, 9), punched(0, 9)]
    del here.vendor.check_ins[1]["checkin_time"]
    passed = here.poll()
    assert passed.tallies[PUNCHES].unreadable == 1
    assert [one.content.employee_id for one in here.stored()] == ["E1002"]
    assert oddities(here) == {"punches checkin_time: expected a whole number"}


@pytest.mark.parametrize(
    ("row", "sites"),
    [
        (wecom_month.by_map(), SiteSettings()),
        (wecom_month.by_wifi(), SiteSettings()),
        (wecom_month.by_group(), SiteSettings(group={"11": "hq"})),
    ],
)
def test_network_coordinates_or_group_say_which_site_is_meant(
    here: Connected, row: wecom.Row, sites: SiteSettings
) -> None:
    here.set(sites=sites)
    here.vendor.check_ins = [row | {"userid": person(0), "checkin_time": NINE_S}]
    here.poll()
    assert [one.content.site_id for one in here.stored()] == ["hq"]


def test_outside_at_no_known_site_is_put_aside(here: Connected) -> None:
    here.set(sites=SiteSettings(group={"11": "hq"}))
    row = wecom.check_in(3, userid=person(0), checkin_time=NINE_S, groupid=11)
    here.vendor.check_ins = [row]
    assert here.poll().tallies[PUNCHES].aside == {Why.NO_SITE: 1}


# Attendance machines.


def test_a_machine_says_which_check_ins_it_made_and_its_others_are_put_aside(
    here: Connected,
) -> None:
    here.set(terminals=True, sites=SiteSettings(terminal={SERIAL: "hq"}))
    here.vendor.check_ins = [
        wecom_month.by_group(userid=person(0), checkin_time=NINE_S),
        punched(1, 9),
    ]
    here.vendor.swipes = [
        wecom.swipe(userid=person(0), checkin_time=NINE_S),
        wecom.swipe(userid=person(0), checkin_time=NINE_S + 60),
    ]
    passed = here.poll()
    found = {one.content.employee_id: one.content for one in here.stored()}
    assert (found["E1001"].kind, found["E1001"].site_id) == (Kind.TERMINAL, "hq")
    assert found["E1001"].source_device == SERIAL
    assert found["E1002"].kind is Kind.OWN
    assert passed.tallies[PUNCHES].aside == {Why.NO_DIRECTION: 1}
    assert here.poll(everything=True).tallies[PUNCHES].unchanged == 2


def test_a_machine_that_hands_over_late_makes_a_new_version(here: Connected) -> None:
    here.set(terminals=True, sites=SiteSettings(group={"11": "hq"}))
    here.vendor.check_ins = [wecom_month.by_group(userid=person(0), checkin_time=NINE_S)]
    here.poll()
    here.vendor.swipes = [wecom.swipe(userid=person(0), checkin_time=NINE_S)]
    assert here.poll(everything=True).tallies[PUNCHES].new_versions == 1
    assert [one.content.kind for one in here.stored()] == [Kind.TERMINAL]


def test_a_swipe_at_the_very_second_that_was_planned_is_not_taken_for_nobodys(
    here: Connected,
) -> None:
    here.set(terminals=True)
    here.vendor.check_ins = [wecom_month.nobody(userid=person(0), checkin_time=NINE_S)]
    here.vendor.swipes = [wecom.swipe(userid=person(0), checkin_time=NINE_S)]
    tally = here.poll().tallies[PUNCHES]
    assert (tally.no_punch, tally.aside) == (1, {Why.NO_DIRECTION: 1})


def test_machines_are_asked_for_only_where_they_are_set(here: Connected) -> None:
    here.poll()
    assert here.vendor.calls()[TERMINALS] == 0


# People.


def test_people_are_listed_with_a_secret_of_their_own_and_strangers_are_not_asked_about(
    here: Connected,
) -> None:
    here.vendor.users += [("boss", 1), (person(0), 2)]
    here.vendor.user_page = 2
    here.vendor.check_ins = [punched(0, 9), punched(1, 9, userid="boss")]
    here.poll()
    assert [one.content.employee_id for one in here.stored()] == ["E1001"]
    with db.reading(here.engine) as conn:
        assert [one.vendor_id for one in people.unmapped(conn, "wecom")] == ["boss"]
    (asked,) = here.vendor.bodies(CHECK_INS)
    assert asked["useridlist"] == [person(0), person(1), person(2)]
    assert here.vendor.calls()[USERS] == 3
    assert sorted(map(sorted, (allowed for _, allowed in here.vendor.tokens.values()))) == [
        ["approvals", "check-ins"],
        ["contacts"],
    ]


def test_of_the_departments_that_are_set_those_below_are_read_as_well(here: Connected) -> None:
    here.vendor.departments = {1: 0, 10: 1, 11: 10, 20: 1, 30: 31, 31: 30}
    here.vendor.users = [(person(0), 10), (person(1), 11), (person(2), 20), ("x", 30)]
    here.set(departments=(10, 30))
    here.poll()
    with db.reading(here.engine) as conn:
        assert set(people.mapped(conn, "wecom").values()) == {"E1001", "E1002"}
        assert [one.vendor_id for one in people.unmapped(conn, "wecom")] == ["x"]


def test_without_settings_a_user_id_is_an_employee_id(here: Connected) -> None:
    with db.writing(here.engine) as conn:
        stored_employee(conn, id=person(1))
    here.set(people=WeComPeople())
    here.vendor.check_ins = [punched(0, 9), punched(1, 9)]
    here.poll()
    assert [one.content.employee_id for one in here.stored()] == [person(1)]


def test_one_person_whom_wecom_does_not_show_holds_nobody_else_back(here: Connected) -> None:
    here.vendor.hidden = {person(1)}
    here.vendor.check_ins = [punched(number, 9) for number in range(3)]
    here.poll()
    assert [one.content.employee_id for one in here.stored()] == ["E1001", "E1003"]
    with db.reading(here.engine) as conn:
        assert people.unanswered(conn, "wecom") == ("E1002",)


@pytest.mark.parametrize("row", [{"id": SENTINEL}, {}, 5, {"id": 1, "parentid": [SENTINEL]}])
def test_a_department_that_cannot_be_read_leaves_the_list_of_people_as_it_was(
    here: Connected, row: object
) -> None:
    here.poll()
    here.set(departments=(1,))
    here.vendor.refused[DEPARTMENTS] = {"errcode": 0, "department_id": [row]}
    passed = here.poll(everything=True)
    assert passed.failures[contract.Kind.PEOPLE].reason is Reason.GARBLED
    with db.reading(here.engine) as conn:
        assert len(people.mapped(conn, "wecom")) == 3


@pytest.mark.parametrize("cursor", ["again", [1], {"a": 1}])
def test_a_cursor_that_does_not_go_on_is_not_followed_for_ever(
    here: Connected, cursor: object
) -> None:
    page = {"errcode": 0, "dept_user": [], "next_cursor": cursor}
    here.vendor.refused[USERS] = page
    assert here.poll().failures[contract.Kind.PEOPLE].reason is Reason.GARBLED
    assert here.vendor.calls()[USERS] <= 2


# Faults.


def test_who_says_nothing_is_given_up_and_asked_again(here: Connected) -> None:
    here.is_impatient()
    here.vendor.check_ins = [punched(0, 9)]
    here.vendor.faults = ["", "", "", "silent"]
    assert here.poll().failures == {}
    assert len(here.stored()) == 1
    assert len(here.waits) >= 1


@pytest.mark.parametrize(
    "fault", ["expired", "throttled", "busy", "5xx", "page", "truncated", "odd shape"]
)
def test_what_passes_is_not_noticed_but_for_a_wait(here: Connected, fault: str) -> None:
    here.vendor.check_ins = [punched(0, 9)]
    here.vendor.faults = ["", "", "", fault]  # token, people, another token, and then the punches
    passed = here.poll()
    if fault == "odd shape":  # what is read as an answer and is none of this call
        assert passed.failures[PUNCHES].reason is Reason.GARBLED
        here.clock.advance(HOUR_MS)
        passed = here.poll()
    assert passed.failures == {}
    assert len(here.stored()) == 1
    assert len(here.waits) == (0 if fault in ("expired", "odd shape") else 1)
    if fault == "throttled":  # it is shut for a minute
        assert here.waits[0] >= 60


def test_no_more_is_asked_in_a_minute_than_wecom_answers(here: Connected) -> None:
    here.set(first_days=100)  # four questions of thirty days
    here.vendor.calls_a_minute = 2
    here.vendor.check_ins = [punched(0, 9)]
    assert here.poll().failures == {}
    assert len(here.stored()) == 1
    assert here.vendor.calls()[CHECK_INS] == 5  # one of them refused
    assert len(here.waits) == 1


def test_a_wrong_secret_stops_its_own_kind_and_no_other(here: Connected) -> None:
    here.vendor.check_ins = [punched(0, 9)]
    here.poll()
    here.contacts_secret = "sentinel-wrong"
    here.tokens["contacts_secret"].drop(here.tokens["contacts_secret"].get())
    here.vendor.check_ins.append(punched(1, 9))
    passed = here.poll(everything=True)
    assert passed.failures[contract.Kind.PEOPLE].reason is Reason.SECRET
    assert passed.tallies[PUNCHES].added == 1


def test_a_wrong_company_stops_the_whole_pass(here: Connected) -> None:
    here.corp_id = "wwother"
    passed = here.poll()
    assert {error.reason for error in passed.failures.values()} == {Reason.CREDENTIALS}
    assert list(here.vendor.calls()) == [TOKEN]


def test_an_address_that_is_not_on_the_list_is_told_and_not_tried_again_at_once(
    here: Connected,
) -> None:
    here.poll()
    here.clock.advance(HOUR_MS)
    here.vendor.faults = ["address"]
    asked = len(here.vendor.asked)
    error = here.poll().failures[PUNCHES]
    assert (error.reason, error.code) == (Reason.ADDRESS, "60020")
    assert len(here.vendor.asked) == asked + 1
    with db.reading(here.engine) as conn:
        silence = state.silent_since(conn, "wecom", here.clock.utc)
    assert silence is not None
    assert (silence.since_ms, silence.reason) == (NOON, Reason.ADDRESS)
    here.clock.advance(HOUR_MS)
    assert here.poll().failures == {}


def test_a_pass_that_breaks_off_goes_on_where_it_was(here: Connected) -> None:
    here.set(first_days=90)
    old_s = NINE_S - 80 * 24 * 3600
    here.vendor.check_ins = [punched(0, 9, checkin_time=old_s), punched(0, 9)]
    here.vendor.faults = ["", "", "", "", "address"]
    assert here.poll().failures[PUNCHES].reason is Reason.ADDRESS
    assert len(here.stored()) == 1  # the first thirty days were stored
    here.clock.advance(HOUR_MS)
    here.poll()
    assert len(here.stored()) == 2


def test_a_token_that_ends_by_the_clock_is_renewed_before_its_end(here: Connected) -> None:
    here.poll()
    here.clock.advance(2 * HOUR_MS - 9 * 60_000)
    here.poll()
    assert len(here.vendor.tokens) == 3  # people were not due
    assert here.waits == []


# Approvals.


def exemptions(here: Connected, number: int = 0) -> list[tuple[int, int, ExemptionKind]]:
    with db.reading(here.engine) as conn:
        found = attendance.exemptions_of(conn, f"E{1001 + number}", 0, 2**52)
    return [(one.from_ms, one.to_ms, one.kind) for one in found]


def file(
    here: Connected, number: str, who: int, record_type: int, form: wecom.Row, **changes: Any
) -> None:
    asked = {"apply_time": NINE_S - 3600, "form": [form]} | changes
    here.vendor.approvals[number] = approval(number, person(who), record_type, **asked)


def test_leave_and_trips_exempt_until_they_are_taken_back(here: Connected) -> None:
    here.set(approvals=ApprovalSettings(correction=False))
    here.vendor.number_page = 9
    day = NINE_S + 24 * 3600
    for number in range(20):  # more than one page
        file(here, f"A{number:02}", 0, 1, stretch(1, day + 60 * number, day + 60 * number + 60))
    file(here, "B1", 1, 3, stretch(3, day, day + 3600))
    file(here, "C1", 2, 4, stretch(4, day, day + 3600))  # outings are not set
    file(here, "D1", 2, 1, stretch(1, day, day + 3600), sp_status=3)
    here.vendor.approvals["X1"] = approval("X1", "boss", 1, form=[stretch(1, day, day + 3600)])
    assert here.poll().tallies[APPROVALS].exemptions == 21
    assert len(exemptions(here)) == 20
    assert exemptions(here, 1) == [(day * 1000, (day + 3600) * 1000, ExemptionKind.BUSINESS_TRIP)]
    assert exemptions(here, 2) == []
    assert here.poll(everything=True).tallies[APPROVALS].exemptions == 0
    other = StoredExemption("E1002", NOON, NOON + 1, ExemptionKind.LEAVE, "other/approvals", "B1")
    with db.writing(here.engine) as conn:
        versions.record(conn, VAULT, other, NOON, Repeatable("other"))
    here.vendor.approvals["B1"]["sp_status"] = 6
    assert here.poll(everything=True).tallies[APPROVALS].exemptions == 1
    assert exemptions(here, 1) == [(NOON, NOON + 1, ExemptionKind.LEAVE)]  # of another system
    assert len(exemptions(here)) == 20


def test_an_outing_exempts_as_what_is_set(here: Connected) -> None:
    outing = ExemptionKind.CLIENT_MEETING
    here.set(approvals=ApprovalSettings(leave=False, trip=False, outing=outing))
    file(here, "C1", 0, 4, stretch(4, NINE_S, NINE_S + 3600))
    here.poll()
    assert exemptions(here) == [(NINE_S * 1000, (NINE_S + 3600) * 1000, outing)]


def test_forms_of_other_kinds_are_not_opened(here: Connected) -> None:
    here.set(approvals=ApprovalSettings())
    file(here, "E1", 0, 9, stretch(1, NINE_S, NINE_S + 3600))  # expenses
    file(here, "D1", 0, 1, stretch(1, NINE_S, NINE_S + 3600), sp_status=1)  # not agreed to yet
    here.poll()
    assert here.vendor.bodies(DETAIL) == []
    assert exemptions(here) == []


def test_a_correction_is_a_clock_in_until_it_is_taken_back(here: Connected) -> None:
    here.set(approvals=ApprovalSettings(leave=False, trip=False))
    assigned(here, 0)
    file(here, "F1", 0, 2, corrected(NINE_S, "上班缺卡"), apply_time=NINE_S + 7200)
    here.poll()
    (found,) = here.stored()
    assert (found.content.direction, found.content.site_id) == (Direction.IN, "hq")
    assert found.content.kind is Kind.CORRECTED_APPROVAL
    assert (found.content.punched_ms, found.content.received_ms) == (
        NINE_S * 1000,
        (NINE_S + 7200) * 1000,
    )
    here.vendor.approvals["F1"]["sp_status"] = 6
    file(here, "F2", 0, 2, corrected(NINE_S + 60, "上班缺卡"), sp_status=6)  # never seen before
    here.poll(everything=True)
    (found,) = here.stored()
    assert found.content.flags == (Flag.DISCOUNTED,)
    assert not found.content.counts


def test_an_approval_that_cannot_be_read_is_told_and_holds_no_other_back(here: Connected) -> None:
    here.set(approvals=ApprovalSettings())
    file(here, "A1", 0, 1, {"control": "Text", "value": SENTINEL})
    file(here, "A2", 1, 1, stretch(1, NINE_S, NINE_S + 3600))
    assert here.poll().tallies[APPROVALS].unreadable == 1
    assert len(exemptions(here, 1)) == 1
    assert oddities(here) == {"approvals contents: expected a control Vacation"}


def test_approvals_that_are_not_open_to_the_application_stop_nothing_else(here: Connected) -> None:
    here.set(approvals=ApprovalSettings())
    here.vendor.refused[NUMBERS] = {"errcode": 301055, "errmsg": SENTINEL}
    here.vendor.check_ins = [punched(0, 9)]
    passed = here.poll()
    assert passed.failures[APPROVALS].reason is Reason.PERMISSION
    assert len(here.stored()) == 1


# Nothing that is not to be kept gets anywhere.


def test_no_text_of_wecoms_gets_into_store_log_or_error(
    here: Connected, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    here.set(terminals=True, departments=(1,), approvals=ApprovalSettings())
    for number in range(3):
        assigned(here, number)
    here.vendor.check_ins = [
        wecom.check_in(number, userid=person(number % 3), checkin_time=NINE_S)
        for number in range(4)
    ]
    here.vendor.check_ins += [
        punched(0, 10, checkin_type=SENTINEL),
        punched(1, 10, exception_type=SENTINEL, deviceid=[SENTINEL]),
        punched(2, 10, checkin_time=SENTINEL) | {"checkin_time": str(NINE_S), "userid": person(2)},
    ]
    here.vendor.swipes = [wecom.swipe(userid=person(2), checkin_time=NINE_S + 1)]
    file(here, "A1", 0, 1, stretch(1, NINE_S, NINE_S + 3600))
    file(here, "A2", 0, 1, {"control": "Vacation", "value": SENTINEL})
    file(here, "F1", 1, 2, corrected(NINE_S, "缺卡"))
    first = here.poll()
    assert first.failures == {}
    failures: list[ConnectorError] = []
    for fault in ("expired", "throttled", "busy", "5xx", "page", "truncated", "address"):
        here.clock.advance(DAY_MS)
        here.vendor.faults = [fault] * 12
        failures += here.poll().failures.values()
    here.vendor.faults = []
    here.clock.advance(DAY_MS)
    here.secret = "sentinel-wrong-secret"
    failures += here.poll(everything=True).failures.values()
    assert {error.reason for error in failures} >= {Reason.ADDRESS, Reason.SECRET}
    ours = [one.getMessage() for one in caplog.records if not one.name.startswith("uvicorn")]
    assert any("access_token=" in line for line in ours)
    assert any("corpsecret=" in line for line in ours)
    told = "".join(ours) + caplog.handler.format(caplog.records[-1])
    told += repr(failures) + "".join(map(str, failures))
    told += here.everything_in().decode("utf-8", "replace")
    assert "sentinel" not in told.lower()
    assert "哨兵" not in told
    assert "02:11:22:33:44:55" not in told
    assert "示例" not in told  # an address
    assert "缺卡" not in told


# A month.


def paired(here: Asking[Any, Any], number: int) -> list[tuple[object, ...]]:
    """One person's intervals, without the names of their punches."""
    punches = [
        intervals.Punch(one.id, one.content.punched_ms, one.content.direction, one.content.site_id)
        for one in here.stored()
        if one.content.employee_id == f"E{1001 + number}" and one.content.counts
    ]
    found = intervals.pair(punches, office_hours(dt.date(2026, 8, 1), 92), SHANGHAI)
    assert found.left_over == ()
    return [(one.site_id, one.start_ms, one.end_ms, one.end_is_claimed) for one in found.intervals]


def test_a_month_of_twenty_people_imported_twice_changes_nothing_and_is_as_in_dingtalk(
    tmp_path: Path,
) -> None:
    clock = FakeClock(utc=at_ms(dt.date(2026, 9, 30), 22))
    sites = SiteSettings(terminal={SERIAL: "hq"}, group={"11": "hq", "600001": "hq"})
    with wecom_month.company(clock).running() as vendor:
        (tmp_path / "wecom").mkdir()
        here = connected(tmp_path / "wecom", vendor)
        here.set(first_days=30, sites=sites, terminals=True)
        for number in range(20):
            assigned(here, number)
        vendor.twice = True
        # Token, four pages of people, another token, machines, check-ins: each is asked again.
        vendor.faults = ["", "throttled", "", "", "", "5xx", "", ""]
        vendor.faults += ["expired", "", "truncated", "", "busy"]
        first = here.poll()
        assert first.failures == {}
        assert vendor.faults == []
        nobody = [row for row in vendor.check_ins if row["exception_type"] == "未打卡"]
        counting = len(vendor.check_ins) - len(nobody)
        assert first.tallies[PUNCHES].added == counting > 700
        assert first.tallies[PUNCHES].no_punch == len(nobody) > 0
        assert first.tallies[APPROVALS].added == len(vendor.approvals) > 40
        before = here.table()
        assert {one.content.kind for one in here.stored()} == {
            Kind.OWN,
            Kind.TERMINAL,
            Kind.CORRECTED_APPROVAL,
        }
        vendor.numbers_as_strings = True
        clock.advance(HOUR_MS)
        again = here.poll(everything=True, from_ms=at_ms(dingtalk_month.FIRST, 0))
        assert again.failures == {}
        assert again.tallies[PUNCHES].unchanged == counting
        assert again.tallies[APPROVALS].unchanged == len(vendor.approvals)
        assert here.table() == before
        months = [paired(here, number) for number in range(20)]
        here.close()
    with dingtalk_month.company(FakeClock(utc=clock.utc)).running() as other:
        (tmp_path / "dingtalk").mkdir()
        there = connecting.connected(tmp_path / "dingtalk", other)
        there.set(first_days=30, sites=sites)
        assert there.poll().failures == {}
        assert months == [paired(there, number) for number in range(20)]
        there.close()
    assert sum(map(len, months)) == 20 * len(dingtalk_month.workdays())


def test_more_people_than_go_into_one_question_are_asked_for_in_several(tmp_path: Path) -> None:
    users = [(person(number), 1) for number in range(120)]
    with FakeWeCom(FakeClock(utc=NOON), users=users).running() as vendor:
        here = connected(tmp_path, vendor, people=120)
        here.set(approvals=NONE, first_days=31)
        vendor.check_ins = [punched(number, 9) for number in range(120)]
        assert here.poll().failures == {}
        assert len(here.stored()) == 120
        # 100 + 20 people, each twice: thirty-one days are two questions.
        sizes = sorted(len(body["useridlist"]) for body in vendor.bodies(CHECK_INS))
        assert sizes == [20, 20, 100, 100]
        here.close()


def test_a_check_in_on_the_seam_of_two_windows_is_asked_for(here: Connected) -> None:
    here.clock.utc = NOON + 1  # not a whole second
    here.set(first_days=30)
    bodies_at = len(here.vendor.asked)
    here.poll()
    spans = [(b["starttime"], b["endtime"]) for b in here.vendor.bodies(CHECK_INS)]
    assert len(here.vendor.asked) > bodies_at
    assert all(end - begin <= 30 * 24 * 3600 for begin, end in spans)
    assert spans[1][0] <= spans[0][1]
    assert spans[-1][1] * 1000 >= here.clock.utc
