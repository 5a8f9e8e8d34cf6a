"""WeCom's records: what is read of them, what is kept, and what never gets in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories.anything import JSON
from tests.fakes import wecom
from tests.fakes.wecom import SENTINEL, approval, corrected, stretch
from zaigang_collector.attendance.model import Direction, ExemptionKind, Kind
from zaigang_collector.connectors.contract import Absence, Punch, Standing
from zaigang_collector.connectors.fields import FieldError
from zaigang_collector.connectors.wecom import approving, records
from zaigang_collector.connectors.wecom.records import Swipe
from zaigang_shared.network_hash import network_hash

NET_KEY = bytes(range(32))
MIDNIGHT_S = 1_789_920_000  # 2026-09-21 00:00 in Shanghai
DAY_S = 24 * 3600
NINE_S = 1_789_952_191


def parsed(row: object, swipes: Mapping[tuple[str, int], Swipe] | None = None) -> Punch:
    return records.check_in(row, NET_KEY, swipes or {})


def read(number: int, **changes: Any) -> Punch:
    return parsed(wecom.check_in(number, **changes))


def test_a_check_in_reads_field_by_field() -> None:
    found = read(0)
    assert (found.person, found.direction) == ("zhang3", Direction.IN)
    assert (found.punched_ms, found.received_ms) == (NINE_S * 1000, None)
    assert (found.word, found.standing) == (Kind.OWN, Standing.COUNTS)
    assert (found.device, found.flags, found.odd) == ("FAKE-DEVICE-01", (), ())
    assert found.place.names == (("group", "11"),)
    point = found.place.point
    assert point is not None
    assert (point.datum, point.accuracy_m) == ("GCJ-02", None)
    kept = json.loads(found.record)
    assert kept["checkin_type"] == "上班打卡"
    assert (kept["lat"], kept["lng"], kept["timeline_id"]) == (30272156, 120159465, 1)


def test_coordinates_are_millionths_of_degrees_and_become_wgs84() -> None:
    point = read(0, lat=30_271_756, lng=120_159_765).place.point
    assert point is not None
    # Hangzhou; GCJ-02 lies 520 m away there.
    assert (point.latitude, point.longitude) == pytest.approx((30.274085, 120.155070), abs=1e-6)


@pytest.mark.parametrize(
    ("changes", "odd"),
    [
        ({"lat": 0, "lng": 0}, ()),
        ({"lat": None}, ()),
        ({"lat": "", "lng": ""}, ()),
        ({"lat": 30.272156}, ("lat: expected a whole number",)),
        ({"lat": 91_000_000}, ("lat, lng: expected degrees times 1,000,000",)),
    ],
)
def test_where_no_position_was_taken_there_is_none(
    changes: dict[str, Any], odd: tuple[str, ...]
) -> None:
    found = read(0, **changes)
    assert (found.place.point, found.odd) == (None, odd)


def test_a_network_is_hashed_before_anything_else() -> None:
    found = read(0)
    expected = network_hash(NET_KEY, bytes.fromhex("021122334455"))
    assert found.place.network == expected
    kept = json.loads(found.record)
    assert kept["wifimacHash"] == expected.hex()
    assert len(bytes.fromhex(kept["wifinameHash"])) == 8
    assert "02:11:22:33:44:55" not in repr(found)


@pytest.mark.parametrize("mac", ["", None, "未连接到公司指定WiFi", 5])
def test_a_name_without_an_access_point_is_a_remark_and_no_network(mac: object) -> None:
    found = read(0, wifimac=mac)
    assert found.place.network is None
    assert not {"wifimacHash", "wifinameHash"} & json.loads(found.record).keys()


@pytest.mark.parametrize("number", range(4))
def test_no_text_that_somebody_wrote_is_read(number: int) -> None:
    row = wecom.check_in(number)
    assert SENTINEL in json.dumps(row, ensure_ascii=False)
    assert SENTINEL not in repr(parsed(row))
    assert "示例" not in parsed(row).record.decode()
    assert SENTINEL not in repr(records.at_terminal(records.swipe(wecom.swipe())))


def test_a_field_that_wecom_adds_one_day_is_not_kept() -> None:
    assert read(0, newField=SENTINEL, another_id=12).record == read(0).record


@pytest.mark.parametrize("number", range(4))
def test_numbers_that_come_as_strings_are_the_same_record(number: int) -> None:
    row = wecom.check_in(number)
    strung = {name: str(value) if type(value) is int else value for name, value in row.items()}
    assert strung != row
    assert parsed(strung) == parsed(row)


def test_a_row_that_says_that_nobody_punched_is_no_punch() -> None:
    assert read(2).standing is Standing.NO_PUNCH
    assert read(0, exception_type="时间异常;未打卡").standing is Standing.NO_PUNCH
    assert read(1).standing is Standing.COUNTS


def test_outside_is_an_arrival_and_the_rules_own_place_is_not_where_it_was() -> None:
    found = read(3)
    assert (found.direction, found.place.names) == (Direction.IN, ())
    assert read(3, groupid=11).place.names == ()
    assert read(1).place.names == ()  # 地点异常
    assert read(0, exception_type="wifi异常").place.names == ()
    assert read(0, exception_type="时间异常;非常用设备").place.names == (("group", "11"),)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("checkin_type", SENTINEL),
        ("checkin_type", ["上班打卡"]),
        ("exception_type", f"时间异常;{SENTINEL}"),
        ("exception_type", {"a": 1}),
    ],
)
def test_a_word_that_we_do_not_know_is_told_without_it(name: str, value: object) -> None:
    found = read(0, **{name: value})
    assert found.odd == (f"{name}: a word that is not known",)
    assert (found.direction is None) == (name == "checkin_type")
    assert SENTINEL not in repr(found)
    assert found.standing is Standing.COUNTS


def test_it_has_no_id_and_what_tells_two_apart_makes_one() -> None:
    one = read(0).vendor_id
    changes: list[dict[str, Any]] = [
        {"userid": "li4"},
        {"checkin_time": NINE_S + 1},
        {"checkin_type": "下班打卡"},
        {"groupid": 12},
        {"timeline_id": 2},
    ]
    others = {read(0, **one_change).vendor_id for one_change in changes}
    assert len(others | {one}) == len(changes) + 1
    assert read(0, exception_type="地点异常", lat=1, deviceid="x").vendor_id == one
    assert read(0, timeline_id=None).vendor_id == read(0, timeline_id=0).vendor_id


def test_a_check_in_that_a_machine_recorded_is_the_machines_word() -> None:
    swiped = records.swipe(wecom.swipe())
    found = parsed(wecom.check_in(0, deviceid=""), {swiped.key: swiped})
    assert (found.word, found.device) == (Kind.TERMINAL, "FAKE-SN-0001")
    assert found.place.names == (("terminal", "FAKE-SN-0001"), ("group", "11"))
    assert found.vendor_id == read(0).vendor_id
    assert json.loads(found.record)["device_sn"] == "FAKE-SN-0001"
    later = parsed(wecom.check_in(0, checkin_time=NINE_S + 1), {swiped.key: swiped})
    assert later.word is Kind.OWN


def test_a_swipe_alone_says_neither_in_nor_out() -> None:
    found = records.at_terminal(records.swipe(wecom.swipe()))
    assert (found.direction, found.word) == (None, Kind.TERMINAL)
    assert found.place.names == (("terminal", "FAKE-SN-0001"),)


@pytest.mark.parametrize("name", ["userid", "checkin_time"])
@pytest.mark.parametrize("value", [None, "", [], {"a": SENTINEL}, SENTINEL * 50])
def test_without_a_person_and_a_time_there_is_no_record(name: str, value: object) -> None:
    for row, reader in ((wecom.check_in(0), parsed), (wecom.swipe(), records.swipe)):
        with pytest.raises(FieldError) as caught:
            reader(row | {name: value})
        assert name in str(caught.value)
        assert SENTINEL not in str(caught.value)


@pytest.mark.parametrize("value", [NINE_S * 1000, -1, 2**62])
def test_a_time_that_is_not_in_seconds_is_refused(value: int) -> None:
    with pytest.raises(FieldError, match="seconds since 1970"):
        read(0, checkin_time=value)


def test_a_person_has_an_id_and_a_department_and_no_name() -> None:
    found, where = records.person({"userid": "zhang3", "department": "11", "name": SENTINEL})
    assert (found.vendor_id, found.job_number, where) == ("zhang3", None, 11)


# Approvals.


def approved(record_type: int, control: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return approval("2026001", "zhang3", record_type, form=[control], **changes)


def absence(row: dict[str, Any], why: ExemptionKind = ExemptionKind.LEAVE) -> Absence | None:
    return approving.absence(row, why)


@pytest.mark.parametrize("record_type", [1, 3, 4])
@pytest.mark.parametrize(
    ("kind", "begin_s", "end_s", "to_s"),
    [
        ("hour", MIDNIGHT_S + 9 * 3600, MIDNIGHT_S + 18 * 3600, MIDNIGHT_S + 18 * 3600),
        # Half days are named by where they begin: from the morning to the afternoon is a day.
        ("halfday", MIDNIGHT_S, MIDNIGHT_S + 12 * 3600, MIDNIGHT_S + DAY_S),
        ("halfday", MIDNIGHT_S, MIDNIGHT_S, MIDNIGHT_S + 12 * 3600),
        ("halfday", MIDNIGHT_S + 12 * 3600, MIDNIGHT_S + DAY_S, MIDNIGHT_S + DAY_S + 12 * 3600),
    ],
)
def test_an_approval_exempts_from_and_to_what_its_control_says(
    record_type: int, kind: str, begin_s: int, end_s: int, to_s: int
) -> None:
    row = approved(record_type, stretch(record_type, begin_s, end_s, kind))
    found = absence(row, ExemptionKind.BUSINESS_TRIP)
    assert found == Absence(
        vendor_id="2026001",
        person="zhang3",
        from_ms=begin_s * 1000,
        to_ms=to_s * 1000,
        why=ExemptionKind.BUSINESS_TRIP,
    )


@pytest.mark.parametrize("status", [1, 3, 4, 6, 7, 10, 99, None])
def test_what_was_not_agreed_to_exempts_nobody(status: int | None) -> None:
    control = stretch(1, MIDNIGHT_S, MIDNIGHT_S + 3600)
    assert absence(approved(1, control, sp_status=status)) is None
    if status != 6:
        assert approving.correction(approved(2, corrected(NINE_S, ""), sp_status=status)) is None


@pytest.mark.parametrize(
    "span",
    [
        {"type": "week", "new_begin": MIDNIGHT_S, "new_end": MIDNIGHT_S + 1},
        {"type": "hour", "new_begin": MIDNIGHT_S, "new_end": MIDNIGHT_S},
        {"type": "hour", "new_begin": MIDNIGHT_S * 1000, "new_end": MIDNIGHT_S * 1000 + 1},
        {"type": "hour", "new_begin": 1, "new_end": 2},
        {"type": "hour", "new_begin": MIDNIGHT_S},
        SENTINEL,
        None,
    ],
)
def test_a_stretch_that_cannot_be_is_told_without_its_form(span: object) -> None:
    control = {"control": "Attendance", "value": {"attendance": {"date_range": span, "type": 3}}}
    with pytest.raises(FieldError) as caught:
        absence(approved(3, control))
    assert SENTINEL not in str(caught.value)


@pytest.mark.parametrize(
    ("state", "direction"),
    [
        ("上班缺卡", Direction.IN),
        ("迟到", Direction.IN),
        ("下班缺卡", Direction.OUT),
        ("早退", Direction.OUT),
        ("缺卡", None),
        ("上班、下班缺卡", None),
    ],
)
def test_a_correction_is_a_punch_by_the_word_of_an_approval(
    state: str, direction: Direction | None
) -> None:
    found = approving.correction(approved(2, corrected(NINE_S, state), apply_time=NINE_S + DAY_S))
    assert found is not None
    assert (found.vendor_id, found.person) == ("approval-2026001", "zhang3")
    assert (found.direction, found.word) == (direction, Kind.CORRECTED_APPROVAL)
    assert (found.punched_ms, found.received_ms) == (NINE_S * 1000, (NINE_S + DAY_S) * 1000)
    assert found.standing is Standing.COUNTS
    assert SENTINEL not in repr(found)
    assert state not in found.record.decode()


def test_a_correction_that_was_taken_back_is_no_punch() -> None:
    found = approving.correction(approved(2, corrected(NINE_S, "迟到"), sp_status=6))
    assert found is not None
    assert found.standing is Standing.NO_PUNCH


NAMES = sorted({name for number in range(4) for name in wecom.check_in(number)})


@given(st.integers(0, 3), st.dictionaries(st.sampled_from(NAMES), JSON, max_size=6))
def test_whatever_stands_in_a_check_in_it_is_read_or_refused(
    number: int, changes: dict[str, Any]
) -> None:
    try:
        found = read(number, **changes)
    except FieldError:
        return
    assert json.loads(found.record)["userid"] == found.person
    assert 0 <= found.punched_ms < 2**53


FORMS = st.lists(
    st.fixed_dictionaries(
        {
            "control": st.sampled_from(["Vacation", "Attendance", "PunchCorrection", "Text"])
            | JSON,
            "value": st.fixed_dictionaries(
                {"vacation": JSON, "attendance": JSON, "punch_correction": JSON}
            )
            | JSON,
        }
    )
    | JSON,
    max_size=3,
)


@given(
    st.dictionaries(st.sampled_from(["applyer", "sp_no", "sp_status", "apply_time"]), JSON), FORMS
)
def test_whatever_stands_in_an_approval_it_is_read_or_refused(
    changes: dict[str, Any], form: list[Any]
) -> None:
    row = approval("1", "zhang3", 1, form=form) | changes
    for reader in (absence, approving.correction):
        try:
            found = reader(row)
        except FieldError:
            continue
        assert found is None or found.person


@given(JSON)
def test_what_is_no_record_is_refused(value: object) -> None:
    for reader in (parsed, records.swipe, records.person):
        with pytest.raises(FieldError):
            reader(value)
