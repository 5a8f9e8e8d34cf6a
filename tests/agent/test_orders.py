"""A configuration that a device cannot live with is given up, and never makes it look at more."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec.structs import replace

from tests.agent.test_runner import World
from tests.fakes.agent import NET_KEY, a_config, enrolled
from zaigang_agent import doctor, keys, orders, trial
from zaigang_agent.errors import ConfigError, IdentityError
from zaigang_agent.orders import Orders
from zaigang_agent.samplers.base import Sampler
from zaigang_agent.trial import Exam, Mark
from zaigang_shared.device_config import Carried, DeviceConfig, Hours, Kept, Shift, SignedConfig

PLAIN = DeviceConfig(hours=None, net_key=NET_KEY)
UNKNOWN = "flux9000"

_shifts = st.lists(
    st.builds(
        lambda day, begin, length: Shift(day, begin, begin + length),
        st.integers(0, 6), st.integers(0, 1439), st.integers(1, 600),
    ),
    max_size=2,
)  # fmt: skip
_configs = st.builds(
    DeviceConfig,
    hours=st.none()
    | st.builds(lambda shifts, m: Hours("UTC", tuple(shifts), m), _shifts, st.integers(0, 60)),
    net_key=st.sampled_from([bytes(32), NET_KEY]),
    rid_key=st.sampled_from([None, bytes(32), NET_KEY]),
    usage_s=st.integers(1, 300),
    network_s=st.integers(1, 300),
    environment_s=st.integers(1, 300),
    beacon_s=st.integers(1, 300),
    health_s=st.integers(1, 900),
    vantage_s=st.integers(1, 900),
    seal_s=st.integers(1, 300),
    apps=st.dictionaries(
        st.sampled_from(["mail", "cad"]), st.lists(st.sampled_from("abc"), min_size=1, unique=True)
    ),
    sensors=st.none() | st.lists(st.sampled_from(["sht4x", "scd4x", UNKNOWN]), unique=True).map(tuple),
    kept=st.lists(
        st.sampled_from([Kept("ibeacon", bytes([n]) * 16) for n in range(3)]), unique=True
    ).map(tuple),
    carried=st.lists(
        st.sampled_from([Carried(f"t{n}", "ruuvi", bytes([n]) * 6) for n in range(3)]), unique=True
    ).map(tuple),
)  # fmt: skip


def wider(config: DeviceConfig, newest: DeviceConfig) -> list[str]:
    """In what `config` looks at more of a person than `newest` allows."""
    found = [name for name in trial.NEWEST if getattr(config, name) != getattr(newest, name)]
    found += [name for name in trial.PERSONAL if getattr(config, name) < getattr(newest, name)]
    found += [
        n for n in ("kept", "carried") if not set(getattr(config, n)) <= set(getattr(newest, n))
    ]
    found += [
        a for a, names in config.apps.items() if not set(names) <= set(newest.apps.get(a, []))
    ]
    return found


def make(signed: SignedConfig) -> Sequence[str]:
    """What the registry of samplers does with sensors that there is no driver for."""
    sensors = signed.config.sensors or ()
    if UNKNOWN in sensors:
        raise ConfigError(f"[node] sensors: {UNKNOWN!r} is not a sensor")
    return sensors


def test_every_setting_is_placed_by_what_going_back_would_mean() -> None:
    placed = (*trial.TECHNICAL, *trial.PERSONAL, *trial.SHARED, *trial.NEWEST)
    assert sorted(placed) == sorted(DeviceConfig.__struct_fields__)


@given(_configs, _configs)
def test_a_mixture_looks_at_nothing_that_either_forbids(
    newest: DeviceConfig, good: DeviceConfig
) -> None:
    mixed = trial.mixture(newest, good)
    assert wider(mixed, newest) == []
    assert [what for what in wider(mixed, good) if what not in trial.NEWEST] == []
    assert all(getattr(mixed, name) == getattr(good, name) for name in trial.TECHNICAL)
    assert trial.mixture(newest, newest) == newest
    bare = trial.barest(mixed)
    assert wider(bare, newest) == []
    assert not bare.sensors
    # It still is something that a device would take.
    msgspec.convert(msgspec.to_builtins(mixed, builtin_types=(bytes,)), DeviceConfig)


def test_hours_are_those_of_the_newest_even_where_it_was_refused() -> None:
    day = Hours("UTC", (Shift(0, 540, 1080),), 0)
    mixed = trial.mixture(replace(PLAIN, hours=day, usage_s=300), replace(PLAIN, usage_s=10))
    assert (mixed.hours, mixed.usage_s) == (day, 300)


class Device(RuleBasedStateMachine):
    """Configurations come, the program crashes and stops, receipts come or not."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp()) / "state"
        self.refused: set[int] = set()
        self.unlucky = 0
        self.last_seq = self.through = 0
        self.awake_ms = 0

    def teardown(self) -> None:
        shutil.rmtree(self.folder.parent)

    @initialize(config=_configs.filter(lambda one: UNKNOWN not in (one.sensors or ())))
    def enrol(self, config: DeviceConfig) -> None:
        enrolled(self.folder, config)
        self.newest = SignedConfig("", 1, 1, config)
        self.start()

    def start(self) -> None:
        self.problems: dict[str, str] = {}
        self.errors: Counter[str] = Counter()
        self.orders = Orders(keys.load(self.folder), self.problems, self.errors)
        self.orders.start(self.last_seq)
        self.build()

    def build(self) -> None:
        built = self.orders.build(make)
        assert UNKNOWN not in built
        if self.orders.refused is not None:
            self.refused.add(self.newest.version)

    @rule(config=_configs, kept=st.booleans())
    def a_newer_one_comes(self, config: DeviceConfig, kept: bool) -> None:
        version = self.newest.version + 1
        data = a_config(config, version)
        if kept:
            keys.keep_config(self.folder, data)
        self.newest = SignedConfig("", version, 1, config)
        self.orders.take(keys.load(self.folder).config if kept else self._signed(), self.last_seq)
        self.unlucky = 0
        self.build()
        if not kept:  # the disk took it later
            keys.keep_config(self.folder, data)

    def _signed(self) -> SignedConfig:
        return SignedConfig("lap-test000001", self.newest.version, 1, self.newest.config)

    @rule()
    def the_program_crashes(self) -> None:
        was_on_trial = self.orders.on_trial
        self.unlucky += was_on_trial
        self.start()
        if self.unlucky > trial.MAX_STARTS and was_on_trial:
            assert self.orders.refused is not None

    @rule()
    def the_program_stops_and_starts(self) -> None:
        before = self.orders.refused
        self.orders.stopped()
        self.start()
        assert before is None or self.orders.refused == before

    @rule(seconds=st.sampled_from([10, 60, 1200]), connected=st.booleans(), looking=st.booleans())
    def time_passes(self, seconds: int, connected: bool, looking: bool) -> None:
        self.last_seq += 1
        self.judge(seconds * 1000, connected=connected, looking=looking)

    @rule()
    def a_receipt_comes(self) -> None:
        self.through = self.last_seq
        self.judge(1000, connected=True, looking=True)

    def judge(self, passed_ms: int, *, connected: bool, looking: bool) -> None:
        self.awake_ms += passed_ms
        if self.orders.judge(
            self.awake_ms,
            looking=looking,
            connected=connected,
            last_seq=self.last_seq,
            through=self.through,
        ):
            self.build()

    @invariant()
    def it_never_looks_at_more_than_the_newest_allows(self) -> None:
        if hasattr(self, "orders"):
            assert self.orders.newest.version == self.newest.version
            assert wider(self.orders.config.config, self.newest.config) == []

    @invariant()
    def what_was_refused_stays_refused_and_is_told(self) -> None:
        if hasattr(self, "orders") and self.newest.version in self.refused:
            assert self.orders.refused is not None
            assert self.orders.config.version < self.newest.version
            assert self.errors["config_rolled_back"] == 1
            assert (
                "was refused" in self.problems["trial"] or "until a newer" in self.problems["trial"]
            )


