"""Approvals that make a stretch exempt: of the form only the one field with from and to is read. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from zaigang_collector.attendance.model import EARLIEST_MS
from zaigang_collector.connectors import fields
from zaigang_collector.connectors.contract import Absence
from zaigang_collector.connectors.dingtalk.settings import ApprovalSettings
from zaigang_collector.connectors.fields import FieldError

_DAY: Final = timedelta(days=1)
_EXPECTED: Final = 'a list of two times, as ["2026-09-21 09:00", "2026-09-21 18:00"]'
_DATE_LENGTH: Final = len("2026-09-21")


def absence(
    instance_id: str, given: Mapping[str, Any], settings: ApprovalSettings, zone: ZoneInfo
) -> Absence | None:
    """The stretch that an approval makes exempt; None: it was not agreed to. Raises FieldError."""
    if given.get("status") != "COMPLETED" or given.get("result") != "agree":
        return None
    if given.get("bizAction") == "REVOKE":  # an approval of taking an earlier one back
        return None
    who = fields.needed_identifier(given, "originatorUserId")
    from_ms, to_ms = _period(given, settings.period_field, zone)
    return Absence(
        vendor_id=instance_id, person=who, from_ms=from_ms, to_ms=to_ms, why=settings.kind
    )


def _period(given: Mapping[str, Any], field_id: str, zone: ZoneInfo) -> tuple[int, int]:
    for one in fields.sequence(given.get("formComponentValues"), "formComponentValues"):
        if isinstance(one, dict) and one.get("id") == field_id:
            return _from_and_to(one.get("value"), zone)
    raise FieldError("formComponentValues", "the field that period_field names")


def _from_and_to(value: object, zone: ZoneInfo) -> tuple[int, int]:
    """From and to (UTC ms). A day without a time of day is the whole of it."""
    try:
        told = json.loads(value) if isinstance(value, str) else None
        if not isinstance(told, list) or len(told) < 2:
            raise FieldError("period_field", _EXPECTED)
        begin, end = (_moment(one, zone) for one in told[:2])
        if len(told[1]) == _DATE_LENGTH:
            end += _DAY
        from_ms, to_ms = (round(one.timestamp() * 1000) for one in (begin, end))
    except (ValueError, TypeError, OverflowError, OSError, RecursionError):
        # FieldError is a ValueError as well: the sentence is the same, and tells nothing of the form.
        raise FieldError("period_field", _EXPECTED) from None
    if not EARLIEST_MS <= from_ms < to_ms:
        raise FieldError("period_field", _EXPECTED)
    return from_ms, to_ms


def _moment(text: object, zone: ZoneInfo) -> datetime:
    if not isinstance(text, str):
        raise FieldError("period_field", _EXPECTED)
    return datetime.fromisoformat(text).replace(tzinfo=zone)
