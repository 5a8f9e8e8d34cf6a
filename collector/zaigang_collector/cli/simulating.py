"""`simulate`: a company whose truth is known, as files to import and to measure by."""

from __future__ import annotations

import argparse
from pathlib import Path

from zaigang_collector.cli.arguments import Commands, count
from zaigang_collector.cli.console import Exit, complain, say


def add(commands: Commands, common: argparse.ArgumentParser) -> None:
    """Add the command of this room. It needs no data directory."""
    del common
    one = commands.add_parser(
        "simulate", help="write a made-up company with known truth: CSV files, envelopes"
    )
    one.add_argument("--seed", type=int, default=1, metavar="N", help="the same seed, same bytes")
    one.add_argument("--people", type=count(5_000), default=28, metavar="P")
    one.add_argument("--days", type=count(366), default=5, metavar="D")
    one.add_argument("--out", type=Path, required=True, metavar="DIR")
    one.add_argument(
        "--cheats",
        type=_share,
        default=0.35,
        metavar="SHARE",
        help="share of the days on which somebody cheats (default: %(default)s)",
    )
    one.add_argument(
        "--envelopes", action="store_true", help="write signed envelopes too; large and slow"
    )
    one.set_defaults(run=_simulate)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share from 0 to 1")
    return share


def _simulate(args: argparse.Namespace) -> int:
    from zaigang_collector.simulation import folder  # heavy; only this command needs it
    from zaigang_collector.simulation.emit import Options

    options = Options(cheat_share=args.cheats)
    written = folder.write(args.out, args.seed, args.people, args.days, options, args.envelopes)
    say(
        f"{args.out}: {written.intervals} intervals, of which {written.cheats} are cheats; "
        f"{written.envelopes} envelopes. The truth is in truth.csv."
    )
    complain("Nobody in it exists. Import it only into a data directory made for trying out.")
    return Exit.OK
