"""Was this person working? From device use alone, for now; idle never says anything of presence."""

from __future__ import annotations

from zaigang_collector.matching import reasons
from zaigang_collector.matching.model import Text, Work
from zaigang_collector.matching.presence import Looked
from zaigang_collector.matching.timeline import Scene


def judge(scene: Scene, looked: Looked) -> tuple[Work, Text]:
    """The work verdict and its sentence. Remote work is work; regular input is not."""
    lengths = scene.grid.lengths_ms()
    uses = [seen.use for seen in looked.laptops]
    known_ms = active_ms = total_ms = 0
    for slot, length in enumerate(lengths):
        if scene.exempt[slot]:
            continue
        total_ms += length
        if any(use.seen[slot] for use in uses):
            known_ms += length
            active_ms += length * any(use.worked[slot] for use in uses)
    if not total_ms or known_ms < scene.policy.work_coverage_share * total_ms:
        return Work.UNVERIFIED, reasons.work_unknown(known_ms)
    if active_ms >= scene.policy.work_active_share * known_ms:
        return Work.ACTIVE, reasons.work_active(active_ms, known_ms)
    return Work.IDLE, reasons.work_idle(active_ms, known_ms)
