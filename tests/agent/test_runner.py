"""When the agent looks, what it says of what it did not see, and that nothing is lost on the way."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from tests.fakes.agent import (
    COLLECTOR,
    DEVICE_ID,
    NET_KEY,
    FakeSampler,
    FakeUplink,
    Store,
    a_config,
    a_usage,
    enrolled,
    key_named,
)
from tests.fakes.clock import FakeClock
from tests.fakes.platform import FakePlatform
from zaigang_agent import keys, statusfile
from zaigang_agent.errors import (
    AgentError,
    EnrolmentError,
    SampleError,
    SpoolFullError,
    SpoolRolledBackError,
)
from zaigang_agent.keys import Identity
from zaigang_agent.runner import Parts, Runner
from zaigang_agent.samplers.base import Now, Sampler
from zaigang_agent.sealing import Buffer, admitted, value
from zaigang_agent.spool import Spool
from zaigang_shared import receipt
from zaigang_shared.device_config import DeviceConfig, Hours, Shift, SignedConfig
from zaigang_shared.readings import Gap, Health, Session, Usage
from zaigang_shared.receipt import LogHead, Receipt

MONDAY = FakeClock().utc  # 2026-09-21 21:33 in Shanghai
DAY_SHIFT = Hours("Asia/Shanghai", tuple(Shift(d, 9 * 60, 18 * 60) for d in range(7)), 30)


class World:
    """One device in a test's hands."""

    def __init__(self, folder: Path, config: DeviceConfig | None = None) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.platform = FakePlatform()
        self.sampler = FakeSampler()
        self.samplers = [self.sampler]
        self.others: list[Sampler] = []
        self.identity = enrolled(folder, config)
        self.store = Store(self.identity.key.public_key())
        self.uplink = FakeUplink(self.store)
        self.errors: Counter[str] = Counter()
        self.renewed: Callable[[], Identity] | None = None
        self.built = 0
        self.max_mb = 64
        self.room = 4096
        self.runner = self.start()

    def start(self) -> Runner:
        self.identity = keys.load(self.folder)
        self.runner = Runner(
            Parts(
                identity=self.identity,
                clock=self.clock,
                platform=self.platform,
                spool=Spool.open(self.folder, DEVICE_ID),
                uplink=self.uplink,
                samplers=self.build,
                save_config=lambda data: keys.write(self.folder / keys.CONFIG, data),
                renew=self.renewed,
                max_mb=self.max_mb,
                buffer=Buffer(self.room),
                errors=self.errors,
                status_dir=self.folder,
            )
        )
        return self.runner

    def build(self, _: SignedConfig) -> list[Sampler]:
        self.built += 1
        samplers: list[Sampler] = [*self.samplers]
        return samplers + self.others

    def run(self, seconds: int, step_s: int = 10) -> None:
        for _ in range(0, seconds, step_s):
            self.runner.step()
            self.clock.advance(step_s * 1000)

    def kill(self) -> None:
        """What kill -9 leaves: the files, and no lock."""
        self.runner._parts.spool.close()

    def gaps(self) -> list[Gap]:
        self.runner.flush()
        self.runner.step()
        return [r for r in self.store.readings() if isinstance(r, Gap)]

    def at(self, hour: int, minute: int = 0) -> None:
        """Set the clock to a time of this Monday in Shanghai; the boot clock goes along."""
        midnight = MONDAY - MONDAY % 86_400_000 - 8 * 3_600_000
        self.clock.advance(midnight + (hour * 60 + minute) * 60_000 - self.clock.utc)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "state")
    yield made
    made.kill()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "state", DeviceConfig(hours=DAY_SHIFT, net_key=NET_KEY))
    yield made
    made.kill()


def test_readings_are_sealed_once_a_minute_sent_and_settled(world: World) -> None:
    world.run(300)
    world.store.check_chain()
    assert 4 <= len(world.store.envelopes) <= 6
    assert world.runner.waiting <= 1


def test_a_session_event_is_sealed_at_once(world: World) -> None:
    world.runner.step()
    world.sampler.extra = [Session(t_ms=world.clock.boot, span_ms=0, event="lock")]
    world.clock.advance(10_000)
    world.runner.step()
    assert any(isinstance(reading, Session) for reading in world.store.readings())


def test_a_look_knows_how_long_ago_the_one_before_was(world: World) -> None:
    world.run(30)
    assert [now.span_ms for now in world.sampler.looks] == [0, 10_000, 10_000]


