"""`devices import`: one-time tokens for many devices from one spreadsheet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from zaigang_collector.devices.model import DeviceKind, TokenScope
from zaigang_collector.directory import csv_reader
from zaigang_collector.directory import service as directory
from zaigang_collector.directory.csv_reader import Column, Row

COLUMNS: Final = (
    Column("employee_id", ("工号", "员工编号"), required=False),
    Column("site_id", ("地点编号",), required=False),
    Column("uses", ("设备数", "数量"), required=False),
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