TestDevice = Device.TestCase
TestDevice.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    enrolled(tmp_path / "state")
    return tmp_path / "state"


def opened(folder: Path, last_seq: int = 0) -> Orders:
    made = Orders(keys.load(folder), {}, Counter())
    made.start(last_seq)
    return made


def test_the_fourth_start_without_an_orderly_end_goes_back(folder: Path) -> None:
    keys.keep_config(folder, a_config(replace(PLAIN, usage_s=1), 2))
    for _ in range(trial.MAX_STARTS):
        assert opened(folder).config.version == 2
    made = opened(folder)
    assert made.config.version == 1
    assert "started 3 times under it" in (made.refused or "")
    assert opened(folder).config.version == 1


def test_another_version_of_the_program_tries_once_more(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(folder)
    keys.keep_config(folder, a_config(replace(PLAIN, sensors=(UNKNOWN,)), 2))
    opened(folder).build(make)
    assert opened(folder).refused is not None
    monkeypatch.setattr(orders, "__version__", "99.0.0")
    made = opened(folder)
    assert made.on_trial
    made.build(make)
    assert opened(folder).refused is not None


def test_orderly_ends_are_not_counted(folder: Path) -> None:
    keys.keep_config(folder, a_config(PLAIN, 2))
    for _ in range(10):
        made = opened(folder)
        assert made.on_trial
        made.stopped()


def test_a_trial_that_cannot_be_counted_waits(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys.keep_config(folder, a_config(replace(PLAIN, environment_s=5), 2))

    def full(*_: object) -> None:
        raise IdentityError("no room left")

    with monkeypatch.context() as patched:
        patched.setattr(keys, "save_mark", full)
        made = opened(folder)
        assert (made.config.version, made.config.config.environment_s) == (1, 60)
        assert made.judge(1, looking=True, connected=True, last_seq=9, through=9) is False
    assert opened(folder).config.config.environment_s == 5


def test_a_device_of_an_earlier_version_takes_what_it_has_for_good(folder: Path) -> None:
    assert not (folder / keys.GOOD).exists()
    opened(folder)
    assert (folder / keys.GOOD).read_bytes() == (folder / keys.CONFIG).read_bytes()


@pytest.mark.parametrize("damage", [b"", b"garbage", a_config(PLAIN, 7), a_config(PLAIN, 1, "x-1")])
def test_a_good_one_that_does_not_hold_is_none(folder: Path, damage: bytes) -> None:
    opened(folder)
    keys.write(folder / keys.GOOD, damage)
    assert keys.load_good(keys.load(folder)) is None
    opened(folder)
    assert keys.load_good(keys.load(folder)) is not None


@given(st.binary(max_size=60))
def test_a_mark_is_read_or_nothing(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / keys.TRIAL).write_bytes(data)
        mark = keys.load_mark(Path(name))
        assert mark is None or isinstance(mark, Mark)


def _noted(exam: Exam, awake_ms: int, through: int, *, looking: bool = True) -> str | None:
    return exam.note(awake_ms, looking=looking, connected=True, last_seq=6, through=through)


def test_an_exam_wants_looks_and_a_receipt_for_what_was_sealed_since() -> None:
    exam = Exam(from_seq=5)
    assert _noted(exam, trial.LOOKED_MS, through=4) is None
    assert _noted(exam, 0, through=5) == "passed"
    assert _noted(Exam(5), trial.LOOKED_MS - 1, through=9) is None
    assert _noted(Exam(5), trial.LOOKED_MS, through=9, looking=False) is None


def test_time_without_a_connection_or_without_anything_sealed_proves_nothing() -> None:
    days_ms = 9 * trial.UNANSWERED_MS
    assert Exam(5).note(days_ms, looking=True, connected=False, last_seq=9, through=4) is None
    assert Exam(5).note(days_ms, looking=True, connected=True, last_seq=4, through=4) is None
    waited = Exam(5).note(days_ms, looking=True, connected=True, last_seq=9, through=4)
    assert waited == "unanswered"


# In the running agent.


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path / "state")
    real = made.build

    def build(signed: SignedConfig) -> list[Sampler]:
        make(signed)
        return real(signed)

    made.kill()
    made.build = build  # type: ignore[method-assign,assignment]  # a registry that knows some sensors only
    made.start()
    return made


def send(world: World, config: DeviceConfig, version: int) -> None:
    world.uplink.inbox.append(a_config(config, version))


def test_an_unknown_sensor_is_refused_at_once_and_the_device_goes_on(world: World) -> None:
    world.run(120)
    send(world, replace(PLAIN, sensors=(UNKNOWN,), environment_s=5), 2)
    world.run(120)
    status = world.runner.status()
    assert status.config_version == 1
    assert UNKNOWN in status.problems["trial"]
    assert world.errors["config_rolled_back"] == 1
    looks = len(world.sampler.looks)
    world.kill()
    world.start()
    world.run(60)
    assert len(world.sampler.looks) > looks
    assert world.runner.status().config_version == 1
    send(world, replace(PLAIN, sensors=(UNKNOWN,)), 2)  # again: it is the same one
    send(world, replace(PLAIN, sensors=("sht4x",)), 3)
    world.run(600)
    assert world.runner.status().config_version == 3
    assert "trial" not in world.runner.status().problems
    assert keys.load_good(keys.load(world.folder)) == keys.load(world.folder).config
    assert not (world.folder / keys.TRIAL).exists()
    world.kill()


def test_doctor_and_status_tell_of_what_was_refused(world: World) -> None:
    send(world, replace(PLAIN, sensors=(UNKNOWN,)), 2)
    world.run(60)
    told = orders.look(keys.load(world.folder))
    assert UNKNOWN in (told.refused or "")
    verdict, why = doctor._configuration(keys.load(world.folder))
    assert verdict is doctor.Verdict.FAILS
    assert "devices settings lap-test000001" in why
    world.kill()


def test_hours_of_a_refused_configuration_are_obeyed(tmp_path: Path, world: World) -> None:
    never = Hours("UTC", (), 0)
    world.run(60)
    send(world, replace(PLAIN, hours=never, sensors=(UNKNOWN,)), 2)
    world.run(20)
    looks = len(world.sampler.looks)
    world.run(600)
    assert len(world.sampler.looks) == looks
    world.kill()
    world.start()
    world.run(600)
    assert len(world.sampler.looks) == looks
    world.kill()


def test_what_gets_no_receipt_for_hours_with_a_connection_is_given_up(world: World) -> None:
    world.run(120)
    world.uplink.pump = lambda spool: 0  # type: ignore[method-assign]  # the collector is silent
    send(world, replace(PLAIN, environment_s=5), 2)
    world.run(trial.UNANSWERED_MS // 1000 + 600, step_s=60)
    assert world.runner.status().config_version == 1
    assert "got a receipt" in world.runner.status().problems["trial"]
    world.kill()


def test_a_configuration_that_does_no_harm_is_passed_and_kept(world: World) -> None:
    send(world, replace(PLAIN, environment_s=5), 2)
    world.run(trial.LOOKED_MS // 1000 + 120)
    told = orders.look(keys.load(world.folder))
    assert (told.on_trial, told.refused, told.config.version) == (False, None, 2)
    world.kill()


def test_when_not_even_the_good_one_can_be_built_the_device_stays_within_reach(
    folder: Path,
) -> None:
    keys.write(folder / keys.CONFIG, a_config(replace(PLAIN, sensors=(UNKNOWN,)), 1))
    problems: dict[str, str] = {}
    made = Orders(keys.load(folder), problems, Counter())
    made.start(0)
    assert made.build(make) == ()
    assert "until a newer one comes" in problems["trial"]
    made.take(SignedConfig("lap-test000001", 2, 1, replace(PLAIN, sensors=("sht4x",))), 0)
    assert made.build(make) == ("sht4x",)


def test_a_mistake_in_the_devices_own_file_is_for_the_person_at_the_device(folder: Path) -> None:
    def local(_: SignedConfig) -> None:
        raise ConfigError("[node] sensors: 'x' is not a sensor")

    with pytest.raises(ConfigError):
        opened(folder).build(local)


def test_a_mistake_in_the_devices_own_file_is_not_held_against_a_configuration_on_trial(
    folder: Path,
) -> None:
    def local(_: SignedConfig) -> None:
        raise ConfigError("[node] sensors: 'x' is not a sensor")

    keys.keep_config(folder, a_config(replace(PLAIN, environment_s=5), 2))
    for _ in range(trial.MAX_STARTS + 2):  # somebody tries, and tries again
        with pytest.raises(ConfigError):
            opened(folder).build(local)
    mended = opened(folder)
    assert mended.on_trial
    assert mended.build(lambda signed: signed.version) == 2
