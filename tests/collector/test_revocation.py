"""A key that was out of its owner's hands: what it signed since is kept, and no evidence."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories.chains import Talker as Chained
from tests.factories.chains import arrived
from tests.factories.devices import ed25519_key, stored_laptop
from tests.factories.judging import HOME_NET, HOUR_MS, MINUTE_MS, SITE_NET, START, Office, office
from tests.factories.vault import VAULT
from tests.fakes.clock import FakeClock
from tests.fakes.database import all_tables, in_file
from tests.fakes.randomness import Repeatable
from zaigang_collector import db
from zaigang_collector.access.model import Scope
from zaigang_collector.assessment.gather import claimed_intervals, gather, inputs_hash
from zaigang_collector.assessment.model import Outcome
from zaigang_collector.devices import service as devices
from zaigang_collector.devices.model import DeviceStatus
from zaigang_collector.ingest import behind, revocation
from zaigang_collector.ingest import service as ingest
from zaigang_collector.ingest.behind import Quoted
from zaigang_collector.ingest.intake import Intake
from zaigang_collector.matching.model import Claim, Direction, Evidence, IntegrityEvent, SiteFacts
from zaigang_collector.matching.policy import default_policy
from zaigang_collector.matching.signals import integrity

all_tables()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path) as made:
        yield made


def revoke(house: Office, device_id: str, from_ms: int) -> None:
    with db.writing(house.world.engine) as conn:
        devices.revoke(
            conn, device_id, "stolen", house.world.clock.utc, house.world.randomness, from_ms
        )


def events(house: Office) -> list[str]:
    (kept,) = _gathered(house)
    return [one.kind for one in kept.integrity]


def _gathered(house: Office) -> list[Evidence]:
    now_ms = house.world.clock.utc
    with db.reading(house.world.engine) as conn:
        claimed = claimed_intervals(conn, VAULT, "E001", START - HOUR_MS, START + 24 * HOUR_MS)
        return [
            gather(
                conn, VAULT, one, now_ms, house.world.judge.collector_key, house.world.judge.policy
            ).evidence
            for one in claimed
        ]


def test_a_thief_who_uses_the_laptops_key_between_loss_and_report_says_nothing(
    house: Office,
) -> None:
    """Stolen on the way to the site and used where the owner's home network is in reach, by somebody
    of the household perhaps; the theft is reported in the evening."""
    laptop = house.laptop()
    house.home()
    loss = START - HOUR_MS // 2
    laptop.works(loss - HOUR_MS, loss, HOME_NET)
    laptop.works(loss, START + 5 * HOUR_MS, HOME_NET)
    house.a_day()
    believed = house.verdict()
    assert believed == "contradicted"
    revoke(house, laptop.device.id, loss)
    assert house.judge() == [Outcome.NEW_VERSION]
    (stored,) = house.newest()
    assert stored.presence.value != "contradicted"
    assert events(house) == ["revoked_key"]
    # Kept byte for byte, and told: by the reasons, in both languages.
    with db.reading(house.world.engine) as conn:
        chain = ingest.chain_of(conn, laptop.device.id)
    assert chain is not None
    assert chain.through == laptop.seq
    assert "was revoked" in stored.body.decode()
    assert "密钥已吊销" in stored.body.decode()


def test_a_late_revocation_judges_again_and_a_second_one_only_ever_further_back(
    house: Office,
) -> None:
    laptop = house.laptop()
    laptop.works(START - HOUR_MS // 2, START + 5 * HOUR_MS, SITE_NET)
    house.a_day()
    assert house.verdict() == "confirmed"

    def inputs() -> bytes:
        with db.reading(house.world.engine) as conn:
            (claimed,) = claimed_intervals(conn, VAULT, "E001", START - HOUR_MS, START + HOUR_MS)
            return inputs_hash(conn, claimed, default_policy(), waited=True)

    seen = [inputs()]
    for from_ms in (START + 3 * HOUR_MS, START + HOUR_MS):
        revoke(house, laptop.device.id, from_ms)
        assert house.judge() == [Outcome.NEW_VERSION]
        seen.append(inputs())
    assert len(set(seen)) == 3
    revoke(house, laptop.device.id, START + 2 * HOUR_MS)
    assert house.judge() == [Outcome.UNCHANGED]
    (evidence,) = _gathered(house)
    assert max(one.at_ms for one in evidence.laptops[0].readings) <= START + HOUR_MS


def test_a_revocation_after_the_interval_leaves_it_as_it_is(house: Office) -> None:
    laptop = house.laptop()
    laptop.works(START - HOUR_MS // 2, START + 4 * HOUR_MS + 30 * MINUTE_MS, SITE_NET)
    house.a_day()
    assert house.verdict() == "confirmed"
    revoke(house, laptop.device.id, house.world.clock.utc)
    house.judge()
    assert house.newest()[0].presence.value == "confirmed"
    assert events(house) == []


def test_what_was_spooled_and_came_late_is_evidence_only_if_what_came_in_time_names_it(
    house: Office,
) -> None:
    laptop = house.laptop()
    loss = START + 2 * HOUR_MS
    laptop.works(START - HOUR_MS // 2, START, SITE_NET)
    laptop.works(START, START + HOUR_MS, SITE_NET, spool=True)
    spooled = laptop.seq
    laptop.works(START + HOUR_MS, loss - 10 * MINUTE_MS, SITE_NET)  # overtakes the spool
    in_time = laptop.seq
    laptop.works(
        loss - 10 * MINUTE_MS, loss, SITE_NET, spool=True
    )  # nobody can tell from a thief's
    laptop.deliver_spool(loss + HOUR_MS)
    with db.reading(house.world.engine) as conn:
        found = revocation.doubtful(conn, laptop.device.id, loss)
    assert spooled < in_time
    assert found == set(range(in_time + 1, laptop.seq + 1))


@given(
    st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=1, max_size=14),
)
def test_nothing_that_can_be_later_counts_and_nothing_that_was_here_is_lost(
    tmp_path_factory: pytest.TempPathFactory, plan: list[tuple[bool, bool, bool]]
) -> None:
    """Each envelope: in time or late, there at all, and with a link that holds."""
    engine = in_file(tmp_path_factory.mktemp("revoked"))
    clock = FakeClock()
    intake = Intake(engine, VAULT, ed25519_key("receipt"), clock, Repeatable("x"))
    with db.writing(engine) as conn:
        device = stored_laptop(conn, now_ms=clock.utc)
    talker = Chained(device.id, device.key)
    since_ms = clock.utc + 1000
    batch = []
    plan = [(plan[0][0], plan[0][1], True), *plan[1:]]  # the first names nobody
    for in_time, there, linked in plan:
        data = talker.seal() if linked else talker.seal(prev=b"x" * 32)
        if there:
            batch.append(arrived(talker.id, data, since_ms - 500 if in_time else since_ms))
    intake.take(batch)
    intake.close()
    with db.reading(engine) as conn:
        found = revocation.doubtful(conn, talker.id, since_ms)
    engine.dispose()
    expected = set()
    for at, (in_time, there, _) in enumerate(plan):
        if not there or in_time:
            continue
        # Vouched for: an unbroken walk forward to one that was here in time.
        ahead = at + 1
        while ahead < len(plan) and plan[ahead][1] and plan[ahead][2] and not plan[ahead][0]:
            ahead += 1
        vouched = ahead < len(plan) and plan[ahead] == (True, True, True)
        if not vouched:
            expected.add(at + 1)
    assert found == expected


def test_a_stolen_nodes_beacon_places_nobody_since_it_was_stolen(house: Office) -> None:
    laptop, node = house.laptop(), house.node()
    heard = [(node.device, 0)]
    laptop.works(START - HOUR_MS // 2, START + 5 * HOUR_MS, None, heard=heard)
    house.a_day()
    (before,) = _gathered(house)
    loss = START + 2 * HOUR_MS
    revoke(house, node.device.id, loss)
    (after,) = _gathered(house)
    assert len(after.beacons) < len(before.beacons)
    assert max(one.slot for one in after.beacons.values()) * 15_000 < loss


def test_over_the_interface_a_theft_has_effect_from_when_it_happened(house: Office) -> None:
    laptop = house.laptop()
    house.at(START)
    headers = house.world.token(Scope.WRITE_DEVICES)
    url = f"/api/v1/devices/{laptop.device.id}/status"
    body = {"status": "revoked", "why": "stolen", "revoked_from": "2026-09-22T08:00:00+08:00"}
    for wrong in ("yesterday", "2026-09-22T08:00:00", 5):
        answer = house.world.client.put(url, json=body | {"revoked_from": wrong}, headers=headers)
        assert answer.status_code == 422, wrong
    lost = house.world.client.put(url, json=body | {"status": "lost"}, headers=headers)
    assert lost.status_code == 409
    done = house.world.client.put(url, json=body, headers=headers)
    assert (done.status_code, done.json()["revoked_at"]) == (200, "2026-09-22T00:00:00Z")
    with db.reading(house.world.engine) as conn:
        device = devices.get(conn, laptop.device.id)
    assert device is not None
    assert device.status is DeviceStatus.REVOKED


# An older backup of ours is nobody's fault but ours.

DAY_MS = 24 * HOUR_MS


@pytest.mark.parametrize(
    ("quotes", "found"),
    [
        ([], set()),
        ([Quoted("a", 0, after_hole=False)], set()),
        ([Quoted("a", 0, after_hole=False), Quoted("a", 5, after_hole=False)], set()),
        ([Quoted("a", 0, after_hole=True)], {"a"}),
        ([Quoted("a", 0, after_hole=False), Quoted("b", DAY_MS, after_hole=False)], {"a", "b"}),
        ([Quoted("a", 0, after_hole=False), Quoted("b", 90 * DAY_MS, after_hole=False)], set()),
        ([Quoted("a", 0, after_hole=True), Quoted("b", 90 * DAY_MS, after_hole=False)], {"a"}),
    ],
)
def test_several_devices_or_a_hole_before_it_are_an_older_backup(
    quotes: list[Quoted], found: set[str]
) -> None:
    assert behind.explained(quotes) == found
    assert behind.explained(reversed(quotes)) == found


def test_one_devices_unknown_receipt_is_told_and_two_are_a_warning(house: Office) -> None:
    first, second = house.laptop(), house.laptop("desk-8", "E002")
    first.works(START, START + 10 * MINUTE_MS, SITE_NET)
    second.works(START + 10 * MINUTE_MS, START + 20 * MINUTE_MS, SITE_NET)
    first.rcpt = b"r" * 32
    first.works(START + 20 * MINUTE_MS, START + HOUR_MS, SITE_NET)
    house.a_day()
    assert events(house) == ["unknown_receipt"]
    with db.reading(house.world.engine) as conn:
        assert ingest.warnings(conn) == ()
    house.judge()
    second.rcpt = b"s" * 32
    second.works(house.world.clock.utc, house.world.clock.utc + MINUTE_MS, SITE_NET)
    assert events(house) == ["collector_behind"]
    # What is known of somebody else's device changed what is said of this one: judged again.
    assert house.judge() == [Outcome.NEW_VERSION]
    headers = house.world.token(Scope.READ_LEDGER)
    answer = house.world.client.get("/api/v1/ledger", headers=headers).json()
    assert answer["warnings"] == [
        "2 devices quote receipts that this database never gave: it may have been restored from an "
        "older backup"
    ]


@pytest.mark.parametrize("kind", sorted(integrity.NEUTRAL))
def test_what_is_nobodys_fault_changes_no_verdict_and_points_at_nobody(
    house: Office, kind: str
) -> None:
    from zaigang_collector.matching.assess import assess

    laptop = house.laptop()
    laptop.works(START - HOUR_MS // 2, START + 5 * HOUR_MS, SITE_NET)
    house.a_day()
    now_ms, judge = house.world.clock.utc, house.world.judge
    with db.reading(house.world.engine) as conn:
        (claimed,) = claimed_intervals(conn, VAULT, "E001", START - HOUR_MS, START + HOUR_MS)
        gathered = gather(conn, VAULT, claimed, now_ms, judge.collector_key, judge.policy)
    event = IntegrityEvent(laptop.device.id, kind, START + HOUR_MS, "")
    told = dataclasses.replace(gathered.evidence, integrity=(event,))

    def judged(claim: Claim, site: SiteFacts, evidence: Evidence) -> tuple[object, ...]:
        made = assess(claim, site, evidence, judge.policy)
        (found,) = [one for one in made.findings if one.signal == "integrity"]
        assert found.direction is Direction.SILENT
        return made.presence, made.posteriors, made.coverage

    without = judged(gathered.claim, gathered.site, gathered.evidence)
    assert judged(gathered.claim, gathered.site, told) == without
