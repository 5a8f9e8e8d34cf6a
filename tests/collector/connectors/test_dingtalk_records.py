"""DingTalk's records: what is read of them, what is kept, and what never gets in."""

from __future__ import annotations

import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories.anything import JSON
from tests.fakes import dingtalk
from tests.fakes.dingtalk import SENTINEL
from zaigang_collector.attendance.model import Direction, ExemptionKind, Flag, Kind
from zaigang_collector.connectors.contract import Punch, Standing
from zaigang_collector.connectors.dingtalk import approving, records
from zaigang_collector.connectors.dingtalk.records import Reading
from zaigang_collector.connectors.dingtalk.settings import ApprovalSettings
from zaigang_collector.connectors.fields import FieldError
from zaigang_collector.directory.datum import Datum
from zaigang_shared.network_hash import network_hash

NET_KEY = bytes(range(32))
SHANGHAI = ZoneInfo("Asia/Shanghai")
READING = Reading(Datum.GCJ02, NET_KEY, SHANGHAI)
DAY_MS = 24 * 3_600_000
MIDNIGHT = 1_789_920_000_000  # 2026-09-21 00:00 in Shanghai


def read(number: int, **changes: Any) -> Punch:
    return records.punch(dingtalk.punch(number, **changes), READING)


def test_a_punch_by_map_reads_field_by_field() -> None:
    found = read(0)
    assert found.vendor_id == "900000000001"
    assert found.person == "zhang3"
    assert found.direction is Direction.IN
    assert (found.punched_ms, found.received_ms) == (1_789_952_191_000, 1_789_952_192_000)
    assert (found.word, found.standing) == (Kind.OWN, Standing.COUNTS)
    assert found.device == "fakedevicehash01"
    assert (found.flags, found.odd) == ((), ())
    assert found.place.point is not None
    assert found.place.point.accuracy_m == 38
    assert found.place.names == (("address", "浙江省杭州市西湖区示例路1号"), ("group", "600001"))


@pytest.mark.parametrize(
    ("wgs84", "gcj02"),
    [
        ((39.904200, 116.407396), (39.9056033, 116.4136383)),
        ((31.230416, 121.473701), (31.2284737, 121.4782241)),
        ((30.274085, 120.155070), (30.2717563, 120.1597646)),
        ((22.543096, 114.057865), (22.5403788, 114.0629790)),
    ],
)
def test_coordinates_become_wgs84_and_the_sources_own_stand_in_the_record(
    wgs84: tuple[float, float], gcj02: tuple[float, float]
) -> None:
    found = read(0, userLatitude=gcj02[0], userLongitude=gcj02[1])
    point = found.place.point
    assert point is not None
    assert (point.latitude, point.longitude) == pytest.approx(wgs84, abs=2e-7)  # 2 cm
    assert point.datum == "GCJ-02"
    kept = json.loads(found.record)
    assert (kept["userLatitude"], kept["userLongitude"]) == gcj02


def test_a_network_is_hashed_before_anything_else() -> None:
    found = read(1)
    expected = network_hash(NET_KEY, bytes.fromhex("021122334455"))
    assert found.place.network == expected
    kept = json.loads(found.record)
    assert kept["userMacAddrHash"] == expected.hex()
    assert len(bytes.fromhex(kept["userSsidHash"])) == 8
    assert "02:11:22:33:44:55" not in repr(found)
    assert f"{SENTINEL}-ssid" not in repr(found)
    # The same name is the same hash, and another company's is another.
    assert json.loads(read(1).record)["userSsidHash"] == kept["userSsidHash"]
    other = records.punch(dingtalk.punch(1), Reading(Datum.GCJ02, bytes(32), SHANGHAI))
    assert json.loads(other.record)["userSsidHash"] != kept["userSsidHash"]


@pytest.mark.parametrize("number", range(5))
def test_no_text_that_somebody_wrote_is_read(number: int) -> None:
    row = dingtalk.punch(number)
    assert SENTINEL in json.dumps(row, ensure_ascii=False)
    found = read(number)
    assert SENTINEL not in repr(found)
    assert SENTINEL.encode() not in found.record


def test_a_field_that_dingtalk_adds_one_day_is_not_kept() -> None:
    assert read(0, newField=SENTINEL, anotherId=12).record == read(0).record


@pytest.mark.parametrize("number", range(5))
def test_numbers_that_come_as_strings_are_the_same_record(number: int) -> None:
    row = dingtalk.punch(number)
    strung = {
        name: str(value) if type(value) in (int, float) else value for name, value in row.items()
    }
    assert strung != row
    assert records.punch(strung, READING) == records.punch(row, READING)


