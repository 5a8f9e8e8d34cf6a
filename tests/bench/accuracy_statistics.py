"""Exact bounds of shares, and how well probabilities are calibrated. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

BOUND: Final = 0.95
"""One-sided: with this probability the truth is below an upper bound."""


def upper_bound(hits: int, total: int, confidence: float = BOUND) -> float:
    """The Clopper-Pearson upper bound of a share: the largest share under which `hits` or fewer are
    not yet rarer than 1 - `confidence`. 1.0 when there is nothing to go by."""
    if hits >= total:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if _at_most(hits, total, middle) > 1 - confidence:
            low = middle
        else:
            high = middle
    return high


def _at_most(hits: int, total: int, share: float) -> float:
    """Probability of `hits` or fewer out of `total`."""
    if share <= 0:
        return 1.0
    if share >= 1:
        return 0.0
    logs = [
        math.lgamma(total + 1)
        - math.lgamma(count + 1)
        - math.lgamma(total - count + 1)
        + count * math.log(share)
        + (total - count) * math.log1p(-share)
        for count in range(hits + 1)
    ]
    most = max(logs)
    return math.exp(most) * math.fsum(math.exp(one - most) for one in logs)


def calibration_error(
    slots: Sequence[float], present: Sequence[float], total: Sequence[float]
) -> float:
    """Expected calibration error: mean distance of what was said (mean posterior of a bin) from what
    was so (share present), weighted by the bins' sizes."""
    count = math.fsum(slots)
    if not count:
        return 0.0
    return math.fsum(abs(said - so) for said, so in zip(total, present, strict=True)) / count


def median(values: Sequence[float]) -> float | None:
    """None of nothing."""
    ordered = sorted(values)
    if not ordered:
        return None
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2
