"""A node with six sensors on one bus: by its agent.toml, and by the configuration that it is sent."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from tests.fakes.agent import DEVICE_ID, FakeUplink, Store, enrolled
from tests.fakes.clock import FakeClock
from tests.fakes.platform import FakePlatform
from zaigang_agent import config
from zaigang_agent.errors import ConfigError, SampleError
from zaigang_agent.runner import Parts, Runner
from zaigang_agent.samplers.base import Now, Sampler
from zaigang_agent.samplers.registry import Surroundings, build
from zaigang_agent.spool import Spool
from zaigang_shared.device_config import DeviceConfig
from zaigang_shared.readings import Environment, Gap, encode

ROOT = Path(__file__).parents[2]
BUS = ROOT / "docs" / "examples" / "simulated-bus.json"
SIX = config.load(ROOT / "firmware_config" / "profiles" / "six-sensors.toml").node.sensors
CONFIG = DeviceConfig(hours=None, net_key=bytes(32))


def node(tmp_path: Path, clock: FakeClock, sensors: tuple[str, ...] = SIX) -> Surroundings:
    toml = tmp_path / "agent.toml"
    texts = ", ".join(f'"{text}"' for text in sensors)
    toml.write_text(f'[node]\ni2c_bus = "simulated:{BUS}"\nsensors = [{texts}]\n')
    local = config.load(toml).node
    return Surroundings(
        kind="node",
        state_dir=tmp_path,
        platform=FakePlatform(),
        clock=clock,
        i2c_bus=local.i2c_bus,
        sensors=local.sensors,
    )


def air(signed: DeviceConfig, around: Surroundings) -> list[Sampler]:
    return [s for s in build(signed, around) if s.name.startswith("environment ")]


def look(samplers: list[Sampler], clock: FakeClock) -> dict[str, Environment]:
    now = Now(clock.utc, clock.boot, 0)
    found = [reading for sampler in samplers for reading in sampler.sample(now)]
    for reading in found:
        encode(reading)
    return {reading.model: reading for reading in found if isinstance(reading, Environment)}


def test_six_sensors_on_one_bus_by_agent_toml(tmp_path: Path) -> None:
    clock = FakeClock()
    samplers = air(CONFIG, node(tmp_path, clock))
    assert len(look(samplers, clock)) == 5  # one warms up
    clock.advance(6_000)
    found = look(samplers, clock)
    assert set(found) == {"sht4x", "sht3x", "bme280", "aht20", "htu21d", "scd4x"}
    assert found["bme280"].pressure_hpa == pytest.approx(1013, abs=7)
    assert found["scd4x"].co2_ppm == pytest.approx(750, abs=350)
    assert len({reading.sensor for reading in found.values()}) == 6


def test_six_sensors_on_one_bus_by_the_signed_configuration(tmp_path: Path) -> None:
    clock = FakeClock()
    around = node(tmp_path, clock, ("sht3x@0x45",))
    assert set(look(air(CONFIG, around), clock)) == {"sht3x"}
    samplers = air(msgspec.structs.replace(CONFIG, sensors=SIX), around)
    look(samplers, clock)
    clock.advance(6_000)
    assert len(look(samplers, clock)) == 6
    assert len(around.benches) == 1  # still the bus that was opened in the beginning


def test_an_hour_of_a_node_with_a_sensor_unplugged_for_a_while(tmp_path: Path) -> None:
    """Through the runner: values of all six, one gap told at its beginning and its end, a count."""
    clock = FakeClock()
    bus = json.loads(BUS.read_text())
    unplugged = {
        "from_utc_ms": clock.utc + 600_000, "to_utc_ms": clock.utc + 1_200_000, "kind": "nack",
    }  # fmt: skip
    next(s for s in bus["sensors"] if s["model"] == "scd4x")["faults"] = [unplugged]
    (tmp_path / "bus.json").write_text(json.dumps(bus))
    errors: Counter[str] = Counter()
    around = replace(
        node(tmp_path, clock),
        i2c_bus=f"simulated:{tmp_path / 'bus.json'}",
        errors=lambda: errors,
        count=lambda code: errors.update((code,)),
    )
    identity = enrolled(tmp_path / "state")
    store = Store(identity.key.public_key())
    spool = Spool.open(identity.state_dir, DEVICE_ID)
    runner = Runner(
        Parts(
            identity=identity,
            clock=clock,
            platform=around.platform,
            spool=spool,
            uplink=FakeUplink(store),
            samplers=lambda signed: build(signed.config, around),
            save_config=lambda _: None,
            errors=errors,
        )
    )
    for _ in range(1800):
        runner.step()
        clock.advance(2_000)
    runner.flush()
    runner.step()
    spool.close()
    told = store.readings()
    by_model = Counter(r.model for r in told if isinstance(r, Environment))
    assert by_model == {
        "sht4x": 60, "sht3x": 60, "bme280": 60, "aht20": 60, "htu21d": 60, "scd4x": by_model["scd4x"],
    }  # fmt: skip
    assert 48 <= by_model["scd4x"] <= 50
    begin, end = [r for r in told if isinstance(r, Gap) and r.reason == "sensor_failed"]
    assert end.from_t is not None
    assert end.t_ms - end.from_t == pytest.approx(600_000, abs=61_000)
    assert begin.t_ms == pytest.approx(end.from_t, abs=61_000)
    assert errors == {"environment_sensor_failed": 1}


def test_a_signed_configuration_can_take_all_sensors_away(tmp_path: Path) -> None:
    around = node(tmp_path, FakeClock())
    assert air(msgspec.structs.replace(CONFIG, sensors=()), around) == []


@pytest.mark.parametrize(
    ("sensors", "sentence"),
    [
        (("sht9x",), "'sht9x' is not a sensor"),
        (("sht4x@0x77",), "sits at one of"),
        (("sht4x", "sht3x"), "cannot both be at 0x44"),
        (("si7021", "htu21d"), "cannot both be at 0x40"),
        (("aht20", "aht20@0x38"), "cannot both be at 0x38"),
    ],
)
def test_sensors_that_cannot_be_meant_are_refused_and_it_is_said_who_named_them(
    tmp_path: Path, sensors: tuple[str, ...], sentence: str
) -> None:
    around = node(tmp_path, FakeClock())
    with pytest.raises(ConfigError, match=f"^sensors of the signed configuration: .*{sentence}"):
        build(msgspec.structs.replace(CONFIG, sensors=sensors), around)
    with pytest.raises(ConfigError, match=rf"^\[node\] sensors: .*{sentence}"):
        build(CONFIG, replace(around, sensors=sensors))


def test_a_laptop_has_no_sensors_whatever_it_is_told(tmp_path: Path) -> None:
    around = replace(node(tmp_path, FakeClock()), kind="laptop")
    assert air(msgspec.structs.replace(CONFIG, sensors=SIX), around) == []


def test_a_simulated_bus_that_cannot_be_read_is_a_gap_with_the_reason(tmp_path: Path) -> None:
    clock = FakeClock()
    (tmp_path / "bus.json").write_text('{"sensors": 1}')
    around = replace(node(tmp_path, clock), i2c_bus=f"simulated:{tmp_path / 'bus.json'}")
    with pytest.raises(SampleError, match="not the description of a simulated bus") as caught:
        look(air(CONFIG, around), clock)
    assert caught.value.reason == "sensor_failed"
