"""From posteriors to a verdict: three answers, never two (matching.md, Verdict).

    1 nothing to assess                         exempt
    2 absence above the bound, long enough,
      and two families behind it                contradicted, once the watermarks have passed;
                                                never while many at the site seem absent at once
    3 presence above the bound for enough of
      the covered time, with enough of the
      person's own traces and no long gap       confirmed
    4 everything else                           unverified, with what is missing

Only RADIO, HANDS and (later) AIR can stand behind step 2. The claim's own coordinates speak of a
moment, integrity of what evidence is worth; neither says where a person was for an hour.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from zaigang_collector.matching import missing, reasons
from zaigang_collector.matching.facts import FAMILIES_TO_CONTRADICT, Facts, Run
from zaigang_collector.matching.model import Presence, Stretch, Text
from zaigang_collector.matching.policy import Policy


@dataclass(frozen=True, slots=True)
class Judged:
    """The presence verdict."""

    presence: Presence
    stretches: tuple[Stretch, ...]
    reasons: tuple[Text, ...]
    provisional: bool
    held_together: bool = False


def judge(facts: Facts) -> Judged:
    """Steps 1 to 4."""
    if all(facts.scene.exempt):  # 1
        kinds = sorted({exemption.kind for exemption in facts.scene.claim.exemptions})
        return _judged(facts, Presence.EXEMPT, (), [reasons.exempt(kinds)])
    convicting = [run for run in facts.absences() if _convicts(facts, run)]
    behind = facts.incomplete_devices()
    held_back = bool(convicting) and bool(behind) and not facts.waited()
    if convicting and facts.scene.site.together:
        said = [reasons.together(), *missing.reasons_for(facts)]
        return dataclasses.replace(
            _judged(facts, Presence.UNVERIFIED, (), said), held_together=True
        )
    if convicting and not held_back:  # 2
        said = [_contradiction(facts, run) for run in convicting]
        if behind:
            said.append(reasons.incomplete(behind, facts.scene.policy.waiting_h))
        return _judged(facts, Presence.CONTRADICTED, convicting, said)
    if not convicting and _confirms(facts):  # 3
        said = [
            reasons.confirmed(facts.present_share or 0.0, facts.person_ms, facts.coverage),
            *missing.short_absences(facts),
        ]
        return _judged(facts, Presence.CONFIRMED, (), said)
    said = missing.reasons_for(facts)  # 4
    if held_back:
        said.insert(0, reasons.held_back(behind, facts.scene.policy.waiting_h))
    return _judged(facts, Presence.UNVERIFIED, (), said, provisional=held_back)


def seem_together(policy: Policy, people: int, absent: int) -> bool:
    """Whether so many of the `people` who claim the same hours at a site seem absent that the site
    is the suspect, and not they."""
    return absent >= policy.together_people and absent >= policy.together_share * people


def _convicts(facts: Facts, run: Run) -> bool:
    return (
        facts.length_ms(run) >= facts.least_absence_ms(run)
        and len(facts.families_behind(run)) >= FAMILIES_TO_CONTRADICT
        and not facts.in_two_places
        and not facts.left_unclaimed(run)
    )


def _confirms(facts: Facts) -> bool:
    policy = facts.scene.policy
    return (
        facts.present_share is not None
        and facts.present_share >= policy.confirm_share
        and facts.coverage >= policy.confirm_coverage_share
        and facts.person_ms >= policy.confirm_person_share * facts.covered_ms
        and facts.longest_gap_ms <= policy.confirm_gap_min * 60_000
        and not facts.in_two_places
        and not facts.home_beside_beacon
        and not facts.looked.badge_missing
        and not facts.is_tireless
        and not facts.flags
        and not facts.doubted
    )


def _contradiction(facts: Facts, run: Run) -> Text:
    posterior = facts.mean_posterior(run)
    families = facts.families_behind(run)
    return reasons.contradicted(facts.span(run), facts.length_ms(run), posterior, families)


def _judged(
    facts: Facts,
    presence: Presence,
    convicting: Sequence[Run],
    said: Sequence[Text],
    *,
    provisional: bool = False,
) -> Judged:
    convicted = {slot for run in convicting for slot in run}
    labels = [_label(facts, slot, convicted) for slot in range(facts.scene.grid.count)]
    stretches = tuple(
        Stretch(
            facts.scene.grid.from_ms(run[0]),
            facts.scene.grid.to_ms(run[-1]),
            label,
            facts.mean_posterior(run),
        )
        for label, run in _runs(labels)
    )
    return Judged(presence, stretches, tuple(said), provisional)


def _label(facts: Facts, slot: int, convicted: set[int]) -> Presence:
    if facts.scene.exempt[slot]:
        return Presence.EXEMPT
    if slot in convicted:
        return Presence.CONTRADICTED
    # Without evidence in the slot itself a smooth curve is a guess, and shown as one.
    if facts.covered[slot] and facts.is_present(slot):
        return Presence.CONFIRMED
    return Presence.UNVERIFIED


def _runs(labels: Sequence[Presence]) -> Iterator[tuple[Presence, range]]:
    start = 0
    for label, group in itertools.groupby(labels):
        length = len(list(group))
        yield label, range(start, start + length)
        start += length
