"""`worklist`, `papers try|letter|report`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection

from zaigang_collector import bootstrap
from zaigang_collector.cases import store
from zaigang_collector.cases.store import Loaded
from zaigang_collector.cli.arguments import Commands, day, group
from zaigang_collector.cli.console import Exit, complain, say, write_private
from zaigang_collector.cli.looking import looked, why_argument
from zaigang_collector.directory.model import Language
from zaigang_collector.errors import ConflictError
from zaigang_collector.reports import listing, of_case, samples, settings, worklist
from zaigang_collector.reports.typesetting import TEMPLATE_FOLDER, Press


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
    for name, run, about in (
        ("letter", _letter, "the confirmation letter of a case (考勤异常确认函)"),
        ("report", _report, "the report of a case that was concluded (考勤异常报告)"),
    ):
        one = papers.add_parser(name, parents=[common], help=about)
        one.add_argument("case", help="its id")
        one.add_argument("--out", type=Path, required=True, metavar="FILE")
        one.add_argument(
            "--lang", choices=[each.value for each in Language], help="default: the person's own"
        )
        why_argument(one)
        one.set_defaults(run=run)


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
    write_private(args.out, worklist.written(rows, worklist.Format(ending), Language(args.lang)))
    say(f"{args.out}: {len(rows)} person-days")
    return Exit.OK


def _try(args: argparse.Namespace) -> int:
    press = _press(args)
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


def _letter(args: argparse.Namespace) -> int:
    return _paper(
        args,
        "letter",
        lambda conn, desk, case: _press(args).letter(of_case.letter_of(conn, desk, case)),
    )


def _report(args: argparse.Namespace) -> int:
    return _paper(
        args,
        "report",
        lambda conn, desk, case: _press(args).report(of_case.report_of(conn, desk, case)),
    )


def _paper(
    args: argparse.Namespace, what: str, make: Callable[[Connection, of_case.Desk, Loaded], bytes]
) -> int:
    language = None if args.lang is None else Language(args.lang)
    found = settings.read(args.data)
    with bootstrap.opened(args.data) as collector:
        with collector.writing() as conn:
            desk = of_case.Desk(collector.vault, found, collector.clock.utc_ms(), language)
            case = store.load(conn, collector.vault, args.case)
            pdf = make(conn, desk, case)
        looked(collector, args, f"{what} of case {case.id}", [case.standing.employee_id])
    write_private(args.out, pdf)
    say(f"{args.out}: {len(pdf) // 1024} KiB")
    if not found.company or not found.contact:
        complain(
            f"company and contact are not set: {args.data / settings.FILE}, see docs/reports.md"
        )
    return Exit.OK


def _press(args: argparse.Namespace) -> Press:
    return Press(args.data / TEMPLATE_FOLDER)
