"""Feishu's punches, days and approvals: what is read of them, what is kept, and what never gets in."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import feishu
from tests.fakes.vendor import SENTINEL, Row
from zaigang_collector.attendance.model import Direction, ExemptionKind, Kind
from zaigang_collector.connectors.contract import Absence, Punch, Standing
from zaigang_collector.connectors.feishu import approving, records, results
from zaigang_collector.connectors.feishu.records import Reading
from zaigang_collector.connectors.feishu.results import Results
from zaigang_collector.connectors.fields import FieldError
from zaigang_shared.network_hash import network_hash

NET_KEY = bytes(range(32))
SHANGHAI = ZoneInfo("Asia/Shanghai")
READING = Reading(NET_KEY, SHANGHAI)
MONDAY = dt.date(2026, 9, 21)
MIDNIGHT = 1_789_920_000_000  # with which that Monday begins in Shanghai
HOUR_MS = 3_600_000
WHO = "abd754f7"
# Ids of the three documented punches: Wi-Fi, 外勤, by a manager.
WIFI, FIELD, MANAGER = (f"700000000000000000{number}" for number in (1, 2, 3))
NOTHING = Results()


def of_days(*rows: Row) -> Results:
    return results.gathered([results.read(row) for row in rows])


DAY = of_days(feishu.result(WHO, MONDAY, WIFI, MANAGER))


def read(number: int, made: Results = DAY, **changes: Any) -> Punch:
    return records.punch(feishu.flow(number, **changes), made, READING)


# Punches.


def test_a_punch_over_wifi_reads_field_by_field() -> None:
    found = read(0, location_name="示例大厦")
    assert (found.vendor_id, found.person) == (WIFI, WHO)
    assert (found.direction, found.word) == (Direction.IN, Kind.OWN)
    assert found.standing is Standing.COUNTS
    assert (found.punched_ms, found.received_ms) == (1_789_952_191_000, None)
    assert found.place.point is None
    assert found.place.network == network_hash(NET_KEY, bytes.fromhex("021122334455"))
    assert found.place.names == (("address", "示例大厦"), ("group", "6737202939523236110"))
    assert found.device == "99e0609ee053448596502691a81428654d7ded64"
    assert (found.flags, found.odd) == ((), ())


def test_all_that_is_kept_of_a_punch() -> None:
    kept = json.loads(read(0).record)
    assert len(kept.pop("ssid_hash")) == len(kept.pop("bssid_hash")) == 16
    assert kept == {
        "record_id": WIFI,
        "user_id": WHO,
        "creator_id": WHO,
        "check_time": 1_789_952_191,
        "type": 0,
        "is_field": False,
        "is_wifi": True,
        "device_id": "99e0609ee053448596502691a81428654d7ded64",
        "counted": {
            "counts_as": "in",
            "day": 20260921,
            "group_id": "6737202939523236110",
            "result": "Normal",
            "result_supplement": "None",
        },
    }


@pytest.mark.parametrize(
    ("made", "word", "standing"),
    [
        (0, Kind.OWN, Standing.COUNTS),
        (1, Kind.CORRECTED_MANAGER, Standing.COUNTS),
        (2, Kind.CORRECTED_APPROVAL, Standing.COUNTS),
        (3, Kind.UNKNOWN, Standing.NO_PUNCH),
        (4, Kind.UNKNOWN, Standing.NO_PUNCH),
        (5, Kind.TERMINAL, Standing.COUNTS),
        (6, Kind.OWN, Standing.COUNTS),
        (7, Kind.UNKNOWN, Standing.COUNTS),
        (9, Kind.UNKNOWN, Standing.COUNTS),
        (None, Kind.UNKNOWN, Standing.COUNTS),
    ],
)
def test_whose_word_a_punch_is(made: int | None, word: Kind, standing: Standing) -> None:
    found = read(0, type=made)
    assert (found.word, found.standing) == (word, standing)
    assert found.odd == (("type 9",) if made == 9 else ())


@pytest.mark.parametrize("made", [0, 6])
def test_a_punch_that_somebody_else_made_is_not_ones_own_word(made: int) -> None:
    found = read(0, type=made, creator_id="4bb6c1aa")
    assert found.word is Kind.UNKNOWN
    assert found.odd == (f"creator_id: somebody else's, with type {made}",)
    assert read(0, type=made, creator_id="").word is Kind.OWN
    assert read(0, type=5, creator_id="4bb6c1aa").word is Kind.TERMINAL


def test_a_punch_that_the_days_result_does_not_name_is_not_counted() -> None:
    found = read(1)
    assert (found.direction, found.standing) == (None, Standing.DISCOUNTED)


@pytest.mark.parametrize(
    "made",
    [
        NOTHING,
        of_days(feishu.result(WHO, MONDAY - dt.timedelta(days=1), "a", "b")),
        of_days(feishu.result("somebody else", MONDAY, "a", "b")),
        of_days(feishu.result(WHO, MONDAY)),  # nothing counts on that day
        of_days(feishu.result(WHO, MONDAY, "0", "0")),
    ],
)
def test_where_nothing_is_known_of_the_day_a_punch_has_no_direction_and_is_not_discounted(
    made: Results,
) -> None:
    afternoon = str((MIDNIGHT + 13 * HOUR_MS) // 1000)
    found = read(0, made, check_time=afternoon)
    assert (found.direction, found.standing) == (None, Standing.COUNTS)


def test_a_shift_ends_on_the_next_day_and_its_result_is_of_its_own() -> None:
    at_six, at_ten, at_eleven = (str((MIDNIGHT + hour * HOUR_MS) // 1000) for hour in (30, 34, 35))
    night = of_days(feishu.result(WHO, MONDAY, "came", WIFI, check_out_shift_time=at_six))
    assert read(0, night, check_time=at_six).direction is Direction.OUT
    for at, standing in [
        (at_six, Standing.DISCOUNTED),
        (at_ten, Standing.DISCOUNTED),
        (at_eleven, Standing.COUNTS),  # of a day of which nothing is known
    ]:
        assert read(0, night, check_time=at, record_id="5").standing is standing
    untold = of_days(feishu.result(WHO, MONDAY, "came", "went", check_out_shift_time=""))
    assert read(0, untold, check_time=at_six).standing is Standing.COUNTS


def test_a_place_that_is_told_in_words_is_not_the_assigned_one() -> None:
    assert read(0, location_name="示例大厦").place.in_words
    assert read(1, location_name="").place.in_words  # 外勤
    assert not read(2).place.in_words  # a correction says no place


def test_outside_of_the_groups_places_the_group_says_nothing() -> None:
    made = of_days(feishu.result(WHO, MONDAY, FIELD))
    assert read(1, made, location_name="示例街90号").place.names == (("address", "示例街90号"),)


def test_a_machine_is_known_by_its_id_and_a_phone_is_none() -> None:
    assert read(0, type=5, device_id="SN-1", location_name="").place.names[0] == (
        "terminal",
        "SN-1",
    )
    assert read(0, type=0, device_id="SN-1", location_name="").place.names[0][0] == "group"


def test_numbers_as_strings_and_ids_as_numbers_are_the_same_record() -> None:
    row = feishu.flow(0)
    other = row | {"check_time": int(row["check_time"]), "type": "0", "record_id": int(WIFI)}
    assert records.punch(other, DAY, READING) == records.punch(row, DAY, READING)


@pytest.mark.parametrize(
    "changes",
    [
        {"record_id": None},
        {"record_id": SENTINEL + "\n"},
        {"user_id": ["x"]},
        {"check_time": SENTINEL},
        {"check_time": ""},
        {"check_time": 1.5},
    ],
)
def test_without_id_person_or_time_there_is_no_record(changes: dict[str, Any]) -> None:
    with pytest.raises(FieldError) as caught:
        read(0, **changes)
    assert SENTINEL not in str(caught.value)


def test_a_field_that_cannot_be_read_is_told_and_absent() -> None:
    found = read(0, type=SENTINEL, creator_id={"a": 1}, device_id=7.5, bssid=5, location_name=[1])
    assert found.word is Kind.UNKNOWN
    assert found.device is None
    assert [one.split(":")[0] for one in found.odd] == ["type", "creator_id", "device_id"]
    assert SENTINEL not in repr(found)


def test_a_time_that_cannot_be_is_no_error_here() -> None:
    for check_time in ("0", "9" * 18, "-5"):
        assert read(0, check_time=check_time, record_id="5").standing is Standing.COUNTS


@pytest.mark.parametrize("number", [0, 1, 2])
def test_no_text_gets_into_what_is_kept(number: int) -> None:
    found = read(number)
    assert SENTINEL not in found.record.decode()
    assert SENTINEL not in repr(found.odd)
    assert b"02:11:22:33:44:55" not in found.record


# People.


def test_a_person_is_an_id_and_a_number() -> None:
    found = records.person(feishu.user("abd754f7", " E1001 "))
    assert (found.vendor_id, found.job_number) == ("abd754f7", "E1001")
    assert records.person(feishu.user("a", "")).job_number is None
    # Without the permission for it user_id is left out.
    with pytest.raises(FieldError, match="user_id"):
        records.person({"open_id": "ou_1", "employee_no": "E1001"})


# Days.


def test_overtime_that_goes_on_from_a_shift_names_the_same_punches_and_the_shift_decides() -> None:
    row = feishu.result(WHO, MONDAY, WIFI, MANAGER, check_in_result="Late")
    row["records"].insert(0, row["records"][0] | {"task_shift_type": 1, "check_in_result": "Todo"})
    assert of_days(row).counted[WIFI].result == "Late"


def test_the_order_of_rows_changes_nothing() -> None:
    rows = [
        feishu.result(WHO, MONDAY, "a", "b"),
        feishu.result(WHO, MONDAY - dt.timedelta(days=1), "c", "b"),
        feishu.result("other", MONDAY, "d", "e"),
    ]
    assert of_days(*rows) == of_days(*reversed(rows)) == of_days(*rows, *rows)


def test_a_sentence_where_a_word_belongs_is_left_out() -> None:
    made = of_days(feishu.result(WHO, MONDAY, WIFI, check_in_result=SENTINEL))
    assert made.counted[WIFI].result is None


def test_without_a_group_there_is_none() -> None:
    row = feishu.result(WHO, MONDAY, WIFI) | {"group_id": "1"}
    assert of_days(row).counted[WIFI].group_id is None


# Approvals.


def told(
    kind: str = "leaves",
    begin: str = "2026-09-21 09:00:00",
    end: str = "2026-09-21 18:00:00",
    **changes: Any,
) -> list[tuple[float, float]]:
    """From and to, in hours from Monday's midnight."""
    found = absences(feishu.approved(WHO, MONDAY, kind, begin, end, **changes))
    return [((one.from_ms - MIDNIGHT) / HOUR_MS, (one.to_ms - MIDNIGHT) / HOUR_MS) for one in found]