def test_what_was_missed_is_not_made_up_for(world: World) -> None:
    world.run(20)
    world.clock.advance(100_000)
    world.run(20)
    assert len(world.sampler.looks) == 4


def test_an_outage_keeps_everything_and_the_end_of_it_sends_it(world: World) -> None:
    world.uplink.connected = False
    world.run(600)
    assert world.store.envelopes == {}
    world.uplink.connected = True
    world.run(20)
    world.store.check_chain()
    assert len(world.store.readings()) >= 55


def test_after_a_kill_the_chain_goes_on_and_a_gap_tells_of_it(world: World) -> None:
    world.run(120)
    world.kill()
    world.clock.advance(30_000)
    world.start()
    world.run(120)
    world.store.check_chain()
    [gap] = world.gaps()
    assert gap.reason == "crash"
    assert gap.from_t is not None
    assert gap.t_ms - gap.from_t >= 30_000


def test_after_a_power_failure_the_gap_names_the_boot_that_ended(world: World) -> None:
    world.run(120)
    before = world.platform.boot
    world.kill()
    world.platform.boot = bytes([9]) * 16
    world.clock.boot = 20_000
    world.start()
    [gap] = world.gaps()
    assert (gap.reason, gap.from_boot, gap.from_t) == ("crash", before, None)


def test_after_an_orderly_stop_nobody_speaks_of_a_crash(world: World) -> None:
    world.run(65)
    world.runner.close()
    assert world.uplink.stopped
    world.start()
    assert world.gaps() == []
    assert world.store.through == len(world.store.envelopes)


def test_an_orderly_stop_seals_what_is_there(world: World) -> None:
    world.run(20)
    world.runner.close()
    with Spool.peek(world.folder) as spool:
        assert spool.waiting == 1
    world.start()


def test_a_shutdown_of_the_machine_is_told(world: World) -> None:
    world.run(20)
    world.platform.down = True
    world.runner.close()
    world.start()
    world.runner.step()
    assert [r.event for r in world.store.readings() if isinstance(r, Session)] == ["shutdown"]


def test_nothing_personal_is_looked_at_outside_the_hours(office: World) -> None:
    office.at(22)
    office.run(600)
    assert office.sampler.looks == []
    assert [gap.reason for gap in office.gaps()] == ["off_hours"]


def test_the_hours_open_and_close_on_time_and_the_gap_covers_the_stretch(office: World) -> None:
    office.at(22)
    office.run(60)
    closed_at = office.clock.boot - 60_000
    office.clock.advance(10 * 3_600_000 + 30 * 60_000)  # 08:31
    office.run(60)
    assert len(office.sampler.looks) == 6
    assert office.sampler.looks[0].span_ms == 0  # nothing of the night is in it
    full = office.gaps()[-1]
    assert (full.reason, full.from_t) == ("off_hours", closed_at)
    assert full.t_ms == closed_at + full.span_ms


def test_what_is_not_personal_goes_on_outside_the_hours(office: World) -> None:
    office.kill()
    office.samplers = [FakeSampler(personal=True), FakeSampler("room", personal=False)]
    office.at(22)
    office.start()
    office.run(60)
    assert [len(s.looks) for s in office.samplers] == [0, 6]


def test_a_device_without_personal_samplers_has_no_gaps_of_hours(office: World) -> None:
    office.kill()
    office.samplers = [FakeSampler("room", personal=False)]
    office.at(22)
    office.start()
    office.run(60)
    assert office.gaps() == []


def test_a_pause_is_obeyed_at_once_told_at_once_and_ends_with_resume(world: World) -> None:
    world.run(20)
    statusfile.pause(world.folder)
    world.run(120)
    assert len(world.sampler.looks) == 2
    assert [gap.reason for gap in world.gaps()] == ["paused"]
    statusfile.resume(world.folder)
    world.run(20)
    assert len(world.sampler.looks) == 4
    assert [(g.reason, g.span_ms > 0) for g in world.gaps()] == [
        ("paused", False),
        ("paused", True),
    ]


class RadioSampler:
    """A sampler that keeps something going between its looks."""

    name = "beacons"
    personal = True

    def __init__(self) -> None:
        self.trouble: str | None = None
        self.rested = 0

    def interval_s(self, config: DeviceConfig) -> int:
        return 10

    def sample(self, now: Now) -> list[Usage]:
        self.trouble = "the radio is deaf"
        return []

    def rest(self) -> None:
        self.rested += 1


