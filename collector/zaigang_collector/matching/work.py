"""Was this person working? From device use alone, for now; idle never says anything of presence."""

from __future__ import annotations

import itertools

from zaigang_collector.matching import reasons
from zaigang_collector.matching.model import Text, Work
from zaigang_collector.matching.presence import Looked
from zaigang_collector.matching.timeline import Scene


def judge(scene: Scene, looked: Looked) -> tuple[Work, Text]:
    """The work verdict and its sentence. Remote work is work; regular input is not."""
    lengths = scene.grid.lengths_ms()
    lengths = [0 if off else ms for ms, off in zip(lengths, scene.exempt, strict=True)]
    seen = map(any, zip(*(one.use.seen for one in looked.laptops), strict=True))
    worked = map(any, zip(*(one.use.worked for one in looked.laptops), strict=True))
    total_ms, known_ms = sum(lengths), sum(itertools.compress(lengths, seen))
    active_ms = sum(itertools.compress(lengths, worked))  # what worked was seen
    if not total_ms or known_ms < scene.policy.work_coverage_share * total_ms:
        return Work.UNVERIFIED, reasons.work_unknown(known_ms)
    if active_ms >= scene.policy.work_active_share * known_ms:
        return Work.ACTIVE, reasons.work_active(active_ms, known_ms)
    return Work.IDLE, reasons.work_idle(active_ms, known_ms)