def absences(row: object) -> list[Absence]:
    return approving.absences(row, ExemptionKind.CLIENT_MEETING, SHANGHAI)


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("leaves", ExemptionKind.LEAVE),
        ("trips", ExemptionKind.BUSINESS_TRIP),
        ("outs", ExemptionKind.CLIENT_MEETING),  # as the settings say
    ],
)
def test_leave_trips_and_outings_exempt(kind: str, why: ExemptionKind) -> None:
    row = feishu.approved(WHO, MONDAY, kind, "2026-09-21 09:00:00", "2026-09-22 18:00:00")
    (found,) = absences(row)
    assert (found.person, found.why) == (WHO, why)
    assert found.from_ms == MIDNIGHT + 9 * HOUR_MS
    assert found.to_ms == MIDNIGHT + 42 * HOUR_MS
    assert SENTINEL not in repr(found)


def test_overtime_exempts_from_nothing() -> None:
    assert told("overtime_works") == []


def test_times_are_in_the_zone_that_the_row_names() -> None:
    assert told() == [(9, 18)]
    assert told(time_zone="") == [(17, 26)]  # UTC, as of people who left
    assert told(time_zone="Asia/Tokyo") == [(8, 17)]
    assert told(time_zone=None) == [(9, 18)]  # not told: as the settings say


