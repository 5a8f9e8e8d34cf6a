"""What a person claims: their punches put together with what was expected of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from zaigang_collector.attendance import service
from zaigang_collector.attendance.intervals import AT_MOST_MS, Paired, Punch, pair
from zaigang_collector.attendance.model import ClockIn, Kind
from zaigang_collector.attendance.plans import Plan, plan_around
from zaigang_collector.vault.service import Vault

# Where pairing begins: an interval depends on what was open before it. Larger reads more; smaller
# pairs sloppy punches otherwise at the edge of a span than in its middle.
PAIRED_FROM_MS: Final = 7 * 24 * 3_600_000
# Punches that may belong to an interval starting in a span: the out that is furthest away. Smaller
# cuts it off; larger reads punches that can belong to nothing here.
PUNCH_MARGIN_MS: Final = AT_MOST_MS
_CORRECTED: Final = frozenset({Kind.CORRECTED_MANAGER, Kind.CORRECTED_APPROVAL})


@dataclass(frozen=True, slots=True)
class Claims:
    """Intervals and what is left over, with the punches and the plan that they rest on."""

    paired: Paired
    clock_ins: Mapping[str, ClockIn]
    """By id."""
    plan: Plan


def claims_of(conn: Connection, vault: Vault, employee_id: str, from_ms: int, to_ms: int) -> Claims:
    """All that can matter to intervals that begin in [from_ms, to_ms) (UTC ms); there are some
    around it, of which the outermost may be cut off."""
    span = from_ms - PAIRED_FROM_MS, to_ms + PUNCH_MARGIN_MS
    found = service.of_employee(conn, vault, employee_id, *span)
    plan = plan_around(conn, employee_id, *span)
    paired = pair([punch_of(one) for one in found if one.content.counts], plan.stretches, plan.zone)
    return Claims(paired, {one.id: one for one in found}, plan)


def punch_of(clock_in: ClockIn) -> Punch:
    """What pairing needs to know of a clock-in."""
    said = clock_in.content
    return Punch(
        clock_in.id, said.punched_ms, said.direction, said.site_id, said.kind in _CORRECTED
    )
