"""Badges and thermometers from CSV. All or nothing, all problems at once.

Rows add; nothing is removed because a file does not name it. A bind key is in no problem's text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from zaigang_collector import beacon_ids
from zaigang_collector.db import Randomness
from zaigang_collector.directory import carried, service
from zaigang_collector.directory.carried import Carried
from zaigang_collector.directory.csv_import import ID_EXPECTED, parse_id
from zaigang_collector.directory.csv_reader import Column, Row, read
from zaigang_collector.directory.model import Change
from zaigang_collector.errors import ConflictError
from zaigang_collector.vault.service import Vault

COLUMNS: Final = (
    Column("employee_id", ("工号", "员工编号")),
    Column("id", ("name", "名称", "编号")),
    Column("format", ("格式", "类型")),
    Column("identifier", ("address", "标识", "蓝牙地址")),
    Column("bind_key", ("密钥", "绑定密钥"), required=False),
)


@dataclass(frozen=True, slots=True)
class CarriedResult:
    """How many rows did what, and whose they are."""

    added: int
    unchanged: int
    people: tuple[str, ...]


def import_carried(
    conn: Connection, vault: Vault, data: bytes | str, now_ms: int, randomness: Randomness
) -> CarriedResult:
    """Register what a file names. Raises CsvError."""
    table = read(data, COLUMNS)
    changes, people = [], set()
    for row in table.rows:
        new = _carried(conn, row)
        if new is None:
            continue
        try:
            changes.append(carried.register(conn, vault, new, now_ms, randomness))
            people.add(new.employee_id)
        except ConflictError as error:
            row.wrong("", f"something that fits: {error}")
    table.finish()
    added = changes.count(Change.ADDED)
    return CarriedResult(added, len(changes) - added, tuple(sorted(people)))


def _carried(conn: Connection, row: Row) -> Carried | None:
    employee_id = row.take("employee_id", _known(conn), "the id of a person imported before")
    name = row.take("id", parse_id, ID_EXPECTED)
    format_ = row.take("format", _format, "one of " + ", ".join(beacon_ids.FORMATS))
    if format_ is None:
        return None
    identifier = row.take(
        "identifier", lambda text: beacon_ids.parse(format_, text), beacon_ids.expected(format_)
    )
    key = _key(row, format_)
    if employee_id is None or name is None or identifier is None:
        return None
    return Carried(name, employee_id, format_, identifier, key)


def _key(row: Row, format_: str) -> bytes | None:
    text = row.text("bind_key")
    if not text:
        return None
    if format_ != "bthome":
        row.wrong("", f"no bind key: {format_} has none")
        return None
    try:
        return beacon_ids.parse_key(text)
    except ValueError:
        row.wrong("", "a bind key of 32 hex digits")  # of the whole line: a secret is not repeated
        return None


def _known(conn: Connection) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if service.get_employee(conn, text) is None:
            raise ValueError("not known")
        return text

    return parse


def _format(text: str) -> str:
    if text.lower() not in beacon_ids.FORMATS:
        raise ValueError("not a format")
    return text.lower()