@pytest.mark.parametrize(
    ("begin", "end", "stretches"),
    [
        # All of the 21st, however it is written.
        ("2026-09-21 00:00:00", "2026-09-21 00:00:00", [(0, 24)]),
        ("2026-09-21 00:00:00", "2026-09-21 23:59:59", [(0, 24)]),
        ("2026-09-21 00:00:00", "2026-09-22 00:00:00", [(0, 24)]),
        # From the 20th to the 21st, by days: the row of the 21st says that it is one of them.
        ("2026-09-20 00:00:00", "2026-09-21 00:00:00", [(-24, 0), (0, 24)]),
        ("2026-09-18 12:00:00", "2026-09-21 12:00:00", [(-60, 12)]),
    ],
)
def test_leave_by_days_covers_its_last_day(
    begin: str, end: str, stretches: list[tuple[float, float]]
) -> None:
    assert told("leaves", begin, end) == stretches


def test_the_same_stretch_has_the_same_id_on_each_of_its_days() -> None:
    span = "2026-09-21 09:00:00", "2026-09-22 18:00:00"
    rows = [feishu.approved(WHO, day, "trips", *span) for day in (MONDAY, dt.date(2026, 9, 22))]
    (first,), (second,) = (absences(row) for row in rows)
    assert first == second
    (leave,) = absences(feishu.approved(WHO, MONDAY, "leaves", *span))
    assert leave.vendor_id != first.vendor_id