def test_a_punch_that_dingtalk_discounts_is_marked_and_has_no_direction() -> None:
    found = read(2)
    assert (found.standing, found.direction) == (Standing.DISCOUNTED, None)
    assert json.loads(found.record)["invalidRecordType"] == "Other"


@pytest.mark.parametrize("name", ["invalidRecordType", "invalidRecordMsg"])
def test_either_field_alone_discounts_and_names_a_mocked_location(name: str) -> None:
    found = read(0, **{name: "MockLocation"})
    assert found.standing is Standing.DISCOUNTED
    assert found.flags == (Flag.MOCK_LOCATION,)


def test_rows_that_say_that_nobody_punched_are_no_punches() -> None:
    signed, not_signed = (
        records.punch(row, READING) for row in dingtalk.answer("attendance_list")["recordresult"]
    )
    assert signed.standing is Standing.COUNTS
    assert not_signed.standing is Standing.NO_PUNCH
    assert read(0, sourceType="SYSTEM").standing is Standing.NO_PUNCH
    assert read(0, timeResult="NotSigned").standing is Standing.NO_PUNCH


@pytest.mark.parametrize(
    ("source_type", "word", "odd"),
    [
        ("USER", Kind.OWN, ()),
        ("BEACON", Kind.OWN, ()),
        ("AUTO_CHECK", Kind.OWN, ()),
        ("ATM", Kind.TERMINAL, ()),
        ("DING_ATM", Kind.TERMINAL, ()),
        ("BOSS", Kind.CORRECTED_MANAGER, ()),
        ("APPROVE", Kind.CORRECTED_APPROVAL, ()),
        ("SYSTEM", Kind.UNKNOWN, ()),
        ("SELF_SERVICE", Kind.UNKNOWN, ("sourceType SELF_SERVICE",)),
        (None, Kind.UNKNOWN, ()),
        ("两个 词", Kind.UNKNOWN, ("sourceType: expected one word of Latin letters",)),
    ],
)
def test_whose_word_a_punch_is(source_type: str | None, word: Kind, odd: tuple[str, ...]) -> None:
    found = read(0, sourceType=source_type)
    assert (found.word, found.odd) == (word, odd)


def test_the_rules_own_place_is_not_where_somebody_was_outside() -> None:
    assert read(0, locationResult="Outside").place.names == ()
    assert read(4).place.names[0] == ("terminal", "FAKE-SN-0001")


@pytest.mark.parametrize("name", ["id", "userId", "userCheckTime"])
@pytest.mark.parametrize("value", [None, "", [], {"a": SENTINEL}, SENTINEL * 50])
def test_without_id_person_and_time_there_is_no_record(name: str, value: object) -> None:
    with pytest.raises(FieldError) as caught:
        read(0, **{name: value})
    assert name in str(caught.value)
    assert SENTINEL not in str(caught.value)


@pytest.mark.parametrize("value", [[], {}, SENTINEL, True])
def test_any_other_field_that_cannot_be_read_is_left_out_and_told(value: object) -> None:
    found = read(0, userAccuracy=value, planId=value, checkType=value)
    assert found.direction is None
    assert found.place.point is not None
    assert found.place.point.accuracy_m is None
    assert found.odd == (
        "planId: expected a whole number",
        "userAccuracy: expected a number",
        "checkType: expected one word of Latin letters",
    )


def test_no_position_is_none_and_not_the_gulf_of_guinea() -> None:
    assert read(0, userLatitude=0, userLongitude=0).place.point is None
    assert read(0, userLatitude=91.0).place.point is None
    assert read(0, userLatitude=None).place.point is None


def test_a_check_in_is_an_arrival_without_its_texts() -> None:
    row = dingtalk.check_in()
    found = records.check_in(row, READING)
    assert SENTINEL not in repr(found)
    assert found.direction is Direction.IN
    assert found.word is Kind.OWN
    assert found.place.point is not None
    assert found.punched_ms == 1_789_971_600_000
    # It has no id of its own: who and when make one that stays.
    assert records.check_in(row | {"remark": "x"}, READING).vendor_id == found.vendor_id
    assert records.check_in(row | {"userId": "x"}, READING).vendor_id != found.vendor_id


def test_a_person_has_an_id_and_a_job_number_and_no_name() -> None:
    found = records.person(dingtalk.user("zhang3", " E1001 "))
    assert (found.vendor_id, found.job_number) == ("zhang3", "E1001")
    assert SENTINEL not in repr(found)
    assert records.person(dingtalk.user("x", "")).job_number is None


def test_leave_by_hours_lasts_as_it_says() -> None:
    row = dingtalk.answer("getleavestatus")["result"]["leave_status"][0]
    found = records.leave(row, READING)
    assert (found.person, found.why) == ("wang5", ExemptionKind.LEAVE)
    assert (found.from_ms, found.to_ms) == (row["start_time"], row["end_time"])