def test_a_radio_rests_in_a_pause_under_a_new_configuration_and_at_the_end(world: World) -> None:
    radio = RadioSampler()
    world.others.append(radio)
    world.kill()
    world.runner = world.start()
    world.run(20)
    assert world.runner.status().problems == {"beacons": "the radio is deaf"}
    assert radio.rested == 0
    statusfile.pause(world.folder)
    world.run(20)
    assert radio.rested == 1
    statusfile.resume(world.folder)
    world.run(20)
    before = radio.rested
    world.runner.close()
    assert radio.rested > before


def test_an_unknown_time_zone_closes_the_eyes_and_says_why(tmp_path: Path) -> None:
    hours = Hours("Mars/Olympus", DAY_SHIFT.shifts, 0)
    world = World(tmp_path / "state", DeviceConfig(hours=hours, net_key=NET_KEY))
    world.run(60)
    assert world.sampler.looks == []
    assert "install the package tzdata" in world.runner.status().problems["hours"]
    world.kill()


def test_a_clock_in_1970_stops_nothing_but_what_depends_on_hours(office: World) -> None:
    office.clock.utc = 5_000
    office.run(120)  # a Thursday, 08:00 in Shanghai: out of hours
    assert office.sampler.looks == []
    assert office.store.envelopes
    office.store.check_chain()


def test_a_huge_jump_of_the_wall_clock_breaks_nothing(world: World) -> None:
    for utc_ms in (0, 2**52, -(2**40), MONDAY):
        world.clock.utc = utc_ms
        world.run(120)
    world.store.check_chain()
    assert world.errors == Counter()


def test_sleep_is_told_as_a_gap_of_its_length(world: World) -> None:
    world.run(20)
    world.clock.advance(3_600_000)
    world.platform.asleep_ms = 3_600_000
    world.run(20)
    [gap] = world.gaps()
    assert (gap.reason, gap.span_ms) == ("suspended", 3_600_000)


def test_trouble_of_a_sampler_is_told_when_it_begins_and_when_it_ends(world: World) -> None:
    world.run(20)
    world.sampler.trouble = SampleError("sensor_failed", "the sensor does not answer")
    world.run(300)
    assert world.runner.status().problems == {"fake": "the sensor does not answer"}
    world.sampler.trouble = None
    world.run(20)
    begin, whole = world.gaps()
    assert (begin.reason, whole.reason) == ("sensor_failed", "sensor_failed")
    assert whole.span_ms == 300_000
    assert world.runner.status().problems == {}


def test_a_broken_sampler_does_not_blind_the_others(world: World) -> None:
    world.kill()
    world.samplers = [FakeSampler("broken"), world.sampler]
    world.samplers[0].trouble = ZeroDivisionError("made up")
    world.start()
    world.run(60)
    assert len(world.sampler.looks) == 6
    assert world.errors["broken_crash"] == 1


def test_a_reading_out_of_bounds_is_dropped_and_counted_and_the_rest_goes(world: World) -> None:
    world.sampler.extra = [
        Health(t_ms=1, span_ms=0, agent="", spooled=0, rss_mb=1, cpu_pct=1, disk_free_mb=1)
    ]
    world.run(120)
    assert world.errors["reading_refused"] == 1
    assert world.store.readings()


def test_a_receipt_for_another_device_is_ignored_and_counted(world: World) -> None:
    world.uplink.connected = False
    world.run(70)
    word = receipt.sign_receipt(COLLECTOR, Receipt("lap-other00001", 1, bytes(32), 1))
    world.uplink.inbox.append(word)
    world.runner.step()
    assert world.errors["receipt_other_device"] == 1
    assert world.runner.status().waiting == 1


@pytest.mark.parametrize("message", [b"", b"garbage", b"\xd2\x84", bytes(700)])
def test_garbage_from_the_broker_is_ignored_and_counted(world: World, message: bytes) -> None:
    world.uplink.inbox.append(message)
    world.runner.step()
    assert sum(world.errors.values()) == 1


def test_a_receipt_by_somebody_else_deletes_nothing(world: World) -> None:
    world.uplink.connected = False
    world.run(70)
    with Spool.peek(world.folder) as spool:
        [(_, data)] = spool.after(0, 10)
    head = world.store.take(data).digest
    world.uplink.inbox.append(
        receipt.sign_receipt(key_named("stranger"), Receipt(DEVICE_ID, 1, head, 1))
    )
    world.runner.step()
    assert world.runner.status().waiting == 1
    assert world.errors["received_header"] == 1


