"""Network, environment, beacons, adverts, health, and which device has which."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.platform import FakePlatform
from zaigang_agent.ble.loopback import LoopbackAir
from zaigang_agent.drivers.shared_bus import SharedBus
from zaigang_agent.drivers.simulated import Curve, Fault, SensorSpec, SimulatedBus, Spec
from zaigang_agent.errors import ConfigError, SampleError
from zaigang_agent.platforms.base import NetworkState
from zaigang_agent.samplers.adverts import AdvertSampler
from zaigang_agent.samplers.base import Now, Sampler, rest, troubles
from zaigang_agent.samplers.beacons import BeaconSampler
from zaigang_agent.samplers.bench import Bench
from zaigang_agent.samplers.environment import EnvironmentSampler, parse_sensor
from zaigang_agent.samplers.health import HealthSampler
from zaigang_agent.samplers.network import NetworkSampler
from zaigang_agent.samplers.registry import Surroundings, build
from zaigang_shared import rid
from zaigang_shared.device_config import DeviceConfig
from zaigang_shared.network_hash import network_hash
from zaigang_shared.readings import Advert, Beacon, Reading, Scan, encode

KEY = bytes(range(32))
CONFIG = DeviceConfig(hours=None, net_key=KEY)


def look(sampler: Sampler, clock: FakeClock, after_ms: int) -> list[Reading]:
    clock.advance(after_ms)
    readings = list(sampler.sample(Now(clock.utc, clock.boot, after_ms)))
    for reading in readings:
        encode(reading)
    return readings


# ---- network


class Vantage:
    def __init__(self) -> None:
        self.asked = 0
        self.token: bytes | None = b"token"

    def __call__(self) -> bytes | None:
        self.asked += 1
        return self.token


def network() -> tuple[NetworkSampler, FakePlatform, Vantage, FakeClock]:
    platform, vantage = FakePlatform(), Vantage()
    return NetworkSampler(platform, CONFIG, vantage, personal=True), platform, vantage, FakeClock()


def test_a_network_leaves_the_machine_as_a_hash_only() -> None:
    sampler, platform, _, clock = network()
    [reading] = look(sampler, clock, 0)
    mac = platform.net.gateway_mac
    assert mac is not None
    assert encode(reading)["net"] == network_hash(KEY, mac)
    assert mac not in msgspec.msgpack.encode(reading)


def test_a_network_is_told_every_five_minutes_and_when_it_changes() -> None:
    sampler, platform, _, clock = network()
    told = [bool(look(sampler, clock, 60_000)) for _ in range(6)]
    assert told == [True, False, False, False, False, True]
    platform.net = NetworkState("none", False, None)
    [reading] = look(sampler, clock, 60_000)
    assert (encode(reading)["link"], encode(reading)["net"]) == ("none", None)


def test_a_vantage_token_is_kept_for_its_time_and_never_carried_to_another_network() -> None:
    sampler, platform, vantage, clock = network()
    for _ in range(6):
        [reading] = look(sampler, clock, 300_000)
        assert encode(reading)["vantage"] == b"token"
    assert vantage.asked == 1
    look(sampler, clock, 300_000)
    assert vantage.asked == 2
    vantage.token = None
    platform.net = NetworkState("cellular", False, None)
    [reading] = look(sampler, clock, 60_000)
    assert encode(reading)["vantage"] is None


def test_a_token_that_would_spoil_the_envelope_is_left_out() -> None:
    sampler, _, vantage, clock = network()
    vantage.token = bytes(600)
    [reading] = look(sampler, clock, 0)
    assert encode(reading)["vantage"] is None


# ---- environment


def environment(clock: FakeClock, *faults: Fault) -> EnvironmentSampler:
    temp, rh = Curve(22.5, noise=0.04), Curve(45, noise=0.3)
    bus = SimulatedBus(
        Spec((SensorSpec("sht4x", temp, rh, serial="0f012345", faults=faults),)), clock
    )
    return EnvironmentSampler(Bench(SharedBus(bus.open)), *parse_sensor("sht4x"))


def test_a_room_is_told_with_the_sensors_own_number() -> None:
    clock = FakeClock()
    [reading] = look(environment(clock), clock, 0)
    fields = encode(reading)
    assert (fields["sensor"], fields["model"], fields["via"]) == ("sht4x-0f012345", "sht4x", "i2c")
    assert fields["temp_c"] == pytest.approx(22.5, abs=0.3)
    assert fields["rh_pct"] == pytest.approx(45, abs=2)


@pytest.mark.parametrize("kind", ["nack", "crc", "timeout"])
def test_a_failing_sensor_gives_an_error_and_works_again_afterwards(kind: str) -> None:
    clock = FakeClock()
    fault = Fault(clock.utc + 60_000, clock.utc + 120_000, kind)  # type: ignore[arg-type]  # of the table above
    sampler = environment(clock, fault)
    assert look(sampler, clock, 0)
    with pytest.raises(SampleError) as caught:
        look(sampler, clock, 60_000)
    assert caught.value.reason == "sensor_failed"
    assert look(sampler, clock, 60_000)


def test_a_stuck_sensor_is_told_as_failed_and_never_as_still_air() -> None:
    clock = FakeClock()
    sampler = environment(clock, Fault(clock.utc, clock.utc + 10**9, "stuck"))
    for _ in range(10):
        assert look(sampler, clock, 60_000)
    with pytest.raises(SampleError, match="stuck"):
        look(sampler, clock, 60_000)


@pytest.mark.parametrize(
    "text", ["", "sht9x", "sht4x@", "sht4x@0x77", "sht4x@44", "SHT4X", "a@b@c"]
)
def test_a_sensor_setting_that_cannot_be_meant_is_refused_in_words(text: str) -> None:
    with pytest.raises(ConfigError, match=r"\[node\] sensors"):
        parse_sensor(text)


# ---- beacons and adverts


def test_a_laptop_near_a_node_tells_its_identifiers_and_the_radios_health() -> None:
    clock, air, platform = FakeClock(), LoopbackAir(), FakePlatform()
    node_radio = air.radio("node", clock, lambda _: {"hq"})
    laptop_radio = air.radio("laptop", clock, lambda _: {"hq"})
    node = AdvertSampler(node_radio, platform, clock, KEY)
    laptop = BeaconSampler(laptop_radio, CONFIG, clock)
    assert look(node, clock, 0) == []
    assert look(laptop, clock, 0) == []
    readings = look(laptop, clock, 60_000)
    ids = {reading.id for reading in readings if isinstance(reading, Beacon)}
    slot = rid.slot_at(clock.utc)
    assert ids <= {rid.rid(KEY, slot - n) for n in range(6)}
    assert len(ids) >= 4
    [scan] = [reading for reading in readings if isinstance(reading, Scan)]
    assert scan.healthy
    [advert] = look(node, clock, 0)
    assert encode(advert)["slot_last"] == slot


def test_a_deaf_radio_is_told_as_deaf() -> None:
    clock = FakeClock()
    radio = LoopbackAir().radio("laptop", clock, lambda _: None)
    sampler = BeaconSampler(radio, CONFIG, clock)
    look(sampler, clock, 0)
    radio.stop()
    [scan] = look(sampler, clock, 60_000)
    assert isinstance(scan, Scan)
    assert not scan.healthy


def test_a_radio_does_not_claim_to_have_listened_while_the_machine_slept() -> None:
    clock, slept = FakeClock(), [7_000]
    radio = LoopbackAir().radio("laptop", clock, lambda _: None)
    sampler = BeaconSampler(radio, CONFIG, clock, suspended_ms=lambda: slept[0])
    look(sampler, clock, 0)
    healthy = []
    for asleep_ms in (0, 40_000, 0, 8 * 3_600_000, 0):
        slept[0] += asleep_ms
        [scan] = look(sampler, clock, 60_000 + asleep_ms)
        assert isinstance(scan, Scan)
        healthy.append(scan.healthy)
    assert healthy == [True, False, True, False, True]


def test_a_sleep_outside_working_hours_says_nothing_of_the_radio_afterwards() -> None:
    clock, slept = FakeClock(), [0]
    radio = LoopbackAir().radio("laptop", clock, lambda _: None)
    sampler = BeaconSampler(radio, CONFIG, clock, suspended_ms=lambda: slept[0])
    look(sampler, clock, 0)
    slept[0] = 3_600_000
    sampler.sample(Now(clock.utc, clock.boot, 0))
    [scan] = look(sampler, clock, 60_000)
    assert isinstance(scan, Scan)
    assert scan.healthy


def test_what_was_heard_while_not_allowed_to_listen_is_dropped() -> None:
    clock, air = FakeClock(), LoopbackAir()
    node = air.radio("node", clock, lambda _: None)
    radio = air.radio("laptop", clock, lambda _: None)
    sampler = BeaconSampler(radio, CONFIG, clock)
    look(sampler, clock, 0)
    AdvertSampler(node, FakePlatform(), clock, KEY).sample(Now(clock.utc, clock.boot, 0))
    readings = look(sampler, clock, 36_000_000)
    firsts = [reading.first_t for reading in readings if isinstance(reading, Beacon)]
    assert firsts
    assert min(firsts) >= clock.boot - 300_000
    clock.advance(30_000)
    radio.heard()  # the radio went on in the pause
    assert sampler.sample(Now(clock.utc, clock.boot, 0)) == []
    [scan] = sampler.sample(Now(clock.utc, clock.boot, 30_000))
    assert isinstance(scan, Scan)  # what it had heard was dropped
    assert scan.adverts == 0


def test_a_sampler_at_rest_neither_listens_nor_sends_and_begins_anew() -> None:
    clock, air = FakeClock(), LoopbackAir()
    radio, other = (air.radio(name, clock, lambda _: None) for name in ("laptop", "other"))
    samplers: list[Sampler] = [
        BeaconSampler(radio, CONFIG, clock),
        AdvertSampler(radio, FakePlatform(), clock, KEY, personal=True),
    ]
    for sampler in samplers:
        look(sampler, clock, 0)
    assert radio.on_air(clock.utc, None) is not None
    rest(samplers)
    assert radio.on_air(clock.utc, None) is None
    AdvertSampler(other, FakePlatform(), clock, bytes(32)).sample(Now(clock.utc, clock.boot, 0))
    clock.advance(60_000)
    assert radio.heard().adverts == 0
    for sampler in samplers:
        look(sampler, clock, 0)
    readings = [reading for sampler in samplers for reading in look(sampler, clock, 30_000)]
    assert {type(reading) for reading in readings} == {Beacon, Scan, Advert}


def test_what_is_wrong_with_a_radio_reaches_the_status() -> None:
    clock = FakeClock()
    radio = LoopbackAir().radio("laptop", clock, lambda _: None)
    sampler = BeaconSampler(radio, CONFIG, clock)
    look(sampler, clock, 0)
    radio.stop()
    look(sampler, clock, 60_000)
    assert troubles([sampler]) == {"beacons": "the radio was not started"}
    look(sampler, clock, 0)
    look(sampler, clock, 60_000)
    assert troubles([sampler]) == {}


def test_a_node_whose_radio_was_stopped_sends_again() -> None:
    clock, air = FakeClock(), LoopbackAir()
    radio = air.radio("node", clock, lambda _: None)
    sampler = AdvertSampler(radio, FakePlatform(), clock, KEY)
    look(sampler, clock, 0)
    radio.stop()
    assert look(sampler, clock, 60_000) == []
    assert len(look(sampler, clock, 60_000)) == 1


def test_a_beacon_that_just_started_or_has_no_time_says_so() -> None:
    clock, air = FakeClock(boot=1_000), LoopbackAir()
    radio = air.radio("node", clock, lambda _: None)
    sampler = AdvertSampler(radio, FakePlatform(synced=False), clock, KEY)
    look(sampler, clock, 0)
    data = radio.on_air(clock.utc, None)
    assert data is not None
    frame = rid.decode_frame(data)
    assert (frame.clock_synced, frame.restarted) == (False, True)


# ---- health


def test_health_tells_the_processor_use_of_the_time_between(tmp_path: Path) -> None:
    clock, platform = FakeClock(), FakePlatform()
    sampler = HealthSampler(platform, tmp_path, lambda: 3, lambda: {"tls": 2, "none": 0})
    platform.state = replace(platform.state, cpu_ms=5_000)
    assert look(sampler, clock, 0) == []
    assert sampler.interval_s(CONFIG) == 60
    platform.state = replace(platform.state, cpu_ms=5_600, battery_pct=81.0)
    [reading] = look(sampler, clock, 60_000)
    fields = encode(reading)
    assert (fields["cpu_pct"], fields["spooled"], fields["rss_mb"]) == (1.0, 3, 32.0)
    assert fields["errors"] == {"tls": 2}
    assert fields["battery_pct"] == 81.0
    assert sampler.interval_s(CONFIG) == CONFIG.health_s


# ---- which device has which


def names(config: DeviceConfig, around: Surroundings) -> dict[str, bool]:
    return {sampler.name: sampler.personal for sampler in build(config, around)}


def test_a_laptop_has_what_concerns_a_person_and_a_node_what_concerns_a_room(
    tmp_path: Path,
) -> None:
    clock = FakeClock()
    radio = LoopbackAir().radio("r", clock, lambda _: None)
    laptop = Surroundings(
        kind="laptop", state_dir=tmp_path, platform=FakePlatform(), clock=clock, radio=radio
    )
    assert names(CONFIG, laptop) == {
        "sessions": True, "usage": True, "beacons": True, "network": True, "health": False,
    }  # fmt: skip
    assert "beacons" not in names(CONFIG, replace(laptop, radio=None))
    node = replace(laptop, kind="node", sensors=("sht4x", "sht3x@0x45"))
    assert names(msgspec.structs.replace(CONFIG, rid_key=KEY), node) == {
        "environment sht4x@0x44": False, "environment sht3x@0x45": False, "beacons": False,
        "adverts": False, "network": False, "health": False,
    }  # fmt: skip
    assert "adverts" not in names(CONFIG, node)
    # A laptop with a key is heard as well, but in working hours only.
    assert names(msgspec.structs.replace(CONFIG, rid_key=KEY), laptop)["adverts"] is True


def test_a_laptop_does_not_load_what_only_nodes_and_others_need() -> None:
    program = (
        "import sys; import zaigang_agent.samplers.registry, zaigang_agent.platforms.linux;"
        "unwanted = {'asyncio', 'smbus2', 'ctypes', 'statistics', 'subprocess',"
        " 'zaigang_agent.drivers.catalog', 'zaigang_agent.samplers.environment'};"
        "print(*unwanted & set(sys.modules))"
    )
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    loaded = subprocess.run(
        [sys.executable, "-c", program], env=env, capture_output=True, text=True
    )
    assert (loaded.stdout.strip(), loaded.stderr) == ("", "")


def test_a_simulated_bus_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "bus.json"
    path.write_text(
        '{"sensors": [{"model": "sht4x", "temp_c": {"mean": 21}, "rh_pct": {"mean": 40}}]}'
    )
    clock = FakeClock()
    around = Surroundings(
        kind="node",
        state_dir=tmp_path,
        platform=FakePlatform(),
        clock=clock,
        i2c_bus=f"simulated:{path}",
        sensors=("sht4x",),
    )
    [reading] = look(build(CONFIG, around)[0], clock, 0)
    assert encode(reading)["temp_c"] == pytest.approx(21, abs=0.01)


def test_a_node_without_a_bus_says_what_to_do(tmp_path: Path) -> None:
    around = Surroundings(
        kind="node",
        state_dir=tmp_path,
        platform=FakePlatform(),
        clock=FakeClock(),
        i2c_bus=97,
        sensors=("sht4x",),
    )
    with pytest.raises(SampleError, match="enable I2C"):
        build(CONFIG, around)[0].sample(Now(0, 0, 0))