@pytest.mark.parametrize(
    "changes",
    [
        {"begin": "2026-09-22 09:00:00"},
        {"begin": "2026-09-21 18:00:00"},
        {"begin": "1970-01-01 00:00:00"},
        {"end": "9999-12-31 23:59:59"},
        {"begin": SENTINEL},
        {"end": SENTINEL},
        {"date": SENTINEL},
        {"date": "20269921"},
        {"time_zone": SENTINEL},
        {"time_zone": "../../etc/passwd"},
        {"time_zone": 8},
        {"user_id": ""},
        {"leaves": SENTINEL},
        {"trips": [SENTINEL]},
    ],
)
def test_an_approval_that_cannot_be_read_says_which_field_and_no_more(
    changes: dict[str, Any],
) -> None:
    with pytest.raises(FieldError) as caught:
        told(**changes)
    assert SENTINEL not in str(caught.value)
    assert "expected" in str(caught.value)


# Whatever comes.


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=30)
    | st.sampled_from(["2026-09-21 09:00:00", "0001-01-01 00:00:00", "9999-12-31 23:59:59", "UTC"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=5,
)


def changed(row: Row) -> st.SearchStrategy[object]:
    """`row` with some fields replaced by anything; or anything at all."""
    some = st.dictionaries(st.sampled_from(sorted(row)), VALUES, max_size=4)
    return some.map(lambda changes: row | changes) | VALUES


@given(changed(feishu.flow(0)))
def test_any_punch_is_a_value_or_our_own_error(row: object) -> None:
    try:
        found = records.punch(row, DAY, READING)
    except FieldError:
        return
    json.loads(found.record)
    assert found.place.point is None


@given(changed(feishu.result(WHO, MONDAY, "a", "b")), VALUES)
def test_any_day_is_a_value_or_our_own_error(row: object, record: object) -> None:
    for one in (row, feishu.result(WHO, MONDAY) | {"records": [record]}):
        with contextlib.suppress(FieldError):
            results.gathered([results.read(one)])


LEAVE = feishu.approved(WHO, MONDAY, "leaves", "2026-09-21 09:00:00", "2026-09-21 18:00:00")


@given(changed(LEAVE), changed(LEAVE["leaves"][0]))
def test_any_approval_is_stretches_or_our_own_error(row: object, one: object) -> None:
    for each in (row, LEAVE | {"leaves": [one]}):
        try:
            found = absences(each)
        except FieldError:
            continue
        assert all(stretch.from_ms < stretch.to_ms for stretch in found)
