"""From signals to one posterior per slot: families, and a two-state hidden Markov model.

Sums are `math.fsum` over a fixed order, so the result is the same to the last bit for any order of
arrival. Each step is monotone: support that is added never lowers the posterior of its slot.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

from zaigang_collector.matching.model import Family
from zaigang_collector.matching.policy import Policy
from zaigang_collector.matching.timeline import Trace

# Posteriors are told to six digits: more would differ between mathematical libraries.
_DIGITS = 6


def by_family(traces: Sequence[Trace], policy: Policy) -> Mapping[Family, list[float]]:
    """Each family's log-likelihood ratio per slot, bounded."""
    most = policy.family_slot_llr
    result: dict[Family, list[float]] = {}
    for family in Family:
        own = [trace.slots for trace in traces if trace.family is family]
        if own:
            result[family] = [
                total if -most <= total <= most else min(most, max(-most, total))
                for total in map(math.fsum, zip(*own, strict=True))
            ]
    return result


def posteriors(
    families: Mapping[Family, Sequence[float]], policy: Policy, count: int
) -> tuple[float, ...]:
    """P(at the site) per slot, given everything in all slots (forward-backward)."""
    if families:
        totals = list(map(math.fsum, zip(*families.values(), strict=True)))
    else:
        totals = [0.0] * count
    ratios = list(map(math.exp, totals))
    leave = -math.expm1(-policy.slot_s / (policy.dwell_at_site_h * 3600))
    arrive = -math.expm1(-policy.slot_s / (policy.dwell_away_h * 3600))
    before = _forward(ratios, policy.prior_at_site_posterior, leave, arrive)
    after = _backward(ratios, leave, arrive)
    return tuple(
        round(here * site / (here * site + (1.0 - here) * away), _DIGITS)
        for here, (site, away) in zip(before, after, strict=True)
    )


def attended(
    posteriors: Sequence[float], person: Sequence[bool], policy: Policy
) -> tuple[float, ...]:
    """The same as it is told: where a pause in the person's own traces is longer than `pause_min`,
    nobody knows whether they stayed beside the laptop, and no more than the prior is claimed."""
    told = list(posteriors)
    start = 0
    for here, group in itertools.groupby(person):
        length = len(list(group))
        if not here and length * policy.slot_s > policy.pause_min * 60:
            for slot in range(start, start + length):
                told[slot] = min(told[slot], policy.prior_at_site_posterior)
        start += length
    return tuple(told)


def _forward(ratios: Sequence[float], prior: float, leave: float, arrive: float) -> list[float]:
    """P(at site in this slot), given this slot and those before it."""
    result = []
    expected = prior
    for ratio in ratios:
        site = expected * ratio
        here = site / (site + (1.0 - expected))
        result.append(here)
        expected = here * (1.0 - leave) + (1.0 - here) * arrive
    return result


def _backward(ratios: Sequence[float], leave: float, arrive: float) -> list[tuple[float, float]]:
    """How likely the slots after this one are from the site, and from away; they sum to 1."""
    site, away = 0.5, 0.5
    result = [(site, away)]
    for ratio in reversed(ratios[1:]):
        seen = site * ratio
        from_site = (1.0 - leave) * seen + leave * away
        from_away = arrive * seen + (1.0 - arrive) * away
        both = from_site + from_away
        site, away = from_site / both, from_away / both
        result.append((site, away))
    result.reverse()
    return result