def test_a_ledger_that_was_rewritten_is_told_and_the_envelopes_are_settled_all_the_same(
    world: World,
) -> None:
    world.uplink.connected = False
    world.run(140)
    with Spool.peek(world.folder) as spool:
        digests = [world.store.take(data).digest for _, data in spool.after(0, 10)]
    assert len(digests) == 2
    for number, root in enumerate((b"a", b"b"), start=1):
        log = LogHead(5, root * 32)
        word = Receipt(DEVICE_ID, number, digests[number - 1], number, log)
        world.uplink.inbox.append(receipt.sign_receipt(COLLECTOR, word))
        world.runner.step()
    assert "not the one that it was" in world.runner.status().problems["ledger"]
    assert world.errors["ledger_went_back"] == 1
    world.run(70)  # kept with the next envelope
    with Spool.peek(world.folder) as spool:
        assert spool.through == 2


def test_at_rest_the_disk_is_written_once_a_minute(world: World) -> None:
    world.run(300)
    begun = transactions(world.runner._parts.spool)
    sealed = world.runner.sealed
    world.run(600)
    assert world.runner.sealed - sealed == 10
    assert len(begun) == 10


def test_a_receipt_is_kept_soon_where_nothing_more_is_to_be_said(world: World) -> None:
    world.run(180)
    begun = transactions(world.runner._parts.spool)
    world.sampler.trouble = SampleError("sensor_failed", "silent from now on")
    world.run(400)
    assert not world.runner._parts.spool.holds_receipt
    with Spool.peek(world.folder) as spool:
        assert spool.waiting == 0
    assert len(begun) <= 4  # what was there, the gap, and one for the last receipt


def transactions(spool: Spool) -> list[str]:
    """Grows with every one that `spool` begins from now on."""
    begun: list[str] = []

    def note(sql: str) -> None:
        if sql.startswith(("BEGIN", "PRAGMA incremental_vacuum")):
            begun.append(sql)

    spool._db.set_trace_callback(note)
    return begun


def test_a_rolled_back_spool_ends_the_agent_with_a_sentence(world: World) -> None:
    world.run(70)
    word = receipt.sign_receipt(COLLECTOR, Receipt(DEVICE_ID, 99, bytes(32), 1))
    world.uplink.inbox.append(word)
    with pytest.raises(SpoolRolledBackError, match="enrol again"):
        world.runner.step()
    world.runner.close()
    with pytest.raises(SpoolRolledBackError):
        world.start()


def test_a_newer_configuration_is_obeyed_and_kept(world: World) -> None:
    world.uplink.inbox.append(a_config(DeviceConfig(hours=DAY_SHIFT, net_key=NET_KEY), version=2))
    world.run(20)
    assert world.runner.status().config_version == 2
    assert keys.load(world.folder).config.config.hours == DAY_SHIFT
    assert world.runner.status().closed_because == "off_hours"


def test_new_hours_close_the_eyes_at_once_and_lose_nothing_that_was_read(world: World) -> None:
    world.uplink.connected = False
    world.run(20)
    world.uplink.inbox.append(a_config(DeviceConfig(hours=DAY_SHIFT, net_key=NET_KEY), version=2))
    world.run(600)
    assert len(world.sampler.looks) == 3  # the last one in the step in which the message came
    assert world.built == 1  # the samplers go on with what they had begun
    world.uplink.connected = True
    world.run(70)
    usages = [r for r in world.store.readings() if isinstance(r, Usage)]
    assert [usage.span_ms for usage in usages] == [0, 10_000, 10_000]
    assert [gap.reason for gap in world.gaps()] == ["off_hours"]


def test_trouble_ends_with_the_working_hours_and_is_not_told_for_ever(office: World) -> None:
    office.at(24 + 17, 0)
    office.sampler.trouble = SampleError("permission", "no session helper answers")
    office.run(60)
    began_at = office.clock.boot - 60_000
    assert office.runner.status().problems == {"fake": "no session helper answers"}
    office.at(24 + 18, 31)
    office.run(20)
    closed_at = office.clock.boot - 20_000
    assert office.runner.status().problems == {}
    office.sampler.trouble = None
    office.at(48 + 9, 0)
    office.run(60)
    assert office.runner.status().problems == {}
    lasted = [g for g in office.gaps() if g.reason == "permission" and g.span_ms]
    assert [(gap.from_t, gap.t_ms) for gap in lasted] == [(began_at, closed_at)]