@pytest.mark.parametrize(
    ("days", "end_ms", "expected_ms"),
    [
        (1, MIDNIGHT, MIDNIGHT + DAY_MS),  # names the midnight with which its day begins
        (3, MIDNIGHT + 2 * DAY_MS, MIDNIGHT + 3 * DAY_MS),
        (1, MIDNIGHT + DAY_MS, MIDNIGHT + DAY_MS),  # names the one with which it ends
        (0.5, MIDNIGHT + DAY_MS // 2, MIDNIGHT + DAY_MS // 2),
    ],
)
def test_leave_by_days_is_never_shorter_than_its_days(
    days: float, end_ms: int, expected_ms: int
) -> None:
    row = {
        "userid": "wang5",
        "start_time": MIDNIGHT,
        "end_time": end_ms,
        "duration_unit": "percent_day",
        "duration_percent": int(days * 100),
    }
    assert records.leave(row, READING).to_ms == expected_ms


@pytest.mark.parametrize(
    ("start", "end"), [(MIDNIGHT, MIDNIGHT - 1), (1, 2), (MIDNIGHT, 2**62), (MIDNIGHT, MIDNIGHT)]
)
def test_leave_that_cannot_be_is_refused(start: int, end: int) -> None:
    with pytest.raises(FieldError, match="end_time"):
        records.leave({"userid": "x", "start_time": start, "end_time": end}, READING)


NAMES = sorted({name for number in range(5) for name in dingtalk.punch(number)})


@given(st.integers(0, 4), st.dictionaries(st.sampled_from(NAMES), JSON, max_size=6))
def test_whatever_stands_in_a_punch_it_is_read_or_refused(
    number: int, changes: dict[str, Any]
) -> None:
    try:
        found = read(number, **changes)
    except FieldError:
        return
    assert json.loads(found.record)["userId"] == found.person


LEAVE = ["userid", "start_time", "end_time", "duration_unit", "duration_percent"]
TIMES = st.integers(-(2**63), 2**63) | st.integers(MIDNIGHT, MIDNIGHT + 10 * DAY_MS)


@given(st.fixed_dictionaries({name: JSON | TIMES | st.just("percent_day") for name in LEAVE}))
def test_whatever_stands_in_leave_it_is_read_or_refused(row: dict[str, Any]) -> None:
    try:
        found = records.leave(row, READING)
    except FieldError:
        return
    assert found.from_ms < found.to_ms


@given(JSON)
def test_what_is_no_record_is_refused(value: object) -> None:
    for reader in (records.punch, records.check_in, records.leave):
        with pytest.raises(FieldError):
            reader(value, READING)
    with pytest.raises(FieldError):
        records.person(value)


TRIP = ApprovalSettings(ExemptionKind.BUSINESS_TRIP, "f1")


def approved(period: list[str], **changes: Any) -> Any:
    row = dingtalk.approval("PROC-1", "zhang3", 0, period, **changes)
    return approving.absence("inst-1", row, TRIP, SHANGHAI)


@pytest.mark.parametrize(
    ("period", "from_ms", "to_ms"),
    [
        (
            ["2026-09-21 09:00", "2026-09-21 18:00"],
            MIDNIGHT + DAY_MS * 3 // 8,
            MIDNIGHT + DAY_MS * 3 // 4,
        ),
        (["2026-09-21", "2026-09-22"], MIDNIGHT, MIDNIGHT + 2 * DAY_MS),
        (["2026-09-21", "2026-09-21", 1], MIDNIGHT, MIDNIGHT + DAY_MS),
    ],
)
def test_an_approval_exempts_from_and_to_what_its_field_says(
    period: list[str], from_ms: int, to_ms: int
) -> None:
    found = approved(period)
    assert (found.vendor_id, found.person) == ("inst-1", "zhang3")
    assert (found.from_ms, found.to_ms, found.why) == (from_ms, to_ms, ExemptionKind.BUSINESS_TRIP)
    assert SENTINEL not in repr(found)


@pytest.mark.parametrize(
    "changes", [{"result": "refuse"}, {"status": "TERMINATED"}, {"bizAction": "REVOKE"}]
)
def test_what_was_not_agreed_to_exempts_nobody(changes: dict[str, str]) -> None:
    assert approved(["2026-09-21", "2026-09-22"], **changes) is None


@given(JSON.map(json.dumps) | st.just(SENTINEL))
def test_a_period_that_cannot_be_read_is_told_without_its_form(value: str) -> None:
    with pytest.raises(FieldError) as caught:
        approved([], formComponentValues=[{"id": "f1", "value": value}])
    assert SENTINEL not in str(caught.value)
