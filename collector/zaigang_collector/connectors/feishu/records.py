"""Feishu's punches and people, read by an allow-list. Pure.

Kept of a punch are ids, its time, how it was made, and as what Feishu counts it. Never kept are
texts: the remark, photographs, and the name or address of where it was, which is only compared with
what the settings know. Network names are kept as hashes. There are no coordinates: Feishu gives none.

Without an id, a person and a time there is no record, and FieldError is raised. Any other field that
cannot be read is left out and told as odd.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

from zaigang_collector.attendance.model import EARLIEST_MS
from zaigang_collector.attendance.model import Kind as Word
from zaigang_collector.connectors import fields, networks, placing, written
from zaigang_collector.connectors.contract import Log, Person, Place, Punch, Standing
from zaigang_collector.connectors.feishu.results import Counted, Results
from zaigang_collector.connectors.rows import Row, canonical

_OWN: Final = (0, 6)  # by hand, and 极速打卡: the person's phone, by itself
_SYSTEM: Final = (3, 4)  # made by the system; 下班免打卡: nobody punched, and need not
_MACHINE: Final = 5
_IMPORTED: Final = 7  # by another program, which does not say whose word it is
_WORDS: Final = {
    **dict.fromkeys(_OWN, Word.OWN),
    1: Word.CORRECTED_MANAGER,
    2: Word.CORRECTED_APPROVAL,
    _MACHINE: Word.TERMINAL,
}
_KNOWN: Final = frozenset((*_WORDS, *_SYSTEM, _IMPORTED))
_LATEST_MS: Final = 4_102_444_800_000  # 2100-01-01


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading needs to know."""

    net_key: bytes
    zone: ZoneInfo


def person(given: object) -> Person:
    """A row of find_by_department. Raises FieldError."""
    row = fields.mapping(given, "user")
    employee_no = fields.identifier(row, "employee_no")
    return Person(
        fields.needed_identifier(row, "user_id"),
        None if employee_no is None else employee_no.strip() or None,
    )


def punch(given: object, results: Results, reading: Reading) -> Punch:
    """A row of user_flows, with what was made of its day. Raises FieldError."""
    row = Row(fields.mapping(given, "record"))
    vendor_id = fields.needed_identifier(row.fields, "record_id")
    who = fields.needed_identifier(row.fields, "user_id")
    check_time_s = fields.needed_integer(row.fields, "check_time")
    counted = results.counted.get(vendor_id)
    kept: dict[str, Any] = {"record_id": vendor_id, "user_id": who, "check_time": check_time_s}
    kept["type"] = row.get(fields.integer, "type")
    kept |= {name: row.get(fields.identifier, name) for name in ("creator_id", "device_id")}
    kept |= {name: fields.truth(row.fields, name) for name in ("is_field", "is_wifi")}
    kept["counted"] = None if counted is None else counted.kept()
    word = _word(row, kept)
    return Punch(
        vendor_id=vendor_id,
        person=who,
        direction=None if counted is None else counted.direction,
        punched_ms=check_time_s * 1000,
        word=word,
        standing=_standing(kept, results, reading.zone),
        place=_place(row.fields, kept, counted, reading),
        device=kept["device_id"],
        record=canonical({name: value for name, value in kept.items() if value is not None}),
        odd=tuple(row.odd),
    )


def _word(row: Row, kept: Mapping[str, Any]) -> Word:
    made = kept["type"]
    if made is not None and made not in _KNOWN:
        row.tell(f"type {made}")
    creator = kept["creator_id"]
    if made in _OWN and creator not in (None, kept["user_id"]):
        # Somebody else made it in their name: not their word, whatever the type says.
        row.tell(f"creator_id: somebody else's, with type {made}")
        return Word.UNKNOWN
    return _WORDS.get(made, Word.UNKNOWN)


def _standing(kept: Mapping[str, Any], results: Results, zone: ZoneInfo) -> Standing:
    if kept["type"] in _SYSTEM:
        return Standing.NO_PUNCH
    at_ms = kept["check_time"] * 1000
    if kept["counted"] is not None or not EARLIEST_MS <= at_ms < _LATEST_MS:
        return Standing.COUNTS
    judged = results.judged(kept["user_id"], dt.datetime.fromtimestamp(at_ms / 1000, zone))
    return Standing.DISCOUNTED if judged else Standing.COUNTS


def _place(
    row: Mapping[str, Any], kept: dict[str, Any], counted: Counted | None, reading: Reading
) -> Place:
    bssid, ssid = row.get("bssid"), row.get("ssid")
    network = networks.access_point(reading.net_key, bssid) if isinstance(bssid, str) else None
    if network is not None:
        kept["bssid_hash"] = network.hex()
    if isinstance(ssid, str) and ssid:
        kept["ssid_hash"] = networks.name(reading.net_key, ssid).hex()
    found = []
    if kept["type"] == _MACHINE and kept["device_id"] is not None:
        found.append((placing.TERMINAL, kept["device_id"]))
    location = row.get("location_name")
    if isinstance(location, str) and location:
        found.append((placing.ADDRESS, location))
    # A group has one place or several; 外勤 is a punch in none of them.
    if counted is not None and counted.group_id is not None and not kept["is_field"]:
        found.append((placing.GROUP, counted.group_id))
    return Place(None, network, tuple(found), in_words=kept["is_field"] or bool(location))


def work_log(given: object) -> Log:
    """A work log (汇报): who handed it in and when. Its text is searched in memory. Raises FieldError."""
    row = fields.mapping(given, "work log")
    kept: dict[str, Any] = {
        "task_id": fields.needed_identifier(row, "task_id"),
        "from_user_id": fields.needed_identifier(row, "from_user_id"),
        "commit_time": fields.needed_integer(row, "commit_time"),
    }
    form = fields.sequence(row.get("form_contents"), "form_contents")
    return Log(
        vendor_id=kept["task_id"],
        person=kept["from_user_id"],
        handed_in_ms=kept["commit_time"] * 1000,
        text=written.joined(one.get("field_value") for one in form if isinstance(one, dict)),
        record=canonical(kept),
    )
