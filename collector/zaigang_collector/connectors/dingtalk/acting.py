"""Who did something in an approval, and when: a business event each. Nothing of its form. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from zaigang_collector.connectors import fields
from zaigang_collector.connectors.contract import Event
from zaigang_collector.connectors.fields import FieldError
from zaigang_collector.connectors.rows import canonical, made_id
from zaigang_collector.worktraces.model import EventKind

# Documented as UTC, to the minute.
_MOMENT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?Z")


def events(instance_id: str, given: Mapping[str, Any]) -> list[Event]:
    """Asking for it, agreeing, refusing, handing on: what `operationRecords` tells. Raises FieldError."""
    records = fields.sequence(given.get("operationRecords"), "operationRecords")
    return [_event(instance_id, fields.mapping(one, "operationRecords")) for one in records]


def _event(instance_id: str, record: Mapping[str, Any]) -> Event:
    kept = {
        "processInstanceId": instance_id,
        "userId": fields.needed_identifier(record, "userId"),
        "date": fields.needed_identifier(record, "date"),
        "type": fields.word(record, "type"),
        "result": fields.word(record, "result"),
    }
    return Event(
        vendor_id=made_id("dingtalk", "approval", *kept.values()),
        person=str(kept["userId"]),
        kind=EventKind.APPROVAL,
        happened_ms=_moment_ms(str(kept["date"])),
        record=canonical(kept),
    )


def _moment_ms(text: str) -> int:
    if not _MOMENT.fullmatch(text):
        raise FieldError("date", "a time as 2026-09-21T03:58Z")
    try:
        return round(datetime.fromisoformat(text).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise FieldError("date", "a time as 2026-09-21T03:58Z") from None
