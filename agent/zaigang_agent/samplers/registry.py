"""Which samplers a device has."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from zaigang_agent.ble.air import Radio
from zaigang_agent.drivers.bus import Bus
from zaigang_agent.platforms.base import Platform
from zaigang_agent.samplers.adverts import AdvertSampler
from zaigang_agent.samplers.base import Sampler
from zaigang_agent.samplers.beacons import BeaconSampler
from zaigang_agent.samplers.environment import EnvironmentSampler, parse_sensor
from zaigang_agent.samplers.folders import FolderCounter
from zaigang_agent.samplers.health import HealthSampler
from zaigang_agent.samplers.network import NetworkSampler, VantageSource
from zaigang_agent.samplers.sessions import SessionsSampler
from zaigang_agent.samplers.usage import UsageSampler
from zaigang_shared.clock import Clock
from zaigang_shared.device_config import DeviceConfig

SIMULATED: Final = "simulated:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What samplers are given: settings of this device, and what else they talk to."""

    kind: Literal["laptop", "node"]
    state_dir: Path
    platform: Platform
    clock: Clock
    radio: Radio | None = None
    """None: no radio, so no beacon, scan or advert readings at all."""
    folders: Mapping[str, Path] = field(default_factory=dict)
    """Work folders by label."""
    apps_allowed: bool = True
    i2c_bus: int | str = 1
    """Number of the bus, or "simulated:PATH" of a `drivers.simulated.Spec`."""
    sensors: Sequence[str] = ()
    """As in `samplers.environment.parse_sensor`; nodes only."""
    vantage: VantageSource = lambda: None
    spooled: Callable[[], int] = lambda: 0
    errors: Callable[[], Mapping[str, int]] = dict
    last_boot: Callable[[], bytes | None] = lambda: None
    """Boot id of the newest envelope so far."""


def build(config: DeviceConfig, around: Surroundings) -> list[Sampler]:
    """The samplers of one device under one configuration; build anew when it changes.

    Touches no device yet: what is missing shows at the first look. Samplers start the radio;
    whoever opened it stops it at the end. Raises ConfigError for a sensor setting that cannot be meant.
    """
    health = HealthSampler(around.platform, around.state_dir, around.spooled, around.errors)
    network = NetworkSampler(
        around.platform, config, around.vantage, personal=around.kind == "laptop"
    )
    own = _node(config, around) if around.kind == "node" else _laptop(config, around)
    return [*own, network, health]


def _laptop(config: DeviceConfig, around: Surroundings) -> list[Sampler]:
    samplers: list[Sampler] = [
        SessionsSampler(around.platform, around.last_boot),
        UsageSampler(
            around.platform,
            FolderCounter(around.platform, around.folders),
            usage_s=config.usage_s,
            apps=config.apps if around.apps_allowed else {},
        ),
    ]
    if around.radio is not None:
        samplers.append(BeaconSampler(around.radio, beacon_s=config.beacon_s))
    return samplers


def _node(config: DeviceConfig, around: Surroundings) -> list[Sampler]:
    open_bus = functools.cache(functools.partial(_open_bus, around.i2c_bus, around.clock))
    sensors = around.sensors if config.sensors is None else config.sensors
    samplers: list[Sampler] = [
        EnvironmentSampler(open_bus, *parse_sensor(text)) for text in sensors
    ]
    if around.radio is not None and config.rid_key is not None:
        samplers.append(AdvertSampler(around.radio, around.platform, around.clock, config.rid_key))
    return samplers


def _open_bus(i2c_bus: int | str, clock: Clock) -> Bus:
    # Imported here because a laptop has no bus: smbus2 is for nodes only.
    if isinstance(i2c_bus, str) and i2c_bus.startswith(SIMULATED):
        from zaigang_agent.drivers.simulated import SimulatedBus, load_spec

        return SimulatedBus(load_spec(Path(i2c_bus.removeprefix(SIMULATED))), clock).open()
    from zaigang_agent.drivers.linux_bus import LinuxBus

    return LinuxBus(i2c_bus)