def test_other_settings_build_the_samplers_anew_and_end_their_trouble(world: World) -> None:
    world.sampler.trouble = SampleError("sensor_failed", "the sensor does not answer")
    world.run(40)
    config = DeviceConfig(hours=None, net_key=NET_KEY, usage_s=30)
    world.uplink.inbox.append(a_config(config, version=2))
    world.runner.step()
    world.sampler.trouble = None
    world.run(40)
    assert world.built == 2
    assert [gap.span_ms > 0 for gap in world.gaps()] == [False, True]
    assert world.runner.status().problems == {}


def test_a_configuration_that_the_disk_did_not_take_is_kept_later(world: World) -> None:
    config_file = world.folder / keys.CONFIG
    held = config_file.read_bytes()
    config_file.unlink()
    config_file.mkdir()  # nothing can be put in its place
    world.uplink.inbox.append(a_config(version=2))
    world.run(60)
    assert world.runner.status().config_version == 2
    assert "cannot be written" in world.runner.status().problems["configuration"]
    config_file.rmdir()
    config_file.write_bytes(held)
    world.run(70)
    assert keys.load(world.folder).config.version == 2
    assert world.runner.status().problems == {}


def test_an_older_configuration_or_one_for_somebody_else_is_not_obeyed(world: World) -> None:
    strict = DeviceConfig(hours=DAY_SHIFT, net_key=NET_KEY)
    world.uplink.inbox += [
        a_config(strict, version=1),
        a_config(strict, version=5, device_id="lap-other00001"),
    ]
    world.run(20)
    assert world.runner.status().config_version == 1
    assert world.errors["config_other_device"] == 1


def full_disk(monkeypatch: pytest.MonkeyPatch, *, reserve: bool = False) -> list[bool]:
    """A disk that takes nothing while the list is not empty; with `reserve`, small words only."""
    full = [True]
    real = Spool.seal

    def seal(self: Spool, *args: object, **kwargs: object) -> int:
        if full and not (reserve and kwargs.get("reserve")):
            raise SpoolFullError("there is no room left on the disk")
        return real(self, *args, **kwargs)  # type: ignore[arg-type]  # handed on as they came

    monkeypatch.setattr(Spool, "seal", seal)
    return full


def test_a_short_disk_full_loses_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    full = full_disk(monkeypatch)
    world.run(300)
    assert world.store.envelopes == {}
    assert "no room left" in world.runner.status().problems["spool"]
    full.clear()
    world.run(120)
    assert len([r for r in world.store.readings() if isinstance(r, Usage)]) >= 36
    assert world.gaps() == []
    assert world.runner.status().problems == {}


