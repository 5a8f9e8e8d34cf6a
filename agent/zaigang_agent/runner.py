"""The loop: look when it is due and allowed, seal, send, settle. It decides when, and nothing else.

`step` does all that is due now and returns; `run` is `step` and waiting, until told to stop.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import msgspec

from zaigang_agent import schedule, statusfile
from zaigang_agent.errors import (
    ConfigError,
    IdentityError,
    SampleError,
    SpoolError,
)
from zaigang_agent.keeper import Keeper, Store, gap
from zaigang_agent.keys import Identity
from zaigang_agent.ledgerwatch import LedgerWatch
from zaigang_agent.orders import Orders
from zaigang_agent.platforms.base import Platform
from zaigang_agent.samplers.base import Now, Sampler, rest, troubles
from zaigang_agent.samplers.sessions import farewell
from zaigang_agent.sealing import Buffer
from zaigang_agent.spool import Spool
from zaigang_agent.statusfile import Status
from zaigang_agent.upkeep import Upkeep
from zaigang_agent.uplink import Waiting
from zaigang_agent.watchdog import Watchdog
from zaigang_shared import __version__, device_config, receipt
from zaigang_shared.clock import Clock
from zaigang_shared.device_config import SignedConfig
from zaigang_shared.errors import WireError
from zaigang_shared.readings import Gap, GapReason

_log = logging.getLogger(__name__)

# Shorter is indistinguishable from clocks of one machine that drift apart.
_MIN_SUSPEND_MS: Final = 2_000
_STATUS_EVERY_MS: Final = 60_000
# A device that is paused or out of hours still looks at its settings and its clock this often.
_LONGEST_WAIT_MS: Final = 10_000


class Uplink(Protocol):
    """The way out."""

    problem: str | None

    @property
    def connected(self) -> bool: ...

    def pump(self, spool: Waiting) -> int: ...

    def received(self) -> list[bytes]: ...

    def due_ms(self, spool: Waiting) -> int: ...

    def reconnect(self, host: str, port: int) -> None: ...

    def stop(self) -> None: ...


BuildSamplers = Callable[[SignedConfig], Sequence[Sampler]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a runner is put together from."""

    identity: Identity
    clock: Clock
    platform: Platform
    spool: Spool
    uplink: Uplink
    samplers: BuildSamplers
    save_config: Callable[[bytes], None]
    renew: Callable[[], Identity] | None = None
    """Fetches a new certificate and what else is new; raises AgentError. None: never."""
    max_mb: int = 64
    buffer: Buffer = field(default_factory=Buffer)
    errors: Counter[str] = field(default_factory=Counter)
    status_dir: Path | None = None
    """Where status is written; None: nowhere."""


@dataclass(slots=True)
class _Turn:
    """When a sampler looked last, when it is due, and what is the matter with it."""

    due_ms: int
    last_ms: int | None = None
    problem: GapReason | None = None
    since_ms: int = 0


