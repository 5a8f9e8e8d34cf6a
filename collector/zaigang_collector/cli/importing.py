"""`import-file FILE`: clock-ins from a spreadsheet: looked at, confirmed once, stored."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from zaigang_collector import bootstrap
from zaigang_collector.cli.arguments import Commands, zone
from zaigang_collector.cli.console import Exit, complain, read_file, say
from zaigang_collector.connectors.sheets import service, told
from zaigang_collector.connectors.sheets.errors import SheetError
from zaigang_collector.connectors.sheets.headings import Field
from zaigang_collector.connectors.sheets.service import Ground, Looked, Options, Report
from zaigang_collector.directory import datum
from zaigang_collector.directory.model import Language
from zaigang_collector.matching.model import Text

_NAME: Final = re.compile(r"[\w.-]{1,40}")


def add(commands: Commands, common: argparse.ArgumentParser) -> None:
    """Add the command of this room."""
    one = commands.add_parser(
        "import-file",
        parents=[common],
        help="clock-ins from CSV or XLSX: DingTalk's 原始记录, our template, or any other table",
    )
    one.add_argument("file", type=Path, help="docs/import.md says what is taken and what never is")
    one.add_argument(
        "--source",
        type=_source,
        default=service.SOURCE,
        metavar="NAME",
        help=f"where it comes from; how it is read is remembered for it (default: {service.SOURCE})",
    )
    one.add_argument("--sheet", metavar="NAME", help="(default: the one with most to take)")
    one.add_argument(
        "--mapping",
        action="append",
        default=[],
        metavar="FIELD=HEADING",
        help="which column is what; nothing behind the = takes none. " + ", ".join(Field),
    )
    _add_told(one)
    one.add_argument("--dry-run", action="store_true", help="tell all of it and store nothing")
    one.add_argument("--yes", action="store_true", help="what was shown is right; remember it")
    one.add_argument("--lang", choices=[one.value for one in Language], default="zh")
    one.set_defaults(run=_import)


def _add_told(one: argparse.ArgumentParser) -> None:
    """What a file does not say itself."""
    one.add_argument(
        "--zone", type=zone, metavar="ZONE", help="of the times (default: that of each site)"
    )
    one.add_argument(
        "--datum", type=_datum, metavar="NAME", help="of the coordinates: WGS-84, GCJ-02 or BD-09"
    )
    one.add_argument("--site", metavar="ID", help="of rows that name none")
    for name, what in (("address", "address"), ("terminal", "attendance machine")):
        one.add_argument(
            f"--{name}",
            type=_pair,
            action="append",
            default=[],
            metavar="TEXT=SITE",
            help=f"at which site an {what} of the file is",
        )
    one.add_argument(
        "--first-last",
        action=argparse.BooleanOptionalAction,
        help="of machine logs: a day's first punch is in, its last one out",
    )


def _import(args: argparse.Namespace) -> int:
    language = Language(args.lang)
    data = read_file(args.file)
    try:
        with bootstrap.opened(args.data) as collector:
            ground = Ground(
                collector.vault,
                collector.keys.net_key,
                collector.clock.utc_ms(),
                collector.randomness,
            )
            with collector.reading() as conn:
                looked = service.look(conn, data, _options(args))
            _say(told.looked(looked), language)
            if not (looked.agreed or args.yes or args.dry_run):
                complain(_in(told.NOT_CONFIRMED, language))
                return Exit.FAILED
            report = service.take(collector.engine, looked, ground, dry_run=args.dry_run)
    except SheetError as error:
        complain(f"{args.file}: {_in(error.said, language)}")
        return Exit.BAD_INPUT
    return _told(looked, report, args.dry_run, language)


def _told(looked: Looked, report: Report, dry_run: bool, language: Language) -> int:
    _say(told.done(report, dry_run=dry_run), language)
    for line in told.problems(looked, report):
        complain(_in(line, language))
    return Exit.OK if report.is_whole else Exit.FAILED


def _options(args: argparse.Namespace) -> Options:
    return Options(
        source=args.source,
        sheet=args.sheet,
        columns=tuple(args.mapping),
        zone=None if args.zone is None else args.zone.key,
        datum=args.datum,
        site=args.site,
        first_last=args.first_last,
        addresses=tuple(args.address),
        terminals=tuple(args.terminal),
    )


def _source(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no name of a source; expected up to 40 letters, digits, dots and dashes"
        )
    return text


def _datum(text: str) -> datum.Datum:
    try:
        return datum.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no datum; expected {error}") from None


def _pair(text: str) -> tuple[str, str]:
    name, mark, site_id = text.rpartition("=")
    if not mark or not name.strip() or not site_id.strip():
        raise argparse.ArgumentTypeError(f"{text!r} is not TEXT=SITE")
    return name.strip(), site_id.strip()


def _say(lines: Sequence[Text], language: Language) -> None:
    for line in lines:
        say(_in(line, language))


def _in(text: Text, language: Language) -> str:
    return text.zh if language is Language.CHINESE else text.en
