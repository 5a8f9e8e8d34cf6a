"""`worklist`, `papers try`."""

from __future__ import annotations

import argparse
from pathlib import Path

from zaigang_collector import bootstrap
from zaigang_collector.cli.arguments import Commands, day, group
from zaigang_collector.cli.console import Exit, say
from zaigang_collector.cli.looking import looked, why_argument
from zaigang_collector.directory.model import Language
from zaigang_collector.errors import ConflictError
from zaigang_collector.reports import listing, samples, worklist
from zaigang_collector.reports.typesetting import Press

_TEMPLATES = "templates"


def add(commands: Commands, common: argparse.ArgumentParser) -> None:
    """Add the commands of this room."""
    one = commands.add_parser(
        "worklist",
        parents=[common],
        help="person-days with their verdicts, those with a question first, as a spreadsheet",
    )
    one.add_argument("--from", dest="first", type=day, required=True, metavar="DAY")
    one.add_argument("--to", dest="last", type=day, required=True, metavar="DAY", help="included")
    one.add_argument("--department", metavar="NAME", help="of one department only")
    one.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="ends with .xlsx, .csv or .json"
    )
    _language(one)
    why_argument(one)
    one.set_defaults(run=_worklist)
    papers = group(commands, "papers", "letters and reports as PDF/A")
    one = papers.add_parser(
        "try", parents=[common], help="a letter and a report about somebody who does not exist"
    )
    one.add_argument("--out", type=Path, required=True, metavar="DIR", help="where to put them")
    _language(one)
    one.set_defaults(run=_try)


def _language(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--lang", choices=[one.value for one in Language], default="zh")


def _worklist(args: argparse.Namespace) -> int:
    endings = [one.value for one in worklist.Format]
    ending = args.out.suffix.removeprefix(".").lower()
    if ending not in endings:
        raise ConflictError(
            f"{args.out} was not written: expected a name that ends with .xlsx, .csv or .json"
        )
    with bootstrap.opened(args.data) as collector, collector.reading() as conn:
        now_ms = collector.clock.utc_ms()
        found = listing.rows_of(
            conn, collector.vault, args.first, args.last, now_ms, args.department
        )
        rows = list(found)
        looked(collector, args, "the worklist", {row.employee_id for row in rows})
    args.out.write_bytes(worklist.written(rows, worklist.Format(ending), Language(args.lang)))
    say(f"{args.out}: {len(rows)} person-days")
    return Exit.OK


def _try(args: argparse.Namespace) -> int:
    press = Press(args.data / _TEMPLATES)
    language = Language(args.lang)
    args.out.mkdir(parents=True, exist_ok=True)
    for name, pdf in (
        ("letter.pdf", press.letter(samples.letter(language))),
        ("report.pdf", press.report(samples.report(language))),
    ):
        (args.out / name).write_bytes(pdf)
        say(f"{args.out / name}: {len(pdf) // 1024} KiB")
    own = press.replaced()
    say(
        f"templates of your own: {', '.join(own)}"
        if own
        else f"the shipped templates; files of the same name in {press.own_templates} replace them"
    )
    return Exit.OK