class Runner:
    """One device. Not safe for use from several threads."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._boot = parts.platform.boot_id()
        self._slept_ms = parts.platform.suspended_ms()
        self._samplers: list[Sampler] = []
        self._turns: dict[str, _Turn] = {}
        self._problems: dict[str, str] = {}
        self._keeper = Keeper(
            Store(
                spool=parts.spool,
                max_mb=parts.max_mb,
                key=parts.identity.key,
                device_id=parts.identity.device_id,
                clock=parts.clock,
                platform=parts.platform,
                errors=parts.errors,
                problems=self._problems,
            ),
            self._boot,
            parts.buffer,
        )
        self._ledger = LedgerWatch(parts.identity.state_dir, self._problems, parts.errors)
        self._orders = Orders(parts.identity, self._problems, parts.errors)
        self._hours = schedule.Remembered()
        self._closed: GapReason | None = None
        self._closed_since_ms = 0
        self._stepped_ms: int | None = None
        self._upkeep = Upkeep(
            parts.identity.card,
            parts.save_config,
            parts.renew,
            self._problems,
            parts.errors,
            awake_ms=parts.clock.boot_ms() - self._slept_ms,
        )
        self._status_due_ms = 0
        self._connected: bool | None = None
        self._connected_since_ms: int | None = None
        self._started_ms = parts.clock.utc_ms()
        self._orders.start(parts.spool.last_seq)
        self._config = self._orders.config
        self._set_up_samplers()
        self._tell_what_was_missed()

    # ---- for the outside

    @property
    def waiting(self) -> int:
        """Envelopes without a receipt, and readings that are not sealed."""
        return self._parts.spool.waiting + (1 if len(self._keeper) else 0)

    @property
    def sealed(self) -> int:
        """Envelopes sealed since the start."""
        return self._keeper.sealed

    def step(self) -> None:
        """Do all that is due now. Raises IdentityError when this device must not go on."""
        clock = self._parts.clock
        now_ms, utc_ms = clock.boot_ms(), clock.utc_ms()
        self._note_sleep(now_ms)
        self._gate(now_ms, utc_ms)
        self._look(now_ms, utc_ms)
        self._receive()
        self._keeper.seal(self._config.config.seal_s)
        self._pump()
        self._upkeep.save(now_ms)
        self._renew(now_ms, utc_ms)
        self._judge(now_ms)
        self._stepped_ms = now_ms
        self._tell_status(now_ms, utc_ms)

    def due_in_ms(self) -> int:
        """How long `step` has nothing to do, by the runner's clock, unless something arrives."""
        now_ms = self._parts.clock.boot_ms()
        due = [now_ms + _LONGEST_WAIT_MS]
        due += [
            self._turns[sampler.name].due_ms
            for sampler in self._samplers
            if self._closed is None or not sampler.personal
        ]
        if len(self._keeper):
            due.append(self._keeper.due_ms(self._config.config.seal_s))
        return max(0, min(due) - now_ms)

    def deliver(self) -> None:
        """Send what is sealed and settle what has a receipt; look at nothing."""
        self._receive()
        self._pump()

    def flush(self) -> None:
        """Seal what is there, due or not."""
        self._keeper.seal(self._config.config.seal_s, at_once=True)

    def close(self) -> None:
        """An orderly stop: seal what is there, say goodbye, leave the rest to the next start."""
        if self._stepped_ms is not None:
            if self._closed is None and any(s.personal for s in self._samplers):
                for event in farewell(self._parts.platform, self._parts.clock.boot_ms()):
                    self._keeper.add(event)
            with contextlib.suppress(IdentityError):  # then nothing may be signed any more
                self.flush()
            self._parts.spool.mark_stopped()
        rest(self._samplers)
        self._parts.uplink.stop()
        self._parts.spool.close()

    def run(self, stop: threading.Event, wake: threading.Event, watchdog: Watchdog) -> None:
        """Step until `stop`; `wake` ends a wait early. Raises IdentityError."""
        longest_ms = watchdog.every_ms or _LONGEST_WAIT_MS
        watchdog.ready()
        try:
            while not stop.is_set():
                wake.clear()
                self.step()
                now_ms = self._parts.clock.boot_ms()
                watchdog.progress("sampling", now_ms)
                if self._parts.uplink.connected or self._parts.uplink.problem is not None:
                    watchdog.progress("uplink", now_ms)
                wait_ms = min(
                    self.due_in_ms(), self._parts.uplink.due_ms(self._parts.spool), longest_ms
                )
                wake.wait(wait_ms / 1000)
            self._orders.stopped()
        finally:
            watchdog.stopping()
            self.close()

    # ---- looking

    def _set_up_samplers(self) -> None:
        now_ms = self._parts.clock.boot_ms()
        rest(self._samplers)
        self._samplers = list(self._orders.build(self._parts.samplers))
        self._config = self._orders.config
        for name in self._turns:
            self._end_trouble(name, now_ms)
        self._turns = {sampler.name: _Turn(now_ms) for sampler in self._samplers}

    def _tell_what_was_missed(self) -> None:
        before = self._parts.spool.before()
        if before.boot is None or before.stopped:
            return
        now_ms = self._parts.clock.boot_ms()
        if before.boot == self._boot and before.up_ms <= now_ms:
            self._keeper.add(gap("crash", now_ms, before.up_ms))
        else:
            self._keeper.add(Gap(t_ms=now_ms, span_ms=0, reason="crash", from_boot=before.boot))

    def _note_sleep(self, now_ms: int) -> None:
        slept_ms = self._parts.platform.suspended_ms()
        asleep_ms, self._slept_ms = slept_ms - self._slept_ms, slept_ms
        if asleep_ms < _MIN_SUSPEND_MS or self._stepped_ms is None or self._closed is not None:
            return
        self._keeper.add(gap("suspended", now_ms, max(self._stepped_ms, now_ms - asleep_ms)))

    def _gate(self, now_ms: int, utc_ms: int) -> None:
        """Open or close the eyes for what is personal; one gap tells of each closed stretch."""
        if not any(sampler.personal for sampler in self._samplers):
            return
        closed = self._why_closed(utc_ms)
        if closed == self._closed:
            return
        if self._closed is not None:
            self._keeper.add(gap(self._closed, now_ms, self._closed_since_ms))
        if closed is not None:
            # Told at once as well: a laptop that is shut overnight never sees the end.
            self._keeper.add(gap(closed, now_ms, now_ms))
        personal = [sampler for sampler in self._samplers if sampler.personal]
        rest(personal)
        for sampler in personal:
            self._end_trouble(sampler.name, now_ms)
            self._turns[sampler.name] = _Turn(now_ms)
        self._closed, self._closed_since_ms = closed, now_ms

    def _why_closed(self, utc_ms: int) -> GapReason | None:
        if statusfile.is_paused(self._parts.identity.state_dir):
            return "paused"
        try:
            open_now = self._hours.allowed(self._config.config.hours, utc_ms)
        except ConfigError as error:
            self._problems["hours"] = str(error)
            return "permission"
        self._problems.pop("hours", None)
        return None if open_now else "off_hours"

    def _look(self, now_ms: int, utc_ms: int) -> None:
        for sampler in self._samplers:
            turn = self._turns[sampler.name]
            if now_ms < turn.due_ms or (sampler.personal and self._closed is not None):
                continue
            span_ms = 0 if turn.last_ms is None else now_ms - turn.last_ms
            self._look_once(sampler, turn, Now(utc_ms, now_ms, span_ms))
            turn.last_ms = now_ms
            every_ms = sampler.interval_s(self._config.config) * 1000
            # In step as long as we keep up; what was missed is not made up for.
            late = now_ms - turn.due_ms >= every_ms
            turn.due_ms = now_ms + every_ms if late else turn.due_ms + every_ms

    def _look_once(self, sampler: Sampler, turn: _Turn, now: Now) -> None:
        try:
            readings = sampler.sample(now)
        except SampleError as error:
            self._trouble(sampler, turn, now, error.reason, error.detail)
            return
        except Exception as error:  # noqa: BLE001  # one broken sampler must not blind the others
            _log.exception("sampler %s failed", sampler.name)
            self._trouble(sampler, turn, now, "crash", f"{type(error).__name__} in the program")
            return
        self._end_trouble(sampler.name, now.boot_ms)
        for reading in readings:
            self._keeper.add(reading)

    def _end_trouble(self, name: str, now_ms: int) -> None:
        """It ends here; if it lasts, it is told anew."""
        turn = self._turns[name]
        if turn.problem is not None:
            self._keeper.add(gap(turn.problem, now_ms, turn.since_ms))
            turn.problem = None
            self._problems.pop(name, None)

    def _trouble(
        self, sampler: Sampler, turn: _Turn, now: Now, reason: GapReason, detail: str
    ) -> None:
        """Told once, when it begins or its reason changes, and once when it is over."""
        self._problems[sampler.name] = detail
        if turn.problem == reason:
            return
        since_ms = turn.since_ms if turn.problem else now.boot_ms - now.span_ms
        self._keeper.add(gap(turn.problem or reason, now.boot_ms, since_ms))
        self._parts.errors[f"{sampler.name.split()[0]}_{reason}"] += 1
        turn.problem, turn.since_ms = reason, now.boot_ms

    # ---- sending and receiving

    def _pump(self) -> None:
        try:
            self._parts.uplink.pump(self._parts.spool)
        except SpoolError as error:
            self._problems["spool"] = str(error)

    def _receive(self) -> None:
        for data in self._parts.uplink.received():
            try:
                self._take(data)
            except WireError as error:
                self._parts.errors[f"received_{error.reason.value}"] += 1
                _log.warning("a message that is not from our collector: %s", error)
            except SpoolError as error:
                self._problems["spool"] = str(error)

    def _take(self, data: bytes) -> None:
        identity = self._parts.identity
        fields = receipt.open_collector_map(data, identity.collector_key, device_config.MAX_BYTES)
        if device_config.is_config(fields):
            self._take_config(data)
            return
        word = receipt.open_receipt(data, identity.collector_key)
        if word.device_id != identity.device_id:
            self._parts.errors["receipt_other_device"] += 1
            _log.warning("a receipt for device %s, which is not this one", word.device_id)
            return
        before = self._parts.spool.receipt()
        if before is not None:
            earlier = receipt.open_receipt(before, identity.collector_key)
            self._ledger.compare(earlier, before, word, data)
        self._parts.spool.settle(word, data)

    def _take_config(self, data: bytes) -> None:
        signed = device_config.open_config(data, self._parts.identity.collector_key)
        if signed.device_id != self._parts.identity.device_id:
            self._parts.errors["config_other_device"] += 1
            return
        if signed.version <= self._orders.newest.version:
            return  # a retained, repeated or refused one; an older one is never obeyed
        self._upkeep.keep(data, self._parts.clock.boot_ms())
        self._obey(signed)

    def _obey(self, signed: SignedConfig) -> None:
        """From now on look as this says; what was read so far stays."""
        before = self._config.config
        self._orders.take(signed, self._parts.spool.last_seq)
        self._config = self._orders.config
        # Other hours alone need no new samplers, which would lose the minute that they are in.
        if msgspec.structs.replace(before, hours=signed.config.hours) != signed.config:
            self._set_up_samplers()
        _log.info("configuration %d is in force", self._config.version)

    def _judge(self, now_ms: int) -> None:
        """Whether this device can live with a configuration that is on trial."""
        spool = self._parts.spool
        if self._orders.on_trial and self._orders.judge(
            now_ms - self._slept_ms,
            looking=self._closed is None,
            connected=self._parts.uplink.connected,
            last_seq=spool.last_seq,
            through=spool.through,
        ):
            self._set_up_samplers()

    def _renew(self, now_ms: int, utc_ms: int) -> None:
        renewed = self._upkeep.renewed(
            now_ms, utc_ms, now_ms - self._slept_ms, connected=self._parts.uplink.connected
        )
        if renewed is None:
            return
        if renewed.config.version > self._orders.newest.version:
            self._upkeep.forget_unsaved()
            self._obey(renewed.config)
        self._parts.uplink.reconnect(renewed.card.mqtt_host, renewed.card.mqtt_port)

    # ---- telling

    def _tell_status(self, now_ms: int, utc_ms: int) -> None:
        folder, uplink = self._parts.status_dir, self._parts.uplink
        if folder is None:
            return
        if uplink.connected != self._connected:
            self._connected = uplink.connected
            self._connected_since_ms = utc_ms if uplink.connected else None
        elif now_ms < self._status_due_ms:
            return
        self._status_due_ms = now_ms + _STATUS_EVERY_MS
        statusfile.write_status(folder, self.status())

    def status(self) -> Status:
        """How this device is doing."""
        parts = self._parts
        return Status(
            pid=os.getpid(),
            agent=__version__,
            started_ms=self._started_ms,
            updated_ms=parts.clock.utc_ms(),
            connected=parts.uplink.connected,
            connected_since_ms=self._connected_since_ms,
            uplink_problem=parts.uplink.problem,
            looking=self._closed is None,
            closed_because=self._closed,
            config_version=self._config.version,
            sealed=self._keeper.sealed,
            waiting=parts.spool.waiting,
            helpers=parts.platform.helpers(),
            limits={limit.signal: limit.sentence for limit in parts.platform.limits()},
            shedding=self._keeper.shedding,
            problems={**troubles(self._samplers), **self._problems},
            errors=dict(parts.errors),
        )
