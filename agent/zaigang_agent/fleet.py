"""`simulate`: several scripted devices in one process, in one piece of air, under one clock.

Everything below the platform is the real agent: keys, enrolment, samplers, spool, uplink. Each
device has its own state folder and connection. The file is JSON (`Fleet`); times are UTC ms.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TextIO

import msgspec
from msgspec import Meta, Struct

from zaigang_agent import bootstrap, enrolment, keys
from zaigang_agent import config as settings
from zaigang_agent.ble.loopback import LoopbackAir, LoopbackRadio
from zaigang_agent.bootstrap import World
from zaigang_agent.config import LocalConfig
from zaigang_agent.enrolment import Applicant
from zaigang_agent.errors import AgentError
from zaigang_agent.keys import Identity
from zaigang_agent.platforms.scripted import Script, ScriptedPlatform, read_script
from zaigang_agent.runner import Runner
from zaigang_shared.clock import CatchUpClock, Clock, SystemClock

_MINUTE_MS: Final = 60_000
# Real time: how long a pause between rounds is at most, so that receipts are settled promptly.
_LONGEST_PAUSE_MS: Final = 200


class ClockSpec(Struct, frozen=True, forbid_unknown_fields=True):
    """A `CatchUpClock`."""

    real_start_ms: int
    begin_ms: int
    rate: Annotated[float, Meta(ge=1)]


class DeviceSpec(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One device."""

    state_dir: str
    kind: Literal["laptop", "node"] = "laptop"
    name: str
    url: str = ""
    """With `token`: enrols when the state folder holds no identity yet."""
    token: str = ""
    boot_began_ms: int | None = None
    """When the machine was booted; the beginning of the simulated time when left out."""
    seed: int | None = None
    """Instead of the script's own."""
    script: dict[str, Any] = {}
    settings: dict[str, Any] = {}
    """As in agent.toml."""


