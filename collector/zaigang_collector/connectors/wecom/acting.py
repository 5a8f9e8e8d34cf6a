"""Who did something in an approval, and when: a business event each. Nothing of its form. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from zaigang_collector.connectors import fields
from zaigang_collector.connectors.contract import Event
from zaigang_collector.connectors.rows import canonical, made_id
from zaigang_collector.connectors.wecom.records import moment
from zaigang_collector.worktraces.model import EventKind


def events(given: object) -> list[Event]:
    """Asking for it, and each word of an approver's. Raises FieldError."""
    info = fields.mapping(given, "info")
    number = fields.needed_identifier(info, "sp_no")
    asked = fields.needed_identifier(fields.mapping(info.get("applyer"), "applyer"), "userid")
    found = [_event(number, asked, moment(info, "apply_time"), None)]
    for one in _words(info):
        if fields.integer(one, "sptime"):  # 0: that approver has not said anything
            who = fields.needed_identifier(
                fields.mapping(one.get("approver"), "approver"), "userid"
            )
            state = fields.integer(one, "sp_status")
            found.append(_event(number, who, moment(one, "sptime"), state))
    return found


def _words(info: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for step in fields.sequence(info.get("sp_record"), "sp_record"):
        told = fields.mapping(step, "sp_record").get("details")
        for one in fields.sequence(told, "details"):
            yield fields.mapping(one, "details")


def _event(number: str, who: str, at_s: int, state: int | None) -> Event:
    kept = {"sp_no": number, "userid": who, "time": at_s, "sp_status": state}
    return Event(
        vendor_id=made_id("wecom", "approval", *kept.values()),
        person=who,
        kind=EventKind.APPROVAL,
        happened_ms=at_s * 1000,
        record=canonical(kept),
    )
