"""Which punches a corrected one stands in for. Pure.

A manager or an approval corrects a time, or adds a punch that was forgotten. It replaces the
person's own punches of the same direction at the same site next to it, for the same shift: with a
punch of the other direction between them, or for another shift, it is an addition.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from zaigang_collector.attendance.model import Direction
from zaigang_collector.attendance.planning import Stretch
from zaigang_collector.attendance.punches import Punch, stretch_at, stretch_left

# How far away a punch can be that a correction is about. Larger lets today's correction swallow
# yesterday's punch; smaller keeps the wrong time of somebody who noticed at noon.
REACH_MS: Final = 8 * 3_600_000


def replaced_by(ordered: Sequence[Punch], stretches: Sequence[Stretch]) -> dict[str, str]:
    """Ids of replaced punches, and of the correction that stands in for each. `ordered` by
    `in_order`."""
    found: dict[str, str] = {}
    for index, punch in enumerate(ordered):
        if not punch.is_corrected:
            continue
        for neighbours in (reversed(ordered[:index]), ordered[index + 1 :]):
            for one in _corrected(punch, neighbours, stretches):
                found.setdefault(one.id, punch.id)
    return found


def _corrected(
    correction: Punch, neighbours: Iterable[Punch], stretches: Sequence[Stretch]
) -> Iterable[Punch]:
    for one in neighbours:
        if (
            one.direction is not correction.direction
            or one.site_id != correction.site_id
            or abs(one.at_ms - correction.at_ms) > REACH_MS
            or _stretch(one, stretches) != _stretch(correction, stretches)
        ):
            return
        if not one.is_corrected:
            yield one


def _stretch(punch: Punch, stretches: Sequence[Stretch]) -> Stretch | None:
    if punch.direction is Direction.IN:
        return stretch_at(punch.at_ms, punch.site_id, stretches)
    return stretch_left(punch.at_ms, punch.site_id, stretches)
