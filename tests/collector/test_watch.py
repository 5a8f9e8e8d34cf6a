"""Who is told of a changed configuration, when, and how often; and who is cut off."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.factories.devices import TestDevice, stored_laptop, stored_node
from tests.factories.directory import stored_employee, stored_site
from tests.fakes.clock import FakeClock
from tests.fakes.randomness import Repeatable
from zaigang_collector import bootstrap
from zaigang_collector.bootstrap import Opened
from zaigang_collector.bootstrap.watch import FULL_EVERY_MS, Watch
from zaigang_collector.config import Settings
from zaigang_collector.devices import service as devices
from zaigang_collector.devices.model import DeviceStatus
from zaigang_collector.directory import shifts
from zaigang_shared import device_config
from zaigang_shared.device_config import SignedConfig


class World:
    """A collector with one laptop and one node, and both ends of the line in a test's hands."""

    def __init__(self, collector: Opened, clock: FakeClock) -> None:
        self.collector = collector
        self.clock = clock
        self.up = True
        self.sent: list[SignedConfig] = []
        self.connected: set[str] = set()
        self.cut: list[str] = []
        with collector.writing() as conn:
            stored_site(conn)
            stored_employee(conn)
            self.laptop: TestDevice = stored_laptop(conn, issuer=collector.issuer)
            self.node: TestDevice = stored_node(conn, issuer=collector.issuer)
        self.watch = Watch(collector, self)
        self.watch.connected()

    def send_down(self, device_id: str, data: bytes) -> bool:
        if self.up:
            key = self.collector.keys.receipt_key.public_key()
            signed = device_config.open_config(data, key)
            assert signed.device_id == device_id
            self.sent.append(signed)
        return self.up

    def disconnect(self, device_id: str) -> None:
        self.cut.append(device_id)
        self.connected.discard(device_id)

    def come(self, *ids: str) -> None:
        for device_id in ids:
            self.connected.add(device_id)
            self.watch.heard(device_id, online=True)

    def go(self, device_id: str) -> None:
        self.connected.discard(device_id)
        self.watch.heard(device_id, online=False)

    def shift(self, text: str) -> None:
        with self.collector.writing() as conn:
            stored_employee(conn, shift=shifts.parse(text))

    def status(self, status: DeviceStatus) -> None:
        with self.collector.writing() as conn:
            devices.set_status(
                conn, self.laptop.id, status, "x", self.clock.utc, Repeatable(status.value)
            )

    def passes(self, count: int = 1) -> list[tuple[str, int]]:
        """What went out in so many passes."""
        self.sent.clear()
        for _ in range(count):
            self.watch.run_once(self)
            self.clock.advance(2_000)
        return [(signed.device_id, signed.version) for signed in self.sent]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    clock, randomness = FakeClock(), Repeatable()
    bootstrap.init(tmp_path / "data", Settings(), clock, randomness)
    with bootstrap.opened(tmp_path / "data", clock, randomness) as collector:
        yield World(collector, clock)


def test_a_fleet_that_comes_online_with_what_it_enrolled_with_is_told_nothing(
    world: World,
) -> None:
    world.come(world.laptop.id, world.node.id)
    assert world.passes(3) == []


def test_a_changed_shift_goes_once_to_the_laptop_that_it_is_about(world: World) -> None:
    world.come(world.laptop.id, world.node.id)
    world.passes()
    world.shift("Mon 10:00-12:00")
    assert world.passes(5) == [(world.laptop.id, 2)]
    assert world.passes(FULL_EVERY_MS // 2_000 + 1) == []


def test_who_was_away_is_told_when_it_comes_and_only_then(world: World) -> None:
    world.passes()
    world.shift("Mon 10:00-12:00")
    assert world.passes(3) == []
    world.come(world.laptop.id)
    assert world.passes(3) == [(world.laptop.id, 2)]
    world.clock.advance(600_000)
    for _ in range(3):
        world.go(world.laptop.id)
        world.come(world.laptop.id)
    assert world.passes(3) == []


def test_what_was_sent_just_before_a_connection_ended_is_sent_again(world: World) -> None:
    world.come(world.laptop.id)
    world.shift("Mon 10:00-12:00")
    assert world.passes() == [(world.laptop.id, 2)]
    world.go(world.laptop.id)
    world.come(world.laptop.id)
    assert world.passes(3) == [(world.laptop.id, 2)]


def test_a_new_connection_to_the_broker_forgets_what_may_be_lost(world: World) -> None:
    world.come(world.laptop.id)
    world.shift("Mon 10:00-12:00")
    world.passes()
    world.watch.connected()
    assert world.passes(3) == [(world.laptop.id, 2)]


def test_behind_another_broker_nobody_is_online_until_that_is_heard_anew(world: World) -> None:
    world.watch = Watch(world.collector, None)
    world.watch.connected()
    world.watch.heard(world.laptop.id, online=True)
    world.passes()
    world.watch.connected()  # the broker was down: the laptop may not be back yet
    world.shift("Mon 10:00-12:00")
    assert world.passes(3) == []
    world.watch.heard(world.laptop.id, online=True)
    assert world.passes(3) == [(world.laptop.id, 2)]


def test_without_a_connection_it_is_said_later(world: World) -> None:
    world.come(world.laptop.id)
    world.shift("Mon 10:00-12:00")
    world.up = False
    assert world.passes(3) == []
    world.up = True
    assert world.passes(3) == [(world.laptop.id, 2)]


def test_settings_that_differ_after_a_restart_reach_everybody(world: World) -> None:
    settings = Settings(usage_s=30)
    old = world.collector
    changed = Opened(
        old.directory, settings, old.keys, old.engine, old.clock, old.randomness, old.vault
    )
    world.watch = Watch(changed, world)
    world.watch.connected()
    world.come(world.laptop.id, world.node.id)
    assert sorted(world.passes(3)) == [(world.laptop.id, 2), (world.node.id, 2)]
    assert {signed.config.usage_s for signed in world.sent} == {30}


def test_a_laptop_that_changes_hands_is_told_of_its_new_hours(world: World) -> None:
    world.come(world.laptop.id)
    world.passes()
    with world.collector.writing() as conn:
        devices.hand_over(conn, world.laptop.id, world.clock.utc, Repeatable("store"))
    assert world.passes(2) == [(world.laptop.id, 2)]
    hours = world.sent[0].config.hours
    assert hours is not None
    assert hours.shifts == ()


@pytest.mark.parametrize(
    "status", [DeviceStatus.REVOKED, DeviceStatus.LOST, DeviceStatus.QUARANTINED]
)
def test_a_device_that_is_listened_to_no_longer_is_cut_off_and_told_nothing(
    world: World, status: DeviceStatus
) -> None:
    world.come(world.laptop.id, world.node.id)
    world.passes()
    world.shift("Mon 10:00-12:00")
    world.status(status)
    assert world.passes() == []
    assert world.cut == [world.laptop.id]


def test_who_was_being_let_in_while_it_was_revoked_is_cut_off_too(world: World) -> None:
    world.passes()
    world.status(DeviceStatus.REVOKED)
    world.passes()
    world.connected.add(world.laptop.id)  # the register was asked just before
    world.passes()
    assert world.cut == [world.laptop.id]


def test_the_collector_itself_is_never_cut_off(world: World) -> None:
    world.connected.add("collector-main")
    world.status(DeviceStatus.REVOKED)
    world.passes(3)
    assert world.cut == []
