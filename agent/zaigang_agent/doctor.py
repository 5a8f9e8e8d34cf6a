"""`doctor`: one screen that says what works, what does not, why, and what to do."""

from __future__ import annotations

import enum
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from zaigang_agent import endpoint, keys, orders, schedule, statusfile
from zaigang_agent.config import LocalConfig
from zaigang_agent.errors import AgentError, SampleError
from zaigang_agent.keys import Identity
from zaigang_agent.platforms.base import Platform
from zaigang_agent.spool import Spool
from zaigang_shared.clock import Clock

# Under this the system itself gets into trouble; the spool gives up readings long before.
_LOW_DISK_BYTES: Final = 100 << 20
_DAY_MS: Final = 86_400_000
# 2026-01-01: before this program existed. A clock that shows less lost its battery.
_BEFORE_US_MS: Final = 1_767_225_600_000


class Verdict(enum.StrEnum):
    WORKS = "works"
    NOTE = "note"
    FAILS = "FAILS"


@dataclass(frozen=True, slots=True)
class Check:
    """One line: what was looked at, how it is, why, and what to do."""

    name: str
    verdict: Verdict
    why: str


Judged = tuple[Verdict, str]


@dataclass(frozen=True, slots=True)
class Patient:
    """All that is looked at."""

    state_dir: Path
    local: LocalConfig
    clock: Clock
    platform: Platform
    reach: Callable[[Identity], str | None] = endpoint.reachable
    radio: Callable[[str, bool], str | None] | None = None
    """What is wrong with the adapter of a name, for sending too when true; None: this machine's."""


def examine(patient: Patient) -> Iterator[Check]:
    """Every check, the cheap ones first. Never raises for what it looks at."""
    identity: Identity | None = None
    try:
        identity = keys.load(patient.state_dir)
        yield Check("enrolment", Verdict.WORKS, f"this is device {identity.device_id}")
    except AgentError as error:
        yield Check("enrolment", Verdict.FAILS, str(error))
    yield Check("clock", *_clock(patient))
    yield Check("sessions", *_asked(lambda: _sessions(patient)))
    yield Check("network", *_asked(lambda: _network(patient.platform)))
    yield Check("disk", *_asked(lambda: _disk(patient)))
    yield Check("radio", *_radio(patient, identity))
    yield from _refused(patient)
    if identity is None:
        return
    yield Check("certificate", *_asked(lambda: _certificate(identity, patient.clock)))
    yield Check("configuration", *_configuration(identity))
    yield Check("working hours", *_asked(lambda: _hours(identity, patient)))
    yield Check("spool", *_asked(lambda: _spool(patient.state_dir)))
    yield Check("agent", *_agent(patient))
    yield Check("broker", *_broker(patient, identity))
    yield Check("collector", *_collector(patient, identity))
    status = statusfile.read_status(patient.state_dir)
    if status is not None and statusfile.is_running(status):
        for part, sentence in status.problems.items():
            yield Check(part, Verdict.FAILS, sentence)


def lines(checks: list[Check]) -> Iterator[str]:
    """The screen."""
    width = max(len(check.name) for check in checks)
    for check in checks:
        yield f"{check.verdict:<6} {check.name:<{width}}  {check.why}"
    failing = sum(check.verdict is Verdict.FAILS for check in checks)
    yield ""
    yield "all is well" if not failing else f"{failing} of {len(checks)} need attention"


def _asked(question: Callable[[], Judged]) -> Judged:
    try:
        return question()
    except SampleError as error:
        return Verdict.FAILS, error.detail
    except (AgentError, OSError) as error:
        return Verdict.FAILS, str(error)


def _clock(patient: Patient) -> Judged:
    now_ms = patient.clock.utc_ms()
    shown = day(now_ms) if 0 <= now_ms < 2**47 else "nonsense"
    if now_ms < _BEFORE_US_MS:
        return (
            Verdict.FAILS,
            f"the clock shows {shown}: certificates do not hold then, so nothing can be sent; set "
            "it, for example with timedatectl set-ntp true",
        )
    if not patient.platform.clock_synced():
        return (
            Verdict.NOTE,
            f"the clock shows {shown} and is not synchronised: readings are marked so; "
            "timedatectl set-ntp true",
        )
    return Verdict.WORKS, "synchronised"


def _refused(patient: Patient) -> Iterator[Check]:
    """What the system refuses: here, or the running agent, which may be another user."""
    status = statusfile.read_status(patient.state_dir)
    told = status.limits if status is not None and statusfile.is_running(status) else {}
    limits = {limit.signal: limit.sentence for limit in patient.platform.limits()} | told
    for signal, sentence in limits.items():
        yield Check(signal, Verdict.NOTE, sentence)
    for label, path in patient.local.folders.items():
        folder = Path(path).expanduser()
        try:
            patient.platform.folder_changes(folder, patient.clock.utc_ms())
        except SampleError as error:
            yield Check(f"folder {label}", Verdict.FAILS, error.detail)


def _sessions(patient: Patient) -> Judged:
    state = patient.platform.sessions()
    if state.problem is not None:
        # Helpers talk to the running agent, not to whoever asks doctor.
        status = statusfile.read_status(patient.state_dir)
        if status is None or state.place is None or not statusfile.is_running(status):
            return Verdict.FAILS, state.problem
        if status.helpers:
            by_helper = f"{state.place} session, the rest by its session helper, which is connected"
            return Verdict.WORKS, by_helper
        if status.helpers is None or status.looking:
            return Verdict.FAILS, state.problem
        return (
            Verdict.NOTE,
            f"{state.place} session; whether its helper answers shows when the agent may look again",
        )
    lock = {True: "locked", False: "not locked", None: "lock unknown"}[state.locked]
    return Verdict.WORKS, f"{state.place or 'unknown'} session, {lock} (by {state.source})"


