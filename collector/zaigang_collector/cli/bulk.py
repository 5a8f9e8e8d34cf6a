"""`devices import` and `devices assign`: many devices from one spreadsheet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from zaigang_collector.devices import service as devices
from zaigang_collector.devices.model import Device, DeviceKind, DeviceStatus, TokenScope
from zaigang_collector.directory import csv_reader
from zaigang_collector.directory import service as directory
from zaigang_collector.directory.csv_reader import Column, Row

COLUMNS: Final = (
    Column("employee_id", ("工号", "员工编号"), required=False),
    Column("site_id", ("地点编号",), required=False),
    Column("uses", ("设备数", "数量"), required=False),
)
OWNERS: Final = (
    Column("device", ("设备", "设备编号", "设备名称")),
    Column("employee_id", ("工号", "员工编号"), required=False),
    Column("site_id", ("地点编号",), required=False),
)
_USES_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Wanted:
    """One line: whose, or where, and how many."""

    owner: str
    scope: TokenScope


def read(conn: Connection, data: bytes) -> list[Wanted]:
    """What the file asks for. Raises CsvError with every problem."""
    table = csv_reader.read(data, COLUMNS)
    wanted = [_wanted(conn, row) for row in table.rows]
    table.finish()
    return [one for one in wanted if one is not None]


def _wanted(conn: Connection, row: Row) -> Wanted | None:
    employee_id, site_id = row.text("employee_id"), row.text("site_id")
    uses = row.maybe("uses", _number, f"how many devices, 1 to {_USES_MAX}") or 1
    if bool(employee_id) == bool(site_id):
        row.wrong("", "either employee_id (a laptop) or site_id (a node)")
        return None
    if employee_id:
        known = _known(directory.get_employee, conn, employee_id)
        if not known:
            row.wrong("employee_id", "the id of a known employee (`people list` shows them)")
            return None
        return Wanted(employee_id, TokenScope(DeviceKind.LAPTOP, employee_id, None, uses))
    if not _known(directory.get_site, conn, site_id):
        row.wrong("site_id", "the id of a known site (`sites list` shows them)")
        return None
    return Wanted(site_id, TokenScope(DeviceKind.NODE, None, site_id, uses))


def _known(find: Callable[[Connection, str], object], conn: Connection, name: str) -> bool:
    return find(conn, name) is not None


def _number(text: str) -> int:
    value = int(text)
    if not 1 <= value <= _USES_MAX:
        raise ValueError("out of range")
    return value


@dataclass(frozen=True, slots=True)
class Owner:
    """One line: which device is whose, or stands where; neither: in store."""

    device: Device
    employee_id: str | None
    site_id: str | None


def read_owners(conn: Connection, data: bytes) -> list[Owner]:
    """Who has what. Raises CsvError with every problem."""
    table = csv_reader.read(data, OWNERS)
    seen: set[str] = set()
    owners = [_owner(conn, row, seen) for row in table.rows]
    table.finish()
    return [one for one in owners if one is not None]


def _owner(conn: Connection, row: Row, seen: set[str]) -> Owner | None:
    device = _device(conn, row)
    if device is None:
        return None
    if device.id in seen:
        row.wrong("device", "each device once in the file")
        return None
    seen.add(device.id)
    employee_id, site_id = row.text("employee_id") or None, row.text("site_id") or None
    if (site_id if device.kind is DeviceKind.LAPTOP else employee_id) is not None:
        row.wrong("", "employee_id for a laptop, site_id for a node")
    elif employee_id and not _known(directory.get_employee, conn, employee_id):
        row.wrong("employee_id", "the id of a known employee (`people list` shows them)")
    elif site_id and not _known(directory.get_site, conn, site_id):
        row.wrong("site_id", "the id of a known site (`sites list` shows them)")
    else:
        return Owner(device, employee_id, site_id)
    return None


def _device(conn: Connection, row: Row) -> Device | None:
    """By id, or by the name that it gave itself where only one has it: anybody can take a name."""
    name = row.text("device")
    found = devices.get(conn, name)
    if found is not None and found.status is not DeviceStatus.REVOKED:
        return found
    named = devices.named(conn, name) if name else ()
    if len(named) == 1:
        return named[0]
    ids = ", ".join(one.id for one in named[:3])
    row.wrong(
        "device",
        f"an id: {len(named)} devices call themselves so ({ids}); find out which is which"
        if named
        else "the id or the name of an enrolled device (`devices list` shows them)",
    )
    return None
