"""Puts an agent together: the only place, beside the command line, that constructs adapters."""

from __future__ import annotations

import os
import sys
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from zaigang_agent import keys
from zaigang_agent.ble.air import Radio
from zaigang_agent.config import LocalConfig
from zaigang_agent.keys import Identity
from zaigang_agent.platforms.base import Platform
from zaigang_agent.platforms.selection import open_platform, usual_helper_socket
from zaigang_agent.runner import Parts, Runner
from zaigang_agent.samplers.base import Sampler
from zaigang_agent.samplers.registry import Surroundings
from zaigang_agent.samplers.registry import build as build_samplers
from zaigang_agent.spool import Spool
from zaigang_agent.uplink import MqttUplink, Route
from zaigang_shared.clock import Clock, SystemClock
from zaigang_shared.device_config import SignedConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What a device runs in."""

    clock: Clock
    platform: Platform
    radio: Radio | None = None
    write_status: bool = True
    vantage: Callable[[], bytes | None] | None = None
    """Instead of asking the collector."""


def system_platform(local: LocalConfig, clock: Clock, *, serve: bool = False) -> Platform:
    """The operating system, or the script in its place. `serve`: be there for session helpers, as
    the running agent alone is. Raises AgentError."""
    script = local.platform.script if local.platform.kind == "scripted" else ""
    socket = usual_helper_socket(local.platform.helper_socket) if serve else None
    return open_platform(clock, Path(script) if script else None, socket)


def system_radio(local: LocalConfig, clock: Clock, kind: Literal["laptop", "node"]) -> Radio | None:
    """The Bluetooth adapter of this machine; touches it when it is first used. None: not wanted."""
    # A scripted machine has none, unless the settings name one: of a test's or a demo's own.
    if local.radio.off or (local.platform.kind == "scripted" and not local.radio.adapter):
        return None
    if sys.platform == "linux" and kind == "laptop":
        from zaigang_agent.ble.bluez_radio import BluezRadio, Windows

        return BluezRadio(clock, local.radio.adapter, windows=Windows())
    from zaigang_agent.ble.bleak_radio import BleakRadio

    return BleakRadio(clock, local.radio.adapter)


def build(identity: Identity, local: LocalConfig, world: World, wake: threading.Event) -> Runner:
    """A device, ready to run. Raises IdentityError, SpoolError, ConfigError."""
    spool = Spool.open(identity.state_dir, identity.device_id)
    errors: Counter[str] = Counter()
    try:
        return Runner(
            Parts(
                identity=identity,
                clock=world.clock,
                platform=world.platform,
                spool=spool,
                uplink=_uplink(identity, local, wake),
                samplers=_sampler_source(identity, local, world, spool, errors),
                save_config=lambda data: keys.keep_config(identity.state_dir, data),
                renew=lambda: _renewed(identity),
                max_mb=local.spool.max_mb,
                errors=errors,
                status_dir=identity.state_dir if world.write_status else None,
            )
        )
    except BaseException:
        spool.close()
        raise


def surroundings(
    identity: Identity,
    local: LocalConfig,
    world: World,
    spool: Spool,
    errors: Counter[str],
) -> Surroundings:
    """What the samplers of a device are given."""
    return Surroundings(
        kind=identity.card.kind,
        state_dir=identity.state_dir,
        platform=world.platform,
        clock=world.clock,
        radio=world.radio,
        folders={label: Path(path).expanduser() for label, path in local.folders.items()},
        apps_allowed=local.apps.allow,
        i2c_bus=local.node.i2c_bus,
        sensors=local.node.sensors,
        vantage=world.vantage or (lambda: _vantage(identity)),
        spooled=lambda: spool.waiting,
        errors=lambda: errors,
        last_boot=lambda: spool.before().boot,
        last_alive_ms=spool.written_ms,
        count=lambda code: errors.update((code,)),
    )


def with_url(identity: Identity, url: str) -> Identity:
    """The same device, asking the collector at another address than the one of its enrolment."""
    if not url:
        return identity
    from msgspec.structs import replace

    return Identity(
        identity.state_dir,
        replace(identity.card, collector_url=url),
        identity.key,
        identity.collector_key,
        identity.config,
    )


def _sampler_source(
    identity: Identity, local: LocalConfig, world: World, spool: Spool, errors: Counter[str]
) -> Callable[[SignedConfig], Sequence[Sampler]]:
    around = surroundings(identity, local, world, spool, errors)
    return lambda signed: build_samplers(signed.config, around)


def _uplink(identity: Identity, local: LocalConfig, wake: threading.Event) -> MqttUplink:
    route = Route(
        host=identity.card.mqtt_host,
        port=identity.card.mqtt_port,
        device_id=identity.device_id,
        window=local.uplink.window,
        resend_ms=local.uplink.resend_s * 1000,
        connect_timeout_ms=local.uplink.connect_timeout_s * 1000,
    )
    identity.tls()  # what does not fit shows now, not at the first connection
    return MqttUplink(route, identity.tls, SystemClock(), _chance, wake)


def _chance() -> float:
    """From 0 up to 1, as random.random() of a module that would be loaded for nothing else."""
    return int.from_bytes(os.urandom(4)) / (1 << 32)


def _vantage(identity: Identity) -> bytes | None:
    from zaigang_agent import endpoint

    return endpoint.vantage(identity)


def _renewed(identity: Identity) -> Identity:
    from zaigang_agent import enrolment

    return enrolment.renew(identity)
