"""Imports: all or nothing, every problem at once, both languages."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection

from tests.factories.directory import NOW_MS, stored_employee, stored_site
from tests.factories.vault import VAULT
from tests.fakes import database
from tests.fakes.randomness import Repeatable
from zaigang_collector.directory import csv_import, service
from zaigang_collector.directory.csv_import import ImportResult
from zaigang_collector.directory.mac import parse_mac
from zaigang_collector.directory.model import Assignment, Language, SiteKind
from zaigang_collector.errors import CsvError, LineProblem
from zaigang_collector.ledger import service as ledger
from zaigang_shared.network_hash import network_hash

NET_KEY = bytes(range(32))
Import = Callable[..., ImportResult]


@pytest.fixture
def conn() -> Iterator[Connection]:
    with database.in_memory() as connection:
        yield connection


def run(what: Import, conn: Connection, data: bytes | str) -> ImportResult:
    return what(conn, VAULT, data, NOW_MS, NET_KEY, Repeatable())


def refused(what: Import, conn: Connection, data: bytes | str) -> tuple[LineProblem, ...]:
    before = ledger.entries(conn)
    with pytest.raises(CsvError) as caught:
        run(what, conn, data)
    assert ledger.entries(conn) == before, "something was imported"
    return caught.value.problems


def where(problems: tuple[LineProblem, ...]) -> list[tuple[int, str]]:
    return [(problem.line, problem.column) for problem in problems]


SITES = """\
id,name,kind,time_zone,latitude,longitude,datum,radius_m,indoors,air_conditioned
hq,Head office,branch,Asia/Shanghai,31.230416,121.473701,WGS-84,150,yes,yes
pier,码头,,Asia/Shanghai,31.2284737,121.4782241,GCJ-02,300,no,
paris,Paris,client,Europe/Paris,,,,,,
"""


def test_sites_are_imported_and_their_coordinates_become_wgs84(conn: Connection) -> None:
    assert run(csv_import.import_sites, conn, SITES) == ImportResult(3, 0, 0)
    hq, paris, pier = service.list_sites(conn)
    assert (hq.kind, hq.radius_m, hq.indoors, hq.air_conditioned) == (
        SiteKind.BRANCH, 150.0, True, True,
    )  # fmt: skip
    assert (pier.kind, pier.indoors, pier.air_conditioned) == (SiteKind.CLIENT, False, False)
    assert (pier.latitude, pier.longitude) == pytest.approx((31.230416, 121.473701), abs=2e-7)
    assert paris.latitude is paris.radius_m is None


def test_the_same_file_again_changes_nothing(conn: Connection) -> None:
    run(csv_import.import_sites, conn, SITES)
    assert run(csv_import.import_sites, conn, SITES) == ImportResult(0, 0, 3)
    wider = SITES.replace("300", "400")
    assert run(csv_import.import_sites, conn, wider) == ImportResult(0, 1, 2)


def test_a_chinese_file_from_excel_is_read(conn: Connection) -> None:
    text = (
        "地点编号,名称,类型,时区,纬度,经度,坐标系,半径(米),室内,空调\r\n"
        "sh,上海,客户,Asia/Shanghai,31.2284737,121.4782241,GCJ-02,200,是,否\r\n"
    )
    assert run(csv_import.import_sites, conn, text.encode("gbk")).added == 1
    people = (
        "工号,姓名,部门,语言,时区,班次\ne1,王晓梅,交付,中文,Asia/Shanghai,周一至周五 9:00-18:00"
    )
    assert run(csv_import.import_people, conn, people.encode("gbk")).added == 1
    employee = service.get_employee(conn, "e1")
    assert employee is not None
    assert (employee.name, employee.language, len(employee.shift)) == (
        "王晓梅", Language.CHINESE, 5,
    )  # fmt: skip


def test_every_problem_of_a_sites_file_is_named_and_nothing_imported(conn: Connection) -> None:
    text = (
        "id,name,kind,time_zone,latitude,longitude,datum,radius_m,indoors\n"
        "good,Good,client,Asia/Shanghai,31.2,121.4,WGS-84,100,yes\n"
        "b d,,planet,Asia/Shanghay,31.2,121.4,WGS-84,100,yes\n"
        "untagged,U,client,Asia/Shanghai,31.2,121.4,,100,yes\n"
        "swapped,S,client,Asia/Shanghai,121.4,31.2,GCJ-02,100,maybe\n"
        "half,H,client,Asia/Shanghai,31.2,,WGS-84,100,yes\n"
        "tiny,T,client,Asia/Shanghai,31.2,121.4,WGS-84,5,yes\n"
        "open,O,client,Asia/Shanghai,31.2,121.4,WGS-84,,yes\n"
        "nan,N,client,Asia/Shanghai,3_1.2,nan,WGS-84,100,yes\n"
        "good,Twice,client,Asia/Shanghai,,,,,\n"
    )
    assert where(refused(csv_import.import_sites, conn, text)) == [
        (3, "id"), (3, "name"), (3, "kind"), (3, "time_zone"),
        (4, "datum"),
        (5, "latitude"), (5, "indoors"),
        (6, "longitude"),
        (7, "radius_m"),
        (8, "radius_m"),
        (9, "latitude"), (9, "longitude"),
        (10, "id"),
    ]  # fmt: skip


def test_every_problem_of_a_people_file_is_named(conn: Connection) -> None:
    text = (
        "id,name,language,time_zone,shift\n"
        "e1,Wang,fr,Asia/Shanghai,Mon 9-18\n"
        ",,,../../etc/passwd,\n"
    )
    assert where(refused(csv_import.import_people, conn, text)) == [
        (2, "language"), (2, "shift"), (3, "id"), (3, "name"), (3, "time_zone"), (3, "shift"),
    ]  # fmt: skip


def test_a_mac_is_hashed_and_dropped(conn: Connection) -> None:
    stored_site(conn)
    stored_employee(conn)
    text = (
        "site_id,employee_id,network,gateway_mac,egress\n"
        "lujiazui,,,00:11:22:33:44:55,\n"
        "lujiazui,,00112233aabbccdd,,\n"
        "lujiazui,,,,203.0.113.7/24\n"
        ",e001,,66-77-88-99-AA-BB,\n"
        ",e001,,,198.51.100.4\n"
        ",e001,,,2001:db8::/48\n"
    )
    assert run(csv_import.import_networks, conn, text) == ImportResult(6, 0, 0)
    assert run(csv_import.import_networks, conn, text) == ImportResult(0, 0, 6)
    site, home = service.networks_of_site(conn, "lujiazui"), service.home_places(conn, "e001")
    assert site.networks == {
        network_hash(NET_KEY, bytes.fromhex("001122334455")),
        bytes.fromhex("00112233aabbccdd"),
    }
    assert site.egress == ("203.0.113.0/24",)
    assert home.networks == {network_hash(NET_KEY, bytes.fromhex("66778899aabb"))}
    assert home.egress == ("198.51.100.4/32", "2001:db8::/48")
    dump = "\n".join(conn.connection.driver_connection.iterdump())  # type: ignore[union-attr]  # sqlite3
    assert "00:11:22:33:44:55" not in dump
    assert "001122334455" not in dump.lower()


def test_every_problem_of_a_networks_file_is_named(conn: Connection) -> None:
    stored_site(conn)
    stored_employee(conn)
    text = (
        "site_id,employee_id,network,gateway_mac,egress\n"
        "lujiazui,e001,00112233aabbccdd,,\n"
        ",,00112233aabbccdd,,\n"
        "nowhere,,00112233aabbccdd,,\n"
        ",nobody,00112233aabbccdd,,\n"
        "lujiazui,,00112233aabbccdd,,203.0.113.0/24\n"
        "lujiazui,,,,\n"
        "lujiazui,,0011,,\n"
        "lujiazui,,,00:00:00:00:00:00,\n"
        "lujiazui,,,,0.0.0.0/0\n"
        "lujiazui,,,,office\n"
    )
    assert where(refused(csv_import.import_networks, conn, text)) == [
        (2, ""), (3, ""), (4, "site_id"), (5, "employee_id"), (6, ""), (7, ""),
        (8, "network"), (9, "gateway_mac"), (10, "egress"), (11, "egress"),
    ]  # fmt: skip


def test_assignments_are_imported_and_ended(conn: Connection) -> None:
    stored_site(conn)
    stored_employee(conn)
    text = "工号,地点编号,开始日期,结束日期\ne001,lujiazui,2026/9/21,\n"
    assert run(csv_import.import_assignments, conn, text) == ImportResult(1, 0, 0)
    ended = text.replace("21,", "21,20261002")
    assert run(csv_import.import_assignments, conn, ended) == ImportResult(0, 1, 0)
    assert service.assignments_of(conn, "e001") == (
        Assignment("e001", "lujiazui", dt.date(2026, 9, 21), dt.date(2026, 10, 2)),
    )


def test_every_problem_of_an_assignments_file_is_named(conn: Connection) -> None:
    stored_site(conn)
    stored_employee(conn)
    text = (
        "employee_id,site_id,from_day,to_day\n"
        "e001,lujiazui,2026-09-21,2026-09-20\n"
        "nobody,nowhere,2026-02-30,soon\n"
        "e001,lujiazui,,\n"
        "e001,lujiazui,2026-09-25,\n"
        "e001,lujiazui,2026-09-25,2026-09-30\n"
    )
    assert where(refused(csv_import.import_assignments, conn, text)) == [
        (2, "to_day"),
        (3, "employee_id"), (3, "site_id"), (3, "from_day"), (3, "to_day"),
        (4, "from_day"),
        (6, "from_day"),
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["00:11:22:33:44:55", "00-11-22-33-44-55", "0011.2233.4455"])
def test_a_mac_is_read_as_machines_print_it(text: str) -> None:
    assert parse_mac(text) == bytes.fromhex("001122334455")


@pytest.mark.parametrize("text", ["", "0", "ff:ff:ff:ff:ff:ff", "00 11 22 33 44 55", "g0:11"])
def test_another_text_is_no_mac(text: str) -> None:
    with pytest.raises(ValueError, match="MAC"):
        parse_mac(text)


def test_the_network_hash_is_the_one_that_agents_compute() -> None:
    # HMAC-SHA256(bytes 0..31, "zaigang/net/1" + 00 11 22 33 44 55), its first 8 bytes
    assert network_hash(NET_KEY, bytes.fromhex("001122334455")).hex() == NETWORK_VECTOR


NETWORK_VECTOR = "70a475dcfabb28ce"

IMPORTS = (
    csv_import.import_sites,
    csv_import.import_people,
    csv_import.import_networks,
    csv_import.import_assignments,
)
HEADERS = (
    "id,name,time_zone,latitude,longitude,datum,radius_m",
    "id,name,time_zone,shift",
    "site_id,employee_id,network,gateway_mac,egress",
    "employee_id,site_id,from_day,to_day",
)
CELLS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["a", "1e400", "-0", "nan", "²", "٣", "Asia/Shanghai", "0.0.0.0", "::/0", "a\nb"]
    ),
)


@given(st.integers(0, 3), st.lists(st.lists(CELLS, min_size=4, max_size=7), max_size=3))
def test_whatever_the_cells_hold_it_is_an_import_or_a_csv_error(
    which: int, rows: list[list[str]]
) -> None:
    width = HEADERS[which].count(",") + 1
    lines = [",".join('"' + cell.replace('"', '""') + '"' for cell in row[:width]) for row in rows]
    problems: tuple[LineProblem, ...] = ()
    with database.in_memory() as conn:
        try:
            done = run(IMPORTS[which], conn, "\n".join([HEADERS[which], *lines]))
            imported = done.added
        except CsvError as error:
            imported, problems = 0, error.problems
        assert len(ledger.entries(conn)) == imported
        assert not (problems and imported)
