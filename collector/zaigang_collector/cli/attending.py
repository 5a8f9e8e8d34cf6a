"""`exemptions import|list|show|withdraw`, `attendance days|intervals`."""

from __future__ import annotations

import argparse
import datetime as dt
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from zaigang_collector import bootstrap
from zaigang_collector.attendance import csv_schedule, exemptions, statuses, words
from zaigang_collector.attendance.days import DayStatus
from zaigang_collector.attendance.planning import at_ms
from zaigang_collector.cli.arguments import Commands, columns_told, day, group, zone_argument
from zaigang_collector.cli.console import Exit, complain, local, read_file, rows, say
from zaigang_collector.cli.looking import looked, why_argument
from zaigang_collector.connectors import status
from zaigang_collector.directory import service as directory
from zaigang_collector.directory.model import Language
from zaigang_collector.errors import UnknownIdError
from zaigang_collector.matching.model import Text

_DAY_MIN: Final = 1440


def add(commands: Commands, common: argparse.ArgumentParser) -> None:
    """Add the commands of this room."""
    exempt = group(commands, "exemptions", "leave, trips, home working, meetings, repairs")
    one = exempt.add_parser("import", parents=[common], help="from CSV, all or nothing")
    one.add_argument("file", type=Path, help=columns_told(csv_schedule.EXEMPTION_COLUMNS))
    one.set_defaults(run=_import)
    one = exempt.add_parser("list", parents=[common], help="of one person, withdrawn ones too")
    _span_arguments(one)
    one.set_defaults(run=_list)
    for name, run, about in (
        ("show", _show, "all versions of one"),
        ("withdraw", _withdraw, "it holds no longer; what it was stays on record"),
    ):
        one = exempt.add_parser(name, parents=[common], help=about)
        one.add_argument("source", help="as `exemptions list` shows it")
        one.add_argument("id")
        zone_argument(one)
        why_argument(one)
        one.set_defaults(run=run)
    attendance = group(commands, "attendance", "what was expected of a person, and what they claim")
    one = attendance.add_parser(
        "days", parents=[common], help="day by day: expected, claimed, exempt, and why"
    )
    _span_arguments(one)
    one.set_defaults(run=_days)
    one = attendance.add_parser(
        "intervals", parents=[common], help="which punches make which interval, and why"
    )
    _span_arguments(one)
    one.set_defaults(run=_intervals)


def _span_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--employee", required=True, metavar="ID")
    parser.add_argument("--from", dest="first", type=day, required=True, metavar="DAY")
    parser.add_argument(
        "--to", dest="last", type=day, required=True, metavar="DAY", help="included"
    )
    parser.add_argument("--lang", choices=[one.value for one in Language], default="zh")
    zone_argument(parser)
    why_argument(parser)


def _import(args: argparse.Namespace) -> int:
    data = read_file(args.file)
    with bootstrap.opened(args.data) as collector, collector.writing() as conn:
        result = csv_schedule.import_exemptions(
            conn, collector.vault, data, collector.clock.utc_ms(), collector.randomness
        )
    say(
        f"{result.added} new, {result.changed} changed, {result.unchanged} known already, of "
        f"{len(result.employees)} people"
    )
    return Exit.OK


def _list(args: argparse.Namespace) -> int:
    zone: ZoneInfo = args.zone
    span = at_ms(args.first, 0, zone), at_ms(args.last, _DAY_MIN, zone)
    with bootstrap.opened(args.data) as collector, collector.reading() as conn:
        if directory.get_employee(conn, args.employee) is None:
            raise UnknownIdError("employee", args.employee)
        found = exemptions.list_of(conn, args.employee, *span)
        looked(collector, args, "a list of exemptions", [args.employee])
    lines = [
        (
            one.source,
            one.source_id,
            _say(args, words.EXEMPTIONS[one.kind]),
            local(one.from_ms, zone),
            local(one.to_ms, zone),
            version,
            "withdrawn" if withdrawn else "",
        )
        for one, version, withdrawn in found
    ]
    rows(("source", "id", "kind", "from", "to", "version", "state"), lines)
    return Exit.OK


def _show(args: argparse.Namespace) -> int:
    zone: ZoneInfo = args.zone
    with bootstrap.opened(args.data) as collector, collector.reading() as conn:
        found = exemptions.versions(conn, collector.vault, args.source, args.id)
        what = f"exemption {args.source} {args.id}"
        looked(collector, args, what, (one.said.employee_id for one in found))
    if not found:
        raise UnknownIdError("exemption", f"{args.source} {args.id}")
    lines = [
        (
            one.version,
            local(one.stored_ms, zone),
            one.said.employee_id,
            one.said.kind.value,
            local(one.said.from_ms, zone),
            local(one.said.to_ms, zone),
            "withdrawn" if one.withdrawn else "",
        )
        for one in found
    ]
    rows(("version", "stored", "employee", "kind", "from", "to", "state"), lines)
    return Exit.OK


def _withdraw(args: argparse.Namespace) -> int:
    with bootstrap.opened(args.data) as collector, collector.writing() as conn:
        outcome = exemptions.withdraw(
            conn,
            collector.vault,
            args.source,
            args.id,
            collector.clock.utc_ms(),
            collector.randomness,
        )
    say(f"{args.source} {args.id}: withdrawn, {outcome.value}")
    return Exit.OK


def _days(args: argparse.Namespace) -> int:
    found, missing = _statuses(args, "attendance by day")
    lines = [
        (
            one.planned.day,
            one.planned.zone,
            one.planned.expected.value,
            _say(args, words.expected(one.planned)),
            one.standing.value,
            _say(args, words.STANDINGS[one.standing]),
            ", ".join(_say(args, words.EXEMPTIONS[x.kind]) for x in one.exemptions),
        )
        for one in found
    ]
    rows(("day", "zone", "expected", "because", "standing", "that is", "exempt"), lines)
    for warning in statuses.warnings(found):
        complain(_say(args, warning))
    for note in missing:
        complain(_say(args, note))
    return Exit.OK


def _intervals(args: argparse.Namespace) -> int:
    zone: ZoneInfo = args.zone
    found, missing = _statuses(args, "attendance intervals")
    for one in found:
        for interval in one.intervals:
            say(
                f"{one.planned.day}  {interval.site_id}  {local(interval.start_ms, zone)} - "
                f"{local(interval.end_ms, zone)}  {_say(args, words.ENDED[interval.ended])}"
            )
            for name, role in zip(interval.punch_ids, interval.roles, strict=True):
                say(f"  {name}: {_say(args, words.ROLES[role])}")
        for left in one.left_over:
            say(f"{one.planned.day}  {left.punch_id}: {_say(args, words.WHY[left.why])}")
    for note in missing:
        complain(_say(args, note))
    return Exit.OK


def _statuses(
    args: argparse.Namespace, what: str
) -> tuple[tuple[DayStatus, ...], tuple[Text, ...]]:
    """Somebody's days, and what is to be said beside them of sources that are silent."""
    first: dt.date = args.first
    with bootstrap.opened(args.data) as collector, collector.reading() as conn:
        found = statuses.statuses_of(
            conn, collector.vault, args.employee, first, args.last, collector.clock.utc_ms()
        )
        missing = status.missing(conn, args.employee, args.last, collector.clock.utc_ms())
        looked(collector, args, what, [args.employee])
    return found, missing


def _say(args: argparse.Namespace, told: words.Words | Text) -> str:
    return told.en if args.lang == Language.ENGLISH else told.zh
