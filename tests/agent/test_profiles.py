"""The sensor profiles that are laid on nodes are what this agent understands and can be wired so."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.clock import FakeClock
from zaigang_agent import config
from zaigang_agent.drivers.catalog import DRIVERS
from zaigang_agent.drivers.scan import scan
from zaigang_agent.drivers.simulated import Curve, SensorSpec, SimulatedBus, Spec
from zaigang_agent.samplers.environment import parse_sensors

PROFILES = sorted(Path(__file__).parents[2].glob("firmware_config/profiles/*.toml"))


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.stem)
def test_a_profile_is_what_a_scan_of_the_sensors_in_it_finds(path: Path) -> None:
    node = config.load(path).node
    wired = parse_sensors(node.sensors)
    assert path.stem in {driver.model for driver, _ in wired} | {"six-sensors"}
    sensors = tuple(
        SensorSpec(driver.model, Curve(21), Curve(50), address=address)  # type: ignore[arg-type]  # of the catalogue
        for driver, address in wired
    )
    found = scan(SimulatedBus(Spec(sensors), FakeClock()).open())
    assert sorted(each.setting for each in found) == sorted(node.sensors)


def test_there_is_a_profile_for_each_sensor_and_one_with_one_of_each_kind() -> None:
    assert {path.stem for path in PROFILES} == {*DRIVERS, "six-sensors"}
    [six] = [path for path in PROFILES if path.stem == "six-sensors"]
    models = {driver.model for driver, _ in parse_sensors(config.load(six).node.sensors)}
    assert models == set(DRIVERS) - {"si7021"}  # which sits where the HTU21D does