def test_a_long_disk_full_gives_up_the_oldest_of_least_value_and_says_so(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.room = 20
    world.kill()
    world.start()
    full = full_disk(monkeypatch, reserve=True)
    world.sampler.extra = [Session(t_ms=world.clock.boot, span_ms=0, event="unlock")]
    world.run(600)
    assert [type(r) for r in world.store.readings()] == [Gap]  # told with the reserve
    full.clear()
    world.run(120)
    readings = world.store.readings()
    assert any(isinstance(r, Session) for r in readings)  # worth most, though oldest
    whole = world.gaps()[-1]
    assert whole.reason == "disk_full"
    assert whole.span_ms >= 500_000
    world.store.check_chain()


def test_when_the_budget_fills_up_the_least_valuable_gives_way_first_and_a_gap_tells(
    world: World,
) -> None:
    world.uplink.connected = False
    world.runner._parts.spool._bytes = int(0.86 * 64 * (1 << 20))
    world.sampler.extra = [Session(t_ms=world.clock.boot, span_ms=0, event="unlock")]
    world.run(120)
    world.uplink.connected = True
    world.run(20)
    kinds = [type(r) for r in world.store.readings()]
    assert Session in kinds
    assert Gap in kinds
    assert Usage not in kinds
    assert world.runner.status().shedding
    assert world.runner._parts.spool.fill(64) > 0.7


def test_the_end_of_giving_up_is_told(world: World) -> None:
    world.runner._parts.spool._bytes = int(0.9 * 64 * (1 << 20))
    world.run(120)
    world.runner._parts.spool._bytes = 0
    world.run(120)
    assert world.gaps()[-1].span_ms >= 100_000
    assert not world.runner.status().shedding


def test_a_gap_is_never_given_up_for_room() -> None:
    gap = Gap(t_ms=1, span_ms=0, reason="paused", from_t=1)
    assert admitted(gap, 1.0)
    assert value(gap) > value(Session(t_ms=1, span_ms=0, event="lock")) > value(a_usage(1))


def test_a_certificate_is_renewed_after_two_thirds_of_its_life(world: World) -> None:
    world.kill()
    asked: list[int] = []

    def renew() -> Identity:
        asked.append(world.clock.utc)
        if len(asked) == 1:
            raise EnrolmentError("the collector does not answer")
        return renewed(world)

    world.renewed = renew
    world.clock.utc = 2**45 * 2 // 3 - 25_000
    world.start()
    world.run(20)
    assert asked == []
    world.run(60)
    assert len(asked) == 1
    assert "could not be renewed" in world.runner.status().problems["certificate"]
    world.run(3_700, step_s=100)
    assert len(asked) == 2
    assert world.uplink.reconnects == [("elsewhere", 8884)]
    world.run(90_000, step_s=1000)
    assert len(asked) == 2


def renewed(world: World, config_version: int = 1) -> Identity:
    """What a renewal leaves: a fresh certificate, another broker, perhaps a newer configuration."""
    card = msgspec.structs.replace(
        world.identity.card,
        mqtt_host="elsewhere",
        mqtt_port=8884,
        not_before_ms=world.clock.utc,
        not_after_ms=world.clock.utc + 398 * 86_400_000,
    )
    config = DeviceConfig(hours=DAY_SHIFT, net_key=NET_KEY)
    signed = SignedConfig(DEVICE_ID, config_version, 1, config)
    return dataclasses.replace(world.identity, card=card, config=signed)


def test_a_configuration_that_came_with_a_renewal_is_obeyed(world: World) -> None:
    world.kill()
    world.renewed = lambda: renewed(world, config_version=4)
    world.clock.utc = 2**45 * 2 // 3
    world.start()
    world.run(20)
    assert world.runner.status().config_version == 4


def test_after_hours_awake_without_the_broker_the_device_asks_where_it_is_now(world: World) -> None:
    world.kill()
    asked: list[int] = []

    def renew() -> Identity:
        asked.append(world.clock.boot)
        if len(asked) == 1:
            raise EnrolmentError("not even the collector answers")
        return renewed(world)

    world.renewed = renew
    world.uplink.connected = False
    world.start()
    world.clock.advance(60 * 3_600_000)  # a weekend with the lid shut
    world.platform.asleep_ms = 60 * 3_600_000
    world.run(5 * 3_600, step_s=100)
    assert asked == []
    world.run(4 * 3_600, step_s=100)
    assert len(asked) == 2
    assert world.errors["renewal"] == 0  # the certificate itself is fine
    assert world.uplink.reconnects == [("elsewhere", 8884)]


def test_status_is_written_for_people_to_read(world: World) -> None:
    world.run(120)
    status = statusfile.read_status(world.folder)
    assert status is not None
    assert statusfile.is_running(status)
    assert (status.connected, status.looking) == (True, True)
    assert status.waiting <= 1


def test_an_unwritable_configuration_is_obeyed_all_the_same(world: World) -> None:
    def refuse(_: bytes) -> None:
        raise AgentError("config.cose cannot be written")

    world.kill()
    parts = world.runner._parts
    world.runner = Runner(
        Parts(
            identity=world.identity,
            clock=world.clock,
            platform=world.platform,
            spool=Spool.open(world.folder, DEVICE_ID),
            uplink=parts.uplink,
            samplers=parts.samplers,
            save_config=refuse,
        )
    )
    world.uplink.inbox.append(a_config(DeviceConfig(hours=DAY_SHIFT, net_key=NET_KEY), version=2))
    world.run(20)
    assert world.runner.status().config_version == 2
    assert "cannot be written" in world.runner.status().problems["configuration"]


def test_under_systemd_the_status_is_in_memory_and_found_from_the_state_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, memory = tmp_path / "state", tmp_path / "run"
    state.mkdir()
    memory.mkdir()
    (state / "status.json").write_text("of an earlier version")
    monkeypatch.setenv("STATE_DIRECTORY", str(state))
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(memory))
    told = statusfile.Status(pid=1, agent="0.1.0", started_ms=1, updated_ms=2)
    for _ in range(2):
        statusfile.write_status(state, told)
    assert (memory / "status.json").stat().st_mode & 0o777 == 0o600
    assert statusfile.read_status(state) == told
    (memory / "status.json").unlink()  # the service was stopped
    assert statusfile.read_status(state) is None
    statusfile.write_status(tmp_path, told)  # another agent's
    assert not (memory / "status.json").exists()
    assert statusfile.read_status(tmp_path) == told
