"""What pairing needs to know of a clock-in, and to which working stretch one belongs. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from zaigang_collector.attendance.model import Direction
from zaigang_collector.attendance.planning import Stretch

# How long before a shift an in-punch still belongs to it. Larger lets a punch after the end of the
# night shift open the next one; smaller loses who comes early.
EARLIEST_BEFORE_SHIFT_MS: Final = 4 * 3_600_000


@dataclass(frozen=True, slots=True)
class Punch:
    """One clock-in."""

    id: str
    at_ms: int
    direction: Direction
    site_id: str
    is_corrected: bool = False
    """By a manager or an approval: not the person's own word."""


def in_order(punch: Punch) -> tuple[int, bool, str]:
    """A key to sort by. At the very same moment an out closes what was open before an in opens the
    next."""
    return punch.at_ms, punch.direction is Direction.IN, punch.id


def stretch_at(moment_ms: int, site_id: str, stretches: Sequence[Stretch]) -> Stretch | None:
    """The stretch to which an in-punch belongs: of those under way the one that began last, or else
    the next one that begins soon enough; None when there is none."""
    now = under_way(moment_ms, site_id, stretches)
    if now is not None:
        return now
    soon = [
        one
        for one in at_site(site_id, stretches)
        if 0 < one.from_ms - moment_ms <= EARLIEST_BEFORE_SHIFT_MS
    ]
    return min(soon, key=lambda one: (one.from_ms, one.to_ms), default=None)


def under_way(moment_ms: int, site_id: str, stretches: Sequence[Stretch]) -> Stretch | None:
    """Of the stretches that hold at this moment the one that began last."""
    holding = [one for one in at_site(site_id, stretches) if one.from_ms <= moment_ms < one.to_ms]
    return max(holding, key=lambda one: (one.from_ms, -one.to_ms), default=None)


def stretch_left(moment_ms: int, site_id: str, stretches: Sequence[Stretch]) -> Stretch | None:
    """The stretch to which an out-punch belongs: the one whose end is nearest."""
    return min(
        at_site(site_id, stretches),
        key=lambda one: (abs(one.to_ms - moment_ms), one.from_ms),
        default=None,
    )


def at_site(site_id: str, stretches: Sequence[Stretch]) -> Sequence[Stretch]:
    """Those that hold at a site; all, for a site about which none of them says anything."""
    return [one for one in stretches if one.site_id in (None, site_id)] or stretches
