"""What the verifier reads of assessments, policies and clock-ins is what the collector writes."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

from tests.factories import bundles, evidence
from tests.factories.bundles import START_MS, World
from zaigang_collector.assessment import body as bodies
from zaigang_collector.attendance.model import Direction, NewClockIn
from zaigang_collector.matching.assess import assess
from zaigang_collector.matching.model import Assessment, Evidence, Reference
from zaigang_collector.matching.policy import default_policy
from zaigang_shared import bundle, bundle_check, envelope
from zaigang_shared.bundle import Subject
from zaigang_shared.bundle_report import Answer, Report
from zaigang_shared.ledger_entry import EntryType

PUNCH = NewClockIn(
    source="dingtalk",
    source_id="88123456",
    employee_id="e001",
    site_id="lujiazui",
    direction=Direction.IN,
    punched_ms=START_MS,
    received_ms=None,
)


def judged(world: World) -> Assessment:
    """A real assessment of a day without readings, made to rest on an envelope of the bundle."""
    claim = evidence.claim(
        employee_id="e001",
        site_id="lujiazui",
        start_ms=START_MS,
        end_ms=START_MS + 3_600_000,
        clock_in_ids=(f"{PUNCH.clock_in_id()}@1",),
    )
    found = assess(claim, evidence.site(), Evidence(), default_policy())
    rests = Reference(envelope.digest(world.envelopes[0]), 0)
    finding = dataclasses.replace(found.findings[0], references=(rests,))
    return dataclasses.replace(found, findings=(finding, *found.findings[1:]))


def checked(**changes: Any) -> Report:
    """A bundle with what the collector writes, exported as the collector would."""
    world = bundles.a_world()
    world.note_down(EntryType.CLOCK_IN, PUNCH.body())
    assessment = bodies.encode(dataclasses.replace(judged(world), **changes))
    policy = bodies.canonical(dataclasses.asdict(default_policy()))
    synthetic = world.parts()
    shown = dataclasses.replace(
        synthetic,
        subject=Subject("as-1", 1, "e001", "lujiazui", START_MS, START_MS + 3_600_000),
        assessment=assessment,
        policy=policy,
    )
    for kind, data in ((EntryType.POLICY, policy), (EntryType.ASSESSMENT, assessment)):
        world.enter(kind, data)
    entries = [
        bundle.Proven(index, leaf, world.tree().proof(index))
        for index, (leaf, _) in enumerate(world.log, world.first_index)
    ]
    shown = dataclasses.replace(shown, entries=entries, checkpoint=str(world.checkpoint()))
    return bundle_check.check(bundle.write(shown), world.named())


def test_a_bundle_with_what_the_collector_writes_holds() -> None:
    report = checked()
    assert report.broken is None
    assert report.answer is Answer.HOLDS


def test_an_assessment_of_another_policy_does_not() -> None:
    broken = checked(policy_hash="0" * 64).broken
    assert broken is not None
    assert broken.record == "policy.json"


def test_the_policys_file_has_the_hash_that_assessments_name() -> None:
    body = bodies.canonical(dataclasses.asdict(default_policy()))
    assert hashlib.sha256(b"zaigang/policy/1\0" + body).hexdigest() == default_policy().hash()
