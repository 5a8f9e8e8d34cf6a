"""The sensor profiles that are laid on nodes are what this agent understands."""

from __future__ import annotations

from pathlib import Path

import pytest

from zaigang_agent import config
from zaigang_agent.samplers.environment import parse_sensor

PROFILES = sorted(Path(__file__).parents[2].glob("firmware_config/profiles/*.toml"))


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.stem)
def test_a_profile_loads_and_names_sensors_that_there_is_a_driver_for(path: Path) -> None:
    node = config.load(path).node
    models = [parse_sensor(text)[0].model for text in node.sensors]
    assert path.stem in models


def test_there_are_profiles() -> None:
    assert PROFILES
