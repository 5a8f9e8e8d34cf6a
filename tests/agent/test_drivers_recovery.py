"""What a node does about a sensor or a bus in trouble: sampler, driver, smbus2; only the kernel is ours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.clock import FakeClock
from zaigang_agent.drivers.bus import Bus, Climate, OpenBus, SensorError
from zaigang_agent.drivers.catalog import DRIVERS
from zaigang_agent.drivers.scan import scan
from zaigang_agent.drivers.shared_bus import SharedBus
from zaigang_agent.drivers.simulated import Curve, Fault, SensorSpec, SimulatedBus, Spec
from zaigang_agent.samplers.base import Now
from zaigang_agent.samplers.bench import Bench
from zaigang_agent.samplers.environment import EnvironmentSampler, parse_sensor
from zaigang_agent.samplers.plausible import Plausible
from zaigang_shared.device_config import DeviceConfig
from zaigang_shared.readings import Environment, encode

CONFIG = DeviceConfig(hours=None, net_key=bytes(32))
MODELS = tuple(DRIVERS)


@dataclass
class Desk:
    """A sensor on a bus with a sampler that looks at it as the runner would."""

    model: str = "sht4x"
    faults: Callable[[int], tuple[Fault, ...]] = lambda _: ()
    clock: FakeClock = field(default_factory=FakeClock)
    counts: Counter[str] = field(default_factory=Counter)
    opened: int = 0

    def __post_init__(self) -> None:
        temp, rh = Curve(22.5, noise=0.04), Curve(45, noise=0.3)
        spec = SensorSpec(
            self.model,  # type: ignore[arg-type]  # of the catalogue
            temp,
            rh,
            pressure_hpa=Curve(1013, noise=0.02),
            co2_ppm=Curve(700, noise=8),
            faults=self.faults(self.clock.utc),
        )
        self.bus = SimulatedBus(Spec((spec,), seed=3), self.clock)
        bench = Bench(SharedBus(self._open), count=lambda code: self.counts.update((code,)))
        self.sampler = EnvironmentSampler(bench, *parse_sensor(self.model))

    def _open(self) -> OpenBus:
        self.opened += 1
        return self.bus.open()

    def look(self, config: DeviceConfig = CONFIG) -> Environment | None:
        """Look, then let the time pass that the sampler wants. Raises SensorError."""
        try:
            found = self.sampler.sample(Now(self.clock.utc, self.clock.boot, 0))
        finally:
            self.clock.advance(self.sampler.interval_s(config) * 1000)
        for reading in found:
            encode(reading)
        return found[0] if found else None

    def told(self) -> str:
        """What a look came to: "value", "nothing", or the sentence of a gap."""
        try:
            return "nothing" if self.look() is None else "value"
        except SensorError as error:
            return error.detail

    def first(self) -> Environment:
        """The first value, after the warm-up if the sensor has one."""
        found = self.look() or self.look()
        assert found is not None
        return found


def minutes(kind: str, first: int, last: int) -> Callable[[int], tuple[Fault, ...]]:
    """A fault from a minute up to another."""
    return lambda utc: (
        Fault(utc + first * 60_000, utc + last * 60_000, kind),  # type: ignore[arg-type]  # of the tests below
    )


# ---- what is told


@pytest.mark.parametrize("model", MODELS)
def test_each_value_carries_the_accuracy_of_its_sensors_datasheet(model: str) -> None:
    reading = Desk(model).first()
    driver = DRIVERS[model]
    assert (reading.temp_acc_c, reading.rh_acc_pct) == (
        driver.temp_accuracy_c,
        driver.rh_accuracy_pct,
    )
    assert (reading.pressure_hpa is not None) == (model == "bme280")
    assert (reading.co2_ppm is not None) == (model == "scd4x")
    assert reading.self_heat_c is None
    assert reading.model == model
    assert reading.temp_c == pytest.approx(22.5, abs=0.3)


def test_an_scd4x_tells_nothing_while_it_warms_up_and_is_asked_again_soon() -> None:
    desk = Desk("scd4x")
    assert desk.look() is None
    assert desk.clock.boot == 3_600_000 + 6_000
    reading = desk.look()
    assert reading is not None
    assert reading.co2_ppm == pytest.approx(700, abs=50)
    assert desk.sampler.interval_s(CONFIG) == CONFIG.environment_s


def test_an_scd4x_goes_on_measuring_from_look_to_look_without_being_started_again() -> None:
    desk = Desk("scd4x")
    desk.first()
    device = desk.bus.devices[0x62]
    started = vars(device)["started_s"]
    for _ in range(20):
        assert desk.look() is not None
    assert vars(device)["started_s"] == started
    assert not desk.counts


# ---- recovery


@pytest.mark.parametrize("kind", ["nack", "crc", "timeout", "reset", "busy"])
@pytest.mark.parametrize("model", MODELS)
def test_a_sensor_in_trouble_is_a_gap_with_advice_and_comes_back_by_itself(
    model: str, kind: str
) -> None:
    desk = Desk(model, minutes(kind, 5, 10))
    desk.first()
    told = []
    while desk.clock.utc < FakeClock().utc + 10 * 60_000:
        told.append(desk.told())
    sentences = set(told) - {"value", "nothing"}
    assert sentences
    assert all(": " in sentence for sentence in sentences)
    assert "value" not in told[5:]
    # One look for a reset that may be needed, one for a warm-up.
    assert "value" in [desk.told() for _ in range(3)]
    found = desk.look()
    assert found is not None
    assert found.temp_c == pytest.approx(22.5, abs=0.3)


def test_a_sensor_that_was_replugged_is_started_anew_without_anybodys_help() -> None:
    desk = Desk("scd4x", minutes("nack", 5, 6))
    desk.first()
    with pytest.raises(SensorError, match="no answer: look whether it is plugged in"):
        for _ in range(10):
            desk.look()
    assert "started again and measures" in desk.told()  # still the same gap
    assert desk.told() == "value"


def test_an_scd4x_that_lost_its_power_between_two_looks_is_started_again() -> None:
    desk = Desk("scd4x")
    desk.first()
    desk.bus.devices[0x62].power_on()
    told = [desk.told() for _ in range(8)]
    assert told[:3] == ["nothing"] * 3
    assert "started again at the next look" in told[3]
    assert "started again and measures" in told[4]  # one gap, not one for each try
    assert told[5:] == ["value"] * 3


def test_an_sht3x_that_started_anew_by_itself_is_noticed_and_counted() -> None:
    desk = Desk("sht3x")
    desk.first()
    desk.bus.devices[0x44].power_on()  # a dip of the supply
    assert desk.look() is not None
    assert desk.counts == {"environment_recovered": 1}
    assert desk.look() is not None
    assert desk.counts == {"environment_recovered": 1}


def test_an_sht3x_whose_heater_was_switched_on_is_reset() -> None:
    desk = Desk("sht3x")
    desk.first()
    with desk.bus.open() as bus:
        bus.write(0x44, b"\x30\x6d")
    assert desk.look() is not None
    assert desk.counts == {"environment_recovered": 1}


def test_a_locked_up_bus_is_opened_anew_within_the_same_look() -> None:
    desk = Desk("sht4x", minutes("lockup", 5, 60))
    for _ in range(20):
        assert desk.look() is not None
    assert desk.opened == 2
    assert desk.counts == {"environment_recovered": 1}


def test_a_bus_that_stays_hung_is_asked_ever_less_often_but_not_for_ever_less() -> None:
    desk = Desk("sht4x", minutes("timeout", 5, 10**6))
    told, intervals = [], []
    for _ in range(11):
        told.append(desk.told())
        intervals.append(desk.sampler.interval_s(CONFIG))
    assert told[:5] == ["value"] * 5
    assert all("the bus hangs" in each and "cut the power" in each for each in told[5:])
    assert intervals[5:] == [60, 120, 240, 480, 900, 900]
    seldom = msgspec.structs.replace(CONFIG, environment_s=3600)
    assert desk.sampler.interval_s(seldom) == 3600


def test_a_reset_is_sent_less_and_less_often_and_never_to_a_sensor_that_was_not_known() -> None:
    sent: list[bytes] = []

    def watched(desk: Desk) -> Desk:
        device = desk.bus.devices[0x44]
        take = device.take

        def tap(data: bytes) -> None:
            sent.append(data)
            take(data)

        device.take = tap  # type: ignore[method-assign]  # listens on the wire
        return desk

    desk = watched(Desk("sht4x", minutes("crc", 2, 10**6)))
    told = [desk.told() for _ in range(42)]
    assert told[2:] == [told[2]] * 40
    # In the first look that fails, and after 1, 2, 4, 8, 16 and 32 of them.
    assert sent.count(b"\x94") == 7
    sent.clear()
    stranger = watched(Desk("sht4x", minutes("crc", 0, 10**6)))
    for _ in range(5):
        with pytest.raises(SensorError):
            stranger.look()
    assert b"\x94" not in sent


@pytest.mark.parametrize("model", MODELS)
def test_words_that_never_change_are_a_dead_sensor_and_never_still_air(model: str) -> None:
    desk = Desk(model, minutes("stuck", 1, 60))
    desk.first()
    told = [desk.told() for _ in range(30)]
    assert told[:8] == ["value"] * 8
    stuck = ("stuck; cut its power", "started again and measures")  # the reset that does not help
    assert all(any(sentence in each for sentence in stuck) for each in told[14:])


def test_a_scan_beside_a_running_agent_costs_it_no_gap() -> None:
    desk = Desk("scd4x")
    desk.first()
    [found] = scan(desk.bus.open())  # stops the sensor to ask for its number, and starts it
    assert found.model == "scd4x"
    assert [desk.told() for _ in range(3)] == ["nothing", "value", "value"]


KINDS = st.sampled_from(["nack", "crc", "stuck", "timeout", "lockup", "reset", "busy"])


@given(
    model=st.sampled_from(MODELS), plan=st.lists(st.tuples(KINDS, st.integers(1, 7)), max_size=6)
)
@settings(deadline=None)
def test_whatever_happens_a_look_gives_the_air_or_a_sentence(
    model: str, plan: list[tuple[str, int]]
) -> None:
    def faults(utc: int) -> tuple[Fault, ...]:
        made: list[Fault] = []
        minute = 2
        for kind, lasts in plan:
            made += minutes(kind, minute, minute + lasts)(utc)
            minute += lasts + 1
        return tuple(made)

    desk = Desk(model, faults)
    while desk.clock.utc < FakeClock().utc + 60 * 60_000:
        try:
            reading = desk.look()
        except SensorError:  # and no other exception
            continue
        if reading is not None:
            assert reading.temp_c == pytest.approx(22.5, abs=0.5)
            assert reading.rh_pct == pytest.approx(45, abs=3)
    assert desk.told() == "value"  # an hour later all is well


# ---- what no air does


def climate(temp_c: float, rh_pct: float = 45.0, hpa: float | None = None) -> Climate:
    return Climate(temp_c, rh_pct, repr((temp_c, rh_pct, hpa)).encode(), hpa)


@pytest.mark.parametrize(
    ("after", "sentence"),
    [
        (climate(35.5, 45, 1013), "from 22.5 to 35.5 degrees"),
        (climate(22.5, 95, 1013), "from 45.0 to 95.0 % of humidity"),
        (climate(22.5, 45, 950), "from 1013.0 to 950.0 hPa"),
    ],
)
def test_a_jump_is_refused_once_and_believed_when_it_stays(after: Climate, sentence: str) -> None:
    follows = Plausible()
    follows.check(climate(22.5, 45, 1013), 0)
    with pytest.raises(SensorError, match=sentence):
        follows.check(after, 60_000)
    follows.check(again(after), 120_000)


def again(after: Climate) -> Climate:
    """The same air, measured again: other words."""
    return Climate(after.temp_c, after.rh_pct, after.raw + b"'", after.pressure_hpa)


def test_values_that_jump_about_are_never_believed() -> None:
    follows = Plausible()
    follows.check(climate(22.5), 0)
    for minute, temp_c in enumerate([60.0, -20.0, 100.0, 0.0], start=1):
        with pytest.raises(SensorError, match="which no air does"):
            follows.check(climate(temp_c), minute * 60_000)
    follows.check(climate(22.7), 5 * 60_000)


def test_an_open_window_in_winter_and_a_breath_are_air() -> None:
    follows = Plausible()
    for minute, (temp_c, rh_pct) in enumerate([(23, 40), (15, 35), (8, 30), (6, 62), (9, 35)]):
        follows.check(climate(temp_c, rh_pct), minute * 60_000)


def test_after_a_long_pause_a_room_may_be_another() -> None:
    follows = Plausible()
    follows.check(climate(22.5), 0)
    follows.check(climate(2.5), 16 * 60_000)


def test_a_value_that_jumps_on_a_line_without_checksum_is_a_gap() -> None:
    desk = Desk("bme280")
    desk.first()
    device = desk.bus.devices[0x76]
    honest = device.air
    device.air = lambda: type(honest())(60.0, 45.0, 1013.0, 0.0)  # type: ignore[method-assign]  # what the wire made of it
    with pytest.raises(SensorError, match="which no air does"):
        desk.look()
    device.air = honest  # type: ignore[method-assign]  # the wire is well again
    assert desk.look() is not None  # back to what was believed is no jump


class Disturbed:
    """A bus on which one bit of the first answer of 26 bytes is wrong; there is no checksum in it."""

    def __init__(self, bus: Bus) -> None:
        self.write, self.sleep, self._bus = bus.write, bus.sleep, bus
        self._quiet = False

    def read(self, address: int, count: int) -> bytes:
        data = self._bus.read(address, count)
        if count != 26 or self._quiet:
            return data
        self._quiet = True
        return data[:3] + bytes([data[3] ^ 0x10]) + data[4:]


@pytest.mark.parametrize("ask", [DRIVERS["bme280"].identify, DRIVERS["bme280"].measure])
def test_a_calibration_that_the_wire_has_changed_is_neither_another_sensor_nor_another_value(
    ask: Callable[[Bus, int], object],
) -> None:
    desk = Desk("bme280")
    bus = desk.bus.open()
    with pytest.raises(SensorError, match="another calibration"):
        ask(Disturbed(bus), 0x76)
    assert ask(bus, 0x76)
