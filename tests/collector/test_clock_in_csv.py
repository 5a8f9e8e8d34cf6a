"""Clock-ins from spreadsheets: errors are line-precise, and nothing is half imported."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection

from tests.factories.vault import VAULT
from zaigang_collector import db
from zaigang_collector.attendance import service
from zaigang_collector.attendance.csv_import import ImportResult, import_clock_ins
from zaigang_collector.attendance.model import Direction, Flag, Kind
from zaigang_collector.attendance.service import Filter
from zaigang_collector.directory import service as directory
from zaigang_collector.directory.model import Employee, Language, Site, SiteKind
from zaigang_collector.errors import CsvError

NOW = 1_790_000_000_000
HEADER = "employee,site,direction,punched_at,source_id,latitude,longitude,datum,accuracy_m,flags\n"


def some_bytes(size: int) -> bytes:
    return bytes(size)


def prepared() -> Connection:
    engine = db.open_engine("sqlite://")
    conn = engine.connect()
    db.metadata.create_all(conn)
    shanghai = "Asia/Shanghai"
    employee = Employee("E001", "王晓梅", "", Language.CHINESE, shanghai, ())
    directory.put_employee(conn, VAULT, employee, NOW, some_bytes)
    for site_id, zone in (("hq", shanghai), ("berlin", "Europe/Berlin")):
        site = Site(site_id, site_id, SiteKind.CLIENT, zone)
        directory.put_site(conn, site, NOW, some_bytes)
    return conn


@pytest.fixture
def conn() -> Iterator[Connection]:
    connection = prepared()
    yield connection
    connection.close()
    connection.engine.dispose()


def load(conn: Connection, text: str | bytes) -> ImportResult:
    return import_clock_ins(conn, VAULT, text, NOW, some_bytes)


def problems(conn: Connection, text: str) -> list[tuple[int, str]]:
    with pytest.raises(CsvError) as caught:
        load(conn, text)
    assert service.list_page(conn, VAULT, Filter(), None, 10) == ()
    return [(problem.line, problem.column) for problem in caught.value.problems]


def test_a_line_becomes_a_clock_in(conn: Connection) -> None:
    line = "E001,hq,in,2026-09-21 08:55:10,77,31.2284737,121.4782241,GCJ-02,15,mock_location\n"
    assert load(conn, HEADER + line).added == 1
    (stored,) = service.list_page(conn, VAULT, Filter(), None, 10)
    new = stored.content
    assert (new.source, new.source_id) == ("csv", "77")
    assert new.punched_ms == 1_789_952_110_000  # 00:55:10 UTC
    assert (new.direction, new.kind, new.flags) == (Direction.IN, Kind.OWN, (Flag.MOCK_LOCATION,))
    assert new.point is not None
    assert new.point.latitude == pytest.approx(31.230416, abs=1e-6)
    assert new.point.longitude == pytest.approx(121.473701, abs=1e-6)


def test_chinese_headers_and_words_in_gbk_are_read(conn: Connection) -> None:
    text = "工号,驻场地点,打卡类型,打卡时间,打卡方式\nE001,hq,下班,2026/09/21 18:05,审批补卡\n"
    assert load(conn, text.encode("gb18030")).added == 1
    (stored,) = service.list_page(conn, VAULT, Filter(), None, 10)
    assert stored.content.direction is Direction.OUT
    assert stored.content.kind is Kind.CORRECTED_APPROVAL


def test_a_time_without_offset_is_the_sites_own(conn: Connection) -> None:
    load(conn, HEADER + "E001,berlin,in,2026-09-21 08:55,,,,,,\n")
    (stored,) = service.list_page(conn, VAULT, Filter(), None, 10)
    assert stored.content.punched_ms == 1_789_973_700_000  # 06:55 UTC in summer time


def test_a_time_with_offset_is_taken_as_it_says(conn: Connection) -> None:
    load(conn, HEADER + "E001,berlin,in,2026-09-21T08:55:00+08:00,,,,,,\n")
    (stored,) = service.list_page(conn, VAULT, Filter(), None, 10)
    assert stored.content.punched_ms == 1_789_952_100_000


def test_the_same_file_again_changes_nothing_also_without_ids(conn: Connection) -> None:
    text = HEADER + "E001,hq,in,2026-09-21 08:55,,,,,,\nE001,hq,out,2026-09-21 18:00,,,,,,\n"
    assert load(conn, text).added == 2
    again = load(conn, text)
    assert (again.added, again.new_versions, again.unchanged) == (0, 0, 2)


def test_a_corrected_line_is_a_new_version(conn: Connection) -> None:
    load(conn, HEADER + "E001,hq,in,2026-09-21 08:55,9,,,,,\n")
    assert load(conn, HEADER + "E001,hq,in,2026-09-21 08:40,9,,,,,\n").new_versions == 1


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("nobody,hq,in,2026-09-21 08:55,,,,,,", "employee"),
        (",hq,in,2026-09-21 08:55,,,,,,", "employee"),
        ("E001,nowhere,in,2026-09-21 08:55,,,,,,", "site"),
        ("E001,hq,sideways,2026-09-21 08:55,,,,,,", "direction"),
        ("E001,hq,in,yesterday,,,,,,", "punched_at"),
        ("E001,hq,in,2026-02-30 08:55,,,,,,", "punched_at"),
        ("E001,hq,in,1960-01-01 08:55,,,,,,", "punched_at"),
        ("E001,hq,in,1970-01-01 08:55,,,,,,", "punched_at"),
        ("E001,hq,in,2026-09-22 08:55,,,,,,", "punched_at"),
        ("E001,hq,in,2026-09-21 08:55,,31.2,121.5,,15,", "datum"),
        ("E001,hq,in,2026-09-21 08:55,,31.2,121.5,mars,15,", "datum"),
        ("E001,hq,in,2026-09-21 08:55,,31.2,,WGS-84,15,", "longitude"),
        ("E001,hq,in,2026-09-21 08:55,,121.5,31.2,WGS-84,15,", "latitude"),
        ("E001,hq,in,2026-09-21 08:55,,nan,121.5,WGS-84,15,", "latitude"),
        ("E001,hq,in,2026-09-21 08:55,,31.2,121.5,WGS-84,-1,", "accuracy_m"),
        ("E001,hq,in,2026-09-21 08:55,,,,,,suspicious", "flags"),
        ("E001,hq,in", ""),
    ],
)
def test_a_wrong_field_is_named_by_line_and_column(
    conn: Connection, line: str, column: str
) -> None:
    good = "E001,hq,in,2026-09-20 08:55,,,,,,\n"
    assert problems(conn, HEADER + good + line + "\n") == [(3, column)]


def test_all_problems_of_a_file_are_told_at_once(conn: Connection) -> None:
    text = HEADER + "x,hq,in,2026-09-21 08:55,,,,,,\nE001,hq,up,never,,,,,,\n"
    assert problems(conn, text) == [(2, "employee"), (3, "direction"), (3, "punched_at")]


def test_the_same_punch_twice_in_a_file_is_a_mistake(conn: Connection) -> None:
    line = "E001,hq,in,2026-09-21 08:55,5,,,,,\n"
    assert problems(conn, HEADER + line + line) == [(3, "source_id")]


@given(st.text(max_size=300) | st.binary(max_size=300))
def test_any_file_is_imported_or_refused_with_our_error(content: str | bytes) -> None:
    connection = prepared()
    try:
        text = HEADER + content if isinstance(content, str) else HEADER.encode() + content
        load(connection, text)
    except CsvError:
        pass
    finally:
        connection.close()
        connection.engine.dispose()
