"""`air`: the environment signal on air that somebody really measured."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from zaigang_collector.airtrial import reading, trial
from zaigang_collector.airtrial.trial import Counts, Said, Setup
from zaigang_collector.cli.arguments import Commands, count
from zaigang_collector.cli.console import Exit, complain, read_file, rows, say
from zaigang_collector.errors import CsvError
from zaigang_collector.matching.policy import default_policy

_HEADER: Final = (
    "signal", "carried sensor", "hours", "supporting", "contradicting", "silent", "median llr (nat)",
)  # fmt: skip


def add(commands: Commands, common: argparse.ArgumentParser) -> None:
    """Add the command of this room. It needs no data directory."""
    del common
    one = commands.add_parser(
        "air", help="try the environment signal on real air: a file of the UCI occupancy set"
    )
    one.add_argument("file", type=Path, metavar="FILE", help="the site's air")
    one.add_argument(
        "--other", type=Path, metavar="FILE", help="another room's air, for the carried sensor"
    )
    one.add_argument(
        "--shift-h",
        type=count(24 * 365),
        default=24,
        metavar="H",
        help="the same file so many hours later is the other air (default: %(default)s)",
    )
    one.add_argument(
        "--coverage",
        type=count(100),
        default=90,
        metavar="PCT",
        help="how much of the time a present person is in the node's room (default: %(default)s)",
    )
    one.add_argument("--seed", type=int, default=1, metavar="N", help="draws the sensors' errors")
    one.set_defaults(run=_air)


def _air(args: argparse.Namespace) -> int:
    site = reading.read(read_file(args.file))
    try:
        other = None if args.other is None else reading.read(read_file(args.other))
    except CsvError as error:  # not the first file's
        complain(f"{args.other}: {error}")
        return Exit.BAD_INPUT
    setup = Setup(default_policy(), args.seed, args.coverage / 100)
    shift_ms = args.shift_h * trial.HOUR_MS
    found = [
        ("same room", trial.same_room(site, setup)),
        (f"the same file {args.shift_h} h later", trial.elsewhere(site, site, shift_ms, setup)),
    ]
    if other:
        # Aligned at their beginnings to the same hour of the day: files need not be of one week.
        days = round((other[0].at_ms - site[0].at_ms) / (24 * trial.HOUR_MS))
        beside = trial.elsewhere(site, other, days * 24 * trial.HOUR_MS, setup)
        found.append(("the other file", beside))
    rows(_HEADER, [line for name, said in found for line in _lines(name, said)])
    say(f"{len(site)} lines; sensors drawn by seed {args.seed}; policy {setup.policy.hash()}")
    if any(said is None for _, said in found):
        complain(
            f"0 hours: no stretch of {trial.STRETCH_H} h is nearly whole; choose another shift"
        )
    return Exit.OK


def _lines(name: str, said: Said | None) -> list[tuple[str | int, ...]]:
    if said is None:
        return [("environment", name, 0, 0, 0, 0, ""), ("movement", name, 0, 0, 0, 0, "")]
    return [_line("environment", name, said.environment), _line("movement", name, said.movement)]


def _line(signal: str, name: str, counts: Counts) -> tuple[str | int, ...]:
    return (
        signal, name, counts.hours, counts.supporting, counts.contradicting, counts.silent,
        f"{counts.median_llr:.2f}",
    )  # fmt: skip
