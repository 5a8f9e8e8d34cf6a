"""What IT is told of devices over the REST interface."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.factories.api_world import ApiWorld, api_world
from tests.factories.chains import Talker, a_usage, arrived
from tests.factories.devices import ed25519_key, stored_laptop
from tests.factories.vault import VAULT
from zaigang_collector import db
from zaigang_collector.access.model import Scope
from zaigang_collector.ingest.intake import Intake


@pytest.fixture
def world(tmp_path: Path) -> Iterator[ApiWorld]:
    with api_world(tmp_path) as made:
        yield made


def test_a_fork_is_told_with_its_envelope(world: ApiWorld) -> None:
    with db.writing(world.engine) as conn:
        stored = stored_laptop(conn, "desk-7", now_ms=world.clock.utc)
    talker = Talker(stored.id, stored.key)
    intake = Intake(world.engine, VAULT, ed25519_key("receipt"), world.clock, world.randomness)
    first = talker.seal()
    other = talker.fork()
    forged = [talker.seal(), other.seal(readings=[a_usage(other.up_ms, active=0)])]
    intake.take([arrived(talker.id, one, world.clock.utc) for one in (first, *forged)])
    intake.close()
    url = f"/api/v1/fleet/devices/{talker.id}/events"
    headers = world.token(Scope.READ_HEALTH)
    (told,) = world.client.get(url, headers=headers).json()["items"]
    assert told["kind"] == "fork"
    assert len(told["envelope"]) == 64
    later = {"from": "2100-01-01T00:00:00+08:00"}
    assert world.client.get(url, headers=headers, params=later).json() == {"items": []}


def test_events_of_an_unknown_device_are_a_404_and_of_the_wrong_scope_a_403(
    world: ApiWorld,
) -> None:
    url = "/api/v1/fleet/devices/lap-nobody/events"
    assert world.client.get(url, headers=world.token(Scope.READ_HEALTH)).status_code == 404
    assert world.client.get(url, headers=world.token(Scope.READ_CLOCK_INS)).status_code == 403