def _network(platform: Platform) -> Judged:
    state = platform.network()
    if state.link == "none":
        return Verdict.NOTE, "not connected to any network; readings are kept until it is"
    if state.gateway_mac is None:
        return Verdict.NOTE, f"{state.link}, but no gateway is known: no network can be recognised"
    return Verdict.WORKS, f"{state.link}, gateway known{', VPN up' if state.vpn else ''}"


def _disk(patient: Patient) -> Judged:
    folder = patient.state_dir if patient.state_dir.exists() else Path("/")
    free = patient.platform.health(folder).disk_free_bytes
    if free < _LOW_DISK_BYTES:
        return Verdict.FAILS, f"only {free >> 20} MB free: make room, or readings will be given up"
    return Verdict.WORKS, f"{free >> 20} MB free"


def _radio(patient: Patient, identity: Identity | None) -> Judged:
    settings = patient.local.radio
    if settings.off:
        return Verdict.NOTE, "off by [radio] off: no beacon is heard"
    if sys.platform != "linux" and patient.radio is None:
        return (
            Verdict.NOTE,
            "not asked here; what is wrong with it shows below while the agent runs",
        )
    sends = identity is not None and identity.config.config.rid_key is not None
    problem = (patient.radio or _adapter(patient.clock))(settings.adapter, sends)
    if problem is not None:
        return Verdict.FAILS, problem
    return (
        Verdict.WORKS,
        f"an adapter listens{' and broadcasts' if sends else ''} when it is asked to",
    )


def _adapter(clock: Clock) -> Callable[[str, bool], str | None]:
    from zaigang_agent.ble import bluez_radio

    return lambda name, sends: bluez_radio.probe(clock, name, sends=sends)


def _certificate(identity: Identity, clock: Clock) -> Judged:
    identity.tls()
    card, now_ms = identity.card, clock.utc_ms()
    if now_ms >= card.not_after_ms:
        return (
            Verdict.FAILS,
            f"ran out on {day(card.not_after_ms)}: enrol again: "
            "zaigang-agent enrol --again URL TOKEN",
        )
    if now_ms < card.not_before_ms:
        return Verdict.FAILS, f"holds from {day(card.not_before_ms)} only: is the clock right?"
    days = (card.not_after_ms - now_ms) // _DAY_MS
    return Verdict.WORKS, f"holds until {day(card.not_after_ms)} ({days} days)"


def _configuration(identity: Identity) -> Judged:
    told = orders.look(identity)
    newest = told.newest.version
    if told.refused is not None:
        return (
            Verdict.FAILS,
            f"{newest} was refused: {told.refused}. Sampling is as in {told.config.version}, within "
            f"what {newest} allows; on the server: zaigang-collector devices settings "
            f"{identity.device_id}",
        )
    if told.on_trial:
        return Verdict.NOTE, f"{newest} is on trial until it has held for some minutes"
    return Verdict.WORKS, f"{newest} is in force"


def _hours(identity: Identity, patient: Patient) -> Judged:
    hours = identity.config.config.hours
    if statusfile.is_paused(patient.state_dir):
        return Verdict.NOTE, "paused: nothing personal is read; zaigang-agent resume ends it"
    if hours is None:
        why = "this device observes a room, not a person"
        if identity.card.kind == "laptop":
            why = "the collector has set no working hours for this device"
        return Verdict.WORKS, f"always: {why}"
    if schedule.allowed(hours, patient.clock.utc_ms()):
        return Verdict.WORKS, f"now, by the shifts in {hours.tz}"
    return Verdict.NOTE, f"not now, by the shifts in {hours.tz}: nothing personal is read"


def _spool(state_dir: Path) -> Judged:
    with Spool.peek(state_dir) as spool:
        broken = spool.broken()
        if broken is not None:
            return Verdict.FAILS, broken
        # The running agent keeps a receipt with its next envelope, and knows of it before.
        status = statusfile.read_status(state_dir)
        running = status is not None and statusfile.is_running(status)
        waiting = status.waiting if running and status is not None else spool.waiting
        return Verdict.WORKS, f"{spool.last_seq} envelopes sealed, {waiting} waiting for a receipt"


def _agent(patient: Patient) -> Judged:
    status = statusfile.read_status(patient.state_dir)
    if status is None or not statusfile.is_running(status):
        return Verdict.FAILS, "not running: systemctl start zaigang-agent, or zaigang-agent run"
    minutes = max(0, patient.clock.utc_ms() - status.updated_ms) // 60_000
    if minutes > 5:
        return Verdict.FAILS, f"runs (process {status.pid}), but was last active {minutes} min ago"
    return Verdict.WORKS, f"runs (process {status.pid}), {status.sealed} envelopes since its start"


def _broker(patient: Patient, identity: Identity) -> Judged:
    where = f"{identity.card.mqtt_host}:{identity.card.mqtt_port}"
    status = statusfile.read_status(patient.state_dir)
    if status is None or not statusfile.is_running(status):
        return Verdict.NOTE, f"not tried ({where}): the agent is not running"
    if status.connected:
        return Verdict.WORKS, f"connected to {where}"
    return Verdict.FAILS, status.uplink_problem or f"connecting to {where}"


def _collector(patient: Patient, identity: Identity) -> Judged:
    problem = patient.reach(identity)
    if problem is not None:
        return Verdict.FAILS, problem
    return Verdict.WORKS, f"{identity.card.collector_url} answers and knows this device"


def day(utc_ms: int) -> str:
    return f"{datetime.fromtimestamp(utc_ms / 1000, UTC):%Y-%m-%d}"