class Fleet(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All of the file."""

    devices: Annotated[tuple[DeviceSpec, ...], Meta(min_length=1)]
    clock: ClockSpec | None = None
    """None: the real time."""
    until_utc_ms: int | None = None
    """When looking ends; None: when the process is told to stop."""
    progress: str | None = None
    """A file that gets the same lines as the output."""
    patience_s: Annotated[int, Meta(ge=1)] = 60
    """Real seconds to wait for the last receipts."""


def load(path: Path) -> Fleet:
    """Read a fleet file. Raises AgentError that names the field."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Fleet)
    except OSError as error:
        raise AgentError(f"{path}: the fleet cannot be read: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise AgentError(f"{path}: not a fleet: {error}") from error


class Machine:
    """One device with its pretended hardware; it boots, sleeps and is switched off by its script."""

    def __init__(
        self, spec: DeviceSpec, fleet: Fleet, air: LoopbackAir, wake: threading.Event
    ) -> None:
        self.spec = spec
        self._fleet = fleet
        self._air = air
        self._wake = wake
        self._local: LocalConfig = settings.convert(spec.settings, f"settings of {spec.name}")
        script = read_script(spec.script)
        self._script = script if spec.seed is None else _reseeded(script, spec.seed)
        self._clock: Clock = _clock(fleet.clock, spec.boot_began_ms)
        self._platform = ScriptedPlatform(self._script, self._clock)
        self._identity = self._enrolled()
        self._booted_ms: int | None = None
        self._radio: LoopbackRadio | None = None
        self._runner: Runner | None = None
        self._waiting = 0
        self.sealed = 0

    @property
    def device_id(self) -> str:
        return self._identity.device_id

    @property
    def waiting(self) -> int:
        """Envelopes without a receipt, also while it is switched off."""
        return self._runner.waiting if self._runner is not None else self._waiting

    def step(self) -> int:
        """Run if the script says so; returns in how many simulated ms it wants to be asked again."""
        utc_ms = self._clock.utc_ms()
        state = self._platform.state(utc_ms)
        if state.off:
            self.switch_off()
            return _MINUTE_MS
        if state.suspended:
            return _MINUTE_MS
        runner = self._switched_on(utc_ms)
        runner.step()
        return runner.due_in_ms()

    def finish(self) -> None:
        """Seal what is there and go on sending only; a machine that is off stays so."""
        if self._runner is not None:
            self._runner.flush()

    def deliver(self) -> None:
        """Send and receive without looking."""
        if self._runner is not None:
            self._runner.deliver()

    def switch_off(self) -> None:
        """An orderly stop, as before a shutdown."""
        if self._runner is None:
            return
        self.sealed += self._runner.sealed
        self._waiting = self._runner.waiting
        self._runner.close()
        self._runner = None
        if self._radio is not None:
            self._radio.stop()
            self._air.radios.remove(self._radio)
            self._radio = None

    def _switched_on(self, utc_ms: int) -> Runner:
        if self._runner is not None:
            return self._runner
        began_ms = self._platform.boot_began_ms(utc_ms)
        if began_ms is not None and began_ms != self._booted_ms:
            self._clock = _clock(self._fleet.clock, began_ms)
            self._platform = ScriptedPlatform(self._script, self._clock)
            self._booted_ms = began_ms
        self._radio = self._air.radio(self.spec.name, self._clock, self._platform.places)
        world = World(
            clock=self._clock, platform=self._platform, radio=self._radio, write_status=False
        )
        self._identity = keys.load(Path(self.spec.state_dir))  # what it was told in its last life
        self._runner = bootstrap.build(self._identity, self._local, world, self._wake)
        return self._runner

    def _enrolled(self) -> Identity:
        state_dir = Path(self.spec.state_dir)
        if keys.is_enrolled(state_dir) or not self.spec.token:
            return keys.load(state_dir)
        applicant = Applicant(
            kind=self.spec.kind, name=self.spec.name, platform=self._platform.name
        )
        return enrolment.enrol(state_dir, self.spec.url, self.spec.token, applicant)


def run(fleet: Fleet, out: TextIO, stop: threading.Event | None = None) -> int:
    """Run until everything up to `until_utc_ms` has a receipt: 0; 1 when that takes too long.
    `stop` ends it early, in good order: 0.

    Raises AgentError for a device that cannot be set up.
    """
    wake = threading.Event()
    air = LoopbackAir()
    machines: list[Machine] = []
    progress = _Progress(fleet, out)
    try:
        machines.extend(Machine(spec, fleet, air, wake) for spec in fleet.devices)
        _live(fleet, machines, wake, progress, stop or threading.Event())
        if stop is not None and stop.is_set():
            return 0
        return _settle(fleet, machines, wake, progress)
    finally:
        for machine in machines:
            machine.switch_off()


def _live(
    fleet: Fleet,
    machines: Sequence[Machine],
    wake: threading.Event,
    progress: _Progress,
    stop: threading.Event,
) -> None:
    clock = _clock(fleet.clock, None)
    rate = fleet.clock.rate if fleet.clock is not None else 1.0
    until_ms = fleet.until_utc_ms
    while not stop.is_set() and (until_ms is None or clock.utc_ms() < until_ms):
        wake.clear()
        due_ms = min(machine.step() for machine in machines)
        progress.tell(clock.utc_ms(), machines, done=False)
        wake.wait(min(due_ms / rate, _LONGEST_PAUSE_MS) / 1000)


def _settle(
    fleet: Fleet, machines: Sequence[Machine], wake: threading.Event, progress: _Progress
) -> int:
    real = SystemClock()
    for machine in machines:
        machine.finish()
    deadline_ms = real.boot_ms() + fleet.patience_s * 1000
    while any(machine.waiting for machine in machines):
        if real.boot_ms() >= deadline_ms:
            late = ", ".join(f"{m.spec.name} ({m.waiting})" for m in machines if m.waiting)
            progress.complain(
                f"no receipt within {fleet.patience_s} s for envelopes of: {late}; does the "
                "collector run?"
            )
            return 1
        wake.clear()
        for machine in machines:
            machine.deliver()
        wake.wait(_LONGEST_PAUSE_MS / 1000)
    progress.tell(fleet.until_utc_ms or 0, machines, done=True)
    return 0


class _Progress:
    """A JSON line for each simulated minute, for whoever draws a bar."""

    def __init__(self, fleet: Fleet, out: TextIO) -> None:
        self._out = out
        self._path = None if fleet.progress is None else Path(fleet.progress)
        self._told_ms: int | None = None

    def tell(self, utc_ms: int, machines: Sequence[Machine], *, done: bool) -> None:
        if not done and self._told_ms is not None and utc_ms - self._told_ms < _MINUTE_MS:
            return
        self._told_ms = utc_ms
        line = json.dumps(
            {
                "utc_ms": utc_ms,
                "waiting": sum(machine.waiting for machine in machines),
                "done": done,
                "devices": [
                    {"id": m.device_id, "name": m.spec.name, "waiting": m.waiting} for m in machines
                ],
            }
        )
        self._out.write(line + "\n")
        self._out.flush()
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")

    def complain(self, sentence: str) -> None:
        self._out.write(json.dumps({"problem": sentence}, ensure_ascii=False) + "\n")
        self._out.flush()


def _clock(spec: ClockSpec | None, boot_began_ms: int | None) -> Clock:
    if spec is None:
        return SystemClock()
    return CatchUpClock(
        real_start_ms=spec.real_start_ms,
        begin_ms=spec.begin_ms,
        rate=spec.rate,
        boot_began_ms=boot_began_ms,
    )


def _reseeded(script: Script, seed: int) -> Script:
    return msgspec.structs.replace(script, seed=seed)
