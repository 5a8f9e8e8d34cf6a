"""From a file to what is stored: again changes nothing, nobody is dropped, nothing written is kept."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from tests.factories import sheets
from tests.factories.api_world import NET_KEY, WEEK, Counting
from tests.factories.sheets import SENTINEL, record
from tests.factories.vault import VAULT
from tests.fakes import database
from zaigang_collector import db
from zaigang_collector.assessment import service as assessing
from zaigang_collector.assessment.service import Judge
from zaigang_collector.attendance import known
from zaigang_collector.attendance import service as attendance
from zaigang_collector.attendance.model import Direction, Flag, Kind, NewClockIn, Outcome
from zaigang_collector.attendance.service import Filter
from zaigang_collector.connectors.sheets import rows, service, told
from zaigang_collector.connectors.sheets.cells import Line
from zaigang_collector.connectors.sheets.errors import SheetError
from zaigang_collector.connectors.sheets.headings import Field
from zaigang_collector.connectors.sheets.mapping import ColumnMap
from zaigang_collector.connectors.sheets.service import Ground, Options, Report
from zaigang_collector.directory import service as directory
from zaigang_collector.directory.datum import Datum
from zaigang_collector.directory.model import (
    Assignment,
    Employee,
    Language,
    Network,
    NetworkKind,
    Site,
    SiteKind,
)
from zaigang_collector.ledger import service as ledger
from zaigang_collector.matching.policy import default_policy
from zaigang_shared.network_hash import network_hash

NOW = 1_791_000_000_000  # 2026-10-03
RECORDS = [
    record("26-09-21 星期一", "2026-09-21 09:00", "2026-09-21 08:55"),
    record("26-09-21 星期一", "2026-09-21 18:00", "2026-09-21 18:05", "外勤"),
    record("26-09-22 星期二", "2026-09-22 09:00", "", "缺卡"),
    record("26-09-22 星期二", "2026-09-22 18:00", "2026-09-22 18:02", "管理员改为正常"),
    record("26-09-23 星期三", "2026-09-23 09:00", "2026-09-23 09:00", "补卡审批通过"),
    record(
        "26-09-23 星期三", "2026-09-23 18:00", "2026-09-23 17:00", "早退", 打卡设备="前台考勤机"
    ),
]


@dataclass
class World:
    """A database with two sites and two people, and files that come in."""

    engine: Engine
    randomness: Counting

    def take(self, data: bytes, options: Options | None = None, *, dry_run: bool = False) -> Report:
        with db.reading(self.engine) as conn:
            looked = service.look(conn, data, options or Options())
        ground = Ground(VAULT, NET_KEY, NOW, self.randomness)
        return service.take(self.engine, looked, ground, dry_run=dry_run)

    def stored(self) -> list[NewClockIn]:
        with db.reading(self.engine) as conn:
            found = attendance.list_page(conn, VAULT, Filter(), None, 1000)
        return [one.content for one in found]

    def entries(self) -> list[tuple[str, bytes | None]]:
        with db.reading(self.engine) as conn:
            found = ledger.entries(conn)
        return [(one.ref, one.body_hash) for one in found if one.type is ledger.EntryType.CLOCK_IN]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    database.all_tables()
    engine = database.in_file(tmp_path)
    made = World(engine, Counting())
    with db.writing(engine) as conn:
        for site_id, zone, where in (
            ("hq", "Asia/Shanghai", (31.2397, 121.4998)),
            ("berlin", "Europe/Berlin", (52.52, 13.405)),
        ):
            site = Site(site_id, f"{site_id} 客户", SiteKind.CLIENT, zone, *where, 200.0)
            directory.put_site(conn, site, NOW, made.randomness)
        network = Network(NetworkKind.GATEWAY, hash=network_hash(NET_KEY, bytes(range(6))))
        directory.add_site_network(conn, "berlin", network, NOW, made.randomness)
        for name in ("E001", "E002"):
            employee = Employee(name, name, "", Language.CHINESE, "Asia/Shanghai", WEEK)
            directory.put_employee(conn, VAULT, employee, NOW, made.randomness)
        assignment = Assignment("E001", "hq", dt.date(2026, 1, 1), None)
        directory.put_assignment(conn, VAULT, assignment, NOW, made.randomness)
    yield made
    engine.dispose()


def template(*lines: Sequence[Any], encoding: str = "utf-8") -> bytes:
    return sheets.delimited([sheets.TEMPLATE, *lines], encoding)


def punch(time: str, kind: str = "in", who: str = "E001", **more: str) -> list[str]:
    named = {"employee_no": who, "name": SENTINEL, "punch_time": time, "kind": kind}
    named |= {"source_note": SENTINEL, "address": SENTINEL} | more
    return [named.get(name, "") for name in sheets.TEMPLATE]


def times(stored: list[NewClockIn]) -> list[tuple[str, Direction, Kind]]:
    zone = dt.timezone(dt.timedelta(hours=8))
    return [
        (
            dt.datetime.fromtimestamp(one.punched_ms / 1000, zone).strftime("%d %H:%M"),
            one.direction,
            one.kind,
        )
        for one in stored
    ]


@pytest.mark.parametrize("header", [sheets.HEADER, sheets.OLD_HEADER])
@pytest.mark.parametrize("form", ["xlsx", "csv"])
def test_dingtalks_raw_records_need_no_question(
    world: World, header: Sequence[str], form: str
) -> None:
    export = sheets.raw_records(RECORDS, header)
    data = (
        sheets.xlsx(export) if form == "xlsx" else sheets.delimited(export["原始记录"], "gb18030")
    )
    with db.reading(world.engine) as conn:
        assert service.look(conn, data, Options()).agreed
    report = world.take(data)
    assert (report.added, report.no_punch, report.problems) == (5, 1, [])
    terminal = Kind.TERMINAL if header is sheets.HEADER else Kind.OWN
    assert times(world.stored()) == [
        ("21 08:55", Direction.IN, Kind.OWN),
        ("21 18:05", Direction.OUT, Kind.OWN),
        ("22 18:02", Direction.OUT, Kind.CORRECTED_MANAGER),
        ("23 09:00", Direction.IN, Kind.CORRECTED_APPROVAL),
        ("23 17:00", Direction.OUT, terminal),
    ]
    assert {(one.site_id, one.employee_id) for one in world.stored()} == {("hq", "E001")}


def test_the_same_file_and_an_overlapping_one_change_nothing(world: World) -> None:
    first = sheets.xlsx(sheets.raw_records(RECORDS[:4]))
    assert world.take(first).added == 3
    before, entries = world.stored(), world.entries()
    again = world.take(first)
    assert (again.added, again.new_versions, again.unchanged) == (0, 0, 3)
    assert (again.employees, world.stored(), world.entries()) == (set(), before, entries)
    more = world.take(sheets.xlsx(sheets.raw_records(RECORDS[2:] + RECORDS[:2])))
    assert (more.added, more.new_versions, more.unchanged) == (2, 0, 3)


def test_whoever_has_new_punches_waits_for_the_next_assessment(world: World) -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key()
    judge = Judge(default_policy(), key, world.randomness, VAULT)

    def due() -> list[str]:
        with db.reading(world.engine) as conn:
            return assessing.people_due(conn, judge, NOW - 30 * 86_400_000, NOW, NOW)

    assert due() == []
    report = world.take(sheets.xlsx(sheets.raw_records(RECORDS)))
    assert due() == sorted(report.employees) == ["E001"]


def test_a_late_edit_is_a_new_version_of_the_same_punch(world: World) -> None:
    world.take(sheets.xlsx(sheets.raw_records(RECORDS[:2])))
    edited = [RECORDS[0] | {"打卡结果": "管理员改为正常"}, RECORDS[1]]
    report = world.take(sheets.xlsx(sheets.raw_records(edited)))
    assert (report.added, report.new_versions, report.unchanged) == (0, 1, 1)
    assert [one.kind for one in world.stored()] == [Kind.CORRECTED_MANAGER, Kind.OWN]


def test_a_dry_run_tells_the_same_and_stores_nothing(world: World) -> None:
    data = sheets.xlsx(sheets.raw_records(RECORDS))
    tried = world.take(data, dry_run=True)
    assert (world.stored(), world.entries()) == ([], [])
    assert world.take(data) == tried


def test_what_people_wrote_is_nowhere(
    world: World, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    bad = record(SENTINEL, SENTINEL, SENTINEL, SENTINEL)
    nobody = record("26-09-21 星期一", "", "2026-09-21 08:55", 工号="E999")
    data = sheets.xlsx(sheets.raw_records([*RECORDS, bad, nobody]))
    lines = [punch("2026-09-21 08:55", device=SENTINEL), punch(SENTINEL), punch("", SENTINEL)]
    for one in (data, template(*lines)):
        with db.reading(world.engine) as conn:
            looked = service.look(conn, one, Options())
        report = service.take(world.engine, looked, Ground(VAULT, NET_KEY, NOW, world.randomness))
        assert report.problems
        said = told.done(report, dry_run=False) + told.problems(looked, report)
        assert SENTINEL not in "".join(line.zh + line.en for line in said)
    assert SENTINEL not in str(world.stored()) + caplog.text
    assert SENTINEL.encode() not in b"".join(one.vendor_record for one in world.stored())
    raw = b"".join(path.read_bytes() for path in tmp_path.glob("zaigang.db*"))
    assert SENTINEL.encode() not in raw
    assert len(world.stored()) == 6


def test_a_phones_name_is_kept_as_a_hash_and_a_machines_name_as_it_is(world: World) -> None:
    named = [
        punch("2026-09-21 08:55", device="小王的手机"),
        punch("2026-09-22 08:55", device="小王的手机"),
        punch("2026-09-23 08:55", device="手机"),
        punch("2026-09-24 08:55", device="前台考勤机"),
    ]
    world.take(template(*named))
    first, second, third, fourth = (one.source_device for one in world.stored())
    assert first == second
    assert first is not None
    assert first.startswith("h:")
    assert "小王" not in first
    assert (third, fourth) == (None, "前台考勤机")


def test_a_coordinate_is_converted_and_one_without_a_datum_is_refused(world: World) -> None:
    here = {"lat": "31.2377", "lng": "121.5043"}
    report = world.take(
        template(
            punch("2026-09-21 08:55", **here, coord_system="gcj02"),
            punch("2026-09-22 08:55", **here),
            punch("2026-09-23 08:55", lat="31.2"),
            punch("2026-09-24 08:55", lat="91", lng="1", coord_system="WGS-84"),
            punch("2026-09-25 08:55", **here, coord_system="火星"),
        )
    )
    assert [(one.row, one.column) for one in report.problems] == [
        (3, "coord_system"),
        (4, "lng"),
        (5, "lat"),
        (6, "coord_system"),
    ]
    (stored,) = world.stored()
    assert stored.point is not None
    assert stored.point.latitude == pytest.approx(31.2397, abs=1e-4)
    assert (stored.point.datum, stored.site_id) == ("GCJ-02", "hq")
    assert b"31.2377" in stored.vendor_record
    told_once = world.take(template(punch("2026-09-26 08:55", **here)), Options(datum=Datum.GCJ02))
    assert told_once.added == 1


def test_an_access_point_tells_the_site_and_is_kept_as_a_hash(world: World) -> None:
    bssid = "00:01:02:03:04:05"
    report = world.take(
        template(
            punch("2026-09-21 08:55", wifi_bssid=bssid, who="E002"),
            punch("2026-09-22 08:55", wifi_bssid="客厅WiFi", who="E002"),
        )
    )
    assert [(one.row, one.column) for one in report.problems] == [(3, "wifi_bssid")]
    (stored,) = world.stored()
    assert stored.site_id == "berlin"
    assert bssid.encode() not in stored.vendor_record
    assert network_hash(NET_KEY, bytes(range(6))).hex().encode() in stored.vendor_record


def test_a_time_is_the_sites_or_in_the_zone_that_is_told(world: World) -> None:
    rows_ = [
        ["工号", "驻场地点", "打卡时间", "打卡类型"],
        ["E001", "berlin", "2026-09-21 09:00", "上班"],
    ]
    world.take(sheets.delimited(rows_), Options(source="a"))
    world.take(sheets.delimited(rows_), Options(source="b", zone="Asia/Shanghai"))
    rows_[1][2] = "2026-09-21T09:00+01:00"
    world.take(sheets.delimited(rows_), Options(source="c", zone="Asia/Shanghai"))
    hours = {one.source: one.punched_ms // 3_600_000 % 24 for one in world.stored()}
    assert hours == {"a": 7, "b": 1, "c": 8}


def test_every_row_that_is_not_taken_is_told_with_its_row(world: World) -> None:
    report = world.take(
        template(
            punch("2026-09-21 08:55"),
            punch("下午三点"),
            punch("2026-09-21 18:00", "sideways"),
            punch("2026-09-21 18:00", who=""),
            punch("1999-09-21 18:00"),
            punch("2027-09-21 18:00"),
            punch("=NOW()"),
            punch("2026-09-21 09:00", who="E002"),
            punch("2026-09-21 09:00", who="0012"),
            punch("2026-09-21 18:00", who="0012"),
            punch("", who=""),
        )
    )
    assert (report.added, report.totals, report.unknown) == (1, 1, {"0012": 2})
    told_rows = [(one.row, one.column, one.said.zh[:8]) for one in report.problems]
    assert told_rows == [
        (3, "punch_time", "时间应写成 20"),
        (4, "kind", "应填 in、ou"),
        (5, "employee_no", "应填工号，最长 "),
        (6, "punch_time", "打卡时间应在 2"),
        (7, "punch_time", "打卡时间应在 2"),
        (8, "punch_time", "这一格是公式，不"),
        (9, "", "对不上任何驻场地"),
    ]
    assert 1 + 1 + 2 + len(told_rows) == 11


def test_the_same_row_twice_is_one_punch_and_with_other_content_it_is_told(world: World) -> None:
    one = punch("2026-09-21 08:55")
    other = punch("2026-09-21 08:55", lat="31.2397", lng="121.4998", coord_system="WGS-84")
    report = world.take(template(one, one, other))
    assert (report.added, report.unchanged) == (1, 1)
    assert [problem.row for problem in report.problems] == [4]


def test_a_discounted_punch_is_kept_and_part_of_no_interval(world: World) -> None:
    records = [RECORDS[0] | {"打卡结果": "打卡无效：此记录已被管理员更新"}, RECORDS[1]]
    world.take(sheets.xlsx(sheets.raw_records(records)))
    assert world.stored()[0].flags == (Flag.DISCOUNTED,)
    assert not world.stored()[0].counts


def test_a_day_of_one_planned_time_is_told_and_not_guessed(world: World) -> None:
    report = world.take(sheets.xlsx(sheets.raw_records(RECORDS[:1])))
    assert report.added == 0
    assert [(one.row, one.said.zh[:9]) for one in report.problems] == [(4, "看不出是上班还是下")]


def test_a_machines_log_gives_first_and_last_once_that_is_told(world: World) -> None:
    log = [["考勤号码", "姓名", "部门", "刷卡时间"]]
    log += [
        ["E001", SENTINEL, "x", f"2026-09-2{day} {hour}:00"]
        for day in (1, 2)
        for hour in (8, 12, 18)
    ]
    with pytest.raises(SheetError, match="first-last"):
        world.take(sheets.delimited(log))
    report = world.take(sheets.delimited(log), Options(first_last=True))
    assert (report.added, report.between) == (2, 4)
    assert [one.direction for one in world.stored()] == [Direction.IN, Direction.OUT]


def test_a_mapping_is_remembered_for_its_source_and_form(world: World) -> None:
    rows_ = [
        ["编码", "时刻", "方向", "部门", "姓名", "打卡设备"],
        ["E001", "2026-09-21 08:55", "进", "", "", ""],
    ]
    data = sheets.delimited(rows_)
    told_ = Options("门禁", columns=("employee=编码", "punched=时刻"), site="berlin")
    with db.reading(world.engine) as conn:
        assert not service.look(conn, data, told_).agreed
    world.take(data, told_)
    with db.reading(world.engine) as conn:
        again = service.look(conn, data, Options("门禁"))
        assert again.agreed
        assert again.given.columns[Field.PUNCHED] == "时刻"
        assert again.given.site == "berlin"
        reordered = sheets.delimited([list(reversed(row)) for row in rows_])
        assert service.look(conn, reordered, Options("门禁")).given == again.given
        with pytest.raises(SheetError):
            service.look(conn, data, Options("another"))
    assert world.take(data, Options("门禁")).unchanged == 1


def test_an_address_or_a_machine_tells_the_site_where_somebody_has_said_which(world: World) -> None:
    options = Options(addresses=(("前台", "berlin"),), terminals=(("东门考勤机", "berlin"),))
    report = world.take(
        template(
            punch("2026-09-21 08:55", address="前台"),
            punch("2026-09-22 08:55", device="东门考勤机"),
            punch("2026-09-23 08:55"),
        ),
        options,
    )
    assert report.added == 3
    assert [one.site_id for one in world.stored()] == ["berlin", "berlin", "hq"]
    with pytest.raises(SheetError, match="nowhere"):
        world.take(template(punch("2026-09-21 08:55")), Options(site="nowhere"))


def test_recording_many_is_what_recording_each_does(world: World) -> None:
    world.take(template(punch("2026-09-21 08:55"), punch("2026-09-21 18:05", "out")))
    many, entries = world.stored(), world.entries()
    with db.writing(world.engine) as conn:
        for one in many:
            found = attendance.record(conn, VAULT, one, NOW, world.randomness)
            assert found.outcome is Outcome.UNCHANGED
        assert known.outcomes(conn, service.SOURCE, many) == [Outcome.UNCHANGED] * 2
    assert world.entries() == entries
    assert [digest for _, digest in entries] == [one.record_hash() for one in many]


COLUMNS = {field: field.value for field in Field}
CELLS = st.none() | st.text(max_size=12) | st.floats() | st.integers() | st.datetimes()
GOOD = st.sampled_from(
    ["E001", "2026-09-21 08:55", "正常", "上班", "31.2", "GCJ-02", "考勤机", "26-09-21"]
)


@given(
    st.lists(st.dictionaries(st.sampled_from(list(COLUMNS)), CELLS | GOOD, max_size=9), max_size=5)
)
def test_every_row_is_a_claim_or_is_counted_whatever_stands_in_it(
    filled: list[dict[Field, Any]],
) -> None:
    at = {field: index for index, field in enumerate(COLUMNS)}
    lines = [
        Line(number, tuple(one.get(field) for field in COLUMNS))
        for number, one in enumerate(filled, 2)
    ]
    for first_last in (False, True):
        found = rows.read(lines, at, ColumnMap(COLUMNS, first_last=first_last), NET_KEY)
        counted = {one.row for one in found.problems} | {one.row for one in found.claims}
        assert len(counted) + found.no_punch + found.totals + found.between == len(lines)
        assert not {one.row for one in found.problems} & {one.row for one in found.claims}
