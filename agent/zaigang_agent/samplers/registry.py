"""Which samplers a device has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from zaigang_agent.ble.air import Radio
from zaigang_agent.drivers.shared_bus import SharedBus, opener
from zaigang_agent.errors import SampleError
from zaigang_agent.platforms.base import Platform
from zaigang_agent.samplers.adverts import AdvertSampler
from zaigang_agent.samplers.base import Now, Sampler
from zaigang_agent.samplers.beacons import BeaconSampler
from zaigang_agent.samplers.bench import Bench
from zaigang_agent.samplers.folders import FolderCounter
from zaigang_agent.samplers.health import HealthSampler
from zaigang_agent.samplers.network import NetworkSampler, VantageSource
from zaigang_agent.samplers.sessions import SessionsSampler
from zaigang_agent.samplers.usage import UsageSampler
from zaigang_shared.clock import Clock
from zaigang_shared.device_config import DeviceConfig

# A board that was off for less is still warm, and would show only a part of its own warmth
# (samplers.self_heating). More would leave nodes without an answer that are off for a lunch break.
_COLD_AFTER_MS: Final = 45 * 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What samplers are given: settings of this device, and what else they talk to."""

    kind: Literal["laptop", "node"]
    state_dir: Path
    platform: Platform
    clock: Clock
    radio: Radio | None = None
    """None: no radio, so no beacon, scan or advert readings at all, and no carried sensors."""
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
    last_alive_ms: Callable[[], int | None] = lambda: None
    """When this device was last seen alive before this start, UTC; None: never."""
    count: Callable[[str], None] = lambda _: None
    """Counts a trouble by its code, for the next health reading."""
    benches: list[Bench] = field(default_factory=list, repr=False)
    """The node's sensors, once they were built: what outlives a change of configuration."""


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
    return [*samplers, *_radio(config, around, personal=True)]


def _node(config: DeviceConfig, around: Surroundings) -> list[Sampler]:
    samplers: list[Sampler] = []
    sensors, where = around.sensors, "[node] sensors"
    if config.sensors is not None:
        sensors, where = config.sensors, "sensors of the signed configuration"
    if sensors:
        # Imported here because a laptop has no sensors.
        from zaigang_agent.samplers.environment import EnvironmentSampler, parse_sensors

        samplers += [
            EnvironmentSampler(_bench(around), driver, address)
            for driver, address in parse_sensors(sensors, where)
        ]
    return [*samplers, *_radio(config, around, personal=False)]


def _radio(config: DeviceConfig, around: Surroundings, *, personal: bool) -> list[Sampler]:
    """Everybody listens; who has a key is heard as well: nodes and laptops witness each other."""
    radio, clock = around.radio, around.clock
    if radio is None:
        return []
    asleep = around.platform.suspended_ms
    samplers: list[Sampler] = [
        BeaconSampler(radio, config, clock, personal=personal, suspended_ms=asleep)
    ]
    if config.rid_key is not None:
        samplers.append(
            AdvertSampler(radio, around.platform, clock, config.rid_key, personal=personal)
        )
    return samplers


def _bench(around: Surroundings) -> Bench:
    if not around.benches:
        alive_ms = around.last_alive_ms()
        around.benches.append(
            Bench(
                SharedBus(opener(around.i2c_bus, around.clock)),
                was_cold=lambda now: _was_cold(around.platform, now, alive_ms),
                count=around.count,
            )
        )
    return around.benches[0]


def _was_cold(platform: Platform, now: Now, alive_ms: int | None) -> bool | None:
    """Whether the machine was off for long before this boot; None while its clock is not right.

    `alive_ms`: when it was last seen alive before, UTC. A machine that was never seen may have been
    restarted a minute ago, as a new Raspberry Pi is by its first boot: that is no cold boot for us.
    """
    if alive_ms is None:
        return False
    try:
        if not platform.clock_synced():
            return None
    except SampleError:
        return False
    return now.utc_ms - now.boot_ms - alive_ms >= _COLD_AFTER_MS
