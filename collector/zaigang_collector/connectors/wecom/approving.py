"""Approvals: leave and trips exempt a stretch, a correction is a clock-in. Pure.

Of a form one control alone is read, that of its kind, and of that the times.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from zaigang_collector.attendance.model import EARLIEST_MS, Direction, ExemptionKind
from zaigang_collector.attendance.model import Kind as Word
from zaigang_collector.connectors import fields
from zaigang_collector.connectors.contract import Absence, Punch, Standing
from zaigang_collector.connectors.fields import FieldError
from zaigang_collector.connectors.rows import canonical
from zaigang_collector.connectors.wecom.records import moment

LEAVE: Final = 1
CORRECTION: Final = 2
TRIP: Final = 3
OUTING: Final = 4
"""Types of approvals (record_type), and of the control in them."""
APPROVED: Final = 2
REFUSED: Final = 3
TAKEN_BACK: Final = 6
"""States (sp_status): agreed to; agreed to, and then taken back."""

_HALF_DAY_S: Final = 12 * 3600
# How a correction says what was wrong: the sentence is WeCom's own, and not kept.
_MISSED_IN: Final = ("上班", "迟到")
_MISSED_OUT: Final = ("下班", "早退")


def _who(info: Mapping[str, Any]) -> str:
    """Who asked for it. Raises FieldError."""
    return fields.needed_identifier(fields.mapping(info.get("applyer"), "applyer"), "userid")


def absence(info: Mapping[str, Any], why: ExemptionKind) -> Absence | None:
    """The stretch that an approval makes exempt; None: it was not agreed to. Raises FieldError."""
    if fields.integer(info, "sp_status") != APPROVED:
        return None
    from_s, to_s = _stretch(info)
    return Absence(
        vendor_id=fields.needed_identifier(info, "sp_no"),
        person=_who(info),
        from_ms=from_s * 1000,
        to_ms=to_s * 1000,
        why=why,
    )


def correction(info: Mapping[str, Any]) -> Punch | None:
    """The clock-in that an approval makes good; None: it was not agreed to. One that was taken back
    is no punch, whatever it was before. Raises FieldError."""
    status = fields.integer(info, "sp_status")
    if status not in (APPROVED, TAKEN_BACK):
        return None
    value = fields.mapping(_control(info, "PunchCorrection").get("punch_correction"), "correction")
    number, person = fields.needed_identifier(info, "sp_no"), _who(info)
    at_s, asked_s = moment(value, "time"), moment(info, "apply_time")
    direction = _direction(value.get("state"))
    kept = {"sp_no": number, "sp_status": status, "userid": person, "time": at_s}
    kept |= {"apply_time": asked_s} | ({"direction": direction.value} if direction else {})
    return Punch(
        vendor_id=f"approval-{number}",
        person=person,
        direction=direction,
        punched_ms=at_s * 1000,
        received_ms=asked_s * 1000,
        word=Word.CORRECTED_APPROVAL,
        standing=Standing.COUNTS if status == APPROVED else Standing.NO_PUNCH,
        record=canonical(kept),
    )


def _control(info: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    form = fields.mapping(info.get("apply_data"), "apply_data")
    for one in fields.sequence(form.get("contents"), "contents"):
        if isinstance(one, dict) and one.get("control") == name:
            return fields.mapping(one.get("value"), name)
    raise FieldError("contents", f"a control {name}")


def _stretch(info: Mapping[str, Any]) -> tuple[int, int]:
    """From and to (seconds). Half days are named by where they begin: midnight and noon."""
    try:
        value = _control(info, "Attendance")
    except FieldError:
        value = fields.mapping(_control(info, "Vacation").get("vacation"), "vacation")
    told = fields.mapping(value.get("attendance"), "attendance")
    span = fields.mapping(told.get("date_range"), "date_range")
    from_s, to_s = moment(span, "new_begin"), moment(span, "new_end")
    match span.get("type"):
        case "hour":
            pass
        case "halfday":
            to_s += _HALF_DAY_S
        case _:
            raise FieldError("date_range", "a type halfday or hour")
    if not EARLIEST_MS <= from_s * 1000 < to_s * 1000:
        raise FieldError("new_end", "a time after new_begin, both from 2000 to 2099")
    return from_s, to_s


def _direction(state: object) -> Direction | None:
    if not isinstance(state, str):
        return None
    came, went = (any(word in state for word in words) for words in (_MISSED_IN, _MISSED_OUT))
    if came == went:
        return None
    return Direction.IN if came else Direction.OUT
