"""Sites, people, networks and assignments from CSV. All or nothing, all problems at once.

    result = import_sites(conn, vault, data, now_ms, net_key, randomness)      # or CsvError

Rows add or change; nothing is removed because a file does not name it.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Connection

from zaigang_collector.db import Randomness
from zaigang_collector.directory import datum, service, shifts
from zaigang_collector.directory.csv_reader import Column, Row, Table, read
from zaigang_collector.directory.mac import parse_mac
from zaigang_collector.directory.model import (
    Assignment,
    Change,
    Employee,
    Language,
    Network,
    NetworkKind,
    Site,
    SiteKind,
)
from zaigang_collector.vault.service import Vault
from zaigang_shared.network_hash import HASH_BYTES, network_hash

T = TypeVar("T")

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
ID_EXPECTED: Final = "an id of letters, digits, dot, underscore and hyphen, 64 at most"
_NAME_MAX: Final = 200
_ZONE_EXPECTED: Final = "an IANA time zone, as Asia/Shanghai"
# Below 20 m no phone's position is good enough; a fence of over 50 km fences nothing.
_RADIUS_M: Final = (20.0, 50_000.0)
# One range may be a company's; a wider one says nothing of where somebody is.
_WIDEST_PREFIX: Final = {4: 16, 6: 32}
_EGRESS_EXPECTED: Final = "an address or a range, as 203.0.113.0/24; /16 at widest, /32 for IPv6"

SITE_COLUMNS: Final = (
    Column("id", ("site_id", "地点编号", "编号")),
    Column("name", ("名称", "地点名称")),
    Column("kind", ("类型",), required=False),
    Column("time_zone", ("时区",)),
    Column("latitude", ("lat", "纬度"), required=False),
    Column("longitude", ("lng", "lon", "经度"), required=False),
    Column("datum", ("坐标系",), required=False),
    Column("radius_m", ("半径米", "半径"), required=False),
    Column("indoors", ("室内",), required=False),
    Column("air_conditioned", ("空调",), required=False),
)
PEOPLE_COLUMNS: Final = (
    Column("id", ("employee_id", "工号", "员工编号")),
    Column("name", ("姓名",)),
    Column("department", ("部门",), required=False),
    Column("language", ("语言",), required=False),
    Column("time_zone", ("时区",)),
    Column("shift", ("班次", "工作时间")),
)
NETWORK_COLUMNS: Final = (
    Column("site_id", ("地点编号",), required=False),
    Column("employee_id", ("工号", "员工编号"), required=False),
    Column("network", ("网络哈希", "网络"), required=False),
    Column("gateway_mac", ("网关MAC", "网关物理地址"), required=False),
    Column("egress", ("出口地址", "出口网段"), required=False),
)
ASSIGNMENT_COLUMNS: Final = (
    Column("employee_id", ("工号", "员工编号")),
    Column("site_id", ("地点编号",)),
    Column("from_day", ("开始日期", "起始日期")),
    Column("to_day", ("结束日期", "截止日期"), required=False),
)

_SITE_KINDS: Final = {
    "": SiteKind.CLIENT,
    "client": SiteKind.CLIENT,
    "客户": SiteKind.CLIENT,
    "branch": SiteKind.BRANCH,
    "分公司": SiteKind.BRANCH,
    "home": SiteKind.HOME,
    "居家": SiteKind.HOME,
}
_LANGUAGES: Final = {
    "": Language.CHINESE,
    "zh": Language.CHINESE,
    "中文": Language.CHINESE,
    "en": Language.ENGLISH,
    "英文": Language.ENGLISH,
}
_YES_NO: Final = {
    "yes": True, "true": True, "1": True, "是": True,
    "no": False, "false": False, "0": False, "否": False,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ImportResult:
    """How many rows did what."""

    added: int
    changed: int
    unchanged: int


def import_sites(
    conn: Connection,
    vault: Vault,
    data: bytes | str,
    now_ms: int,
    net_key: bytes,
    randomness: Randomness,
) -> ImportResult:
    """Add or change sites. Raises CsvError. `net_key` is not used: one signature for all four."""
    del net_key
    table = read(data, SITE_COLUMNS)
    sites = _unique(table, _site_of, lambda site: site.id, "id")
    return _result(service.put_site(conn, site, now_ms, randomness) for site in sites)


def import_people(
    conn: Connection,
    vault: Vault,
    data: bytes | str,
    now_ms: int,
    net_key: bytes,
    randomness: Randomness,
) -> ImportResult:
    """Add or change people. Raises CsvError. `net_key` is not used: one signature for all four."""
    del net_key
    table = read(data, PEOPLE_COLUMNS)
    people = _unique(table, _employee_of, lambda employee: employee.id, "id")
    return _result(
        service.put_employee(conn, vault, person, now_ms, randomness) for person in people
    )


def import_networks(
    conn: Connection,
    vault: Vault,
    data: bytes | str,
    now_ms: int,
    net_key: bytes,
    randomness: Randomness,
) -> ImportResult:
    """Add networks of sites, and of homes as their owners registered them. Raises CsvError.

    A row names one site or one person, and one network: its keyed hash (16 hex digits), its
    gateway's MAC (hashed here and dropped), or its range of egress addresses.
    """
    table = read(data, NETWORK_COLUMNS)
    known_sites = {site.id for site in _all_sites(conn)}
    known_people = {employee.id for employee in _all_people(conn)}
    wanted = [
        (row, owner, network)
        for row in table.rows
        for owner in [_owner_of(row, known_sites, known_people)]
        for network in [_network_of(row, net_key)]
        if owner is not None and network is not None
    ]
    table.finish()
    return _result(
        service.add_site_network(conn, row.text("site_id"), network, now_ms, randomness)
        if owner == "site_id"
        else service.add_home_place(
            conn, vault, row.text("employee_id"), network, now_ms, randomness
        )
        for row, owner, network in wanted
    )


def import_assignments(
    conn: Connection,
    vault: Vault,
    data: bytes | str,
    now_ms: int,
    net_key: bytes,
    randomness: Randomness,
) -> ImportResult:
    """Add assignments or change their end. Raises CsvError. `net_key` is not used."""
    del net_key
    table = read(data, ASSIGNMENT_COLUMNS)
    known_sites = {site.id for site in _all_sites(conn)}
    known_people = {employee.id for employee in _all_people(conn)}
    assignments = _unique(
        table,
        lambda row: _assignment_of(row, known_sites, known_people),
        lambda one: (one.employee_id, one.site_id, one.from_day),
        "from_day",
    )
    return _result(
        service.put_assignment(conn, vault, one, now_ms, randomness) for one in assignments
    )


def _unique(
    table: Table,
    parse: Callable[[Row], T | None],
    key: Callable[[T], object],
    column: str,
) -> list[T]:
    """All rows as values, or CsvError: also when two rows are about the same thing."""
    values: list[T] = []
    first_line: dict[object, int] = {}
    for row in table.rows:
        value = parse(row)
        if value is None:
            continue
        earlier = first_line.setdefault(key(value), row.line)
        if earlier != row.line:
            row.wrong(column, f"each one once; line {earlier} is about the same")
        values.append(value)
    table.finish()
    return values


def _result(changes: Iterable[Change]) -> ImportResult:
    count = Counter(changes)
    return ImportResult(count[Change.ADDED], count[Change.CHANGED], count[Change.UNCHANGED])


def _site_of(row: Row) -> Site | None:
    site_id = row.take("id", parse_id, ID_EXPECTED)
    name = row.take("name", _name, f"a name of at most {_NAME_MAX} characters")
    kind = _word(row, "kind", _SITE_KINDS)
    zone = row.take("time_zone", zone_name, _ZONE_EXPECTED)
    point = _point_of(row)
    radius_m = row.maybe("radius_m", _radius, f"metres from {_RADIUS_M[0]:g} to {_RADIUS_M[1]:g}")
    if point is not None and not row.text("radius_m"):
        row.wrong("radius_m", "the radius of the geofence in metres, beside the coordinates")
    indoors = _word(row, "indoors", {"": True} | _YES_NO)
    air_conditioned = _word(row, "air_conditioned", {"": False} | _YES_NO)
    if site_id is None or name is None or kind is None or zone is None:
        return None
    if indoors is None or air_conditioned is None:
        return None
    latitude, longitude = point or (None, None)
    return Site(site_id, name, kind, zone, latitude, longitude, radius_m, indoors, air_conditioned)


def _point_of(row: Row) -> tuple[float, float] | None:
    texts = [row.text(name) for name in ("latitude", "longitude", "datum")]
    if not any(texts):
        return None
    latitude = row.take("latitude", _number, "degrees of latitude, as 31.2397")
    longitude = row.take("longitude", _number, "degrees of longitude, as 121.4998")
    system = row.take(
        "datum", datum.parse, "WGS-84, GCJ-02 (AMap, DingTalk, WeCom) or BD-09 (Baidu)"
    )
    if latitude is None or longitude is None or system is None:
        return None
    try:
        point = datum.to_wgs84(latitude, longitude, system)
    except ValueError as error:
        row.wrong("latitude", str(error))
        return None
    # 1e-7 degrees are a centimetre: more digits would only make equal files look different.
    return round(point[0], 7), round(point[1], 7)


def _employee_of(row: Row) -> Employee | None:
    employee_id = row.take("id", parse_id, ID_EXPECTED)
    name = row.take("name", _name, f"a name of at most {_NAME_MAX} characters")
    department = row.maybe("department", _name, f"at most {_NAME_MAX} characters")
    language = _word(row, "language", _LANGUAGES)
    zone = row.take("time_zone", zone_name, _ZONE_EXPECTED)
    shift = row.take("shift", shifts.parse, shifts.EXPECTED)
    if employee_id is None or name is None or language is None or zone is None or shift is None:
        return None
    return Employee(employee_id, name, department or "", language, zone, shift)


def _owner_of(row: Row, sites: set[str], people: set[str]) -> str | None:
    """Which column names the owner, or None after noting a problem."""
    named = [name for name in ("site_id", "employee_id") if row.text(name)]
    if len(named) != 1:
        row.wrong("", "either site_id or employee_id")
        return None
    known = sites if named[0] == "site_id" else people
    if row.text(named[0]) not in known:
        row.wrong(named[0], "the id of a site or a person that was imported before")
        return None
    return named[0]


def _network_of(row: Row, net_key: bytes) -> Network | None:
    named = [name for name in ("network", "gateway_mac", "egress") if row.text(name)]
    if len(named) != 1:
        row.wrong("", "exactly one of network, gateway_mac and egress")
        return None
    if named[0] == "egress":
        cidr = row.take("egress", egress_range, _EGRESS_EXPECTED)
        return None if cidr is None else Network(NetworkKind.EGRESS, cidr=cidr)
    if named[0] == "network":
        known = row.take("network", _hash, f"a network hash of {2 * HASH_BYTES} hex digits")
        return None if known is None else Network(NetworkKind.GATEWAY, hash=known)
    mac = row.take("gateway_mac", parse_mac, "a MAC address, as 00:11:22:33:44:55")
    if mac is None:
        return None
    return Network(NetworkKind.GATEWAY, hash=network_hash(net_key, mac))


def _assignment_of(row: Row, sites: set[str], people: set[str]) -> Assignment | None:
    employee_id = row.take("employee_id", _among(people), "the id of a person imported before")
    site_id = row.take("site_id", _among(sites), "the id of a site imported before")
    from_day = row.take("from_day", parse_day, "a day, as 2026-09-21")
    to_day = row.maybe("to_day", parse_day, "a day, as 2026-09-30, or nothing")
    if from_day is not None and to_day is not None and to_day < from_day:
        row.wrong("to_day", f"a day from {from_day.isoformat()} on")
    if employee_id is None or site_id is None or from_day is None:
        return None
    return Assignment(employee_id, site_id, from_day, to_day)


def parse_day(text: str) -> dt.date:
    """A day as 2026-09-21, 2026/9/21 (as spreadsheets write it) or 20260921. Raises ValueError."""
    match = re.fullmatch(r"(\d{4})-(\d{1,2})-(\d{1,2})|(\d{4})/(\d{1,2})/(\d{1,2})", text, re.ASCII)
    if match is None:
        if not re.fullmatch(r"\d{8}", text, re.ASCII):
            raise ValueError("not a day")
        return dt.date(int(text[:4]), int(text[4:6]), int(text[6:]))
    year, month, day = (int(part) for part in match.groups() if part is not None)
    return dt.date(year, month, day)


def zone_name(text: str) -> str:
    """An IANA zone that this machine knows. Raises ValueError."""
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("not a time zone") from error
    return text


def egress_range(text: str) -> str:
    """An address or a range in its normal form, private ones too: a collector inside the company's
    network sees those. Raises ValueError."""
    network = ipaddress.ip_network(text.strip(), strict=False)
    if network.prefixlen < _WIDEST_PREFIX[network.version]:
        raise ValueError("too wide")
    return str(network)


def _among(known: set[str]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in known:
            raise ValueError("not known")
        return text

    return parse


def _word(row: Row, name: str, words: Mapping[str, T]) -> T | None:
    known = words.get(row.text(name).lower())
    if known is None:
        row.wrong(name, "one of " + ", ".join(word for word in words if word))
    return known


def parse_id(text: str) -> str:
    """An id of our own. Raises ValueError."""
    if not _ID.fullmatch(text):
        raise ValueError("not an id")
    return text


def _name(text: str) -> str:
    if len(text) > _NAME_MAX or not text.isprintable():
        raise ValueError("not a name")
    return text


def _number(text: str) -> float:
    value = float(text)
    if not text.isascii() or "_" in text or not math.isfinite(value):  # float() reads 1_0 and ٣
        raise ValueError("not a number")
    return value


def _radius(text: str) -> float:
    value = _number(text)
    if not _RADIUS_M[0] <= value <= _RADIUS_M[1]:
        raise ValueError("out of range")
    return value


def _hash(text: str) -> bytes:
    if not re.fullmatch(r"[0-9a-fA-F]{16}", text):
        raise ValueError("not a hash")
    return bytes.fromhex(text)


def _all_sites(conn: Connection) -> Iterable[Site]:
    after = ""
    while found := service.list_sites(conn, after):
        yield from found
        after = found[-1].id


def _all_people(conn: Connection) -> Iterable[Employee]:
    after = ""
    while found := service.list_employees(conn, after):
        yield from found
        after = found[-1].id
