"""What is missing for a verdict, named: nobody is left with a bare "unverified"."""

from __future__ import annotations

from zaigang_collector.matching import reasons
from zaigang_collector.matching.facts import FAMILIES_TO_CONTRADICT, Facts, Run
from zaigang_collector.matching.model import Text, TimedReading
from zaigang_collector.matching.signals import beacon
from zaigang_shared.readings import Gap, Usage

_MOST_SPANS = 3
# A quiet quarter of an hour explains nothing; longer would hide the meeting that does.
_LEAST_SPAN_MS = 30 * 60_000


def reasons_for(facts: Facts) -> list[Text]:
    """Why the interval is neither confirmed nor contradicted, the most important first."""
    found = [*_devices(facts), *_doubts(facts), *_absences(facts), *_person(facts)]
    found.extend(_coverage(facts))
    policy = facts.scene.policy
    share = facts.present_share
    if share is not None and share < policy.confirm_share and not found:
        found.append(reasons.low_share(share, policy.confirm_share))
    found.extend(_node(facts))
    return found or [reasons.not_enough()]


def short_absences(facts: Facts) -> list[Text]:
    """Absences that two families tell of, but too short to contradict."""
    return [
        reasons.short_absence(
            facts.span(run), facts.length_ms(run), facts.least_absence_ms(run) / 60_000
        )
        for run in _longest(facts, facts.absences())
        if facts.length_ms(run) < facts.least_absence_ms(run)
    ]


def _devices(facts: Facts) -> list[Text]:
    found = []
    if facts.scene.unusable:
        found.append(reasons.left_out(sorted(facts.scene.unusable)))
    events = facts.scene.evidence.integrity
    if revoked := sorted({one.device_id for one in events if one.kind == "revoked_key"}):
        found.append(reasons.revoked(revoked))
    if not any(seen.device.kinds for seen in facts.looked.laptops):
        found.append(reasons.no_device())
    return found


def _doubts(facts: Facts) -> list[Text]:
    found = [reasons.doubted(facts.doubted)] if facts.doubted else []
    if facts.in_two_places:
        found.append(reasons.two_places(facts.two_places_ms))
    if facts.home_beside_beacon:
        found.append(reasons.home_beside_beacon(facts.beside_home_ms))
    elif facts.unsettled_ms >= _LEAST_SPAN_MS:
        found.append(reasons.home_unsettled(facts.unsettled_ms))
    if facts.flags:
        found.append(reasons.flagged(facts.flags))
    if facts.looked.badge_missing:
        found.append(reasons.badge_missing())
    if facts.is_tireless:
        found.append(reasons.tireless(facts.span(facts.tireless), facts.length_ms(facts.tireless)))
    witness_ms = facts.scene.policy.time_error_witness_s * 1000
    named = {
        (timed.envelope, timed.index, timed.error_ms)  # one that came twice counts once
        for seen in facts.looked.laptops
        for timed in seen.device.of(Usage)
    }
    errors = sorted(error_ms for _, _, error_ms in named)
    if errors and not 0 <= errors[len(errors) // 2] <= witness_ms:
        found.append(reasons.badly_dated(errors[len(errors) // 2]))
    return found


def _absences(facts: Facts) -> list[Text]:
    """Likely absences that do not make a verdict, and why they do not."""
    found = short_absences(facts)
    for run in _longest(facts, facts.absences()):
        behind = facts.families_behind(run)
        long_enough = facts.length_ms(run) >= facts.least_absence_ms(run)
        if long_enough and len(behind) < FAMILIES_TO_CONTRADICT:
            found.append(reasons.one_family(facts.span(run), behind))
        elif long_enough and facts.left_unclaimed(run):
            found.append(reasons.no_clock_out(facts.span(run)))
    return found


def _person(facts: Facts) -> list[Text]:
    looked = facts.looked
    found = [reasons.badge_alone()] if looked.badge_alone else []
    here_ms = facts.ms_where(lambda slot: any(seen.support(slot) for seen in looked.laptops))
    idle_away_ms = facts.ms_where(
        lambda slot: any(
            seen.against(slot) and not seen.use.worked[slot] for seen in looked.laptops
        ),
    )
    enough_ms = facts.scene.policy.confirm_person_share * facts.covered_ms
    if here_ms and facts.person_ms < enough_ms:
        found.append(reasons.nobody_at_laptop(facts.person_ms))
    elif here_ms and facts.longest_gap_ms > facts.scene.policy.confirm_gap_min * 60_000:
        found.append(reasons.long_gap(facts.span(facts.longest_gap), facts.longest_gap_ms))
    if idle_away_ms >= _LEAST_SPAN_MS and not facts.person_ms:
        found.append(reasons.forgotten(idle_away_ms))
    remote_ms = facts.ms_where(lambda slot: any(seen.use.remote[slot] for seen in looked.laptops))
    regular_ms = facts.ms_where(lambda slot: any(seen.use.regular[slot] for seen in looked.laptops))
    unplaced_ms = facts.ms_where(lambda slot: any(seen.unplaced(slot) for seen in looked.laptops))
    if remote_ms >= _LEAST_SPAN_MS:
        found.append(reasons.remote(remote_ms))
    if regular_ms >= _LEAST_SPAN_MS:
        found.append(reasons.regular(regular_ms))
    if unplaced_ms >= _LEAST_SPAN_MS:
        found.append(reasons.no_place())
    return found


def _coverage(facts: Facts) -> list[Text]:
    quiet = list(facts.runs(lambda slot: not facts.covered[slot] and not facts.scene.exempt[slot]))
    long_ones = [run for run in quiet if facts.length_ms(run) >= _LEAST_SPAN_MS]
    if not long_ones:
        return []
    spans = [(facts.span(run), _gap(facts, run)) for run in _longest(facts, long_ones)]
    return [reasons.not_heard(spans, facts.coverage)]


def _gap(facts: Facts, run: Run) -> str | None:
    """The agent's own reason for most of a quiet stretch."""
    grid = facts.scene.grid
    from_ms, to_ms = grid.from_ms(run[0]), grid.to_ms(run[-1])
    covered: dict[str, int] = {}
    for seen in facts.looked.laptops:
        for timed in seen.device.of(Gap):
            reason, since_ms = _told(timed)
            overlap_ms = min(to_ms, timed.at_ms) - max(from_ms, since_ms)
            covered[reason] = max(covered.get(reason, 0), overlap_ms)
    best = max(sorted(covered), key=lambda reason: covered[reason], default=None)
    return best if best is not None and covered[best] * 2 >= to_ms - from_ms else None


def _told(timed: TimedReading) -> tuple[str, int]:
    gap = timed.reading
    if isinstance(gap, Gap) and gap.from_t is not None:
        return gap.reason, timed.boot_offset_ms + gap.from_t
    return (gap.reason if isinstance(gap, Gap) else ""), timed.at_ms - gap.span_ms


def _node(facts: Facts) -> list[Text]:
    if not facts.scene.site.node_ids or not beacon.silence_llr(facts.scene):
        return []
    quiet_ms = facts.ms_where(lambda slot: not facts.looked.air.well[slot])
    return [reasons.node_quiet(quiet_ms)] if quiet_ms >= _LEAST_SPAN_MS else []


def _longest(facts: Facts, runs: list[Run]) -> list[Run]:
    chosen = sorted(runs, key=lambda run: (-facts.length_ms(run), run.start))[:_MOST_SPANS]
    return sorted(chosen, key=lambda run: run.start)
