"""`assess`: from a claim and the evidence to an assessment. Pure; the front door of matching."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from zaigang_collector.matching import fusion, presence, timeline, verdict, work
from zaigang_collector.matching.errors import ClaimError
from zaigang_collector.matching.facts import WITNESSES, Facts
from zaigang_collector.matching.grid import Grid, grid_of
from zaigang_collector.matching.model import Assessment, Claim, Evidence, Family, SiteFacts
from zaigang_collector.matching.policy import Policy
from zaigang_collector.matching.signals import integrity
from zaigang_collector.matching.timeline import Scene, Trace

# Only what devices saw covers a slot; a claim does not cover itself.
_COVERING = frozenset({Family.RADIO, Family.HANDS, Family.AIR})


def assess(claim: Claim, site: SiteFacts, evidence: Evidence, policy: Policy) -> Assessment:
    """Judge one attendance interval.

    The same evidence in any order gives the same assessment, bit for bit. Raises ClaimError when
    the interval cannot be assessed; odd evidence never raises, it is silence.
    """
    if claim.site_id != site.site_id:
        raise ClaimError(
            f"the claim is about site {claim.site_id!r}, the facts are of {site.site_id!r}; "
            "expected the same"
        )
    scene = scene_of(claim, site, evidence, policy)
    looked = presence.look(scene)
    count = scene.grid.count
    families = fusion.by_family(looked.traces, policy)
    posteriors = fusion.posteriors(families, policy, count)
    told = fusion.attended(posteriors, looked.person, policy)
    facts = Facts(
        scene=scene,
        looked=looked,
        posteriors=posteriors,
        told=told,
        against=_against(looked.traces, families),
        covered=_covered(looked.traces, count),
        doubted=integrity.doubted(scene),
    )
    judged = verdict.judge(facts)
    worked, work_text = work.judge(scene, looked)
    return Assessment(
        claim=claim,
        presence=judged.presence,
        work=worked,
        coverage=round(facts.coverage, 6),
        present_share=None if facts.present_share is None else round(facts.present_share, 6),
        slot_ms=policy.slot_ms,
        posteriors=told,
        covered=tuple(facts.covered),
        stretches=judged.stretches,
        findings=tuple(trace.finding() for trace in looked.traces),
        reasons=(*judged.reasons, work_text),
        held_together=judged.held_together,
        provisional=judged.provisional,
        policy_hash=policy.hash(),
    )


def scene_of(claim: Claim, site: SiteFacts, evidence: Evidence, policy: Policy) -> Scene:
    """The evidence laid out for the signals. Raises ClaimError."""
    grid = grid_of(claim, policy)
    left_out = integrity.unusable(evidence)
    return Scene(
        claim=claim,
        site=site,
        evidence=evidence,
        policy=policy,
        grid=grid,
        laptops=_usable(timeline.devices(evidence.laptops), left_out),
        nodes=_usable(timeline.devices(evidence.nodes), left_out),
        unusable=left_out,
        exempt=_exempt(claim, grid),
    )


def _usable(
    found: Sequence[timeline.Device], left_out: frozenset[str]
) -> tuple[timeline.Device, ...]:
    return tuple(device for device in found if device.device_id not in left_out)


def _exempt(claim: Claim, grid: Grid) -> tuple[bool, ...]:
    """Slots that an exemption covers to a half or more."""
    if not claim.exemptions:
        return (False,) * grid.count
    result = []
    for slot in range(grid.count):
        from_ms, to_ms = grid.from_ms(slot), grid.to_ms(slot)
        result.append(
            any(
                2 * (min(to_ms, part.to_ms) - max(from_ms, part.from_ms)) >= to_ms - from_ms
                for part in claim.exemptions
            )
        )
    return tuple(result)


def _against(
    traces: Sequence[Trace], families: Mapping[Family, Sequence[float]]
) -> Mapping[Family, Sequence[float]]:
    """What may stand behind a contradiction: never more than what the family says in all."""
    result = {}
    for family in WITNESSES:
        own = [trace.against for trace in traces if trace.family is family]
        if own:
            sums = [math.fsum(values) for values in zip(*own, strict=True)]
            result[family] = [
                min(0.0, max(said, whole))
                for said, whole in zip(sums, families[family], strict=True)
            ]
    return result


def _covered(traces: Sequence[Trace], count: int) -> list[bool]:
    telling = [trace.slots for trace in traces if trace.family in _COVERING]
    if not telling:
        return [False] * count
    return [any(values) for values in zip(*telling, strict=True)]
