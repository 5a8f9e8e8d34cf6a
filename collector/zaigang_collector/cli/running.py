"""`init`, `serve`, `demo`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

from zaigang_collector import bootstrap
from zaigang_collector.cli.arguments import Commands
from zaigang_collector.cli.console import Exit, complain, say
from zaigang_collector.config import Settings


def add(commands: Commands, common: argparse.ArgumentParser) -> None:
    """Add the commands of this room."""
    one = commands.add_parser("init", parents=[common], help="make a data directory")
    one.add_argument(
        "--public-host",
        default=Settings().public_host,
        metavar="HOST",
        help="name or address by which devices reach this machine (default: %(default)s)",
    )
    one.set_defaults(run=_init)
    one = commands.add_parser(
        "serve", parents=[common], help="everything: broker, devices, REST interface, judging"
    )
    one.set_defaults(run=_serve)
    one = commands.add_parser(
        "upgrade", parents=[common], help="bring the database to this version; make a backup first"
    )
    one.set_defaults(run=_upgrade)
    one = commands.add_parser("demo", help="see it work: a simulated staff and this machine")
    one.add_argument("--data", type=Path, metavar="DIR", help="keep it here (default: temporary)")
    one.add_argument(
        "--exit", action="store_true", help="end by itself: 0, or 1 if a verdict is wrong"
    )
    one.add_argument("--lang", choices=["zh", "en", "both"], default="both")
    one.set_defaults(run=_demo)


def _init(args: argparse.Namespace) -> int:
    bootstrap.init(args.data, Settings(public_host=args.public_host))
    say(f"{args.data} is ready: settings, keys and database.")
    complain(
        "Back it up: without these keys no device can be recognised again. Next: "
        "`sites import`, `people import`, `serve`."
    )
    return Exit.OK


def _serve(args: argparse.Namespace) -> int:
    from zaigang_collector.bootstrap import run  # heavy; see bootstrap

    with bootstrap.opened(args.data) as collector:
        run.serve(
            collector,
            stop_on=(signal.SIGTERM, signal.SIGINT),
            notify=os.environ.get("NOTIFY_SOCKET"),
        )
    return Exit.OK


def _upgrade(args: argparse.Namespace) -> int:
    bootstrap.upgrade(args.data)
    say("The database is at this version.")
    return Exit.OK


def _demo(args: argparse.Namespace) -> int:
    from zaigang_collector import demo  # heavy; see bootstrap

    # `kill` ends it as Ctrl-C does: with its agents ended and its temporary folder removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    right = demo.run(root=args.data, stay=not args.exit, language=args.lang, out=sys.stdout)
    return Exit.OK if right else Exit.FAILED
