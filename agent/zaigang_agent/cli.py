"""The command line: `zaigang-agent enrol | run | status | show | doctor | pause | resume | sensors |
session-helper | simulate`.

Exit codes: 0 done; 1 something does not work (doctor, simulate); 2 wrong usage; 3 an error that the
printed sentence explains; 4 this device must not go on under its identity: enrol again.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from zaigang_agent import config as settings
from zaigang_agent.config import LocalConfig
from zaigang_agent.errors import AgentError, IdentityError, SampleError
from zaigang_shared import __version__
from zaigang_shared.clock import SystemClock

_PROBLEM: Final = 1
_ERROR: Final = 3
_IDENTITY: Final = 4
_EXIT_CODES: Final = (
    "exit codes: 0 done, 1 something does not work, 2 wrong usage, 3 an error that the sentence "
    "explains, 4 this device has to be enrolled (again)"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    options = _parser().parse_args(argv)
    try:
        if options.command == "simulate":
            return _simulate(options)
        if options.command == "session-helper":
            return _session_helper(options)
        local = settings.load(options.config)
        place = _Place(local, settings.state_dir(local, options.state_dir))
        code: int = options.do(options, place)
    except IdentityError as error:
        print(f"zaigang-agent: {error}", file=sys.stderr)
        return _IDENTITY
    except AgentError as error:
        print(f"zaigang-agent: {error}", file=sys.stderr)
        return _ERROR
    except PermissionError as error:
        print(
            f"zaigang-agent: {error.filename} is not yours to read or change: run this as the user "
            "that the agent runs as, for example sudo -u zaigang zaigang-agent …",
            file=sys.stderr,
        )
        return _ERROR
    except BrokenPipeError:  # `show | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    return code


@dataclass(frozen=True, slots=True)
class _Place:
    """Settings and folder of this device."""

    local: LocalConfig
    state_dir: Path


class _Help(argparse.HelpFormatter):
    """Asks for the width itself: argparse asks shutil, which takes half a MiB in every `run`."""

    def __init__(self, prog: str) -> None:
        try:
            columns = int(os.environ.get("COLUMNS") or os.get_terminal_size().columns)
        except (OSError, ValueError):  # not a terminal
            columns = 80
        super().__init__(prog, width=columns - 2)


class _Parser(argparse.ArgumentParser):
    """With our formatter, and so have its commands."""

    def __init__(self, **options: Any) -> None:
        super().__init__(formatter_class=_Help, **options)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="zaigang-agent",
        description="Signed workplace-presence readings of this device.",
        epilog=_EXIT_CODES,
    )
    parser.add_argument("--version", action="version", version=f"zaigang-agent {__version__}")
    _add_places(parser, default=None)
    # Before the command and behind it: people try both.
    common = _Parser(add_help=False)
    _add_places(common, default=argparse.SUPPRESS)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    enrol = commands.add_parser(
        "enrol", parents=[common], help="make this machine a device of a collector"
    )
    enrol.add_argument(
        "url", metavar="URL", help="device address of the collector: https://HOST:PORT"
    )
    enrol.add_argument(
        "token", metavar="TOKEN", nargs="?", help="from IT; else --token-file or ZAIGANG_TOKEN"
    )
    enrol.add_argument("--token-file", type=Path, metavar="FILE", help="read the token from a file")
    enrol.add_argument(
        "--kind", choices=("laptop", "node"), default="laptop", help="default: laptop"
    )
    enrol.add_argument("--name", help="what IT sees in the device list; default: the host name")
    enrol.add_argument(
        "--again", action="store_true", help="put the present identity aside and start over"
    )
    enrol.set_defaults(do=_enrol)

    simple = {
        "run": (_run, "look, seal, send, until stopped"),
        "show": (_show, "what would be sent next, in words, and what never is"),
        "doctor": (_doctor, "what works and what does not, why, and what to do"),
        "pause": (_pause, "look at nothing personal until resume; a gap says so"),
        "resume": (_resume, "end a pause"),
    }
    for name, (do, help_text) in simple.items():
        commands.add_parser(name, parents=[common], help=help_text).set_defaults(do=do)
    status = commands.add_parser("status", parents=[common], help="how the agent is doing")
    status.add_argument("--json", action="store_true", help="for programs")
    status.set_defaults(do=_status)

    _add_sensors(commands, common)
    helper = commands.add_parser(
        "session-helper",
        help="in a person's session: tells the running agent whether there was input",
    )
    helper.add_argument(
        "--socket", metavar="PLACE", help="where the running agent is; default: the usual place"
    )

    simulate = commands.add_parser("simulate", help="several scripted devices in one process")
    simulate.add_argument("file", type=Path, metavar="FILE", help="JSON, see the operations page")
    return parser


def _add_sensors(commands: Any, common: argparse.ArgumentParser) -> None:
    sensors = commands.add_parser("sensors", parents=[common], help="what is on a node's I2C bus")
    scan = sensors.add_subparsers(dest="sensors", required=True, metavar="COMMAND").add_parser(
        "scan", parents=[common], help="ask every address at which a sensor of ours can be"
    )
    scan.add_argument(
        "--bus", metavar="N", help="number, or simulated:FILE; default: [node] i2c_bus"
    )
    scan.add_argument(
        "--write", type=Path, metavar="FILE", help="put what is found into this agent.toml"
    )
    scan.set_defaults(do=_sensors_scan)


def _add_places(parser: argparse.ArgumentParser, default: str | None) -> None:
    folder, file = "keys, certificate, spool", "agent.toml"
    parser.add_argument("--state-dir", type=Path, metavar="DIR", help=folder, default=default)
    parser.add_argument("--config", type=Path, metavar="FILE", help=file, default=default)


def _enrol(options: argparse.Namespace, place: _Place) -> int:
    from zaigang_agent import bootstrap, endpoint, enrolment, keys
    from zaigang_agent.enrolment import Applicant

    token = _token(options)
    platform = bootstrap.system_platform(place.local, SystemClock())
    if options.again and keys.is_enrolled(place.state_dir):
        endpoint.parse_url(options.url)
        unsent = _waiting(place.state_dir)
        aside = enrolment.retire(place.state_dir)
        if aside is not None:
            print(f"the earlier identity was put aside in {aside}")
            if unsent:
                print(
                    f"  {unsent} envelopes in it had no receipt yet and will not be sent any more: "
                    "the next time, wait until `zaigang-agent status` says waiting 0"
                )
    applicant = Applicant(
        kind=options.kind,
        name=options.name or enrolment.local_host_name(),
        platform=platform.name,
    )
    identity = enrolment.enrol(place.state_dir, options.url, token, applicant)
    days = (identity.card.not_after_ms - identity.card.not_before_ms) // 86_400_000
    print(f"enrolled as {identity.device_id} ({identity.card.kind} {identity.card.name!r})")
    print(f"  keys and spool   {place.state_dir} ({keys.KEY} never leaves it)")
    print(f"  certificate      {days} days, renewed by itself")
    print(f"  sends to         {identity.card.mqtt_host}:{identity.card.mqtt_port}")
    print("next: zaigang-agent show (what would be sent), zaigang-agent run")
    return 0


def _waiting(state_dir: Path) -> int:
    """Envelopes without a receipt; 0 also where the spool cannot be read: it is put aside then."""
    from zaigang_agent.spool import Spool

    try:
        with Spool.peek(state_dir) as spool:
            return spool.waiting
    except AgentError:
        return 0


def _token(options: argparse.Namespace) -> str:
    if options.token:
        token: str = options.token
        return token
    if options.token_file is not None:
        try:
            text: str = options.token_file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise AgentError(f"{options.token_file}: the token cannot be read: {error}") from error
        return text
    if from_environment := os.environ.get("ZAIGANG_TOKEN"):
        return from_environment
    raise AgentError("a token is needed: as argument, --token-file FILE, or ZAIGANG_TOKEN")


def _run(options: argparse.Namespace, place: _Place) -> int:
    del options
    import logging
    import signal
    import threading

    from zaigang_agent import bootstrap, keys, lean, watchdog
    from zaigang_agent.bootstrap import World

    logging.basicConfig(
        level=place.local.log_level.upper(), format="%(levelname)s %(name)s: %(message)s"
    )
    clock = SystemClock()
    identity = bootstrap.with_url(keys.load(place.state_dir), place.local.collector_url)
    stop, wake = threading.Event(), threading.Event()
    runner = bootstrap.build(
        identity,
        place.local,
        World(
            clock=clock,
            platform=bootstrap.system_platform(
                place.local, clock, serve=identity.card.kind == "laptop"
            ),
            radio=bootstrap.system_radio(place.local, clock, identity.card.kind),
        ),
        wake,
    )

    def on_signal(*_: object) -> None:
        stop.set()
        wake.set()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    lean.stay_small(stop)
    dog = watchdog.Watchdog(watchdog.notifier(), watchdog.period_ms(), ("sampling", "uplink"))
    try:
        runner.run(stop, wake, dog)
    except AgentError as error:
        dog.status(str(error))
        raise
    return 0


def _status(options: argparse.Namespace, place: _Place) -> int:
    from zaigang_agent import doctor, keys, orders, statusfile
    from zaigang_agent.spool import Spool

    identity = keys.load(place.state_dir)
    status = statusfile.read_status(place.state_dir)
    running = statusfile.is_running(status)
    told = orders.look(identity)
    with Spool.peek(place.state_dir) as spool:
        facts: dict[str, object] = {
            "device_id": identity.device_id,
            "kind": identity.card.kind,
            "running": running,
            "paused": statusfile.is_paused(place.state_dir),
            "connected": running and status is not None and status.connected,
            "looking": running and status is not None and status.looking,
            "sealed": spool.last_seq,
            "receipted": spool.through,
            # The running agent keeps a receipt with its next envelope, and knows of it before.
            "waiting": status.waiting if running and status else spool.waiting,
            "broken": spool.broken(),
            "certificate_until": doctor.day(identity.card.not_after_ms),
            "config_version": told.config.version,
            "config_refused": told.refused,
            "uplink_problem": status.uplink_problem if running and status else None,
            "problems": status.problems if running and status else {},
            "errors": status.errors if running and status else {},
        }
    if options.json:
        import json

        print(json.dumps(facts))
        return 0
    for name, value in facts.items():
        print(f"{name.replace('_', ' '):<18} {_said(value)}")
    return 0


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return "; ".join(f"{k}: {v}" for k, v in value.items()) or "none"
    return "none" if value is None else str(value)


def _show(options: argparse.Namespace, place: _Place) -> int:
    del options
    from zaigang_agent import bootstrap, keys, show
    from zaigang_agent.bootstrap import World

    clock = SystemClock()
    platform = bootstrap.system_platform(place.local, clock)
    world = World(clock=clock, platform=platform, vantage=lambda: None)
    for line in show.lines(keys.load(place.state_dir), place.local, world):
        print(line)
    return 0


def _doctor(options: argparse.Namespace, place: _Place) -> int:
    del options
    from zaigang_agent import bootstrap, doctor

    clock = SystemClock()
    platform = bootstrap.system_platform(place.local, clock)
    checks = list(doctor.examine(doctor.Patient(place.state_dir, place.local, clock, platform)))
    for line in doctor.lines(checks):
        print(line)
    return _PROBLEM if any(c.verdict is doctor.Verdict.FAILS for c in checks) else 0


def _pause(options: argparse.Namespace, place: _Place) -> int:
    del options
    from zaigang_agent import keys, statusfile

    keys.load(place.state_dir)
    new = statusfile.pause(place.state_dir)
    print("paused: nothing personal is read" if new else "was paused already")
    print(
        "the collector is told that it was paused, and nothing else; zaigang-agent resume ends it"
    )
    return 0


def _resume(options: argparse.Namespace, place: _Place) -> int:
    del options
    from zaigang_agent import keys, statusfile

    keys.load(place.state_dir)
    print("resumed" if statusfile.resume(place.state_dir) else "was not paused")
    return 0


def _sensors_scan(options: argparse.Namespace, place: _Place) -> int:
    from zaigang_agent import sensorscan
    from zaigang_agent.drivers.scan import scan
    from zaigang_agent.drivers.shared_bus import opener

    node = place.local.node
    bus = node.i2c_bus if options.bus is None else sensorscan.bus_named(options.bus)
    try:
        with contextlib.closing(opener(bus, SystemClock())()) as opened:
            found = list(scan(opened))
    except SampleError as error:
        raise AgentError(error.detail) from error
    for line in sensorscan.lines(bus, found, node.sensors):
        print(line)
    if not any(each.model for each in found):
        return _PROBLEM
    if options.write is None:
        print(f"\nfor agent.toml:\n\n{sensorscan.settings(bus, found)}", end="")
    else:
        sensorscan.write(options.write, bus, found)
        print(f"written into {options.write}; a running agent takes it up when it is started again")
    return 0


def _session_helper(options: argparse.Namespace) -> int:
    from zaigang_agent import session_helper

    return session_helper.main(options.socket, SystemClock())


def _simulate(options: argparse.Namespace) -> int:
    import signal
    import threading

    from zaigang_agent import fleet

    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    return fleet.run(fleet.load(options.file), sys.stdout, stop)
