"""From signed envelopes and clock-ins to stored assessments."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.factories.api_world import ApiWorld, api_world
from tests.factories.devices import ed25519_key, stored_laptop
from tests.factories.judging import HOUR_MS, MINUTE_MS, SITE_NET, START, Talker
from tests.factories.vault import VAULT
from zaigang_collector import db
from zaigang_collector.access.model import Scope
from zaigang_collector.assessment import service, store
from zaigang_collector.assessment.gather import claimed_intervals, gather
from zaigang_collector.assessment.model import Outcome, StoredAssessment
from zaigang_collector.attendance import exemptions
from zaigang_collector.attendance import service as attendance
from zaigang_collector.attendance.model import Direction, ExemptionKind, NewClockIn
from zaigang_collector.attendance.service import StoredExemption
from zaigang_collector.ingest.intake import Intake
from zaigang_collector.ledger import service as ledger
from zaigang_collector.matching.model import Presence
from zaigang_shared import envelope


@pytest.fixture
def world(tmp_path: Path) -> Iterator[ApiWorld]:
    with api_world(tmp_path) as made:
        yield made


@pytest.fixture
def laptop(world: ApiWorld) -> Iterator[Talker]:
    with db.writing(world.engine) as conn:
        device = stored_laptop(conn, employee_id="E001")
    intake = Intake(world.engine, VAULT, ed25519_key("receipt"), world.clock, world.randomness)
    yield Talker(world, intake, device)
    intake.close()


def clock_in(
    world: ApiWorld, direction: Direction, at_ms: int, source_id: str | None = None
) -> None:
    new = NewClockIn(
        source="test",
        source_id=source_id or direction.value,
        employee_id="E001",
        site_id="hq",
        direction=direction,
        punched_ms=at_ms,
        received_ms=None,
    )
    with db.writing(world.engine) as conn:
        attendance.record(conn, VAULT, new, world.clock.utc, world.randomness)


def a_day(world: ApiWorld, hours: int = 4) -> None:
    clock_in(world, Direction.IN, START)
    clock_in(world, Direction.OUT, START + hours * HOUR_MS)
    world.clock.utc = START + (hours + 2) * HOUR_MS


def judge(world: ApiWorld) -> list[Outcome]:
    span = START - 24 * HOUR_MS, START + 24 * HOUR_MS
    judged = service.judge_span(world.engine, world.judge, *span, world.clock.utc)
    return [one.outcome for one in judged]


def newest(world: ApiWorld) -> list[StoredAssessment]:
    with db.reading(world.engine) as conn:
        return list(store.list_page(conn, VAULT, store.Filter(), None, 100))


def test_a_day_on_the_sites_network_is_confirmed_with_references(
    world: ApiWorld, laptop: Talker
) -> None:
    laptop.works(START - HOUR_MS // 2, START + 5 * HOUR_MS, SITE_NET)
    a_day(world)
    assert judge(world) == [Outcome.ADDED]
    (stored,) = newest(world)
    assert stored.presence is Presence.CONFIRMED
    body = json.loads(stored.body)
    referenced = {
        reference["envelope"] for finding in body["findings"] for reference in finding["references"]
    }
    headers = world.token(Scope.READ_READINGS)
    assert referenced
    for sha256 in sorted(referenced)[::40]:
        answer = world.client.get(f"/api/v1/envelopes/{sha256}", headers=headers)
        assert envelope.digest(answer.content).hex() == sha256


def test_the_ledger_commits_to_the_body_and_the_policy_is_kept(
    world: ApiWorld, laptop: Talker
) -> None:
    laptop.works(START, START + 4 * HOUR_MS, SITE_NET)
    a_day(world)
    judge(world)
    (stored,) = newest(world)
    with db.reading(world.engine) as conn:
        entries = ledger.entries_of(conn, ledger.EntryType.ASSESSMENT, f"{stored.id}@1")
        policies = ledger.entries_of(conn, ledger.EntryType.POLICY, stored.policy_hash)
    assert [entry.body_hash for entry in entries] == [stored.body_hash]
    assert len(policies) == 1


def test_judging_again_on_the_same_evidence_makes_no_new_version(
    world: ApiWorld, laptop: Talker
) -> None:
    laptop.works(START, START + 5 * HOUR_MS, SITE_NET)
    a_day(world)
    assert judge(world) == [Outcome.ADDED]
    world.clock.advance(MINUTE_MS)
    assert judge(world) == [Outcome.UNCHANGED]
    assert [one.version for one in newest(world)] == [1]


def test_late_evidence_makes_a_new_version_and_keeps_the_old_one(
    world: ApiWorld, laptop: Talker
) -> None:
    a_day(world)
    assert judge(world) == [Outcome.ADDED]
    assert newest(world)[0].presence is Presence.UNVERIFIED
    laptop.works(START, START + 5 * HOUR_MS, SITE_NET)
    assert judge(world) == [Outcome.NEW_VERSION]
    (stored,) = newest(world)
    assert (stored.version, stored.presence) == (2, Presence.CONFIRMED)
    with db.reading(world.engine) as conn:
        kept = store.versions(conn, VAULT, stored.id)
    assert [one.presence for one in kept] == [Presence.UNVERIFIED, Presence.CONFIRMED]


def test_an_interval_that_goes_on_is_not_judged(world: ApiWorld) -> None:
    clock_in(world, Direction.IN, START)
    world.clock.utc = START + HOUR_MS
    assert judge(world) == [Outcome.NOT_OVER]
    assert newest(world) == []


def test_a_punch_that_is_edited_away_withdraws_its_assessment(world: ApiWorld) -> None:
    a_day(world)
    judge(world)
    clock_in(world, Direction.IN, START + 5 * HOUR_MS)  # the same punch, corrected to the evening
    assert judge(world) == [Outcome.NOT_OVER]
    assert newest(world) == []


def test_a_late_out_punch_moves_the_end_of_the_same_assessment(world: ApiWorld) -> None:
    a_day(world)
    judge(world)
    before = newest(world)[0]
    clock_in(world, Direction.OUT, START + 5 * HOUR_MS)
    assert judge(world) == [Outcome.NEW_VERSION]
    (after,) = newest(world)
    assert (after.id, after.version) == (before.id, 2)
    assert after.end_ms == START + 5 * HOUR_MS


def test_leave_is_exempt(world: ApiWorld, laptop: Talker) -> None:
    laptop.works(START, START + 4 * HOUR_MS, None)
    a_day(world)
    leave = StoredExemption(
        "E001", START - HOUR_MS, START + 9 * HOUR_MS, ExemptionKind.LEAVE, "test", "1"
    )
    with db.writing(world.engine) as conn:
        exemptions.record(conn, VAULT, leave, world.clock.utc, world.randomness)
    judge(world)
    assert newest(world)[0].presence is Presence.EXEMPT


def test_readings_from_before_the_laptop_was_theirs_do_not_count(
    world: ApiWorld, laptop: Talker
) -> None:
    laptop.works(START, START + 4 * HOUR_MS, SITE_NET)
    a_day(world)
    with db.writing(world.engine) as conn:
        (claimed,) = claimed_intervals(conn, VAULT, "E001", START, START + 1)
        theirs = gather(
            conn, VAULT, claimed, world.clock.utc, world.judge.collector_key, world.judge.policy
        )
        other = dataclasses.replace(claimed, employee_id="E002")
        foreign = gather(
            conn, VAULT, other, world.clock.utc, world.judge.collector_key, world.judge.policy
        )
    assert sum(len(one.readings) for one in theirs.evidence.laptops) > 0
    assert foreign.evidence.laptops == ()
    assert theirs.evidence_hash != foreign.evidence_hash


def test_who_has_something_new_is_due_and_then_not_any_more(world: ApiWorld) -> None:
    a_day(world)
    span = START - HOUR_MS, START + HOUR_MS
    with db.writing(world.engine) as conn:
        assert service.people_due(conn, world.judge, *span, world.clock.utc) == ["E001"]
    service.judge_person(world.engine, world.judge, "E001", *span, world.clock.utc)
    with db.reading(world.engine) as conn:
        assert service.people_due(conn, world.judge, *span, world.clock.utc) == []


def test_the_interface_judges_lists_and_shows_with_evidence(
    world: ApiWorld, laptop: Talker
) -> None:
    laptop.works(START, START + 5 * HOUR_MS, SITE_NET)
    a_day(world)
    headers = world.token(Scope.READ_ASSESSMENTS, Scope.WRITE_ASSESSMENTS)
    url = "/api/v1/assessments"
    body = {"start": "2026-09-22T00:00:00Z", "end": "2026-09-23T00:00:00Z"}
    ran = world.client.post(f"{url}/run", json=body, headers=headers)
    assert ran.json() == {"outcomes": {"added": 1}}
    (item,) = world.client.get(url, params={"presence": "confirmed"}, headers=headers).json()[
        "items"
    ]
    assert item["reasons"][0].keys() == {"zh", "en"}
    answer = world.client.get(f"{url}/{item['id']}", headers=headers)
    shown = answer.json()
    assert {finding["signal"] for finding in shown["findings"]} >= {"network", "hands"}
    assert len(shown["slots"]) == 48
    again = headers | {"if-none-match": answer.headers["etag"]}
    assert world.client.get(f"{url}/{item['id']}", headers=again).status_code == 304
    versions = world.client.get(f"{url}/{item['id']}/versions", headers=headers).json()["versions"]
    assert [one["version"] for one in versions] == [1]
    reading = world.token(Scope.READ_READINGS)
    (device,) = world.client.get(f"{url}/{item['id']}/readings", headers=reading).json()["devices"]
    assert device["device"] == laptop.device.id
    assert {one["kind"] for one in device["readings"]} == {"usage", "network"}
    none = world.client.get(url, params={"presence": "contradicted"}, headers=headers).json()
    assert none["items"] == []
